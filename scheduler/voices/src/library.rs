//! Voices in a store, by name and version.
//!
//! ```text
//! voices/locks/12/1234….json                what was locked, by the hash of its bytes
//! voices/prompts/ab/abcd…                   what models made of it, packed
//! recordings/56/5678…                       reference takes, where workers look for recordings
//! voices/names/mira/000003/1234…/01K…       says: version 3 of mira is 1234…
//! ```
//!
//! Everything but the last kind is named by its content. Who locks a voice writes an entry of the last
//! kind under a name nobody else uses, then looks: alone with its version, it has it; else it takes its
//! entry back and tries the next one. Of two who lock at once the later to look sees the other, so a
//! version never becomes two voices, whatever the store makes of conditional writes. It does need a store
//! that lists what was written before, as folders and S3 do.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use schemas::{RecordingKey, VoiceObjectKey, lock_object, recording_object, voice_prompt_object};
use store::{Store, StoreError};
use ulid::Ulid;

use crate::{Lock, LockedVoice, Prompt, Take, VoiceError, VoiceName, pack, unpack};

/// Where names are.
const NAMES: &str = "voices/names/";
/// How often a voice is locked anew when others are locking the same name.
const ATTEMPTS: u32 = 10;

/// A library of voices. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Library {
    store: Store,
}

/// What [`Library::lock`] did.
#[derive(Debug, Clone, PartialEq)]
pub struct Locked {
    /// The lock, under the version it has in the library.
    pub lock: Lock,
    /// Whether it was not there before.
    pub is_new: bool,
}

/// Versions by name, and the locks that each version is said to be: one, unless others are locking it
/// at this moment.
type Index = BTreeMap<VoiceName, BTreeMap<u32, BTreeSet<VoiceObjectKey>>>;

impl Library {
    /// The library in a store.
    #[must_use]
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    /// Where it is.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Keeps the audio of a take: a WAV that workers can read.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn put_audio(&self, wav: impl Into<Bytes>) -> Result<RecordingKey, VoiceError> {
        let wav = wav.into();
        let key = RecordingKey::of(&wav);
        self.store.put(&recording_object(&key), wav).await?;
        Ok(key)
    }

    /// Keeps the bytes of a prompt, packed; gives the hash of them as they are here.
    ///
    /// # Errors
    /// When they are too many, and when the store cannot be written.
    pub async fn put_prompt(&self, plain: &[u8]) -> Result<VoiceObjectKey, VoiceError> {
        let key = VoiceObjectKey::of(plain);
        self.store.put(&voice_prompt_object(&key), pack(plain)?).await?;
        Ok(key)
    }

    /// Locks a voice under a name: gives it the version after the newest, or finds the version that is
    /// the same voice already. What it is made of has to be here before: see [`Self::put_audio`].
    ///
    /// # Errors
    /// [`VoiceError::Invalid`] on a voice that is none, [`VoiceError::Lost`] when an object of it is not
    /// here, [`VoiceError::Contended`] when others lock the same name all the while.
    pub async fn lock(&self, name: &VoiceName, voice: LockedVoice) -> Result<Locked, VoiceError> {
        voice.check()?;
        self.check_parts(name, &voice).await?;
        for attempt in 0..ATTEMPTS {
            let versions = self.index(Some(name)).await?.remove(name).unwrap_or_default();
            if let Some(lock) = self.same(name, &versions, &voice).await? {
                return Ok(Locked { lock, is_new: false });
            }
            let version = versions.last_key_value().map_or(1, |(newest, _)| newest + 1);
            let lock = Lock { name: name.clone(), version, voice: voice.clone() };
            if self.claim(&lock).await? {
                return Ok(Locked { lock, is_new: true });
            }
            pause(attempt).await;
        }
        Err(VoiceError::Contended(name.clone()))
    }

    /// The voices by name, each with its versions in order.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn names(&self) -> Result<BTreeMap<VoiceName, Vec<u32>>, VoiceError> {
        let index = self.index(None).await?;
        Ok(index.into_iter().map(|(name, found)| (name, found.into_keys().collect())).collect())
    }

    /// A voice by its name: the version asked for, or the newest.
    ///
    /// # Errors
    /// [`VoiceError::NoSuchVoice`], [`VoiceError::Contended`], [`VoiceError::Lost`] when what is kept is
    /// damaged, or when the store cannot be read.
    pub async fn get(&self, name: &VoiceName, version: Option<u32>) -> Result<Lock, VoiceError> {
        for attempt in 0..ATTEMPTS {
            let versions = self.index(Some(name)).await?.remove(name).unwrap_or_default();
            let found = match version {
                Some(version) => versions.get_key_value(&version),
                None => versions.last_key_value(),
            };
            let Some((&version, keys)) = found else {
                return Err(self.no_such_voice(name, version, &versions).await?);
            };
            let mut keys = keys.iter();
            if let (Some(key), None) = (keys.next(), keys.next()) {
                return self.read(name, version, key).await;
            }
            // Who came second takes their claim back in a moment.
            pause(attempt).await;
        }
        Err(VoiceError::Contended(name.clone()))
    }

    /// The audio of a take.
    ///
    /// # Errors
    /// [`VoiceError::Lost`] when it is missing or damaged.
    pub async fn audio(&self, lock: &Lock, take: &Take) -> Result<Bytes, VoiceError> {
        let object = recording_object(&take.audio);
        let read = self.store.get_checked(&object, take.audio.as_str()).await;
        read.map_err(|error| of_store(error, lock.title(), || format!("the {} take", take.mood)))
    }

    /// The bytes of a prompt as they were before the library packed them.
    ///
    /// # Errors
    /// [`VoiceError::Lost`] when they are missing or damaged.
    pub async fn prompt(&self, lock: &Lock, prompt: &Prompt) -> Result<Vec<u8>, VoiceError> {
        let what = || format!("the prompt for {}", prompt.mood);
        let read = self.store.get(&voice_prompt_object(&prompt.object)).await;
        let packed = read.map_err(|error| of_store(error, lock.title(), what))?;
        let plain = unpack(&packed).ok();
        let is_whole = |plain: &Vec<u8>| VoiceObjectKey::of(plain) == prompt.object;
        plain.filter(is_whole).ok_or_else(|| lost(lock.title(), what(), "damaged"))
    }

    /// The objects that the library's voices are made of: what must not be taken out of the store.
    ///
    /// # Errors
    /// When the store or one of its locks cannot be read: then nothing may be taken out.
    pub async fn referenced(&self) -> Result<BTreeSet<String>, VoiceError> {
        let mut objects = BTreeSet::new();
        for (name, versions) in self.index(None).await? {
            for (version, keys) in versions {
                for key in keys {
                    let lock = match self.read(&name, version, &key).await {
                        Ok(lock) => lock,
                        // Nobody can be heard in it any more, and nothing says what it was made of.
                        Err(VoiceError::Lost { state: "missing", .. }) => continue,
                        Err(error) => return Err(error),
                    };
                    objects.insert(lock_object(&key));
                    objects.extend(lock.objects());
                }
            }
        }
        Ok(objects)
    }

    /// Writes a lock and its claim to a version, and looks whether it is alone with it. Where it is not,
    /// the claim is taken back.
    async fn claim(&self, lock: &Lock) -> Result<bool, VoiceError> {
        let key = lock.object_key();
        self.store.put(&lock_object(&key), lock.to_json()).await?;
        let version = format!("{NAMES}{}/{:06}/", lock.name, lock.version);
        let claim = format!("{version}{key}/{}", Ulid::generate());
        // What is in it is for people; an empty object is not kept by every store.
        self.store.put(&claim, format!("{}\n", lock.voice.key())).await?;
        let claims = self.store.list(&version).await?;
        let is_alone = claims.iter().all(|other| {
            other.strip_prefix(&version).and_then(|rest| rest.split('/').next())
                == Some(key.as_str())
        });
        if !is_alone {
            self.store.delete(&claim).await?;
        }
        Ok(is_alone)
    }

    /// A version that is the same voice already, whenever and by whichever program it was locked.
    async fn same(
        &self,
        name: &VoiceName,
        versions: &BTreeMap<u32, BTreeSet<VoiceObjectKey>>,
        voice: &LockedVoice,
    ) -> Result<Option<Lock>, VoiceError> {
        for (&version, keys) in versions.iter().rev() {
            let mut keys = keys.iter();
            let (Some(key), None) = (keys.next(), keys.next()) else { continue };
            match self.read(name, version, key).await {
                Ok(lock) if lock.voice.is_same(voice) => return Ok(Some(lock)),
                Ok(_) | Err(VoiceError::Lost { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    async fn read(
        &self,
        name: &VoiceName,
        version: u32,
        key: &VoiceObjectKey,
    ) -> Result<Lock, VoiceError> {
        let title = || format!("{name} {version}");
        let read = self.store.get_checked(&lock_object(key), key.as_str()).await;
        let json = read.map_err(|error| of_store(error, title(), || "the lock".into()))?;
        let lock = Lock::from_json(&json)?;
        if lock.name != *name || lock.version != version {
            return Err(lost(title(), "the lock".into(), "damaged"));
        }
        Ok(lock)
    }

    async fn check_parts(&self, name: &VoiceName, voice: &LockedVoice) -> Result<(), VoiceError> {
        for object in voice.objects() {
            if self.store.size(&object).await?.is_none() {
                return Err(lost(name.to_string(), format!("the object {object}"), "missing"));
            }
        }
        Ok(())
    }

    /// What the names say, of one voice or of all. What is no entry of ours is not looked at.
    async fn index(&self, name: Option<&VoiceName>) -> Result<Index, VoiceError> {
        let prefix = name.map_or_else(|| NAMES.to_owned(), |name| format!("{NAMES}{name}/"));
        let mut index = Index::new();
        for entry in self.store.list(&prefix).await? {
            if let Some((name, version, key)) = parse_entry(&entry) {
                index.entry(name).or_default().entry(version).or_default().insert(key);
            }
        }
        Ok(index)
    }

    async fn no_such_voice(
        &self,
        name: &VoiceName,
        version: Option<u32>,
        versions: &BTreeMap<u32, BTreeSet<VoiceObjectKey>>,
    ) -> Result<VoiceError, VoiceError> {
        let wanted =
            version.map_or_else(|| name.to_string(), |version| format!("{name} {version}"));
        let known = if versions.is_empty() {
            let names: Vec<String> = self.names().await?.keys().map(VoiceName::to_string).collect();
            match names.as_slice() {
                [] => "there are none yet: design one, or import a .vox file".to_owned(),
                [..] if names.len() <= 12 => format!("there are: {}", names.join(", ")),
                [..] => {
                    format!("there are {} others; `tableread voices list` names them", names.len())
                }
            }
        } else {
            let versions: Vec<String> = versions.keys().map(u32::to_string).collect();
            format!("there are versions {}", versions.join(", "))
        };
        Ok(VoiceError::NoSuchVoice { wanted, known })
    }
}

impl Lock {
    /// Name and version as people say them: `mira 3`.
    #[must_use]
    pub fn title(&self) -> String {
        format!("{} {}", self.name, self.version)
    }

    /// The objects it is made of, but for itself.
    #[must_use]
    pub fn objects(&self) -> BTreeSet<String> {
        self.voice.objects()
    }
}

impl LockedVoice {
    fn objects(&self) -> BTreeSet<String> {
        let takes = self.takes.iter().map(|take| recording_object(&take.audio));
        let prompts = self.models.values().flat_map(|model| &model.prompts);
        takes.chain(prompts.map(|prompt| voice_prompt_object(&prompt.object))).collect()
    }

    /// Whether it is the same voice but for when and by which program it was locked.
    fn is_same(&self, other: &Self) -> bool {
        let mut other = other.clone();
        other.provenance.locked_at.clone_from(&self.provenance.locked_at);
        other.provenance.tool.clone_from(&self.provenance.tool);
        *self == other
    }
}

/// Waits a little, and longer at each attempt; never as long as somebody else.
async fn pause(attempt: u32) {
    let longest_ms = 20 << attempt.min(6);
    tokio::time::sleep(Duration::from_millis(fastrand::u64(1..=longest_ms))).await;
}

fn parse_entry(entry: &str) -> Option<(VoiceName, u32, VoiceObjectKey)> {
    let mut parts = entry.strip_prefix(NAMES)?.split('/');
    let name = VoiceName::parse(parts.next()?).ok()?;
    let version = parts.next()?.parse().ok().filter(|version| *version > 0)?;
    let key = VoiceObjectKey::parse(parts.next()?).ok()?;
    parts.next().map(|_| (name, version, key))
}

fn lost(voice: String, what: String, state: &'static str) -> VoiceError {
    let advice = "import its .vox file again, or lock it anew from where it came from";
    VoiceError::Lost { voice, what, state, advice }
}

fn of_store(error: StoreError, voice: String, what: impl FnOnce() -> String) -> VoiceError {
    match error {
        StoreError::NotFound { .. } => lost(voice, what(), "missing"),
        StoreError::Damaged { .. } => lost(voice, what(), "damaged"),
        other => other.into(),
    }
}
