//! What must hold for any bytes at all; the fuzzer and the ordinary tests run the same functions.

use screenplay::{ElementKind, Part, Script, Span, Unreadable, print_fdx, read};

/// Reads `bytes` as Fountain.
pub(crate) fn fountain(bytes: &[u8]) {
    check("a.fountain", bytes);
}

/// Reads `bytes` as FDX.
pub(crate) fn fdx(bytes: &[u8]) {
    check("a.fdx", bytes);
}

/// Reads `bytes` as Highland, zipped or plain.
pub(crate) fn highland(bytes: &[u8]) {
    check("a.highland", bytes);
}

/// Reads `bytes` as a zipped TextBundle.
pub(crate) fn textbundle(bytes: &[u8]) {
    check("a.textpack", bytes);
}

/// Either says what is wrong and what to do, or gives a script that can be trusted.
fn check(name: &str, bytes: &[u8]) {
    match read(name, bytes) {
        Err(Unreadable { message, advice, .. }) => {
            assert!(!message.is_empty() && !advice.is_empty());
        }
        Ok(script) => {
            let is_archive = bytes.starts_with(b"PK");
            if let Some(text) = std::str::from_utf8(bytes).ok().filter(|_| !is_archive) {
                for span in spans(&script) {
                    check_span(text, span);
                }
            }
            assert!(script.doubts.is_sorted_by_key(|doubt| doubt.span.start));
            read("a.fdx", print_fdx(&script).as_bytes()).expect("what we print can be read");
        }
    }
}

fn check_span(text: &str, span: Span) {
    assert!(text.get(span.start as usize..span.end as usize).is_some(), "{span:?}");
    assert!(span.line >= 1 && span.column >= 1, "{span:?}");
}

fn spans(script: &Script) -> Vec<Span> {
    let mut spans: Vec<Span> = script.doubts.iter().map(|doubt| doubt.span).collect();
    spans.extend(script.title_page.iter().map(|field| field.span));
    for element in &script.elements {
        spans.push(element.span);
        if let ElementKind::Speech(speech) = &element.kind {
            spans.push(speech.cue);
            spans.extend(speech.parts.iter().filter_map(|part| match part {
                Part::Words { span, .. }
                | Part::Sung { span, .. }
                | Part::Parenthetical { span, .. } => Some(*span),
                Part::EmptyLine => None,
            }));
        }
    }
    spans
}
