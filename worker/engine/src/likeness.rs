//! How alike two voices are, by what a model heard of them.

/// How alike the speakers of two embeddings are: the cosine between them, from −1 to 1, where 1 is the
/// same. Their lengths do not matter.
///
/// `None` when it cannot be told: they are of different models, of no length, or hold what is no number.
#[must_use]
pub fn likeness(one: &[f32], other: &[f32]) -> Option<f32> {
    if one.len() != other.len() {
        return None;
    }
    let dot = |a: &[f32], b: &[f32]| -> f64 {
        a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
    };
    let cosine = dot(one, other) / (dot(one, one).sqrt() * dot(other, other).sqrt());
    // Rounding may carry it past either end; nothing against nothing is no number.
    #[expect(clippy::cast_possible_truncation, reason = "a cosine needs no more than f32")]
    cosine.is_finite().then_some(cosine.clamp(-1.0, 1.0) as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_voice_is_like_itself_however_loud_and_unlike_its_opposite() {
        let voice = [0.3, -1.5, 2.0];
        let louder = voice.map(|number| number * 7.0);
        let opposite = voice.map(|number| -number);
        assert!((likeness(&voice, &louder).unwrap() - 1.0).abs() < 1e-6);
        assert!((likeness(&voice, &opposite).unwrap() + 1.0).abs() < 1e-6);
        assert!(likeness(&[1.0, 0.0], &[0.0, 3.0]).unwrap().abs() < 1e-6);
    }

    #[test]
    fn what_cannot_be_compared_has_no_likeness() {
        assert_eq!(likeness(&[1.0], &[1.0, 0.0]), None);
        assert_eq!(likeness(&[], &[]), None);
        assert_eq!(likeness(&[0.0, 0.0], &[1.0, 0.0]), None);
        assert_eq!(likeness(&[f32::NAN, 1.0], &[1.0, 1.0]), None);
    }
}
