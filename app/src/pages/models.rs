//! All models that somebody may see: search, filter, sort and pages, all in the URL.

use super::parts::{
    Badge, BadgeKind, EmptyState, FieldKind, FilterBar, Link, PageHeader, Pages, Scroll, Select,
    SortHeader, Sorted, TextField, Time,
};
use crate::domain::model::{RiskTier, Stage, Task};
use leptos::prelude::*;
use time::OffsetDateTime;

/// How many models a page shows.
pub const PER_PAGE: u64 = 50;

#[derive(Clone, Debug)]
pub struct ModelRow {
    pub slug: String,
    pub name: String,
    pub team_slug: String,
    pub team_name: String,
    pub task: Task,
    pub risk_tier: RiskTier,
    pub stage: Stage,
    pub restricted: bool,
    pub newest_version: Option<String>,
    pub newest_run: Option<OffsetDateTime>,
    pub updated_at: OffsetDateTime,
}

/// What was chosen; empty where nothing was.
#[derive(Clone, Debug, Default)]
pub struct ModelChoices {
    pub search: String,
    pub team: String,
    pub task: String,
    pub risk_tier: String,
    pub stage: String,
    /// A column's word, or empty for the usual order.
    pub sort: String,
    pub descending: bool,
}

impl ModelChoices {
    /// Whether any filter is set.
    pub fn is_filtered(&self) -> bool {
        [&self.search, &self.team, &self.task, &self.risk_tier, &self.stage]
            .iter()
            .any(|choice| !choice.is_empty())
    }

    /// The list with these choices, from its first page.
    pub fn link(&self) -> Link {
        let link = Link::new("/models")
            .with_some("q", &self.search)
            .with_some("team", &self.team)
            .with_some("task", &self.task)
            .with_some("risk", &self.risk_tier)
            .with_some("stage", &self.stage)
            .with_some("sort", &self.sort);
        if self.descending { link.with("desc", "true") } else { link }
    }
}

#[derive(Clone, Debug)]
pub struct ModelsView {
    pub rows: Vec<ModelRow>,
    /// Models that the choices let through.
    pub total: u64,
    /// From 1.
    pub page: u64,
    pub choices: ModelChoices,
    /// Slug and name of each team.
    pub teams: Vec<(String, String)>,
    pub may_register: bool,
    /// Where this server is reached, for the command to copy.
    pub base_url: String,
}

#[component]
pub fn ModelsPage(view: ModelsView) -> impl IntoView {
    let register = view
        .may_register
        .then(|| view! { <a class="button primary" href="/models/new">"Register a model"</a> });
    let is_filtered = view.choices.is_filtered();
    if view.total == 0 && !is_filtered {
        let (text, command) = if view.may_register {
            (
                "Register the first one here, or from the command line with a token:",
                Some(register_command(&view.base_url)),
            )
        } else {
            ("Leads and engineers register them. Nothing that you may see is there yet.", None)
        };
        return view! {
            <PageHeader title="Models">{register}</PageHeader>
            {match command {
                Some(command) => {
                    view! { <EmptyState title="No model is registered yet" text=text command=command /> }
                        .into_any()
                }
                None => view! { <EmptyState title="No models to see" text=text /> }.into_any(),
            }}
        }
        .into_any();
    }
    let link = view.choices.link();
    let first = (view.page - 1) * PER_PAGE + 1;
    let last = first + view.rows.len() as u64 - 1;
    let last = if view.rows.is_empty() { first - 1 } else { last };
    let previous = (view.page > 1).then(|| link.set("page", view.page - 1));
    let next =
        (last < view.total && !view.rows.is_empty()).then(|| link.set("page", view.page + 1));
    let list = if view.rows.is_empty() {
        view! {
            <EmptyState title="No model fits" text="No model that you may see fits all of these filters.">
                <a class="button" href="/models">"Show all models"</a>
            </EmptyState>
        }
        .into_any()
    } else {
        table(view.rows, &view.choices)
    };
    view! {
        <PageHeader title="Models">{register}</PageHeader>
        {filters(view.choices, view.teams)}
        <section class="panel">
            {list} <Pages first=first last=last total=view.total previous=previous next=next />
        </section>
    }
    .into_any()
}

fn register_command(base_url: &str) -> String {
    format!(
        "curl {base_url}/api/v1/models -H \"Authorization: Bearer $EVENHAND_TOKEN\" \\\n  \
         -H \"Content-Type: application/json\" -d '{{\"slug\": \"income-classifier\", \
         \"name\": \"Income classifier\",\n       \"team\": \"TEAM\", \
         \"task\": \"binary_classification\", \"risk_tier\": \"high\"}}'"
    )
}

fn choices_of<T: Copy>(
    all: &str,
    values: &[T],
    key: impl Fn(T) -> &'static str,
    words: impl Fn(T) -> &'static str,
) -> Vec<(String, String)> {
    std::iter::once((String::new(), all.to_owned()))
        .chain(values.iter().map(|value| (key(*value).to_owned(), words(*value).to_owned())))
        .collect()
}

fn filters(choices: ModelChoices, teams: Vec<(String, String)>) -> impl IntoView {
    let kept: Vec<_> = choices
        .link()
        .query()
        .iter()
        .filter(|(key, _)| key == "sort" || key == "desc")
        .cloned()
        .collect();
    let teams =
        std::iter::once((String::new(), "All teams".to_owned())).chain(teams).collect::<Vec<_>>();
    view! {
        <FilterBar action="/models" hidden=kept active=choices.is_filtered()>
            <TextField
                label="Search"
                name="q"
                value=choices.search.clone()
                kind=FieldKind::Search
                required=false
            />
            <Select label="Team" name="team" options=teams value=choices.team.clone() />
            <Select
                label="Task"
                name="task"
                options=choices_of("All tasks", Task::ALL, Task::as_str, Task::label)
                value=choices.task.clone()
            />
            <Select
                label="Risk tier"
                name="risk"
                options=choices_of("All tiers", RiskTier::ALL, RiskTier::as_str, RiskTier::label)
                value=choices.risk_tier.clone()
            />
            <Select
                label="Stage"
                name="stage"
                options=choices_of("All stages", Stage::ALL, Stage::as_str, Stage::label)
                value=choices.stage.clone()
            />
        </FilterBar>
    }
}

/// A column's header: sorts by it, or the other way round when it already does.
fn sort_header(
    choices: &ModelChoices,
    label: &'static str,
    key: &'static str,
    newest_first: bool,
) -> impl IntoView + use<> {
    let current = if choices.sort.is_empty() { "name" } else { &choices.sort };
    let is_current = current == key;
    let descending = if is_current { !choices.descending } else { newest_first };
    let next = ModelChoices { sort: key.to_owned(), descending, ..choices.clone() };
    let sorted = match (is_current, choices.descending) {
        (false, _) => Sorted::No,
        (true, false) => Sorted::Ascending,
        (true, true) => Sorted::Descending,
    };
    view! { <SortHeader label=label href=next.link().to_string() sorted=sorted /> }
}

fn table(rows: Vec<ModelRow>, choices: &ModelChoices) -> AnyView {
    let rows = rows
        .into_iter()
        .map(|row| {
            let restricted = row
                .restricted
                .then(|| view! { " " <Badge text="restricted" kind=BadgeKind::Info /> });
            let run = match row.newest_run {
                Some(at) => view! { <Time at=at /> }.into_any(),
                None => view! { <span class="faint">"none"</span> }.into_any(),
            };
            let version = row.newest_version.map_or_else(
                || view! { <span class="faint">"none"</span> }.into_any(),
                |label| view! { <code>{label}</code> }.into_any(),
            );
            view! {
                <tr>
                    <th scope="row">
                        <a href=model_path(&row.slug)>{row.name}</a>
                        {restricted}
                        <br />
                        <code class="faint">{row.slug}</code>
                    </th>
                    <td>{row.team_name}</td>
                    <td>{row.task.label()}</td>
                    <td>{risk(row.risk_tier)}</td>
                    <td>{row.stage.label()}</td>
                    <td>{version}</td>
                    <td>{run}</td>
                    <td>
                        <Time at=row.updated_at />
                    </td>
                </tr>
            }
        })
        .collect_view();
    let model = sort_header(choices, "Model", "name", false);
    let team = sort_header(choices, "Team", "team", false);
    let risk_tier = sort_header(choices, "Risk", "risk", true);
    let run = sort_header(choices, "Newest run", "run", true);
    let described = sort_header(choices, "Described", "updated", true);
    view! {
        <Scroll label="Models">
            <table>
                <thead>
                    <tr>
                        {model}
                        {team}
                        <th scope="col">"Task"</th>
                        {risk_tier}
                        <th scope="col">"Stage"</th>
                        <th scope="col">"Newest version"</th>
                        {run}
                        {described}
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </Scroll>
    }
    .into_any()
}

/// A risk tier, the high one standing out.
pub fn risk(tier: RiskTier) -> AnyView {
    match tier {
        RiskTier::High => view! { <Badge text="high" kind=BadgeKind::Bad /> }.into_any(),
        RiskTier::Limited => view! { <Badge text="limited" /> }.into_any(),
        RiskTier::Minimal => view! { <Badge text="minimal" /> }.into_any(),
    }
}

/// The path of a model's page.
pub fn model_path(slug: &str) -> String {
    format!("/models/{}", super::parts::link::encode(slug))
}

/// The path of a version's page.
pub fn version_path(slug: &str, label: &str) -> String {
    format!("{}/versions/{}", model_path(slug), super::parts::link::encode(label))
}

/// The path of a dataset's card.
pub fn dataset_path(name: &str, label: &str) -> String {
    let encode = super::parts::link::encode;
    format!("/datasets/{}/{}", encode(name), encode(label))
}
