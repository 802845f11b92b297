//! Finds out who comes, and lets in who may.

use super::SESSION_LASTS;
use super::routes::Access;
use crate::auth::Actor;
use crate::auth::actor::Through;
use crate::auth::allowance::Allowance;
use crate::clock::{from_micros, micros};
use crate::error::{Error, Result};
use crate::state::App;
use crate::store::sessions::{AUTHENTICATED_AT, PERSON, session_hash};
use app::domain::{PersonId, Scope};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tower_sessions::Session;

/// How often a session's last use is written, in microseconds.
const SEEN_EVERY: i64 = 60_000_000;

pub async fn guard(
    State((app, access)): State<(App, Access)>,
    request: Request,
    next: Next,
) -> Response {
    if access == Access::Public {
        return next.run(request).await;
    }
    let mut allowance = None;
    let mut response = match let_in(&app, access, request, &mut allowance).await {
        Ok(request) => next.run(request).await,
        Err(error) => error.into_response(),
    };
    if let Some(allowance) = allowance {
        response.extensions_mut().insert(allowance);
    }
    response
}

/// The same request with the actor in it; `allowance` is what a token has left after it.
async fn let_in(
    app: &App,
    access: Access,
    mut request: Request,
    allowance: &mut Option<Allowance>,
) -> Result<Request> {
    let is_api = request.uri().path().starts_with("/api/");
    let actor =
        identify(app, request.headers().clone(), request.extensions().get().cloned(), is_api)
            .await?;
    let Some(mut actor) = actor else { return Err(signed_out(request).await) };
    if let Some(token) = actor.token_id() {
        *allowance = app.count_request(token).await?;
        if let Some(Allowance { limit, left: None, resets_in }) = *allowance {
            return Err(Error::TooFast { limit, retry_after: resets_in });
        }
    }
    actor.only_shows = request.uri().query() == Some(AGAIN);
    if let Access::May(permission) = access
        && !actor.may(permission, Scope::Anywhere)
    {
        return Err(Error::forbidden(actor.why_not(permission, Scope::Anywhere)));
    }
    request.extensions_mut().insert(actor);
    Ok(request)
}

/// The query of a form that is only shown again.
pub(super) const AGAIN: &str = "again=1";

/// More than this is not kept, in bytes; the longest policy has some thousands.
const KEPT: usize = 256 * 1024;

/// The fields that hold a password: they are never given back.
const SECRETS: [&str; 3] = ["password", "old", "again"];

/// Whoever typed a form while their session ended gets back what they typed, to send it once they
/// have signed in again. Files are not kept.
async fn signed_out(request: Request) -> Error {
    let is_form = request
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/x-www-form-urlencoded"));
    if request.method() != Method::POST || !is_form {
        return Error::Unauthenticated;
    }
    let path = request.uri().path().to_owned();
    let Ok(body) = axum::body::to_bytes(request.into_body(), KEPT).await else {
        return Error::Unauthenticated;
    };
    let Ok(body) = str::from_utf8(&body) else { return Error::Unauthenticated };
    let is_kept = |pair: &&str| {
        let name = pair.split('=').next().unwrap_or_default();
        !name.is_empty() && !SECRETS.contains(&name)
    };
    let typed = body.split('&').filter(is_kept).collect::<Vec<_>>().join("&");
    if typed.is_empty() { Error::Unauthenticated } else { Error::SignedOut { path, typed } }
}

/// A token in the header goes before a session in the cookie.
async fn identify(
    app: &App,
    headers: HeaderMap,
    session: Option<Session>,
    is_api: bool,
) -> Result<Option<Actor>> {
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        let token = value
            .to_str()
            .ok()
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| token.trim())
            // Tokens work on the API alone: pages are for people.
            .filter(|_| is_api)
            .ok_or(Error::Unauthenticated)?;
        return crate::auth::token::actor(app, token).await.map(Some);
    }
    match session {
        Some(session) => session_actor(app, &session).await,
        None => Ok(None),
    }
}

/// The person of a session, if somebody is signed in.
pub async fn session_actor(app: &App, session: &Session) -> Result<Option<Actor>> {
    let Some(id) = session.get::<PersonId>(PERSON).await? else {
        return Ok(None);
    };
    let authenticated_at: i64 = session.get(AUTHENTICATED_AT).await?.unwrap_or_default();
    // The session's own expiry moves on with every write to it; this one does not.
    let lasted = app.clock.now() - from_micros(authenticated_at);
    if lasted.whole_seconds() >= SESSION_LASTS.whole_seconds() {
        return Ok(None);
    }
    let hash = session.id().map(session_hash).unwrap_or_default();
    let authenticated_at = from_micros(authenticated_at);
    let actor =
        Actor::of(app, id, Through::Session { hash: hash.clone(), authenticated_at }).await?;
    if actor.is_some() {
        note_seen(app, &hash).await?;
    }
    Ok(actor)
}

async fn note_seen(app: &App, hash: &str) -> Result<()> {
    let now = micros(app.clock.now());
    let is_due = {
        let mut seen = app.seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        // Forgotten entries cost one write each when they come back.
        if seen.len() > 10_000 {
            seen.clear();
        }
        let last = seen.entry(hash.to_owned()).or_default();
        let is_due = now - *last >= SEEN_EVERY;
        if is_due {
            *last = now;
        }
        is_due
    };
    if is_due { app.store.session_seen(hash, now).await } else { Ok(()) }
}
