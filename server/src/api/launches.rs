//! Launches: a request to ship, with everything that it rests on. Who signs, waives or decides does
//! so on a page.

use super::body::{Body, refuse};
use super::page::{Cursor, paged};
use super::readiness;
use super::runs::run_json;
use super::teams::team_of;
use crate::actions::launches::{self, LaunchInput};
use crate::actions::review::{self, Blocker, Review, Reviewed, Slot};
use crate::audit::timestamp;
use crate::auth::Actor;
use crate::clock::from_micros;
use crate::error::{Error, Result};
use crate::http::{Access, Routes};
use crate::state::App;
use crate::store::launches::{Launch, SignOffLine};
use crate::store::waivers::Waiver;
use app::domain::Permission;
use app::domain::launch::State as Standing;
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum_extra::extract::Query;
use metrics::Slice;
use serde::Deserialize;
use serde_json::{Value, json};

pub fn routes(routes: Routes) -> Routes {
    let read = Access::May(Permission::Read);
    routes
        .get("/api/v1/launches", read, list)
        .post("/api/v1/launches", Access::May(Permission::RequestLaunch), add)
        .get("/api/v1/launches/{launch}", read, show)
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ListQuery {
    state: Option<String>,
    team: Option<String>,
    model: Option<String>,
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
    let team = team_of(&app, query.team.as_deref()).await?;
    let cursor = Cursor { limit: query.limit, cursor: query.cursor };
    let launches = launches::seen(&app, &actor).await?;
    let wanted = launches.iter().filter(|launch| {
        state.is_none_or(|state| launch.state == state)
            && team.is_none_or(|team| launch.team_id == team)
            && query.model.as_ref().is_none_or(|model| launch.model_slug == *model)
    });
    Ok(Json(paged(wanted, &cursor, name, summary)?))
}

/// What people call it.
fn name(launch: &Launch) -> String {
    format!("L-{}", launch.number)
}

fn moment(at: i64) -> String {
    timestamp(from_micros(at))
}

/// A launch as lists give it.
fn summary(launch: &Launch) -> Value {
    json!({
        "id": launch.id,
        "number": name(launch),
        "url": format!("/launches/{}", launch.number),
        "model": launch.model_slug,
        "version": launch.version_label,
        "team": launch.team_name,
        "state": launch.state,
        "summary": launch.summary,
        "planned_for": launch.planned_for.map(moment),
        "revision": (launch.revision > 0).then_some(launch.revision),
        "verdict": launch.verdict,
        "valid_until": launch.valid_until.map(moment),
        "sign_offs": { "required": launch.slots, "approved": launch.approved_slots },
        "created_by": launch.created_by_name,
        "created_at": moment(launch.created_at),
        "updated_at": moment(launch.updated_at),
        "launched_at": launch.launched_at.map(moment),
    })
}

async fn show(
    State(app): State<App>,
    actor: Actor,
    Path(launch): Path<String>,
) -> Result<Json<Value>> {
    Ok(Json(whole(&review::look(&app, &actor, &launch, None).await?)))
}

async fn add(State(app): State<App>, actor: Actor, bytes: Bytes) -> Result<Response> {
    let mut input = LaunchInput::default();
    let mut body = Body::parse(&bytes)?;
    body.text("model", &mut input.model);
    body.text("version", &mut input.version);
    body.text("summary", &mut input.summary);
    body.text("planned_for", &mut input.planned_for);
    body.flag("draft", &mut input.is_draft);
    refuse(body.finish(), launches::check(&app, &actor, &input)).await?;
    let number = launches::add(&app, &actor, &input).await?;
    let review = review::look(&app, &actor, &number.to_string(), None).await?;
    let place = format!("/api/v1/launches/{}", name(&review.launch));
    Ok((StatusCode::CREATED, [(header::LOCATION, place)], Json(whole(&review))).into_response())
}

/// A launch with its newest revision.
fn whole(review: &Review) -> Value {
    let mut body = summary(&review.launch);
    body["revision"] = json!(review.revision.as_ref().map(|it| revision(review, it)));
    body["stale"] = json!(review.now.as_ref().map(|now| now.is_stale));
    body["changed_since"] = json!(review.now.as_ref().map(|now| &now.changes));
    let slots = review.revision.iter().flat_map(|it| &it.slots);
    body["required_sign_offs"] = slots.map(slot).collect();
    body["sign_offs"] = review.sign_offs.iter().map(|it| signed(it, review)).collect();
    let waivers = review.revision.iter().flat_map(|it| &it.waivers);
    body["waivers"] = waivers.map(waiver).collect();
    body["blockers"] = review.blockers.iter().map(blocker).collect();
    body["comments"] = review
        .comments
        .iter()
        .map(|it| {
            json!({
                "person": it.person_name, "revision": it.revision, "at": moment(it.at),
                "text": it.text,
            })
        })
        .collect();
    body["revisions"] = review
        .revisions
        .iter()
        .map(|it| {
            json!({
                "revision": it.number, "digest": it.digest, "verdict": it.verdict,
                "requested_by": it.requested_by_name, "requested_at": moment(it.requested_at),
            })
        })
        .collect();
    body
}

fn revision(review: &Review, reviewed: &Reviewed) -> Value {
    let it = &reviewed.revision;
    let makers = reviewed
        .makers
        .iter()
        .map(|maker| json!({ "person": maker.person_name, "part": maker.part }));
    let runs = reviewed.runs.iter().map(|run| run_json(&review.model.slug, run));
    json!({
        "revision": it.number,
        "digest": it.digest,
        "requested_by": it.requested_by_name,
        "requested_at": moment(it.requested_at),
        "valid_until": it.valid_until.map(moment),
        "expired": reviewed.is_expired,
        "changes": reviewed.changes,
        "policy": reviewed.content.policy.as_ref().map(|policy| json!({
            "policy": policy.slug, "version": policy.version, "digest": policy.digest,
        })),
        "registry_version": reviewed.content.registry_version,
        "runs": runs.collect::<Vec<_>>(),
        "makers": makers.collect::<Vec<_>>(),
        "readiness": readiness::of(&reviewed.readiness),
    })
}

fn slot(slot: &Slot) -> Value {
    let given = |line: &SignOffLine| {
        json!({
            "person": line.person_name, "decision": line.decision, "reason": line.reason,
            "at": moment(line.at), "revision": line.revision,
        })
    };
    json!({
        "function": slot.function,
        "held": slot.held.as_ref().map(given),
        "stale": slot.stale.as_ref().map(given),
        "could_sign": slot.could,
    })
}

/// A sign-off as it was given; it counts while it holds its slot on the newest revision.
fn signed(line: &SignOffLine, review: &Review) -> Value {
    json!({
        "function": line.slot,
        "person": line.person_name,
        "decision": line.decision,
        "reason": line.reason,
        "at": moment(line.at),
        "revision": line.revision,
        "counts": line.holds && line.revision == review.launch.revision,
    })
}

fn waiver(waiver: &Waiver) -> Value {
    json!({
        "id": waiver.id,
        "url": format!("/waivers/{}", waiver.id),
        "rule": waiver.rule,
        "metric": waiver.metric,
        "bound": waiver.bound,
        "slice": Slice::parse(&waiver.slice).ok(),
        "reason": waiver.reason,
        "control": waiver.control,
        "owner_name": waiver.owner_name,
        "asked_by": waiver.asked_by_name,
        "approved_by": waiver.approved_by_name,
        "expires_at": moment(waiver.expires_at),
        "revoked_at": waiver.revoked_at.map(moment),
    })
}

fn blocker(blocker: &Blocker) -> Value {
    json!({ "what": blocker.what, "why": blocker.why, "who": blocker.who })
}
