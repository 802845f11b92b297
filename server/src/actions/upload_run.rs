//! Upload the results of an evaluation, or the predictions to evaluate.

use crate::actions::findings::refresh_after;
use crate::actions::register_version::not_there;
use crate::actions::registry::find_model;
use crate::audit::{commit, hex, sha256_hex};
use crate::auth::Actor;
use crate::auth::actor::Through;
use crate::auth::permit::{RegisterModel, UploadRun};
use crate::clock::{from_micros, micros};
use crate::error::{Error, Result};
use crate::reader::{Job, Reading, Source, read_in_child};
use crate::state::App;
use crate::store::is_duplicate;
use crate::store::models::Model;
use crate::store::rows::keep_until;
use crate::store::runs::{KeptRows, NewRun, Run, SourceKey, key_taken};
use app::domain::attribute::Unconfirmed;
use app::domain::model::Task;
use app::domain::{Email, Grants, Label, Permission, PersonId, Scope, TeamId, VersionId};
use app::number::count;
use app::upload::canonical::{canonical, run_text};
use app::upload::{CLOCK_SKEW, IMPORTER_VERSION};
use metrics::{DatasetRef, Problem, RunDocument, Slice};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use time::{Duration, OffsetDateTime};

/// How long an Idempotency-Key counts.
const KEY_LASTS: Duration = Duration::hours(24);

/// What was sent, already in a file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Upload {
    pub model: String,
    pub version: String,
    pub create_version: bool,
    #[serde(skip)]
    pub file: PathBuf,
    /// SHA-256 of the file, in hex.
    #[serde(skip)]
    pub digest: String,
    pub source: Source,
    /// Name and version.
    pub dataset: Option<(String, String)>,
    #[serde(with = "time::serde::rfc3339::option")]
    pub evaluated_at: Option<OffsetDateTime>,
    /// When it came in; `None`: now.
    #[serde(skip)]
    pub received_at: Option<OffsetDateTime>,
    /// The member for whom a shared token uploads.
    pub on_behalf: Option<String>,
    pub idempotency_key: Option<String>,
}

/// What became of it.
#[derive(Clone, Debug)]
pub struct Receipt {
    pub run: Run,
    /// False when the same upload had made the run before.
    pub is_new: bool,
    pub unconfirmed: Vec<Unconfirmed>,
}

/// Refuses who may not upload to a model, before a byte of the body is read.
pub async fn admit(app: &App, actor: &Actor, model: &str) -> Result<()> {
    let model = find_model(app, actor, model).await?;
    let lineage = app.store.lineage(model.team_id).await?;
    actor.permit::<UploadRun>(Scope::Team(&lineage)).map(drop)
}

/// What is known of an upload before its file is read.
pub enum Prepared {
    /// It is a run already.
    There(Box<Receipt>),
    New {
        checked: Box<Checked>,
        /// Whose Idempotency-Keys count.
        owner: String,
        /// What an Idempotency-Key stands for.
        request: String,
    },
}

/// Checks all of an upload that needs no reading.
///
/// # Errors
/// Whatever is wrong with it.
pub async fn prepare(app: &App, actor: &Actor, upload: &Upload) -> Result<Prepared> {
    let checked = check(app, actor, upload).await?;
    let owner = key_owner(actor);
    let request = request_digest(upload, &checked);
    if let Some(key) = &upload.idempotency_key {
        let since = micros(app.clock.now() - KEY_LASTS);
        if let Some((earlier, run)) = app.store.idempotent(&owner, key, since).await? {
            if earlier != request {
                return Err(key_taken());
            }
            if let Some(run) = run
                && let Some(run) = app.store.run(run.into()).await?
            {
                return known(app, run).await.map(|receipt| Prepared::There(Box::new(receipt)));
            }
        }
    }
    if let Some(version) = checked.version
        && let Some(run) = app.store.run_by_source(version, &checked.source).await?
    {
        let receipt = remembered(app, upload, &owner, &request, run).await?;
        return Ok(Prepared::There(Box::new(receipt)));
    }
    Ok(Prepared::New { checked: Box::new(checked), owner, request })
}

/// Reads an upload and stores it as a run, once.
///
/// # Errors
/// Every problem of the file; nothing is stored then.
pub async fn upload(app: &App, actor: &Actor, upload: &Upload) -> Result<Receipt> {
    let (checked, owner, request) = match prepare(app, actor, upload).await? {
        Prepared::There(receipt) => return Ok(*receipt),
        Prepared::New { checked, owner, request } => (*checked, owner, request),
    };
    let reading = Arc::new(read(app, &checked, upload, true).await?);
    match store(app, actor, upload, &checked, &reading, &owner, &request).await {
        // Somebody sent the same at the same moment and was first.
        Err(Error::Database(error)) if is_duplicate(&error) => {
            match identify(app, &checked, &reading).await?.1 {
                Some(run) => remembered(app, upload, &owner, &request, run).await,
                None => Err(error.into()),
            }
        }
        other => other,
    }
}

/// What an Idempotency-Key stands for: the bytes, how they are read, and where they go.
fn request_digest(upload: &Upload, checked: &Checked) -> String {
    let request = json!({
        "bytes": upload.digest,
        "how": checked.source.key,
        "model": checked.model.id,
        "version": checked.label,
        "uploader": checked.uploader,
    });
    sha256_hex(canonical(&request))
}

/// A run that is there already, under the key that this request came with.
async fn remembered(
    app: &App,
    upload: &Upload,
    owner: &str,
    request: &str,
    run: Run,
) -> Result<Receipt> {
    if let Some(key) = &upload.idempotency_key {
        let now = app.clock.now();
        let since = micros(now - KEY_LASTS);
        app.store.remember_known(owner, key, request, run.id, (since, micros(now))).await?;
    }
    known(app, run).await
}

/// An upload whose surroundings are in order.
pub struct Checked {
    pub model: Model,
    /// `None` when it will be made.
    version: Option<VersionId>,
    label: Label,
    pub lineage: Vec<TeamId>,
    uploader: PersonId,
    source: SourceKey,
    received_at: OffsetDateTime,
}

pub(super) async fn check(app: &App, actor: &Actor, upload: &Upload) -> Result<Checked> {
    let model = find_model(app, actor, &upload.model).await?;
    let lineage = app.store.lineage(model.team_id).await?;
    actor.permit::<UploadRun>(Scope::Team(&lineage))?;
    let uploader = uploader(app, actor, upload.on_behalf.as_deref(), &lineage).await?;
    refuse_other_task(model.task, &upload.source)?;
    let version = app.store.version_by_label(model.id, &upload.version).await?;
    let label = match (&version, Label::new(&upload.version)) {
        (None, _) if !upload.create_version => {
            let advice = "; register it first, or say create_version=true";
            return Err(not_there(app, &model, &upload.version, advice).await?);
        }
        (None, Ok(label)) => {
            actor.permit::<RegisterModel>(Scope::Team(&lineage))?;
            label
        }
        (Some(_), Ok(label)) => label,
        (_, Err(error)) => {
            return Err(Error::input(vec![
                Problem::new("bad_version", format!("`{}` is no version label", upload.version))
                    .expected(error.to_string()),
            ]));
        }
    };
    let received_at = upload.received_at.unwrap_or_else(|| app.clock.now());
    if upload.evaluated_at.is_some_and(|at| at > received_at + CLOCK_SKEW) {
        return Err(Error::input(vec![
            Problem::new("in_the_future", "the evaluation lies in the future")
                .expected("a time before now"),
        ]));
    }
    let how = json!({
        "source": upload.source,
        "dataset": upload.dataset,
        "evaluated_at": upload.evaluated_at.map(|at| micros(at).to_string()),
    });
    Ok(Checked {
        version: version.map(|version| version.id),
        label,
        lineage,
        uploader,
        source: SourceKey {
            digest: upload.digest.clone(),
            key: sha256_hex(canonical(&how)),
            importer: IMPORTER_VERSION.to_owned(),
        },
        received_at,
        model,
    })
}

/// Predictions are evaluated as what their model does, or its metrics and policies would not meet.
fn refuse_other_task(task: Task, source: &Source) -> Result<()> {
    match source {
        Source::Predictions { spec } if spec.task.as_str() != task.as_str() => {
            let message = format!(
                "the spec is of task `{}`, but the model is registered for `{}`",
                spec.task.as_str(),
                task.as_str()
            );
            Err(Error::input(vec![
                Problem::new("other_task", message)
                    .at_pointer("/task")
                    .expected(format!("`{}`, or another model", task.as_str())),
            ]))
        }
        _ => Ok(()),
    }
}

/// Whose upload it is. A token counts as the person it acts for; one that many share must say for
/// whom, and that person must be one who may upload here.
async fn uploader(
    app: &App,
    actor: &Actor,
    on_behalf: Option<&str>,
    lineage: &[TeamId],
) -> Result<PersonId> {
    let is_shared = matches!(actor.through, Through::Token { shared: true, .. });
    match on_behalf {
        None if is_shared => Err(Error::input(vec![
            Problem::new("on_behalf_missing", "this token is shared, so it must say for whom")
                .expected("on_behalf with the e-mail address of a member"),
        ])),
        None => actor.person(),
        Some(_) if !is_shared => {
            Err(Error::forbidden("only a shared token may upload on behalf of somebody"))
        }
        Some(email) => {
            let unknown = || {
                Error::input(vec![
                    Problem::new("unknown_person", format!("{email} may not upload here"))
                        .expected("the e-mail address of a member of the model's team"),
                ])
            };
            let email = Email::new(email).map_err(|_| unknown())?;
            let person = app
                .store
                .person_by_email(email.as_str())
                .await?
                .filter(|person| person.disabled_at.is_none())
                .ok_or_else(unknown)?;
            let grants: Grants = app.store.grants_of(person.id).await?;
            if grants.may(Permission::UploadRun, Scope::Team(lineage)) {
                Ok(person.id)
            } else {
                Err(unknown())
            }
        }
    }
}

/// Reads the file; with its rows where they are to be kept and the model keeps them.
pub(super) async fn read(
    app: &App,
    checked: &Checked,
    upload: &Upload,
    keep: bool,
) -> Result<Reading> {
    let keep = keep && checked.model.rows_kept_days.is_some();
    let job = Job {
        file: upload.file.clone(),
        source: upload.source.clone(),
        received_at: checked.received_at,
        evaluated_at: upload.evaluated_at,
        dataset: upload.dataset.clone(),
        // A key of the model's own: who is the same person in two models' data cannot be told.
        row_key: keep.then(|| commit(&app.row_key, &checked.model.id.to_string())),
    };
    let mut reading = read_in_child(app, &job).await?;
    let doubts = of_another_task(&reading.document, checked.model.task)
        .into_iter()
        .chain(of_more_rows(app, &reading.document).await?);
    // Receipts of results and of predictions have other names for what is to be known.
    for notes in ["amended", "notes"] {
        if let Some(notes) = reading.receipt.get_mut(notes).and_then(Value::as_array_mut) {
            notes.extend(doubts.map(Value::from));
            break;
        }
    }
    Ok(reading)
}

/// Says that a run counts more rows than its dataset is known with: it may be of other data. It may
/// also be that fewer were usable before, or that a model answers with more items or images.
async fn of_more_rows(app: &App, document: &RunDocument) -> Result<Option<String>> {
    let DatasetRef { name, version, .. } = &document.dataset;
    let known = app.store.dataset(name, version).await?.and_then(|known| known.row_count);
    let known = known.and_then(|rows| u64::try_from(rows).ok());
    let most = document.estimates.iter().filter_map(|estimate| estimate.n).max();
    Ok(known.zip(most).filter(|(known, most)| most > known).map(|(known, most)| {
        format!(
            "an estimate is of {} rows, and {name}@{version} is known with {}; is it the same data?",
            count(most),
            count(known)
        )
    }))
}

/// Says which metrics are none of the model's task: somebody may have sent another model's results.
fn of_another_task(document: &RunDocument, task: Task) -> Option<String> {
    let foreign: BTreeSet<&str> = document
        .estimates
        .iter()
        .map(|estimate| estimate.metric.as_str())
        .filter(|key| task.lacks(key))
        .collect();
    let shown: Vec<&str> = foreign.iter().copied().take(5).collect();
    let more = if foreign.len() > shown.len() { ", …" } else { "" };
    (!foreign.is_empty()).then(|| {
        format!(
            "metrics that a model for {} has not: {}{more}; are these results of this model?",
            task.label(),
            shown.join(", ")
        )
    })
}

/// The digest of a run, which is taken from here on, whatever else is done meanwhile.
fn digest_of(
    checked: &Checked,
    version: VersionId,
    reading: &Arc<Reading>,
) -> impl Future<Output = Result<String>> + use<> {
    let (model, version) = (checked.model.id.to_string(), version.to_string());
    let reading = Arc::clone(reading);
    let taken = tokio::task::spawn_blocking(move || {
        let mut digest = Sha256::new();
        run_text(&reading.document, &model, &version, |part| digest.update(part));
        format!("sha256:{}", hex(&digest.finalize()))
    });
    async { taken.await.map_err(|error| Error::Internal(error.to_string())) }
}

/// The digest that addresses the run, unless its version is not there yet; and the run that it is
/// already: from the same bytes, or with the same content.
pub(super) async fn identify(
    app: &App,
    checked: &Checked,
    reading: &Arc<Reading>,
) -> Result<(Option<String>, Option<Run>)> {
    let version = match checked.version {
        Some(version) => Some(version),
        // Whoever was first may have made the version too.
        None => {
            let label = checked.label.as_str();
            app.store.version_by_label(checked.model.id, label).await?.map(|version| version.id)
        }
    };
    let Some(version) = version else { return Ok((None, None)) };
    let digest = digest_of(checked, version, reading).await?;
    let run = match app.store.run_by_source(version, &checked.source).await? {
        Some(run) => Some(run),
        None => app.store.run_by_digest(&digest).await?,
    };
    Ok((Some(digest), run))
}

async fn store(
    app: &App,
    actor: &Actor,
    upload: &Upload,
    checked: &Checked,
    reading: &Arc<Reading>,
    owner: &str,
    request: &str,
) -> Result<Receipt> {
    let scope = Scope::Team(&checked.lineage);
    let permit = actor.permit::<UploadRun>(scope)?;
    let document = &reading.document;
    // What an older importer made of the same bytes is mostly this, and need not be written to know.
    if let Some(version) = checked.version
        && app.store.has_source(version, &checked.source).await?
        && let Some(run) = identify(app, checked, reading).await?.1
    {
        return remembered(app, upload, owner, request, run).await;
    }
    let mut tx = app.store.begin(&actor.by(), &app.clock).await?;
    let version = match checked.version {
        Some(version) => version,
        None => {
            let register = actor.permit::<RegisterModel>(scope)?;
            tx.ensure_version(&register, checked.model.id, &checked.label).await?
        }
    };
    let digest = digest_of(checked, version, reading);
    let dataset = tx.ensure_dataset(&permit, &document.dataset).await?;
    // The estimates of a slice mostly stand together.
    let mut slices: Vec<&Slice> = document.estimates.iter().map(|it| &it.slice).collect();
    slices.dedup();
    let groups: BTreeSet<(&str, &str)> = slices.iter().flat_map(|slice| slice.pairs()).collect();
    tx.propose_groups(&permit, checked.model.id, &groups).await?;
    let rows = reading.rows()?;
    let kept = rows.as_deref().zip(checked.model.rows_kept_days).map(|(bytes, days)| KeptRows {
        bytes,
        until: keep_until(micros(checked.received_at), days),
    });
    let new = NewRun {
        model: checked.model.id,
        version,
        dataset,
        source: checked.source.clone(),
        format: &reading.format,
        received_at: checked.received_at,
        uploader: checked.uploader,
        token: actor.token_id(),
        receipt: &reading.receipt,
        document,
        rows: kept,
    };
    let id = tx.add_run(&permit, &new, digest).await?;
    if let Some(key) = &upload.idempotency_key {
        let since = micros(checked.received_at - KEY_LASTS);
        tx.remember_key(owner, key, request, id, since).await?;
    }
    tx.commit().await?;
    refresh_after(app, Some(new.model)).await;
    let run = app.store.run(id).await?.ok_or_else(|| Error::not_found("run"))?;
    let registry = app.store.registry().await?;
    let unconfirmed = registry.unconfirmed(run.model_id, slices, from_micros(run.evaluated_at));
    Ok(Receipt { run, is_new: true, unconfirmed })
}

/// A run that is there, as an upload's answer tells of it.
pub async fn known(app: &App, run: Run) -> Result<Receipt> {
    let slices = app.store.slices_of(run.id).await?;
    let registry = app.store.registry().await?;
    let unconfirmed = registry.unconfirmed(run.model_id, &slices, from_micros(run.evaluated_at));
    Ok(Receipt { run, is_new: false, unconfirmed })
}

/// Whose keys are kept apart: a token's, or a person's.
fn key_owner(actor: &Actor) -> String {
    match (actor.token_id(), actor.person) {
        (Some(token), _) => format!("token:{token}"),
        (None, Some(person)) => format!("person:{person}"),
        (None, None) => "operator".to_owned(),
    }
}
