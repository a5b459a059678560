//! What an operator should know of a server.

use std::collections::HashMap;

use ::redis::aio::ConnectionLike;
use ::redis::{RedisError, cmd};

/// The oldest version that has all that the functions use.
const OLDEST: (u32, u32) = (6, 2);

/// Asks the server how it is set up.
///
/// # Errors
/// When it cannot be asked. Settings that its user may not see are passed by.
pub(super) async fn of(
    connection: &mut impl ConnectionLike,
    place: &str,
) -> Result<Vec<String>, RedisError> {
    let info: String = cmd("INFO").query_async(connection).await?;
    let info: HashMap<_, _> = info.lines().filter_map(|line| line.split_once(':')).collect();
    let fsync: HashMap<String, String> = cmd("CONFIG")
        .arg("GET")
        .arg("appendfsync")
        .query_async(connection)
        .await
        .unwrap_or_default();
    Ok(told(place, &info, fsync.get("appendfsync").map(String::as_str)))
}

fn told(place: &str, info: &HashMap<&str, &str>, fsync: Option<&str>) -> Vec<String> {
    let said = |field: &str| info.get(field).map_or("", |word| word.trim());
    let mut doubts = Vec::new();
    let version = said("redis_version");
    if is_too_old(version) {
        doubts.push(format!("the server at {place} is Redis {version}: 6.2 or newer is needed"));
    }
    if said("role") == "slave" {
        doubts.push(format!("the server at {place} is a replica: give the primary's address"));
    }
    if said("aof_enabled") == "0" {
        doubts.push(format!(
            "the server at {place} keeps no append-only file, so lines are lost when it ends: set \
             `appendonly yes`"
        ));
    } else if let Some(fsync @ ("everysec" | "no")) = fsync {
        let what = if fsync == "no" { "half a minute" } else { "second" };
        doubts.push(format!(
            "a power cut at {place} may undo the last {what}, and what was settled then is done again: \
             set `appendfsync always` if that matters"
        ));
    }
    let policy = said("maxmemory_policy");
    if said("maxmemory") != "0" && !policy.is_empty() && policy != "noeviction" {
        doubts.push(format!(
            "the server at {place} throws keys away when its memory is full: set \
             `maxmemory-policy noeviction`"
        ));
    }
    doubts
}

/// Whether a version such as `7.0.15` is older than what is needed; one that cannot be read is not.
fn is_too_old(version: &str) -> bool {
    let mut parts = version.split('.').map_while(|part| part.parse::<u32>().ok());
    parts.next().is_some_and(|major| (major, parts.next().unwrap_or(0)) < OLDEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn doubts(settings: &[(&'static str, &'static str)], fsync: &str) -> Vec<String> {
        let mut info = HashMap::from([
            ("redis_version", "7.0.15"),
            ("role", "master"),
            ("aof_enabled", "1"),
            ("maxmemory", "0"),
            ("maxmemory_policy", "noeviction"),
        ]);
        info.extend(settings.iter().copied());
        told("redis://queue:6379", &info, Some(fsync))
    }

    #[test]
    fn what_may_lose_lines_is_told_with_its_remedy() {
        assert_eq!(doubts(&[], "always"), [""; 0]);
        for (settings, fsync, word) in [
            (&[("aof_enabled", "0")][..], "everysec", "appendonly yes"),
            (&[], "everysec", "the last second"),
            (&[], "no", "half a minute"),
            (&[("maxmemory", "1"), ("maxmemory_policy", "allkeys-lru")], "always", "noeviction"),
            (&[("redis_version", "6.0.9")], "always", "6.2"),
            (&[("redis_version", "5.0.14")], "always", "6.2"),
            (&[("role", "slave")], "always", "primary"),
        ] {
            let told = doubts(settings, fsync);
            assert!(told.len() == 1 && told[0].contains(word), "{told:?}");
        }
        assert_eq!(doubts(&[("maxmemory_policy", "allkeys-lru")], "always"), [""; 0]);
        assert_eq!(doubts(&[("redis_version", "8.2.0")], "always"), [""; 0]);
    }
}
