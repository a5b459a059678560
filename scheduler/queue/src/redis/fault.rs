//! What an error of the server or of the way to it means to the caller.

use ::redis::{ErrorKind, RedisError, ServerErrorKind};

use crate::QueueError;

/// Says what `err` means for the queue at `place`.
pub(super) fn at(place: &str, err: RedisError) -> QueueError {
    let place = place.to_owned();
    match advice(&err) {
        None => QueueError::Unavailable { place, source: Box::new(err) },
        Some(advice) => QueueError::Broken { place, advice, source: Box::new(err) },
    }
}

/// Whether the connection is of no use any more: it was cut or does not answer, or it leads to a
/// server that another has taken over from.
pub(super) fn is_spent(err: &RedisError) -> bool {
    err.is_io_error()
        || err.is_connection_dropped()
        || err.is_timeout()
        || err.is_unrecoverable_error()
        || matches!(
            err.kind(),
            ErrorKind::Server(
                ServerErrorKind::ReadOnly
                    | ServerErrorKind::MasterDown
                    | ServerErrorKind::BusyLoading
                    | ServerErrorKind::Moved
            )
        )
}

/// What a person should do; `None` when waiting helps: the server starts, fails over, is full or
/// cannot write for now.
fn advice(err: &RedisError) -> Option<&'static str> {
    let refused = "the server refuses the user or the password: check both in the address";
    match err.kind() {
        ErrorKind::Io if err.to_string().contains("invalid peer certificate") => Some(
            "this machine does not trust the server's certificate, or it is for another name: install \
             its authority's certificate, or name it in SSL_CERT_FILE",
        ),
        ErrorKind::Io => None,
        ErrorKind::AuthenticationFailed => Some(refused),
        ErrorKind::Server(kind) => match kind {
            ServerErrorKind::BusyLoading
            | ServerErrorKind::TryAgain
            | ServerErrorKind::ClusterDown
            | ServerErrorKind::MasterDown
            | ServerErrorKind::ReadOnly
            | ServerErrorKind::NoScript => None,
            ServerErrorKind::NoPerm => Some(
                "its user may not do what is needed: allow it `+@all -@dangerous +info +config|get` on \
                 the keys `~{tableread:*`",
            ),
            ServerErrorKind::Moved | ServerErrorKind::Ask | ServerErrorKind::CrossSlot => Some(
                "the server is one node of a cluster and another one holds this farm: give that \
                 node's address, or another prefix",
            ),
            _ if err.detail().is_some_and(|detail| detail.contains("max number of clients")) => {
                None
            }
            _ if err.detail().is_some_and(|detail| detail.contains("no password is set")) => {
                Some(refused)
            }
            _ => Some("this is a bug: report it together with the log"),
        },
        _ => match err.code() {
            Some("NOAUTH" | "WRONGPASS") => Some(refused),
            Some("OOM" | "MISCONF" | "NOREPLICAS" | "BUSY" | "LOADING" | "UNBLOCKED") => None,
            _ => Some(
                "it does not answer as Redis 6.2 or newer does: check that the address leads to one",
            ),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(code: &str, detail: &str) -> QueueError {
        at("redis://queue", ::redis::make_extension_error(code.to_owned(), Some(detail.to_owned())))
    }

    #[test]
    fn what_passes_by_itself_is_an_outage_and_what_does_not_says_what_to_do() {
        for code in ["OOM", "MISCONF", "NOREPLICAS", "BUSY"] {
            assert!(matches!(said(code, "no"), QueueError::Unavailable { .. }), "{code}");
        }
        for (code, word) in [("NOAUTH", "password"), ("WRONGPASS", "password"), ("WHAT", "6.2")] {
            let QueueError::Broken { advice, .. } = said(code, "no") else { panic!("{code}") };
            assert!(advice.contains(word), "{code}: {advice}");
        }
    }
}
