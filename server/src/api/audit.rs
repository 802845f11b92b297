//! The audit log and its signed head.

use super::operation::{Area, Operation};
use super::page::{Cursor, List};
use super::query::Query;
use crate::actions::read_audit::Veil;
use crate::audit::verify::StoredEntry;
use crate::auth::Actor;
use crate::error::Result;
use crate::http::{Access, Routes};
use crate::state::App;
use app::domain::Permission;
use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;

pub fn routes(routes: Routes) -> Routes {
    let read = Access::May(Permission::ReadAudit);
    routes
        .get("/api/v1/audit", read, list)
        .describe(
            Operation::new(Area::Audit, "listAuditEntries", "Read the audit log")
                .about(
                    "The oldest entry first; each is a line of an export, which `evenhand audit \
                     verify` checks without a server.",
                )
                .query::<ListQuery>()
                .gives::<List<StoredEntry>>(200, "A page of entries"),
        )
        .get("/api/v1/audit/checkpoint", read, checkpoint)
        .describe(
            Operation::new(Area::Audit, "getCheckpoint", "Sign the audit log as it is now")
                .about("Keep it: what it covers cannot be changed unseen by whoever holds it.")
                .gives_raw("text/plain", "A signed note (C2SP tlog-checkpoint)"),
        )
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct ListQuery {
    /// The position of the last entry that was seen.
    after: Option<i64>,
    /// The same, as lists name it: the `next_cursor` of the page before.
    cursor: Option<i64>,
    /// How many items to give: 100 unless it says otherwise.
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<usize>,
}

/// Entries after a position, the oldest first; each is a line of an export.
async fn list(
    State(app): State<App>,
    actor: Actor,
    Query(query): Query<ListQuery>,
) -> Result<Json<List<StoredEntry>>> {
    let limit = Cursor { limit: query.limit, cursor: None }.limit()?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let veil = Veil::of(&app, &actor).await?;
    let from = query.after.or(query.cursor).map_or(0, |after| after.saturating_add(1));
    let total = app.store.audit_head().await?.size;
    let entries = app.store.audit_entries(from, limit).await?;
    let last = entries.last().map(|entry| entry.position);
    Ok(Json(List {
        items: entries.into_iter().map(|entry| veil.over(entry)).collect(),
        next_cursor: last.filter(|last| last + 1 < total).map(|last| last.to_string()),
        total: usize::try_from(total).unwrap_or_default(),
    }))
}

/// A signed note over the log as it is now.
async fn checkpoint(State(app): State<App>) -> Result<String> {
    app.checkpoint().await
}
