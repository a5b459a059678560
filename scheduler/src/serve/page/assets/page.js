// Keeps a page up to date: the server writes it, and is asked for it again when it has news.

import { morph } from './morph.js';
import { Player } from './player.js';

const root = document.documentElement;
const main = document.getElementById('main');
const dockPlace = document.getElementById('dock-place');
const parser = new DOMParser();

/** Shortest time from one refresh to the next, in ms. */
const REFRESH_MS = 1000;
/** Longest wait before the stream of events is tried again, in ms. */
const LONGEST_WAIT_MS = 30000;

// --- what went wrong -----------------------------------------------------------------------------

let toldTimer = 0;

function tell(text) {
  const told = document.getElementById('told');
  if (!told) return;
  told.textContent = text;
  told.hidden = false;
  clearTimeout(toldTimer);
  toldTimer = setTimeout(() => (told.hidden = true), 8000);
}

// --- asking for pages ----------------------------------------------------------------------------

async function ask(url, options = {}) {
  const answer = await fetch(url, { cache: 'no-store', ...options, headers: { Accept: 'text/html' } });
  if (answer.status === 401) {
    // Signed out meanwhile: the whole page asks for a token.
    location.reload();
    return null;
  }
  const page = parser.parseFromString(await answer.text(), 'text/html');
  if (!answer.ok) throw new Error(page.querySelector('#main p')?.textContent ?? 'The server failed.');
  return page;
}

function put(page) {
  if (page.documentElement.dataset.edition !== root.dataset.edition) {
    // The server is another version than this script.
    location.reload();
    return;
  }
  if (document.title !== page.title) document.title = page.title;
  for (const id of ['main', 'said', 'dock-place']) {
    const [from, to] = [document.getElementById(id), page.getElementById(id)];
    if (from && to) morph(from, to);
  }
  settle();
}

/** What the script adds to what the server wrote. */
function settle() {
  for (const place of document.querySelectorAll('[data-origin]')) place.textContent = location.origin;
  player?.paint();
}

// --- news ----------------------------------------------------------------------------------------

let source = null;
let refreshing = false;
let hasNews = false;
let lastAt = -Infinity;
let took = 0;

async function refresh() {
  const began = performance.now();
  hasNews = false;
  const url = location.href;
  try {
    const page = await ask(url);
    // Another line is looked at by now: the next one will be of that.
    if (page && url === location.href) put(page);
    else hasNews = true;
    if (source?.readyState === EventSource.OPEN) show('on', 'live');
  } catch {
    // What is seen is of before; it is tried again with the next news.
    show('off', 'not up to date');
  }
  lastAt = performance.now();
  took = lastAt - began;
}

async function news() {
  hasNews = true;
  if (refreshing || document.hidden) return;
  refreshing = true;
  while (hasNews && !document.hidden) {
    // A page that takes long to make is asked for less often.
    const wait = lastAt + Math.max(REFRESH_MS, took * 4) - performance.now();
    if (wait > 0) await new Promise((done) => setTimeout(done, wait));
    await refresh();
  }
  refreshing = false;
}

let retryTimer = 0;
let retryWait = 1000;

function show(state, words) {
  const live = document.getElementById('live');
  live.dataset.state = state;
  live.querySelector('.word').textContent = words;
}

function listen() {
  clearTimeout(retryTimer);
  source?.close();
  source = new EventSource(main.dataset.events);
  source.onopen = () => {
    retryWait = 1000;
    show('on', 'live');
    news();
  };
  source.onerror = () => {
    show('off', 'reconnecting');
    if (source.readyState !== EventSource.CLOSED) return;
    // Refused, not broken off: the browser does not try again by itself.
    retryTimer = setTimeout(listen, retryWait);
    retryWait = Math.min(retryWait * 2, LONGEST_WAIT_MS);
    news();
  };
  for (const kind of ['line', 'submission']) source.addEventListener(kind, news);
}

function beLive() {
  listen();
  // Workers and time passing make no events: the server says how often to look for those.
  setInterval(() => {
    if (performance.now() - lastAt > main.dataset.every * 1000) news();
  }, 1000);
  // A page that nobody sees takes up no connection: browsers have six for a server.
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden) {
      listen();
      return;
    }
    clearTimeout(retryTimer);
    source?.close();
    show('', 'asleep');
  });
}

// --- the line that is looked at ------------------------------------------------------------------

let lookedAt = new URLSearchParams(location.search).get('line');

function mark(id) {
  for (const on of document.querySelectorAll('.on')) {
    on.classList.remove('on');
    for (const link of [on, ...on.querySelectorAll('[aria-current]')]) link.removeAttribute('aria-current');
  }
  for (const stop of document.querySelectorAll('a.cell[tabindex="0"]')) stop.setAttribute('tabindex', '-1');
  const cell = (id && document.getElementById(`c-${id}`)) || document.querySelector('a.cell');
  cell?.setAttribute('tabindex', '0');
  if (!id) return;
  cell?.classList.add('on');
  cell?.setAttribute('aria-current', 'true');
  const line = document.getElementById(`l-${id}`);
  line?.classList.add('on');
  line?.querySelector('a.text')?.setAttribute('aria-current', 'true');
}

/** Shows a line in the dock; none when there is no id. */
async function look(id) {
  if (id === lookedAt && (!id || document.getElementById('dock'))) return;
  lookedAt = id;
  history.replaceState(null, '', id ? `?line=${encodeURIComponent(id)}` : location.pathname);
  mark(id);
  if (!id) {
    dockPlace.replaceChildren();
    return;
  }
  try {
    const page = await ask(`${location.pathname}/lines/${encodeURIComponent(id)}`);
    if (!page || lookedAt !== id) return;
    const place = document.createElement('div');
    place.id = 'dock-place';
    place.append(...page.body.childNodes);
    // Of another line nothing is kept.
    if (document.getElementById('dock')?.dataset.docked === id) morph(dockPlace, place);
    else dockPlace.replaceChildren(...place.childNodes);
    settle();
  } catch (why) {
    tell(why.message);
  }
}

/** Brings a line that is being played into view, where it is listed and where it is drawn. */
function follow(id) {
  look(id);
  const calm = matchMedia('(prefers-reduced-motion: reduce)').matches;
  const along = document.getElementById('along');
  const cell = document.getElementById(`c-${id}`);
  if (!along || !cell) return;
  const [box, seen] = [cell.getBoundingClientRect(), along.getBoundingClientRect()];
  if (box.left < seen.left || box.right > seen.right) {
    const left = along.scrollLeft + box.left - seen.left - seen.width / 3;
    along.scrollTo({ left, behavior: calm ? 'auto' : 'smooth' });
  }
}

const player = document.getElementById('players') ? new Player(follow, tell) : null;

// --- clicks, forms, keys -------------------------------------------------------------------------

function onClick(event) {
  if (event.defaultPrevented || event.button !== 0) return;
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const found = (selector) => event.target.closest(selector);
  let what;
  if ((what = found('[data-src]'))) player.toggleLine(what.dataset.src);
  else if ((what = found('[data-play-line]'))) player.toggleLine(what.dataset.playLine);
  else if ((what = found('[data-play-scene]'))) player.toggleScene(what.dataset.playScene);
  else if (found('[data-play-all]')) player.toggleAll();
  else if ((what = found('a[href^="?line="]'))) look(lineOf(what));
  else if (found('[data-close]')) close();
  else if ((what = found('a.scene'))) openScene(what);
  else return;
  event.preventDefault();
}

/** The line that a link leads to; links inside a picture have their address in another form. */
function lineOf(link) {
  return new URLSearchParams(link.getAttribute('href')).get('line');
}

function close() {
  const id = lookedAt;
  player.stop();
  look(null);
  document.getElementById(`c-${id}`)?.focus({ preventScroll: true });
}

function openScene(link) {
  const scene = document.getElementById(link.getAttribute('href').slice(1));
  if (!scene) return;
  scene.open = true;
  const calm = matchMedia('(prefers-reduced-motion: reduce)').matches;
  scene.scrollIntoView({ behavior: calm ? 'auto' : 'smooth', block: 'start' });
}

async function onSubmit(event) {
  const form = event.target.closest('form[data-swap]');
  if (!form) return;
  event.preventDefault();
  const button = form.querySelector('button');
  if (button.disabled) return;
  button.disabled = true;
  try {
    await ask(form.action, { method: 'POST', body: new URLSearchParams(new FormData(form)) });
    lastAt = -Infinity;
    news();
  } catch (why) {
    tell(why.message);
  }
  button.disabled = false;
}

function onKey(event) {
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  if (event.key === 'Escape' && document.getElementById('dock')) close();
  if (event.key === ' ' && event.target === document.body && document.getElementById('dock')) {
    event.preventDefault();
    player.toggleLine(lookedAt);
  }
  const cell = event.target.closest?.('a.cell');
  if (!cell) return;
  const cells = [...document.querySelectorAll('a.cell')];
  const at = cells.indexOf(cell);
  const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: cells.length - 1 }[event.key];
  if (to === undefined || !cells[to]) return;
  event.preventDefault();
  cell.setAttribute('tabindex', '-1');
  cells[to].setAttribute('tabindex', '0');
  cells[to].focus();
}

// --- colours -------------------------------------------------------------------------------------

const THEMES = { auto: 'Auto', light: 'Light', dark: 'Dark' };

function themes() {
  const button = document.getElementById('theme');
  const paint = () => {
    const theme = root.dataset.theme ?? 'auto';
    button.textContent = THEMES[theme];
    button.title = `Colours: ${THEMES[theme].toLowerCase()}; press for the next`;
  };
  button.addEventListener('click', () => {
    const order = Object.keys(THEMES);
    const next = order[(order.indexOf(root.dataset.theme ?? 'auto') + 1) % order.length];
    if (next === 'auto') delete root.dataset.theme;
    else root.dataset.theme = next;
    try {
      localStorage.setItem('theme', next);
    } catch {
      // It holds for this page only, then.
    }
    paint();
  });
  button.hidden = false;
  paint();
}

/** Browsers keep the cookie back when somebody comes by a link of another site: this page's own
 *  request has it. */
async function trySignedIn() {
  const answer = await fetch(location.href, { cache: 'no-store', headers: { Accept: 'text/html' } });
  const isNew = sessionStorage.getItem('signed in by link') !== location.href;
  if (answer.ok && !answer.redirected && isNew) {
    sessionStorage.setItem('signed in by link', location.href);
    location.replace(location.href);
  }
}

themes();
if (main?.dataset.events) {
  document.addEventListener('click', onClick);
  document.addEventListener('submit', onSubmit);
  document.addEventListener('keydown', onKey);
  document.addEventListener('input', (event) => {
    if (event.target.id === 'seek') player.seek(lookedAt, event.target.value / 1000);
  });
  settle();
  beLive();
} else if (document.querySelector('#sign-in[data-by-link]')) {
  trySignedIn().catch(() => {});
}
