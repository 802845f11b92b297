//! Takes in a body that may be large: to a file, with its digest, within limits of size and time.

use crate::audit::hex;
use crate::error::{Error, Result};
use app::domain::PersonId;
use axum::body::Body;
use axum::extract::multipart::Field;
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::{HeaderMap, header};
use futures::{Stream, StreamExt};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, VecDeque};
use std::fmt::Display;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::NamedTempFile;
use tokio::fs::File;
use tokio::io::AsyncWriteExt;
use tokio::time::Instant;

/// Bytes that all of a form but its file may have.
const FIELDS: u64 = 4 << 20;

/// How slowly a body may come: a client below it holds a place that others need.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// The longest silence inside a body.
    pub silence: Duration,
    /// After this long a body must have come at the least rate on average.
    pub head_start: Duration,
    /// Bytes per second.
    pub least_rate: u64,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            silence: Duration::from_secs(30),
            head_start: Duration::from_mins(1),
            least_rate: 8 << 10,
        }
    }
}

/// What has come of one body, and since when.
struct Taken {
    pace: Pace,
    started: Instant,
    bytes: u64,
}

impl Taken {
    fn new(pace: Pace) -> Self {
        Self { pace, started: Instant::now(), bytes: 0 }
    }

    /// Waits for the next part of a body, not longer than may be.
    async fn next<T>(&self, coming: impl Future<Output = T>) -> Result<T> {
        tokio::time::timeout(self.pace.silence, coming).await.map_err(|_| Error::TooSlow)
    }

    /// Counts what has come.
    fn add(&mut self, bytes: usize) -> Result<()> {
        self.bytes += bytes as u64;
        let late = self.started.elapsed().saturating_sub(self.pace.head_start).as_secs();
        if late > self.bytes / self.pace.least_rate { Err(Error::TooSlow) } else { Ok(()) }
    }
}

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

/// What a body over the limit is answered.
pub fn too_large(limit: u64) -> Error {
    Error::TooLarge(format!("an upload may have {} MiB here", limit >> 20))
}

/// Takes in a plain body.
pub async fn receive(headers: &HeaderMap, body: Body, limit: u64, pace: Pace) -> Result<Received> {
    refuse_declared(headers, limit)?;
    to_file(body.into_data_stream(), limit, &mut Taken::new(pace), String::new()).await
}

/// Takes in a multipart form with one file.
pub async fn receive_form(request: Request, limit: u64, pace: Pace) -> Result<FileForm> {
    // The fields beside the file need some room of their own.
    refuse_declared(request.headers(), limit + FIELDS)?;
    let mut multipart = Multipart::from_request(request, &())
        .await
        .map_err(|error| Error::BadRequest(error.body_text()))?;
    let mut form = FileForm::default();
    let mut taken = Taken::new(pace);
    let mut room = FIELDS;
    while let Some(field) = taken.next(multipart.next_field()).await?.map_err(broken_off)? {
        let name = field.name().unwrap_or_default().to_owned();
        if let Some(file_name) = field.file_name().map(str::to_owned) {
            let received = to_file(field, limit, &mut taken, file_name).await?;
            // A browser sends an empty, nameless file when none was chosen.
            if received.bytes == 0 && received.name.is_empty() {
                continue;
            }
            if form.file.replace(received).is_some() {
                return Err(Error::BadRequest("the form has more than one file".to_owned()));
            }
        } else {
            let text = to_text(field, &mut room, &mut taken).await?;
            form.fields.insert(name, text);
        }
    }
    Ok(form)
}

fn broken_off(error: impl Display) -> Error {
    Error::BadRequest(format!("the body broke off: {error}"))
}

/// A field that is no file, in memory: `room` is what is left for it and all that follow.
async fn to_text(mut field: Field<'_>, room: &mut u64, taken: &mut Taken) -> Result<String> {
    let mut bytes = vec![];
    while let Some(chunk) = taken.next(field.chunk()).await?.map_err(broken_off)? {
        taken.add(chunk.len())?;
        *room = room.checked_sub(chunk.len() as u64).ok_or_else(|| too_large(FIELDS))?;
        bytes.extend_from_slice(&chunk);
    }
    String::from_utf8(bytes)
        .map_err(|_| Error::BadRequest("a field of the form is not UTF-8".to_owned()))
}

async fn to_file<S, B, E>(body: S, limit: u64, taken: &mut Taken, name: String) -> Result<Received>
where
    S: Stream<Item = Result<B, E>>,
    B: AsRef<[u8]>,
    E: Display,
{
    let file = tokio::task::spawn_blocking(NamedTempFile::new)
        .await
        .map_err(|error| Error::Internal(error.to_string()))??;
    let mut out = File::from_std(file.reopen()?);
    let (mut hasher, mut bytes) = (Sha256::new(), 0u64);
    let mut body = std::pin::pin!(body);
    while let Some(chunk) = taken.next(body.next()).await? {
        let chunk = chunk.map_err(broken_off)?;
        let chunk = chunk.as_ref();
        bytes += chunk.len() as u64;
        if bytes > limit {
            return Err(too_large(limit));
        }
        taken.add(chunk.len())?;
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
pub struct Shelf(Mutex<VecDeque<(PersonId, Instant, Arc<Received>)>>);

impl Shelf {
    const ROOM: usize = 32;
    const KEEPS: Duration = Duration::from_hours(1);

    pub fn put(&self, owner: PersonId, received: Arc<Received>) {
        let mut files = self.lock();
        files.retain(|(by, since, file)| {
            since.elapsed() < Self::KEEPS && (*by != owner || file.digest != received.digest)
        });
        while files.len() >= Self::ROOM {
            files.pop_front();
        }
        files.push_back((owner, Instant::now(), received));
    }

    /// A file that this person put there. It stays: a form that is posted twice finds it twice.
    pub fn find(&self, owner: PersonId, digest: &str) -> Option<Arc<Received>> {
        let mut files = self.lock();
        files.retain(|(_, since, _)| since.elapsed() < Self::KEEPS);
        files
            .iter()
            .find(|(by, _, file)| *by == owner && file.digest == digest)
            .map(|(_, _, received)| Arc::clone(received))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<(PersonId, Instant, Arc<Received>)>> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
