//! Log-in and log-out.

use super::{Access, Page, Routes};
use crate::auth::Actor;
use crate::auth::login::{self, Visit};
use crate::error::{Error, Result};
use crate::state::App;
use app::form::FieldErrors;
use app::pages::login::{LoginPage, LoginView};
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum_extra::extract::{Form, Query};
use leptos::prelude::*;
use serde::Deserialize;
use tower_sessions::Session;

pub fn routes(routes: Routes) -> Routes {
    routes.get("/login", Access::Public, show).post("/login", Access::Public, log_in).post(
        "/logout",
        Access::SignedIn,
        log_out,
    )
}

#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    next: String,
}

#[derive(Deserialize)]
struct Typed {
    #[serde(default)]
    email: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    next: String,
}

async fn show(page: Page, Query(asked): Query<Asked>) -> Response {
    form(page, LoginView { next: local(&asked.next).to_owned(), ..LoginView::default() })
}

async fn log_in(
    State(app): State<App>,
    session: Session,
    page: Page,
    visit: Visit,
    Form(typed): Form<Typed>,
) -> Result<Response> {
    let view = |errors| LoginView {
        email: typed.email.clone(),
        next: local(&typed.next).to_owned(),
        errors,
    };
    match login::check(&app, &visit, &typed.email, typed.password).await {
        Ok(person) => {
            login::open(&app, &session, person, &visit).await?;
            Ok(Redirect::to(local(&typed.next)).into_response())
        }
        Err(Error::Fields(errors)) => Ok(form(page.refused(), view(errors))),
        Err(Error::TooMany { retry_after }) => {
            let message = format!("Too many attempts. Try again in {retry_after} seconds.");
            let page = page.status(StatusCode::TOO_MANY_REQUESTS);
            let mut response = form(page, view(FieldErrors::one("", message)));
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(retry_after));
            Ok(response)
        }
        Err(error) => Err(error),
    }
}

async fn log_out(State(app): State<App>, actor: Actor, session: Session) -> Result<Redirect> {
    login::close(&app, &session, &actor).await?;
    Ok(Redirect::to("/login"))
}

fn form(page: Page, view: LoginView) -> Response {
    page.title("Log in").html(move || view! { <LoginPage view=view /> })
}

/// A path on this server to go on to; the start for anything else. A browser drops tabs and line
/// breaks and takes `\` for `/`, so that either could lead to another host.
pub fn local(next: &str) -> &str {
    let leads_here = next.starts_with('/')
        && !next.starts_with("//")
        && !next.contains(|c: char| c == '\\' || c.is_control());
    if leads_here { next } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::local;

    #[test]
    fn nobody_is_led_to_another_host() {
        assert_eq!(local("/models?q=a%20b"), "/models?q=a%20b");
        for elsewhere in [
            "",
            "models",
            "//evil.example",
            "/\\evil.example",
            "/\t/evil.example",
            "https://x",
            "/a\\b",
        ] {
            assert_eq!(local(elsewhere), "/", "{elsewhere:?}");
        }
    }
}
