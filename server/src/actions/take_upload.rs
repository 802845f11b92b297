//! Large predictions: acknowledged once they are safe on disk, and read afterwards, also when the
//! server was stopped or killed in between.

use super::upload_run::{self, Checked, Prepared, Receipt, Upload};
use crate::actions::registry::may_see_model;
use crate::audit::By;
use crate::auth::actor::Through;
use crate::auth::permit::UploadRun;
use crate::auth::{Actor, token};
use crate::clock::{from_micros, micros};
use crate::error::{Error, Result};
use crate::intake::Received;
use crate::reader::Source;
use crate::state::App;
use crate::store::models::Model;
use crate::store::runs::key_taken;
use crate::store::uploads::{NewTaken, Outcome, Taken};
use app::domain::{Scope, TokenId, UploadId, UploadState};
use metrics::Problem;
use std::fs::File;
use std::path::{Path, PathBuf};
use time::{Duration, OffsetDateTime};

/// Uploads that may wait at once, of all servers: each holds up to the limit of predictions on disk.
const MOST_WAITING: i64 = 64;
/// The server that took an upload has this long to settle it before another says that it failed.
const GIVEN_UP: Duration = Duration::hours(24);
/// A file is noted as an upload sooner than this after its last byte.
const YOUNG: Duration = Duration::hours(1);

/// What became of an upload at once.
pub enum Answer {
    /// It is a run.
    There(Box<Receipt>),
    Taken(Box<Taken>),
}

/// Has an upload read: results and small predictions at once, large predictions after the answer.
///
/// # Errors
/// As [`upload_run::upload`]; of large predictions, what can be refused before the file is read,
/// and [`Error::Busy`] when too many wait already.
pub async fn send(
    app: &App,
    actor: &Actor,
    upload: &Upload,
    received: &Received,
) -> Result<Answer> {
    let is_large = received.bytes > app.config.answered_at_once;
    if is_large && matches!(upload.source, Source::Predictions { .. }) {
        return take(app, actor, upload, received).await;
    }
    let receipt = upload_run::upload(app, actor, upload).await?;
    Ok(Answer::There(Box::new(receipt)))
}

/// Takes an upload: checks all that needs no reading, makes the file and the upload safe, and has
/// it read in the background. The same upload while it is under way is the same one.
async fn take(app: &App, actor: &Actor, upload: &Upload, received: &Received) -> Result<Answer> {
    let (checked, owner, request) = match upload_run::prepare(app, actor, upload).await? {
        Prepared::There(receipt) => return Ok(Answer::There(receipt)),
        Prepared::New { checked, owner, request } => (checked, owner, request),
    };
    if let Some(key) = &upload.idempotency_key
        && let Some(earlier) = app.store.upload_with_key(&owner, key).await?
        && earlier.request_digest != request
    {
        return Err(key_taken());
    }
    // Without its file here, another server has it or nobody; twice the same ends as one run.
    if let Some(earlier) = app.store.upload_under_way(&request).await?
        && file_of(app, earlier.id).exists()
    {
        return Ok(Answer::Taken(Box::new(earlier)));
    }
    if app.store.uploads_under_way().await? >= MOST_WAITING {
        return Err(Error::Busy);
    }
    let new = NewTaken {
        id: UploadId(app.clock.id()),
        model: checked.model.id,
        version: upload.version.clone(),
        person: actor.person()?,
        token: actor.token_id(),
        file_digest: upload.digest.clone(),
        bytes: received.bytes,
        asked: serde_json::to_string(upload).map_err(|error| Error::Internal(error.to_string()))?,
        request_digest: request,
        owner,
        idempotency_key: upload.idempotency_key.clone(),
    };
    let (app, actor, from) = (app.clone(), actor.clone(), received.file.path().to_owned());
    // A task of its own: a client that hangs up ends its request, and must not leave a file
    // without its upload, or an upload that nobody reads.
    let safe = tokio::spawn(async move { note(&app, &actor, &checked, &new, from).await });
    let taken = safe.await.map_err(|error| Error::Internal(error.to_string()))??;
    Ok(Answer::Taken(Box::new(taken)))
}

/// Makes the file and the upload safe, and has it read.
async fn note(
    app: &App,
    actor: &Actor,
    checked: &Checked,
    new: &NewTaken,
    from: PathBuf,
) -> Result<Taken> {
    let permit = actor.permit::<UploadRun>(Scope::Team(&checked.lineage))?;
    let file = file_of(app, new.id);
    let noted = async {
        keep(from, file.clone()).await?;
        let mut tx = app.store.begin(&actor.by(), &app.clock).await?;
        tx.take_upload(&permit, new).await?;
        tx.commit().await
    };
    if let Err(error) = noted.await {
        // A commit may have been made though its answer got lost. What cannot be looked up now is
        // looked after by the hourly search for strays.
        if matches!(app.store.upload(new.id).await, Ok(None)) {
            remove(&file);
        }
        return Err(error);
    }
    settle_later(app, new.id);
    app.store.upload(new.id).await?.ok_or_else(|| Error::not_found("upload"))
}

/// An upload that the actor may see, with its model.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn find(app: &App, actor: &Actor, id: &str) -> Result<(Taken, Model)> {
    let gone = || Error::not_found("upload");
    let id = id.parse::<UploadId>().map_err(|_| gone())?;
    let taken = app.store.upload(id).await?.ok_or_else(gone)?;
    let model = app.store.model(taken.model_id).await?.ok_or_else(gone)?;
    if !may_see_model(app, actor, &model).await? {
        return Err(gone());
    }
    Ok((taken, model))
}

/// The run that an upload became, as its answer tells of it.
pub async fn receipt(app: &App, taken: &Taken) -> Result<Option<Receipt>> {
    let Some(id) = taken.run_id else { return Ok(None) };
    let run = app.store.run(id.into()).await?.ok_or_else(|| Error::not_found("run"))?;
    let receipt = upload_run::known(app, run).await?;
    Ok(Some(Receipt { is_new: taken.is_new, ..receipt }))
}

/// The problems of an upload that was refused.
pub fn problems(taken: &Taken) -> Vec<Problem> {
    let stored = taken.problems.as_deref();
    stored.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

/// Takes up what this server had taken and not settled when it ended.
pub async fn resume(app: &App) -> Result<()> {
    for (_, waiting) in files(app).await? {
        if let Some(taken) = waiting {
            settle_later(app, taken.id);
        }
    }
    Ok(())
}

/// Removes files that belong to no upload that waits: a server ended between a file and its upload,
/// or between an upload and its file. A young one may belong to an upload that is being noted.
pub async fn remove_strays(app: &App) -> Result<()> {
    let since = app.clock.now() - YOUNG;
    for (file, waiting) in files(app).await? {
        let changed = std::fs::metadata(&file).and_then(|about| about.modified());
        if waiting.is_none() && changed.is_ok_and(|at| OffsetDateTime::from(at) < since) {
            tracing::warn!(file = %file.display(), "removed: it belongs to no upload that waits");
            remove(&file);
        }
    }
    Ok(())
}

/// The files in the folder of uploads, each with its upload if that still waits.
async fn files(app: &App) -> Result<Vec<(PathBuf, Option<Taken>)>> {
    let Ok(entries) = std::fs::read_dir(app.config.uploads()) else { return Ok(vec![]) };
    let mut files = vec![];
    for entry in entries.flatten() {
        let id = entry.file_name().to_str().and_then(|name| name.parse::<UploadId>().ok());
        let taken = match id {
            Some(id) => app.store.upload(id).await?,
            None => None,
        };
        files.push((entry.path(), taken.filter(|taken| taken.state == UploadState::Waiting)));
    }
    Ok(files)
}

/// Says of uploads that have waited too long that they failed: the server that had their file is
/// gone, or the database was restored elsewhere.
pub async fn give_up(app: &App) -> Result<()> {
    let since = micros(app.clock.now() - GIVEN_UP);
    for taken in app.store.uploads_waiting_since(since).await? {
        if !file_of(app, taken.id).exists() {
            let why = "the server that took the file did not come back; send it again";
            settle(app, taken.id, &failed(why)).await?;
        }
    }
    Ok(())
}

fn file_of(app: &App, id: UploadId) -> PathBuf {
    app.config.uploads().join(id.to_string())
}

/// Puts a file where it outlives the request and the process: nothing is acknowledged before the
/// disk has it.
async fn keep(from: PathBuf, to: PathBuf) -> Result<()> {
    let kept = move || -> std::io::Result<()> {
        let folder = folder_of(&to);
        if !folder.is_dir() {
            std::fs::create_dir_all(folder)?;
            File::open(folder_of(folder))?.sync_all()?;
        }
        // A second name for the same file; in another file system it needs a copy.
        if std::fs::hard_link(&from, &to).is_err() {
            std::fs::copy(&from, &to)?;
        }
        File::open(&to)?.sync_all()?;
        File::open(folder)?.sync_all()
    };
    let kept = tokio::task::spawn_blocking(kept).await;
    Ok(kept.map_err(|error| Error::Internal(error.to_string()))??)
}

fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn remove(file: &Path) {
    if let Err(error) = std::fs::remove_file(file)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        tracing::warn!(%error, file = %file.display(), "an upload's file could not be removed");
    }
}

fn settle_later(app: &App, id: UploadId) {
    let app = app.clone();
    tokio::spawn(async move {
        for pause in app.config.tries_again_after {
            match read_and_settle(&app, id).await {
                Ok(()) => return,
                Err(error) => {
                    tracing::error!(%error, %id, again_in = ?pause, "an upload could not be read");
                }
            }
            tokio::time::sleep(pause).await;
        }
        let Err(error) = read_and_settle(&app, id).await else { return };
        tracing::error!(%error, %id, "an upload could not be read; it is given up");
        let why = "something went wrong on the server, whose log says what; send the file again";
        match settle(&app, id, &failed(why)).await {
            Ok(()) => remove(&file_of(&app, id)),
            Err(error) => {
                tracing::error!(%error, %id, "nor settled; the next start tries it again");
            }
        }
    });
}

async fn read_and_settle(app: &App, id: UploadId) -> Result<()> {
    let _place = app.settling.acquire().await.map_err(|_| Error::Busy)?;
    let Some(taken) = app.store.upload(id).await? else { return Ok(()) };
    if taken.state != UploadState::Waiting {
        return Ok(());
    }
    let outcome = match read(app, &taken).await {
        Ok(receipt) => Outcome {
            state: UploadState::Done,
            run: Some(receipt.run.id),
            is_new: receipt.is_new,
            problems: None,
        },
        // The disk that the file lies on, and nothing about it.
        Err(Error::Input { problems, .. }) if problems.iter().any(|it| it.code == "unreadable") => {
            return Err(Error::Internal(problems[0].to_string()));
        }
        Err(Error::Input { problems, .. }) => refused(&problems),
        Err(
            error @ (Error::BadToken
            | Error::Forbidden(_)
            | Error::NotFound(_)
            | Error::Conflict(_)
            | Error::BadRequest(_)),
        ) => refused(&[Problem::new("refused", error.to_string())]),
        // Such as a database that is away: the file stays, and it is tried again.
        Err(error) => return Err(error),
    };
    settle(app, id, &outcome).await?;
    remove(&file_of(app, id));
    Ok(())
}

async fn settle(app: &App, id: UploadId, outcome: &Outcome) -> Result<()> {
    let mut tx = app.store.begin(&By::SERVER, &app.clock).await?;
    if tx.settle_upload(id, outcome).await? {
        tx.commit().await?;
        app.meter.settled(outcome.state);
    }
    Ok(())
}

fn refused(problems: &[Problem]) -> Outcome {
    let problems = serde_json::to_string(problems).ok();
    Outcome { state: UploadState::Refused, run: None, is_new: false, problems }
}

fn failed(why: &str) -> Outcome {
    let problems = [Problem::new("failed", why)];
    Outcome { state: UploadState::Failed, ..refused(&problems) }
}

async fn read(app: &App, taken: &Taken) -> Result<Receipt> {
    let actor = actor_of(app, taken).await?;
    let asked: Upload = serde_json::from_str(&taken.asked)
        .map_err(|error| Error::Internal(format!("upload {}: {error}", taken.id)))?;
    let upload = Upload {
        file: file_of(app, taken.id),
        digest: taken.file_digest.clone(),
        received_at: Some(from_micros(taken.received_at)),
        ..asked
    };
    upload_run::upload(app, &actor, &upload).await
}

/// Whoever sent it, with what they may do now. A token that has expired since was good when it
/// mattered.
async fn actor_of(app: &App, taken: &Taken) -> Result<Actor> {
    if let Some(id) = taken.token_id {
        return token::actor_by_id(app, TokenId(id), taken.received_at).await;
    }
    // Their session may have ended since; it was theirs when they sent it.
    let through =
        Through::Session { hash: String::new(), authenticated_at: from_micros(taken.received_at) };
    Actor::of(app, taken.person_id, through)
        .await?
        .ok_or_else(|| Error::forbidden("the account of whoever sent it was closed"))
}
