//! A small model that draws its frames from the line's own generator stands in for a real one.

use std::cell::RefCell;
use std::collections::BTreeMap;

use proptest::prelude::*;
use schemas::{Pause, Voice, VoiceSource};

use super::*;
use crate::Samples;

/// What the fake says a voice takes.
const PROMPT_BYTES: usize = 100;

/// A frame per character, each drawn from the seed, the voice and the text so far.
///
/// `#` fails the line at that place, `~` never ends, `…` is one turn without a frame, and `%` breaks
/// the device.
#[derive(Default)]
struct Fake {
    prepared: RefCell<Vec<String>>,
    /// The sizes of the batches stepped, to see that lines share them.
    widths: RefCell<Vec<usize>>,
}

struct FakeLine {
    text: Vec<char>,
    at: usize,
    state: u64,
}

impl SpeechModel for Fake {
    type Prompt = u64;
    type Seats = Vec<Option<FakeLine>>;
    type Frame = u64;

    fn engine(&self) -> &'static str {
        "fake/1"
    }

    fn models(&self) -> Vec<String> {
        vec!["fake".into()]
    }

    fn seats(&self, slots: usize) -> Result<Self::Seats, DeviceError> {
        Ok((0..slots).map(|_| None).collect())
    }

    fn prepare_voice(&self, voice: &Voice, language: &str) -> Result<u64, EngineError> {
        self.prepared.borrow_mut().push(format!("{} {language}", voice.name));
        let VoiceSource::Design { describe } = &voice.source else {
            return Err(LineError::Voice("only designed voices".into()).into());
        };
        Ok(describe.bytes().chain(language.bytes()).fold(7, |hash, b| hash * 31 + u64::from(b)))
    }

    fn prompt_bytes(&self, _: &u64) -> usize {
        PROMPT_BYTES
    }

    fn keep(&self, key: &str, prompt: &u64) -> Option<Vec<u8>> {
        Some(format!("{key} {prompt}").into_bytes())
    }

    fn recall(&self, key: &str, _: (&Voice, &str), bytes: &[u8]) -> Result<u64, EngineError> {
        let text = String::from_utf8_lossy(bytes);
        let number = text.strip_prefix(key).and_then(|rest| rest.trim().parse().ok());
        number.ok_or_else(|| LineError::Voice("damaged".into()).into())
    }

    fn divides_at_pauses(&self) -> bool {
        true
    }

    fn plan(&self, request: &Request, _: &u64) -> Result<LinePlan, LineError> {
        if request.text.is_empty() {
            return Err(LineError::Text("nothing to say".into()));
        }
        let length = u32::try_from(request.text.chars().count()).unwrap();
        Ok(LinePlan { max_turns: 2 * length + 2 })
    }

    fn admit(
        &self,
        seats: &mut Self::Seats,
        lines: &[Seating<'_, u64>],
    ) -> Result<Vec<Result<(), LineError>>, DeviceError> {
        let seat = |line: &Seating<'_, u64>| {
            assert!(seats[line.slot].is_none(), "seat {} is taken", line.slot);
            if line.request.text.starts_with('#') {
                return Err(LineError::Failed("refused at the door".into()));
            }
            let text = line.request.text.chars().collect();
            let state = line.request.seed ^ line.prompt;
            seats[line.slot] = Some(FakeLine { text, at: 0, state });
            Ok(())
        };
        Ok(lines.iter().map(seat).collect())
    }

    fn step(
        &self,
        seats: &mut Self::Seats,
        slots: &[usize],
    ) -> Result<Vec<Step<u64>>, DeviceError> {
        self.widths.borrow_mut().push(slots.len());
        slots.iter().map(|&slot| seats[slot].as_mut().expect("seated").step()).collect()
    }

    fn release(&self, seats: &mut Self::Seats, slot: usize) {
        assert!(seats[slot].take().is_some(), "seat {slot} is free");
    }
}

impl FakeLine {
    fn step(&mut self) -> Result<Step<u64>, DeviceError> {
        let Some(&c) = self.text.get(self.at) else { return Ok(Step::End) };
        self.at += usize::from(c != '~');
        match c {
            '%' => return Err(DeviceError("out of memory".into())),
            '#' => return Ok(Step::Failed(LineError::Failed("stumbled".into()))),
            '…' => return Ok(Step::Pending),
            _ => {}
        }
        self.state = (self.state ^ u64::from(u32::from(c))).wrapping_mul(0x5851_f42d_4c95_7f2d);
        Ok(Step::Frame(self.state))
    }
}

/// One sample a frame; the voice is in it as well.
struct FakeVocoder {
    batch: usize,
    patience: u32,
    batches: RefCell<Vec<usize>>,
}

impl Vocoder for FakeVocoder {
    type Frame = u64;
    type Prompt = u64;

    fn rate_hz(&self) -> u32 {
        100
    }

    fn batch(&self) -> usize {
        self.batch
    }

    fn patience(&self) -> u32 {
        self.patience
    }

    fn decode(
        &self,
        lines: &[Utterance<'_, u64, u64>],
    ) -> Result<Vec<Result<Samples, LineError>>, DeviceError> {
        self.batches.borrow_mut().push(lines.len());
        let to_sample = |frame: u64| f32::from(u16::try_from(frame >> 48).unwrap()) / 65_536.0;
        let decode = |line: &Utterance<'_, u64, u64>| {
            let samples = line.frames.iter().map(|&f| to_sample(f ^ line.prompt)).collect();
            Ok(Samples { samples, rate_hz: 100 })
        };
        Ok(lines.iter().map(decode).collect())
    }
}

fn batch(slots: usize) -> ContinuousBatch<Fake, FakeVocoder> {
    let vocoder = FakeVocoder { batch: 3, patience: 2, batches: RefCell::default() };
    ContinuousBatch::new(Fake::default(), vocoder, slots, 2 * PROMPT_BYTES).unwrap()
}

fn voice(name: &str) -> Voice {
    let source = VoiceSource::Design { describe: name.to_owned() };
    Voice { name: name.to_owned(), model: "fake".to_owned(), source }
}

fn request(tag: u64, text: &str) -> Request {
    let voice = voice(["mira", "otto", "nell"][text.len() % 3]);
    let text = text.to_owned();
    Request { tag, text, pauses: Vec::new(), language: "en".to_owned(), voice, seed: 11 }
}

type Spoken = BTreeMap<u64, Result<Vec<f32>, LineError>>;

fn run(batch: &mut ContinuousBatch<Fake, FakeVocoder>, spoken: &mut Spoken) {
    while !batch.is_idle() {
        for finished in batch.turn().unwrap() {
            let result = finished.result.map(|samples| samples.samples);
            assert!(spoken.insert(finished.tag, result).is_none(), "{} came twice", finished.tag);
        }
    }
}

/// Speaks `texts` in `slots` seats, tagged by their place, admitted in `order`, a few turns apart.
fn speak_in_order(slots: usize, texts: &[&str], order: &[usize], apart: usize) -> Spoken {
    let mut batch = batch(slots);
    let mut spoken = Spoken::new();
    for &place in order {
        batch.admit(request(place as u64, texts[place]));
        for _ in 0..apart {
            for finished in batch.turn().unwrap() {
                spoken.insert(finished.tag, finished.result.map(|samples| samples.samples));
            }
        }
    }
    run(&mut batch, &mut spoken);
    spoken
}

fn speak(slots: usize, texts: &[&str]) -> Spoken {
    let order: Vec<_> = (0..texts.len()).collect();
    speak_in_order(slots, texts, &order, 0)
}

fn lengths(spoken: &Spoken) -> Vec<Option<usize>> {
    spoken.values().map(|result| result.as_ref().ok().map(Vec::len)).collect()
}

const TEXTS: [&str; 6] =
    ["Who's there?", "Nay, answer me.", "#no", "Long live…… the king!", "He.", "Sick at heart"];

/// The property the whole farm rests on: batching changes when, never what.
#[test]
fn a_line_sounds_the_same_in_any_batch() {
    let alone = speak(1, &TEXTS);
    assert_eq!(lengths(&alone), [Some(12), Some(15), None, Some(19), Some(3), Some(13)]);
    let firsts: Vec<_> = alone.values().flatten().map(|samples| samples[0]).collect();
    assert_eq!(firsts, [0.922_134_4, 0.857_147_2, 0.026_718_14, 0.787_139_9, 0.851_699_8]);
    for slots in 2..=7 {
        assert_eq!(speak(slots, &TEXTS), alone, "{slots} slots");
    }
}

proptest! {
    #[test]
    fn neither_seats_nor_arrival_change_a_line(
        slots in 1_usize..9,
        apart in 0_usize..5,
        texts in prop::collection::vec("[a-z #~…]{0,12}", 1..12),
        seed in any::<u64>(),
    ) {
        let texts: Vec<_> = texts.iter().map(String::as_str).collect();
        let mut order: Vec<_> = (0..texts.len()).collect();
        order.sort_by_key(|&place| seed.rotate_left(u32::try_from(place).unwrap() * 5) & 0xff);
        let together = speak_in_order(slots, &texts, &order, apart);
        prop_assert_eq!(together.len(), texts.len());
        prop_assert_eq!(together, speak(1, &texts));
    }
}

#[test]
fn one_failing_line_costs_itself_only() {
    let spoken = speak(3, &["", "fine so #", "Ay.", "#", "~", "Nay."]);
    assert_eq!(lengths(&spoken), [None, None, Some(3), None, None, Some(4)]);
    assert_eq!(spoken[&0], Err(LineError::Text("nothing to say".into())));
    assert_eq!(spoken[&1], Err(LineError::Failed("stumbled".into())));
    assert_eq!(spoken[&3], Err(LineError::Failed("refused at the door".into())));
}

#[test]
fn a_runaway_line_is_ended_at_its_cap_with_a_reason() {
    let spoken = speak(2, &["on and on ~", "Ay."]);
    let Err(LineError::Text(reason)) = &spoken[&0] else { panic!("{spoken:?}") };
    assert_eq!(reason, "`on and on ~` was still being spoken after 24 turns; reword or divide it");
    assert_eq!(speak(1, &["~"]).len(), 1);
    assert_eq!(
        speak(1, &["………………"])[&0],
        Err(LineError::Text("`………………` came out silent; reword it".into()))
    );
}

#[test]
fn a_seat_is_filled_again_the_moment_it_is_free() {
    let mut batch = batch(2);
    for (tag, text) in ["aaaaaaaaaa", "bb", "cc", "dd"].iter().enumerate() {
        batch.admit(request(tag as u64, text));
    }
    run(&mut batch, &mut Spoken::new());
    assert_eq!(*batch.model.widths.borrow(), [2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1]);
}

#[test]
fn a_refused_line_leaves_its_seat_to_the_next_in_the_same_turn() {
    let mut batch = batch(1);
    batch.admit(request(0, "#"));
    batch.admit(request(1, ""));
    batch.admit(request(2, "Ay."));
    let finished: Vec<_> = batch.turn().unwrap().iter().map(|line| line.tag).collect();
    assert_eq!(finished, [0, 1]);
    assert_eq!(*batch.model.widths.borrow(), [1]);
}

#[test]
fn a_cancelled_line_frees_its_seat_and_is_never_reported() {
    let mut batch = batch(2);
    for (tag, text) in ["first", "second", "third", "fo"].iter().enumerate() {
        batch.admit(request(tag as u64, text));
    }
    assert!(batch.turn().unwrap().is_empty());
    assert_eq!(batch.free_slots(), 0);
    batch.cancel(0);
    batch.cancel(2);
    batch.cancel(99);
    let mut spoken = Spoken::new();
    run(&mut batch, &mut spoken);
    assert_eq!(spoken.keys().copied().collect::<Vec<_>>(), [1, 3]);
    assert_eq!(spoken[&1], speak(1, &["", "second"])[&1]);
    assert_eq!(batch.free_slots(), 2);
}

#[test]
fn a_line_cancelled_while_it_waits_to_be_decoded_is_not_reported() {
    let mut batch = batch(2);
    batch.admit(request(0, "a"));
    batch.admit(request(1, "bbbbbbbb"));
    batch.turn().unwrap();
    batch.turn().unwrap();
    assert_eq!(batch.ended.len(), 1);
    batch.cancel(0);
    let mut spoken = Spoken::new();
    run(&mut batch, &mut spoken);
    assert_eq!(spoken.keys().copied().collect::<Vec<_>>(), [1]);
}

#[test]
fn a_device_failure_is_the_callers() {
    let mut batch = batch(2);
    batch.admit(request(0, "so far"));
    batch.admit(request(1, "ab%"));
    batch.turn().unwrap();
    batch.turn().unwrap();
    assert_eq!(batch.turn().unwrap_err().to_string(), "device failed: out of memory");
}

#[test]
fn a_voice_is_prepared_once_and_the_oldest_makes_room() {
    let mut batch = batch(1);
    for (tag, name) in ["mira", "otto", "mira", "nell", "mira", "otto"].iter().enumerate() {
        let request = Request { voice: voice(name), ..request(tag as u64, "Ay.") };
        batch.admit(request);
    }
    run(&mut batch, &mut Spoken::new());
    assert_eq!(*batch.model.prepared.borrow(), ["mira en", "otto en", "nell en", "otto en"]);
    let counts = PromptCounts { hits: 2, misses: 4, evictions: 2, recalled: 0 };
    assert_eq!(batch.prompt_counts(), counts);
}

#[test]
fn a_voice_in_another_language_is_another_prompt() {
    let mut batch = batch(1);
    batch.admit(request(0, "Ay."));
    batch.admit(Request { language: "de".to_owned(), ..request(1, "Ja.") });
    run(&mut batch, &mut Spoken::new());
    assert_eq!(*batch.model.prepared.borrow(), ["mira en", "mira de"]);
}

#[test]
fn a_voice_that_cannot_be_made_ready_costs_its_own_lines() {
    let mut batch = batch(2);
    let source = VoiceSource::Preset { speaker: "vivian".into(), instruct: None };
    let vivian = Voice { source, ..voice("vivian") };
    batch.admit(Request { voice: vivian, ..request(0, "Ay.") });
    batch.admit(request(1, "Ay."));
    let mut spoken = Spoken::new();
    run(&mut batch, &mut spoken);
    assert_eq!(spoken[&0], Err(LineError::Voice("only designed voices".into())));
    assert!(spoken[&1].is_ok());
}

#[test]
fn ended_lines_are_decoded_together_but_wait_only_so_long() {
    let mut batch = batch(4);
    for (tag, text) in ["a", "b", "c", "dd", "eeeeeeeeee"].iter().enumerate() {
        batch.admit(request(tag as u64, text));
    }
    run(&mut batch, &mut Spoken::new());
    assert_eq!(*batch.vocoder.batches.borrow(), [3, 1, 1]);
}

/// A store that a test can look into and spoil.
#[derive(Clone, Default)]
struct Shelf(Arc<std::sync::Mutex<BTreeMap<String, Vec<u8>>>>);

impl PromptStore for Shelf {
    fn get(&mut self, key: &str) -> Option<Vec<u8>> {
        self.0.lock().unwrap().get(key).cloned()
    }

    fn put(&mut self, key: &str, bytes: &[u8]) {
        self.0.lock().unwrap().insert(key.to_owned(), bytes.to_vec());
    }
}

/// Has mira and otto say something each, and gives what was prepared, said and counted.
fn run_with(shelf: &Shelf) -> (Vec<String>, Spoken, PromptCounts) {
    let mut batch = batch(2).keeping_prompts_in(Box::new(shelf.clone()));
    for (tag, name) in ["mira", "otto", "mira"].iter().enumerate() {
        batch.admit(Request { voice: voice(name), ..request(tag as u64, "Ay.") });
    }
    let mut spoken = Spoken::new();
    run(&mut batch, &mut spoken);
    let prepared = batch.model.prepared.borrow().clone();
    (prepared, spoken, batch.prompt_counts())
}

#[test]
fn another_run_finds_the_voices_ready_and_says_the_same() {
    let shelf = Shelf::default();
    let (prepared, first, counts) = run_with(&shelf);
    assert_eq!(prepared, ["mira en", "otto en"]);
    assert_eq!(counts, PromptCounts { hits: 1, misses: 2, evictions: 0, recalled: 0 });
    let (prepared, second, counts) = run_with(&shelf);
    assert!(prepared.is_empty(), "{prepared:?}");
    assert_eq!(counts, PromptCounts { hits: 1, misses: 2, evictions: 0, recalled: 2 });
    assert_eq!(second, first);
}

#[test]
fn a_kept_voice_that_is_damaged_is_made_anew_and_kept_again() {
    let shelf = Shelf::default();
    let (_, first, _) = run_with(&shelf);
    let whole = shelf.0.lock().unwrap().clone();
    *shelf.0.lock().unwrap().values_mut().next().unwrap() = b"spoilt".to_vec();
    let (prepared, again, counts) = run_with(&shelf);
    assert_eq!((prepared.len(), counts.recalled), (1, 1));
    assert_eq!(again, first);
    assert_eq!(*shelf.0.lock().unwrap(), whole);
}

/// `text` with a pause of 700 ms before every `|`, which is left out.
fn pausing(tag: u64, text: &str) -> Request {
    let mut plain = String::new();
    let mut pauses = Vec::new();
    for c in text.chars() {
        match c {
            '|' => pauses.push(Pause { at: u32::try_from(plain.len()).unwrap(), ms: 700 }),
            c => plain.push(c),
        }
    }
    Request { pauses, ..request(tag, &plain) }
}

fn speak_pausing(slots: usize, texts: &[&str]) -> Spoken {
    let mut batch = batch(slots);
    for (text, tag) in texts.iter().zip(0..) {
        batch.admit(pausing(tag, text));
    }
    let mut spoken = Spoken::new();
    run(&mut batch, &mut spoken);
    assert!(batch.lines.is_empty());
    spoken
}

#[test]
fn a_line_with_pauses_is_its_parts_with_silence_between_in_any_batch() {
    let texts = ["Well. | Well? | No.", "Ay.", "| So be it. |"];
    let alone = speak_pausing(1, &texts);
    // A sample is 10 ms: each part's own silence goes, which it has none of.
    assert_eq!(lengths(&alone), [Some(5 + 70 + 5 + 70 + 3), Some(3), Some(9)]);
    let line = alone[&0].as_ref().unwrap();
    assert!(line[5..75].iter().chain(&line[80..150]).all(|sample| *sample == 0.0));
    let said = speak_pausing(1, &["Well."]);
    // The end is faded, the start is not.
    assert_eq!(line[..4], said[&0].as_ref().unwrap()[..4]);
    for slots in 2..=5 {
        assert_eq!(speak_pausing(slots, &texts), alone, "{slots} slots");
    }
}

#[test]
fn a_part_that_fails_fails_its_line_and_frees_the_seats_of_the_others() {
    for slots in 1..=4 {
        let texts = ["One. | tw# | three # | four.", "Ay.", "a ~ | b #c", "a | #b | c"];
        let spoken = speak_pausing(slots, &texts);
        assert_eq!(spoken.len(), 4);
        assert_eq!(spoken[&0], Err(LineError::Failed("stumbled".into())), "{slots} slots");
        assert!(spoken[&1].is_ok());
        let Err(LineError::Text(reason)) = &spoken[&2] else { panic!("{spoken:?}") };
        assert!(reason.starts_with("`a ~` was still being spoken"), "{reason}");
        assert_eq!(spoken[&3], Err(LineError::Failed("refused at the door".into())));
    }
}

#[test]
fn a_cancelled_line_takes_all_its_parts_along() {
    let mut batch = batch(2);
    batch.admit(pausing(0, "One. | Two. | Three."));
    batch.admit(pausing(1, "Ay."));
    batch.turn().unwrap();
    batch.cancel(0);
    assert_eq!((batch.waiting.len(), batch.lines.len()), (1, 1));
    let mut spoken = Spoken::new();
    run(&mut batch, &mut spoken);
    assert_eq!(spoken.keys().copied().collect::<Vec<_>>(), [1]);
}

proptest! {
    #[test]
    fn neither_seats_nor_arrival_change_a_line_with_pauses(
        slots in 2_usize..7,
        texts in prop::collection::vec("[a-z#~…]{0,4}( ?[|] ?[a-z #~…]{0,5}){0,3}", 1..8),
    ) {
        let texts: Vec<_> = texts.iter().map(String::as_str).collect();
        let together = speak_pausing(slots, &texts);
        prop_assert_eq!(together.len(), texts.len());
        prop_assert_eq!(together, speak_pausing(1, &texts));
    }
}

#[test]
fn parts_behind_one_that_failed_take_no_more_steps() {
    for (text, widths) in
        [("a# | bbbbbbbb", &[2, 2][..]), ("#x | bbbbbbbb", &[]), ("a. | #x | b", &[1, 1, 1])]
    {
        let mut batch = batch(2);
        batch.admit(pausing(0, text));
        let mut spoken = Spoken::new();
        run(&mut batch, &mut spoken);
        assert!(spoken[&0].is_err());
        assert_eq!(*batch.model.widths.borrow(), widths, "{text}");
        assert_eq!(batch.free_slots(), 2);
    }
}
