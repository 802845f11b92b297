//! Home: what waits for me, and what came in lately.

use super::parts::{EmptyState, Lede, PageHeader, Panel, Scroll, Time};
use leptos::prelude::*;
use time::OffsetDateTime;

#[derive(Clone, Debug, Default)]
pub struct HomeView {
    /// The person's name.
    pub name: String,
    pub waiting: Vec<Waiting>,
    pub latest: Vec<LatestRun>,
    /// What to do first, where there is nothing yet.
    pub first_step: Option<FirstStep>,
}

/// Something that a person can clear.
#[derive(Clone, Debug)]
pub struct Waiting {
    pub what: String,
    pub why: String,
    pub href: String,
}

#[derive(Clone, Debug)]
pub struct LatestRun {
    pub href: String,
    pub model: String,
    pub model_href: String,
    pub version: String,
    pub dataset: String,
    pub evaluated_at: OffsetDateTime,
    pub uploader: String,
}

#[derive(Clone, Debug)]
pub struct FirstStep {
    pub title: String,
    pub text: String,
    pub href: Option<(String, String)>,
    pub command: Option<String>,
}

#[component]
pub fn HomePage(view: HomeView) -> impl IntoView {
    let lede = match view.waiting.len() {
        0 => "Nothing waits for you.".to_owned(),
        1 => "One thing waits for you.".to_owned(),
        n => format!("{n} things wait for you."),
    };
    let waiting = (!view.waiting.is_empty()).then(|| {
        let items = view
            .waiting
            .into_iter()
            .map(|it| {
                view! {
                    <li>
                        <a href=it.href>{it.what}</a>
                        <span class="small dim">" · " {it.why}</span>
                    </li>
                }
            })
            .collect_view();
        view! {
            <Panel title="Waiting for you">
                <ul class="plain">{items}</ul>
            </Panel>
        }
    });
    let first = view.first_step.map(|step| {
        let link = step.href.map(|(href, label)| view! { <a class="button primary" href=href>{label}</a> });
        match step.command {
            Some(command) => {
                view! { <EmptyState title=step.title text=step.text command=command>{link}</EmptyState> }
                    .into_any()
            }
            None => view! { <EmptyState title=step.title text=step.text>{link}</EmptyState> }.into_any(),
        }
    });
    let latest = (!view.latest.is_empty()).then(|| latest(view.latest));
    view! {
        <PageHeader title=format!("Hello, {}", view.name) />
        <Lede>{lede}</Lede>
        {first}
        {waiting}
        {latest}
    }
    .into_any()
}

fn latest(runs: Vec<LatestRun>) -> impl IntoView {
    let rows = runs
        .into_iter()
        .map(|run| {
            view! {
                <tr>
                    <th scope="row">
                        <a href=run.model_href>{run.model}</a>
                    </th>
                    <td>
                        <a href=run.href>{run.version}</a>
                    </td>
                    <td>{run.dataset}</td>
                    <td class="dim">
                        <Time at=run.evaluated_at />
                    </td>
                    <td class="dim">{run.uploader}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <Panel title="Latest runs">
            <Scroll label="Latest runs">
                <table>
                    <thead>
                        <tr>
                            <th scope="col">"Model"</th>
                            <th scope="col">"Run of version"</th>
                            <th scope="col">"Dataset"</th>
                            <th scope="col">"Evaluated"</th>
                            <th scope="col">"Uploaded by"</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </Scroll>
        </Panel>
    }
}
