//! `/metrics`, for a Prometheus on the same machine, or on another one with a token.

use super::routes::{Access, Routes};
use crate::error::{Error, Result};
use crate::state::App;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse as _, Response};
use sha2::{Digest as _, Sha256};
use std::net::SocketAddr;

pub fn routes(routes: Routes) -> Routes {
    // Whoever reads this has no account: the handler looks at the token, or at where they are.
    routes.get("/metrics", Access::Public, read)
}

async fn read(State(app): State<App>, request: Request) -> Result<Response> {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0);
    may_read(&app, request.headers(), peer)?;
    let text = app.meter.render(&app.store).await?;
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, kind)], text).into_response())
}

/// With a token configured, it is asked of everybody. Without one only this machine may read, and
/// not through a proxy, behind which everybody comes from this machine.
fn may_read(app: &App, headers: &HeaderMap, peer: Option<SocketAddr>) -> Result<()> {
    if let Some(token) = &app.config.metrics_token {
        let given = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
        // Digests are compared: how many bytes agree says nothing about the token.
        let is_right =
            given.is_some_and(|given| Sha256::digest(given) == Sha256::digest(token.as_bytes()));
        return if is_right {
            Ok(())
        } else {
            Err(Error::forbidden("give the metrics token: Authorization: Bearer …"))
        };
    }
    let is_proxied = app.config.public_url.is_some()
        || ["forwarded", "x-forwarded-for"].iter().any(|name| headers.contains_key(*name));
    if !is_proxied && peer.is_some_and(|peer| peer.ip().to_canonical().is_loopback()) {
        return Ok(());
    }
    Err(Error::forbidden("metrics are read from the server's own machine, or with --metrics-token"))
}
