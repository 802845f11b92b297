//! Upload runs and read them back.

use crate::actions::runs::{Seen, find_run, look, runs_of};
use crate::actions::trend::{Asked, trend};
use crate::actions::upload_run::{self, Preview, Receipt, Upload, parse_dataset};
use crate::api::page::{Cursor, paged};
use crate::audit::timestamp;
use crate::auth::Actor;
use crate::clock::from_micros;
use crate::error::{Error, Result};
use crate::http::{Access, Routes};
use crate::intake::{receive, receive_form};
use crate::reader::Source;
use crate::state::App;
use crate::store::runs::Run;
use app::domain::Permission;
use app::domain::attribute::Unconfirmed;
use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum_extra::extract::Query;
use metrics::disparity::{Kind, Reference};
use metrics::monitor::Monitored;
use metrics::{Problem, Slice, Spec};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

pub fn routes(routes: Routes) -> Routes {
    let upload = Access::May(Permission::UploadRun);
    let read = Access::May(Permission::Read);
    routes
        .upload("/api/v1/models/{model}/versions/{version}/runs", upload, upload_results)
        .upload("/api/v1/models/{model}/versions/{version}/predictions", upload, upload_predictions)
        .get("/api/v1/models/{model}/runs", read, list)
        .get("/api/v1/models/{model}/trend", read, show_trend)
        .get("/api/v1/runs/{run}", read, show)
        .get("/api/v1/runs/{run}/estimates", read, estimates)
        .get("/api/v1/runs/{run}/disparities", read, disparities)
        .get("/api/v1/schemas/run.v1.json", Access::Public, schema)
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct UploadQuery {
    format: Option<String>,
    spec: Option<String>,
    dataset: Option<String>,
    evaluated_at: Option<String>,
    on_behalf: Option<String>,
    dry_run: bool,
    create_version: bool,
}

async fn upload_results(
    State(app): State<App>,
    actor: Actor,
    Path((model, version)): Path<(String, String)>,
    Query(query): Query<UploadQuery>,
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
    let upload = describe(
        model,
        version,
        &query,
        source,
        received.file.path().to_owned(),
        received.digest.clone(),
        &parts.headers,
    )?;
    answer(&app, &actor, &upload, query.dry_run).await
}

async fn upload_predictions(
    State(app): State<App>,
    actor: Actor,
    Path((model, version)): Path<(String, String)>,
    Query(query): Query<UploadQuery>,
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
    let upload = describe(
        model,
        version,
        &query,
        source,
        received.file.path().to_owned(),
        received.digest.clone(),
        &headers,
    )?;
    answer(&app, &actor, &upload, query.dry_run).await
}

fn describe(
    model: String,
    version: String,
    query: &UploadQuery,
    source: Source,
    file: std::path::PathBuf,
    digest: String,
    headers: &HeaderMap,
) -> Result<Upload> {
    let mut problems = vec![];
    let dataset = query
        .dataset
        .as_deref()
        .and_then(|text| parse_dataset(text).map_err(|problem| problems.push(problem)).ok());
    let evaluated_at = query
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
        model,
        version,
        create_version: query.create_version,
        file,
        digest,
        source,
        dataset,
        evaluated_at,
        on_behalf: query.on_behalf.clone(),
        idempotency_key,
    })
}

/// A time as RFC 3339, or a day, which begins at midnight UTC.
pub fn parse_time(text: &str) -> Result<OffsetDateTime, Problem> {
    let text = text.trim();
    let day = format!("{text}T00:00:00Z");
    OffsetDateTime::parse(text, &Rfc3339)
        .or_else(|_| OffsetDateTime::parse(&day, &Rfc3339))
        .map_err(|_| {
            Problem::new("bad_time", format!("`{text}` is no time"))
                .expected("RFC 3339, such as 2026-11-01T09:00:00Z, or a day, such as 2026-11-01")
        })
}

async fn answer(app: &App, actor: &Actor, upload: &Upload, dry_run: bool) -> Result<Response> {
    if dry_run {
        let preview = upload_run::preview(app, actor, upload).await?;
        return Ok(Json(preview_json(&preview)).into_response());
    }
    let receipt = upload_run::upload(app, actor, upload).await?;
    let status = if receipt.is_new { StatusCode::CREATED } else { StatusCode::OK };
    let location = format!("/api/v1/runs/{}", receipt.run.id);
    Ok((status, [(header::LOCATION, location)], Json(receipt_json(&upload.model, &receipt)))
        .into_response())
}

fn unconfirmed_json(unconfirmed: &[Unconfirmed]) -> Value {
    unconfirmed
        .iter()
        .map(|u| json!({ "attribute": u.attribute, "group": u.group, "nearest": u.nearest }))
        .collect()
}

fn preview_json(preview: &Preview) -> Value {
    json!({
        "dry_run": true,
        "digest": (!preview.digest.is_empty()).then_some(&preview.digest),
        "format": preview.format,
        "receipt": preview.receipt,
        "unconfirmed": unconfirmed_json(&preview.unconfirmed),
        "existing": preview.existing.as_ref().map(|run| format!("/runs/{}", run.id)),
    })
}

fn receipt_json(model: &str, receipt: &Receipt) -> Value {
    let mut json = run_json(model, &receipt.run);
    json["new"] = receipt.is_new.into();
    json["unconfirmed"] = unconfirmed_json(&receipt.unconfirmed);
    json
}

/// A run without its estimates.
pub fn run_json(model: &str, run: &Run) -> Value {
    let receipt: Value = serde_json::from_str(&run.receipt).unwrap_or_default();
    json!({
        "id": run.id,
        "url": format!("/runs/{}", run.id),
        "digest": run.digest,
        "model": model,
        "version": run.version_label,
        "dataset": {
            "name": run.dataset_name, "version": run.dataset_label,
            "digest": run.dataset_digest, "rows": run.dataset_rows,
        },
        "instrument": {
            "name": run.instrument_name, "version": run.instrument_version,
            "definitions": run.instrument_definitions, "judge": run.instrument_judge,
        },
        "positive_outcome": run.positive_outcome,
        "format": run.format,
        "source_digest": format!("sha256:{}", run.source_digest),
        "evaluated_at": timestamp(from_micros(run.evaluated_at)),
        "received_at": timestamp(from_micros(run.received_at)),
        "uploader": { "id": run.uploader_id, "name": run.uploader_name },
        "voided": run.voided_at.map(|at| json!({
            "at": timestamp(from_micros(at)), "by": run.voided_by_name, "reason": run.void_reason,
        })),
        "receipt": receipt,
    })
}

async fn list(
    State(app): State<App>,
    actor: Actor,
    Path(model): Path<String>,
    Query(cursor): Query<Cursor>,
) -> Result<Json<Value>> {
    let (model, runs) = runs_of(&app, &actor, &model).await?;
    let newest_first = runs.iter().rev();
    paged(newest_first, &cursor, |run| run.id.to_string(), |run| run_json(&model.slug, run))
        .map(Json)
}

async fn show(State(app): State<App>, actor: Actor, Path(id): Path<String>) -> Result<Json<Value>> {
    let (run, model) = find_run(&app, &actor, &id).await?;
    Ok(Json(run_json(&model.slug, &run)))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct EstimatesQuery {
    metric: Option<String>,
    slice: Option<String>,
    limit: Option<usize>,
    cursor: Option<String>,
}

fn parse_slice(text: &str) -> Result<Slice> {
    Slice::parse(text).map_err(|error| {
        Error::input(vec![
            Problem::new("bad_slice", error.to_string()).expected("attribute=group, joined by ;"),
        ])
    })
}

async fn estimates(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<String>,
    Query(query): Query<EstimatesQuery>,
) -> Result<Json<Value>> {
    let slice = query.slice.as_deref().map(parse_slice).transpose()?;
    let seen = look(&app, &actor, &id).await?;
    // A slice may be asked for by the name that the run gave it.
    let registry = app.store.registry().await?;
    let slice = slice.map(|slice| registry.resolve(seen.model.id, &slice));
    in_order(&seen.filtered(query.metric.as_deref(), slice.as_ref()), query.limit, query.cursor)
}

/// One page of what a run holds. A run never changes, so a place in it is a cursor.
fn in_order<T: Serialize>(
    items: &[T],
    limit: Option<usize>,
    cursor: Option<String>,
) -> Result<Json<Value>> {
    let items: Vec<(usize, &T)> = items.iter().enumerate().collect();
    let cursor = Cursor { limit, cursor };
    let page = paged(items.iter(), &cursor, |(at, _)| at.to_string(), |(_, item)| json!(item))?;
    Ok(Json(page))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct DisparitiesQuery {
    reference: Option<String>,
    kind: Option<Kind>,
    /// Every group against everyone else, with p-values adjusted to hold this false discovery rate.
    explore: Option<f64>,
    limit: Option<usize>,
    cursor: Option<String>,
}

async fn disparities(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<String>,
    Query(query): Query<DisparitiesQuery>,
) -> Result<Json<Value>> {
    if let Some(rate) = query.explore {
        return exploration(&app, &actor, &id, &query, rate).await;
    }
    let reference = parse_reference(query.reference.as_deref())?;
    let seen: Seen = look(&app, &actor, &id).await?;
    let kinds = query.kind.map_or_else(|| vec![Kind::Difference, Kind::Ratio], |kind| vec![kind]);
    in_order(&seen.disparities(&reference, &kinds), query.limit, query.cursor)
}

/// What a run shows beyond chance, the most certain first.
async fn exploration(
    app: &App,
    actor: &Actor,
    id: &str,
    query: &DisparitiesQuery,
    rate: f64,
) -> Result<Json<Value>> {
    let mut problems = vec![];
    if !(rate > 0.0 && rate < 1.0) {
        let problem = Problem::new("bad_rate", format!("explore is {rate}"));
        problems.push(problem.expected("a false discovery rate between 0 and 1, such as 0.05"));
    }
    if query.reference.as_deref().is_some_and(|reference| reference != "rest")
        || query.kind.is_some_and(|kind| kind != Kind::Difference)
    {
        let problem =
            Problem::new("bad_reference", "explore compares with the rest, as difference");
        problems.push(problem.expected("explore without reference and kind"));
    }
    if !problems.is_empty() {
        return Err(Error::input(problems));
    }
    let explored = look(app, actor, id).await?.exploration(rate);
    let Json(mut page) = in_order(&explored.comparisons, query.limit, query.cursor.clone())?;
    page["exploratory"] = explored.exploratory.into();
    page["family"] = explored.family.into();
    page["rate"] = explored.rate.into();
    page["tested"] = explored.tested.into();
    page["untested"] = explored.untested.into();
    Ok(Json(page))
}

/// What groups are compared with; the best one unless said otherwise.
pub fn parse_reference(text: Option<&str>) -> Result<Reference> {
    text.filter(|text| !text.is_empty()).map_or(Ok(Reference::Best), |text| {
        text.parse()
            .map_err(|error: String| Error::input(vec![Problem::new("bad_reference", error)]))
    })
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct TrendQuery {
    metric: Option<String>,
    slice: Vec<String>,
    dataset: Option<String>,
    reference: Option<String>,
    from: Option<String>,
    to: Option<String>,
}

async fn show_trend(
    State(app): State<App>,
    actor: Actor,
    Path(model): Path<String>,
    Query(query): Query<TrendQuery>,
) -> Result<Json<Value>> {
    let time = |text: Option<&str>| {
        text.map(|text| parse_time(text).map_err(|problem| Error::input(vec![problem]))).transpose()
    };
    let slices = query.slice.iter().map(|text| parse_slice(text)).collect::<Result<Vec<_>>>()?;
    let asked = Asked {
        metric: query.metric.clone(),
        attribute: None,
        slices,
        dataset: Some(query.dataset.clone().unwrap_or_default()),
        compare: Some(parse_reference(query.reference.as_deref())?),
        from: time(query.from.as_deref())?,
        to: time(query.to.as_deref())?,
    };
    let trend = trend(&app, &actor, &model, asked).await?;
    if query.metric.as_ref().is_some_and(|metric| *metric != trend.metric) {
        let metric = query.metric.unwrap_or_default();
        return Err(Error::NotFound(format!("no run of {model} has the metric {metric}")));
    }
    let points: Vec<Value> = trend
        .points
        .iter()
        .map(|point| {
            json!({
                "run": point.run.id,
                "version": point.run.version_label,
                "evaluated_at": timestamp(from_micros(point.run.evaluated_at)),
                "dataset": { "name": point.run.dataset_name, "version": point.run.dataset_label },
                "broken": point.broken,
                "estimates": point.estimates,
                "gap": point.gap,
            })
        })
        .collect();
    Ok(Json(json!({
        "metric": trend.metric,
        "slices": trend.slices,
        "points": points,
        "monitor": monitor_json(&trend.monitor),
    })))
}

/// Per slice what the control charts say; or why nothing is claimed of any.
fn monitor_json(monitor: &std::result::Result<Vec<Monitored>, String>) -> Value {
    match monitor {
        Ok(slices) => json!({ "slices": slices }),
        Err(reason) => json!({ "slices": null, "reason": reason }),
    }
}

async fn schema() -> Response {
    ([(header::CONTENT_TYPE, "application/schema+json")], app::upload::RUN_SCHEMA).into_response()
}
