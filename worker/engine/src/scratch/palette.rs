//! Timbres for characters that nobody gave a voice.

/// How a scratch voice differs from its synthesiser's own; goes into `VoiceSource::Scratch`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScratchTimbre {
    /// Pitch against the synthesiser's own; 0.5 to 2.
    pub pitch: f32,
    /// Vocal-tract size against the synthesiser's own, above 1 sounds smaller; 0.8 to 1.25.
    pub formant: f32,
    /// Speaking rate against the synthesiser's own; 0.5 to 2.
    pub rate: f32,
}

const fn timbre(pitch: f32, formant: f32, rate: f32) -> ScratchTimbre {
    ScratchTimbre { pitch, formant, rate }
}

/// Large and low to small and high. Neighbours differ by 15 % in pitch or by 7 % in size: less is
/// heard as the same person in another mood. Never reorder or edit: a place is a character's voice.
const TIMBRES: [ScratchTimbre; 24] = [
    timbre(0.50, 0.82, 0.94),
    timbre(0.58, 0.82, 1.00),
    timbre(0.67, 0.82, 1.06),
    timbre(0.78, 0.82, 1.00),
    timbre(0.54, 0.88, 1.06),
    timbre(0.63, 0.88, 0.94),
    timbre(0.73, 0.88, 1.00),
    timbre(0.86, 0.88, 1.06),
    timbre(0.68, 0.95, 1.00),
    timbre(0.80, 0.95, 1.06),
    timbre(0.93, 0.95, 0.94),
    timbre(1.08, 0.95, 1.00),
    timbre(0.85, 1.02, 1.06),
    timbre(1.00, 1.02, 1.00),
    timbre(1.16, 1.02, 1.06),
    timbre(1.35, 1.02, 0.94),
    timbre(0.95, 1.10, 0.94),
    timbre(1.10, 1.10, 1.06),
    timbre(1.28, 1.10, 1.00),
    timbre(1.50, 1.10, 1.06),
    timbre(1.20, 1.18, 1.00),
    timbre(1.40, 1.18, 0.94),
    timbre(1.62, 1.18, 1.06),
    timbre(1.88, 1.18, 1.00),
];

/// Picks the timbre of `speaker_key`, and says at which place of the table it stands.
///
/// `taken` holds the places given to the characters before, in any order; a place taken twice is
/// there twice. The first of the least taken places from the key's hash on is picked. Pure: asked
/// in order of first appearance, each with the places of those before, a character that comes last
/// changes nobody, and up to 24 characters all differ. Places that the table does not have are
/// ignored.
#[must_use]
pub fn palette(speaker_key: &str, taken: &[usize]) -> (usize, ScratchTimbre) {
    let mut uses = [0_usize; TIMBRES.len()];
    for &place in taken {
        if let Some(count) = uses.get_mut(place) {
            *count += 1;
        }
    }
    let least = uses.iter().copied().min().unwrap_or(0);
    let home = home(speaker_key);
    let place = (home..home + TIMBRES.len())
        .map(|place| place % TIMBRES.len())
        .find(|&place| uses[place] == least)
        .unwrap_or(home);
    (place, TIMBRES[place])
}

/// Where the key would stand in an empty table: FNV-1a, which no library can change under us.
fn home(speaker_key: &str) -> usize {
    let hash = speaker_key.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let folded = (hash ^ (hash >> 32)) & 0xffff_ffff;
    usize::try_from(folded % TIMBRES.len() as u64).expect("less than 24")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(speakers: &[String]) -> Vec<usize> {
        speakers.iter().fold(Vec::new(), |mut taken, speaker| {
            taken.push(palette(speaker, &taken).0);
            taken
        })
    }

    fn cast(count: usize) -> Vec<String> {
        (0..count).map(|n| format!("SPEAKER {n}")).collect()
    }

    #[test]
    fn up_to_24_characters_all_sound_different_and_then_each_timbre_is_used_twice() {
        let mut first = places(&cast(48));
        let mut second = first.split_off(24);
        first.sort_unstable();
        second.sort_unstable();
        assert_eq!(first, (0..24).collect::<Vec<_>>());
        assert_eq!(second, first);
    }

    #[test]
    fn a_character_added_at_the_end_changes_nobody() {
        assert_eq!(places(&cast(30))[..29], places(&cast(29)));
    }

    #[test]
    fn a_name_keeps_its_timbre_between_releases() {
        let picked = ["MIRA", "OTTO", "THE HARBOUR MASTER"].map(|name| palette(name, &[]).0);
        assert_eq!(picked, [17, 12, 0]);
    }

    #[test]
    fn a_taken_place_moves_a_name_to_the_next_free_one() {
        let (home, _) = palette("MIRA", &[]);
        assert_eq!(palette("MIRA", &[home, (home + 1) % 24]).0, (home + 2) % 24);
        assert_eq!(palette("MIRA", &[24, 99]).0, home);
    }

    #[test]
    fn timbres_are_in_range_and_well_apart() {
        for (n, a) in TIMBRES.iter().enumerate() {
            assert!((0.5..=2.0).contains(&a.pitch) && (0.8..=1.25).contains(&a.formant), "{a:?}");
            assert!((0.5..=2.0).contains(&(a.pitch / a.formant)), "Pico cannot do {a:?}");
            for b in &TIMBRES[n + 1..] {
                let pitch = (a.pitch / b.pitch).ln().abs() / 1.15_f32.ln();
                let formant = (a.formant / b.formant).ln().abs() / 1.07_f32.ln();
                assert!(pitch.max(formant) >= 0.99, "{a:?} is too near to {b:?}");
            }
        }
    }
}
