//! Upload results and predictions.

use super::moment::Moment;
use super::operation::{ANY, Area, Operation};
use super::previewed::PreviewAnswer;
use super::query::Query;
use super::runs::RunAnswer;
use crate::actions::preview_upload;
use crate::actions::registry::find_model;
use crate::actions::take_upload::{self, Answer};
use crate::actions::upload_run::{self, Receipt, Upload};
use crate::auth::Actor;
use crate::error::{Error, Result};
use crate::http::{Access, Routes};
use crate::intake::{Received, receive, receive_form};
use crate::reader::Source;
use crate::state::App;
use crate::store::uploads::Taken;
use app::domain::attribute::Unconfirmed;
use app::domain::{Permission, UploadId, UploadState};
use app::upload::{Format, parse_dataset, parse_time};
use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use metrics::{Problem, Spec};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub fn routes(routes: Routes) -> Routes {
    let upload = Access::May(Permission::UploadRun);
    let read = Access::May(Permission::Read);
    routes
        .upload("/api/v1/models/{model}/versions/{version}/runs", upload, upload_results)
        .describe(
            uploading(Operation::new(Area::Runs, "uploadResults", "Upload results"))
                .about(
                    "The body is a file as a tool wrote it: a run document, a long table, or the \
                     results of another tool, recognised by their content. The same bytes again \
                     give the same run with 200. With `dry_run` nothing is stored.",
                )
                .query::<ResultsQuery>()
                .takes_raw(ANY, "Results in any of the formats", true),
        )
        .upload("/api/v1/models/{model}/versions/{version}/predictions", upload, upload_predictions)
        .describe(
            uploading(Operation::new(Area::Runs, "uploadPredictions", "Upload predictions"))
                .about(
                    "The body is a table of predictions (CSV, Parquet or NDJSON, each also gzip or \
                     zstd), or of counts; the server computes the metrics by the spec and keeps the \
                     run, not the table. As a form, the spec is a part of its own. The same bytes \
                     by the same spec again give the same run with 200. More than 32 MiB are \
                     acknowledged with 202 once they are safe, and read afterwards.",
                )
                .gives::<UploadAnswer>(202, "The upload, which is read after this")
                .located()
                .query::<PredictionsQuery>()
                .takes_raw(ANY, "Predictions or counts", true)
                .takes_form::<PredictionsForm>(),
        )
        .get("/api/v1/models/{model}/versions/{version}/uploads", read, list_uploads)
        .describe(
            Operation::new(Area::Runs, "listUploads", "List large uploads")
                .about(
                    "The uploads to a version that were acknowledged before they were read, the \
                     newest first, at most a hundred.",
                )
                .gives::<UploadList>(200, "The uploads"),
        )
        .get("/api/v1/uploads/{upload}", read, get_upload)
        .describe(
            Operation::new(Area::Runs, "getUpload", "Read how far an upload has come")
                .about("While it waits or is read, `Retry-After` says when to ask again.")
                .gives::<UploadAnswer>(200, "The upload as it stands"),
        )
}

/// What both kinds of upload have in common.
fn uploading(operation: Operation) -> Operation {
    operation
        .gives::<ReceivedRun>(201, "The new run")
        .located()
        .gives::<Uploaded>(200, "The run that is there already, or the preview that was asked for")
        .located()
        .refuses(408)
        .refuses(409)
        .idempotent()
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct ResultsQuery {
    /// The format, where the content does not show it.
    #[schemars(with = "Option<Format>")]
    format: Option<String>,
    /// The dataset as NAME@VERSION: needed where the file does not say it.
    dataset: Option<String>,
    /// When the evaluation was made, where the file does not say it: RFC 3339, or a day.
    evaluated_at: Option<String>,
    /// The e-mail address of the person for whom a shared token uploads.
    on_behalf: Option<String>,
    /// Say what would become of it, and store nothing.
    dry_run: bool,
    /// Register the version if it is not there yet.
    create_version: bool,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct PredictionsQuery {
    /// What each column means, as JSON or TOML; needed here or as a part of the form.
    spec: Option<String>,
    /// The dataset as NAME@VERSION.
    dataset: Option<String>,
    /// When the evaluation was made: RFC 3339, or a day. Now, unless it says otherwise.
    evaluated_at: Option<String>,
    /// The e-mail address of the person for whom a shared token uploads.
    on_behalf: Option<String>,
    /// Say what would become of it, and store nothing.
    dry_run: bool,
    /// Register the version if it is not there yet.
    create_version: bool,
}

/// Predictions and what their columns mean, as parts of a form.
#[derive(JsonSchema)]
pub struct PredictionsForm {
    /// What each column means, as JSON or TOML.
    pub spec: Option<String>,
    /// The table.
    #[schemars(schema_with = "binary")]
    pub file: Vec<u8>,
}

fn binary(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "contentMediaType": "application/octet-stream" })
}

/// What both kinds of upload are asked with.
struct Asked {
    model: String,
    version: String,
    dataset: Option<String>,
    evaluated_at: Option<String>,
    on_behalf: Option<String>,
    create_version: bool,
    dry_run: bool,
}

/// The run that an upload became.
#[derive(Serialize, JsonSchema)]
struct ReceivedRun {
    #[serde(flatten)]
    run: RunAnswer,
    /// Whether it was not there before.
    new: bool,
    /// Groups that satisfy no rule until a lead accepts them or makes them aliases.
    unconfirmed: Vec<Unconfirmed>,
}

/// An upload that was acknowledged before it was read.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Upload")]
struct UploadAnswer {
    id: UploadId,
    /// Its page.
    url: String,
    state: UploadState,
    /// The model's slug.
    model: String,
    /// The label of the version that it is for.
    version: String,
    /// Of the bytes that were sent.
    source_digest: String,
    bytes: i64,
    received_at: Moment,
    /// Null while it waits or is read.
    settled_at: Option<Moment>,
    /// What it became, once it is done.
    run: Option<Box<ReceivedRun>>,
    /// Why it was refused or failed.
    problems: Vec<Problem>,
}

/// The uploads to a version, the newest first.
#[derive(Serialize, JsonSchema)]
struct UploadList {
    items: Vec<UploadAnswer>,
}

#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
enum Uploaded {
    Received(Box<ReceivedRun>),
    Preview(Box<PreviewAnswer>),
}

async fn upload_results(
    State(app): State<App>,
    actor: Actor,
    Path((model, version)): Path<(String, String)>,
    Query(query): Query<ResultsQuery>,
    request: Request,
) -> Result<Response> {
    upload_run::admit(&app, &actor, &model).await?;
    let format = query
        .format
        .as_deref()
        .map(|name| {
            name.parse().map_err(|error: app::upload::UnknownFormat| {
                Error::input(vec![Problem::new("unknown_format", error.to_string())])
            })
        })
        .transpose()?;
    let (parts, body) = request.into_parts();
    let received = receive(&parts.headers, body, app.config.results_limit, app.config.pace).await?;
    let source = Source::Results { format };
    let ResultsQuery { dataset, evaluated_at, on_behalf, create_version, dry_run, .. } = query;
    let asked = Asked { model, version, dataset, evaluated_at, on_behalf, create_version, dry_run };
    settle(&app, &actor, asked, source, &received, &parts.headers).await
}

async fn upload_predictions(
    State(app): State<App>,
    actor: Actor,
    Path((model, version)): Path<(String, String)>,
    Query(query): Query<PredictionsQuery>,
    request: Request,
) -> Result<Response> {
    upload_run::admit(&app, &actor, &model).await?;
    let headers = request.headers().clone();
    let is_form = headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"multipart/form-data"));
    let (received, spec) = if is_form {
        let form = receive_form(request, app.config.predictions_limit, app.config.pace).await?;
        let spec = form.fields.get("spec").cloned().or_else(|| query.spec.clone());
        let file = form.file.ok_or_else(|| {
            Error::input(vec![
                Problem::new("no_file", "the form has no file").expected("a part with a file"),
            ])
        })?;
        (file, spec)
    } else {
        let (limit, pace) = (app.config.predictions_limit, app.config.pace);
        (receive(&headers, request.into_body(), limit, pace).await?, query.spec.clone())
    };
    let spec = spec.ok_or_else(|| {
        Error::input(vec![
            Problem::new("no_spec", "predictions need a spec that says what each column means")
                .expected("spec as a query parameter (JSON, percent-encoded) or a multipart part"),
        ])
    })?;
    let source = Source::Predictions { spec: Box::new(Spec::parse(&spec).map_err(Error::input)?) };
    let PredictionsQuery { dataset, evaluated_at, on_behalf, create_version, dry_run, .. } = query;
    let asked = Asked { model, version, dataset, evaluated_at, on_behalf, create_version, dry_run };
    settle(&app, &actor, asked, source, &received, &headers).await
}

/// Has what came read, or says what would become of it.
async fn settle(
    app: &App,
    actor: &Actor,
    asked: Asked,
    source: Source,
    received: &Received,
    headers: &HeaderMap,
) -> Result<Response> {
    let dry_run = asked.dry_run;
    let upload = describe(asked, source, received, headers)?;
    if dry_run {
        return preview(app, actor, &upload).await;
    }
    match take_upload::send(app, actor, &upload, received).await? {
        Answer::There(receipt) => Ok(answer(&upload.model, *receipt)),
        Answer::Taken(taken) => {
            let location = format!("/api/v1/uploads/{}", taken.id);
            let told = told(app, &taken, upload.model).await?;
            let location = [(header::LOCATION, location)];
            Ok((StatusCode::ACCEPTED, location, told).into_response())
        }
    }
}

async fn get_upload(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Response> {
    let (taken, model) = take_upload::find(&app, &actor, &id).await?;
    Ok(told(&app, &taken, model.slug).await?.into_response())
}

async fn list_uploads(
    State(app): State<App>,
    actor: Actor,
    Path((model, version)): Path<(String, String)>,
) -> Result<Json<UploadList>> {
    let model = find_model(&app, &actor, &model).await?;
    let mut items = vec![];
    for taken in app.store.uploads_of(model.id, &version).await? {
        items.push(state_of(&app, &taken, model.slug.clone()).await?);
    }
    Ok(Json(UploadList { items }))
}

/// An upload as it stands, and when it is worth asking again.
async fn told(app: &App, taken: &Taken, model: String) -> Result<impl IntoResponse + use<>> {
    let state = state_of(app, taken, model).await?;
    let waited = crate::clock::micros(app.clock.now()) - taken.received_at;
    let again = (taken.state == UploadState::Waiting)
        .then(|| [(header::RETRY_AFTER, seconds_until_again(waited).to_string())]);
    Ok((again, Json(state)))
}

/// When to ask again for an upload that has waited so many microseconds: the longer it has taken,
/// the longer the pause, so that a queue is not asked for all the time.
fn seconds_until_again(waited: i64) -> i64 {
    const SECOND: i64 = 1_000_000;
    (waited / (8 * SECOND)).clamp(1, 15)
}

async fn state_of(app: &App, taken: &Taken, model: String) -> Result<UploadAnswer> {
    let receipt = take_upload::receipt(app, taken).await?;
    Ok(UploadAnswer {
        id: taken.id,
        url: format!("/uploads/{}", taken.id),
        state: taken.state,
        version: taken.version.clone(),
        source_digest: format!("sha256:{}", taken.file_digest),
        bytes: taken.bytes,
        received_at: Moment::of(taken.received_at),
        settled_at: taken.settled_at.map(Moment::of),
        run: receipt.map(|receipt| Box::new(received(&model, receipt))),
        problems: take_upload::problems(taken),
        model,
    })
}

fn describe(
    asked: Asked,
    source: Source,
    received: &Received,
    headers: &HeaderMap,
) -> Result<Upload> {
    let mut problems = vec![];
    let dataset = asked
        .dataset
        .as_deref()
        .and_then(|text| parse_dataset(text).map_err(|problem| problems.push(problem)).ok());
    let evaluated_at = asked
        .evaluated_at
        .as_deref()
        .and_then(|text| parse_time(text).map_err(|problem| problems.push(problem)).ok());
    if !problems.is_empty() {
        return Err(Error::input(problems));
    }
    let key = headers.get("idempotency-key").map(|key| key.to_str().map(str::to_owned));
    let idempotency_key = match key {
        Some(Ok(key)) if (1..=255).contains(&key.len()) => Some(key),
        None => None,
        Some(_) => {
            return Err(Error::BadRequest(
                "Idempotency-Key has 1 to 255 ASCII characters".to_owned(),
            ));
        }
    };
    Ok(Upload {
        model: asked.model,
        version: asked.version,
        create_version: asked.create_version,
        file: received.file.path().to_owned(),
        digest: received.digest.clone(),
        source,
        dataset,
        evaluated_at,
        received_at: None,
        on_behalf: asked.on_behalf,
        idempotency_key,
    })
}

async fn preview(app: &App, actor: &Actor, upload: &Upload) -> Result<Response> {
    let preview = preview_upload::preview(app, actor, upload).await?;
    Ok(Json(Uploaded::Preview(Box::new(preview.into()))).into_response())
}

fn answer(model: &str, receipt: Receipt) -> Response {
    let status = if receipt.is_new { StatusCode::CREATED } else { StatusCode::OK };
    let location = format!("/api/v1/runs/{}", receipt.run.id);
    let answer = Uploaded::Received(Box::new(received(model, receipt)));
    (status, [(header::LOCATION, location)], Json(answer)).into_response()
}

fn received(model: &str, receipt: Receipt) -> ReceivedRun {
    ReceivedRun {
        run: RunAnswer::of(model, &receipt.run),
        new: receipt.is_new,
        unconfirmed: receipt.unconfirmed,
    }
}
