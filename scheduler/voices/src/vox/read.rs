//! A voice file into what it holds.

use std::collections::BTreeMap;
use std::io::{Read, Seek};

use bytes::Bytes;
use schemas::VoiceObjectKey;

use super::archive::{Limits, unpack};
use super::manifest::Manifest;
use super::{EXTENSION, LOCK, PROMPTS, Parts};
use crate::{Lock, PortablePrompt, VoiceError};

/// Bytes a manifest may have.
const MOST_MANIFEST: usize = 4 << 20;

/// What a voice file holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Vox {
    /// A lock of ours, with all that it refers to.
    Ours {
        /// The manifest.
        manifest: Box<Manifest>,
        /// The lock as it was exported.
        lock: Box<Lock>,
        /// What it is made of.
        parts: Parts,
    },
    /// A voice of another program.
    Foreign(Box<Foreign>),
}

/// A voice as another program wrote it: what a lock can be made of, and what it lacks.
#[derive(Debug, Clone, PartialEq)]
pub struct Foreign {
    /// The manifest.
    pub manifest: Manifest,
    /// Its recordings.
    pub clips: Vec<Clip>,
    /// Prompts that could be read, by their paths.
    pub prompts: BTreeMap<String, PortablePrompt>,
    /// What a lock of ours has and this has not, each as a sentence.
    pub missing: Vec<String>,
}

/// A recording in a voice file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clip {
    /// Its path in the file.
    pub file: String,
    /// What is said in it, where that is known.
    pub transcript: Option<String>,
    /// BCP 47, where that is known.
    pub language: Option<String>,
    /// Mood or circumstances, in words.
    pub context: Option<String>,
    /// The file.
    pub bytes: Bytes,
}

/// Reads a voice file that anybody may have written.
///
/// # Errors
/// [`VoiceError::File`] when it is none, is damaged, or is beyond the limits.
pub fn read_vox(input: impl Read + Seek, limits: &Limits) -> Result<Vox, VoiceError> {
    let mut members = unpack(input, limits)?;
    let manifest = members.remove("manifest.json").ok_or_else(|| {
        VoiceError::File("this is no voice file: it has no manifest.json at its top".into())
    })?;
    let manifest = parse(&manifest)?;
    match members.remove(LOCK) {
        Some(json) => ours(manifest, &json, &members),
        None => Ok(Vox::Foreign(Box::new(foreign(manifest, &members)))),
    }
}

fn parse(json: &[u8]) -> Result<Manifest, VoiceError> {
    if json.len() > MOST_MANIFEST {
        return Err(VoiceError::File("the manifest is larger than any is".into()));
    }
    // Some editors begin a file with a byte order mark.
    let json = json.strip_prefix(b"\xef\xbb\xbf").unwrap_or(json);
    let manifest: Manifest = serde_json::from_slice(json)
        .map_err(|error| VoiceError::File(format!("manifest.json cannot be read: {error}")))?;
    let major = manifest.vox_version.split('.').next().unwrap_or_default();
    if major != "0" {
        return Err(VoiceError::File(format!(
            "the voice file is of version {}; this program reads 0.x: export it as 0.4",
            manifest.vox_version
        )));
    }
    Ok(manifest)
}

fn ours(
    manifest: Manifest,
    json: &[u8],
    members: &BTreeMap<String, Bytes>,
) -> Result<Vox, VoiceError> {
    let said = manifest.extensions.get(EXTENSION).and_then(|ours| ours.get("sha256"));
    let found = VoiceObjectKey::of(json);
    if said.and_then(serde_json::Value::as_str) != Some(found.as_str()) {
        return Err(damaged("the lock in it is not the one that its manifest names"));
    }
    let lock = Lock::from_json(json)?;
    // Other programs may move files about: parts are known by what is in them.
    let mut by_hash = BTreeMap::new();
    for (path, bytes) in members {
        let bytes = match path.strip_prefix(PROMPTS) {
            Some(_) => crate::unpack(bytes)?.into(),
            None => bytes.clone(),
        };
        by_hash.insert(VoiceObjectKey::of(&bytes), bytes);
    }
    let part = |hash: &str, what: String| {
        let key = VoiceObjectKey::parse(hash).ok();
        let bytes = key.and_then(|key| by_hash.get(&key)).cloned();
        bytes.ok_or_else(|| damaged(&format!("{what} is missing or is not what was exported")))
    };
    let mut parts = Parts::default();
    for take in &lock.voice.takes {
        let bytes = part(take.audio.as_str(), format!("the {} take", take.mood))?;
        parts.audio.insert(take.audio.clone(), bytes);
    }
    for prompt in lock.voice.models.values().flat_map(|model| &model.prompts) {
        let bytes = part(prompt.object.as_str(), format!("the prompt for {}", prompt.mood))?;
        parts.prompts.insert(prompt.object.clone(), bytes);
    }
    Ok(Vox::Ours { manifest: Box::new(manifest), lock: Box::new(lock), parts })
}

fn damaged(problem: &str) -> VoiceError {
    VoiceError::File(format!("the voice file is damaged: {problem}; export it again"))
}

fn foreign(manifest: Manifest, members: &BTreeMap<String, Bytes>) -> Foreign {
    let prompts: BTreeMap<String, PortablePrompt> = members
        .iter()
        .filter(|(path, _)| path.ends_with("clone-prompt.bin"))
        .filter_map(|(path, bytes)| Some((path.clone(), PortablePrompt::from_bytes(bytes).ok()?)))
        .collect();
    let clips = clips(&manifest, members, &prompts);
    let missing = missing(&manifest, members, &clips, &prompts);
    Foreign { manifest, clips, prompts, missing }
}

/// The recordings that the manifest names, else samples that another program made with the voice.
fn clips(
    manifest: &Manifest,
    members: &BTreeMap<String, Bytes>,
    prompts: &BTreeMap<String, PortablePrompt>,
) -> Vec<Clip> {
    let mut clips: Vec<Clip> = Vec::new();
    for clip in &manifest.reference_audio {
        let Some(bytes) = members.get(&clip.file) else { continue };
        let transcript = Some(clip.transcript.trim()).filter(|text| !text.is_empty());
        clips.push(Clip {
            file: clip.file.clone(),
            transcript: transcript.map(str::to_owned),
            language: clip.language.clone(),
            context: clip.context.clone(),
            bytes: bytes.clone(),
        });
    }
    let is_audio = |path: &str| path.starts_with("reference/") && is_recording(path);
    let rest = members.iter().filter(|(path, _)| is_audio(path));
    for (path, bytes) in rest {
        if clips.iter().all(|clip| clip.file != *path) {
            // The prompt was made of the only recording there is, and knows what is said in it.
            let known = prompts.values().next().map(|prompt| prompt.transcript.clone());
            let is_only = clips.is_empty() && prompts.len() == 1;
            clips.push(Clip {
                file: path.clone(),
                transcript: known.filter(|text| is_only && !text.trim().is_empty()),
                language: None,
                context: None,
                bytes: bytes.clone(),
            });
        }
    }
    clips
}

fn is_recording(path: &str) -> bool {
    let extension = path.rsplit('.').next().unwrap_or_default().to_lowercase();
    matches!(extension.as_str(), "wav" | "flac" | "mp3" | "m4a")
}

fn missing(
    manifest: &Manifest,
    members: &BTreeMap<String, Bytes>,
    clips: &[Clip],
    prompts: &BTreeMap<String, PortablePrompt>,
) -> Vec<String> {
    let mut missing = Vec::new();
    for clip in manifest.reference_audio.iter().filter(|clip| !members.contains_key(&clip.file)) {
        missing.push(format!("the recording {} is named and not in the file", clip.file));
    }
    if clips.is_empty() {
        missing.push("there is no recording in it: only words describe the voice".to_owned());
    }
    for clip in clips.iter().filter(|clip| clip.transcript.is_none()) {
        missing.push(format!("what is said in {} is not written down", clip.file));
    }
    let consent = manifest.provenance.as_ref().and_then(|from| from.consent.as_deref());
    let method = manifest.provenance.as_ref().and_then(|from| from.method.as_deref());
    let is_synthetic = matches!(method, Some("designed" | "synthesized")) && consent.is_none();
    if !is_synthetic && !matches!(consent, Some("self" | "granted")) {
        missing.push("nothing says by whose leave the voice is used".to_owned());
    }
    for (path, _) in members.iter().filter(|(path, _)| path.ends_with("clone-prompt.bin")) {
        if !prompts.contains_key(path) {
            missing
                .push(format!("{path} cannot be read; prompts are made anew from the recordings"));
        }
    }
    missing
}
