//! One running Pico engine, safe to use: the only file that calls C.
//!
//! Pico reads memory that it never wrote: an engine in used memory sounds different, and so does one
//! that has spoken before, reset or not. Every engine here gets its own zeroed memory and speaks one
//! line, which costs about a millisecond and makes a line's samples follow from its text alone.
#![expect(unsafe_code, reason = "Pico is a C library")]

use std::ffi::{CStr, CString, c_void};
use std::path::Path;
use std::ptr;

use ttspico_sys as native;

/// What Pico said, in its words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Pico failed: {0}")]
pub(crate) struct PicoError(pub(crate) String);

/// Bytes an engine with the largest of the six voices needs, and a third more.
const MEMORY_BYTES: usize = 4 << 20;

/// Bytes of path that Pico's own buffers hold.
const PATH_BYTES: usize = 400;

/// An engine and all of its memory.
#[derive(Debug)]
pub(crate) struct Engine {
    system: native::pico_System,
    running: native::pico_Engine,
    /// Owned; everything above points into it.
    memory: *mut [u128],
}

// SAFETY: Pico keeps all of an engine's state in `memory`, which nothing else points into; its only
// globals are a counter and a timer that it never reads for synthesis.
unsafe impl Send for Engine {}

impl Engine {
    /// Loads both parts of a voice from files.
    ///
    /// # Errors
    /// When a path is too long for Pico or a file cannot be read.
    pub(crate) fn open(analysis: &Path, generation: &Path) -> Result<Self, PicoError> {
        let words = MEMORY_BYTES / size_of::<u128>();
        let memory = Box::into_raw(vec![0_u128; words].into_boxed_slice());
        let mut opened = Self { system: ptr::null_mut(), running: ptr::null_mut(), memory };
        let size = u32::try_from(MEMORY_BYTES).expect("a few MiB");
        // SAFETY: `memory` is ours, `MEMORY_BYTES` long, aligned, and outlives the system.
        let status = unsafe {
            native::pico_initialize(memory.cast::<c_void>(), size, &raw mut opened.system)
        };
        opened.check(status)?;
        let voice = c"voice";
        // SAFETY: the system is initialised and the name ends in a zero.
        let status =
            unsafe { native::pico_createVoiceDefinition(opened.system, voice.as_ptr().cast()) };
        opened.check(status)?;
        opened.load(analysis, voice)?;
        opened.load(generation, voice)?;
        // SAFETY: the voice has both of its resources; without them Pico would crash here.
        let status = unsafe {
            native::pico_newEngine(opened.system, voice.as_ptr().cast(), &raw mut opened.running)
        };
        opened.check(status)?;
        Ok(opened)
    }

    /// Loads a resource and makes it a part of `voice`.
    fn load(&mut self, path: &Path, voice: &CStr) -> Result<(), PicoError> {
        let unusable = || {
            let path = path.display();
            PicoError(format!("`{path}` is not UTF-8 of up to {PATH_BYTES} bytes"))
        };
        let path = path.to_str().filter(|path| path.len() <= PATH_BYTES).ok_or_else(unusable)?;
        let path = CString::new(path).map_err(|_| PicoError("a path holds a zero byte".into()))?;
        let mut resource = ptr::null_mut();
        let mut name = [0; native::PICO_RETSTRINGSIZE];
        // SAFETY: the system is initialised, the path ends in a zero and fits Pico's buffers.
        let status = unsafe {
            native::pico_loadResource(self.system, path.as_ptr().cast(), &raw mut resource)
        };
        self.check(status)?;
        // SAFETY: the resource was just loaded; `name` has the size that Pico asks for.
        let status =
            unsafe { native::pico_getResourceName(self.system, resource, name.as_mut_ptr()) };
        self.check(status)?;
        // SAFETY: both names end in a zero, the second because Pico wrote it.
        let status = unsafe {
            native::pico_addResourceToVoiceDefinition(
                self.system,
                voice.as_ptr().cast(),
                name.as_ptr().cast(),
            )
        };
        self.check(status)
    }

    /// Takes as much of `text` as there is room for, and says how many bytes. A zero byte ends a
    /// passage: what came before is spoken to its end.
    ///
    /// # Errors
    /// When Pico is out of order; the engine is then of no further use.
    pub(crate) fn put(&mut self, text: &[u8]) -> Result<usize, PicoError> {
        let size = i16::try_from(text.len()).unwrap_or(native::PICO_INT16_MAX);
        let mut taken = 0;
        // SAFETY: the engine is running and `text` holds at least `size` bytes.
        let status =
            unsafe { native::pico_putTextUtf8(self.running, text.as_ptr(), size, &raw mut taken) };
        self.check(status)?;
        Ok(usize::try_from(taken).unwrap_or(0))
    }

    /// Works a little, and gives the samples that came of it and whether there is more to do.
    ///
    /// # Errors
    /// When Pico is out of order; the engine is then of no further use.
    pub(crate) fn get<'a>(
        &mut self,
        buffer: &'a mut [i16; 1_024],
    ) -> Result<(&'a [i16], bool), PicoError> {
        let size = i16::try_from(size_of_val(buffer)).expect("2 KiB");
        let (mut bytes, mut kind) = (0, 0);
        // SAFETY: the engine is running and `buffer` holds `size` bytes.
        let status = unsafe {
            native::pico_getData(
                self.running,
                buffer.as_mut_ptr().cast::<c_void>(),
                size,
                &raw mut bytes,
                &raw mut kind,
            )
        };
        let samples = usize::try_from(bytes).unwrap_or(0) / size_of::<i16>();
        match status {
            native::PICO_STEP_BUSY => Ok((&buffer[..samples], true)),
            native::PICO_STEP_IDLE => Ok((&buffer[..samples], false)),
            error => Err(self.error(error)),
        }
    }

    fn check(&self, status: native::pico_Status) -> Result<(), PicoError> {
        if status == native::PICO_OK { Ok(()) } else { Err(self.error(status)) }
    }

    fn error(&self, status: native::pico_Status) -> PicoError {
        let mut text = [0_u8; native::PICO_RETSTRINGSIZE];
        // SAFETY: Pico takes any system, null as well, and `text` has the size that it asks for.
        unsafe {
            native::pico_getSystemStatusMessage(self.system, status, text.as_mut_ptr().cast());
        }
        let text = CStr::from_bytes_until_nul(&text).unwrap_or_default().to_string_lossy();
        PicoError(format!("{text} ({status})"))
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // SAFETY: disposes of the engine too and takes a null system; after it nothing points into
        // `memory`, which came from a box.
        unsafe {
            native::pico_terminate(&raw mut self.system);
            drop(Box::from_raw(self.memory));
        }
    }
}
