//! What each route asks of whoever calls it.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::Method;

use super::auth::Scope;

/// What a route asks of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// Nothing: it tells no secret.
    Public,
    /// A token of at least this scope.
    Token(Scope),
}

/// What each route asks, by path as it is written in the router and method.
#[derive(Debug, Default)]
pub(super) struct AccessTable {
    access: BTreeMap<(String, String), Access>,
    /// Paths that answer people and not programs.
    pages: BTreeSet<String>,
}

impl AccessTable {
    /// Notes what a route asks.
    pub(super) fn add(&mut self, path: &str, method: &Method, access: Access) {
        self.access.insert((path.to_owned(), method.to_string()), access);
    }

    /// Notes what a page asks.
    pub(super) fn add_page(&mut self, path: &str, method: &Method, access: Access) {
        self.add(path, method, access);
        self.pages.insert(path.to_owned());
    }

    /// Whether a path answers people: what goes wrong there is told as a page.
    pub(super) fn is_page(&self, path: &str) -> bool {
        self.pages.contains(path)
    }

    /// What a request asks; `None` when the router has no such method there. `HEAD` is as `GET`.
    pub(super) fn of(&self, path: &str, method: &Method) -> Option<Access> {
        let method = if *method == Method::HEAD { &Method::GET } else { method };
        self.access.get(&(path.to_owned(), method.to_string())).copied()
    }
}
