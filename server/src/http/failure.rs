//! What a person or a program sees of an error: made here and nowhere else.

use crate::api::problem::{self, Problem};
use crate::auth::allowance::Allowance;
use crate::error::Error;
use crate::state::App;
use app::form::FieldErrors;
use app::pages::login::{Kept, LoginPage, LoginView};
use app::pages::parts::{Frame, PageHeader, document};
use app::pages::problems::{Problems, ProblemsView};
use axum::Json;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Redirect, Response};
use leptos::prelude::*;
use std::any::Any;
use std::sync::Arc;

pub async fn no_such_page(uri: Uri) -> Error {
    Error::NotFound(format!("there is nothing at {}", uri.path()))
}

pub async fn no_such_method() -> Response {
    StatusCode::METHOD_NOT_ALLOWED.into_response()
}

pub fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let message = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("a panic without a message");
    Error::Internal(format!("panicked: {message}")).into_response()
}

/// Turns an error in the response's extensions into a page, or into problem+json for the API, and
/// writes one line about every request.
pub async fn render(State(app): State<App>, request: Request, next: Next) -> Response {
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let id = app.clock.id();
    let started = std::time::Instant::now();
    let response = next.run(request).await;
    let status = response.status();
    let error = response.extensions().get::<Arc<Error>>().cloned();
    let allowance = response.extensions().get::<Allowance>().copied();
    let took = started.elapsed();
    let millis = u64::try_from(took.as_micros()).unwrap_or(u64::MAX) as f64 / 1000.0;
    match &error {
        Some(error) if status.is_server_error() => {
            tracing::error!(%id, %method, path = loggable(uri.path()), status = status.as_u16(), ms = millis, %error, "failed");
        }
        _ if uri.path().starts_with("/assets/") => {}
        _ => {
            tracing::info!(%id, %method, path = loggable(uri.path()), status = status.as_u16(), ms = millis, "answered");
        }
    }
    let is_api = uri.path().starts_with("/api/");
    let mut response = match error {
        Some(error) if is_api => as_problem(&error, &id.to_string()),
        Some(error) => page(&error, &uri, method == axum::http::Method::GET, &id.to_string()),
        // What axum's own extractors and fallbacks say, in our words and our form.
        None if status.is_client_error() && !is_ours(&response) => {
            let allowed = response.headers().get(header::ALLOW).cloned();
            let error = plain_refusal(response).await;
            let mut response = if is_api {
                problem_with_status(status, &error, &id.to_string())
            } else {
                page_with_status(status, &error, &id.to_string())
            };
            if let Some(allowed) = allowed {
                response.headers_mut().insert(header::ALLOW, allowed);
            }
            response
        }
        // What a layer around the handlers says, such as that of the sessions; it wrote down why.
        None if status == StatusCode::INTERNAL_SERVER_ERROR && !is_ours(&response) => {
            let error = Error::Internal("a layer failed".to_owned());
            if is_api {
                problem_with_status(status, &error, &id.to_string())
            } else {
                page_with_status(status, &error, &id.to_string())
            }
        }
        None => response,
    };
    if let Some(allowance) = allowance {
        allowance.write(response.headers_mut());
    }
    if let Ok(id) = HeaderValue::from_str(&id.to_string()) {
        response.headers_mut().insert("x-request-id", id);
    }
    response
}

/// A path without the secret of a one-time link: whoever reads the log must not gain an account.
fn loggable(path: &str) -> &str {
    match path.split('/').nth(1) {
        Some("setup") => "/setup/…",
        Some("welcome") => "/welcome/…",
        _ => path,
    }
}

/// Whether the body is already meant for whoever asked.
fn is_ours(response: &Response) -> bool {
    response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| {
        kind.as_bytes().starts_with(b"text/html") || kind.as_bytes().starts_with(b"application/")
    })
}

async fn plain_refusal(response: Response) -> Error {
    let status = response.status();
    let body = axum::body::to_bytes(response.into_body(), 4096).await.unwrap_or_default();
    let text = String::from_utf8_lossy(&body).into_owned();
    let text = if text.trim().is_empty() {
        status.canonical_reason().unwrap_or("refused").to_lowercase()
    } else {
        text
    };
    Error::BadRequest(text)
}

/// What may be said of it outside; the rest is in the log under the same number.
fn detail(error: &Error, status: StatusCode, id: &str) -> String {
    if status == StatusCode::INTERNAL_SERVER_ERROR {
        format!("The server could not do this. It wrote down why, under {id}.")
    } else if status == StatusCode::SERVICE_UNAVAILABLE {
        "The server is busy. Try again in a moment.".to_owned()
    } else if let Error::Fields(fields) = error {
        // A form without fields has no place of its own for what is wrong.
        let messages: Vec<&str> = fields.iter().map(|(_, message)| message).collect();
        messages.join("; ")
    } else {
        error.to_string()
    }
}

fn as_problem(error: &Error, id: &str) -> Response {
    problem_with_status(error.status(), error, id)
}

fn problem_with_status(status: StatusCode, error: &Error, id: &str) -> Response {
    let errors = match error {
        Error::Input { problems, .. } => problems.clone(),
        Error::Fields(fields) => fields
            .iter()
            .map(|(field, message)| {
                let pointer = if field.is_empty() { String::new() } else { format!("/{field}") };
                metrics::Problem::new("invalid", message).at_pointer(pointer)
            })
            .collect(),
        _ => vec![],
    };
    let kind = problem::of(status);
    let body = Problem {
        r#type: kind.uri(),
        title: kind.title,
        status: status.as_u16(),
        detail: match error {
            // A program that logs the detail alone has to learn which field it is about.
            Error::Fields(fields) => named(fields),
            error => detail(error, status, id),
        },
        errors,
        request_id: id.to_owned(),
    };
    let mut response = (status, Json(body)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    retry_after(error, status, headers);
    response
}

fn named(fields: &FieldErrors) -> String {
    let messages = fields.iter().map(|(field, message)| match field {
        "" => message.to_owned(),
        field => format!("{field}: {message}"),
    });
    messages.collect::<Vec<_>>().join("; ")
}

fn retry_after(error: &Error, status: StatusCode, headers: &mut axum::http::HeaderMap) {
    let seconds = match error {
        Error::TooMany { retry_after } | Error::TooFast { retry_after, .. } => *retry_after,
        _ if status == StatusCode::SERVICE_UNAVAILABLE => 2,
        _ => return,
    };
    headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
}

fn page(error: &Error, uri: &Uri, is_get: bool, id: &str) -> Response {
    if matches!(error, Error::Unauthenticated) {
        let next = uri.path_and_query().map_or("/", |path| path.as_str());
        let next: String = form_urlencoded(if is_get { next } else { "/" });
        return Redirect::to(&format!("/login?next={next}")).into_response();
    }
    if let Error::SignedOut { path, typed } = error {
        let kept = Kept { path: path.clone(), typed: typed.clone() };
        let view = LoginView { kept: Some(kept), ..LoginView::default() };
        let frame = Frame { title: "Log in".to_owned(), ..Frame::default() };
        let html = document(frame, move || view! { <LoginPage view=view /> });
        return (error.status(), Html(Body::from(html))).into_response();
    }
    page_with_status(error.status(), error, id)
}

fn page_with_status(status: StatusCode, error: &Error, id: &str) -> Response {
    let problems = match error {
        Error::Input { problems, .. } => problems.clone(),
        _ => vec![],
    };
    let detail = detail(error, status, id);
    let title = problem::of(status).title;
    let frame = Frame { title: title.to_owned(), ..Frame::default() };
    let html = document(frame, move || {
        view! {
            <PageHeader title=title />
            <p>{detail}</p>
            <Problems view=ProblemsView { problems } />
            <p><a href="/">"Back to the start"</a></p>
        }
    });
    let mut response = (status, Html(Body::from(html))).into_response();
    retry_after(error, status, response.headers_mut());
    response
}

/// Percent-encodes a query value.
pub fn form_urlencoded(text: &str) -> String {
    app::pages::parts::link::encode(text)
}
