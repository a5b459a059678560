//! An episode sent as a form: `multipart/form-data`.

use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::extract::multipart::{Field, Multipart, MultipartError};
use axum::http::StatusCode;

use super::problem::{Kind, Problem};
use super::request::Options;
use super::upload::{Sent, SentFile, add_recording, mistake, shown};

/// Fields one form may have.
const FIELDS: usize = 300;
/// Bytes one field that is no file may have.
const TEXT_BYTES: usize = 4_096;

/// Reads a form.
///
/// # Errors
/// A problem: the form is broken or too large, a field is unknown, twice or missing.
pub(super) async fn read(mut form: Multipart) -> Result<Sent, Problem> {
    let mut files: BTreeMap<&str, SentFile> = BTreeMap::new();
    let mut recordings = BTreeMap::new();
    let mut fields = BTreeMap::new();
    let mut count = 0;
    while let Some(field) = form.next_field().await.map_err(broken)? {
        count += 1;
        if count > FIELDS {
            return Err(mistake("form", &format!("more than {FIELDS} fields"), "send fewer"));
        }
        let name = field.name().unwrap_or_default().to_owned();
        match name.as_str() {
            "script" => put_file(&mut files, "script", "script.fountain", field).await?,
            "cast" => put_file(&mut files, "cast", "cast.toml", field).await?,
            "lexicon" => put_file(&mut files, "lexicon", "lexicon.toml", field).await?,
            "recording" => {
                let (file, bytes) = file(field, "").await?;
                add_recording(&mut recordings, &file, bytes)?;
            }
            other => {
                let other = shown(other);
                let text = text(field, &other).await?;
                if fields.insert(other.clone(), text).is_some() {
                    return Err(mistake(&other, "the field was sent twice", "send it once"));
                }
            }
        }
    }
    let options = Options::of_fields(&fields)?;
    let mut needed = |name: &str| {
        let missing = || mistake(name, "the form has no such file", "send it as a file's field");
        files.remove(name).ok_or_else(missing)
    };
    Ok(Sent {
        script: needed("script")?,
        cast: needed("cast")?,
        lexicon: files.remove("lexicon"),
        recordings,
        options,
    })
}

async fn put_file(
    files: &mut BTreeMap<&str, SentFile>,
    name: &'static str,
    usual: &str,
    field: Field<'_>,
) -> Result<(), Problem> {
    let (file, bytes) = file(field, usual).await?;
    match files.insert(name, SentFile { name: file, bytes }) {
        None => Ok(()),
        Some(_) => Err(mistake(name, "the file was sent twice", "send it once")),
    }
}

/// Name and bytes of a file; the body as a whole is bounded already.
async fn file(field: Field<'_>, usual: &str) -> Result<(String, Bytes), Problem> {
    let name = field.file_name().filter(|name| !name.is_empty()).unwrap_or(usual);
    let name = shown(name);
    Ok((name, field.bytes().await.map_err(broken)?))
}

async fn text(mut field: Field<'_>, name: &str) -> Result<String, Problem> {
    let mut bytes = Vec::new();
    while let Some(chunk) = field.chunk().await.map_err(broken)? {
        if bytes.len() + chunk.len() > TEXT_BYTES {
            return Err(mistake(name, "the field is too long", "send a file as a file's field"));
        }
        bytes.extend_from_slice(&chunk);
    }
    String::from_utf8(bytes).map_err(|_| mistake(name, "this is not UTF-8 text", "correct it"))
}

#[expect(clippy::needless_pass_by_value, reason = "as `map_err` wants it")]
fn broken(err: MultipartError) -> Problem {
    match err.status() {
        StatusCode::PAYLOAD_TOO_LARGE => too_large(),
        _ => Problem::new(Kind::BadRequest, format!("the form is broken: {}", err.body_text())),
    }
}

/// The problem of a body that is too large.
pub(super) fn too_large() -> Problem {
    let detail = "the body is larger than this server takes; for a submission, leave out recordings \
                  that the cast does not name, or ask the operator for a larger --body-limit";
    Problem::new(Kind::TooLarge, detail)
}
