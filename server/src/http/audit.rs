//! The audit log's pages and its export.

use crate::actions::read_audit::{Veil, verify};
use crate::audit::checkpoint::public_text;
use crate::audit::verify::StoredEntry;
use crate::auth::Actor;
use crate::error::{Error, Result};
use crate::http::{Access, Page, Routes};
use crate::state::App;
use crate::store::audit::Filter;
use app::domain::Permission;
use app::pages::audit::{
    AuditChoices, AuditPage, AuditRow, AuditView, Change, Detail, PER_PAGE, VerifyPage, VerifyView,
};
use app::pages::parts::{Crumb, Section};
use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum_extra::extract::Query;
use leptos::prelude::*;
use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeSet, HashMap};
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{Date, Duration, OffsetDateTime};
use uuid::Uuid;

/// Entries per piece of an export.
const BATCH: i64 = 500;
/// A value longer than this is cut on the page; the export has all of it.
const LONGEST: usize = 200;

pub fn routes(routes: Routes) -> Routes {
    let read = Access::May(Permission::ReadAudit);
    routes.get("/audit", read, list).get("/audit/verify", read, show_verified).get(
        "/audit/export",
        read,
        export,
    )
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ListQuery {
    actor: String,
    action: String,
    kind: String,
    object: String,
    from: String,
    to: String,
    page: String,
    below: String,
}

async fn list(
    State(app): State<App>,
    actor: Actor,
    page: Page,
    Query(query): Query<ListQuery>,
) -> Result<Response> {
    let number = query.page.parse().unwrap_or(1).clamp(1, 1 << 32);
    let size = u64::try_from(app.store.audit_head().await?.size).unwrap_or_default();
    let below = query.below.parse().unwrap_or(size).min(size);
    let choices = AuditChoices {
        actor: query.actor.trim().to_owned(),
        action: query.action.trim().to_owned(),
        kind: query.kind.trim().to_owned(),
        object: query.object.trim().to_owned(),
        from: query.from.trim().to_owned(),
        to: query.to.trim().to_owned(),
    };
    let (entries, total, wrong) = match filter(&app, &choices).await? {
        Ok(filter) => {
            let offset = i64::try_from((number - 1) * PER_PAGE).unwrap_or(i64::MAX);
            let below = i64::try_from(below).unwrap_or(i64::MAX);
            let limit = i64::try_from(PER_PAGE).unwrap_or(i64::MAX);
            let (entries, total) = app.store.audit_page(&filter, below, offset, limit).await?;
            (entries, u64::try_from(total).unwrap_or_default(), None)
        }
        Err(wrong) => (vec![], 0, Some(wrong)),
    };
    let rows = rows(&app, &Veil::of(&app, &actor).await?, entries).await?;
    let view = AuditView { rows, total, page: number, below, choices, wrong };
    let page = page.title("Audit log").section(Section::Audit);
    let page = if view.wrong.is_some() { page.refused() } else { page };
    Ok(page.html(move || view! { <AuditPage view=view /> }))
}

/// The filter that was asked for, or what is wrong with it.
async fn filter(app: &App, choices: &AuditChoices) -> Result<Result<Filter, String>> {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let day = |text: &str| {
        some(text)
            .map(|text| {
                Date::parse(&text, format_description!("[year]-[month]-[day]"))
                    .map(|day| day.midnight().assume_utc())
                    .map_err(|_| format!("“{text}” is no day: expected one such as 2026-11-01"))
            })
            .transpose()
    };
    let actor = match some(&choices.actor) {
        None => None,
        Some(who) => match app.store.person_by_email(&who.to_lowercase()).await? {
            Some(person) => Some(person.id.0),
            None => return Ok(Err(format!("nobody here has the e-mail address “{who}”"))),
        },
    };
    let (from, to) = match (day(&choices.from), day(&choices.to)) {
        (Ok(from), Ok(to)) => (from, to),
        (Err(wrong), _) | (_, Err(wrong)) => return Ok(Err(wrong)),
    };
    Ok(Ok(Filter {
        actor,
        object_kind: some(&choices.kind),
        object_id: some(&choices.object),
        action: some(&choices.action),
        from,
        to: to.map(|day| day.saturating_add(Duration::DAY)),
    }))
}

async fn rows(app: &App, veil: &Veil, entries: Vec<StoredEntry>) -> Result<Vec<AuditRow>> {
    let mut people: HashMap<String, String> = HashMap::new();
    let mut rows = Vec::with_capacity(entries.len());
    for entry in entries {
        let leaf: Value = serde_json::from_str(&entry.leaf).unwrap_or_default();
        let kind = leaf.pointer("/by/kind").and_then(Value::as_str).unwrap_or_default();
        let who = match &entry.actor_id {
            None if kind == "server" => "the server".to_owned(),
            None => "the operator".to_owned(),
            Some(id) => match people.get(id) {
                Some(name) => name.clone(),
                None => {
                    let found = app.store.object("person", id).await?;
                    let name = found.map_or_else(|| id.clone(), |person| person.name);
                    people.insert(id.clone(), name.clone());
                    name
                }
            },
        };
        let hidden = veil.hides(&entry);
        let object = if hidden {
            None
        } else {
            app.store.object(&entry.object_kind, &entry.object_id).await?
        };
        let detail = match &entry.detail {
            _ if hidden => Detail::Restricted,
            Some((_, detail)) => {
                Detail::Changes(changes(&serde_json::from_str(detail).unwrap_or_default()))
            }
            None if leaf["before"].is_string() || leaf["after"].is_string() => Detail::Erased,
            None => Detail::None,
        };
        rows.push(AuditRow {
            position: u64::try_from(entry.position).unwrap_or_default(),
            at: OffsetDateTime::parse(&entry.at, &Rfc3339).unwrap_or(OffsetDateTime::UNIX_EPOCH),
            who,
            via: (kind == "token").then(|| "by token".to_owned()),
            action: entry.action,
            object: object.as_ref().map_or_else(
                || if hidden { "a restricted model".to_owned() } else { short(&entry.object_id) },
                |object| object.name.clone(),
            ),
            object_href: object.and_then(|object| object.href),
            object_kind: entry.object_kind,
            detail,
            leaf_hash: entry.leaf_hash,
        });
    }
    Ok(rows)
}

fn short(id: &str) -> String {
    if id.parse::<Uuid>().is_ok() { format!("{}…", &id[..13]) } else { id.to_owned() }
}

/// The two sides of a detail, field by field.
fn changes(detail: &Value) -> Vec<Change> {
    let side = |name: &str| match &detail[name] {
        Value::Null => HashMap::new(),
        Value::Object(fields) => {
            fields.iter().map(|(field, value)| (field.clone(), text(value))).collect()
        }
        value => HashMap::from([("value".to_owned(), text(value))]),
    };
    let (before, after) = (side("before"), side("after"));
    let fields: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    fields
        .into_iter()
        .map(|field| Change {
            field: field.replace('_', " "),
            before: before.get(field).cloned(),
            after: after.get(field).cloned(),
        })
        .collect()
}

fn text(value: &Value) -> String {
    let whole = match value {
        Value::Null => "none".to_owned(),
        Value::String(text) if text.is_empty() => "empty".to_owned(),
        Value::String(text) => text.clone(),
        value => value.to_string(),
    };
    match whole.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &whole[..end]),
        None => whole,
    }
}

async fn show_verified(State(app): State<App>, page: Page) -> Result<Response> {
    let checkpoint = app.checkpoint().await?;
    let report = verify(&app).await?;
    let view = VerifyView {
        breach: report.breach.as_ref().map(ToString::to_string),
        sentences: report.sentences(false, true),
        entries: report.verified.as_ref().map_or(0, |log| log.entries),
        public_key: public_text(&app.key.public()),
        checkpoint,
    };
    let crumbs = vec![Crumb::to("Audit log", "/audit"), Crumb::here("Verify")];
    Ok(page
        .title("Verify the audit log")
        .section(Section::Audit)
        .crumbs(crumbs)
        .html(move || view! { <VerifyPage view=view /> }))
}

/// The log as it is now, one entry per line, in pieces, so that its length does not matter.
async fn export(State(app): State<App>, actor: Actor) -> Result<Response> {
    let veil = Veil::of(&app, &actor).await?;
    let until = app.store.audit_head().await?.size;
    let pieces = futures::stream::try_unfold(0i64, move |from| {
        let (app, veil) = (app.clone(), veil.clone());
        async move {
            let limit = BATCH.min(until - from);
            if limit <= 0 {
                return Ok::<_, Error>(None);
            }
            let entries = app.store.audit_entries(from, limit).await?;
            let Some(last) = entries.last() else { return Ok(None) };
            let next = last.position + 1;
            let mut lines = String::new();
            for entry in entries {
                let line = serde_json::to_string(&veil.over(entry))
                    .map_err(|error| Error::Internal(error.to_string()))?;
                lines.push_str(&line);
                lines.push('\n');
            }
            Ok(Some((lines, next)))
        }
    });
    let headers = [
        (header::CONTENT_TYPE, "application/x-ndjson"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"evenhand-audit.ndjson\""),
    ];
    Ok((headers, Body::from_stream(pieces)).into_response())
}
