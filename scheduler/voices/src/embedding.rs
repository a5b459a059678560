//! Who speaks, as numbers.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::VoiceError;

/// Numbers an embedding may have: eight times the large model's.
const WIDEST: usize = 16_384;

/// A speaker as one model hears them: 1 to 16 384 finite numbers, not normalised.
///
/// In JSON the numbers are the base64 of 32-bit floats, little-endian: no bit is lost on the way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Embedding(Vec<f32>);

impl Embedding {
    /// Accepts the numbers that a model gives.
    ///
    /// # Errors
    /// [`VoiceError::Invalid`] when there are none or too many, or when one is not finite.
    pub fn new(numbers: Vec<f32>) -> Result<Self, VoiceError> {
        if numbers.is_empty() || numbers.len() > WIDEST {
            return Err(VoiceError::Invalid(format!(
                "a speaker embedding of {} numbers: expected 1 to {WIDEST}",
                numbers.len()
            )));
        }
        if !numbers.iter().all(|number| number.is_finite()) {
            return Err(VoiceError::Invalid("a speaker embedding holds what is no number".into()));
        }
        Ok(Self(numbers))
    }

    /// Reads 32-bit floats, little-endian.
    ///
    /// # Errors
    /// As [`Self::new`], and when the length is no multiple of four.
    pub fn from_le_bytes(bytes: &[u8]) -> Result<Self, VoiceError> {
        let (numbers, []) = bytes.as_chunks::<4>() else {
            return Err(VoiceError::Invalid("a speaker embedding ends within a number".into()));
        };
        Self::new(numbers.iter().map(|number| f32::from_le_bytes(*number)).collect())
    }

    /// The numbers.
    #[must_use]
    pub fn numbers(&self) -> &[f32] {
        &self.0
    }

    /// The numbers as 32-bit floats, little-endian.
    #[must_use]
    pub fn to_le_bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(|number| number.to_le_bytes()).collect()
    }

    /// Cosine similarity, −1 to 1: how much two takes sound like one speaker. `None` when the two are
    /// of different models, or when one is all zeros.
    #[must_use]
    pub fn similarity(&self, other: &Self) -> Option<f32> {
        if self.0.len() != other.0.len() {
            return None;
        }
        let dot = |a: &[f32], b: &[f32]| -> f64 {
            a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
        };
        let norms = (dot(&self.0, &self.0) * dot(&other.0, &other.0)).sqrt();
        #[expect(clippy::cast_possible_truncation, reason = "a similarity needs no more than f32")]
        (norms > 0.0).then(|| (dot(&self.0, &other.0) / norms).clamp(-1.0, 1.0) as f32)
    }
}

impl TryFrom<String> for Embedding {
    type Error = VoiceError;

    fn try_from(base64: String) -> Result<Self, VoiceError> {
        // Four digits stand for three bytes.
        if base64.len() > WIDEST * 4 / 3 * 4 + 8 {
            return Err(VoiceError::Invalid("a speaker embedding is longer than any is".into()));
        }
        let bytes = STANDARD
            .decode(base64)
            .map_err(|error| VoiceError::Invalid(format!("a speaker embedding: {error}")))?;
        Self::from_le_bytes(&bytes)
    }
}

impl From<Embedding> for String {
    fn from(embedding: Embedding) -> Self {
        STANDARD.encode(embedding.to_le_bytes())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_bit_is_lost_in_json(numbers in prop::collection::vec(-1e30f32..1e30, 1..200)) {
            let embedding = Embedding::new(numbers).unwrap();
            let json = serde_json::to_string(&embedding).unwrap();
            let read: Embedding = serde_json::from_str(&json).unwrap();
            prop_assert_eq!(read.to_le_bytes(), embedding.to_le_bytes());
        }
    }

    #[test]
    fn a_speaker_is_most_like_themselves() {
        let of = |numbers: &[f32]| Embedding::new(numbers.to_vec()).unwrap();
        let mira = of(&[1.0, 2.0, -3.0]);
        assert!((mira.similarity(&of(&[2.0, 4.0, -6.0])).unwrap() - 1.0).abs() < 1e-6);
        assert!((mira.similarity(&of(&[-1.0, -2.0, 3.0])).unwrap() + 1.0).abs() < 1e-6);
        assert!(mira.similarity(&of(&[3.0, 0.0, 1.0])).unwrap().abs() < 1e-6);
        assert_eq!(mira.similarity(&of(&[1.0, 2.0])), None);
        assert_eq!(mira.similarity(&of(&[0.0, 0.0, 0.0])), None);
    }

    #[test]
    fn what_is_no_embedding_is_refused() {
        assert!(Embedding::new(vec![]).is_err());
        assert!(Embedding::new(vec![f32::NAN]).is_err());
        assert!(Embedding::new(vec![0.5; WIDEST + 1]).is_err());
        assert!(Embedding::new(vec![0.5; WIDEST]).is_ok());
        let longest = String::from(Embedding::new(vec![0.5; WIDEST]).unwrap());
        assert!(Embedding::try_from(longest).is_ok());
        assert!(Embedding::from_le_bytes(&[0; 5]).is_err());
        assert!(Embedding::try_from("AAA".to_owned()).is_err());
        assert!(Embedding::try_from("A".repeat(1 << 20)).is_err());
    }
}
