//! Pages for people: one file per area, routes first, then handlers.

pub mod account;
pub mod assets;
pub mod attributes;
pub mod audit;
pub mod datasets;
pub mod edits;
pub mod failure;
pub mod findings;
pub mod guard;
pub mod health;
pub mod home;
mod launch;
pub mod launches;
pub mod login;
pub mod metrics;
pub mod mitigations;
pub mod models;
pub mod okrs;
pub mod overview;
pub mod page;
pub mod people;
pub mod policies;
pub mod routes;
pub mod runs;
pub mod taken;
pub mod teams;
pub mod tokens;
pub mod trend;
pub mod upload;
pub mod versions;
pub mod visit;
pub mod waivers;
pub mod welcome;

pub use page::Page;
pub use routes::{Access, Routes};

use crate::state::App;
use crate::store::sessions::Sessions;
use axum::Router;
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::middleware::{from_fn, from_fn_with_state};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::csrf::CsrfLayer;
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::timeout::RequestBodyTimeoutLayer;
use tower_sessions::cookie::SameSite;
use tower_sessions::cookie::time::Duration;
use tower_sessions::{Expiry, SessionManagerLayer};

/// How long a session lasts at most, however busy; see also [`crate::store::sessions::IDLE`].
pub const SESSION_LASTS: Duration = Duration::days(7);

const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; \
     style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; \
     base-uri 'none'; object-src 'none'; frame-ancestors 'none'";

/// Every route with the access it needs, in one place.
pub fn routes(app: &App) -> Routes {
    let routes = Routes::new(app.clone());
    let routes = health::routes(routes);
    let routes = metrics::routes(routes);
    let routes = assets::routes(routes);
    let routes = login::routes(routes);
    let routes = welcome::routes(routes);
    let routes = home::routes(routes);
    let routes = models::routes(routes);
    let routes = versions::routes(routes);
    let routes = datasets::routes(routes);
    let routes = attributes::routes(routes);
    let routes = runs::routes(routes);
    let routes = trend::routes(routes);
    let routes = upload::routes(routes);
    let routes = taken::routes(routes);
    let routes = policies::routes(routes);
    let routes = launches::routes(routes);
    let routes = waivers::routes(routes);
    let routes = findings::routes(routes);
    let routes = mitigations::routes(routes);
    let routes = okrs::routes(routes);
    let routes = overview::routes(routes);
    let routes = account::routes(routes);
    let routes = tokens::routes(routes);
    let routes = people::routes(routes);
    let routes = teams::routes(routes);
    let routes = audit::routes(routes);
    crate::api::routes(routes)
}

/// The whole service.
pub fn router(app: &App) -> Router {
    let sessions =
        SessionManagerLayer::new(Sessions { store: app.store.clone(), clock: app.clock.clone() })
            .with_name("evenhand")
            .with_http_only(true)
            .with_same_site(SameSite::Lax)
            .with_secure(app.config.is_https())
            .with_expiry(Expiry::OnInactivity(SESSION_LASTS));

    let mut csrf = CsrfLayer::new();
    if let Some(url) = &app.config.public_url {
        match csrf.clone().add_trusted_origin(url.trim_end_matches('/')) {
            Ok(trusting) => csrf = trusting,
            Err(error) => tracing::warn!(%error, url, "the public URL is no origin"),
        }
    }

    let headers = [
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    let mut router = routes(app)
        .into_router()
        .fallback(failure::no_such_page)
        .method_not_allowed_fallback(failure::no_such_method)
        .layer(sessions)
        .layer(csrf)
        // Uploads watch their pace themselves and say more; forms and API calls end here.
        .layer(RequestBodyTimeoutLayer::new(app.config.pace.silence * 2))
        .layer(CatchPanicLayer::custom(failure::panicked))
        .layer(from_fn(crate::api::etag::conditional))
        .layer(from_fn_with_state(app.clone(), failure::render))
        .layer(from_fn_with_state(app.clone(), crate::meter::measure))
        .layer(CompressionLayer::new().gzip(true));
    for (name, value) in headers {
        router = router
            .layer(SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value)));
    }
    if app.config.is_https() {
        router = router.layer(SetResponseHeaderLayer::if_not_present(
            header::STRICT_TRANSPORT_SECURITY,
            HeaderValue::from_static("max-age=31536000; includeSubDomains"),
        ));
    }
    router.with_state(app.clone())
}

/// Whether a method is one of those that somebody defined, and not made up.
pub fn is_known(method: &Method) -> bool {
    is_safe(method)
        || matches!(*method, Method::POST | Method::PUT | Method::PATCH | Method::DELETE)
}

/// Whether a method only reads.
pub fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}
