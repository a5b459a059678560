//! The pure Rust encoder.

use schemas::Encoder;
use syom::EncodeOptions;

use super::AccessUnits;
use crate::AudioError;

/// Turns samples into access units.
pub(super) struct Coder {
    inner: syom::Encoder,
}

impl Coder {
    /// What it is called in a delivery's key.
    pub(super) const NAME: Encoder = Encoder::Syom;

    /// One channel at a rate that AAC has. It looks one frame ahead: consonants that begin early in a
    /// frame are otherwise smeared before their onset.
    pub(super) fn new(rate_hz: u32, bitrate_bps: u32) -> Result<Self, AudioError> {
        let options = EncodeOptions::raw().with_bitrate_bps(bitrate_bps).with_lookahead(true);
        let inner = syom::Encoder::new(rate_hz, 1, &options).map_err(|error| failed(&error))?;
        Ok(Self { inner })
    }

    /// Encodes samples within ±1.
    pub(super) fn push(
        &mut self,
        samples: &[f32],
        units: &mut AccessUnits,
    ) -> Result<(), AudioError> {
        let mut kept = Ok(());
        let fed = self.inner.feed(&[samples], |frame| {
            keep(units, frame.payload, &mut kept);
            Ok(())
        });
        fed.map_err(|error| failed(&error))?;
        kept
    }

    /// Encodes what is left; returns by how many samples the decoded audio lags behind.
    pub(super) fn finish(&mut self, units: &mut AccessUnits) -> Result<u32, AudioError> {
        let mut kept = Ok(());
        let ended = self.inner.finish(|frame| {
            keep(units, frame.payload, &mut kept);
            Ok(())
        });
        let info = ended.map_err(|error| failed(&error))?;
        kept?;
        u32::try_from(info.priming).map_err(|_| AudioError::Encode("endless priming".into()))
    }
}

/// Adds a unit unless one before it could not be added.
fn keep(units: &mut AccessUnits, unit: &[u8], kept: &mut Result<(), AudioError>) {
    if kept.is_ok() {
        *kept = units.push(unit);
    }
}

fn failed(error: &syom::AacError) -> AudioError {
    AudioError::Encode(error.to_string())
}
