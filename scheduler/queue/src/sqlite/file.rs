//! The file: how it is opened, protected and brought to the newest layout.

use std::fs::OpenOptions;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use super::fault::Fault;
use crate::QueueError;

/// Layouts by number, from 1; each brings the one before it up to date.
const LAYOUTS: [&str; 4] = [
    include_str!("sql/layout_1.sql"),
    include_str!("sql/layout_2.sql"),
    include_str!("sql/layout_3.sql"),
    include_str!("sql/layout_4.sql"),
];

/// How long a call waits for another process's transaction. Transactions take milliseconds; only a
/// very large submission takes seconds.
const BUSY: Duration = Duration::from_secs(10);

/// Whether a commit waits for the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Commit {
    /// It does, on macOS past the disk's cache: a power cut must not lose what was settled. It also
    /// waits for all that was committed before.
    Safe,
    /// It does not: only a power cut can lose it, and what it wrote would be undone by one anyway.
    /// A lease dies with the machine that the file and its workers are on.
    Soon,
}

impl Commit {
    /// Makes the connection's next transactions commit like this.
    pub(super) fn set(self, conn: &Connection) -> rusqlite::Result<()> {
        let synchronous = match self {
            Self::Safe => "full",
            Self::Soon => "normal",
        };
        conn.pragma_update(None, "synchronous", synchronous)
    }
}

/// How large the log beside the file may stay once its content is in the file, in bytes. A large
/// submission makes it grow; it would keep that size for ever.
const LOG_BYTES: u32 = 64 << 20;

/// Opens a connection to the queue at `path`, creating the file and bringing it up to date.
///
/// The file is never made smaller: what [`crate::Queue::forget`] frees is used by the next
/// submission. Giving pages back as they become free would cost every write, and `VACUUM` does it by
/// hand, while nothing has the file open.
pub(super) fn connect(path: &Path) -> Result<Connection, QueueError> {
    let place = path.display().to_string();
    create(path).map_err(|source| QueueError::Broken {
        place: place.clone(),
        advice: "check that its folder exists and that the file is writable for this user",
        source: Box::new(source),
    })?;
    patiently(|| configured(path, &place)).map_err(|fault| fault.at(&place))
}

/// Tries again while the file is busy. Whoever comes while another process sets up a new file is
/// told so at once, however long the connection may wait.
fn patiently<T>(mut open: impl FnMut() -> Result<T, Fault>) -> Result<T, Fault> {
    let began = Instant::now();
    loop {
        match open() {
            Err(Fault::Sql(err))
                if err.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
                    && began.elapsed() < BUSY =>
            {
                std::thread::park_timeout(Duration::from_millis(5));
            }
            done => return done,
        }
    }
}

/// Makes the file before SQLite does, because its companions take their permissions from it.
///
/// A file that is there is not touched, because closing it would give up every lock that this
/// process has on it; and one that is being made is not opened by another thread before it is
/// closed, for the same reason.
fn create(path: &Path) -> std::io::Result<()> {
    static CREATING: Mutex<()> = Mutex::new(());
    let _creating = CREATING.lock().unwrap_or_else(PoisonError::into_inner);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(err) if err.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        made => made.map(drop),
    }
}

fn configured(path: &Path, place: &str) -> Result<Connection, Fault> {
    // Not made here, and its name is a path, never a URI.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut conn = Connection::open_with_flags(path, flags)?;
    if conn.is_readonly("main")? {
        let read_only = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_READONLY);
        return Err(rusqlite::Error::SqliteFailure(read_only, None).into());
    }
    conn.busy_timeout(BUSY)?;
    conn.set_prepared_statement_cache_capacity(64);
    // Changes go to a log beside the file: readers and a writer do not wait for each other.
    conn.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
    conn.pragma_update_and_check(None, "journal_size_limit", LOG_BYTES, |_| Ok(()))?;
    Commit::Safe.set(&conn)?;
    conn.pragma_update(None, "fullfsync", true)?;
    conn.pragma_update(None, "checkpoint_fullfsync", true)?;
    conn.pragma_update(None, "foreign_keys", true)?;
    migrate(&mut conn, place)?;
    Ok(conn)
}

/// Brings the file to the newest layout, one process at a time.
fn migrate(conn: &mut Connection, place: &str) -> Result<(), Fault> {
    if layout_of(conn, place)? == LAYOUTS.len() {
        return Ok(());
    }
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for (layout, sql) in (1_u32..).zip(LAYOUTS).skip(layout_of(&tx, place)?) {
        tx.execute_batch(sql)?;
        tx.pragma_update(None, "user_version", layout)?;
    }
    Ok(tx.commit()?)
}

/// The file's layout; 0 when it is new.
fn layout_of(conn: &Connection, place: &str) -> Result<usize, Fault> {
    let found: u32 = conn.pragma_query_value(None, "user_version", |row| row.get(0))?;
    match usize::try_from(found) {
        Ok(layout) if layout <= LAYOUTS.len() => Ok(layout),
        Ok(_) | Err(_) => {
            let known = u32::try_from(LAYOUTS.len()).unwrap_or(u32::MAX);
            Err(QueueError::Version { place: place.to_owned(), found, known }.into())
        }
    }
}
