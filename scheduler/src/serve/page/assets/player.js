// Plays lines one after the other with the episode's own gaps, halves of a dual dialogue together.

/** Longest silence between two lines, in ms: lines that are missing leave no hole. */
const LONGEST_GAP_MS = 2000;

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

/** What can be played on the page now, in script order. */
function lines() {
  return [...document.querySelectorAll('[data-src]')].map((link) => ({
    id: link.dataset.src,
    href: link.href,
    scene: link.dataset.scene,
    start: Number(link.dataset.start),
    end: Number(link.dataset.end),
  }));
}

/** Lines that start together are one step. */
function stepsOf(some) {
  const steps = [];
  for (const line of some) {
    const last = steps.at(-1);
    if (last && last[0].start === line.start) last.push(line);
    else steps.push([line]);
  }
  return steps;
}

export class Player {
  /** `look` shows a line, `tell` says what went wrong. */
  constructor(look, tell) {
    this.look = look;
    this.tell = tell;
    this.place = document.getElementById('players');
    this.turn = 0;
    this.what = null;
    this.step = [];
    this.isPaused = false;
    this.draw = this.draw.bind(this);
  }

  get isPlaying() {
    return this.what !== null && !this.isPaused;
  }

  toggleLine(id, from = 0) {
    this.toggle(`line ${id}`, () => lines().filter((line) => line.id === id), from);
  }

  toggleScene(number) {
    this.toggle(`scene ${number}`, () => lines().filter((line) => line.scene === number));
  }

  toggleAll() {
    this.toggle('all', lines);
  }

  toggle(what, choose, from = 0) {
    const isOfStep = this.step.some((line) => what === `line ${line.id}`);
    if (this.what !== null && (this.what === what || isOfStep)) {
      if (this.isPaused) this.resume();
      else this.pause();
      return;
    }
    this.stop();
    const steps = stepsOf(choose());
    if (steps.length > 0) this.run(what, steps, from);
  }

  pause() {
    this.isPaused = true;
    for (const audio of this.place.children) audio.pause();
    this.paint();
  }

  resume() {
    this.isPaused = false;
    for (const audio of this.place.children) if (!audio.ended) this.begin(audio);
    this.goOn?.();
    this.paint();
    this.draw();
  }

  stop() {
    this.turn += 1;
    this.what = null;
    this.step = [];
    this.isPaused = false;
    for (const audio of this.place.children) audio.pause();
    this.place.replaceChildren();
    this.goOn?.();
    this.paint();
  }

  /** Goes to a part of the line that is looked at, 0 to 1. */
  seek(id, part) {
    const at = this.step.findIndex((line) => line.id === id);
    const audio = this.place.children[at];
    if (audio && Number.isFinite(audio.duration)) audio.currentTime = part * audio.duration;
    else this.toggleLine(id, part);
    this.drawOnce();
  }

  async run(what, steps, from) {
    const turn = ++this.turn;
    this.what = what;
    let ended = null;
    for (const step of steps) {
      if (ended !== null) {
        await sleep(Math.min(Math.max(step[0].start - ended, 0), LONGEST_GAP_MS));
        while (this.isPaused && turn === this.turn) await new Promise((on) => (this.goOn = on));
      }
      if (turn !== this.turn) return;
      this.step = step;
      this.look(step[0].id);
      await this.together(step, from);
      if (turn !== this.turn) return;
      ended = Math.max(...step.map((line) => line.end));
    }
    this.stop();
  }

  /** Plays the lines of a step at the same time, and comes back when all are through. */
  async together(step, from) {
    const audios = step.map((line) => {
      const audio = document.createElement('audio');
      audio.preload = 'auto';
      audio.src = line.href;
      audio.dataset.of = line.id;
      if (from > 0) {
        audio.addEventListener('loadedmetadata', () => {
          audio.currentTime = from * audio.duration;
        });
      }
      return audio;
    });
    this.place.replaceChildren(...audios);
    this.paint();
    const through = audios.map(
      (audio) =>
        new Promise((done) => {
          audio.addEventListener('ended', done);
          audio.addEventListener('error', () => {
            this.tell(`The audio of ${audio.dataset.of} cannot be played.`);
            done();
          });
          // Taken away by a stop.
          audio.addEventListener('emptied', done);
        }),
    );
    for (const audio of audios) this.begin(audio);
    this.draw();
    await Promise.all(through);
  }

  begin(audio) {
    audio.play().catch((why) => {
      if (why.name !== 'NotAllowedError') return;
      this.pause();
      this.tell('The browser wants a click first: press play again.');
    });
  }

  /** Shows on every button whether what it plays is being played. */
  paint() {
    const ids = new Set(this.step.map((line) => line.id));
    const show = (selector, is) => {
      for (const button of document.querySelectorAll(selector)) {
        const isOn = this.isPlaying && is(button);
        button.classList.toggle('playing', isOn);
        if (button.nodeName === 'BUTTON') button.setAttribute('aria-pressed', String(isOn));
      }
    };
    show('[data-src]', (button) => ids.has(button.dataset.src));
    show('[data-play-line]', (button) => ids.has(button.dataset.playLine));
    show('[data-play-scene]', (button) => this.what === `scene ${button.dataset.playScene}`);
    show('[data-play-all]', () => this.what === 'all');
    this.drawOnce();
  }

  draw() {
    this.drawOnce();
    if (this.isPlaying) requestAnimationFrame(this.draw);
  }

  /** How far the line that is looked at was played, on its waveform. */
  drawOnce() {
    const id = document.getElementById('dock')?.dataset.docked;
    const at = this.step.findIndex((line) => line.id === id);
    const audio = at < 0 ? null : this.place.children[at];
    const part = audio && audio.duration > 0 ? audio.currentTime / audio.duration : 0;
    document.getElementById('played')?.setAttribute('width', String(160 * part));
    const seek = document.getElementById('seek');
    if (seek && document.activeElement !== seek) seek.value = String(Math.round(1000 * part));
  }
}
