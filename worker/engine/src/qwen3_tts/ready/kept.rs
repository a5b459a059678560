//! A voice made ready as the bytes it is kept as between runs.
//!
//! Hearing a recording takes seconds, and having the decoder listen to it tens of seconds on a CPU.
//! All that comes of it is in here, so that another run goes on where this one was: embedding,
//! transcript and frames, the decoder's state behind them, and the keys and values of what every
//! line begins with.

use std::collections::{BTreeMap, HashMap};

use candle_core::{Device, Tensor};
use safetensors::SafeTensors;

use super::{Cloned, Continued, Preparing, ReadyVoice, ReadyWho, SharedPrefix};
use crate::EngineError;
use crate::qwen3_tts::frame_model::{FrameModel, Prefix};
use crate::qwen3_tts::request::VoiceRequest;
use crate::qwen3_tts::voice::envelope::READY;
use crate::qwen3_tts::voice::{MAX_IDS, PromptError, Recording, damaged, knows, limit};

/// Names in the file. Those of the decoder's state have [`HEARD`] in front, those of the prefix are
/// its own.
const EMBEDDING: &str = "embedding";
const TRANSCRIPT: &str = "transcript";
const ROLE: &str = "role";
const HEARD: &str = "heard.";

/// The one key of the file's metadata: what the voice was kept under.
const KEY: &str = "key";

impl ReadyVoice {
    /// Writes the voice under a key; the same voice gives the same bytes. `None` for a voice without a
    /// recording: it is made as fast as it would be read.
    ///
    /// # Errors
    /// [`PromptError::Limit`] on a voice that could not be read again, and
    /// [`PromptError::Damaged`] when the device does not give it.
    pub(crate) fn to_bytes(&self, key: &str) -> Result<Option<Vec<u8>>, PromptError> {
        let ReadyWho::Cloned(cloned) = &self.who else { return Ok(None) };
        let tensors = self.tensors(cloned).map_err(damaged)?;
        let metadata = HashMap::from([(KEY.to_owned(), key.to_owned())]);
        let body = safetensors::serialize(&tensors, Some(metadata))?;
        READY.seal(&body).map(Some)
    }

    /// All of it, named, on the CPU.
    fn tensors(&self, cloned: &Cloned) -> candle_core::Result<BTreeMap<String, Tensor>> {
        let ids = |ids: &[u32]| Tensor::new(ids, &Device::Cpu);
        let mut tensors = BTreeMap::from([(EMBEDDING.to_owned(), cloned.embedding.clone())]);
        if let Some(Continued { recording, heard }) = &cloned.continued {
            tensors.insert(TRANSCRIPT.to_owned(), ids(&recording.transcript)?);
            let heard = heard.tensors()?.into_iter();
            tensors.extend(heard.map(|(name, tensor)| (format!("{HEARD}{name}"), tensor)));
        }
        if let Some(SharedPrefix { role, prefix: Prefix(kept), .. }) = &self.prefix {
            tensors.insert(ROLE.to_owned(), ids(role)?);
            tensors.extend(kept.tensors());
        }
        for tensor in tensors.values_mut() {
            *tensor = tensor.to_device(&Device::Cpu)?.contiguous()?;
        }
        Ok(tensors)
    }
}

impl Preparing<'_> {
    /// Reads a voice that was kept under `key`, for the request it was made by.
    ///
    /// # Errors
    /// [`EngineError::Line`] when the bytes are damaged or are of another voice, model or version.
    pub(crate) fn recall(
        &self,
        request: &VoiceRequest,
        (key, bytes): (&str, &[u8]),
        frames: &FrameModel,
    ) -> Result<ReadyVoice, EngineError> {
        let unreadable = |error: PromptError| super::voice(error.to_string());
        let mut tensors = read(key, bytes).map_err(unreadable)?;
        let cloned = self.recalled(&mut tensors).map_err(unreadable)?;
        let prefix = prefix(&mut tensors, frames).map_err(unreadable)?;
        if let Some(name) = tensors.keys().next() {
            return Err(unreadable(damaged(format!("nobody knows what {name} is"))).into());
        }
        let voice = self.ready_as(request, ReadyWho::Cloned(cloned))?;
        Ok(ReadyVoice { prefix, ..voice })
    }

    fn recalled(&self, tensors: &mut BTreeMap<String, Tensor>) -> Result<Cloned, PromptError> {
        let embedding = take(tensors, EMBEDDING)?;
        let numbers = embedding.to_vec1::<f32>().map_err(damaged)?;
        if numbers.len() != self.config.talker_config.hidden_size
            || !numbers.iter().all(|number| number.is_finite())
        {
            return Err(damaged("its embedding is not the model's"));
        }
        if !tensors.contains_key(TRANSCRIPT) {
            return Ok(Cloned { embedding, continued: None });
        }
        let transcript = take(tensors, TRANSCRIPT)?.to_vec1::<u32>().map_err(damaged)?;
        limit("ids", transcript.len(), MAX_IDS)?;
        let is_heard = |name: &String, _: &mut Tensor| name.starts_with(HEARD);
        let heard = tensors.extract_if(.., is_heard);
        let heard = heard.map(|(name, tensor)| (name[HEARD.len()..].to_owned(), tensor)).collect();
        let heard = self.decoder.recall(heard).map_err(damaged)?;
        let recording = Recording { transcript, frames: heard.frames().to_vec() };
        if recording.frames.is_empty() || !knows(self.config, &recording) {
            return Err(damaged("its recording is not the model's"));
        }
        Ok(Cloned { embedding, continued: Some(Continued { recording, heard }) })
    }
}

/// Opens the envelope and checks whose it is.
fn read(key: &str, bytes: &[u8]) -> Result<BTreeMap<String, Tensor>, PromptError> {
    let body = READY.open(bytes)?;
    let (_, header) = SafeTensors::read_metadata(&body)?;
    let found = header.metadata().as_ref().and_then(|metadata| metadata.get(KEY));
    if found.map(String::as_str) != Some(key) {
        return Err(damaged("it is of another voice"));
    }
    let tensors = candle_core::safetensors::load_buffer(&body, &Device::Cpu).map_err(damaged)?;
    Ok(tensors.into_iter().collect())
}

fn prefix(
    tensors: &mut BTreeMap<String, Tensor>,
    frames: &FrameModel,
) -> Result<Option<SharedPrefix>, PromptError> {
    if !tensors.contains_key(ROLE) {
        return Ok(None);
    }
    let role = take(tensors, ROLE)?.to_vec1::<u32>().map_err(damaged)?;
    let keys = tensors.values().next().ok_or_else(|| damaged("it has no prefix"))?;
    let positions = keys.dim(2).map_err(damaged)?;
    let kept = frames.talker.stack.recall(tensors, positions).map_err(damaged)?;
    Ok(Some(SharedPrefix { role, positions, prefix: Prefix(kept) }))
}

fn take(tensors: &mut BTreeMap<String, Tensor>, name: &str) -> Result<Tensor, PromptError> {
    tensors.remove(name).ok_or_else(|| damaged(format!("it has no {name}")))
}
