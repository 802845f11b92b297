//! Whether the server is alive, and whether it can work.

use super::routes::{Access, Routes};
use crate::state::App;
use axum::extract::State;
use axum::http::StatusCode;
use std::sync::atomic::Ordering;

pub fn routes(routes: Routes) -> Routes {
    routes.get("/healthz", Access::Public, alive).get("/readyz", Access::Public, ready)
}

async fn alive() -> &'static str {
    "ok\n"
}

/// Ready: not about to stop, the database answers and has this binary's schema.
async fn ready(State(app): State<App>) -> (StatusCode, &'static str) {
    if !app.accepting.load(Ordering::SeqCst) {
        (StatusCode::SERVICE_UNAVAILABLE, "stopping\n")
    } else if app.store.is_ready().await {
        (StatusCode::OK, "ready\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer or is not migrated\n")
    }
}
