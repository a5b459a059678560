//! `tableread sweep`: what nothing refers to any more is shown, then deleted.

use std::time::{Duration, SystemTime};

use anyhow::bail;
use clap::Args;

use super::output::{counted, json_pretty, line, note, table};
use super::{Exit, place::PlaceArgs};
use crate::sweep::{Deleted, Findings, delete, look};

/// Shows what in the store nothing refers to any more, and deletes it
///
/// What the queue's submissions and the stored manifests name is never touched, nor are manifests. Takes
/// of a changed line are kept until they are old enough: undoing the change then costs nothing.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tableread sweep                              what would go, by kind
  tableread sweep --older-than 30d --delete    and away with it
  tableread sweep --json | jq .unreferenced    for programs

Uploads to S3 that were never finished are no objects: have a lifecycle rule of the bucket remove them.")]
pub(crate) struct SweepArgs {
    /// Delete what is shown
    #[arg(long)]
    delete: bool,
    /// Only what nobody wrote for this long, e.g. 12h or 30d; at least 1h with --delete
    #[arg(long, value_name = "TIME", default_value = "7d", value_parser = worker::parse_duration)]
    older_than: Duration,
    /// Delete although the queue knows no submission at all
    ///
    /// Such a queue is more often the wrong one.
    #[arg(long, requires = "delete")]
    queue_is_empty: bool,
    /// Print JSON: {"unreferenced": {KIND: …}, "deleted": … or null}
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: PlaceArgs,
}

/// A worker may take this long between writing a take and telling the queue of it.
const YOUNGEST: Duration = Duration::from_hours(1);

pub(crate) async fn run(args: SweepArgs) -> anyhow::Result<Exit> {
    if args.delete && args.older_than < YOUNGEST {
        bail!(
            "what was written within the last hour may be about to be needed: --older-than 1h or more"
        );
    }
    let place = args.place.existing()?;
    let (queue, store) = (place.open_queue()?, place.open_store().await?);
    let now = SystemTime::now();
    let findings = look(queue.as_ref(), &store, args.older_than, now).await?;
    let deleted = if args.delete {
        check_queue(&findings, args.queue_is_empty)?;
        Some(delete(queue.as_ref(), &store, &findings).await?)
    } else {
        None
    };
    if args.json {
        let unreferenced = findings.by_kind(now);
        let manifests = findings.manifests;
        json_pretty(&serde_json::json!({
            "unreferenced": unreferenced,
            "submissions": findings.submissions.len(),
            "manifests": manifests,
            "deleted": deleted,
        }))?;
    } else {
        show(&findings, deleted, now)?;
    }
    Ok(Exit::Done)
}

/// A queue without submissions refers to nothing: everything would go.
fn check_queue(findings: &Findings, is_meant: bool) -> anyhow::Result<()> {
    if findings.submissions.is_empty() && !findings.unreferenced.is_empty() && !is_meant {
        bail!(
            "the queue knows no submission, so it may be the wrong one and nothing is deleted; if it is \
             right, say so with --queue-is-empty"
        );
    }
    Ok(())
}

fn show(findings: &Findings, deleted: Option<Deleted>, now: SystemTime) -> anyhow::Result<()> {
    let sums = findings.by_kind(now);
    let mut rows = table(
        &["kind", "objects", "size", "youngest", "oldest"],
        &["objects", "size", "youngest", "oldest"],
    );
    for (kind, sum) in &sums {
        rows.add_row([
            (*kind).to_owned(),
            sum.objects.to_string(),
            size(sum.bytes),
            age(sum.youngest_seconds),
            age(sum.oldest_seconds),
        ]);
    }
    if !sums.is_empty() {
        line(rows.to_string())?;
    }
    let submissions = counted(findings.submissions.len() as u64, "submission");
    let manifests = counted(findings.manifests, "manifest");
    match deleted {
        Some(deleted) => {
            line(format!(
                "{} deleted, {} freed",
                counted(deleted.objects, "object"),
                size(deleted.bytes)
            ))?;
            if deleted.spared > 0 {
                note(format!(
                    "{} kept after all: needed, written anew or gone since they were listed",
                    counted(deleted.spared, "object")
                ));
            }
        }
        None if sums.is_empty() => {
            line(format!(
                "nothing to sweep: all that is old enough is named by {submissions} or {manifests}"
            ))?;
        }
        None => {
            line(format!("not named by {submissions} or {manifests}; delete them with --delete"))?;
        }
    }
    Ok(())
}

/// Bytes as a person reads them.
fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{} kB", bytes / 1_000),
        1_000_000..1_000_000_000 => format!("{} MB", bytes / 1_000_000),
        _ => format!("{}.{} GB", bytes / 1_000_000_000, bytes / 100_000_000 % 10),
    }
}

/// Seconds as a person reads an age.
fn age(seconds: u64) -> String {
    match seconds {
        0..3_600 => format!("{} min", seconds / 60),
        3_600..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_ages_read_as_people_say_them() {
        let sizes = [0, 999, 1_000, 5_300_000, 12_340_000_000].map(size);
        assert_eq!(sizes, ["0 B", "999 B", "1 kB", "5 MB", "12.3 GB"]);
        assert_eq!([30, 7_200, 864_000].map(age), ["0 min", "2 h", "10 d"]);
    }
}
