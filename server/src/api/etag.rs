//! Changes that say what they were made from: `ETag` out, `If-Match` in.

use crate::error::{Error, Result};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;

fn tag(version: i64) -> String {
    format!("\"{version}\"")
}

/// Marks an answer with the version of what it shows.
pub fn tagged(mut response: Response, version: i64) -> Response {
    if let Ok(tag) = HeaderValue::from_str(&tag(version)) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

/// Whether a change was made from the version that there is.
///
/// # Errors
/// [`Error::PreconditionRequired`] when it does not say, [`Error::PreconditionFailed`] when it was
/// made from another one.
pub fn check(headers: &HeaderMap, version: i64, what: &str) -> Result<()> {
    let wanted = headers.get(header::IF_MATCH).ok_or(Error::PreconditionRequired)?;
    if wanted.as_bytes() == tag(version).as_bytes() {
        return Ok(());
    }
    Err(Error::PreconditionFailed(format!("{what} is at version {version}; read it again")))
}
