//! Mitigations: recorded, changed, and proved by a run before and a run after.

use super::body::{Body, refuse};
use super::etag;
use super::page::{Cursor, paged};
use super::runs::run_json;
use crate::actions::mitigations::{self, MitigationInput, Proved};
use crate::audit::timestamp;
use crate::auth::Actor;
use crate::clock::from_micros;
use crate::error::{Error, Result};
use crate::http::{Access, Routes};
use crate::state::App;
use crate::store::mitigations::Mitigation;
use crate::store::models::Model;
use app::domain::Permission;
use app::domain::mitigation::{Basis, Moved, Proof, State as Standing};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum_extra::extract::Query;
use metrics::Slice;
use serde::Deserialize;
use serde_json::{Value, json};

pub fn routes(routes: Routes) -> Routes {
    let read = Access::May(Permission::Read);
    let mitigate = Access::May(Permission::Mitigate);
    routes
        .get("/api/v1/mitigations", read, list)
        .post("/api/v1/mitigations", mitigate, add)
        .get("/api/v1/mitigations/{mitigation}", read, show)
        .patch("/api/v1/mitigations/{mitigation}", mitigate, change)
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ListQuery {
    state: Option<String>,
    model: Option<String>,
    finding: Option<String>,
    limit: Option<usize>,
    cursor: Option<String>,
}

async fn list(
    State(app): State<App>,
    actor: Actor,
    Query(query): Query<ListQuery>,
) -> Result<Json<Value>> {
    let state: Option<Standing> =
        query.state.map(|word| word.parse()).transpose().map_err(Error::BadRequest)?;
    let cursor = Cursor { limit: query.limit, cursor: query.cursor };
    let mitigations = mitigations::seen(&app, &actor).await?;
    let wanted = mitigations.iter().filter(|it| {
        state.is_none_or(|state| it.state == state)
            && query.model.as_ref().is_none_or(|model| it.model_slug == *model)
            && query
                .finding
                .as_ref()
                .is_none_or(|finding| it.finding_id.is_some_and(|id| id.to_string() == *finding))
    });
    Ok(Json(paged(wanted, &cursor, name, summary)?))
}

/// What people call it.
fn name(mitigation: &Mitigation) -> String {
    format!("M-{}", mitigation.number)
}

/// A mitigation as lists give it.
fn summary(it: &Mitigation) -> Value {
    json!({
        "id": it.id,
        "number": name(it),
        "url": format!("/mitigations/{}", it.number),
        "model": it.model_slug,
        "team": it.team_name,
        "kind": it.kind,
        "title": it.title,
        "hypothesis": it.hypothesis,
        "metric": it.metric,
        "slice": Slice::parse(&it.slice).ok(),
        "change": it.target_change.parse::<f64>().ok(),
        "finding": it.finding_id,
        "owner": it.owner_email,
        "state": it.state,
        "before": it.before_run_id,
        "after": it.after_run_id,
        "shipped_at": it.shipped_at.map(from_micros).map(timestamp),
        "created_by": it.created_by_name,
        "created_at": timestamp(from_micros(it.created_at)),
        "updated_at": timestamp(from_micros(it.updated_at)),
        "version": it.version,
    })
}

/// A mitigation with its runs and what they prove, and its version as the ETag.
async fn whole(
    app: &App,
    actor: &Actor,
    status: StatusCode,
    (mitigation, model): (&Mitigation, &Model),
) -> Result<Response> {
    let (proved, before, after) = mitigations::proof(app, actor, mitigation, model).await?;
    let mut body = summary(mitigation);
    body["before_run"] = json!(before.map(|run| run_json(&model.slug, &run)));
    body["after_run"] = json!(after.map(|run| run_json(&model.slug, &run)));
    body["proof"] = match proved {
        Proved::NotMeasured => Value::Null,
        Proved::Not(why) => json!({ "effect": null, "sentence": why }),
        Proved::By(proof) => proof_json(&proof),
    };
    Ok(etag::tagged((status, Json(body)).into_response(), mitigation.version))
}

fn proof_json(proof: &Proof) -> Value {
    json!({
        "effect": proof.effect,
        "sentence": proof.sentence,
        "target": proof.target.as_ref().map(moved),
        "worse": proof.worse.iter().map(moved).collect::<Vec<_>>(),
        "looked_at": proof.looked_at,
        "basis": match &proof.basis {
            Basis::Paired { rows, notes } => json!({ "paired": true, "rows": rows, "notes": notes }),
            Basis::Unpaired(why) => json!({ "paired": false, "why": why }),
        },
    })
}

fn moved(moved: &Moved) -> Value {
    json!({
        "metric": moved.metric,
        "slice": moved.slice,
        "before": moved.before,
        "after": moved.after,
        "change": moved.value,
        "interval": moved.interval,
        "paired": moved.paired.map(|paired| json!({ "n": paired.n, "p": paired.p })),
    })
}

async fn show(
    State(app): State<App>,
    actor: Actor,
    Path(number): Path<String>,
) -> Result<Response> {
    let (mitigation, model) = mitigations::find(&app, &actor, &number).await?;
    whole(&app, &actor, StatusCode::OK, (&mitigation, &model)).await
}

/// Puts what was sent over an input; the rest stays.
fn read_over(body: &mut Body, input: &mut MitigationInput) {
    body.text("kind", &mut input.kind);
    body.text("title", &mut input.title);
    body.text("hypothesis", &mut input.hypothesis);
    body.text("metric", &mut input.metric);
    body.slice("slice", &mut input.slice);
    body.number("change", &mut input.change);
    body.text("finding", &mut input.finding);
    body.text("owner", &mut input.owner);
    body.text("state", &mut input.state);
    body.text("before", &mut input.before);
    body.text("after", &mut input.after);
}

async fn add(State(app): State<App>, actor: Actor, bytes: Bytes) -> Result<Response> {
    let mut input = MitigationInput { owner: actor.email.clone(), ..MitigationInput::default() };
    let mut body = Body::parse(&bytes)?;
    body.text("model", &mut input.model);
    read_over(&mut body, &mut input);
    let checked = async {
        let model = mitigations::model_of(&app, &actor, &input).await?;
        mitigations::check(&app, &model, &input).await
    };
    refuse(body.finish(), checked).await?;
    let number = mitigations::add(&app, &actor, &input).await?;
    let (mitigation, model) = mitigations::find(&app, &actor, &number.to_string()).await?;
    let mut response = whole(&app, &actor, StatusCode::CREATED, (&mitigation, &model)).await?;
    if let Ok(place) = HeaderValue::from_str(&format!("/api/v1/mitigations/{}", name(&mitigation)))
    {
        response.headers_mut().insert(header::LOCATION, place);
    }
    Ok(response)
}

async fn change(
    State(app): State<App>,
    actor: Actor,
    headers: HeaderMap,
    Path(number): Path<String>,
    bytes: Bytes,
) -> Result<Response> {
    let (before, model) = mitigations::find(&app, &actor, &number).await?;
    etag::check(&headers, before.version, &name(&before))?;
    let mut input = MitigationInput::of(&before);
    let mut body = Body::parse(&bytes)?;
    read_over(&mut body, &mut input);
    refuse(body.finish(), mitigations::check(&app, &model, &input)).await?;
    mitigations::edit(&app, &actor, &number, before.version, &input).await?;
    let (mitigation, model) = mitigations::find(&app, &actor, &number).await?;
    whole(&app, &actor, StatusCode::OK, (&mitigation, &model)).await
}
