//! Highland, TextBundle and TextPack: what is read, what is refused.

use std::{
    fs,
    io::{Cursor, Write as _},
};

use screenplay::{ElementKind, Format, Script, Unreadable, read, read_path};
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

const TEXT: &str = "INT. BAKERY - DAWN\n\nODILE\nHow long?\n";

/// An archive of members; a name that ends in `/` is a folder.
fn pack(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    for (name, bytes) in members {
        writer.start_file(*name, options).expect("packing into memory cannot fail");
        writer.write_all(bytes).expect("packing into memory cannot fail");
    }
    writer.finish().expect("packing into memory cannot fail").into_inner()
}

fn refusal(name: &str, bytes: &[u8]) -> Unreadable {
    read(name, bytes).expect_err("this must not be read")
}

/// All words spoken and where in `text` each speech stands.
fn spoken(script: &Script) -> Vec<(String, String)> {
    let speeches = script.elements.iter().filter_map(|element| match &element.kind {
        ElementKind::Speech(speech) => Some((speech.speaker.clone(), speech.spoken().text)),
        _ => None,
    });
    speeches.collect()
}

fn codes(script: &Script) -> Vec<&'static str> {
    script.doubts.iter().map(|doubt| doubt.code).collect()
}

#[test]
fn the_shipped_bundles_say_the_same_in_every_wrapping() {
    let open = |name: &str| read_path(&fixtures::path(&format!("screenplays/{name}"))).unwrap();
    let (highland, pack, folder) =
        (open("sample.highland"), open("sample.textpack"), open("sample.textbundle"));
    assert_eq!(highland.format, Format::Highland);
    assert_eq!((pack.format, folder.format), (Format::TextBundle, Format::TextBundle));
    assert_eq!(spoken(&highland).len(), 4);
    assert_eq!(spoken(&highland), spoken(&pack));
    assert_eq!(pack, folder);
    assert_eq!(highland.listed_characters, ["ODILE", "RENÉ", "THE CAT"]);
    assert!(highland.doubts.is_empty() && pack.doubts.is_empty());
}

#[test]
fn highland_without_an_archive_is_told_by_its_name() {
    let script = read_path(&fixtures::path("screenplays/plain.highland")).unwrap();
    assert_eq!(script.format, Format::Highland);
    assert_eq!(spoken(&script)[0], ("ODILE".into(), "How long does it take?".into()));
    assert_eq!(codes(&script), ["include_not_read"]);
    let everything = format!("{:?}", script.elements);
    for mark in ["::", "{{", "+"] {
        assert!(!everything.contains(mark), "{mark} in {everything}");
    }
}

#[test]
fn spans_of_highland_are_places_in_its_own_text() {
    let text = "{{HEADER: é}}\n\nANN\nSay +é it+ {{x}}aloud.\n\nBOB\nNo.\n";
    let script = read("a.highland", text.as_bytes()).unwrap();
    assert_eq!(spoken(&script)[0].1, "Say é it aloud.");
    let ElementKind::Speech(bob) = &script.elements[1].kind else { panic!() };
    assert_eq!(&text[bob.cue.start as usize..bob.cue.end as usize], "BOB");
    assert_eq!((bob.cue.line, bob.cue.column), (6, 1));
    assert_eq!(codes(&script), ["unknown_command"]);
    let doubted = script.doubts[0].span;
    assert_eq!(&text[doubted.start as usize..doubted.end as usize], "{{x}}");
    assert_eq!((doubted.line, doubted.column), (4, 12));
}

#[test]
fn a_plus_that_highlights_nothing_is_a_plus() {
    for words in ["2+2 is 4 + 0.", "C++ and C++", "+44 20 7946", "a + b + c"] {
        let script = read("a.highland", format!("ANN\n{words}\n").as_bytes()).unwrap();
        assert_eq!(spoken(&script)[0].1, words);
    }
}

#[test]
fn a_line_of_commands_is_a_blank_line() {
    let text = "ANN\nHello.\n  {{PAGEBREAK}} {{TOC}} \nRain falls.\n";
    let script = read("a.highland", text.as_bytes()).unwrap();
    assert_eq!(spoken(&script), [("ANN".to_owned(), "Hello.".to_owned())]);
}

#[test]
fn a_text_bundle_that_highland_wrote_loses_highlands_marks() {
    let info = br#"{"creatorIdentifier": "com.quoteunquoteapps.highland2"}"#;
    let text = b"ANN\nSay +it+.\n";
    let by_highland = pack(&[("b.textbundle/info.json", info), ("b.textbundle/text.md", text)]);
    let by_another = pack(&[("b.textbundle/text.md", text)]);
    assert_eq!(spoken(&read("a.textpack", &by_highland).unwrap())[0].1, "Say it.");
    assert_eq!(spoken(&read("a.textpack", &by_another).unwrap())[0].1, "Say +it+.");
    assert_eq!(read("a", &by_highland).unwrap().format, Format::Highland);
    assert_eq!(read("a", &by_another).unwrap().format, Format::TextBundle);
}

#[test]
fn a_list_of_characters_that_cannot_be_read_is_no_list() {
    let deep = "[".repeat(100_000);
    for list in [&b"{"[..], b"[1, {\"name\": 2}]", b"\xff", deep.as_bytes()] {
        let bytes = pack(&[("text.md", TEXT.as_bytes()), ("resources/characters.json", list)]);
        assert!(read("a.highland", &bytes).unwrap().listed_characters.is_empty());
    }
    let named = br#"[{"name": "Odile"}, {"name": "ODILE"}, "Max"]"#;
    let bytes = pack(&[("text.md", TEXT.as_bytes()), ("resources/characters.json", named)]);
    assert_eq!(read("a.highland", &bytes).unwrap().listed_characters, ["Odile", "Max"]);
}

#[test]
fn a_bomb_is_refused_by_what_it_says_and_by_what_it_holds() {
    let zeros = vec![b' '; 300 * 1024 * 1024];
    let bomb = pack(&[("text.md", &zeros)]);
    assert!(bomb.len() < 1024 * 1024);
    assert!(refusal("a.highland", &bomb).message.contains("larger than a screenplay"));
    // Small enough for a text, but packed as no text is.
    let dense = pack(&[("text.md", &zeros[..64 * 1024 * 1024])]);
    assert!(refusal("a.highland", &dense).message.contains("larger than a screenplay"));
    // The same, with a directory and a header that say 100 bytes.
    let mut liar = pack(&[("text.md", &zeros[..64 * 1024 * 1024])]);
    let size = u32::try_from(64 * 1024 * 1024).unwrap().to_le_bytes();
    let places: Vec<_> = (0..liar.len() - 4).filter(|at| liar[*at..*at + 4] == size).collect();
    assert!(!places.is_empty());
    for at in places {
        liar[at..at + 4].copy_from_slice(&100_u32.to_le_bytes());
    }
    refusal("a.highland", &liar);
    let info = pack(&[("text.md", TEXT.as_bytes()), ("info.json", &zeros[..8 * 1024 * 1024])]);
    assert!(refusal("a.highland", &info).message.contains("larger than a screenplay"));
}

#[test]
fn more_members_than_any_bundle_has_are_refused() {
    let names: Vec<String> = (0..10_001).map(|index| format!("assets/{index}")).collect();
    let members: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), &b""[..])).collect();
    let error = refusal("a.highland", &pack(&members));
    assert!(error.message.contains("more than 10000 members"), "{error}");
}

#[test]
fn a_member_that_would_lie_outside_is_refused_by_name() {
    for name in ["../text.md", "a/../../b", "/etc/passwd", "C:/a", "..\\a"] {
        let bytes = pack(&[("text.md", TEXT.as_bytes()), (name, b"x")]);
        let error = refusal("a.textpack", &bytes);
        assert!(error.message.contains("outside"), "{name}: {error}");
    }
}

#[test]
fn an_archive_holds_exactly_one_screenplay() {
    let none = refusal("a.textpack", &pack(&[("readme.md", b"x")]));
    assert!(none.message.contains("no screenplay"), "{none}");
    let two = pack(&[("a.textbundle/text.md", b"x"), ("b.textbundle/text.md", b"x")]);
    assert!(refusal("a.textpack", &two).message.contains("several screenplays"));
    let versions = pack(&[("text.md", b"# x"), ("text.fountain", TEXT.as_bytes())]);
    assert_eq!(spoken(&read("a.textpack", &versions).unwrap()).len(), 1);
    let mac = pack(&[("__MACOSX/text.md", b"\0"), ("b/text.md", TEXT.as_bytes())]);
    assert_eq!(spoken(&read("a.textpack", &mac).unwrap()).len(), 1);
}

#[test]
fn other_programs_archives_are_refused_with_the_way_out() {
    for (member, program) in
        [("word/document.xml", "Word"), ("document.xml", "Fade In"), ("project.rdf", "Celtx")]
    {
        let error = refusal("renamed.zip", &pack(&[(member, b"x")]));
        assert!(error.message.contains(program) && error.advice.contains("export"), "{error}");
    }
}

#[test]
fn a_damaged_archive_is_refused_wherever_it_is_cut_or_changed() {
    let whole = pack(&[("b/text.md", TEXT.as_bytes()), ("b/info.json", b"{}")]);
    for end in 4..whole.len() {
        refusal("a.highland", &whole[..end]);
    }
    for at in 0..whole.len() {
        let mut changed = whole.clone();
        changed[at] ^= 0x55;
        // Some bytes say nothing; none may change the words.
        if let Ok(script) = read("a.highland", &changed)
            && !script.elements.is_empty()
            && changed.starts_with(b"PK\x03\x04")
        {
            assert_eq!(spoken(&script), [("ODILE".to_owned(), "How long?".to_owned())], "at {at}");
        }
    }
}

#[test]
fn text_inside_an_archive_is_text_by_the_same_rules() {
    let error = refusal("a.textpack", &pack(&[("text.md", b"a\n\xff")]));
    assert_eq!(error.at, Some((2, 1)));
}

#[test]
#[cfg(unix)]
fn links_do_not_lead_out_of_a_folder() {
    let folder = std::env::temp_dir().join(format!("links-{}.textbundle", std::process::id()));
    let secret = folder.with_extension("secret");
    fs::create_dir_all(&folder).unwrap();
    fs::write(&secret, TEXT).unwrap();
    std::os::unix::fs::symlink(&secret, folder.join("text.md")).unwrap();
    let linked_text = read_path(&folder);
    fs::remove_file(folder.join("text.md")).unwrap();
    fs::write(folder.join("text.md"), TEXT).unwrap();
    std::os::unix::fs::symlink(&secret, folder.join("info.json")).unwrap();
    let linked_info = read_path(&folder);
    fs::remove_file(folder.join("info.json")).unwrap();
    let whole = read_path(&folder);
    fs::remove_dir_all(&folder).unwrap();
    fs::remove_file(&secret).unwrap();
    for linked in [linked_text, linked_info] {
        let error = linked.unwrap_err();
        assert!(error.message.contains("is a link"), "{error}");
        assert!(error.message.contains("links-"), "{error}");
    }
    assert_eq!(spoken(&whole.unwrap()).len(), 1);
}

#[test]
#[cfg(unix)]
fn what_is_no_regular_file_is_not_waited_for() {
    let error = read_path(std::path::Path::new("/dev/zero")).unwrap_err();
    assert!(error.message.contains("no regular file"), "{error}");
}
