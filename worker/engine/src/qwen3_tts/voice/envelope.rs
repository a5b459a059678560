//! What a prompt's bytes are wrapped in: a version, a length, a checksum, and compression.
//!
//! ```text
//!  8 bytes   what it is, e.g. "trvoice" and a zero
//!  4 bytes   version, little-endian
//!  4 bytes   length of the body, little-endian
//! 32 bytes   SHA-256 of the 16 bytes above and of all that follows these 32
//!  the rest  the body, as one DEFLATE stream
//! ```

use std::io::{Read as _, Write as _};

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use sha2::{Digest as _, Sha256};

use super::{PromptError, damaged};

/// One kind of file in an envelope.
#[derive(Debug)]
pub(in crate::qwen3_tts) struct Envelope {
    /// What a file begins with.
    magic: [u8; 8],
    /// Changes whenever a file of the version before would be read wrongly.
    version: u32,
    /// Bytes a body may have: above what the largest takes, and little enough to be held.
    max_body: usize,
    /// How long compression may take for how little.
    effort: u32,
}

/// A cloned voice: a few kilobytes.
pub(super) const CLONE: Envelope =
    Envelope { magic: *b"trvoice\0", version: 1, max_body: 1 << 20, effort: 9 };

/// A voice made ready: megabytes of numbers, which hardly become less.
pub(in crate::qwen3_tts) const READY: Envelope =
    Envelope { magic: *b"trready\0", version: 1, max_body: 256 << 20, effort: 2 };

/// Bytes in front of the checksum.
const PREFIX: usize = 16;

/// Bytes in front of the stream.
const HEADER: usize = PREFIX + 32;

impl Envelope {
    /// Wraps a body.
    pub(in crate::qwen3_tts) fn seal(&self, body: &[u8]) -> Result<Vec<u8>, PromptError> {
        let length = u32::try_from(body.len()).ok().filter(|_| body.len() <= self.max_body);
        let length = length.ok_or_else(|| self.too_long(body.len()))?;
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::new(self.effort));
        encoder.write_all(body).map_err(damaged)?;
        let stream = encoder.finish().map_err(damaged)?;
        let mut sealed = Vec::with_capacity(HEADER + stream.len());
        sealed.extend_from_slice(&self.magic);
        sealed.extend_from_slice(&self.version.to_le_bytes());
        sealed.extend_from_slice(&length.to_le_bytes());
        let sum = checksum(&sealed, &stream);
        sealed.extend_from_slice(&sum);
        sealed.extend_from_slice(&stream);
        Ok(sealed)
    }

    /// Unwraps a body. The version is looked at first, so that another one is not called damaged.
    pub(in crate::qwen3_tts) fn open(&self, sealed: &[u8]) -> Result<Vec<u8>, PromptError> {
        let (stream, length) = self.stream(sealed)?;
        inflate(stream, length)
    }

    /// Whether bytes are what was sealed by this version: their checksum is looked at, not the body.
    pub(in crate::qwen3_tts) fn is_whole(&self, sealed: &[u8]) -> bool {
        self.stream(sealed).is_ok()
    }

    /// The body's stream, and how long it says it is.
    fn stream<'a>(&self, sealed: &'a [u8]) -> Result<(&'a [u8], usize), PromptError> {
        let short = || damaged("it ends too soon");
        let (magic, rest) = sealed.split_first_chunk::<8>().ok_or_else(short)?;
        let (version, rest) = rest.split_first_chunk::<4>().ok_or_else(short)?;
        let (length, rest) = rest.split_first_chunk::<4>().ok_or_else(short)?;
        let (sum, stream) = rest.split_first_chunk::<32>().ok_or_else(short)?;
        if *magic != self.magic {
            return Err(damaged("it does not begin like one"));
        }
        let found = u32::from_le_bytes(*version);
        if found != self.version {
            return Err(PromptError::Version { found, expected: self.version });
        }
        let length = u32::from_le_bytes(*length) as usize;
        if length > self.max_body {
            return Err(self.too_long(length));
        }
        if checksum(&sealed[..PREFIX], stream) != *sum {
            return Err(damaged("its checksum is another"));
        }
        Ok((stream, length))
    }

    fn too_long(&self, length: usize) -> PromptError {
        PromptError::Limit { what: "bytes", found: length, most: self.max_body }
    }
}

/// Inflates to exactly `length` bytes, and never to more than one beyond.
fn inflate(stream: &[u8], length: usize) -> Result<Vec<u8>, PromptError> {
    let mut body = Vec::with_capacity(length);
    let mut decoder = DeflateDecoder::new(stream);
    decoder.by_ref().take(length as u64 + 1).read_to_end(&mut body).map_err(damaged)?;
    if body.len() != length || decoder.total_in() != stream.len() as u64 {
        return Err(damaged("its length is another"));
    }
    Ok(body)
}

fn checksum(prefix: &[u8], stream: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update(prefix).chain_update(stream).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A stream with a right checksum and any declared length, as only a forger makes it.
    fn forge(length: u32, stream: &[u8]) -> Vec<u8> {
        let mut sealed =
            [CLONE.magic.as_slice(), &CLONE.version.to_le_bytes(), &length.to_le_bytes()].concat();
        let sum = checksum(&sealed, stream);
        sealed.extend_from_slice(&sum);
        sealed.extend_from_slice(stream);
        sealed
    }

    fn deflate(body: &[u8]) -> Vec<u8> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(body).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn what_is_sealed_opens() {
        for body in [vec![], vec![7; 1], vec![0; 100_000]] {
            assert_eq!(CLONE.open(&CLONE.seal(&body).unwrap()).unwrap(), body);
        }
        assert!(matches!(CLONE.seal(&vec![0; CLONE.max_body + 1]), Err(PromptError::Limit { .. })));
    }

    #[test]
    fn a_stream_of_another_length_than_declared_is_refused() {
        let stream = deflate(&[1; 1000]);
        assert!(CLONE.open(&forge(1000, &stream)).is_ok());
        for length in [0, 1, 999, 1001] {
            let error = CLONE.open(&forge(length, &stream)).unwrap_err();
            assert!(matches!(error, PromptError::Damaged(_)), "{length}: {error}");
        }
    }

    #[test]
    fn a_small_stream_that_inflates_without_end_is_not_followed() {
        let bomb = deflate(&vec![0; 64 << 20]);
        assert!(matches!(CLONE.open(&forge(1000, &bomb)), Err(PromptError::Damaged(_))));
        assert!(matches!(CLONE.open(&forge(64 << 20, &bomb)), Err(PromptError::Limit { .. })));
    }

    #[test]
    fn nothing_may_follow_the_stream() {
        let stream = [deflate(&[1; 10]), vec![0]].concat();
        assert!(matches!(CLONE.open(&forge(10, &stream)), Err(PromptError::Damaged(_))));
    }
}
