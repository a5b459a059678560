//! The file: how it is opened, protected and brought to the newest layout.

use std::fs::OpenOptions;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior};

use super::fault::Fault;
use crate::QueueError;

/// Layouts by number, from 1; each brings the one before it up to date.
const LAYOUTS: [&str; 1] = [include_str!("sql/layout_1.sql")];

/// How long a call waits for another process's transaction. Transactions take milliseconds; only a
/// very large submission takes seconds.
const BUSY: Duration = Duration::from_secs(10);

/// Opens a connection to the queue at `path`, creating the file and bringing it up to date.
///
/// Commits are flushed to the disk, on macOS past its cache: a power cut must not lose what was
/// settled. That bounds the queue to some hundreds of commits a second, far above what workers on
/// one machine render.
pub(super) fn connect(path: &Path) -> Result<Connection, QueueError> {
    let place = path.display().to_string();
    create(path).map_err(|source| QueueError::Broken {
        place: place.clone(),
        advice: "check that its folder exists and that the file is writable for this user",
        source: Box::new(source),
    })?;
    configured(path, &place).map_err(|fault| fault.at(&place))
}

/// Makes the file before SQLite does, because its companions take their permissions from it.
fn create(path: &Path) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

fn configured(path: &Path, place: &str) -> Result<Connection, Fault> {
    let mut conn = Connection::open(path)?;
    conn.busy_timeout(BUSY)?;
    conn.set_prepared_statement_cache_capacity(64);
    conn.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
    conn.pragma_update(None, "synchronous", "full")?;
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
