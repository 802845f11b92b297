//! Log-in and log-out.

use super::guard::AGAIN;
use super::{Access, Page, Routes};
use crate::auth::Actor;
use crate::auth::login::{self, Visit};
use crate::error::{Error, Result};
use crate::state::App;
use app::form::FieldErrors;
use app::pages::login::{Kept, LoginPage, LoginView, SignedInAgainPage};
use axum::extract::{FromRequest, Request, State};
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
struct LogIn {
    #[serde(default)]
    email: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    next: String,
    /// A form that came when the session had ended; see [`super::guard`].
    #[serde(default)]
    path: String,
    #[serde(default)]
    typed: String,
}

impl LogIn {
    fn kept(&self) -> Option<Kept> {
        let kept = Kept { path: local(&self.path).to_owned(), typed: self.typed.clone() };
        (!self.typed.is_empty()).then_some(kept)
    }
}

async fn show(page: Page, Query(asked): Query<Asked>) -> Response {
    form(page, LoginView { next: local(&asked.next).to_owned(), ..LoginView::default() })
}

async fn log_in(
    State(app): State<App>,
    session: Session,
    page: Page,
    visit: Visit,
    Form(typed): Form<LogIn>,
) -> Result<Response> {
    let view = |errors| LoginView {
        email: typed.email.clone(),
        next: local(&typed.next).to_owned(),
        errors,
        kept: typed.kept(),
    };
    match login::check(&app, &visit, &typed.email, typed.password.clone()).await {
        Ok(person) => {
            login::open(&app, &session, person, &visit).await?;
            match typed.kept() {
                Some(kept) => again(page, kept).await,
                None => Ok(Redirect::to(local(&typed.next)).into_response()),
            }
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

/// The way back to what was typed.
async fn again(page: Page, kept: Kept) -> Result<Response> {
    let request = Request::post("/")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(kept.typed.into())
        .map_err(|error| Error::Internal(error.to_string()))?;
    let Form(typed) = Form::<Vec<(String, String)>>::from_request(request, &())
        .await
        .map_err(|error| Error::BadRequest(error.to_string()))?;
    let action = format!("{}?{AGAIN}", kept.path);
    Ok(page
        .title("Signed in again")
        .html(move || view! { <SignedInAgainPage action=action typed=typed /> }))
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
