//! Launches: asked for, signed, decided about.

use super::launch::{Said, render};
use super::page::done;
use super::{Access, Page, Routes};
use crate::actions::launches::{self, LaunchInput};
use crate::actions::registry::teams_where;
use crate::actions::sign_off::{self, Signature, Signed};
use crate::auth::login::{self, Visit};
use crate::auth::{Actor, actor::Through};
use crate::clock::{from_micros, micros};
use crate::error::{Error, Result};
use crate::state::App;
use crate::store::launches::Launch;
use crate::store::sessions::AUTHENTICATED_AT;
use app::domain::launch::{Decision, Step};
use app::domain::{Function, Permission, Scope};
use app::form::FieldErrors;
use app::number;
use app::pages::launch::SignForm;
use app::pages::launches::{
    LaunchFormPage, LaunchFormView, LaunchLine, LaunchesPage, LaunchesView,
};
use app::pages::parts::{Crumb, Section};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum_extra::extract::{Form, Query};
use leptos::prelude::*;
use serde::Deserialize;
use tower_sessions::Session;

pub fn routes(routes: Routes) -> Routes {
    let read = Access::May(Permission::Read);
    let request = Access::May(Permission::RequestLaunch);
    routes
        .get("/launches", read, list)
        .get("/launches/new", request, new)
        .post("/launches/new", request, add)
        .get("/launches/{launch}", read, show)
        .get("/launches/{launch}/revisions/{number}", read, show_revision)
        .post("/launches/{launch}/request", request, again)
        .post("/launches/{launch}/sign", Access::May(Permission::SignOff), sign)
        .post("/launches/{launch}/decide", Access::May(Permission::DecideLaunch), decide)
        .post("/launches/{launch}/comment", Access::May(Permission::Comment), comment)
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    state: String,
    team: String,
}

async fn list(
    State(app): State<App>,
    actor: Actor,
    page: Page,
    Query(asked): Query<Asked>,
) -> Result<Response> {
    let all = launches::seen(&app, &actor).await?;
    let teams = app.store.teams().await?;
    let team = teams.iter().find(|team| team.slug == asked.team).map(|team| team.id);
    let wanted = |launch: &&Launch| {
        (asked.state.is_empty() || launch.state.as_str() == asked.state)
            && team.is_none_or(|team| launch.team_id == team)
    };
    let line = |launch: &Launch| LaunchLine {
        number: launch.number,
        model: launch.model_name.clone(),
        model_slug: launch.model_slug.clone(),
        version: launch.version_label.clone(),
        team: launch.team_name.clone(),
        state: launch.state,
        verdict: launch.verdict.as_ref().and_then(|verdict| verdict.parse().ok()),
        signed: (launch.approved_slots, launch.slots),
        requested_by: launch.created_by_name.clone(),
        updated_at: from_micros(launch.updated_at),
    };
    let view = LaunchesView {
        launches: all.iter().filter(wanted).map(line).collect(),
        total: all.len(),
        state: asked.state.clone(),
        team: asked.team.clone(),
        teams: super::teams::choices(&teams),
        may_request: actor.may(Permission::RequestLaunch, Scope::Anywhere),
    };
    Ok(page
        .title("Launches")
        .section(Section::Launches)
        .html(move || view! { <LaunchesPage view=view /> }))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Typed {
    model: String,
    version: String,
    summary: String,
    planned_for: String,
    draft: String,
}

/// The models whose launches the actor may request.
async fn models(app: &App, actor: &Actor, permission: Permission) -> Result<Vec<(String, String)>> {
    let teams = teams_where(app, actor, permission).await?;
    let models = app.store.models_of_teams(&teams.iter().map(|t| t.id).collect::<Vec<_>>()).await?;
    Ok(models)
}

async fn form(
    app: &App,
    actor: &Actor,
    page: Page,
    typed: Typed,
    errors: FieldErrors,
) -> Result<Response> {
    let view = LaunchFormView {
        models: models(app, actor, Permission::RequestLaunch).await?,
        model: typed.model,
        version: typed.version,
        summary: typed.summary,
        planned_for: typed.planned_for,
        is_draft: !typed.draft.is_empty(),
        errors,
    };
    Ok(page
        .title("Request a launch")
        .section(Section::Launches)
        .crumbs(vec![Crumb::to("Launches", "/launches"), Crumb::here("New")])
        .html(move || view! { <LaunchFormPage view=view /> }))
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
    let input = LaunchInput {
        model: typed.model.clone(),
        version: typed.version.trim().to_owned(),
        summary: typed.summary.clone(),
        planned_for: typed.planned_for.clone(),
        is_draft: !typed.draft.is_empty(),
    };
    match launches::add(&app, &actor, &input).await {
        Ok(number) => {
            let what = if input.is_draft { "drafted" } else { "asked for" };
            done(&session, &format!("/launches/{number}"), format!("L-{number} is {what}.")).await
        }
        Err(Error::Fields(errors)) => form(&app, &actor, page.refused(), typed, errors).await,
        Err(error) => Err(error),
    }
}

async fn show(
    State(app): State<App>,
    actor: Actor,
    page: Page,
    Path(number): Path<String>,
) -> Result<Response> {
    render(&app, &actor, page, &number, None, Said::default()).await
}

async fn show_revision(
    State(app): State<App>,
    actor: Actor,
    page: Page,
    Path((number, revision)): Path<(String, String)>,
) -> Result<Response> {
    let revision = revision.parse().map_err(|_| Error::not_found("revision"))?;
    render(&app, &actor, page, &number, Some(revision), Said::default()).await
}

async fn again(
    State(app): State<App>,
    actor: Actor,
    session: Session,
    Path(number): Path<String>,
) -> Result<Response> {
    let changes = launches::request(&app, &actor, &number).await?;
    let what = match changes.len() {
        0 => "It is asked for.".to_owned(),
        n => format!(
            "It is asked for anew: {} changed, so every signature is asked for again.",
            number::counted(n as u64, "thing", "things")
        ),
    };
    done(&session, &format!("/launches/{number}"), what).await
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct SignTyped {
    function: String,
    decision: String,
    reason: String,
    digest: String,
    password: String,
}

async fn sign(
    State(app): State<App>,
    actor: Actor,
    session: Session,
    visit: Visit,
    page: Page,
    Path(number): Path<String>,
    Form(typed): Form<SignTyped>,
) -> Result<Response> {
    let form = |errors, stale| Said {
        sign: SignForm {
            function: typed.function.clone(),
            reason: typed.reason.clone(),
            stale,
            errors,
            ..SignForm::default()
        },
        errors: FieldErrors::default(),
    };
    let (Ok(function), Ok(decision)) =
        (typed.function.parse::<Function>(), typed.decision.parse::<Decision>())
    else {
        return Err(Error::BadRequest("a signature has a function and a decision".to_owned()));
    };
    let mut actor = actor;
    if !sign_off::is_fresh(&app, &actor) {
        let wrong = |message: String| form(FieldErrors::one("password", message), vec![]);
        if typed.password.is_empty() {
            let said = wrong("give your password again".to_owned());
            return render(&app, &actor, page.refused(), &number, None, said).await;
        }
        match login::check(&app, &visit, &actor.email, typed.password.clone()).await {
            Ok(person) if Some(person) == actor.person => {}
            Ok(_) | Err(Error::Fields(_)) => {
                let said = wrong("this is not your password".to_owned());
                return render(&app, &actor, page.refused(), &number, None, said).await;
            }
            Err(error) => return Err(error),
        }
        let now = app.clock.now();
        session
            .insert(AUTHENTICATED_AT, micros(now))
            .await
            .map_err(|error| Error::Internal(error.to_string()))?;
        if let Through::Session { authenticated_at, .. } = &mut actor.through {
            *authenticated_at = now;
        }
    }
    let signature = Signature {
        function,
        decision,
        reason: typed.reason.clone(),
        digest: typed.digest.clone(),
    };
    match sign_off::sign(&app, &actor, &number, &signature).await {
        Ok(Signed::Counts(state)) => {
            let what = format!("You have {decision} it as {function}; it is {state} now.");
            done(&session, &format!("/launches/{number}"), what).await
        }
        Ok(Signed::Stale(changes)) => {
            let changes = if changes.is_empty() {
                vec!["It was asked for anew.".to_owned()]
            } else {
                changes
            };
            let said = form(FieldErrors::default(), changes);
            render(&app, &actor, page.status(StatusCode::CONFLICT), &number, None, said).await
        }
        Err(Error::Fields(errors)) => {
            render(&app, &actor, page.refused(), &number, None, form(errors, vec![])).await
        }
        Err(error) => Err(error),
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Decided {
    step: String,
    reason: String,
}

async fn decide(
    State(app): State<App>,
    actor: Actor,
    session: Session,
    page: Page,
    Path(number): Path<String>,
    Form(typed): Form<Decided>,
) -> Result<Response> {
    let step: Step = typed.step.parse().map_err(Error::BadRequest)?;
    match launches::decide(&app, &actor, &number, step, &typed.reason).await {
        Ok(state) => {
            done(&session, &format!("/launches/{number}"), format!("It is {state} now.")).await
        }
        Err(Error::Fields(errors)) => {
            let said = Said { errors, ..Said::default() };
            render(&app, &actor, page.refused(), &number, None, said).await
        }
        Err(error) => Err(error),
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Remark {
    text: String,
}

async fn comment(
    State(app): State<App>,
    actor: Actor,
    session: Session,
    page: Page,
    Path(number): Path<String>,
    Form(typed): Form<Remark>,
) -> Result<Response> {
    match launches::comment(&app, &actor, &number, &typed.text).await {
        Ok(()) => done(&session, &format!("/launches/{number}"), "Your comment is there.").await,
        Err(Error::Fields(errors)) => {
            let sign = SignForm { comment: typed.text, ..SignForm::default() };
            let said = Said { sign, errors };
            render(&app, &actor, page.refused(), &number, None, said).await
        }
        Err(error) => Err(error),
    }
}
