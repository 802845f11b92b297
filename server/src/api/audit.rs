//! The audit log and its signed head.

use crate::actions::read_audit::Veil;
use crate::auth::Actor;
use crate::error::{Error, Result};
use crate::http::{Access, Routes};
use crate::state::App;
use app::domain::Permission;
use axum::Json;
use axum::extract::State;
use axum_extra::extract::Query;
use serde::Deserialize;
use serde_json::{Value, json};

const LIMIT: i64 = 100;
const MOST: i64 = 1000;

pub fn routes(routes: Routes) -> Routes {
    let read = Access::May(Permission::ReadAudit);
    routes.get("/api/v1/audit", read, list).get("/api/v1/audit/checkpoint", read, checkpoint)
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ListQuery {
    /// The position of the last entry that was seen.
    after: Option<i64>,
    /// The same, under the name that lists give it.
    cursor: Option<i64>,
    limit: Option<i64>,
}

/// Entries after a position, the oldest first; each is a line of an export.
async fn list(
    State(app): State<App>,
    actor: Actor,
    Query(query): Query<ListQuery>,
) -> Result<Json<Value>> {
    let limit @ 1..=MOST = query.limit.unwrap_or(LIMIT) else {
        return Err(Error::BadRequest(format!("limit is 1 to {MOST}")));
    };
    let veil = Veil::of(&app, &actor).await?;
    let from = query.after.or(query.cursor).map_or(0, |after| after.saturating_add(1));
    let total = app.store.audit_head().await?.size;
    let entries = app.store.audit_entries(from, limit).await?;
    let last = entries.last().map(|entry| entry.position);
    Ok(Json(json!({
        "items": entries.into_iter().map(|entry| veil.over(entry)).collect::<Vec<_>>(),
        "next_cursor": last.filter(|last| last + 1 < total).map(|last| last.to_string()),
        "total": total,
    })))
}

/// A signed note over the log as it is now.
async fn checkpoint(State(app): State<App>) -> Result<String> {
    app.checkpoint().await
}
