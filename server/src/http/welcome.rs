//! What one-time links lead to: the first start, and setting one's password.

use super::page::done;
use super::{Access, Page, Routes};
use crate::actions::set_password::{self, Welcomed};
use crate::actions::set_up::{self, Founder};
use crate::auth::login::{self, Visit};
use crate::clock::micros;
use crate::error::{Error, Result};
use crate::state::App;
use crate::store::links::Link;
use app::form::FieldErrors;
use app::pages::welcome::{DeadLinkPage, SetUpPage, SetUpView, WelcomePage, WelcomeView};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum_extra::extract::Form;
use leptos::prelude::*;
use serde::Deserialize;
use tower_sessions::Session;

pub fn routes(routes: Routes) -> Routes {
    routes
        .get("/setup/{secret}", Access::Public, show_set_up)
        .post("/setup/{secret}", Access::Public, set_up)
        .get("/welcome/{secret}", Access::Public, show_welcome)
        .post("/welcome/{secret}", Access::Public, welcome)
}

#[derive(Deserialize)]
struct SetUp {
    #[serde(default)]
    name: String,
    #[serde(default)]
    email: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    again: String,
}

#[derive(Deserialize)]
struct Welcome {
    #[serde(default)]
    password: String,
    #[serde(default)]
    again: String,
}

async fn working(app: &App, secret: &str) -> Result<Option<Link>> {
    app.store.link(secret, micros(app.clock.now())).await
}

async fn show_set_up(
    State(app): State<App>,
    page: Page,
    Path(secret): Path<String>,
) -> Result<Response> {
    match working(&app, &secret).await? {
        Some(link) if link.purpose == "setup" => {
            Ok(set_up_form(page, SetUpView { secret, ..SetUpView::default() }))
        }
        _ => Ok(dead(page)),
    }
}

async fn set_up(
    State(app): State<App>,
    session: Session,
    visit: Visit,
    page: Page,
    Path(secret): Path<String>,
    Form(typed): Form<SetUp>,
) -> Result<Response> {
    let founder = Founder {
        name: typed.name.clone(),
        email: typed.email.clone(),
        password: typed.password,
        again: typed.again,
    };
    match set_up::set_up(&app, &secret, founder).await {
        Ok(person) => {
            login::open(&app, &session, person, &visit).await?;
            done(&session, "/", "Evenhand is set up, and you are its first admin.").await
        }
        Err(Error::Fields(errors)) => {
            let view = SetUpView { secret, name: typed.name, email: typed.email, errors };
            Ok(set_up_form(page.refused(), view))
        }
        Err(Error::NotFound(_)) => Ok(dead(page)),
        Err(error) => Err(error),
    }
}

fn set_up_form(page: Page, view: SetUpView) -> Response {
    page.title("Set up").html(move || view! { <SetUpPage view=view /> })
}

async fn show_welcome(
    State(app): State<App>,
    page: Page,
    Path(secret): Path<String>,
) -> Result<Response> {
    match set_password::invited(&app, &secret).await {
        Ok(person) => Ok(welcome_form(page, secret, person, FieldErrors::default())),
        Err(Error::NotFound(_)) => Ok(dead(page)),
        Err(error) => Err(error),
    }
}

async fn welcome(
    State(app): State<App>,
    session: Session,
    visit: Visit,
    page: Page,
    Path(secret): Path<String>,
    Form(typed): Form<Welcome>,
) -> Result<Response> {
    let invited = match set_password::invited(&app, &secret).await {
        Ok(invited) => invited,
        Err(Error::NotFound(_)) => return Ok(dead(page)),
        Err(error) => return Err(error),
    };
    match set_password::by_link(&app, &secret, &invited, typed.password, &typed.again).await {
        Ok(()) => {
            login::open(&app, &session, invited.person, &visit).await?;
            done(&session, "/", "Your password is set, and you are signed in.").await
        }
        Err(Error::Fields(errors)) => Ok(welcome_form(page.refused(), secret, invited, errors)),
        Err(Error::NotFound(_)) => Ok(dead(page)),
        Err(error) => Err(error),
    }
}

fn welcome_form(page: Page, secret: String, who: Welcomed, errors: FieldErrors) -> Response {
    let view = WelcomeView {
        secret,
        name: who.name,
        email: who.email.to_string(),
        is_new: who.is_new,
        errors,
    };
    page.title("Set your password").html(move || view! { <WelcomePage view=view /> })
}

fn dead(page: Page) -> Response {
    page.status(StatusCode::GONE)
        .title("This link does not work")
        .html(|| view! { <DeadLinkPage /> })
}
