//! Apple's encoder.

use std::ffi::c_void;
use std::ptr::{NonNull, null_mut};

use objc2_audio_toolbox::{
    AudioConverterDispose, AudioConverterFillComplexBuffer, AudioConverterGetProperty,
    AudioConverterGetPropertyInfo, AudioConverterNew, AudioConverterPrimeInfo,
    AudioConverterPropertyID, AudioConverterRef, AudioConverterSetProperty,
    kAudioConverterApplicableEncodeBitRates, kAudioConverterEncodeBitRate,
    kAudioConverterPrimeInfo, kAudioConverterPropertyMaximumOutputPacketSize,
};
use objc2_core_audio_types::{
    AudioBuffer, AudioBufferList, AudioStreamBasicDescription, AudioStreamPacketDescription,
    AudioValueRange, kAudioFormatFlagIsFloat, kAudioFormatFlagIsPacked, kAudioFormatLinearPCM,
    kAudioFormatMPEG4AAC,
};
use schemas::Encoder;

use super::{AccessUnits, FRAME};
use crate::AudioError;

/// What [`supply`] answers when it has no samples for now. Any number that is no error of Apple's.
const NO_SAMPLES_NOW: i32 = 1;
/// Of one sample, in bytes.
const SAMPLE_BYTES: u32 = 4;

/// Turns samples into access units.
pub(super) struct Coder {
    converter: Converter,
    /// Boxed: the converter keeps a pointer to its samples between calls.
    supply: Box<Supply>,
    /// Room for the largest access unit.
    unit: Vec<u8>,
}

/// Samples on their way into the converter.
struct Supply {
    samples: Vec<f32>,
    /// How many of them the converter has.
    taken: usize,
    /// Whether there will be no more.
    is_ended: bool,
}

impl Coder {
    /// What it is called in a delivery's key.
    pub(super) const NAME: Encoder = Encoder::AudioToolbox;

    /// One channel at a rate that AAC has. The encoder takes only some bit rates: the highest of them
    /// that is not above `bitrate_bps`, or else its lowest.
    pub(super) fn new(rate_hz: u32, bitrate_bps: u32) -> Result<Self, AudioError> {
        let converter = Converter::new(rate_hz)?;
        let bitrate_bps = nearest(&converter.bitrates()?, bitrate_bps);
        converter.set(kAudioConverterEncodeBitRate, bitrate_bps)?;
        let largest: u32 = converter.get(kAudioConverterPropertyMaximumOutputPacketSize, 0)?;
        let supply = Supply { samples: Vec::new(), taken: 0, is_ended: false };
        Ok(Self { converter, supply: Box::new(supply), unit: vec![0; largest as usize] })
    }

    /// Encodes samples within ±1.
    pub(super) fn push(
        &mut self,
        samples: &[f32],
        units: &mut AccessUnits,
    ) -> Result<(), AudioError> {
        // The converter asked for more and got none when the last call ended: it has let go of these.
        self.supply.samples.clear();
        self.supply.samples.extend_from_slice(samples);
        self.supply.taken = 0;
        self.drain(units)
    }

    /// Encodes what is left; returns by how many samples the decoded audio lags behind.
    pub(super) fn finish(&mut self, units: &mut AccessUnits) -> Result<u32, AudioError> {
        self.supply.is_ended = true;
        self.drain(units)?;
        let none = AudioConverterPrimeInfo { leadingFrames: 0, trailingFrames: 0 };
        Ok(self.converter.get(kAudioConverterPrimeInfo, none)?.leadingFrames)
    }

    /// Takes access units until the converter wants samples that are not there.
    fn drain(&mut self, units: &mut AccessUnits) -> Result<(), AudioError> {
        loop {
            let (status, unit) = self.converter.next_unit(&mut self.supply, &mut self.unit);
            if status != 0 && status != NO_SAMPLES_NOW {
                return Err(failed("encoding", status));
            }
            let Some(unit) = unit else { return Ok(()) };
            units.push(unit)?;
        }
    }
}

/// The highest rate within `ranges` that is not above `wanted`, or else the lowest there is.
fn nearest(ranges: &[AudioValueRange], wanted: u32) -> u32 {
    let wanted_bps = f64::from(wanted);
    let fits = ranges.iter().filter(|range| range.mMinimum <= wanted_bps);
    let highest = fits.map(|range| range.mMaximum.min(wanted_bps)).reduce(f64::max);
    let lowest = || ranges.iter().map(|range| range.mMinimum).reduce(f64::min);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "bit rates are small whole numbers"
    )]
    highest.or_else(lowest).map_or(wanted, |bps| bps as u32)
}

/// Apple's converter, disposed of when dropped.
struct Converter(AudioConverterRef);

#[expect(
    unsafe_code,
    reason = "the converter is used by one owner at a time and has no thread of its own"
)]
// SAFETY: AudioConverter is not tied to the thread that made it; all calls go through `&mut Coder`.
unsafe impl Send for Converter {}

impl Drop for Converter {
    #[expect(unsafe_code, reason = "Apple's C interface")]
    fn drop(&mut self) {
        // SAFETY: made by `AudioConverterNew`, and this is its last use.
        let _status = unsafe { AudioConverterDispose(self.0) };
    }
}

impl Converter {
    #[expect(unsafe_code, reason = "Apple's C interface")]
    fn new(rate_hz: u32) -> Result<Self, AudioError> {
        let (mut from, mut to) = (pcm_format(rate_hz), aac_format(rate_hz));
        let mut converter: AudioConverterRef = null_mut();
        // SAFETY: all three point to live values for the length of the call.
        let status = unsafe {
            AudioConverterNew(
                NonNull::from(&mut from),
                NonNull::from(&mut to),
                NonNull::from(&mut converter),
            )
        };
        check("making an encoder", status).map(|()| Self(converter))
    }

    #[expect(unsafe_code, reason = "Apple's C interface")]
    fn set(&self, property: AudioConverterPropertyID, mut value: u32) -> Result<(), AudioError> {
        // SAFETY: the size is that of the value pointed to, which is copied.
        let status = unsafe {
            AudioConverterSetProperty(self.0, property, 4, NonNull::from(&mut value).cast())
        };
        check("setting a property", status)
    }

    /// Reads a plain value; `value` says of which type.
    #[expect(unsafe_code, reason = "Apple's C interface")]
    fn get<T: Copy>(
        &self,
        property: AudioConverterPropertyID,
        mut value: T,
    ) -> Result<T, AudioError> {
        let mut bytes = bytes_of::<T>(1);
        // SAFETY: at most `bytes` are written, which is the size of the value pointed to; callers ask
        // for plain C values, of which any bytes are valid.
        let status = unsafe {
            AudioConverterGetProperty(
                self.0,
                property,
                NonNull::from(&mut bytes),
                NonNull::from(&mut value).cast(),
            )
        };
        check("reading a property", status).map(|()| value)
    }

    /// The bit rates that the encoder takes at its sample rate.
    #[expect(unsafe_code, reason = "Apple's C interface")]
    fn bitrates(&self) -> Result<Vec<AudioValueRange>, AudioError> {
        let property = kAudioConverterApplicableEncodeBitRates;
        let mut bytes = 0;
        // SAFETY: the size is written to a live value, and null means that the rest is not asked for.
        let status =
            unsafe { AudioConverterGetPropertyInfo(self.0, property, &raw mut bytes, null_mut()) };
        check("counting bit rates", status)?;
        let count = bytes as usize / size_of::<AudioValueRange>();
        let mut ranges = vec![AudioValueRange { mMinimum: 0.0, mMaximum: 0.0 }; count];
        let Some(first) = NonNull::new(ranges.as_mut_ptr()).filter(|_| count > 0) else {
            return Ok(ranges);
        };
        bytes = bytes_of::<AudioValueRange>(count);
        // SAFETY: at most `bytes` are written, for which `ranges` has room.
        let status = unsafe {
            AudioConverterGetProperty(self.0, property, NonNull::from(&mut bytes), first.cast())
        };
        check("reading bit rates", status)?;
        ranges.truncate(bytes as usize / size_of::<AudioValueRange>());
        Ok(ranges)
    }

    /// Encodes one access unit into `room`; `None` when there is none.
    #[expect(unsafe_code, reason = "Apple's C interface")]
    fn next_unit<'a>(&self, source: &mut Supply, room: &'a mut [u8]) -> (i32, Option<&'a [u8]>) {
        let mut list = AudioBufferList {
            mNumberBuffers: 1,
            mBuffers: [AudioBuffer {
                mNumberChannels: 1,
                mDataByteSize: u32::try_from(room.len()).unwrap_or(u32::MAX),
                mData: room.as_mut_ptr().cast(),
            }],
        };
        let mut units = 1u32;
        let mut place = AudioStreamPacketDescription {
            mStartOffset: 0,
            mVariableFramesInPacket: 0,
            mDataByteSize: 0,
        };
        // SAFETY: `supply` gets the `Supply` it expects; the list describes `room`; one packet is asked
        // for and there is room for one description; everything outlives the call.
        let status = unsafe {
            AudioConverterFillComplexBuffer(
                self.0,
                Some(supply),
                std::ptr::from_mut(source).cast(),
                NonNull::from(&mut units),
                NonNull::from(&mut list),
                &raw mut place,
            )
        };
        let unit = room.get(..place.mDataByteSize as usize).filter(|_| units > 0);
        (status, unit)
    }
}

/// Hands the converter what is left of the samples. Called by it, on our thread, from `next_unit`.
#[expect(unsafe_code, reason = "called by Apple's C interface")]
unsafe extern "C-unwind" fn supply(
    _converter: AudioConverterRef,
    packets: NonNull<u32>,
    list: NonNull<AudioBufferList>,
    _descriptions: *mut *mut AudioStreamPacketDescription,
    source: *mut c_void,
) -> i32 {
    // SAFETY: `next_unit` passes a live `Supply` that nobody else touches during the call; the other
    // two are the converter's own and live for this call. Its list has one buffer: one channel.
    let (source, packets, list) =
        unsafe { (&mut *source.cast::<Supply>(), &mut *packets.as_ptr(), &mut *list.as_ptr()) };
    let left = source.samples.len() - source.taken;
    let count = left.min(*packets as usize);
    let given = &mut source.samples[source.taken..source.taken + count];
    let buffer = &mut list.mBuffers[0];
    buffer.mNumberChannels = 1;
    buffer.mDataByteSize = bytes_of::<f32>(count);
    buffer.mData = given.as_mut_ptr().cast();
    source.taken += count;
    *packets = u32::try_from(count).unwrap_or(u32::MAX);
    // No packets and no error mean the end of the stream; an error means: later.
    if count == 0 && !source.is_ended { NO_SAMPLES_NOW } else { 0 }
}

fn pcm_format(rate_hz: u32) -> AudioStreamBasicDescription {
    AudioStreamBasicDescription {
        mSampleRate: f64::from(rate_hz),
        mFormatID: kAudioFormatLinearPCM,
        mFormatFlags: kAudioFormatFlagIsFloat | kAudioFormatFlagIsPacked,
        mBytesPerPacket: SAMPLE_BYTES,
        mFramesPerPacket: 1,
        mBytesPerFrame: SAMPLE_BYTES,
        mChannelsPerFrame: 1,
        mBitsPerChannel: 8 * SAMPLE_BYTES,
        mReserved: 0,
    }
}

fn aac_format(rate_hz: u32) -> AudioStreamBasicDescription {
    AudioStreamBasicDescription {
        mSampleRate: f64::from(rate_hz),
        mFormatID: kAudioFormatMPEG4AAC,
        mFormatFlags: 0,
        mBytesPerPacket: 0,
        mFramesPerPacket: FRAME,
        mBytesPerFrame: 0,
        mChannelsPerFrame: 1,
        mBitsPerChannel: 0,
        mReserved: 0,
    }
}

fn bytes_of<T>(count: usize) -> u32 {
    u32::try_from(count * size_of::<T>()).unwrap_or(u32::MAX)
}

fn check(doing: &str, status: i32) -> Result<(), AudioError> {
    if status == 0 { Ok(()) } else { Err(failed(doing, status)) }
}

fn failed(doing: &str, status: i32) -> AudioError {
    AudioError::Encode(format!("AudioToolbox failed while {doing}: status {status}"))
}
