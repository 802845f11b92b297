//! Read policies and try them on past launches; they are written on pages only.

use super::page::{Cursor, cut, paged};
use crate::actions::dry_run::{self, Replayed, Tried};
use crate::audit::timestamp;
use crate::auth::Actor;
use crate::clock::from_micros;
use crate::error::{Error, Result};
use crate::http::{Access, Routes};
use crate::state::App;
use crate::store::policies::PolicyVersion;
use app::domain::Permission;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use axum_extra::extract::Query;
use serde::Deserialize;
use serde_json::{Value, json};

pub fn routes(routes: Routes) -> Routes {
    let read = Access::May(Permission::Read);
    routes
        .get("/api/v1/policies", read, list)
        .get("/api/v1/policies/{policy}/versions/{number}", read, show)
        .post("/api/v1/policies/{policy}/dry-run", read, dry_run)
}

fn shown(version: &PolicyVersion) -> Value {
    json!({
        "id": version.id,
        "policy": version.slug,
        "version": version.number,
        "newest_version": version.newest,
        "team": version.team_name,
        "digest": version.digest,
        "extends": version.extends,
        "edited_by": version.edited_by_name,
        "edited_at": timestamp(from_micros(version.edited_at)),
        "note": version.note,
        "document": version.policy,
    })
}

async fn list(State(app): State<App>, Query(cursor): Query<Cursor>) -> Result<Json<Value>> {
    let mut policies = app.store.policies().await?;
    policies.sort_by(|a, b| a.slug.cmp(&b.slug));
    Ok(Json(paged(policies.iter(), &cursor, |policy| policy.slug.clone(), shown)?))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Asked {
    format: Option<String>,
}

/// One version, as JSON or as the TOML that was written: what `Accept` prefers, or `?format=` says.
async fn show(
    State(app): State<App>,
    headers: HeaderMap,
    Path((slug, number)): Path<(String, i64)>,
    Query(asked): Query<Asked>,
) -> Result<Response> {
    let versions = app.store.policy_versions(&slug).await?;
    let version = versions
        .iter()
        .find(|version| version.number == number)
        .ok_or_else(|| Error::not_found("version of a policy"))?;
    let is_toml = match asked.format.as_deref() {
        None => prefers_toml(&headers),
        Some("json") => false,
        Some("toml") => true,
        Some(other) => {
            return Err(Error::BadRequest(format!("`format` is json or toml, not `{other}`")));
        }
    };
    let varies = [(header::VARY, "accept")];
    Ok(if is_toml {
        let toml = [(header::CONTENT_TYPE, "application/toml")];
        (varies, toml, version.source.clone()).into_response()
    } else {
        (varies, Json(shown(version))).into_response()
    })
}

/// Whether an `Accept` asks for TOML rather than JSON (RFC 9110, 12.5.1). Who takes both alike gets
/// JSON, as everywhere here.
fn prefers_toml(headers: &HeaderMap) -> bool {
    let ranges: Vec<(String, f32)> = headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|range| {
            let mut parts = range.split(';').map(str::trim);
            let kind = parts.next().unwrap_or_default().to_ascii_lowercase();
            let quality = parts.find_map(|part| part.strip_prefix("q=")?.parse().ok());
            (kind, quality.unwrap_or(1.0))
        })
        .collect();
    // The most exact range that names a type decides about it.
    let quality = |kind: &str| {
        let of = |wanted: &str| ranges.iter().find(|(range, _)| range == wanted).map(|it| it.1);
        of(kind).or_else(|| of("application/*")).or_else(|| of("*/*")).unwrap_or_default()
    };
    quality("application/toml") > quality("application/json")
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct DryRunQuery {
    version: Option<i64>,
    limit: Option<usize>,
    cursor: Option<String>,
}

/// What a policy would have said of past launches: its newest version, `?version=`, or the TOML in
/// the body, which is not saved.
async fn dry_run(
    State(app): State<App>,
    actor: Actor,
    Path(slug): Path<String>,
    Query(query): Query<DryRunQuery>,
    body: String,
) -> Result<Json<Value>> {
    let tried = match (query.version, body.trim()) {
        (None, "") => Tried::Newest,
        (Some(version), "") => Tried::Version(version),
        (None, _) => Tried::Text(body),
        (Some(_), _) => {
            return Err(Error::BadRequest(
                "send a policy in the body or name a version, not both".to_owned(),
            ));
        }
    };
    let cursor = Cursor { limit: query.limit, cursor: query.cursor };
    let dry_run = dry_run::prepare(&app, &actor, &slug, tried).await?;
    let page = cut(dry_run.launches.iter(), &cursor, |launch| format!("L-{}", launch.number))?;
    let mut items = vec![];
    for launch in &page.items {
        let revisions = dry_run.replay(&app, &actor, launch).await?;
        items.push(json!({
            "launch": format!("L-{}", launch.number),
            "url": format!("/launches/{}", launch.number),
            "model": launch.model_slug,
            "version": launch.version_label,
            "state": launch.state,
            "revisions": revisions.iter().map(replayed).collect::<Vec<_>>(),
        }));
    }
    let mut answer = page.json(items);
    answer["policy"] = json!({
        "policy": slug, "version": dry_run.version, "name": dry_run.policy.name,
    });
    answer["not_applicable"] = json!(dry_run.not_applicable);
    Ok(Json(answer))
}

fn replayed(replayed: &Replayed) -> Value {
    let Replayed { revision, policy_then, readiness } = replayed;
    let rules: Vec<Value> = readiness
        .rules
        .iter()
        .map(|outcome| {
            json!({
                "rule": outcome.rule.id,
                "name": outcome.rule.name,
                "mode": outcome.rule.mode,
                "applies": outcome.applies,
                "verdict": outcome.verdict,
                "waived": outcome.waived,
                "reason": outcome.sentence,
            })
        })
        .collect();
    json!({
        "revision": revision.number,
        "requested_at": timestamp(from_micros(revision.requested_at)),
        "then": {
            "verdict": revision.verdict,
            "policy": policy_then.as_ref().map(|policy| json!({
                "policy": policy.slug, "version": policy.version, "digest": policy.digest,
            })),
        },
        "now": {
            "verdict": readiness.verdict, "sentence": readiness.sentence, "rules": rules,
        },
        "changes": revision.verdict != readiness.verdict.as_str(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn toml_is_given_to_whoever_wants_it_more_than_json() {
        for (accept, is_toml) in [
            ("application/toml", true),
            ("Application/TOML;q=0.5", true),
            ("application/json;q=0.5, application/toml", true),
            ("application/toml;q=0.4, application/json;q=0.5", false),
            ("application/toml, */*", false),
            ("application/toml, */*;q=0.1", true),
            ("application/json", false),
            ("text/html", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, accept.parse().unwrap());
            assert_eq!(prefers_toml(&headers), is_toml, "{accept}");
        }
        assert!(!prefers_toml(&HeaderMap::new()));
    }
}
