//! Home: what waits for me, what I was told, what moved since I was here, and what came in lately.

use super::parts::{
    EmptyState, Form, Lede, MovedTable, PageHeader, Panel, Scroll, Submit, SubmitKind, Time, number,
};
use crate::domain::moved::Moved;
use leptos::prelude::*;
use time::OffsetDateTime;

#[derive(Clone, Debug, Default)]
pub struct HomeView {
    /// The person's name.
    pub name: String,
    pub waiting: Vec<Waiting>,
    /// What the person was told and has not put away, the newest first.
    pub notices: Vec<Notice>,
    /// Since the last visit; `None` where there was none.
    pub since: Option<Since>,
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

/// Something that happened to what the person answers for.
#[derive(Clone, Debug)]
pub struct Notice {
    pub at: OffsetDateTime,
    pub text: String,
    pub href: String,
}

/// What came in since the person's last visit.
#[derive(Clone, Debug)]
pub struct Since {
    pub at: OffsetDateTime,
    /// One per new run that has one to compare with, the newest first.
    pub runs: Vec<MovedRun>,
}

/// A new run against the one before it.
#[derive(Clone, Debug)]
pub struct MovedRun {
    /// `Adult income v8 on adult-half@1994`.
    pub what: String,
    pub href: String,
    /// The label of the version before.
    pub before: String,
    pub moved: Moved,
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
    let notices = (!view.notices.is_empty()).then(|| notices(view.notices));
    let since = view.since.map(since);
    let latest = (!view.latest.is_empty()).then(|| latest(view.latest));
    view! {
        <PageHeader title=format!("Hello, {}", view.name) />
        <Lede>{lede}</Lede>
        {first}
        {notices}
        {waiting}
        {since}
        {latest}
    }
    .into_any()
}

fn notices(notices: Vec<Notice>) -> impl IntoView {
    let items = notices
        .into_iter()
        .map(|it| {
            view! {
                <li>
                    <a href=it.href>{it.text}</a>
                    <span class="small dim">" · " <Time at=it.at clock=true /></span>
                </li>
            }
        })
        .collect_view();
    view! {
        <Panel title="You should know">
            <ul class="plain">{items}</ul>
            <Form action="/notices/seen">
                <Submit label="Put these away" kind=SubmitKind::Plain />
            </Form>
        </Panel>
    }
}

/// Lines of a run that home shows; the run page has all.
const LINES: usize = 3;

fn since(since: Since) -> impl IntoView {
    let none = since.runs.is_empty().then(|| {
        view! { <p class="dim">"No run came in that can be compared with one before it."</p> }
    });
    let runs = since
        .runs
        .into_iter()
        .map(|run| {
            let Moved { lines, looked_at } = run.moved;
            let worse = lines.iter().filter(|line| line.is_worse == Some(true)).count();
            let better = lines.iter().filter(|line| line.is_worse == Some(false)).count();
            let said = format!(
                ": {} got worse beyond chance and {better} better, against {}; {} looked at",
                number::counted(worse as u64, "series", "series"),
                run.before,
                number::count(looked_at as u64)
            );
            let label = format!("What moved in {}", run.what);
            let table = (!lines.is_empty())
                .then(|| view! { <MovedTable label=label lines=lines most=LINES /> });
            view! {
                <p><a href=run.href>{run.what}</a>{said}</p>
                {table}
            }
        })
        .collect_view();
    view! {
        <Panel title="Since your last visit" note="at 95 % each: exploratory">
            <p class="small dim">"You were here last on " <Time at=since.at clock=true /> "."</p>
            {none}
            {runs}
        </Panel>
    }
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
