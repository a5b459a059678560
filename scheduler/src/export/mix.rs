//! The episode as one file: masters placed after one another, scene by scene.

use audio::Pcm;
use schemas::{LineOutcome, Manifest, ManifestLine, master_object};
use store::Store;

use super::ExportError;
use super::place::Place;

/// Lowest and highest sample of equal stretches of a line.
pub(super) type Peaks = Vec<(f32, f32)>;

/// One column of the picture for this many milliseconds of a line.
const MS_A_COLUMN: u64 = 100;

/// What mixing gives.
#[derive(Debug)]
pub(super) struct Mixed {
    /// AAC in MP4; absent when no line was delivered.
    pub(super) m4a: Option<Vec<u8>>,
    /// Of every line in script order; empty for lines without audio.
    pub(super) peaks: Vec<Peaks>,
}

/// Mixes the delivered lines at their places. Holds one scene of samples at a time.
pub(super) async fn mix(
    manifest: &Manifest,
    places: &[Place],
    store: &Store,
) -> Result<Mixed, ExportError> {
    let rate_hz = manifest.mastering.rate_hz;
    let tags = [("title", manifest.title.as_str()), ("album", manifest.episode.as_str())];
    let mut encoder = audio::AacEncoder::new(rate_hz, manifest.mastering.bitrate_bps)
        .map_err(ExportError::Mix)?;
    let mut peaks = Vec::with_capacity(places.len());
    let mut written = 0;
    let mut rest = manifest.lines.as_slice();
    let mut at = 0;
    while let Some(first) = rest.first() {
        let count = rest.iter().take_while(|line| line.scene_number == first.scene_number).count();
        let (scene, later) = rest.split_at(count);
        let mut masters = Vec::with_capacity(count);
        for (line, place) in scene.iter().zip(&places[at..]) {
            let master = read_master(line, store).await?;
            peaks.push(master.as_ref().map(|pcm| columns(pcm, place)).unwrap_or_default());
            masters.extend(master.map(|pcm| (samples(place.start_ms, rate_hz) - written, pcm)));
        }
        let end_ms = places[at..at + count].iter().map(|place| place.end_ms).max().unwrap_or(0);
        let length = samples(end_ms, rate_hz).saturating_sub(written);
        let in_scene: Vec<_> = masters.iter().map(|(offset, pcm)| (*offset, pcm)).collect();
        encoder.push(&audio::mix(length, rate_hz, &in_scene).samples).map_err(ExportError::Mix)?;
        written += length;
        at += count;
        rest = later;
    }
    let is_empty = peaks.iter().all(Vec::is_empty);
    let m4a = if is_empty { None } else { Some(encoder.finish(&tags).map_err(ExportError::Mix)?) };
    Ok(Mixed { m4a, peaks })
}

async fn read_master(line: &ManifestLine, store: &Store) -> Result<Option<Pcm>, ExportError> {
    let LineOutcome::Delivered { delivery, .. } = &line.outcome else { return Ok(None) };
    let bytes = store.get(&master_object(&delivery.master_key)).await?;
    let pcm = audio::read_wav(&bytes)
        .map_err(|source| ExportError::Audio { line: line.id.to_string(), source })?;
    Ok(Some(pcm))
}

fn columns(pcm: &Pcm, place: &Place) -> Peaks {
    let columns = ((place.end_ms - place.start_ms) / MS_A_COLUMN).clamp(1, 4_000);
    audio::peaks(pcm, usize::try_from(columns).unwrap_or(1))
}

fn samples(ms: u64, rate_hz: u32) -> usize {
    usize::try_from(ms * u64::from(rate_hz) / 1_000).unwrap_or(usize::MAX)
}
