//! Tokens: who may ask, and for what.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConditionallySelectable as _, ConstantTimeEq as _};

/// Shortest token that is taken, in characters: 20 random ones cannot be guessed over a network.
const SHORTEST: usize = 20;

/// What a token is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// To look and listen.
    Read,
    /// To submit and change as well.
    Write,
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Principal {
    /// The token's name; `local` where no tokens are asked for.
    pub(super) name: Arc<str>,
    /// What it may do.
    pub(super) scope: Scope,
}

impl Principal {
    /// Whoever sits at this machine, where no tokens are asked for.
    pub(super) fn local() -> Self {
        Self { name: "local".into(), scope: Scope::Write }
    }
}

/// The tokens a server takes. Keeps hashes only, so that no token can be read out of it.
#[derive(Debug, Clone, Default)]
pub struct Tokens(Vec<Token>);

#[derive(Debug, Clone)]
struct Token {
    principal: Principal,
    sha256: [u8; 32],
    /// Of what a browser keeps in its place; see [`cookie_of`].
    cookie_sha256: [u8; 32],
}

/// What a browser keeps of a token: a hash of it, which signs in to pages and is good for nothing
/// else. Lower-case hex.
pub(super) fn cookie_of(token: &str) -> String {
    schemas::hex(&Sha256::digest(format!("tableread cookie\n{token}")))
}

/// Why tokens cannot be used. Never holds a token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The list does not read as one.
    #[error(
        "entry {entry} of the tokens {what}; write one `NAME read TOKEN` or `NAME write TOKEN` a line"
    )]
    Entry {
        /// From 1, counting entries and not lines.
        entry: usize,
        /// What is wrong with it.
        what: &'static str,
    },
    /// There is none in it.
    #[error("there is no token in {0}; write one `NAME read TOKEN` or `NAME write TOKEN` a line")]
    Empty(String),
    /// The file cannot be read.
    #[error("the token file {path} cannot be read")]
    Unreadable {
        /// Which file.
        path: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// Others may read the file.
    #[error("the token file {0} can be read by others on this machine: chmod 600 {0}")]
    Open(String),
}

impl Tokens {
    /// Whether there is none: then nobody is asked for one.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// One token that may do everything.
    ///
    /// # Errors
    /// [`TokenError::Entry`] when it is shorter than 20 characters or holds spaces.
    pub fn single(token: &str) -> Result<Self, TokenError> {
        Ok(Self(vec![Token::new(1, "token", Scope::Write, token)?]))
    }

    /// Reads entries `NAME SCOPE TOKEN`, one a line or parted by `;`. Empty ones and those that start
    /// with `#` are left out. `SCOPE` is `read` or `write`, which includes reading.
    ///
    /// # Errors
    /// [`TokenError::Entry`] for the first entry that is none, is too short or has a name again.
    pub fn parse(text: &str) -> Result<Self, TokenError> {
        let entries = text
            .split(['\n', ';'])
            .map(str::trim)
            .filter(|entry| !entry.is_empty() && !entry.starts_with('#'));
        let mut names = BTreeSet::new();
        let mut tokens = Vec::new();
        for (i, entry) in entries.enumerate() {
            let entry_error = |what| TokenError::Entry { entry: i + 1, what };
            let words: Vec<_> = entry.split_whitespace().collect();
            let [name, scope, token] = words[..] else {
                return Err(entry_error("is not three words"));
            };
            let scope = match scope {
                "read" => Scope::Read,
                "write" => Scope::Write,
                _ => return Err(entry_error("has another scope than read and write")),
            };
            if !names.insert(name) {
                return Err(entry_error("has the name of one before"));
            }
            tokens.push(Token::new(i + 1, name, scope, token)?);
        }
        Ok(Self(tokens))
    }

    /// Reads a file that nobody but its owner can read; see [`Tokens::parse`].
    ///
    /// # Errors
    /// [`TokenError`] when it cannot be read, others may read it, or there is no token in it.
    pub fn read_file(path: &Path) -> Result<Self, TokenError> {
        let shown = path.display().to_string();
        let unreadable = |source| TokenError::Unreadable { path: shown.clone(), source };
        if is_open_to_others(&std::fs::metadata(path).map_err(unreadable)?) {
            return Err(TokenError::Open(shown));
        }
        let tokens = Self::parse(&std::fs::read_to_string(path).map_err(unreadable)?)?;
        if tokens.is_empty() { Err(TokenError::Empty(shown)) } else { Ok(tokens) }
    }

    /// Whose token this is. Takes the same time whichever it is, and whether it is one at all.
    pub(super) fn find(&self, presented: &str) -> Option<Principal> {
        self.find_by(presented, |token| &token.sha256)
    }

    /// Whose cookie this is; see [`cookie_of`]. Takes the same time as [`Tokens::find`].
    pub(super) fn find_cookie(&self, presented: &str) -> Option<Principal> {
        self.find_by(presented, |token| &token.cookie_sha256)
    }

    fn find_by(&self, presented: &str, of: fn(&Token) -> &[u8; 32]) -> Option<Principal> {
        let digest: [u8; 32] = Sha256::digest(presented).into();
        let mut found = u64::MAX;
        for (i, token) in (0u64..).zip(&self.0) {
            let is_it: Choice = of(token).ct_eq(&digest);
            found.conditional_assign(&i, is_it);
        }
        let token = usize::try_from(found).ok().and_then(|found| self.0.get(found))?;
        Some(token.principal.clone())
    }
}

impl Token {
    fn new(entry: usize, name: &str, scope: Scope, token: &str) -> Result<Self, TokenError> {
        if token.chars().count() < SHORTEST {
            let what =
                "has a token of less than 20 characters: make one with `openssl rand -hex 24`";
            return Err(TokenError::Entry { entry, what });
        }
        if !token.chars().all(|c| c.is_ascii_graphic()) {
            return Err(TokenError::Entry {
                entry,
                what: "has a token with spaces or odd letters",
            });
        }
        if name.len() > 64 || !name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
        {
            let what = "has a name that is not up to 64 letters, digits, `-`, `_` and `.`";
            return Err(TokenError::Entry { entry, what });
        }
        let principal = Principal { name: name.into(), scope };
        let cookie_sha256 = Sha256::digest(cookie_of(token)).into();
        Ok(Self { principal, sha256: Sha256::digest(token).into(), cookie_sha256 })
    }
}

#[cfg(unix)]
fn is_open_to_others(file: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    file.permissions().mode() & 0o077 != 0
}

#[cfg(not(unix))]
fn is_open_to_others(_: &std::fs::Metadata) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "0123456789abcdef0123";
    const FARM: &str = "fedcba9876543210fedc";

    #[test]
    fn a_token_is_found_by_its_whole_text_only() {
        let tokens =
            Tokens::parse(&format!("# who may ask\n\npage read {PAGE}; farm write {FARM}\n"))
                .unwrap();
        let found = tokens.find(PAGE).unwrap();
        assert_eq!((&*found.name, found.scope), ("page", Scope::Read));
        assert_eq!(tokens.find(FARM).unwrap().scope, Scope::Write);
        for wrong in ["", &PAGE[1..], &PAGE[..19], &format!("{PAGE}0"), &PAGE.to_uppercase()] {
            assert_eq!(tokens.find(wrong), None, "{wrong}");
        }
        assert_eq!(Tokens::default().find(""), None);
    }

    #[test]
    fn a_cookie_is_not_the_token_and_does_not_stand_for_it() {
        let tokens = Tokens::single(PAGE).unwrap();
        let cookie = cookie_of(PAGE);
        assert!(!cookie.contains(PAGE) && tokens.find_cookie(&cookie).is_some());
        assert_eq!(tokens.find(&cookie), None);
        for wrong in ["", PAGE, &cookie[1..], &cookie_of(FARM)] {
            assert_eq!(tokens.find_cookie(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_no_list_of_tokens_is_refused_without_repeating_it() {
        for (text, says) in [
            ("hunter2hunter2hunter2hunter2", "three words"),
            ("a root hunter2hunter2hunter2hunter2", "another scope"),
            ("a read hunter2", "less than 20"),
            ("a read hunter2hunter2hunter2; a read hunter2hunter2hunter3", "name of one before"),
            ("a/b read hunter2hunter2hunter2", "name that is not"),
        ] {
            let refused = Tokens::parse(text).unwrap_err();
            assert!(refused.to_string().contains(says), "{refused}");
            assert!(!format!("{refused} {refused:?}").contains("hunter2"), "{refused}");
        }
        let shown = format!("{:?}", Tokens::single(PAGE).unwrap());
        assert!(!shown.contains(PAGE), "{shown}");
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_can_read_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokens");
        std::fs::write(&path, format!("farm write {FARM}\n")).unwrap();
        let with = |mode| {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            Tokens::read_file(&path)
        };
        for mode in [0o644, 0o640, 0o604, 0o602] {
            assert!(matches!(with(mode), Err(TokenError::Open(_))), "{mode:o}");
        }
        assert!(with(0o600).unwrap().find(FARM).is_some());
        std::fs::write(&path, "# nobody yet\n").unwrap();
        assert!(matches!(with(0o600), Err(TokenError::Empty(_))));
    }
}
