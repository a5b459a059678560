//! The fuzz targets' bodies on damaged copies of real files and on hostile grammar.

#[path = "../fuzz/src/bodies.rs"]
mod bodies;

use proptest::{collection::vec, prelude::*, sample::Index};

/// One way to damage a file.
#[derive(Debug, Clone)]
enum Damage {
    /// Turns one bit over.
    Flip(Index, u8),
    /// Ends the file early.
    Cut(Index),
    /// Writes a stretch again, many times over.
    Repeat(Index, Index, usize),
    /// Puts something in that means something.
    Insert(Index, &'static [u8]),
    /// Takes a stretch out.
    Remove(Index, Index),
}

const SHARP: [&[u8]; 24] = [
    b"[[",
    b"]]",
    b"/*",
    b"*/",
    b"(",
    b")",
    b"^",
    b"\0",
    b"\r",
    b"\xff",
    b"\xef\xbb\xbf",
    b"{{",
    b"}}",
    b"+",
    b" :: ",
    b"<Paragraph>",
    b"</Text>",
    b"&amp;",
    b"&#0;",
    b"<![CDATA[",
    b"<!--",
    b"PK\x01\x02",
    b"\xf0\x9f\x8e\xad",
    b"\xe2\x80\xa8",
];

fn damage() -> impl Strategy<Value = Damage> {
    let index = any::<Index>;
    prop_oneof![
        (index(), 0..8_u8).prop_map(|(at, bit)| Damage::Flip(at, bit)),
        index().prop_map(Damage::Cut),
        (index(), index(), 2..50_usize).prop_map(|(a, b, times)| Damage::Repeat(a, b, times)),
        (index(), proptest::sample::select(&SHARP[..]))
            .prop_map(|(at, sharp)| Damage::Insert(at, sharp)),
        (index(), index()).prop_map(|(a, b)| Damage::Remove(a, b)),
    ]
}

fn apply(bytes: &mut Vec<u8>, damage: &Damage) {
    if bytes.is_empty() {
        return;
    }
    let stretch = |a: &Index, b: &Index| {
        let (a, b) = (a.index(bytes.len()), b.index(bytes.len()));
        a.min(b)..a.max(b)
    };
    match damage {
        Damage::Flip(at, bit) => {
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
        }
        Damage::Cut(at) => bytes.truncate(at.index(bytes.len())),
        Damage::Repeat(a, b, times) => {
            let stretch = stretch(a, b);
            let copy = bytes[stretch.clone()].repeat(*times);
            bytes.splice(stretch, copy);
            bytes.truncate(200_000);
        }
        Damage::Insert(at, sharp) => {
            let at = at.index(bytes.len());
            bytes.splice(at..at, sharp.iter().copied());
        }
        Damage::Remove(a, b) => {
            let stretch = stretch(a, b);
            bytes.drain(stretch);
        }
    }
}

fn damaged(names: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    (proptest::sample::select(names), vec(damage(), 1..6)).prop_map(|(name, damages)| {
        let mut bytes = fixtures::read(&format!("screenplays/{name}"));
        for damage in &damages {
            apply(&mut bytes, damage);
        }
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_fountain_is_read_or_refused(bytes in damaged(&["doubts.fountain", "crlf-bom.fountain", "german.fountain"])) {
        bodies::fountain(&bytes);
    }

    #[test]
    fn damaged_fdx_is_read_or_refused(bytes in damaged(&["two-scenes.fdx"])) {
        bodies::fdx(&bytes);
    }

    #[test]
    fn damaged_highland_is_read_or_refused(bytes in damaged(&["plain.highland", "sample.highland"])) {
        bodies::highland(&bytes);
    }

    #[test]
    fn damaged_bundles_are_read_or_refused(bytes in damaged(&["sample.textpack"])) {
        bodies::textbundle(&bytes);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in vec(any::<u8>(), 0..300)) {
        bodies::fountain(&bytes);
        bodies::fdx(&bytes);
        bodies::highland(&[b"PK\x03\x04", &bytes[..]].concat());
    }

    #[test]
    fn any_arrangement_of_sharp_things_is_read_or_refused(pieces in vec(proptest::sample::select(&SHARP[..]), 0..60)) {
        let bytes = pieces.join(&b"a\n"[..]);
        bodies::fountain(&bytes);
        bodies::highland(&bytes);
        bodies::fdx(&[b"<FinalDraft><Content>", &bytes[..], b"</Content></FinalDraft>"].concat());
    }
}
