//! Bytes made less, and whole again.
//!
//! Prompts are numbers: what is alike in them is every first byte, every second and so on. So bytes are
//! dealt into planes, each of which is a DEFLATE stream of its own.
//!
//! ```text
//!  8 bytes   "trpack1" and a zero
//!  4 bytes   length of the plain bytes, little-endian
//!  1 byte    number of planes: 1, 2 or 4
//!  4 bytes   for each plane, length of its stream, little-endian
//!  the rest  the streams, one after the other
//! ```

use std::io::{Read as _, Write as _};

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;

use crate::VoiceError;

const MAGIC: &[u8; 8] = b"trpack1\0";
/// Plain bytes: more than any prompt has, and little enough to be held.
pub(crate) const MOST_BYTES: usize = 256 << 20;

/// Packs bytes in whichever number of planes takes least.
///
/// # Errors
/// [`VoiceError::Invalid`] on more than 256 MiB.
pub fn pack(plain: &[u8]) -> Result<Vec<u8>, VoiceError> {
    if plain.len() > MOST_BYTES {
        return Err(VoiceError::Invalid(format!(
            "a prompt of {} bytes: expected at most {MOST_BYTES}",
            plain.len()
        )));
    }
    let packed = [1usize, 2, 4].map(|planes| pack_in(plain, planes));
    Ok(packed.into_iter().min_by_key(Vec::len).unwrap_or_default())
}

fn pack_in(plain: &[u8], planes: usize) -> Vec<u8> {
    let streams: Vec<Vec<u8>> = (0..planes)
        .map(|plane| {
            let bytes: Vec<u8> = plain.iter().copied().skip(plane).step_by(planes).collect();
            deflate(&bytes)
        })
        .collect();
    let mut packed = MAGIC.to_vec();
    packed.extend_from_slice(&length_bytes(plain.len()));
    packed.push(u8::try_from(planes).unwrap_or(1));
    for stream in &streams {
        packed.extend_from_slice(&length_bytes(stream.len()));
    }
    packed.extend(streams.into_iter().flatten());
    packed
}

fn length_bytes(length: usize) -> [u8; 4] {
    u32::try_from(length)
        .expect("bounded by MOST_BYTES, of which DEFLATE adds little")
        .to_le_bytes()
}

fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::new(6));
    encoder.write_all(bytes).expect("memory takes all");
    encoder.finish().expect("memory takes all")
}

/// Unpacks bytes that anybody may have written; takes no more memory than twice the length they state,
/// which is bounded.
///
/// # Errors
/// [`VoiceError::File`] when they are not what [`pack`] gives.
pub fn unpack(packed: &[u8]) -> Result<Vec<u8>, VoiceError> {
    let bad = || VoiceError::File("a packed prompt is damaged".into());
    let rest = packed.strip_prefix(MAGIC).ok_or_else(bad)?;
    let (length, rest) = rest.split_first_chunk::<4>().ok_or_else(bad)?;
    let (&planes, mut rest) = rest.split_first().ok_or_else(bad)?;
    let length = u32::from_le_bytes(*length) as usize;
    let planes = usize::from(planes);
    if length > MOST_BYTES || !matches!(planes, 1 | 2 | 4) {
        return Err(bad());
    }
    let mut lengths = Vec::new();
    for _ in 0..planes {
        let (stream, after) = rest.split_first_chunk::<4>().ok_or_else(bad)?;
        lengths.push(u32::from_le_bytes(*stream) as usize);
        rest = after;
    }
    let mut plain = vec![0; length];
    for (plane, stream_length) in lengths.into_iter().enumerate() {
        let (stream, after) = rest.split_at_checked(stream_length).ok_or_else(bad)?;
        let wanted = length.saturating_sub(plane).div_ceil(planes);
        let bytes = inflate(stream, wanted).ok_or_else(bad)?;
        for (to, from) in plain.iter_mut().skip(plane).step_by(planes).zip(bytes) {
            *to = from;
        }
        rest = after;
    }
    if rest.is_empty() { Ok(plain) } else { Err(bad()) }
}

/// Inflates to exactly `length` bytes, and never to more than one beyond.
fn inflate(stream: &[u8], length: usize) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut decoder = DeflateDecoder::new(stream);
    decoder.by_ref().take(length as u64 + 1).read_to_end(&mut bytes).ok()?;
    (bytes.len() == length && decoder.total_in() == stream.len() as u64).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_packed_comes_out_whole(plain in prop::collection::vec(any::<u8>(), 0..5_000)) {
            prop_assert_eq!(unpack(&pack(&plain).unwrap()).unwrap(), plain);
        }

        #[test]
        fn any_bytes_are_refused_or_read_and_never_more(
            tail in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            let forged = [MAGIC.as_slice(), &tail].concat();
            if let Ok(plain) = unpack(&forged) {
                prop_assert!(plain.len() <= MOST_BYTES);
            }
        }
    }

    #[test]
    fn codes_take_what_they_say_and_no_more() {
        let mut random = fastrand::Rng::with_seed(7);
        let codes: Vec<u8> = (0..16_000).flat_map(|_| random.u32(0..2_048).to_le_bytes()).collect();
        let packed = pack(&codes).unwrap();
        // 11 of 32 bits, and a little for the tables.
        assert!(packed.len() * 100 < codes.len() * 37, "{} of {}", packed.len(), codes.len());
    }

    #[test]
    fn a_stream_that_is_longer_or_shorter_than_stated_is_refused() {
        let packed = pack(&[7; 1_000]).unwrap();
        for length in [999u32, 1_001, u32::MAX] {
            let mut forged = packed.clone();
            forged[8..12].copy_from_slice(&length.to_le_bytes());
            assert!(unpack(&forged).is_err(), "{length}");
        }
        assert!(unpack(&[packed.as_slice(), &[0]].concat()).is_err());
        assert!(unpack(&packed[..packed.len() - 1]).is_err());
    }
}
