//! `ETag` out, `If-None-Match` and `If-Match` in (RFC 9110, 13).
//!
//! What is read has the digest of its bytes as its tag. What can be changed has its version in
//! front of it: a change is made from a version, while what is shown beside it, such as who depends
//! on a model, may have changed without one.

use crate::audit::sha256_hex;
use crate::error::{Error, Result};
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// An answer marked with the version of what it shows, and with its content.
///
/// # Errors
/// [`Error::Internal`] when it cannot be written.
pub fn tagged(status: StatusCode, answer: &impl Serialize, version: i64) -> Result<Response> {
    let text = serde_json::to_string(answer).map_err(|error| Error::Internal(error.to_string()))?;
    let tag = format!("\"{version}-{}\"", fingerprint(&text));
    let json = (header::CONTENT_TYPE, "application/json".to_owned());
    Ok((status, [json, (header::ETAG, tag)], text).into_response())
}

/// Enough of a digest that two answers of one thing do not share it.
fn fingerprint(content: impl AsRef<[u8]>) -> String {
    let mut digest = sha256_hex(content);
    digest.truncate(16);
    digest
}

/// Whether a change was made from the version that there is.
///
/// # Errors
/// [`Error::PreconditionRequired`] when it does not say, [`Error::PreconditionFailed`] when it was
/// made from another one.
pub fn check(headers: &HeaderMap, version: i64, what: &str) -> Result<()> {
    let mut wanted = listed(headers, header::IF_MATCH).peekable();
    if wanted.peek().is_none() {
        return Err(Error::PreconditionRequired);
    }
    let version_of = |tag: &str| {
        let tag = tag.strip_prefix('"')?.strip_suffix('"')?;
        tag.split('-').next()?.parse::<i64>().ok()
    };
    // A weak tag (`W/"…"`) matches nothing here: it does not say that the bytes were the same.
    if wanted.any(|tag| tag == "*" || version_of(tag) == Some(version)) {
        return Ok(());
    }
    Err(Error::PreconditionFailed(format!("{what} is at version {version}; read it again")))
}

/// The tags of a header; ours have no comma inside.
fn listed(headers: &HeaderMap, name: header::HeaderName) -> impl Iterator<Item = &str> {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|tag| !tag.is_empty())
}

/// Tags what is read from the API, and answers 304 to whoever holds it already.
pub async fn conditional(request: Request, next: Next) -> Response {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    if !reads || !request.uri().path().starts_with("/api/") {
        return next.run(request).await;
    }
    let held: Vec<String> =
        listed(request.headers(), header::IF_NONE_MATCH).map(str::to_owned).collect();
    let response = next.run(request).await;
    if response.status() != StatusCode::OK {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    // An answer of the API is made whole before it is sent.
    let Ok(bytes) = axum::body::to_bytes(body, usize::MAX).await else {
        return Error::Internal("an answer broke off".to_owned()).into_response();
    };
    let tag = match parts.headers.get(header::ETAG) {
        Some(tag) => tag.clone(),
        None => match HeaderValue::from_str(&format!("\"{}\"", fingerprint(&bytes))) {
            Ok(tag) => tag,
            Err(error) => return Error::Internal(error.to_string()).into_response(),
        },
    };
    parts.headers.insert(header::ETAG, tag.clone());
    // Kept by whoever asked, and asked for again before it is used.
    parts
        .headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("private, no-cache"));
    // Weakly: a proxy that compresses makes a weak tag of ours.
    let same = |held: &String| {
        held == "*" || held.strip_prefix("W/").unwrap_or(held).as_bytes() == tag.as_bytes()
    };
    if held.iter().any(same) {
        parts.status = StatusCode::NOT_MODIFIED;
        parts.headers.remove(header::CONTENT_TYPE);
        parts.headers.remove(header::CONTENT_LENGTH);
        return Response::from_parts(parts, Body::empty());
    }
    Response::from_parts(parts, Body::from(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_goes_by_the_version_in_the_tag() {
        for (tag, is_right) in [
            ("\"3\"", true),
            ("\"3-0123456789abcdef\"", true),
            ("\"2-0123456789abcdef\", \"3-fedcba9876543210\"", true),
            ("*", true),
            ("\"2\"", false),
            ("\"33\"", false),
            ("W/\"3\"", false),
            ("3", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::IF_MATCH, tag.parse().unwrap());
            assert_eq!(check(&headers, 3, "it").is_ok(), is_right, "{tag}");
        }
        assert!(matches!(check(&HeaderMap::new(), 3, "it"), Err(Error::PreconditionRequired)));
    }
}
