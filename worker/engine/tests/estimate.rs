//! How near the estimate comes to what Pico says.

mod common;

use common::{Bench, as_request, number, spoken_ms, voice};
use engine::{Request, estimate_ms};
use schemas::ScratchSynthesiser;

/// Lines as they are spoken in drama: short, long, with numbers.
const TEXTS: [(&str, &[&str]); 6] = [
    (
        "en-US",
        &[
            "I don't know. Do you?",
            "The ferry leaves at midnight, and nobody knows who is on board.",
            "You come most carefully upon your hour; get thee to bed, Francisco.",
            "There were 37 of them, in 1984. We counted twice!",
            "If you go down to the harbour tonight, take a lamp, because the steps are wet.",
        ],
    ),
    (
        "en-GB",
        &[
            "I don't know. Do you?",
            "The ferry leaves at midnight, and nobody knows who is on board.",
            "If you go down to the harbour tonight, take a lamp, because the steps are wet.",
        ],
    ),
    (
        "de-DE",
        &[
            "Ich weiß es nicht. Und du?",
            "Die Fähre legt um Mitternacht ab, und niemand weiß, wer an Bord ist.",
            "Wenn du heute Nacht zum Hafen gehst, nimm eine Lampe mit; die Stufen sind nass.",
        ],
    ),
    (
        "fr-FR",
        &[
            "Je ne sais pas. Et toi ?",
            "Le ferry part à minuit, et personne ne sait qui est à bord.",
            "Si tu descends au port cette nuit, prends une lampe, les marches sont mouillées.",
        ],
    ),
    (
        "es-ES",
        &[
            "No lo sé. ¿Y tú?",
            "El transbordador sale a medianoche, y nadie sabe quién va a bordo.",
            "Si bajas al puerto esta noche, lleva una lámpara, porque los escalones resbalan.",
        ],
    ),
    (
        "it-IT",
        &[
            "Non lo so. E tu?",
            "Il traghetto parte a mezzanotte, e nessuno sa chi è a bordo.",
            "Se scendi al porto stanotte, prendi una lampada, perché i gradini sono bagnati.",
        ],
    ),
];

fn spoken(bench: &Bench, language: &str, text: &str, rate: f32) -> f64 {
    let voice = voice(ScratchSynthesiser::Pico, 1.0, 1.0, rate);
    let line = Request { voice, language: language.to_owned(), ..as_request(0, text) };
    number(spoken_ms(&bench.speak_one(line).expect("plain words")))
}

#[test]
fn the_estimate_is_near_what_pico_says() {
    let bench = Bench::new();
    for (language, texts) in TEXTS {
        let (mut estimated, mut said) = (0.0, 0.0);
        for text in texts {
            let one = f64::from(estimate_ms(text, language, 1.0));
            let real = spoken(&bench, language, text, 1.0);
            println!(
                "{language} {real} ms, estimated {:+.0} %: {text}",
                (one / real - 1.0) * 100.0
            );
            assert!((one / real - 1.0).abs() < 0.35, "{language} {real} {one}: {text}");
            estimated += one;
            said += real;
        }
        println!("{language} together {:+.1} %", (estimated / said - 1.0) * 100.0);
        assert!((estimated / said - 1.0).abs() < 0.1, "{language}: {estimated} for {said}");
    }
}

#[test]
fn the_estimate_follows_the_rate() {
    let bench = Bench::new();
    let text = TEXTS[0].1[4];
    for rate in [0.6, 1.5] {
        let off = f64::from(estimate_ms(text, "en-US", rate)) / spoken(&bench, "en-US", text, rate);
        assert!((off - 1.0).abs() < 0.2, "{rate}: {off}");
    }
}
