//! Takes in a body that may be large: to a file, with its digest, within limits of size and time.

use crate::audit::hex;
use crate::error::{Error, Result};
use app::domain::PersonId;
use axum::body::Body;
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::{HeaderMap, header};
use futures::{Stream, StreamExt};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, VecDeque};
use std::fmt::Display;
use std::sync::Mutex;
use std::time::Duration;
use tempfile::NamedTempFile;
use tokio::fs::File;
use tokio::io::AsyncWriteExt;
use tokio::time::Instant;

/// The longest silence inside a body.
const SILENCE: Duration = Duration::from_secs(30);
/// After this long a body must have come at [`LEAST_RATE`] on average.
const HEAD_START: Duration = Duration::from_mins(1);
/// Bytes per second; a client below it holds a place that others need.
const LEAST_RATE: u64 = 8 << 10;
/// Bytes that a form's field other than the file may have.
const FIELD: usize = 1 << 20;

/// A body, in a file that goes when this does.
#[derive(Debug)]
pub struct Received {
    pub file: NamedTempFile,
    /// SHA-256 in hex.
    pub digest: String,
    pub bytes: u64,
    /// What the file was called, where it came by a form.
    pub name: String,
}

/// A form with one file.
#[derive(Debug, Default)]
pub struct FileForm {
    pub file: Option<Received>,
    pub fields: BTreeMap<String, String>,
}

impl FileForm {
    pub fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", |value| value.trim())
    }
}

/// Refuses a body by its declared length, before a byte of it is read.
pub fn refuse_declared(headers: &HeaderMap, limit: u64) -> Result<()> {
    let declared = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.parse::<u64>().ok());
    if declared.is_some_and(|bytes| bytes > limit) { Err(too_large(limit)) } else { Ok(()) }
}

fn too_large(limit: u64) -> Error {
    Error::TooLarge(format!("an upload may have {} MiB here", limit >> 20))
}

/// Takes in a plain body.
pub async fn receive(headers: &HeaderMap, body: Body, limit: u64) -> Result<Received> {
    refuse_declared(headers, limit)?;
    to_file(body.into_data_stream(), limit, String::new()).await
}

/// Takes in a multipart form with one file.
pub async fn receive_form(request: Request, limit: u64) -> Result<FileForm> {
    // The fields beside the file need some room of their own.
    refuse_declared(request.headers(), limit + (FIELD as u64) * 4)?;
    let broken = |error: axum::extract::multipart::MultipartError| broken_off(error);
    let mut multipart = Multipart::from_request(request, &())
        .await
        .map_err(|error| Error::BadRequest(error.body_text()))?;
    let mut form = FileForm::default();
    while let Some(field) = multipart.next_field().await.map_err(broken)? {
        let name = field.name().unwrap_or_default().to_owned();
        if let Some(file_name) = field.file_name().map(str::to_owned) {
            let received = to_file(field, limit, file_name).await?;
            // A browser sends an empty, nameless file when none was chosen.
            if received.bytes > 0 || !received.name.is_empty() {
                form.file = Some(received);
            }
        } else {
            let text = tokio::time::timeout(SILENCE, field.text())
                .await
                .map_err(|_| Error::TooSlow)?
                .map_err(broken)?;
            if text.len() > FIELD {
                return Err(too_large(FIELD as u64));
            }
            form.fields.insert(name, text);
        }
    }
    Ok(form)
}

fn broken_off(error: impl Display) -> Error {
    Error::BadRequest(format!("the body broke off: {error}"))
}

async fn to_file<S, B, E>(body: S, limit: u64, name: String) -> Result<Received>
where
    S: Stream<Item = Result<B, E>>,
    B: AsRef<[u8]>,
    E: Display,
{
    let file = tokio::task::spawn_blocking(NamedTempFile::new)
        .await
        .map_err(|error| Error::Internal(error.to_string()))??;
    let mut out = File::from_std(file.reopen()?);
    let (mut hasher, mut bytes, started) = (Sha256::new(), 0u64, Instant::now());
    let mut body = std::pin::pin!(body);
    while let Some(chunk) =
        tokio::time::timeout(SILENCE, body.next()).await.map_err(|_| Error::TooSlow)?
    {
        let chunk = chunk.map_err(broken_off)?;
        let chunk = chunk.as_ref();
        bytes += chunk.len() as u64;
        if bytes > limit {
            return Err(too_large(limit));
        }
        let late = started.elapsed().saturating_sub(HEAD_START).as_secs();
        if late > bytes / LEAST_RATE {
            return Err(Error::TooSlow);
        }
        hasher.update(chunk);
        out.write_all(chunk).await?;
    }
    out.flush().await?;
    Ok(Received { file, digest: hex(&hasher.finalize()), bytes, name })
}

/// Files that were checked and wait to be uploaded, so that nobody has to choose them twice.
///
/// They are on this server and in no database: on another one the person chooses again.
#[derive(Debug, Default)]
pub struct Shelf(Mutex<VecDeque<(PersonId, Instant, Received)>>);

impl Shelf {
    const ROOM: usize = 32;
    const KEEPS: Duration = Duration::from_hours(1);

    pub fn put(&self, owner: PersonId, received: Received) {
        let mut files = self.lock();
        files.retain(|(_, since, _)| since.elapsed() < Self::KEEPS);
        while files.len() >= Self::ROOM {
            files.pop_front();
        }
        files.push_back((owner, Instant::now(), received));
    }

    /// Takes a file down again; only who put it there can.
    pub fn take(&self, owner: PersonId, digest: &str) -> Option<Received> {
        let mut files = self.lock();
        let place = files.iter().position(|(by, _, file)| *by == owner && file.digest == digest)?;
        files.remove(place).map(|(_, _, received)| received)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<(PersonId, Instant, Received)>> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
