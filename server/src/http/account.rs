//! One's own account: password and sessions.

use super::page::done;
use super::{Access, Page, Routes};
use crate::actions::set_password;
use crate::auth::Actor;
use crate::auth::actor::Through;
use crate::clock::{from_micros, micros};
use crate::error::{Error, Result};
use crate::state::App;
use crate::store::sessions::{ADDRESS, AGENT, SessionRow};
use app::domain::Grant;
use app::form::FieldErrors;
use app::pages::account::{AccountPage, AccountView, SessionLine, SessionsPage};
use app::pages::parts::Crumb;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum_extra::extract::Form;
use leptos::prelude::*;
use serde::Deserialize;
use serde_json::Value;
use tower_sessions::Session;

pub fn routes(routes: Routes) -> Routes {
    routes
        .get("/account", Access::SignedIn, show)
        .post("/account/password", Access::SignedIn, change_password)
        .get("/account/sessions", Access::SignedIn, sessions)
        .post("/account/sessions/end", Access::SignedIn, end_session)
        .post("/account/sessions/end-others", Access::SignedIn, end_others)
}

#[derive(Deserialize)]
struct Passwords {
    #[serde(default)]
    old: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    again: String,
}

#[derive(Deserialize)]
struct Which {
    #[serde(default)]
    hash: String,
}

async fn show(State(app): State<App>, actor: Actor, page: Page) -> Result<Response> {
    account(&app, &actor, page, FieldErrors::default()).await
}

async fn change_password(
    State(app): State<App>,
    actor: Actor,
    session: Session,
    page: Page,
    Form(typed): Form<Passwords>,
) -> Result<Response> {
    match set_password::change(&app, &actor, typed.old, typed.password, &typed.again).await {
        Ok(()) => {
            let what = "Your password is changed, and your other sessions have ended.";
            done(&session, "/account", what).await
        }
        Err(Error::Fields(errors)) => account(&app, &actor, page.refused(), errors).await,
        Err(Error::TooMany { retry_after }) => {
            let message = format!("too many attempts; try again in {retry_after} seconds");
            let page = page.status(StatusCode::TOO_MANY_REQUESTS);
            account(&app, &actor, page, FieldErrors::one("old", message)).await
        }
        Err(error) => Err(error),
    }
}

async fn account(app: &App, actor: &Actor, page: Page, errors: FieldErrors) -> Result<Response> {
    let view = AccountView {
        name: actor.name.clone(),
        email: actor.email.clone(),
        roles: in_words(app, &actor.grants.roles).await?,
        functions: actor.grants.functions.iter().map(ToString::to_string).collect(),
        errors,
    };
    Ok(page.title("Your account").html(move || view! { <AccountPage view=view /> }))
}

/// Roles as people say them: "lead in Ranking".
async fn in_words(app: &App, roles: &[Grant]) -> Result<Vec<String>> {
    let teams = app.store.teams().await?;
    Ok(super::people::in_words(roles, &teams))
}

async fn sessions(State(app): State<App>, actor: Actor, page: Page) -> Result<Response> {
    let now = micros(app.clock.now());
    let this = this_session(&actor)?;
    let lines = app
        .store
        .sessions_of(actor.person()?, now)
        .await?
        .into_iter()
        .map(|row| session_line(row, this))
        .collect();
    let crumbs = vec![Crumb::to("Your account", "/account"), Crumb::here("Sessions")];
    Ok(page
        .title("Your sessions")
        .crumbs(crumbs)
        .html(move || view! { <SessionsPage sessions=lines /> }))
}

fn this_session(actor: &Actor) -> Result<&str> {
    match &actor.through {
        Through::Session { hash, .. } => Ok(hash),
        Through::Token { .. } | Through::Operator => Err(Error::Unauthenticated),
    }
}

fn session_line(row: SessionRow, this: &str) -> SessionLine {
    let data: Value = serde_json::from_str(&row.data).unwrap_or_default();
    let word = |key: &str| data[key].as_str().unwrap_or_default().to_owned();
    SessionLine {
        is_this: row.hash == this,
        agent: word(AGENT),
        address: word(ADDRESS),
        opened: from_micros(row.created_at),
        seen: from_micros(row.seen_at),
        hash: row.hash,
    }
}

async fn end_session(
    State(app): State<App>,
    actor: Actor,
    session: Session,
    Form(which): Form<Which>,
) -> Result<Response> {
    let own = actor.own()?;
    let mut tx = app.store.begin(&actor.by(), &app.clock).await?;
    tx.end_own_session(&own, &which.hash).await?;
    tx.commit().await?;
    done(&session, "/account/sessions", "The session has ended.").await
}

async fn end_others(State(app): State<App>, actor: Actor, session: Session) -> Result<Response> {
    let own = actor.own()?;
    let mut tx = app.store.begin(&actor.by(), &app.clock).await?;
    tx.end_other_sessions(&own, this_session(&actor)?).await?;
    tx.commit().await?;
    done(&session, "/account/sessions", "Your other sessions have ended.").await
}
