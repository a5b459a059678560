//! Why a release could not be fetched.

use std::path::PathBuf;

use engine::qwen3_tts::LoadError;

/// Why a release could not be fetched. What was received stays, and another try goes on from there.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The name is no repository's.
    #[error("there is no model called `{name}`; give OWNER/NAME or one of {known}")]
    Name {
        /// What was asked for.
        name: String,
        /// What is published, as voices call it.
        known: String,
    },
    /// The revision cannot be one.
    #[error("`{0}` is no revision; give a branch, a tag or a commit's hash")]
    Revision(String),
    /// The address of the hub cannot be used.
    #[error("`{0}` is no address to fetch from; give one that begins with https://")]
    Address(String),
    /// The hub could not be reached, or fell silent too often. Another try may succeed.
    #[error("{place} cannot be reached; try again, what was received is kept")]
    Unreachable {
        /// What was asked for.
        place: String,
        /// What went wrong.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The hub wants to know who asks.
    #[error(
        "{repository} may not be read: check its name, and set HF_TOKEN to a token of an account that \
         may read it"
    )]
    Denied {
        /// What was asked for.
        repository: String,
    },
    /// The hub does not have it.
    #[error("{place} does not exist; check the model's name and --revision")]
    Missing {
        /// What was asked for.
        place: String,
    },
    /// The hub answered something else than what was asked for.
    #[error("{place} answered {answer}; try again later")]
    Refused {
        /// What was asked for.
        place: String,
        /// What came back.
        answer: String,
    },
    /// The repository is not that of a release.
    #[error("{repository} is no release that this program can speak: it has no {file}")]
    NoRelease {
        /// What was asked for.
        repository: String,
        /// What it lacks.
        file: &'static str,
    },
    /// A file is larger than any such file is, or than was announced.
    #[error("{file} has more than the {most} bytes it may have; it was not kept")]
    TooLarge {
        /// The file, relative to the release.
        file: &'static str,
        /// How many it may have.
        most: u64,
    },
    /// What came is not what is published.
    #[error(
        "{file} came with SHA-256 {found} instead of {expected}; it was thrown away, fetch again"
    )]
    Damaged {
        /// The file, relative to the release.
        file: &'static str,
        /// Lower-case hex.
        found: String,
        /// Lower-case hex.
        expected: String,
    },
    /// The disk has too little room.
    #[error(
        "{} has room for {} MB more, and {} MB are to come; free some, or name another folder with \
         --models", folder.display(), has / 1_000_000, needs / 1_000_000
    )]
    NoRoom {
        /// Where the release was to go.
        folder: PathBuf,
        /// Bytes that are free.
        has: u64,
        /// Bytes that are to come.
        needs: u64,
    },
    /// Something else is where the release was to go.
    #[error(
        "{} has another release or revision; remove it, or name another folder with --models",
        folder.display()
    )]
    Occupied {
        /// Where the release was to go.
        folder: PathBuf,
    },
    /// Another process is fetching the same release.
    #[error("{} is being fetched already; wait for that to end", folder.display())]
    Busy {
        /// Where the release is to go.
        folder: PathBuf,
    },
    /// A file cannot be written.
    #[error("{} cannot be written", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// All came, and this program cannot speak it.
    #[error("{repository} cannot be used")]
    Unusable {
        /// What was asked for.
        repository: String,
        /// What is wrong with it.
        #[source]
        source: LoadError,
    },
}
