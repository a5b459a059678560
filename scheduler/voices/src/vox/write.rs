//! A lock into a voice file.

use std::collections::BTreeMap;
use std::io::{Seek, Write};

use schemas::hex;
use serde_json::json;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use super::manifest::{
    Manifest, VERSION, VoxClip, VoxEmbedding, VoxProsody, VoxProvenance, VoxVoice,
};
use super::{EXTENSION, LOCK, PROMPTS, Parts};
use crate::{Consent, Lock, Made, Prompt, PromptForm, Take, VoiceError, pack};

/// The family of models whose prompts have a public form.
const FAMILY: &str = "qwen3-tts";

/// Writes a voice file; the same lock gives the same bytes.
///
/// # Errors
/// [`VoiceError::Lost`] when a part of the lock is not among `parts`, and [`VoiceError::File`] when the
/// file cannot be written.
pub fn write_vox(lock: &Lock, parts: &Parts, out: impl Write + Seek) -> Result<(), VoiceError> {
    let mut members = BTreeMap::new();
    for take in &lock.voice.takes {
        let audio = parts.audio.get(&take.audio);
        let audio = audio.ok_or_else(|| missing(lock, format!("the {} take", take.mood)))?;
        members.insert(clip_path(lock, take), audio.to_vec());
    }
    for (model, prompt) in prompts(lock) {
        let plain = parts.prompts.get(&prompt.object);
        let plain =
            plain.ok_or_else(|| missing(lock, format!("the prompt for {}", prompt.mood)))?;
        match public_path(lock, model, prompt) {
            Some(path) => members.insert(path, plain.to_vec()),
            None => members.insert(format!("{PROMPTS}{}", prompt.object), pack(plain)?),
        };
    }
    members.insert(LOCK.to_owned(), lock.to_json());
    let manifest = serde_json::to_vec_pretty(&manifest(lock)).map_err(VoiceError::Unreadable)?;
    let mut zip = ZipWriter::new(out);
    add(&mut zip, "manifest.json", &manifest)?;
    for (path, bytes) in &members {
        add(&mut zip, path, bytes)?;
    }
    zip.finish().map_err(|error| unwritten(&error))?;
    Ok(())
}

fn add<W: Write + Seek>(
    zip: &mut ZipWriter<W>,
    path: &str,
    bytes: &[u8],
) -> Result<(), VoiceError> {
    // Without the clock, so that the same lock gives the same file.
    let options = SimpleFileOptions::default()
        .last_modified_time(DateTime::default())
        .unix_permissions(0o644)
        .compression_method(CompressionMethod::Deflated);
    zip.start_file(path, options).map_err(|error| unwritten(&error))?;
    zip.write_all(bytes).map_err(|error| unwritten(&error))
}

fn unwritten(error: &dyn std::error::Error) -> VoiceError {
    VoiceError::File(format!("the voice file cannot be written: {error}"))
}

fn missing(lock: &Lock, what: String) -> VoiceError {
    let advice = "import its .vox file again, or lock it anew from where it came from";
    VoiceError::Lost { voice: lock.title(), what, state: "missing", advice }
}

fn prompts(lock: &Lock) -> impl Iterator<Item = (&str, &Prompt)> {
    let models = lock.voice.models.iter();
    models.flat_map(|(name, model)| model.prompts.iter().map(move |prompt| (name.as_str(), prompt)))
}

/// Where a take is in the file.
fn clip_path(lock: &Lock, take: &Take) -> String {
    let is_only = lock.voice.takes.iter().filter(|other| other.mood == take.mood).count() == 1;
    if is_only {
        format!("reference/{}.wav", take.mood)
    } else {
        format!("reference/{}.{}.wav", take.mood, take.language)
    }
}

/// Where other programs look for a prompt; nowhere when it is not of the public kind, or of a mood:
/// they know none.
fn public_path(lock: &Lock, model: &str, prompt: &Prompt) -> Option<String> {
    let size = size(model)?;
    if prompt.form != PromptForm::Portable || prompt.mood != lock.voice.usual_mood() {
        return None;
    }
    let language = prompt.language.as_ref().map(|tag| format!("{tag}/")).unwrap_or_default();
    Some(format!("embeddings/{FAMILY}/{size}/{language}clone-prompt.bin"))
}

/// The size in a model's name, as it stands in paths: `0.6b` of `qwen3-tts-12hz-0.6b-base`.
fn size(model: &str) -> Option<&'static str> {
    let rest = model.strip_prefix(FAMILY)?;
    ["0.6b", "1.7b"].into_iter().find(|size| rest.contains(size))
}

fn manifest(lock: &Lock) -> Manifest {
    let voice = &lock.voice;
    let profile = &voice.profile;
    let prosody = VoxProsody {
        pitch_base: profile.pitch.clone(),
        rate: profile.pace.clone(),
        emotion_default: profile.mood.clone(),
    };
    let lock_sha256 = lock.object_key();
    let ours =
        json!({ "lock": LOCK, "sha256": lock_sha256, "name": lock.name, "version": lock.version });
    Manifest {
        vox_version: VERSION.to_owned(),
        id: uuid(lock_sha256.as_str()),
        created: voice.provenance.locked_at.clone(),
        voice: vox_voice(lock),
        prosody: (prosody != VoxProsody::default()).then_some(prosody),
        reference_audio: voice.takes.iter().filter_map(|take| clip(lock, take)).collect(),
        provenance: Some(provenance(lock)),
        embeddings: prompts(lock)
            .filter_map(|(model, prompt)| embedding(lock, model, prompt))
            .collect(),
        extensions: [(EXTENSION.to_owned(), ours)].into(),
    }
}

fn vox_voice(lock: &Lock) -> VoxVoice {
    let voice = &lock.voice;
    let gender = voice.profile.gender.as_deref().map(str::to_lowercase);
    let known = ["male", "female", "nonbinary", "neutral"];
    let age = voice.profile.age.as_deref().and_then(|age| age.trim().parse::<u32>().ok());
    let tags = [&voice.profile.accent, &voice.profile.texture];
    VoxVoice {
        name: lock.name.to_string(),
        description: if voice.description.chars().count() < 10 {
            format!("The voice of {}. {}", lock.name, voice.description).trim().to_owned()
        } else {
            voice.description.clone()
        },
        language: voice.languages.first().cloned(),
        gender: gender.filter(|gender| known.contains(&gender.as_str())),
        age_range: age.map(|age| (age.saturating_sub(2), age.saturating_add(2))),
        tags: tags.into_iter().flatten().filter(|tag| !tag.is_empty()).cloned().collect(),
    }
}

/// The format wants a transcript of every clip: a take without one is in the file only.
fn clip(lock: &Lock, take: &Take) -> Option<VoxClip> {
    let transcript = take.transcript.clone().filter(|transcript| !transcript.is_empty())?;
    #[expect(clippy::cast_precision_loss, reason = "minutes, in milliseconds")]
    let seconds = take.duration_ms as f64 / 1_000.0;
    Some(VoxClip {
        file: clip_path(lock, take),
        transcript,
        language: Some(take.language.clone()),
        duration_seconds: Some(seconds),
        context: Some(take.mood.clone()),
    })
}

fn provenance(lock: &Lock) -> VoxProvenance {
    let voice = &lock.voice;
    let (method, consent, note) = match &voice.consent {
        Consent::Own { note } => ("cloned", Some("self"), note.as_ref()),
        Consent::Granted { note } => ("cloned", Some("granted"), Some(note)),
        Consent::Synthetic { .. } => ("synthesized", None, None),
    };
    let engine = match (&voice.consent, &voice.provenance.made) {
        (Consent::Synthetic { model, .. }, _) => Some(model.clone()),
        (_, Made::Imported { engine, .. }) => engine.clone(),
        (_, Made::Designed { .. } | Made::Recorded) => None,
    };
    let is_cloned = method == "cloned";
    let source = voice.takes.iter().filter(|_| is_cloned).map(|take| clip_path(lock, take));
    VoxProvenance {
        method: Some(method.to_owned()),
        engine,
        consent: consent.map(str::to_owned),
        notes: note.map(|note| note.as_str().to_owned()),
        source: source.collect(),
    }
}

fn embedding(lock: &Lock, model: &str, prompt: &Prompt) -> Option<(String, VoxEmbedding)> {
    let file = public_path(lock, model, prompt)?;
    let size = size(model)?;
    let language = prompt.language.as_ref();
    let name = language.map_or_else(
        || format!("{FAMILY}-{size}"),
        |language| format!("{FAMILY}-{size}-{language}-clone-prompt"),
    );
    let of = language.map_or_else(|| "all languages".to_owned(), String::clone);
    let embedding = VoxEmbedding {
        model: format!("Qwen/Qwen3-TTS-12Hz-{}-Base", size.to_uppercase()),
        engine: Some(FAMILY.to_owned()),
        file,
        format: Some("bin".to_owned()),
        description: Some(format!("Clone prompt for {of}")),
        language: language.cloned(),
    };
    Some((name, embedding))
}

/// A UUID as the format wants it (version 4), made of a hash: the same lock has the same.
fn uuid(sha256: &str) -> String {
    let digest: Vec<u8> = sha256.as_bytes()[..32]
        .chunks(2)
        .filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect();
    let mut bytes = digest;
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let digits = hex(&bytes);
    let parts = [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]];
    parts.join("-")
}
