//! Waivers: asked for, decided about, ended.

use super::page::done;
use super::{Access, Page, Routes};
use crate::actions::readiness;
use crate::actions::waivers::{self, Decision, WaiverInput, about, find};
use crate::auth::Actor;
use crate::clock::{from_micros, micros};
use crate::error::{Error, Result};
use crate::state::App;
use crate::store::waivers::Waiver;
use app::domain::{Permission, Scope};
use app::form::FieldErrors;
use app::pages::parts::{Crumb, Section};
use app::pages::waivers::{
    Standing, WaiverFormPage, WaiverFormView, WaiverPage, WaiverView, WaiversPage, WaiversView,
};
use axum::extract::{Path, State};
use axum::response::Response;
use axum_extra::extract::{Form, Query};
use leptos::prelude::*;
use metrics::Slice;
use serde::Deserialize;
use tower_sessions::Session;

pub fn routes(routes: Routes) -> Routes {
    let read = Access::May(Permission::Read);
    let ask = Access::May(Permission::AskWaiver);
    routes
        .get("/waivers", read, list)
        .get("/waivers/new", ask, new)
        .post("/waivers/new", ask, add)
        .get("/waivers/{waiver}", read, show)
        .post("/waivers/{waiver}", Access::May(Permission::ApproveWaiver), decide)
}

/// Where a waiver stands now.
pub(super) fn standing(waiver: &Waiver, now: i64) -> Standing {
    if waiver.revoked_at.is_some() {
        Standing::Revoked
    } else if waiver.refused_at.is_some() {
        Standing::Refused
    } else if waiver.expires_at <= now {
        Standing::Expired
    } else if waiver.approved_at.is_some() {
        Standing::InForce
    } else {
        Standing::Asked
    }
}

fn label(slice: &str) -> String {
    Slice::parse(slice).map_or_else(|_| slice.to_owned(), |slice| slice.label())
}

fn view(waiver: Waiver, now: i64) -> WaiverView {
    let standing = standing(&waiver, now);
    let decided = match (waiver.approved_at, waiver.refused_at) {
        (Some(at), _) => waiver.approved_by_name.zip(Some(at)),
        (_, Some(at)) => waiver.refused_by_name.zip(Some(at)),
        _ => None,
    };
    WaiverView {
        id: waiver.id.to_string(),
        model: waiver.model_name,
        model_slug: waiver.model_slug,
        version: waiver.version_label,
        policy: waiver.policy_slug,
        rule: waiver.rule,
        slice: label(&waiver.slice),
        metric: waiver.metric,
        bound: waiver.bound,
        reason: waiver.reason,
        control: waiver.control,
        owner: waiver.owner_name,
        asked_by: waiver.asked_by_name,
        asked_at: from_micros(waiver.asked_at),
        decided: decided.map(|(who, at)| (who, from_micros(at), waiver.decision_reason)),
        expires_at: from_micros(waiver.expires_at),
        standing,
        may_decide: false,
        may_revoke: false,
        why_not: None,
        errors: FieldErrors::default(),
        typed: String::new(),
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    standing: String,
}

async fn list(
    State(app): State<App>,
    actor: Actor,
    page: Page,
    Query(asked): Query<Asked>,
) -> Result<Response> {
    let now = micros(app.clock.now());
    let all: Vec<WaiverView> =
        waivers::seen(&app, &actor).await?.into_iter().map(|waiver| view(waiver, now)).collect();
    let total = all.len();
    let wanted = |waiver: &WaiverView| {
        asked.standing.is_empty() || waiver.standing.as_str() == asked.standing
    };
    let view = WaiversView {
        waivers: all.into_iter().filter(wanted).collect(),
        total,
        standing: asked.standing.clone(),
    };
    Ok(page
        .title("Waivers")
        .section(Section::Launches)
        .html(move || view! { <WaiversPage view=view /> }))
}

async fn show(
    State(app): State<App>,
    actor: Actor,
    page: Page,
    Path(id): Path<String>,
) -> Result<Response> {
    render(&app, &actor, page, &id, FieldErrors::default(), "").await
}

async fn render(
    app: &App,
    actor: &Actor,
    page: Page,
    id: &str,
    errors: FieldErrors,
    typed: &str,
) -> Result<Response> {
    let (waiver, model) = find(app, actor, id).await?;
    let lineage = app.store.lineage(model.team_id).await?;
    let may = actor.may(Permission::ApproveWaiver, Scope::Team(&lineage));
    let why_not = waivers::why_not(app, actor, &waiver).await?;
    let shown = view(waiver, micros(app.clock.now()));
    let is_asked = shown.standing == Standing::Asked;
    let view = WaiverView {
        may_decide: may && is_asked && why_not.is_none(),
        may_revoke: may && shown.standing == Standing::InForce,
        why_not: why_not.filter(|_| may && is_asked),
        errors,
        typed: typed.to_owned(),
        ..shown
    };
    let title = format!("Waiver: {}, {}, {} {}", view.rule, view.slice, view.model, view.version);
    Ok(page
        .title(title)
        .section(Section::Launches)
        .crumbs(vec![Crumb::to("Waivers", "/waivers"), Crumb::here(view.rule.clone())])
        .html(move || view! { <WaiverPage view=view /> }))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Typed {
    model: String,
    version: String,
    rule: String,
    slice: String,
    reason: String,
    control: String,
    owner: String,
    expires: String,
}

async fn form(
    app: &App,
    actor: &Actor,
    page: Page,
    typed: Typed,
    errors: FieldErrors,
) -> Result<Response> {
    let (model, version) = about(app, actor, &typed.model, &typed.version).await?;
    let lineage = app.store.lineage(model.team_id).await?;
    let mut report = readiness::of(app, &model, version.id, app.clock.now()).await?;
    report.hide_small_cells(app, actor, &lineage);
    let says = report
        .readiness
        .rules
        .iter()
        .find(|outcome| outcome.rule.id == typed.rule)
        .map(|outcome| format!("{} {}", outcome.rule.name, outcome.sentence))
        .unwrap_or_default();
    let owner = if typed.owner.is_empty() { actor.email.clone() } else { typed.owner };
    let view = WaiverFormView {
        model: model.slug,
        version: version.label,
        rule: typed.rule,
        slice: typed.slice,
        reason: typed.reason,
        control: typed.control,
        owner,
        expires: typed.expires,
        says,
        errors,
    };
    Ok(page
        .title("Ask for a waiver")
        .section(Section::Launches)
        .crumbs(vec![Crumb::to("Waivers", "/waivers"), Crumb::here("New")])
        .html(move || view! { <WaiverFormPage view=view /> }))
}

async fn new(
    State(app): State<App>,
    actor: Actor,
    page: Page,
    Query(typed): Query<Typed>,
) -> Result<Response> {
    form(&app, &actor, page, typed, FieldErrors::default()).await
}

async fn add(
    State(app): State<App>,
    actor: Actor,
    session: Session,
    page: Page,
    Form(typed): Form<Typed>,
) -> Result<Response> {
    let input = WaiverInput {
        model: typed.model.clone(),
        version: typed.version.clone(),
        rule: typed.rule.trim().to_owned(),
        slice: typed.slice.trim().to_owned(),
        reason: typed.reason.clone(),
        control: typed.control.clone(),
        owner: typed.owner.clone(),
        expires: typed.expires.clone(),
    };
    match waivers::ask(&app, &actor, &input).await {
        Ok(id) => done(&session, &format!("/waivers/{id}"), "The waiver is asked for.").await,
        Err(Error::Fields(errors)) => form(&app, &actor, page.refused(), typed, errors).await,
        Err(error) => Err(error),
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Decided {
    decision: String,
    reason: String,
}

async fn decide(
    State(app): State<App>,
    actor: Actor,
    session: Session,
    page: Page,
    Path(id): Path<String>,
    Form(typed): Form<Decided>,
) -> Result<Response> {
    let (decision, what) = match typed.decision.as_str() {
        "approve" => (Decision::Approve, "The waiver is approved."),
        "refuse" => (Decision::Refuse, "The waiver is refused."),
        "revoke" => (Decision::Revoke, "The waiver is ended."),
        other => return Err(Error::BadRequest(format!("nobody decides to `{other}`"))),
    };
    match waivers::decide(&app, &actor, &id, decision, &typed.reason).await {
        Ok(()) => done(&session, &format!("/waivers/{id}"), what).await,
        Err(Error::Fields(errors)) => {
            render(&app, &actor, page.refused(), &id, errors, &typed.reason).await
        }
        Err(error) => Err(error),
    }
}
