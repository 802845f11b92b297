//! Launches: the list, and the form that asks for one.

use super::models::version_path;
use super::parts::{
    Badge, BadgeKind, CheckBox, EmptyState, FieldKind, FilterBar, Form, PageHeader, Panel, Scroll,
    Select, Submit, TextArea, TextField, Time, Verdict,
};
use crate::domain::launch::State;
use crate::domain::verdict;
use crate::form::FieldErrors;
use leptos::prelude::*;
use time::OffsetDateTime;

#[derive(Clone, Debug, Default)]
pub struct LaunchesView {
    pub launches: Vec<LaunchLine>,
    /// How many there are in all.
    pub total: usize,
    /// The state that is asked for; empty: any.
    pub state: String,
    pub team: String,
    pub teams: Vec<(String, String)>,
    pub may_request: bool,
}

#[derive(Clone, Debug)]
pub struct LaunchLine {
    pub number: i64,
    pub model: String,
    pub model_slug: String,
    pub version: String,
    pub team: String,
    pub state: State,
    pub verdict: Option<verdict::Verdict>,
    /// Signed and asked for.
    pub signed: (i64, i64),
    pub requested_by: String,
    pub updated_at: OffsetDateTime,
}

/// A state as a badge.
#[component]
pub fn StateBadge(state: State) -> impl IntoView {
    let kind = match state {
        State::Draft | State::Withdrawn => BadgeKind::Plain,
        State::InReview => BadgeKind::Info,
        State::Approved | State::Launched => BadgeKind::Good,
        State::Rejected | State::RolledBack | State::EvidenceVoid => BadgeKind::Bad,
        State::Suspended => BadgeKind::Thin,
    };
    view! { <Badge text=state.label() kind=kind /> }
}

#[component]
pub fn LaunchesPage(view: LaunchesView) -> impl IntoView {
    let new = view
        .may_request
        .then(|| view! { <a class="button primary" href="/launches/new">"Request a launch"</a> });
    let active = !view.state.is_empty() || !view.team.is_empty();
    if view.total == 0 {
        return view! {
            <PageHeader title="Launches" />
            <EmptyState
                title="No launch yet"
                text="A launch asks whether a version may ship: on which evidence, by which policy, and who signs for it."
            >
                {new}
            </EmptyState>
        }
        .into_any();
    }
    let states = std::iter::once((String::new(), "any".to_owned()))
        .chain(State::ALL.iter().map(|s| (s.as_str().to_owned(), s.label().to_owned())))
        .collect();
    let teams = std::iter::once((String::new(), "any".to_owned())).chain(view.teams).collect();
    let note = format!("showing {} of {}", view.launches.len(), view.total);
    let rows = view.launches.into_iter().map(line).collect_view();
    view! {
        <PageHeader title="Launches">
            <a class="button" href="/waivers">
                "Waivers"
            </a>
            {new}
        </PageHeader>
        <FilterBar action="/launches" active=active>
            <Select label="State" name="state" options=states value=view.state required=true />
            <Select label="Team" name="team" options=teams value=view.team required=true />
        </FilterBar>
        <Panel title="Launches" note=note>
            <Scroll label="Launches">
                <table>
                    <thead>
                        <tr>
                            <th scope="col">"Launch"</th>
                            <th scope="col">"Model and version"</th>
                            <th scope="col">"State"</th>
                            <th scope="col">"Verdict"</th>
                            <th scope="col">"Signed"</th>
                            <th scope="col">"Last moved"</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </Scroll>
        </Panel>
    }
    .into_any()
}

fn line(line: LaunchLine) -> impl IntoView {
    let verdict = line.verdict.map(|verdict| view! { <Verdict kind=verdict.into() /> });
    let signed = match line.signed {
        (_, 0) => "–".to_owned(),
        (signed, slots) => format!("{signed} of {slots}"),
    };
    let href = version_path(&line.model_slug, &line.version);
    view! {
        <tr>
            <th scope="row">
                <a href=format!("/launches/{}", line.number)>{format!("L-{}", line.number)}</a>
            </th>
            <td>
                <a href=href>
                    {line.model} " " {line.version}
                </a>
                <span class="small dim block">{line.team}</span>
            </td>
            <td>
                <StateBadge state=line.state />
            </td>
            <td>{verdict}</td>
            <td class="num">{signed}</td>
            <td class="dim">
                <Time at=line.updated_at />
                <span class="small block">{line.requested_by}</span>
            </td>
        </tr>
    }
}

#[derive(Clone, Debug, Default)]
pub struct LaunchFormView {
    pub model: String,
    pub version: String,
    pub summary: String,
    pub planned_for: String,
    pub is_draft: bool,
    /// Slug and name of the models that may be launched.
    pub models: Vec<(String, String)>,
    pub errors: FieldErrors,
}

#[component]
pub fn LaunchFormPage(view: LaunchFormView) -> impl IntoView {
    view! {
        <PageHeader title="Request a launch" />
        <Form action="/launches/new" errors=view.errors>
            <Select
                label="Model"
                name="model"
                options=view.models
                value=view.model
                required=true
            />
            <TextField
                label="Version"
                name="version"
                value=view.version
                required=true
                hint="Its label, such as v7."
            />
            <TextArea
                label="What is launched, and to whom"
                name="summary"
                value=view.summary
                required=true
            />
            <TextField
                label="Planned for"
                name="planned_for"
                kind=FieldKind::Date
                value=view.planned_for
            />
            <CheckBox
                label="Keep it as a draft: nobody is asked to sign yet"
                name="draft"
                checked=view.is_draft
            />
            <Submit label="Request">
                <a class="button" href="/launches">
                    "Cancel"
                </a>
            </Submit>
        </Form>
        <p class="small dim">
            "The request takes the newest accepted runs that the policy's rules name. Whoever asks, \
             uploaded the runs, owns the model, edited the policy or had a hand in a waiver cannot sign."
        </p>
    }
    .into_any()
}
