//! Findings.

use super::{Access, Page, Routes};
use crate::actions::findings;
use crate::auth::Actor;
use crate::clock::from_micros;
use crate::error::Result;
use crate::state::App;
use crate::store::findings::Finding;
use app::domain::{Permission, Scope};
use app::pages::findings::{FindingLine, FindingsPage, FindingsView};
use app::pages::parts::{Link, Section};
use axum::extract::State;
use axum::response::Response;
use axum_extra::extract::Query;
use leptos::prelude::*;
use metrics::Slice;
use serde::Deserialize;

/// Findings on a page.
const PAGE: usize = 50;

pub fn routes(routes: Routes) -> Routes {
    routes.get("/findings", Access::May(Permission::Read), list)
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    state: String,
    kind: String,
    team: String,
    page: usize,
}

async fn list(
    State(app): State<App>,
    actor: Actor,
    page: Page,
    Query(asked): Query<Asked>,
) -> Result<Response> {
    let all = findings::seen(&app, &actor).await?;
    let teams = app.store.teams().await?;
    let team = teams.iter().find(|team| team.slug == asked.team).map(|team| team.id);
    let state = match asked.state.as_str() {
        "closed" | "any" => asked.state.clone(),
        _ => "open".to_owned(),
    };
    let wanted = |finding: &&Finding| {
        let stands = match state.as_str() {
            "open" => finding.closed_at.is_none(),
            "closed" => finding.closed_at.is_some(),
            _ => true,
        };
        stands
            && (asked.kind.is_empty() || finding.kind == asked.kind)
            && team.is_none_or(|team| finding.team_id == team)
    };
    let is_any = !all.is_empty();
    let found: Vec<&Finding> = all.iter().filter(wanted).collect();
    let number = asked.page.max(1).min(found.len().div_ceil(PAGE).max(1));
    let from = (number - 1) * PAGE;
    let link = Link::new("/findings")
        .with("state", &state)
        .with_some("kind", &asked.kind)
        .with_some("team", &asked.team);
    let view = FindingsView {
        findings: found.iter().skip(from).take(PAGE).map(|finding| line(finding)).collect(),
        first: from as u64 + 1,
        total: found.len() as u64,
        previous: (number > 1).then(|| link.with("page", number - 1)),
        next: (from + PAGE < found.len()).then(|| link.with("page", number + 1)),
        is_any,
        state,
        kind: asked.kind,
        team: asked.team,
        teams: super::teams::choices(&teams),
        may_mitigate: actor.may(Permission::Mitigate, Scope::Anywhere),
    };
    Ok(page
        .title("Findings")
        .section(Section::Findings)
        .html(move || view! { <FindingsPage view=view /> }))
}

fn line(finding: &Finding) -> FindingLine {
    let slice =
        Slice::parse(&finding.slice).map_or_else(|_| finding.slice.clone(), |slice| slice.label());
    FindingLine {
        id: finding.id.to_string(),
        rule: finding.rule.clone(),
        policy: finding.policy_slug.clone(),
        slice,
        is_fail: finding.kind == "fail",
        sentence: finding.sentence.clone(),
        model: finding.model_name.clone(),
        model_slug: finding.model_slug.clone(),
        version: finding.version_label.clone(),
        run: finding.run_id.map(|run| run.to_string()),
        opened_at: from_micros(finding.opened_at),
        closed: finding
            .closed_at
            .map(|at| (from_micros(at), finding.close_reason.clone().unwrap_or_default())),
        mitigations: finding.mitigations,
    }
}
