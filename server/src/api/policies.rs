//! Read policies and try them on past launches; they are written on pages only.

use super::moment::Moment;
use super::operation::{Area, Operation};
use super::page::{Cursor, List, paged};
use super::query::Query;
use super::readiness::PolicyRef;
use crate::actions::dry_run::{self, Replayed, Tried};
use crate::auth::Actor;
use crate::error::{Error, Result};
use crate::http::{Access, Routes};
use crate::state::App;
use crate::store::policies::PolicyVersion;
use app::domain::launch::State as Standing;
use app::domain::policy::{Mode, Policy};
use app::domain::verdict::Verdict;
use app::domain::{Permission, PolicyVersionId};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub fn routes(routes: Routes) -> Routes {
    let read = Access::May(Permission::Read);
    routes
        .get("/api/v1/policies", read, list)
        .describe(
            Operation::new(Area::Policies, "listPolicies", "List policies, by slug")
                .about("Of each its newest version.")
                .query::<Cursor>()
                .gives::<List<PolicyAnswer>>(200, "A page of policies"),
        )
        .get("/api/v1/policies/{policy}/versions/{number}", read, show)
        .describe(
            Operation::new(Area::Policies, "getPolicyVersion", "Read a version of a policy")
                .about("As JSON, or as the TOML that was written: as Accept asks, or as `format` says.")
                .query::<Asked>()
                .gives::<PolicyAnswer>(200, "The version")
                .gives_raw(TOML, "The version as it was written"),
        )
        .post("/api/v1/policies/{policy}/dry-run", read, dry_run)
        .describe(
            Operation::new(Area::Policies, "dryRunPolicy", "Try a policy on past launches")
                .about(
                    "What the policy would have said of each revision of the launches that it is \
                     for: its newest version, the one that `version` names, or the TOML in the \
                     body, of which nothing is kept.",
                )
                .query::<DryRunQuery>()
                .takes_raw(TOML, "A policy that is not saved", false)
                .gives::<DryRunAnswer>(200, "A page of launches"),
        )
}

/// How a policy is written.
const TOML: &str = "application/toml";

/// A version of a policy.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "PolicyVersion")]
struct PolicyAnswer {
    id: PolicyVersionId,
    /// The policy's slug.
    policy: String,
    /// From 1.
    version: i64,
    newest_version: i64,
    /// The name of the team whose policy it is; null: the organisation's.
    team: Option<String>,
    digest: String,
    /// The version of another policy whose rules stand in front.
    extends: Option<PolicyVersionId>,
    edited_by: String,
    edited_at: Moment,
    /// What was changed, and why.
    note: String,
    /// The policy with the rules that it extends, and every default filled in.
    document: Policy,
}

fn shown(version: &PolicyVersion) -> PolicyAnswer {
    PolicyAnswer {
        id: version.id,
        policy: version.slug.clone(),
        version: version.number,
        newest_version: version.newest,
        team: version.team_name.clone(),
        digest: version.digest.clone(),
        extends: version.extends,
        edited_by: version.edited_by_name.clone(),
        edited_at: Moment::of(version.edited_at),
        note: version.note.clone(),
        document: version.policy.clone(),
    }
}

async fn list(
    State(app): State<App>,
    Query(cursor): Query<Cursor>,
) -> Result<Json<List<PolicyAnswer>>> {
    let mut policies = app.store.policies().await?;
    policies.sort_by(|a, b| a.slug.cmp(&b.slug));
    Ok(Json(paged(&policies, &cursor, |policy| policy.slug.clone())?.map(shown)))
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Asked {
    /// What comes back, whatever `Accept` says.
    #[schemars(with = "Option<Form>")]
    format: Option<String>,
}

/// How a version can be read.
#[derive(JsonSchema)]
#[schemars(inline, rename_all = "snake_case")]
#[expect(dead_code, reason = "names the words of a parameter")]
enum Form {
    Json,
    Toml,
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
        let toml = [(header::CONTENT_TYPE, TOML)];
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

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct DryRunQuery {
    /// The number of the version to try; without a body and without this, the newest.
    version: Option<i64>,
    /// How many items to give: 100 unless it says otherwise.
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<usize>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

/// What a policy would have said of past launches.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "DryRun")]
struct DryRunAnswer {
    policy: TriedPolicy,
    /// How many launches that were asked for fall under another policy, or none.
    not_applicable: usize,
    #[serde(flatten)]
    launches: List<TriedLaunch>,
}

/// The policy that was tried.
#[derive(Serialize, JsonSchema)]
struct TriedPolicy {
    /// Its slug.
    policy: String,
    /// Null: the text in the body.
    version: Option<i64>,
    name: String,
}

/// A launch that a policy was tried on.
#[derive(Serialize, JsonSchema)]
struct TriedLaunch {
    /// The launch's number, such as L-3.
    launch: String,
    url: String,
    /// The model's slug.
    model: String,
    /// The label of the version.
    version: String,
    state: Standing,
    revisions: Vec<TriedRevision>,
}

/// A revision as it was judged, and as the policy that is tried judges it.
#[derive(Serialize, JsonSchema)]
struct TriedRevision {
    revision: i64,
    requested_at: Moment,
    then: JudgedThen,
    now: JudgedNow,
    /// Whether the verdicts differ.
    changes: bool,
}

#[derive(Serialize, JsonSchema)]
struct JudgedThen {
    #[schemars(with = "Verdict")]
    verdict: String,
    policy: Option<PolicyRef>,
}

#[derive(Serialize, JsonSchema)]
struct JudgedNow {
    verdict: Verdict,
    sentence: String,
    rules: Vec<TriedRule>,
}

#[derive(Serialize, JsonSchema)]
struct TriedRule {
    /// The rule's id.
    rule: String,
    name: String,
    mode: Mode,
    applies: bool,
    verdict: Verdict,
    waived: bool,
    reason: String,
}

/// What a policy would have said of past launches: its newest version, `?version=`, or the TOML in
/// the body, which is not saved.
async fn dry_run(
    State(app): State<App>,
    actor: Actor,
    Path(slug): Path<String>,
    Query(query): Query<DryRunQuery>,
    body: String,
) -> Result<Json<DryRunAnswer>> {
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
    let page = paged(&dry_run.launches, &cursor, |launch| format!("L-{}", launch.number))?;
    let mut revisions = vec![];
    for launch in &page.items {
        revisions.push(dry_run.replay(&app, &actor, launch).await?);
    }
    let mut revisions = revisions.iter();
    Ok(Json(DryRunAnswer {
        launches: page.map(|launch| TriedLaunch {
            launch: format!("L-{}", launch.number),
            url: format!("/launches/{}", launch.number),
            model: launch.model_slug.clone(),
            version: launch.version_label.clone(),
            state: launch.state,
            revisions: revisions.next().into_iter().flatten().map(replayed).collect(),
        }),
        policy: TriedPolicy {
            policy: slug,
            version: dry_run.version,
            name: dry_run.policy.name.clone(),
        },
        not_applicable: dry_run.not_applicable,
    }))
}

fn replayed(replayed: &Replayed) -> TriedRevision {
    let Replayed { revision, policy_then, readiness } = replayed;
    let rules = readiness
        .rules
        .iter()
        .map(|outcome| TriedRule {
            rule: outcome.rule.id.clone(),
            name: outcome.rule.name.clone(),
            mode: outcome.rule.mode,
            applies: outcome.applies,
            verdict: outcome.verdict,
            waived: outcome.waived,
            reason: outcome.sentence.clone(),
        })
        .collect();
    TriedRevision {
        revision: revision.number,
        requested_at: Moment::of(revision.requested_at),
        then: JudgedThen {
            verdict: revision.verdict.clone(),
            policy: policy_then.as_ref().map(PolicyRef::from),
        },
        now: JudgedNow { verdict: readiness.verdict, sentence: readiness.sentence.clone(), rules },
        changes: revision.verdict != readiness.verdict.as_str(),
    }
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
