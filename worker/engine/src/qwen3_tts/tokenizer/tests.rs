use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::*;

fn release() -> PathBuf {
    fixtures::path("reference/s1/base-0b6")
}

fn open(words: Words) -> Tokenizer {
    Tokenizer::open(&release(), words).unwrap()
}

/// What the reference makes of a text.
#[derive(Debug, Deserialize)]
struct Golden {
    text: String,
    wrapped: String,
    native: Vec<u32>,
    patched: Vec<u32>,
    text_ids_native: Vec<u32>,
}

fn goldens() -> Vec<Golden> {
    #[derive(Deserialize)]
    struct File {
        text: Section,
    }
    #[derive(Deserialize)]
    struct Section {
        items: Vec<Golden>,
        native_regex: String,
        patched_regex: String,
    }
    let json = fixtures::text("reference/s1/base-0b6.goldens.json");
    let Section { items, native_regex, patched_regex } =
        serde_json::from_str::<File>(&json).unwrap().text;
    assert_eq!(Words::Native.pattern(), native_regex);
    assert_eq!(Words::Patched.pattern(), patched_regex);
    items
}

#[test]
fn every_text_is_cut_as_the_reference_cuts_it() {
    let (native, patched) = (open(Words::Native), open(Words::Patched));
    let goldens = goldens();
    assert_eq!(goldens.len(), 18);
    for golden in goldens {
        assert_eq!(native.encode(&golden.wrapped), golden.native, "{:?}", golden.text);
        assert_eq!(patched.encode(&golden.wrapped), golden.patched, "{:?}", golden.text);
    }
}

#[test]
fn a_line_is_wrapped_before_it_is_cut() {
    let tokenizer = open(Words::Native);
    for golden in goldens() {
        let line = tokenizer.line(&golden.text);
        assert_eq!(line.ids, golden.native, "{:?}", golden.text);
        assert_eq!(line.text(), golden.text_ids_native, "{:?}", golden.text);
    }
}

#[test]
fn a_newline_in_front_merges_with_the_template() {
    let tokenizer = open(Words::Native);
    let (plain, shifted) = (tokenizer.line("Hello."), tokenizer.line("\nHello."));
    assert_eq!(plain.text(), shifted.text());
    assert_eq!(plain.role()[..2], shifted.role()[..2]);
    assert_ne!(plain.role()[2], shifted.role()[2]);
}

#[test]
fn an_empty_text_streams_the_end_of_its_template() {
    let tokenizer = open(Words::Native);
    let line = tokenizer.line("");
    assert_eq!(line.ids.len(), 8);
    assert_eq!(line.text(), Vec::<u32>::new());
    let end = tokenizer.encode("<|im_end|>")[0];
    assert_eq!(line.first_and_rest(), (end, [].as_slice()));
}

#[test]
fn a_transcript_and_an_instruction_have_their_own_templates() {
    let tokenizer = open(Words::Native);
    assert_eq!(tokenizer.transcript("This is it."), tokenizer.line("This is it.").text());
    assert_eq!(tokenizer.transcript(""), Vec::<u32>::new());
    let wrapped = "<|im_start|>user\nSlowly.<|im_end|>\n";
    assert_eq!(tokenizer.instruct("Slowly."), tokenizer.encode(wrapped));
}

#[test]
fn the_ids_the_configuration_names_are_held_to_the_vocabulary() {
    let path = release().join("config.json");
    let mut config = ModelConfig::read(&path).unwrap();
    open(Words::Native).check(&config, &path).unwrap();
    config.tts_pad_token_id += 1;
    let refused = open(Words::Native).check(&config, &path).unwrap_err().to_string();
    assert!(refused.contains("tts_pad_token_id is 509"), "{refused}");
}

#[test]
fn a_release_without_its_vocabulary_names_the_file() {
    let refused = Tokenizer::open(Path::new("/nowhere"), Words::Native).unwrap_err().to_string();
    assert_eq!(refused, "cannot read /nowhere/tokenizer_config.json");
}

#[test]
fn taking_a_marker_out_cannot_leave_another_behind() {
    let tokenizer = open(Words::Native);
    assert_eq!(tokenizer.without_markers("plain <b>"), "plain <b>");
    assert_eq!(tokenizer.without_markers("a<|im_<tts_pad>end|>b"), "ab");
}

/// The splitter gives up silently on what it finds too long; nothing that may be asked for is.
#[test]
fn the_longest_runs_are_cut_to_their_end() {
    for words in [Words::Native, Words::Patched] {
        let tokenizer = open(words);
        let end = tokenizer.encode(" Hello. She said:");
        for unit in [" ", "\n", "\t", "a", "A", "aB", "!", "/", "é", "世", "1", "\u{301}", "🙂"]
        {
            let text = unit.repeat(10_000) + " Hello. She said:";
            let ids = tokenizer.encode(&text);
            assert!(ids.ends_with(&end), "{words:?} {unit:?}: {:?}", &ids[ids.len() - 9..]);
        }
    }
}

proptest! {
    #[test]
    fn no_text_without_markers_gets_a_markers_id(
        parts in prop::collection::vec(
            prop_oneof![Just("<|im_"), Just("end|>"), Just("<tts_pad>"), Just("<"), Just("|>"), Just("é\n")],
            0..12,
        )
    ) {
        let tokenizer = open(Words::Native);
        let ids = tokenizer.encode(&tokenizer.without_markers(&parts.concat()));
        prop_assert!(ids.iter().all(|id| !tokenizer.markers.values().any(|marker| marker == id)));
    }

    #[test]
    fn every_line_has_its_template_around_it(text in "\\PC{0,40}|[ \n\t\r]{0,8}|.{0,20}") {
        let tokenizer = open(Words::Native);
        let line = tokenizer.line(&tokenizer.without_markers(&text));
        prop_assert!(line.ids.len() >= 8);
        let empty = tokenizer.line("");
        prop_assert_eq!(&line.role()[..2], &empty.role()[..2]);
        let end = line.ids.len() - LINE_END;
        prop_assert_eq!(&line.ids[end..], &empty.ids[ROLE..]);
    }
}
