//! One model: what it is for, who answers for it, its versions, what it rests on.

use super::models::{model_path, risk, version_path};
use super::parts::{
    Badge, BadgeKind, Digest, EmptyState, PageHeader, Panel, Prose, Scroll, Time, number,
};
use super::proposals::{Proposals, ProposalsView};
use crate::domain::model::{PositiveOutcome, RiskTier, Stage, Task};
use leptos::prelude::*;
use time::OffsetDateTime;

#[derive(Clone, Debug)]
pub struct VersionRow {
    pub label: String,
    pub commit: String,
    pub artifact_digest: String,
    pub runs: u64,
    pub created_by: Option<String>,
    pub created_at: OffsetDateTime,
}

#[derive(Clone, Debug)]
pub struct ModelView {
    pub slug: String,
    pub name: String,
    pub team_slug: String,
    pub team_name: String,
    pub task: Task,
    pub risk_tier: RiskTier,
    pub stage: Stage,
    pub positive_outcome: PositiveOutcome,
    pub restricted: bool,
    /// How long the pruned rows of its runs are kept.
    pub rows_kept_days: Option<i64>,
    pub architecture: String,
    pub surface: String,
    pub intended_use: String,
    pub out_of_scope_use: String,
    /// Name and e-mail address.
    pub owners: Vec<(String, String)>,
    /// Slug and name.
    pub depends_on: Vec<(String, String)>,
    /// Slug and name.
    pub depended_on_by: Vec<(String, String)>,
    pub versions: Vec<VersionRow>,
    /// What its runs proposed for the attribute registry.
    pub proposals: ProposalsView,
    pub registered_at: OffsetDateTime,
    pub updated_at: OffsetDateTime,
    pub may_describe: bool,
    pub may_register: bool,
}

#[component]
pub fn ModelPage(view: ModelView) -> impl IntoView {
    let path = model_path(&view.slug);
    let runs: u64 = view.versions.iter().map(|version| version.runs).sum();
    let edit = view
        .may_describe
        .then(|| view! { <a class="button" href=format!("{path}/edit")>"Edit"</a> });
    let trend =
        (runs > 0).then(|| view! { <a class="button" href=format!("{path}/trend")>"Trend"</a> });
    let add = view.may_register.then(|| {
        view! {
            <a class="button primary" href=format!("{path}/versions/new")>
                "Register a version"
            </a>
        }
    });
    let badges = view! {
        <p class="key">
            {risk(view.risk_tier)} <Badge text=view.stage.label() /> <Badge text=view.task.label() />
            {view.restricted.then(|| view! { <Badge text="restricted" kind=BadgeKind::Info /> })}
        </p>
    };
    let subtitle = view.slug.clone();
    view! {
        <PageHeader title=view.name.clone() subtitle=subtitle>
            {edit}
            {trend}
            {add}
        </PageHeader>
        {badges}
        {versions(&view, &path, runs)}
        <Proposals view=view.proposals.clone() />
        {description(view)}
    }
    .into_any()
}

fn versions(view: &ModelView, path: &str, runs: u64) -> AnyView {
    if view.versions.is_empty() {
        let slug = &view.slug;
        return view! {
            <EmptyState
                title="No version yet"
                text="A version is what is evaluated. Register one here, or let the first upload make it:"
                command=format!(
                    "evenhand upload predictions.csv --spec spec.toml --model {slug} --model-version v1 --create-version",
                )
            />
        }
        .into_any();
    }
    let rows = view
        .versions
        .iter()
        .map(|version| {
            let artifact = (!version.artifact_digest.is_empty())
                .then(|| view! { <Digest digest=version.artifact_digest.clone() /> });
            view! {
                <tr>
                    <th scope="row">
                        <a href=version_path(&view.slug, &version.label)>{version.label.clone()}</a>
                    </th>
                    <td class="num">{number::count(version.runs)}</td>
                    <td>
                        <code>{version.commit.clone()}</code>
                    </td>
                    <td>{artifact}</td>
                    <td>{version.created_by.clone().unwrap_or_else(|| "operator".to_owned())}</td>
                    <td>
                        <Time at=version.created_at />
                    </td>
                </tr>
            }
        })
        .collect_view();
    let note = format!(
        "{}, {}",
        number::counted(view.versions.len() as u64, "version", "versions"),
        number::counted(runs, "run", "runs")
    );
    let trend = (runs > 0).then(|| {
        view! {
            <p>
                <a href=format!("{path}/trend")>"How the numbers moved over versions"</a>
            </p>
        }
    });
    view! {
        <Panel title="Versions" note=note>
            <Scroll label="Versions">
                <table>
                    <thead>
                        <tr>
                            <th scope="col">"Version"</th>
                            <th scope="col" class="num">
                                "Runs"
                            </th>
                            <th scope="col">"Commit"</th>
                            <th scope="col">"Artifact"</th>
                            <th scope="col">"By"</th>
                            <th scope="col">"Registered"</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </Scroll>
            {trend}
        </Panel>
    }
    .into_any()
}

fn links(models: Vec<(String, String)>, none: &'static str) -> AnyView {
    if models.is_empty() {
        return view! { <span class="faint">{none}</span> }.into_any();
    }
    let items = models
        .into_iter()
        .map(|(slug, name)| view! { <li><a href=model_path(&slug)>{name}</a></li> })
        .collect_view();
    view! { <ul class="plain">{items}</ul> }.into_any()
}

fn text_or(text: String, none: &'static str) -> AnyView {
    if text.is_empty() {
        view! { <span class="faint">{none}</span> }.into_any()
    } else {
        text.into_any()
    }
}

fn description(view: ModelView) -> impl IntoView {
    let owners = if view.owners.is_empty() {
        view! { <span class="faint">"nobody yet"</span> }.into_any()
    } else {
        let items = view
            .owners
            .into_iter()
            .map(|(name, email)| {
                view! { <li title=email>{name}</li> }
            })
            .collect_view();
        view! { <ul class="plain">{items}</ul> }.into_any()
    };
    let outcome = match view.positive_outcome {
        PositiveOutcome::Favourable => "favourable: more is better for who gets it",
        PositiveOutcome::Adverse => "adverse: less is better for who gets it",
        PositiveOutcome::Neutral => "neutral: neither good nor bad for who gets it",
    };
    let rows = match view.rows_kept_days {
        None => "not kept, so its runs are compared unpaired".to_owned(),
        Some(days) => {
            let days = number::counted(days.unsigned_abs(), "day", "days");
            format!(
                "kept {days} where the spec names id: hashed ids, labels, predictions, scores, groups"
            )
        }
    };
    view! {
        <div class="row">
            <div class="wide">
                <Panel title="What it is for">
                    <dl class="facts">
                        <dt>"Intended use"</dt>
                        <dd>
                            <Prose text=view.intended_use none="not described yet" />
                        </dd>
                        <dt>"Out of scope"</dt>
                        <dd>
                            <Prose text=view.out_of_scope_use none="not described yet" />
                        </dd>
                        <dt>"Surface"</dt>
                        <dd>{text_or(view.surface, "not described yet")}</dd>
                        <dt>"Architecture"</dt>
                        <dd>{text_or(view.architecture, "not described yet")}</dd>
                        <dt>"A positive prediction is"</dt>
                        <dd>{outcome}</dd>
                    </dl>
                </Panel>
            </div>
            <Panel title="Who and what around it">
                <dl class="facts">
                    <dt>"Team"</dt>
                    <dd>
                        <a href=format!("/models?team={}", super::parts::link::encode(&view.team_slug))>
                            {view.team_name}
                        </a>
                    </dd>
                    <dt>"Owners"</dt>
                    <dd>{owners}</dd>
                    <dt>"Depends on"</dt>
                    <dd>{links(view.depends_on, "no other model")}</dd>
                    <dt>"Needed by"</dt>
                    <dd>{links(view.depended_on_by, "no other model")}</dd>
                    <dt>"Rows of runs"</dt>
                    <dd>{rows}</dd>
                    <dt>"Registered"</dt>
                    <dd>
                        <Time at=view.registered_at />
                    </dd>
                    <dt>"Described"</dt>
                    <dd>
                        <Time at=view.updated_at />
                    </dd>
                </dl>
            </Panel>
        </div>
    }
}
