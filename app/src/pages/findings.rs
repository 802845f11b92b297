//! Findings: what rules miss, until the evidence closes it.

use super::models::version_path;
use super::parts::Link;
use super::parts::{
    EmptyState, FilterBar, PageHeader, Pages, Panel, Scroll, Select, Time, Verdict, VerdictKind,
};
use leptos::prelude::*;
use time::OffsetDateTime;

#[derive(Clone, Debug, Default)]
pub struct FindingsView {
    pub findings: Vec<FindingLine>,
    /// Number of the first one shown, and how many the filter lets through.
    pub first: u64,
    pub total: u64,
    pub previous: Option<Link>,
    pub next: Option<Link>,
    pub is_any: bool,
    pub state: String,
    pub kind: String,
    pub team: String,
    pub teams: Vec<(String, String)>,
    pub may_mitigate: bool,
}

#[derive(Clone, Debug)]
pub struct FindingLine {
    pub id: String,
    pub rule: String,
    pub policy: String,
    pub slice: String,
    pub is_fail: bool,
    pub sentence: String,
    pub model: String,
    pub model_slug: String,
    pub version: String,
    pub run: Option<String>,
    pub opened_at: OffsetDateTime,
    pub closed: Option<(OffsetDateTime, String)>,
    pub mitigations: i64,
}

#[component]
pub fn FindingsPage(view: FindingsView) -> impl IntoView {
    if !view.is_any {
        return view! {
            <PageHeader title="Findings" />
            <EmptyState
                title="No finding"
                text="A finding opens by itself when a rule fails on a slice, or lacks the evidence to tell, and closes when the evidence does."
            />
        }
        .into_any();
    }
    let choice = |words: &[(&str, &str)]| -> Vec<(String, String)> {
        words.iter().map(|(key, word)| ((*key).to_owned(), (*word).to_owned())).collect()
    };
    let states = choice(&[("open", "open"), ("closed", "closed"), ("any", "any")]);
    let kinds =
        choice(&[("", "any"), ("fail", "fail"), ("not_enough_evidence", "not enough evidence")]);
    let teams = std::iter::once((String::new(), "any".to_owned())).chain(view.teams).collect();
    let active = view.state != "open" || !view.kind.is_empty() || !view.team.is_empty();
    let last = view.first + view.findings.len() as u64 - u64::from(!view.findings.is_empty());
    let may_mitigate = view.may_mitigate;
    let rows = view.findings.into_iter().map(|it| line(it, may_mitigate)).collect_view();
    view! {
        <PageHeader title="Findings" />
        <FilterBar action="/findings" active=active>
            <Select label="Standing" name="state" options=states value=view.state required=true />
            <Select label="Kind" name="kind" options=kinds value=view.kind required=true />
            <Select label="Team" name="team" options=teams value=view.team required=true />
        </FilterBar>
        <Panel title="What rules miss" note="opened and closed by the evidence, not by hand">
            <Scroll label="Findings">
                <table>
                    <thead>
                        <tr>
                            <th scope="col">"Rule and slice"</th>
                            <th scope="col">"Kind"</th>
                            <th scope="col">"What it says"</th>
                            <th scope="col">"Version"</th>
                            <th scope="col">"Open since"</th>
                            <th scope="col">"Next"</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </Scroll>
            <Pages
                first=view.first
                last=last
                total=view.total
                previous=view.previous
                next=view.next
            />
        </Panel>
    }
    .into_any()
}

fn line(line: FindingLine, may_mitigate: bool) -> impl IntoView {
    let kind = if line.is_fail { VerdictKind::Fail } else { VerdictKind::NotEnoughEvidence };
    let policy = format!("/policies/{}#rule-{}", line.policy, line.rule);
    let version = version_path(&line.model_slug, &line.version);
    let run = line.run.map(|id| view! { <a href=format!("/runs/{id}")>"The run"</a> });
    let closed = line.closed.map(|(at, why)| {
        view! { <span class="small block">"closed " <Time at=at /> ": " {why}</span> }
    });
    let next = if line.mitigations > 0 {
        let href = format!("/mitigations?finding={}", line.id);
        view! { <a href=href>"Its mitigations"</a> }.into_any()
    } else if may_mitigate && closed.is_none() {
        let href = format!("/mitigations/new?finding={}", line.id);
        view! { <a href=href>"Start a mitigation"</a> }.into_any()
    } else {
        ().into_any()
    };
    view! {
        <tr>
            <th scope="row">
                <a href=policy>{line.rule}</a>
                <span class="small dim block">{line.slice}</span>
            </th>
            <td>
                <Verdict kind=kind />
            </td>
            <td class="small">{line.sentence} " " {run}</td>
            <td>
                <a href=version>{line.model} " " {line.version}</a>
            </td>
            <td class="dim">
                <Time at=line.opened_at />
                {closed}
            </td>
            <td class="small">{next}</td>
        </tr>
    }
}
