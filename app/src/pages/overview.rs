//! The executive page: are we on track, where not, why; on one screen, and on one sheet of paper.

use super::launches::StateBadge;
use super::okrs::{ObjectiveView, objective};
use super::parts::{
    FilterBar, Lede, Link, PageHeader, Panel, Scroll, Select, Time, Verdict, VerdictKind, number,
};
use crate::domain::launch::State;
use crate::domain::verdict;
use leptos::prelude::*;
use time::OffsetDateTime;

#[derive(Clone, Debug)]
pub struct OverviewView {
    pub period: String,
    pub days_left: i64,
    pub headline: String,
    pub objectives: Vec<ObjectiveView>,
    pub worst: Vec<Worst>,
    pub counts: LaunchCounts,
    pub waiting: Vec<WaitingLaunch>,
    pub ending: Vec<Ending>,
    pub team: String,
    pub teams: Vec<(String, String)>,
}

/// The worst required slice of a model.
#[derive(Clone, Debug)]
pub struct Worst {
    pub model: String,
    pub href: String,
    pub what: String,
    /// Value and interval, where there is one.
    pub measured: Option<String>,
    pub n: Option<u64>,
    pub why: String,
    pub verdict: verdict::Verdict,
    pub is_waived: bool,
    pub as_of: OffsetDateTime,
}

/// The launches of the quarter.
#[derive(Clone, Copy, Debug, Default)]
pub struct LaunchCounts {
    pub launched: u64,
    pub blocked: u64,
    pub waiting: u64,
    /// Rejected, suspended or rolled back.
    pub stopped: u64,
}

#[derive(Clone, Debug)]
pub struct WaitingLaunch {
    pub number: i64,
    pub what: String,
    pub state: State,
    pub verdict: Option<verdict::Verdict>,
    pub signed: (i64, i64),
}

/// A waiver that is about to end.
#[derive(Clone, Debug)]
pub struct Ending {
    pub what: String,
    pub href: String,
    pub at: OffsetDateTime,
}

#[component]
pub fn OverviewPage(view: OverviewView) -> impl IntoView {
    let teams =
        std::iter::once((String::new(), "all teams".to_owned())).chain(view.teams).collect();
    let active = !view.team.is_empty();
    let okrs = Link::new("/okrs").with("period", &view.period).with_some("team", &view.team);
    let none = view.objectives.is_empty().then(|| {
        view! { <p class="dim">"No objective was written for this quarter."</p> }
    });
    let objectives = view.objectives.into_iter().map(objective).collect_view();
    view! {
        <PageHeader title=format!("{}, company", view.period) subtitle=format!("{} days left", view.days_left)>
            <a class="button" href=okrs.to_string()>
                "The OKRs"
            </a>
        </PageHeader>
        <Lede>{view.headline}</Lede>
        <FilterBar action="/overview" active=active>
            <Select label="Team" name="team" options=teams value=view.team required=true />
        </FilterBar>
        {none}
        {objectives}
        <div class="row">
            <div class="wide">{worst(view.worst)}</div>
            <div>{launches(view.counts, view.waiting)} {ending(view.ending)}</div>
        </div>
    }
    .into_any()
}

fn worst(worst: Vec<Worst>) -> impl IntoView {
    if worst.is_empty() {
        return view! {
            <Panel title="Worst required slice per model">
                <p class="dim">"No launch was asked for yet."</p>
            </Panel>
        }
        .into_any();
    }
    let rows = worst
        .into_iter()
        .map(|it| {
            let measured = match it.measured {
                Some(measured) => {
                    let n = it.n.map(|n| format!("n {}", number::count(n))).unwrap_or_default();
                    view! { {measured} <span class="small dim block">{n}</span> }.into_any()
                }
                None => view! { <span class="small">{it.why}</span> }.into_any(),
            };
            let kind: VerdictKind = it.verdict.into();
            let verdict = if it.is_waived {
                view! { <Verdict kind=kind text="waived" /> }.into_any()
            } else {
                view! { <Verdict kind=kind /> }.into_any()
            };
            view! {
                <tr>
                    <th scope="row">
                        <a href=it.href>{it.model}</a>
                        <span class="small dim block">"as of " <Time at=it.as_of /></span>
                    </th>
                    <td>{it.what}</td>
                    <td class="num wraps">{measured}</td>
                    <td>{verdict}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <Panel title="Worst required slice per model" note="of the newest launch that was asked for">
            <Scroll label="Worst required slice per model">
                <table class="stacks">
                    <thead>
                        <tr>
                            <th scope="col">"Model"</th>
                            <th scope="col">"Slice and rule"</th>
                            <th scope="col" class="num">"Measured"</th>
                            <th scope="col">"Verdict"</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </Scroll>
        </Panel>
    }
    .into_any()
}

fn launches(counts: LaunchCounts, waiting: Vec<WaitingLaunch>) -> impl IntoView {
    let lines = waiting
        .into_iter()
        .map(|it| {
            let href = format!("/launches/{}", it.number);
            let verdict = it.verdict.map(|verdict| view! { <Verdict kind=verdict.into() /> });
            let signed = format!("{} of {} signed", it.signed.0, it.signed.1);
            view! {
                <li class="slot">
                    <span>
                        <a href=href>{it.what}</a>
                        <span class="small dim block">{signed}</span>
                    </span>
                    <span><StateBadge state=it.state /> " " {verdict}</span>
                </li>
            }
        })
        .collect_view();
    view! {
        <Panel title="Launches this quarter">
            <dl class="counts">
                <div><dt>"Launched"</dt><dd>{counts.launched}</dd></div>
                <div><dt>"Blocked"</dt><dd>{counts.blocked}</dd></div>
                <div><dt>"Waiting for a sign-off"</dt><dd>{counts.waiting}</dd></div>
                <div><dt>"Rejected, suspended or rolled back"</dt><dd>{counts.stopped}</dd></div>
            </dl>
            <ul class="plain slots">{lines}</ul>
        </Panel>
    }
}

fn ending(ending: Vec<Ending>) -> impl IntoView {
    let none = ending.is_empty().then(|| view! { <p class="dim">"None."</p> });
    let lines = ending
        .into_iter()
        .map(|it| {
            view! {
                <li class="slot">
                    <a href=it.href>{it.what}</a>
                    <span class="dim nowrap"><Time at=it.at /></span>
                </li>
            }
        })
        .collect_view();
    view! {
        <Panel title="Waivers that end within 30 days">
            {none}
            <ul class="plain slots">{lines}</ul>
        </Panel>
    }
}
