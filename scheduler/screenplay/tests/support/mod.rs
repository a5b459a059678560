//! What two scripts say, whatever files they came in.

use screenplay::{Dual, ElementKind, Extension, Script};

/// What reaches an ear, or decides how it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Said {
    /// A scene starts.
    Scene {
        /// Its heading.
        heading: String,
        /// Its number.
        number: Option<String>,
    },
    /// Somebody speaks.
    Speech {
        /// The speaker's key.
        speaker: String,
        /// All they say.
        text: String,
        /// Their directions, and where in the text.
        directions: Vec<(u32, String)>,
        /// What stands behind their name.
        extensions: Vec<Extension>,
        /// Which half of two speeches.
        dual: Option<Dual>,
    },
}

/// Everything said in `script`, in order.
pub(crate) fn said(script: &Script) -> Vec<Said> {
    let elements = script.elements.iter();
    let said = elements.filter_map(|element| match &element.kind {
        ElementKind::SceneHeading { text, number } => {
            Some(Said::Scene { heading: text.clone(), number: number.clone() })
        }
        ElementKind::Speech(speech) => {
            let spoken = speech.spoken();
            let directions = spoken.parentheticals.into_iter();
            Some(Said::Speech {
                speaker: speech.speaker_key.clone(),
                text: spoken.text,
                directions: directions.map(|direction| (direction.at, direction.text)).collect(),
                extensions: speech.extensions.clone(),
                dual: speech.dual,
            })
        }
        _ => None,
    });
    said.collect()
}
