//! MP4 around access units: one track, its index before its samples, exact by its edit list.

use mp4_atom::esds::{DecoderConfig, DecoderSpecific, EsDescriptor};
use mp4_atom::{
    Audio, Btrt, Dinf, Dref, DrefEntry, Edts, Elst, ElstEntry, Encode, Esds, FourCC, Ftyp, Hdlr,
    Mdhd, Mdia, Minf, Moov, Mp4a, Mvhd, Smhd, Stbl, Stco, Stsc, StscEntry, Stsd, Stsz, StszSamples,
    Stts, SttsEntry, Tkhd, Trak, Url,
};

use super::tags::udta;
use super::{AccessUnits, FRAME, rate_index};
use crate::{AudioError, Tag};

/// Units that stand together as one chunk: one to three seconds, which players load at once.
const CHUNK: usize = 48;
/// An atom's length and kind.
const HEADER_BYTES: usize = 8;

/// What is to be written.
pub(super) struct Track {
    /// At most 65 535: the sample entry has 16 bits for it.
    pub(super) rate_hz: u32,
    /// Decoded samples before the first of the source.
    pub(super) priming: u32,
    /// Of the source. Never 0.
    pub(super) samples: u64,
    /// As many as are needed to decode `priming + samples`, and no more.
    pub(super) units: AccessUnits,
}

/// Returns the whole file.
///
/// Nothing in it depends on when it was made: the same samples give the same bytes.
pub(super) fn mux(track: &Track, tags: &[Tag<'_>]) -> Result<Vec<u8>, AudioError> {
    let mut file = Vec::new();
    ftyp().encode(&mut file).map_err(|error| failed(&error))?;
    let tags = udta(tags)?;
    // The index has the same length whatever the places in it are.
    let index_bytes = index(track, 0, &tags)?.len();
    let start = file.len() + index_bytes + HEADER_BYTES;
    let whole = start + track.units.bytes.len();
    let too_long = |_| AudioError::Encode("more than 4 GiB of AAC; split the episode".into());
    u32::try_from(whole).map_err(too_long)?;
    file.reserve_exact(whole - file.len());
    file.extend_from_slice(&index(track, start, &tags)?);
    let mdat_bytes = u32::try_from(HEADER_BYTES + track.units.bytes.len()).map_err(too_long)?;
    file.extend_from_slice(&mdat_bytes.to_be_bytes());
    file.extend_from_slice(b"mdat");
    file.extend_from_slice(&track.units.bytes);
    Ok(file)
}

fn ftyp() -> Ftyp {
    let brands = [b"M4A ", b"mp42", b"isom"].map(FourCC::new);
    Ftyp { major_brand: brands[0], minor_version: 0, compatible_brands: brands.to_vec() }
}

/// The `moov` atom, with the tags as its last child, for samples that start at byte `start`.
fn index(track: &Track, start: usize, tags: &[u8]) -> Result<Vec<u8>, AudioError> {
    let moov = Moov { mvhd: mvhd(track), trak: vec![trak(track, start)?], ..Default::default() };
    let mut bytes = Vec::new();
    moov.encode(&mut bytes).map_err(|error| failed(&error))?;
    bytes.extend_from_slice(tags);
    let length = u32::try_from(bytes.len())
        .map_err(|_| AudioError::Encode("more than 4 GiB of index".into()))?;
    bytes[..4].copy_from_slice(&length.to_be_bytes());
    Ok(bytes)
}

/// The movie counts in samples, so that the edit list can be exact.
fn mvhd(track: &Track) -> Mvhd {
    Mvhd {
        timescale: track.rate_hz,
        duration: track.samples,
        rate: 1u16.into(),
        volume: 1u8.into(),
        next_track_id: 2,
        ..Default::default()
    }
}

fn trak(track: &Track, start: usize) -> Result<Trak, AudioError> {
    let edit = ElstEntry {
        segment_duration: track.samples,
        media_time: Some(u64::from(track.priming)),
        media_rate: 1i16.into(),
    };
    Ok(Trak {
        tkhd: Tkhd {
            track_id: 1,
            duration: track.samples,
            enabled: true,
            in_movie: true,
            volume: 1u8.into(),
            ..Default::default()
        },
        edts: Some(Edts { elst: Some(Elst { entries: vec![edit] }) }),
        mdia: mdia(track, start)?,
        ..Default::default()
    })
}

fn mdia(track: &Track, start: usize) -> Result<Mdia, AudioError> {
    Ok(Mdia {
        mdhd: Mdhd {
            timescale: track.rate_hz,
            duration: u64::from(track.priming) + track.samples,
            language: "und".into(),
            ..Default::default()
        },
        hdlr: Hdlr { handler: FourCC::new(b"soun"), name: "SoundHandler".into() },
        minf: Minf {
            smhd: Some(Smhd::default()),
            dinf: Dinf { dref: Dref { entries: vec![DrefEntry::Url(Url::default())] } },
            stbl: stbl(track, start)?,
            ..Default::default()
        },
    })
}

fn stbl(track: &Track, start: usize) -> Result<Stbl, AudioError> {
    let sizes = &track.units.sizes;
    Ok(Stbl {
        stsd: Stsd { codecs: vec![sample_entry(track)?.into()] },
        stts: Stts { entries: durations(track) },
        stsc: Stsc { entries: chunk_lengths(sizes.len()) },
        stsz: Stsz { samples: StszSamples::Different { sizes: sizes.clone() } },
        stco: Some(Stco { entries: chunk_places(sizes, start) }),
        ..Default::default()
    })
}

fn sample_entry(track: &Track) -> Result<Mp4a, AudioError> {
    let rate_hz = u16::try_from(track.rate_hz)
        .map_err(|_| AudioError::Encode(format!("MP4 has no rate of {} Hz", track.rate_hz)))?;
    let Rates { largest_bytes, max_bps, avg_bps } = rates(track);
    let config = DecoderConfig {
        object_type_indication: 0x40,
        stream_type: 5,
        up_stream: 0,
        buffer_size_db: largest_bytes.try_into().unwrap_or_default(),
        max_bitrate: max_bps,
        avg_bitrate: avg_bps,
        // No `raw`: the two bytes of AAC-LC are made from these three.
        dec_specific: Some(DecoderSpecific {
            profile: 2,
            freq_index: rate_index(track.rate_hz),
            chan_conf: 1,
            raw: Vec::new(),
        }),
    };
    Ok(Mp4a {
        audio: Audio {
            data_reference_index: 1,
            channel_count: 1,
            sample_size: 16,
            sample_rate: rate_hz.into(),
        },
        esds: Esds { es_desc: EsDescriptor { es_id: 1, dec_config: config, ..Default::default() } },
        btrt: Some(Btrt {
            buffer_size_db: largest_bytes,
            max_bitrate: max_bps,
            avg_bitrate: avg_bps,
        }),
        taic: None,
    })
}

/// What the units really cost.
struct Rates {
    /// The largest unit.
    largest_bytes: u32,
    /// Over the most expensive second; of a shorter track, over the whole.
    max_bps: u32,
    /// Over the whole.
    avg_bps: u32,
}

fn rates(track: &Track) -> Rates {
    let sizes = &track.units.sizes;
    let second = (track.rate_hz.div_ceil(FRAME) as usize).min(sizes.len()).max(1);
    let bps = |bytes: u64, units: usize| {
        let bits = u128::from(bytes) * 8 * u128::from(track.rate_hz);
        u32::try_from(bits / (units as u128 * u128::from(FRAME))).unwrap_or(u32::MAX)
    };
    let most = sizes.windows(second).map(|units| units.iter().map(|&size| u64::from(size)).sum());
    Rates {
        largest_bytes: sizes.iter().copied().max().unwrap_or(0),
        max_bps: bps(most.max().unwrap_or(0), second),
        avg_bps: bps(track.units.bytes.len() as u64, sizes.len().max(1)),
    }
}

/// The last unit is as long as is left of it: players that ignore edit lists stop there too.
fn durations(track: &Track) -> Vec<SttsEntry> {
    let count = track.units.sizes.len() as u64;
    let before_last = count.saturating_sub(1) * u64::from(FRAME);
    let last = u64::from(track.priming) + track.samples - before_last;
    let entry = |count: u64, delta: u64| SttsEntry {
        sample_count: u32::try_from(count).unwrap_or(u32::MAX),
        sample_delta: u32::try_from(delta).unwrap_or(FRAME),
    };
    let runs = [entry(count - 1, u64::from(FRAME)), entry(1, last)];
    runs.into_iter().filter(|run| run.sample_count > 0).collect()
}

fn chunk_lengths(units: usize) -> Vec<StscEntry> {
    let entry = |first: usize, length: usize| StscEntry {
        first_chunk: u32::try_from(first).unwrap_or(u32::MAX),
        samples_per_chunk: u32::try_from(length).unwrap_or(u32::MAX),
        sample_description_index: 1,
    };
    let (full, rest) = (units / CHUNK, units % CHUNK);
    let mut entries = Vec::new();
    if full > 0 {
        entries.push(entry(1, CHUNK));
    }
    if rest > 0 {
        entries.push(entry(full + 1, rest));
    }
    entries
}

/// Where each chunk starts in the file. Callers have checked that the file ends before 4 GiB.
fn chunk_places(sizes: &[u32], start: usize) -> Vec<u32> {
    let start = u32::try_from(start).unwrap_or(u32::MAX);
    let chunks = sizes.chunks(CHUNK).scan(start, |place, chunk| {
        let here = *place;
        *place =
            place.saturating_add(chunk.iter().fold(0, |sum: u32, &size| sum.saturating_add(size)));
        Some(here)
    });
    chunks.collect()
}

fn failed(error: &mp4_atom::Error) -> AudioError {
    AudioError::Encode(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn track(units: usize, size: u32) -> Track {
        let bytes = vec![0; units * size as usize];
        let units = AccessUnits { bytes, sizes: vec![size; units] };
        let samples = units.sizes.len() as u64 * u64::from(FRAME) - 1_024 - 100;
        Track { rate_hz: 24_000, priming: 1_024, samples, units }
    }

    #[test]
    fn the_bit_rate_is_the_one_the_units_have() {
        let mut uneven = track(100, 100);
        uneven.units.sizes[50] = 400;
        uneven.units.bytes.resize(100 * 100 + 300, 0);
        let Rates { largest_bytes, max_bps, avg_bps } = rates(&uneven);
        assert_eq!(largest_bytes, 400);
        assert_eq!(avg_bps, 10_300 * 8 * 24_000 / (100 * 1_024));
        assert_eq!(max_bps, (24 * 100 + 300) * 8 * 24_000 / (24 * 1_024));
    }

    #[test]
    fn chunks_follow_each_other_without_a_gap() {
        for units in [1, 47, 48, 49, 96, 1_000] {
            let sizes = vec![10; units];
            let places = chunk_places(&sizes, 500);
            assert_eq!(places.len(), units.div_ceil(CHUNK));
            let wanted = (0..places.len()).map(|chunk| 500 + 480 * u32::try_from(chunk).unwrap());
            assert!(places.iter().copied().eq(wanted));
            let last = chunk_lengths(units).pop().unwrap();
            let full = last.first_chunk as usize - 1;
            let rest = (places.len() - full) * last.samples_per_chunk as usize;
            assert_eq!(full * CHUNK + rest, units);
        }
    }

    #[test]
    fn durations_add_up_to_priming_and_samples() {
        for units in [2, 3, 100] {
            let track = track(units, 10);
            let total: u64 = durations(&track)
                .iter()
                .map(|run| u64::from(run.sample_count) * u64::from(run.sample_delta))
                .sum();
            assert_eq!(total, 1_024 + track.samples);
        }
    }
}
