//! Objectives and key results, graded from the evidence of now.

use super::body::{Body, refuse};
use super::page::{Cursor, cut, paged};
use super::teams::team_of;
use crate::actions::okrs::{self, CheckInInput, Graded, ObjectiveInput, Stands, of_period};
use crate::actions::registry::upwards;
use crate::audit::timestamp;
use crate::auth::Actor;
use crate::clock::from_micros;
use crate::error::{Error, Result};
use crate::http::{Access, Routes};
use crate::state::App;
use crate::store::okrs::{CheckInLine, Objective};
use app::domain::Permission;
use app::domain::okr::{Grade, Measure, Period, Reading};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum_extra::extract::Query;
use metrics::Slice;
use serde::Deserialize;
use serde_json::{Value, json};

pub fn routes(routes: Routes) -> Routes {
    let read = Access::May(Permission::Read);
    routes
        .get("/api/v1/objectives", read, objectives)
        .post("/api/v1/objectives", Access::May(Permission::EditOkr), add_objective)
        .post(
            "/api/v1/key-results/{key_result}/check-ins",
            Access::May(Permission::CheckIn),
            check_in,
        )
        .get("/api/v1/okrs", read, graded)
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ListQuery {
    /// The running quarter, unless it says otherwise.
    period: Option<String>,
    /// A team with its sub-teams.
    team: Option<String>,
    limit: Option<usize>,
    cursor: Option<String>,
}

fn period(app: &App, query: &ListQuery) -> Result<Period> {
    match query.period.as_deref() {
        None | Some("") => Ok(Period::of(app.clock.now())),
        Some(text) => text.parse().map_err(Error::BadRequest),
    }
}

/// The objectives of a quarter as they were written.
async fn objectives(State(app): State<App>, Query(query): Query<ListQuery>) -> Result<Json<Value>> {
    let period = period(&app, &query)?;
    let team = team_of(&app, query.team.as_deref()).await?;
    let cursor = Cursor { limit: query.limit, cursor: query.cursor };
    let teams = app.store.teams().await?;
    let objectives = app.store.objectives(&period.to_string()).await?;
    let wanted = objectives
        .iter()
        .filter(|it| team.is_none_or(|team| upwards(&teams, it.team_id).contains(&team)));
    Ok(Json(paged(wanted, &cursor, |it| it.id.to_string(), objective_json)?))
}

fn objective_json(objective: &Objective) -> Value {
    json!({
        "id": objective.id,
        "period": objective.period,
        "team": objective.team_slug,
        "parent": objective.parent_id,
        "title": objective.title,
        "why": objective.why,
        "kind": objective.kind,
        "owner_name": objective.owner_name,
        "created_at": timestamp(from_micros(objective.created_at)),
    })
}

/// The objectives of a quarter with their key results, as they stand.
async fn graded(
    State(app): State<App>,
    actor: Actor,
    Query(query): Query<ListQuery>,
) -> Result<Json<Value>> {
    let period = period(&app, &query)?;
    let team = team_of(&app, query.team.as_deref()).await?;
    let cursor = Cursor { limit: query.limit, cursor: query.cursor };
    let graded = of_period(&app, &actor, period, team).await?;
    let page = cut(graded.iter(), &cursor, |it| it.objective.id.to_string())?;
    let items = page.items.iter().map(|it| graded_json(it)).collect();
    let mut answer = page.json(items);
    answer["period"] = json!(period.to_string());
    answer["elapsed"] = json!(period.elapsed(app.clock.now()));
    Ok(Json(answer))
}

fn graded_json(graded: &Graded) -> Value {
    let mut body = objective_json(&graded.objective);
    body["grade"] = grade_json(&graded.grade);
    body["key_results"] = graded.key_results.iter().map(key_result_json).collect();
    body
}

fn grade_json(grade: &Grade) -> Value {
    json!({
        "value": grade.value,
        "interval": grade.interval.map(ends),
        "standing": grade.standing,
        "why": grade.why,
    })
}

fn ends((low, high): (f64, f64)) -> Value {
    json!({ "low": low, "high": high, "level": app::domain::okr::LEVEL })
}

fn reading_json(reading: &Reading) -> Value {
    json!({ "value": reading.value, "interval": reading.interval.map(ends) })
}

fn measure_json(measure: &Measure) -> Value {
    json!({
        "dataset": measure.dataset,
        "metric": measure.metric,
        "slice": Slice::parse(&measure.slice).ok(),
        "disparity": measure.disparity.as_ref().map(|it| json!({
            "kind": it.kind, "reference": it.reference.to_string(),
        })),
    })
}

/// A key result: from where to where, where it is now, and what that is worth. Without a value
/// there is a reason.
fn key_result_json(stands: &Stands) -> Value {
    let it = &stands.key_result;
    let now = match &stands.now {
        Ok((reading, n)) => {
            let mut value = reading_json(reading);
            value["n"] = json!(n);
            value["run"] = json!(stands.run);
            value
        }
        Err(why) => json!({ "value": null, "why": why, "run": stands.run }),
    };
    let counter = stands.counter.as_ref().map(|(counter, held)| {
        json!({
            "measure": measure_json(&counter.measure),
            "min": counter.min,
            "max": counter.max,
            "holds": held.as_ref().ok(),
            "why": held.as_ref().err(),
        })
    });
    json!({
        "id": it.id,
        "url": format!("/key-results/{}", it.id),
        "objective": it.objective_id,
        "title": it.title,
        "owner_name": it.owner_name,
        "source": it.source,
        "model": stands.model.as_ref().map(|model| &model.slug),
        "measure": stands.measure.as_ref().map(measure_json),
        "unit": it.unit,
        "baseline": it.start().map(|reading| {
            let mut value = reading_json(&reading);
            value["run"] = json!(it.baseline_run_id);
            value["at"] = json!(it.baseline_at.map(from_micros).map(timestamp));
            value
        }),
        "target": it.target,
        "now": now,
        "counter_metric": counter,
        "grade": grade_json(&stands.grade),
        "check_ins": stands.check_ins.iter().map(check_in_json).collect::<Vec<_>>(),
    })
}

fn check_in_json(line: &CheckInLine) -> Value {
    json!({
        "person": line.person_name,
        "at": timestamp(from_micros(line.at)),
        "value": line.value,
        "confidence": line.confidence,
        "note": line.note,
    })
}

async fn add_objective(
    State(app): State<App>,
    actor: Actor,
    bytes: Bytes,
) -> Result<(StatusCode, Json<Value>)> {
    let mut input = ObjectiveInput { owner: actor.email.clone(), ..ObjectiveInput::default() };
    let mut body = Body::parse(&bytes)?;
    body.text("period", &mut input.period);
    body.text("team", &mut input.team);
    body.text("parent", &mut input.parent);
    body.text("title", &mut input.title);
    body.text("why", &mut input.why);
    body.text("kind", &mut input.kind);
    body.text("owner", &mut input.owner);
    refuse(body.finish(), okrs::check_objective(&app, &input)).await?;
    let id = okrs::add_objective(&app, &actor, &input).await?;
    let objective = app.store.objective(id).await?.ok_or_else(|| Error::not_found("objective"))?;
    Ok((StatusCode::CREATED, Json(objective_json(&objective))))
}

/// Checks in, and gives the key result as it stands after that.
async fn check_in(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<String>,
    bytes: Bytes,
) -> Result<(StatusCode, Json<Value>)> {
    let mut input = CheckInInput::default();
    let (_, stands) = okrs::find(&app, &actor, &id).await?;
    let mut body = Body::parse(&bytes)?;
    body.number("value", &mut input.value);
    body.text("confidence", &mut input.confidence);
    body.text("note", &mut input.note);
    let source = stands.key_result.source;
    refuse(body.finish(), async { input.check(source).map_err(Error::Fields) }).await?;
    okrs::check_in(&app, &actor, &id, &input).await?;
    let (_, stands) = okrs::find(&app, &actor, &id).await?;
    Ok((StatusCode::CREATED, Json(key_result_json(&stands))))
}
