//! What a queue can fail with.

/// Why the queue could not do what it was asked; the variants differ in what the caller does.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// The queue cannot be reached or is busy; the same call may succeed later.
    #[error("the queue at {place} is busy or cannot be reached: try again in a moment")]
    Unavailable {
        /// Where it is, without credentials.
        place: String,
        /// What the driver said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The queue's file or disk is full or damaged, or its server refuses; a person must act.
    #[error("the queue at {place} cannot be used: {advice}")]
    Broken {
        /// Where it is, without credentials.
        place: String,
        /// What to do.
        advice: &'static str,
        /// What the driver said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// It was written by a version of Tableread that this one does not understand.
    #[error(
        "the queue at {place} has layout {found}, this program knows {known}; use the newer one"
    )]
    Version {
        /// Where it is, without credentials.
        place: String,
        /// The layout it has.
        found: u32,
        /// The newest layout this program knows.
        known: u32,
    },
    /// A row does not hold what was written to it: a bug, or somebody else's hand.
    #[error("the queue holds something unreadable in {what}")]
    Corrupt {
        /// Which row.
        what: String,
        /// What the reader said.
        #[source]
        source: serde_json::Error,
    },
    /// There is no such submission.
    #[error("no submission `{0}` in this queue")]
    NoSuchSubmission(String),
    /// The submission has lines to which something will still happen.
    #[error("submission `{0}` is not finished: cancel it first, or wait for its last line")]
    NotFinal(String),
    /// No worker of that name was heard of lately.
    #[error("no worker `{worker}` was heard of within the last hour; {}", told(known))]
    UnknownWorker {
        /// Who was meant.
        worker: String,
        /// Those that were heard of, by name.
        known: Vec<String>,
    },
    /// Another process works under this name.
    #[error(
        "the name `{worker}` is taken by a worker on {host}: give this one another name, or wait a \
         minute if the other has ended"
    )]
    NameTaken {
        /// The name.
        worker: String,
        /// The machine that the other one is on.
        host: String,
    },
    /// The address names no queue that this program has.
    #[error("`{address}` is no queue this program can open: {advice}")]
    Address {
        /// What was given, without credentials.
        address: String,
        /// What to give instead.
        advice: &'static str,
    },
    /// The submission contradicts itself: a bug in what planned it. Nothing was added.
    #[error("submission `{submission}` cannot be queued: {what}")]
    Unsound {
        /// Which submission.
        submission: String,
        /// What is wrong with it, and with which line.
        what: String,
    },
}

/// Says which workers there are.
fn told(known: &[String]) -> String {
    match known {
        [] => "nor was any other".to_owned(),
        known => format!("there is {}", known.join(", ")),
    }
}
