//! Where the server is and what the farm is called there.

use std::fmt;

use ::redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo};

use crate::QueueError;

/// What the farm is called unless the address says.
const USUAL_FARM: &str = "farm";

const ADVICE: &str = "give `redis://HOST`, `rediss://USER:PASSWORD@HOST:PORT/DATABASE?prefix=FARM` or \
                      `redis+unix:///PATH?prefix=FARM`, with `%40` for an @ in a password";

/// A server and a farm on it. Shown without user and password.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) info: ConnectionInfo,
    /// What every key begins with; the part in braces keeps a farm on one node of a cluster.
    pub(super) prefix: String,
}

impl Place {
    /// Reads `address`: what the `redis` crate takes, and `prefix`, the farm's name: 1 to 40 letters,
    /// digits, `-`, `_` and `.`, so that many farms can share a server.
    pub(super) fn parse(address: &str) -> Result<Self, QueueError> {
        // What follows the scheme may hold a password.
        let scheme = address.split_once(':').map_or("redis", |(scheme, _)| scheme);
        let bad = |advice| QueueError::Address { address: format!("{scheme}:…"), advice };
        if address.contains('#') {
            return Err(bad("write `%23` for a # in a password"));
        }
        let (base, query) = address.split_once('?').unwrap_or((address, ""));
        let (prefix, others): (Vec<_>, Vec<_>) = query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .partition(|pair| pair.starts_with("prefix="));
        let farm = match prefix[..] {
            [] => USUAL_FARM,
            [one] => one.trim_start_matches("prefix="),
            _ => return Err(bad("give one prefix")),
        };
        let is_usable = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if !(1..=40).contains(&farm.len()) || !farm.chars().all(is_usable) {
            return Err(bad(
                "a prefix is 1 to 40 of the letters a-z A-Z, digits, `-`, `_` and `.`",
            ));
        }
        let mut url = base.to_owned();
        if !others.is_empty() {
            url = format!("{url}?{}", others.join("&"));
        }
        let info = url.into_connection_info().map_err(|_| bad(ADVICE))?;
        Ok(Self { info, prefix: format!("{{tableread:{farm}}}:") })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.info.addr() {
            ConnectionAddr::Tcp(host, port) => write!(f, "redis://{host}:{port}"),
            ConnectionAddr::TcpTls { host, port, .. } => write!(f, "rediss://{host}:{port}"),
            ConnectionAddr::Unix(path) => write!(f, "redis+unix://{}", path.display()),
            _ => f.write_str("redis"),
        }
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self} {}", self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_server_database_and_farm() {
        let place = Place::parse("redis://farm:s%40cret@queue.local:7000/3?prefix=night").unwrap();
        assert_eq!(place.to_string(), "redis://queue.local:7000");
        assert_eq!(place.prefix, "{tableread:night}:");
        assert_eq!(place.info.redis_settings().db(), 3);
        assert_eq!(place.info.redis_settings().password(), Some("s@cret"));
        let place = Place::parse("redis+unix:///tmp/redis.sock?db=2").unwrap();
        assert_eq!(
            (place.to_string().as_str(), place.info.redis_settings().db()),
            ("redis+unix:///tmp/redis.sock", 2)
        );
        assert_eq!(place.prefix, "{tableread:farm}:");
        assert_eq!(Place::parse("rediss://queue").unwrap().to_string(), "rediss://queue:6379");
    }

    #[test]
    fn a_bad_address_is_refused_without_its_password() {
        for address in [
            "redis://farm:secret@queue:port",
            "redis://farm:secret@queue/first",
            "redis://farm:secret@queue?prefix=a}b",
            "redis://farm:secret@queue?prefix=",
            "redis://farm:secret@queue?prefix=a&prefix=b",
            "redis://farm:sec#ret@queue",
            "redis://",
        ] {
            let refused = Place::parse(address).unwrap_err();
            assert!(matches!(refused, QueueError::Address { .. }), "{address}");
            assert!(!format!("{refused} {refused:?}").contains("sec"), "{refused:?}");
        }
        let place = Place::parse("redis://farm:secret@queue").unwrap();
        assert!(!format!("{place} {place:?}").contains("secret"));
    }
}
