//! The list of routes: what the router answers and what the OpenAPI document says are one list.

use axum::Router;
use axum::handler::Handler;
use axum::http::{Method, StatusCode};
use axum::routing::{MethodFilter, MethodRouter, on};
use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::access::{Access, AccessTable};
use super::app::Shared;
use super::auth::Scope;
use super::problem::Told;

/// Makes the schema of one type.
pub(super) type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// The schema of `T`, to be made later.
pub(super) fn schema_of<T: JsonSchema>() -> SchemaOf {
    |generator| generator.subschema_for::<T>()
}

/// One route with one method.
#[derive(Debug)]
pub(super) struct Operation {
    pub(super) method: Method,
    /// As the router writes it, e.g. `/v1/episodes/{id}`.
    pub(super) path: String,
    /// What it does, in one line.
    pub(super) summary: &'static str,
    /// What has to be known to call it.
    pub(super) notes: &'static str,
    pub(super) access: Access,
    pub(super) parameters: Vec<Parameter>,
    /// Types of body it takes; none when it reads none.
    pub(super) bodies: Vec<Content>,
    /// Whether a body has to be sent.
    pub(super) needs_body: bool,
    pub(super) answers: Vec<(StatusCode, &'static str, Option<Content>)>,
}

/// One parameter outside the body.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parameter {
    pub(super) place: Place,
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) schema: SchemaOf,
}

/// Where a parameter stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Path,
    Query,
    Header,
}

/// A body of one type.
#[derive(Debug, Clone, Copy)]
pub(super) struct Content {
    /// E.g. `application/json`.
    pub(super) media: &'static str,
    /// What it holds; absent for bytes that are no JSON.
    pub(super) schema: Option<SchemaOf>,
}

/// JSON of a type.
pub(super) fn json<T: JsonSchema>() -> Content {
    Content { media: "application/json", schema: Some(schema_of::<T>()) }
}

/// Bytes of a media type.
pub(super) fn bytes(media: &'static str) -> Content {
    Content { media, schema: None }
}

impl Operation {
    fn new(method: Method, scope: Scope, path: impl Into<String>, summary: &'static str) -> Self {
        Self {
            method,
            path: path.into(),
            summary,
            notes: "",
            access: Access::Token(scope),
            parameters: Vec::new(),
            bodies: Vec::new(),
            needs_body: false,
            answers: Vec::new(),
        }
    }

    /// Looks; asks for a token that may read.
    pub(super) fn get(path: impl Into<String>, summary: &'static str) -> Self {
        Self::new(Method::GET, Scope::Read, path, summary)
    }

    /// Changes; asks for a token that may write.
    pub(super) fn post(path: impl Into<String>, summary: &'static str) -> Self {
        Self::new(Method::POST, Scope::Write, path, summary)
    }

    /// Removes; asks for a token that may write.
    pub(super) fn delete(path: impl Into<String>, summary: &'static str) -> Self {
        Self::new(Method::DELETE, Scope::Write, path, summary)
    }

    /// The same for everybody.
    pub(super) fn public(self) -> Self {
        Self { access: Access::Public, ..self }
    }

    /// The same with what has to be known.
    pub(super) fn notes(self, notes: &'static str) -> Self {
        Self { notes, ..self }
    }

    /// The same with a parameter in its path.
    pub(super) fn path<T: JsonSchema>(self, name: &'static str, about: &'static str) -> Self {
        self.parameter::<T>(Place::Path, name, about)
    }

    /// The same with a parameter in its query.
    pub(super) fn query<T: JsonSchema>(self, name: &'static str, about: &'static str) -> Self {
        self.parameter::<T>(Place::Query, name, about)
    }

    /// The same with a header that it reads.
    pub(super) fn header(self, name: &'static str, about: &'static str) -> Self {
        self.parameter::<String>(Place::Header, name, about)
    }

    fn parameter<T: JsonSchema>(
        mut self,
        place: Place,
        name: &'static str,
        about: &'static str,
    ) -> Self {
        self.parameters.push(Parameter { place, name, about, schema: schema_of::<T>() });
        self
    }

    /// The same with one type of body that it takes.
    pub(super) fn takes(mut self, body: Content, is_needed: bool) -> Self {
        self.bodies.push(body);
        self.needs_body |= is_needed;
        self.fails(&[
            (StatusCode::PAYLOAD_TOO_LARGE, "The body is too large"),
            (StatusCode::UNPROCESSABLE_ENTITY, "The body has mistakes, each at its place"),
        ])
    }

    /// The same with an answer.
    pub(super) fn gives(mut self, status: StatusCode, about: &'static str, body: Content) -> Self {
        self.answers.push((status, about, Some(body)));
        self
    }

    /// The same with an answer that has no body.
    pub(super) fn gives_nothing(mut self, status: StatusCode, about: &'static str) -> Self {
        self.answers.push((status, about, None));
        self
    }

    /// The same with problems it may answer with, beyond those that any route may.
    pub(super) fn fails(mut self, problems: &[(StatusCode, &'static str)]) -> Self {
        let problem =
            Content { media: "application/problem+json", schema: Some(schema_of::<Told>()) };
        self.answers.extend(problems.iter().map(|&(status, about)| (status, about, Some(problem))));
        self
    }
}

/// Routes and what is said of them, gathered side by side.
#[derive(Debug, Default)]
pub(super) struct Api {
    pub(super) router: Router<Shared>,
    pub(super) operations: Vec<Operation>,
    pub(super) access: AccessTable,
}

impl Api {
    /// Adds a route.
    pub(super) fn route<H, T>(self, operation: Operation, handler: H) -> Self
    where
        H: Handler<T, Shared>,
        T: 'static,
    {
        let filter = MethodFilter::try_from(operation.method.clone())
            .expect("routes have methods that everybody knows");
        self.add(operation, on(filter, handler))
    }

    /// Adds a page for people. The document is for programs, and does not tell of it.
    pub(super) fn page<H, T>(
        mut self,
        method: &Method,
        path: &str,
        access: Access,
        handler: H,
    ) -> Self
    where
        H: Handler<T, Shared>,
        T: 'static,
    {
        let filter = MethodFilter::try_from(method.clone())
            .expect("routes have methods that everybody knows");
        self.access.add_page(path, method, access);
        self.router = self.router.route(path, on(filter, handler));
        self
    }

    /// Adds a route whose handler carries layers of its own.
    pub(super) fn add(mut self, operation: Operation, handler: MethodRouter<Shared>) -> Self {
        self.access.add(&operation.path, &operation.method, operation.access);
        self.router = self.router.route(&operation.path, handler);
        self.operations.push(operation);
        self
    }
}
