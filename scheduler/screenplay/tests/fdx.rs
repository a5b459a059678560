//! Final Draft XML, rule by rule.

use screenplay::{Dual, ElementKind, Emphasis, Part, Script, Speech, read};

fn fdx(content: &str) -> Script {
    fdx_with(content, "")
}

fn fdx_with(content: &str, behind: &str) -> Script {
    let xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<FinalDraft>\n<Content>\n{content}\n</Content>\n{behind}</FinalDraft>"
    );
    read("a.fdx", xml.as_bytes()).expect("the test's XML is sound")
}

fn paragraph(kind: &str, text: &str) -> String {
    format!("<Paragraph Type=\"{kind}\"><Text>{text}</Text></Paragraph>\n")
}

fn speech(name: &str, words: &str) -> String {
    paragraph("Character", name) + &paragraph("Dialogue", words)
}

fn speeches(script: &Script) -> Vec<&Speech> {
    let speeches = script.elements.iter().filter_map(|element| match &element.kind {
        ElementKind::Speech(speech) => Some(speech),
        _ => None,
    });
    speeches.collect()
}

/// The script as a table: one element a line.
fn table(script: &Script) -> String {
    let rows = script.elements.iter().map(|element| match &element.kind {
        ElementKind::Speech(speech) => {
            let parts = speech.parts.iter().map(|part| match part {
                Part::Words { text, .. } => format!("\"{text}\""),
                Part::Sung { text, .. } => format!("~{text}~"),
                Part::Parenthetical { text, .. } => format!("({text})"),
                Part::EmptyLine => "-".to_owned(),
            });
            let dual = speech.dual.map(|dual| format!(" {dual:?}")).unwrap_or_default();
            format!("{}{dual}: {}\n", speech.speaker, parts.collect::<Vec<_>>().join(" "))
        }
        ElementKind::SceneHeading { text, number } => format!("SCENE {number:?} {text}\n"),
        ElementKind::Action { text } => format!("ACTION {text}\n"),
        ElementKind::Section { level, text } => format!("SECTION {level} {text}\n"),
        other => format!("{other:?}\n"),
    });
    rows.collect()
}

fn codes(script: &Script) -> Vec<&'static str> {
    script.doubts.iter().map(|doubt| doubt.code).collect()
}

#[test]
fn the_shipped_file_reads_as_it_is_meant() {
    let script = screenplay::read_path(&fixtures::path("screenplays/two-scenes.fdx")).unwrap();
    insta::assert_snapshot!(table(&script), @r#"
    SCENE Some("1") INT. FLEA MARKET - DAY
    Synopsis { text: "A summary is never spoken." }
    ACTION Rain drums on the awning. A musical box is wound.
    DORA: "What does it play?"
    STALLHOLDER: (not looking up) "Whatever you forgot."
    DORA Left: "How much?"
    STALLHOLDER Right: "Don't ask."
    Transition { text: "CUT TO:" }
    SCENE Some("2") INT. DORA'S KITCHEN - NIGHT
    ACTION The musical box plays four notes and stops.
    MOTHER: "Dora & I used to dance to that."
    DORA: (beat) "That is what I forgot."
    "#);
    assert_eq!(script.listed_characters, ["DORA", "STALLHOLDER", "MOTHER", "THE POLICEMAN"]);
    assert_eq!(codes(&script), ["unread_text"]);
    assert_eq!(speeches(&script)[1].notes, ["Ask the composer about this tune."]);
}

#[test]
fn only_the_content_of_the_root_is_script() {
    let elsewhere = "<TitlePage><Content><Paragraph Type=\"Dialogue\"><Text>no</Text></Paragraph></Content></TitlePage>\
        <HeaderAndFooter><Header><Paragraph><Text>no</Text></Paragraph></Header></HeaderAndFooter>\
        <DisplayBoards><Content><Paragraph><Text>no</Text></Paragraph></Content></DisplayBoards>\
        <ScriptNotes><ScriptNote><Paragraph><Text>no</Text></Paragraph></ScriptNote></ScriptNotes>";
    let script = fdx_with(&speech("A", "yes"), elsewhere);
    assert_eq!(table(&script), "A: \"yes\"\n");
}

#[test]
fn text_of_nested_paragraphs_is_not_script() {
    let nested = "<Paragraph Type=\"Character\"><Text>A</Text></Paragraph>\
        <Paragraph Type=\"Dialogue\"><SceneArcBeats><CharacterArcBeat><Paragraph><Text>no</Text>\
        </Paragraph></CharacterArcBeat></SceneArcBeats><Text>ye</Text><Paragraph><Text>no</Text>\
        </Paragraph><Text>s</Text></Paragraph>";
    assert_eq!(table(&fdx(nested)), "A: \"yes\"\n");
}

#[test]
fn a_paragraph_without_a_type_is_action() {
    assert_eq!(table(&fdx("<Paragraph><Text>Rain.</Text></Paragraph>")), "ACTION Rain.\n");
}

#[test]
fn every_type_of_final_draft_is_known() {
    let types = [
        "Scene Heading",
        "Action",
        "Character",
        "Transition",
        "Shot",
        "General",
        "Cast List",
        "New Act",
        "End of Act",
        "End Of Act",
        "Lyrics",
        "Outline 1",
        "Outline 2",
        "Outline 3",
        "Outline 4",
    ];
    for kind in types {
        let script = fdx(&paragraph(kind, "x"));
        assert!(!codes(&script).contains(&"unknown_type"), "{kind}");
        assert_eq!(script.elements.len(), 1, "{kind}");
    }
}

#[test]
fn a_custom_type_behaves_as_its_settings_say() {
    let settings = "<ElementSettings Type=\"Whisper\"><FontSpec/><Behavior PaginateAs=\"Dialogue\" ReturnKey=\"Action\"/></ElementSettings>";
    let content = paragraph("Character", "A") + &paragraph("Whisper", "psst");
    let script = fdx_with(&content, settings);
    assert_eq!(table(&script), "A: \"psst\"\n");
    assert!(script.doubts.is_empty());
    let script = fdx(&content);
    assert_eq!(table(&script), "A: \nACTION psst\n");
    assert_eq!(codes(&script), ["speech_without_words", "unknown_type"]);
}

#[test]
fn speeches_in_a_dual_block_are_its_halves() {
    let block = format!(
        "<Paragraph><DualDialogue>{}{}</DualDialogue></Paragraph>",
        speech("A", "a"),
        speech("B", "b")
    );
    let script = fdx(&(speech("C", "c") + &block + &speech("D", "d")));
    assert_eq!(table(&script), "C: \"c\"\nA Left: \"a\"\nB Right: \"b\"\nD: \"d\"\n");
    assert!(script.doubts.is_empty());
}

#[test]
fn speeches_marked_as_dual_pair_with_their_neighbour() {
    let marked = |name: &str| {
        format!(
            "<Paragraph Type=\"Character\" DualDialogue=\"Yes\"><Text>{name}</Text></Paragraph>"
        ) + &paragraph("Dialogue", "x")
    };
    let one = fdx(&(speech("A", "x") + &marked("B") + &speech("C", "x")));
    assert_eq!(table(&one), "A Left: \"x\"\nB Right: \"x\"\nC: \"x\"\n");
    let both = fdx(&(speech("A", "x") + &paragraph("Action", ".") + &marked("B") + &marked("C")));
    assert_eq!(table(&both), "A: \"x\"\nACTION .\nB Left: \"x\"\nC Right: \"x\"\n");
    let alone = fdx(&(speech("A", "x") + &paragraph("Action", ".") + &marked("B")));
    assert_eq!(speeches(&alone)[1].dual, None::<Dual>);
    assert_eq!(codes(&alone), ["dual_without_pair"]);
}

#[test]
fn struck_and_hidden_text_is_doubted_and_not_spoken() {
    let script = fdx(
        "<Paragraph Type=\"Character\"><Text>A</Text></Paragraph><Paragraph Type=\"Dialogue\">\
         <Text>I </Text><Text Style=\"Bold+Strikeout\">never</Text><Text> said </Text>\
         <Text Style=\"HiddenText\">no</Text><Text>it.</Text></Paragraph>",
    );
    assert_eq!(table(&script), "A: \"I said it.\"\n");
    assert_eq!(codes(&script), ["unread_text"]);
}

#[test]
fn what_stands_below_a_struck_name_is_nobodys() {
    let struck = "<Paragraph Type=\"Character\"><Text Style=\"Strikeout\">B</Text></Paragraph>";
    let script = fdx(&(speech("A", "mine") + struck + &paragraph("Dialogue", "not mine")));
    assert_eq!(table(&script), "A: \"mine\"\nACTION not mine\n");
    assert_eq!(codes(&script), ["unread_text", "no_speaker"]);
}

#[test]
fn runs_join_without_spaces_and_keep_their_emphasis() {
    let script = fdx(
        "<Paragraph Type=\"Character\"><Text>A</Text></Paragraph><Paragraph Type=\"Dialogue\">\
         <Text RevisionID=\"1\">Out</Text><Text Style=\"Italic+AllCaps\">ra</Text>\
         <Text Style=\"Italic\" TagNumber=\"3\">ge</Text><Text>ous</Text></Paragraph>",
    );
    let Part::Words { text, emphasis, .. } = &speeches(&script)[0].parts[0] else { panic!() };
    assert_eq!(text, "Outrageous");
    let italic =
        Emphasis { start: 3, end: 7, is_italic: true, is_bold: false, is_underlined: false };
    assert_eq!(emphasis, &[italic]);
}

#[test]
fn a_locked_scene_number_wins() {
    let locked = "<Paragraph Type=\"Scene Heading\" Number=\"12A\"><SceneProperties Number=\"9\"/><Text>INT. A</Text></Paragraph>";
    assert_eq!(table(&fdx(locked)), "SCENE Some(\"12A\") INT. A\n");
    let unlocked = "<Paragraph Type=\"Scene Heading\"><SceneProperties Number=\"9\"/><Text>INT. A</Text></Paragraph>";
    assert_eq!(table(&fdx(unlocked)), "SCENE Some(\"9\") INT. A\n");
}

#[test]
fn a_speech_goes_on_until_another_type_and_over_empty_paragraphs() {
    let content = paragraph("Character", "A (V.O.) (CONT'D)")
        + &paragraph("Parenthetical", "(low)")
        + &paragraph("Dialogue", "One.")
        + "<Paragraph Type=\"Action\"/>"
        + &paragraph("Singing", "La.")
        + &paragraph("Dialogue", "Two.\nThree.")
        + &paragraph("Action", "Rain.")
        + &paragraph("Dialogue", "Lost.");
    let script = fdx(&content);
    assert_eq!(
        table(&script),
        "A: (low) \"One.\" ~La.~ \"Two.\" \"Three.\"\nACTION Rain.\nACTION Lost.\n"
    );
    assert_eq!(codes(&script), ["no_speaker"]);
}

#[test]
fn a_speech_broken_by_a_page_is_one() {
    let content = paragraph("Character", "A")
        + &paragraph("Dialogue", "One.")
        + &paragraph("Parenthetical", "(MORE)")
        + &speech("A (CONT'D)", "Two.");
    assert_eq!(table(&fdx(&content)), "A: \"One.\" \"Two.\"\n");
}

#[test]
fn a_direction_in_front_of_the_words_is_not_spoken() {
    let script = fdx(&speech("A", "(laughing) Hello (you)."));
    assert_eq!(table(&script), "A: (laughing) \"Hello (you).\"\n");
    assert_eq!(codes(&fdx(&speech("A", "(he said"))), ["unclosed_parenthetical"]);
}

#[test]
fn a_group_is_doubted_and_never_silently_a_voice() {
    for name in ["BOB &amp; ANN", "ALL", "CROWD (VARIOUS)", "BOB/ANN"] {
        assert_eq!(codes(&fdx(&speech(name, "x"))), ["group_cue"], "{name}");
    }
}

#[test]
fn lists_of_names_are_hints_each_name_once() {
    let lists = "<SmartType><Characters><Character>Ann</Character><Character>ANN (V.O.)</Character></Characters></SmartType>\
        <Cast><Member Actor=\"X\" Character=\"BOB\"/></Cast><Characters><Character Name=\"CY\"/></Characters>";
    assert_eq!(fdx_with("", lists).listed_characters, ["Ann", "BOB", "CY"]);
}

#[test]
fn odd_layout_attributes_do_not_matter() {
    let xml = "<FinalDraft><Content><Paragraph Type=\"Action\" Alignment=\"Wrong\" SpaceBefore=\"x\"><Text Font=\"\">ok</Text></Paragraph></Content>\
        <ElementSettings><Behavior/><ParagraphSpec BreakDialogueAndActionAtSentences=\"maybe\"/></ElementSettings></FinalDraft>";
    assert_eq!(table(&read("a", xml.as_bytes()).unwrap()), "ACTION ok\n");
}

#[test]
fn a_span_is_the_paragraphs_place_in_the_xml() {
    let xml = "\u{feff}<FinalDraft><Content>\r\n é<Paragraph Type=\"Action\"><Text>Rain.</Text></Paragraph>\r\n</Content></FinalDraft>";
    let script = read("a.fdx", xml.as_bytes()).unwrap();
    let span = script.elements[0].span;
    assert_eq!((span.line, span.column), (2, 3));
    let text = &xml[span.start as usize..span.end as usize];
    assert!(text.starts_with("<Paragraph") && text.ends_with("</Paragraph>"), "{text}");
}
