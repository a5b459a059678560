//! Models that load at once and speak silence of one sample.

use std::sync::Mutex;

use engine::{Finished, PromptCounts};
use schemas::VoiceSource;

use super::*;

/// What happened to models, in order.
#[derive(Debug, Clone, Default)]
struct Diary(Arc<Mutex<Vec<String>>>);

impl Diary {
    fn note(&self, what: String) {
        self.0.lock().unwrap().push(what);
    }

    fn read(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

struct Fake {
    name: &'static str,
    diary: Diary,
    waiting: Vec<Request>,
    voices: Vec<String>,
    counts: PromptCounts,
}

impl Speaker for Fake {
    fn caps(&self) -> Caps {
        caps(self.name)
    }

    fn free_slots(&self) -> usize {
        1_usize.saturating_sub(self.waiting.len())
    }

    fn prepare(&mut self, voice: &Voice, _: &str) -> Result<(), EngineError> {
        if !self.voices.contains(&voice.name) {
            self.counts.misses += 1;
            self.voices.push(voice.name.clone());
        }
        Ok(())
    }

    fn admit(&mut self, request: Request) {
        self.waiting.push(request);
    }

    fn turn(&mut self) -> Result<Vec<Finished>, DeviceError> {
        if self.waiting.iter().any(|request| request.text == "break") {
            return Err(DeviceError("out of smoke".to_owned()));
        }
        let samples = || Samples { samples: vec![0.0], rate_hz: 24_000 };
        let done = self.waiting.drain(..);
        Ok(done.map(|request| Finished { tag: request.tag, result: Ok(samples()) }).collect())
    }

    fn cancel(&mut self, tag: u64) {
        self.waiting.retain(|request| request.tag != tag);
    }

    fn is_idle(&self) -> bool {
        self.waiting.is_empty()
    }

    fn prompt_counts(&self) -> PromptCounts {
        self.counts
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.diary.note(format!("{} leaves", self.name));
    }
}

fn caps(name: &str) -> Caps {
    let engine = format!("{name}/1");
    Caps { engine, models: vec![name.to_owned()], slots: 1, rate_hz: 24_000 }
}

fn model(name: &'static str, bytes: u64, diary: &Diary) -> Model {
    let diary = diary.clone();
    let open = move || -> Result<Box<dyn Speaker>, OpenError> {
        if name == "lost" {
            return Err("its file is gone".into());
        }
        diary.note(format!("{name} comes"));
        let counts = PromptCounts::default();
        let (waiting, voices) = (Vec::new(), Vec::new());
        Ok(Box::new(Fake { name, diary: diary.clone(), waiting, voices, counts }))
    };
    Model { caps: caps(name), bytes, open: Box::new(open) }
}

fn device(names: &[(&'static str, u64)], idle_unload: Duration) -> (Device, Diary) {
    let diary = Diary::default();
    let models = names.iter().map(|&(name, bytes)| model(name, bytes, &diary)).collect();
    let settings = DeviceSettings { memory_bytes: 10, idle_unload };
    (Device::start(models, settings).unwrap(), diary)
}

fn voice(name: &str) -> Voice {
    let source = VoiceSource::Design { describe: name.to_owned() };
    Voice { name: name.to_owned(), model: "any".to_owned(), source }
}

fn request(text: &str) -> Request {
    Request {
        tag: 0,
        text: text.to_owned(),
        pauses: Vec::new(),
        language: "en".to_owned(),
        voice: voice("mira"),
        seed: 0,
    }
}

const LONG: Duration = Duration::from_hours(1);

#[tokio::test]
async fn a_model_comes_with_its_first_line_and_goes_when_another_needs_its_room() {
    let (device, diary) = device(&[("one", 6), ("two", 6), ("three", 4)], LONG);
    assert_eq!(diary.read(), Vec::<String>::new());
    for (model, told) in [
        (0, vec!["one comes"]),
        (0, vec!["one comes"]),
        (2, vec!["one comes", "three comes"]),
        (1, vec!["one comes", "three comes", "one leaves", "two comes"]),
    ] {
        device.shelf().enter(model, 1);
        device.speak(model, request("Who's there?")).await.unwrap();
        device.leave(model, 1);
        assert_eq!(diary.read(), told, "{model}");
    }
    assert!(!device.shelf().is_loaded(0) && device.shelf().is_loaded(1));
    device.close().await;
}

#[tokio::test]
async fn a_line_waits_until_the_model_in_its_way_has_none() {
    let (device, diary) = device(&[("one", 6), ("two", 6)], LONG);
    device.shelf().enter(0, 1);
    device.shelf().enter(1, 1);
    device.speak(0, request("Who's there?")).await.unwrap();
    let second = device.speak(1, request("Nay, answer me."));
    tokio::pin!(second);
    tokio::select! {
        biased;
        _ = &mut second => panic!("spoken beside a model that has lines"),
        () = tokio::task::yield_now() => {}
    }
    device.leave(0, 1);
    second.await.unwrap();
    assert_eq!(diary.read(), ["one comes", "one leaves", "two comes"]);
}

#[tokio::test]
async fn a_model_without_work_is_unloaded_after_a_while() {
    let (device, diary) = device(&[("one", 6)], Duration::from_millis(1));
    device.speak(0, request("Who's there?")).await.unwrap();
    device.leave(0, 0);
    while device.shelf().is_loaded(0) {
        tokio::task::yield_now().await;
    }
    device.close().await;
    assert_eq!(diary.read(), ["one comes", "one leaves"]);
}

#[tokio::test]
async fn a_voice_is_made_ready_once_and_counted_over_loads() {
    let (device, _) = device(&[("one", 6), ("two", 6)], LONG);
    let voices = || device.gauge(0).unwrap().voices.load(Ordering::Relaxed);
    for _ in 0..2 {
        device.prepare(0, &voice("mira"), "en").await.unwrap();
        device.prepare(0, &voice("otto"), "en").await.unwrap();
    }
    device.prepare(1, &voice("mira"), "en").await.unwrap();
    assert_eq!(voices(), 2);
    device.prepare(0, &voice("mira"), "en").await.unwrap();
    device.speak(0, request("Who's there?")).await.unwrap();
    assert_eq!(voices(), 3, "it was unloaded in between");
}

#[tokio::test]
async fn a_device_that_fails_and_a_model_that_is_gone_are_told_to_all_who_wait() {
    let (device, _) = device(&[("one", 6), ("lost", 4)], LONG);
    let (broken, after) =
        tokio::join!(device.speak(0, request("break")), device.speak(0, request("after")));
    for ended in [broken, after, device.speak(0, request("later")).await] {
        let Err(WorkerError::Device(reason)) = ended else { panic!("{ended:?}") };
        assert_eq!(reason, "out of smoke");
    }
    let (device, _) = self::device(&[("one", 6), ("lost", 4)], LONG);
    let Err(WorkerError::Open(reason)) = device.speak(1, request("Who's there?")).await else {
        panic!("a model came out of nowhere");
    };
    assert_eq!(reason.to_string(), "lost: its file is gone");
}
