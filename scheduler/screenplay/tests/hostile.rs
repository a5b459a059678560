//! Files that are damaged, foreign or meant to hurt: refused by name and place, in bounded time.

use std::fmt::Write as _;

use screenplay::{Unreadable, read, read_path};

fn refusal(name: &str, bytes: &[u8]) -> Unreadable {
    read(name, bytes).expect_err("this must not be read")
}

fn in_fdx(content: &str) -> String {
    format!("<FinalDraft><Content>{content}</Content></FinalDraft>")
}

#[test]
fn a_million_levels_of_xml_are_refused_at_the_first_too_many() {
    let xml = in_fdx(&("<a>".repeat(1_000_000) + &"</a>".repeat(1_000_000)));
    let error = refusal("a.fdx", xml.as_bytes());
    assert!(error.message.contains("nested deeper than 64"), "{error}");
    assert_eq!(error.at, Some((1, 22 + 3 * 62)));
}

#[test]
fn a_document_type_is_refused_before_any_entity_grows() {
    let mut bomb = String::from("<?xml version=\"1.0\"?>\n<!DOCTYPE lolz [<!ENTITY a0 \"lol\">");
    for level in 1..30 {
        let before = format!("&a{};", level - 1).repeat(10);
        write!(bomb, "<!ENTITY a{level} \"{before}\">").unwrap();
    }
    bomb += "]>\n";
    bomb += &in_fdx("<Paragraph><Text>&a29;</Text></Paragraph>");
    let error = refusal("a.fdx", bomb.as_bytes());
    assert!(error.message.contains("document type"), "{error}");
    assert_eq!(error.at, Some((2, 1)));
    let external = "<!DOCTYPE a SYSTEM \"file:///etc/passwd\">".to_owned() + &in_fdx("");
    assert!(refusal("a.fdx", external.as_bytes()).message.contains("document type"));
}

#[test]
fn an_unknown_entity_is_refused_by_name() {
    let error = refusal("a.fdx", in_fdx("\n<Paragraph><Text>&nbsp;</Text></Paragraph>").as_bytes());
    assert!(error.message.contains("`&nbsp;`"), "{error}");
    assert_eq!(error.at, Some((2, 18)));
}

#[test]
fn xml_that_is_cut_off_or_crossed_is_refused() {
    let whole = std::str::from_utf8(include_bytes!("../../../fixtures/screenplays/two-scenes.fdx"));
    let whole = whole.unwrap().trim_end();
    for end in (60..whole.len()).step_by(97) {
        assert!(read("a.fdx", &whole.as_bytes()[..end]).is_err(), "cut at {end}");
    }
    assert!(refusal("a.fdx", in_fdx("<Paragraph></Text>").as_bytes()).at.is_some());
    refusal("a.fdx", b"<?xml version=\"1.0\"?>");
    refusal("a.fdx", (in_fdx("") + &in_fdx("")).as_bytes());
}

#[test]
fn too_many_paragraphs_are_refused() {
    let error = refusal("a.fdx", in_fdx(&"<Paragraph/>".repeat(1_000_001)).as_bytes());
    assert!(error.message.contains("more than 1000000 paragraphs"), "{error}");
}

#[test]
fn other_xml_is_refused_by_its_name() {
    let osf = b"<?xml version=\"1.0\"?><document type=\"Open Screenplay Format document\"/>";
    assert!(refusal("a.xml", osf).advice.contains("Fade In"));
    assert!(refusal("a.xml", b"<?xml version=\"1.0\"?><html/>").message.contains("<html>"));
    assert!(refusal("a.fdx", b"INT. HOUSE - DAY").message.contains("not XML"));
}

#[test]
fn bytes_that_are_not_utf8_are_named_by_place() {
    let error = refusal("a.fountain", b"INT. CAF\xc3\x89\n\nCaf\xe9.");
    assert_eq!(error.at, Some((3, 4)));
    assert!(error.message.contains("line 3, column 4"), "{error}");
    assert!(error.message.contains("0xe9"), "{error}");
    assert!(error.advice.contains("UTF-8"), "{error}");
    assert_eq!(refusal("a.fountain", b"ab\xe2\x82").at, Some((1, 3)));
}

#[test]
fn a_nul_is_named_by_place() {
    assert_eq!(refusal("a.fountain", b"one\r\ntw\0o").at, Some((2, 3)));
}

#[test]
fn utf16_with_its_mark_reads_as_utf8_does() {
    let text = "INT. CAFÉ - DAY\n\nANN\nHi 🎭.\n";
    let whole = read("a.fountain", text.as_bytes()).unwrap();
    let little: Vec<u8> =
        "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let big: Vec<u8> =
        "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_be_bytes).collect();
    assert_eq!(read("a.fountain", &little).unwrap(), whole);
    assert_eq!(read("a.fountain", &big).unwrap(), whole);
    assert!(refusal("a.fountain", &little[..little.len() - 1]).message.contains("odd last byte"));
    assert!(refusal("a.fountain", b"\xff\xfea\0\x00\xd8").message.contains("half a UTF-16"));
    // Without its mark it cannot be told from rubbish, but for its NULs.
    assert!(refusal("a.fountain", &little[2..]).advice.contains("UTF-8"));
}

#[test]
fn nothing_at_all_is_an_empty_screenplay_and_doubted() {
    for bytes in [&b""[..], b"\xef\xbb\xbf", b"\xff\xfe", b" \n\n \t"] {
        for name in ["a.fountain", "a.highland", "a.fdx", ""] {
            let script = read(name, bytes).unwrap();
            assert!(script.elements.is_empty(), "{name} {bytes:?}");
            assert_eq!(script.doubts[0].code, "empty");
        }
    }
}

#[test]
fn other_programs_files_are_refused_with_the_way_out() {
    let cases: [(&str, &[u8], &str); 8] = [
        ("a.pdf", b"%PDF-1.7", "FDX or Fountain"),
        ("a", b"%PDF-1.7", "FDX or Fountain"),
        ("a.rtf", b"{\\rtf1", "Fountain"),
        ("a.fadein", b"PK\x03\x04", "FDX or Fountain"),
        ("a.celtx", b"PK\x03\x04", "FDX or Fountain"),
        ("a.docx", b"PK\x03\x04", "Fountain"),
        ("a.doc", b"\xd0\xcf\x11\xe0", "Fountain"),
        ("a.fdr", b"\x01\x02", "FDX"),
    ];
    for (name, bytes, advice) in cases {
        let error = refusal(name, bytes);
        assert!(error.advice.contains(advice), "{name}: {error}");
        assert!(error.message.starts_with("this is "), "{name}: {error}");
    }
}

#[test]
fn one_line_of_a_hundred_megabytes_is_read() {
    let line = "word ".repeat(20_000_000);
    assert_eq!(read("a.fountain", line.as_bytes()).unwrap().elements.len(), 1);
    drop(line);
    let xml =
        in_fdx(&format!("<Paragraph><Text>{}</Text></Paragraph>", "&lt; x".repeat(15_000_000)));
    assert_eq!(read("a.fdx", xml.as_bytes()).unwrap().elements.len(), 1);
}

#[test]
fn directions_and_marks_without_end_take_one_pass() {
    for repeated in ["()", "(", "{{", "+a+", "{{a}}", "a :: b", "++", "+a "] {
        let text = format!("A\n{}", repeated.repeat(1_000_000));
        read("a.highland", text.as_bytes()).unwrap();
        let speech = format!(
            "<Paragraph Type=\"Character\"><Text>A</Text></Paragraph><Paragraph Type=\"Dialogue\"><Text>{}</Text></Paragraph>",
            repeated.repeat(1_000_000)
        );
        read("a.fdx", in_fdx(&speech).as_bytes()).unwrap();
    }
}

#[test]
fn what_is_not_there_or_no_screenplay_is_named_by_path() {
    let error = read_path(std::path::Path::new("/nowhere/a.fountain")).unwrap_err();
    assert!(error.message.starts_with("/nowhere/a.fountain: "), "{error}");
    let folder = fixtures::path("casts");
    let error = read_path(&folder).unwrap_err();
    assert!(error.message.contains("casts: the folder holds no screenplay"), "{error}");
    let broken = fixtures::path("screenplays/not-utf8.fountain");
    assert!(read_path(&broken).unwrap_err().message.contains("not-utf8.fountain: line "));
}
