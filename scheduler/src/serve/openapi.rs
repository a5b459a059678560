//! The OpenAPI 3.1 document, written from the list of routes and the types' own schemas.

use axum::http::StatusCode;
use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::access::Access;
use super::api::{Content, Operation, Parameter, Place, schema_of};
use super::problem::Told;

/// Problems that any route may answer with.
const ANYWHERE: [(StatusCode, &str); 7] = [
    (StatusCode::BAD_REQUEST, "An id, a parameter or the body cannot be read"),
    (StatusCode::UNAUTHORIZED, "No token, or none that is known"),
    (StatusCode::FORBIDDEN, "The token may not do this, or another site's page asks"),
    (StatusCode::REQUEST_TIMEOUT, "It took too long"),
    (StatusCode::TOO_MANY_REQUESTS, "Too many requests; `Retry-After` says when to come again"),
    (StatusCode::INTERNAL_SERVER_ERROR, "A fault of the server's, or of queue or store"),
    (StatusCode::SERVICE_UNAVAILABLE, "Queue or store cannot be reached, or too much is going on"),
];

/// Writes the document.
pub(super) fn document(operations: &[Operation]) -> Value {
    let mut answers = generator(SchemaSettings::for_serialize);
    let mut requests = generator(SchemaSettings::for_deserialize);
    let mut paths: Map<String, Value> = Map::new();
    for operation in operations {
        let written = write(operation, &mut answers, &mut requests);
        let path = paths.entry(operation.path.clone()).or_insert_with(|| json!({}));
        path[operation.method.as_str().to_ascii_lowercase()] = written;
    }
    let problem = schema_of::<Told>()(&mut answers);
    let mut schemas = requests.take_definitions(true);
    schemas.extend(answers.take_definitions(true));
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Tableread",
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
            "description": "Submit screenplays, follow how they are rendered, fetch what they became. \
                Every error is a problem, RFC 9457. Times are Unix milliseconds by the queue's clock. \
                `/v1/episodes/{id}/…` is about the newest submission of an episode, \
                `/v1/submissions/{id}/…` about one submission.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": ANYWHERE.iter().map(|(status, about)| {
                (status.as_u16().to_string(), problem_answer(about, problem.as_value()))
            }).collect::<Map<_, _>>(),
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } },
        },
    })
}

fn generator(contract: fn(SchemaSettings) -> SchemaSettings) -> SchemaGenerator {
    let settings = SchemaSettings::draft2020_12()
        .with(|settings| settings.definitions_path = "/components/schemas".into());
    contract(settings).into_generator()
}

fn write(
    operation: &Operation,
    answers: &mut SchemaGenerator,
    requests: &mut SchemaGenerator,
) -> Value {
    let mut responses = Map::new();
    for (status, about, body) in &operation.answers {
        let entry = responses
            .entry(status.as_u16().to_string())
            .or_insert_with(|| json!({ "description": about }));
        if let Some(body) = body {
            entry["content"][body.media] = content(body, answers);
        }
    }
    for (status, _) in ANYWHERE {
        let name = status.as_u16().to_string();
        let shared = json!({ "$ref": format!("#/components/responses/{name}") });
        responses.entry(name).or_insert(shared);
    }
    let mut written = json!({
        "operationId": operation_id(operation),
        "summary": operation.summary,
        "parameters": operation.parameters.iter().map(|p| parameter(p, requests)).collect::<Vec<_>>(),
        "responses": responses,
    });
    if !operation.notes.is_empty() {
        written["description"] = operation.notes.into();
    }
    if let Access::Token(scope) = operation.access {
        // Without tokens the server answers its own machine, so none may be right too.
        written["security"] = json!([{ "token": [] }, {}]);
        written["x-scope"] = format!("{scope:?}").to_lowercase().into();
    }
    if !operation.bodies.is_empty() {
        let bodies: Map<_, _> = operation
            .bodies
            .iter()
            .map(|body| (body.media.to_owned(), content(body, requests)))
            .collect();
        written["requestBody"] = json!({ "required": operation.needs_body, "content": bodies });
    }
    written
}

/// The method and the path's words, e.g. `get_v1_episodes_id`.
fn operation_id(operation: &Operation) -> String {
    let words = operation.path.split(|c: char| !c.is_ascii_alphanumeric());
    words
        .filter(|word| !word.is_empty())
        .fold(operation.method.as_str().to_ascii_lowercase(), |id, word| format!("{id}_{word}"))
}

fn content(body: &Content, generator: &mut SchemaGenerator) -> Value {
    match body.schema {
        Some(schema) => json!({ "schema": schema(generator) }),
        None => json!({}),
    }
}

fn parameter(parameter: &Parameter, generator: &mut SchemaGenerator) -> Value {
    let Parameter { place, name, about, schema } = parameter;
    let place_word = match place {
        Place::Path => "path",
        Place::Query => "query",
        Place::Header => "header",
    };
    json!({
        "name": name,
        "in": place_word,
        "required": *place == Place::Path,
        "description": about,
        "schema": schema(generator),
    })
}

fn problem_answer(about: &str, problem: &Value) -> Value {
    json!({
        "description": about,
        "content": { "application/problem+json": { "schema": problem } },
    })
}
