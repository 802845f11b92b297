//! Style sheet, icon and the browser part, all embedded in the binary.

use super::routes::{Access, Routes};
use crate::error::{Error, Result};
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use rust_embed::RustEmbed;
use std::sync::LazyLock;

const STYLE: &str = include_str!(concat!(env!("OUT_DIR"), "/main.css"));

#[derive(RustEmbed)]
#[folder = "../public"]
struct Public;

/// What `scripts/build-web` makes; empty when it has not run, and every page works without.
#[derive(RustEmbed)]
#[folder = "assets/pkg"]
struct Browser;

static STYLE_TAG: LazyLock<String> = LazyLock::new(|| tag(STYLE.as_bytes()));

pub fn routes(routes: Routes) -> Routes {
    routes
        .get("/assets/main.css", Access::Public, style)
        .get("/assets/pkg/{file}", Access::Public, browser)
        .get("/assets/{file}", Access::Public, public)
        .get("/favicon.ico", Access::Public, favicon)
        .get("/robots.txt", Access::Public, robots)
}

fn tag(bytes: &[u8]) -> String {
    format!("\"{}\"", &crate::audit::sha256_hex(bytes)[..16])
}

async fn style(headers: HeaderMap) -> Response {
    answer(&headers, STYLE.as_bytes().to_vec(), "text/css; charset=utf-8", &STYLE_TAG, None)
}

async fn browser(headers: HeaderMap, Path(file): Path<String>) -> Result<Response> {
    // The build leaves two packed forms beside each file; the browser says which it reads.
    let accepts = headers
        .get(header::ACCEPT_ENCODING)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let packed = [("br", "br"), ("gzip", "gz")].into_iter().find_map(|(encoding, ending)| {
        let named = accepts.split(',').any(|word| word.trim().split(';').next() == Some(encoding));
        let file = named.then(|| Browser::get(&format!("{file}.{ending}")))??;
        Some((file, Some(encoding)))
    });
    let (found, encoding) = packed
        .or_else(|| Browser::get(&file).map(|found| (found, None)))
        .ok_or_else(|| Error::not_found("file"))?;
    let tag = tag(&found.data);
    Ok(answer(&headers, found.data.into_owned(), &kind(&file), &tag, encoding))
}

async fn public(headers: HeaderMap, Path(file): Path<String>) -> Result<Response> {
    let found = Public::get(&file).ok_or_else(|| Error::not_found("file"))?;
    let tag = tag(&found.data);
    Ok(answer(&headers, found.data.into_owned(), &kind(&file), &tag, None))
}

async fn favicon(headers: HeaderMap) -> Result<Response> {
    public(headers, Path("favicon.svg".to_owned())).await
}

async fn robots(headers: HeaderMap) -> Result<Response> {
    public(headers, Path("robots.txt".to_owned())).await
}

fn kind(file: &str) -> String {
    mime_guess::from_path(file).first_or_octet_stream().to_string()
}

/// The file, or nothing but its tag when the browser already has it.
fn answer(
    headers: &HeaderMap,
    bytes: Vec<u8>,
    kind: &str,
    tag: &str,
    encoding: Option<&'static str>,
) -> Response {
    let known =
        headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes());
    let mut response =
        if known { StatusCode::NOT_MODIFIED.into_response() } else { bytes.into_response() };
    let mut set = |name: HeaderName, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().insert(name, value);
        }
    };
    set(header::CONTENT_TYPE, kind);
    set(header::ETAG, tag);
    set(header::CACHE_CONTROL, "no-cache");
    set(header::VARY, "accept-encoding");
    if let Some(encoding) = encoding {
        set(header::CONTENT_ENCODING, encoding);
    }
    response
}
