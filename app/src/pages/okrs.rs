//! Objectives and key results: a quarter on one page, one key result, and the forms.

use super::parts::{
    EmptyState, FieldKind, FilterBar, Form, Lede, Link, PageHeader, Panel, Prose, Scroll, Select,
    Submit, TextArea, TextField, Time, Verdict, VerdictKind, number,
};
use crate::domain::okr::{Confidence, Grade, Promise, Reading, Source, Standing};
use crate::form::FieldErrors;
use leptos::prelude::*;
use std::fmt::Write as _;
use time::OffsetDateTime;

#[derive(Clone, Debug)]
pub struct OkrsView {
    pub period: String,
    pub previous: String,
    pub next: String,
    pub days_left: i64,
    /// One or two sentences: are we on track, where not.
    pub headline: String,
    pub objectives: Vec<ObjectiveView>,
    pub team: String,
    pub teams: Vec<(String, String)>,
    pub may_edit: bool,
}

#[derive(Clone, Debug)]
pub struct ObjectiveView {
    pub id: String,
    pub title: String,
    pub why: String,
    pub team: String,
    pub promise: Promise,
    pub owner: String,
    pub grade: Grade,
    pub key_results: Vec<KeyResultView>,
    pub may_edit: bool,
}

#[derive(Clone, Debug)]
pub struct KeyResultView {
    pub id: String,
    pub title: String,
    /// Where its value comes from, in a few words.
    pub source: String,
    pub baseline: Option<Reading>,
    pub target: Option<f64>,
    pub now: Result<Reading, String>,
    pub n: Option<u64>,
    pub grade: Grade,
    /// The page of the evidence, where it is live.
    pub evidence: Option<String>,
}

impl Standing {
    pub fn kind(self) -> VerdictKind {
        match self {
            Self::OnTrack => VerdictKind::Pass,
            Self::AtRisk | Self::CannotBeGraded => VerdictKind::NotEnoughEvidence,
            Self::OffTrack => VerdictKind::Fail,
        }
    }
}

/// A reading with its interval.
pub fn reading(reading: &Reading) -> String {
    match reading.interval {
        Some((low, high)) => {
            format!("{} {}", number::value(reading.value), number::interval(low, high))
        }
        None => number::value(reading.value),
    }
}

/// A grade as a bar with its interval as a whisker. Hidden from screen readers: the number stands
/// beside it.
fn bar(grade: &Grade) -> String {
    let width = 160.0;
    let mut svg = format!(
        "<svg class=\"grade\" viewBox=\"0 0 {width} 16\" width=\"{width}\" height=\"16\" \
         aria-hidden=\"true\" focusable=\"false\">\
         <rect class=\"rail\" x=\"0.5\" y=\"4.5\" width=\"{}\" height=\"7\" rx=\"3.5\"/>",
        width - 1.0
    );
    if let Some(value) = grade.value {
        let _ = write!(
            svg,
            "<rect class=\"fill\" x=\"0.5\" y=\"4.5\" width=\"{:.1}\" height=\"7\" rx=\"3.5\"/>",
            value * (width - 1.0)
        );
    }
    if let Some((low, high)) = grade.interval {
        let _ = write!(
            svg,
            "<line class=\"whisker\" x1=\"{:.1}\" x2=\"{:.1}\" y1=\"8\" y2=\"8\"/>",
            low * width,
            high * width
        );
    }
    svg.push_str("</svg>");
    svg
}

/// A grade, and its interval where that is wide enough to be seen in one decimal.
fn grade_parts(grade: &Grade) -> (String, Option<String>) {
    let value = grade.value.map_or_else(|| "–".to_owned(), |value| format!("{value:.1}"));
    let interval = grade
        .interval
        .filter(|(low, high)| grade.value.is_some() && high - low >= 0.05)
        .map(|(low, high)| format!("[{low:.1}, {high:.1}]"));
    (value, interval)
}

fn grade_text(grade: &Grade) -> String {
    match grade_parts(grade) {
        (value, Some(interval)) => format!("{value} {interval}"),
        (value, None) => value,
    }
}

#[component]
pub fn OkrsPage(view: OkrsView) -> impl IntoView {
    let link = |period: &str| {
        Link::new("/okrs").with("period", period).with_some("team", &view.team).to_string()
    };
    let (previous, next) = (link(&view.previous), link(&view.next));
    let new = view.may_edit.then(|| {
        let href = Link::new("/objectives/new").with("period", &view.period);
        view! { <a class="button primary" href=href.to_string()>"New objective"</a> }
    });
    let subtitle = match view.days_left {
        n if n > 0 => format!("{n} days left"),
        _ => "over".to_owned(),
    };
    let teams =
        std::iter::once((String::new(), "all teams".to_owned())).chain(view.teams).collect();
    let active = !view.team.is_empty();
    let hidden = vec![("period".to_owned(), view.period.clone())];
    let objectives = if view.objectives.is_empty() {
        view! {
            <EmptyState
                title="No objective in this quarter"
                text="An objective has key results; each reads its value from the newest evidence, or is checked in by hand."
            />
        }
        .into_any()
    } else {
        view.objectives.into_iter().map(objective).collect_view().into_any()
    };
    view! {
        <PageHeader title=format!("OKRs, {}", view.period) subtitle=subtitle>
            <a class="button" href=previous rel="prev">{view.previous.clone()}</a>
            <a class="button" href=next rel="next">{view.next.clone()}</a>
            {new}
        </PageHeader>
        <Lede>{view.headline}</Lede>
        <FilterBar action="/okrs" active=active hidden=hidden>
            <Select label="Team" name="team" options=teams value=view.team required=true />
        </FilterBar>
        {objectives}
    }
    .into_any()
}

/// An objective with its key results.
pub fn objective(view: ObjectiveView) -> impl IntoView {
    let note = format!("{} · {} · {}", view.team, view.promise, view.owner);
    let rows = view.key_results.into_iter().map(key_result_row).collect_view();
    let why =
        (!view.why.trim().is_empty()).then(|| view! { <span class="small dim">{view.why}</span> });
    let add = view.may_edit.then(|| {
        let href = format!("/key-results/new?objective={}", view.id);
        view! { <p><a class="button" href=href>"Add a key result"</a></p> }
    });
    let kind = view.grade.standing.kind();
    let held = view.grade.why.clone().map(|why| format!(" ({why})"));
    let label = format!("Key results of {}", view.title);
    view! {
        <Panel title=view.title note=note>
            <p class="verdict-line">
                <Verdict kind=kind text=view.grade.standing.label() />
                <span>{format!("grade {}", grade_text(&view.grade))} {held}</span>
                {why}
            </p>
            <Scroll label=label>
                <table class="okr stacks">
                    <thead>
                        <tr>
                            <th scope="col">"Key result"</th>
                            <th scope="col" class="num">"Began"</th>
                            <th scope="col" class="num">"Now"</th>
                            <th scope="col" class="num">"Target"</th>
                            <th scope="col">"Way"</th>
                            <th scope="col" class="num">"Grade"</th>
                            <th scope="col">"State"</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </Scroll>
            {add}
        </Panel>
    }
}

/// A reading over its interval and its n, and where it is from.
fn reading_cell(reading: &Reading, n: Option<u64>, href: Option<String>) -> impl IntoView + use<> {
    let value = number::value(reading.value);
    let value = match href {
        Some(href) => view! { <a href=href>{value}</a> }.into_any(),
        None => value.into_any(),
    };
    let interval = reading.interval.map(|(low, high)| number::interval(low, high));
    let n = n.map(|n| format!(" n {}", number::count(n)));
    view! {
        {value}
        <span class="small dim block">{interval} {n}</span>
    }
}

/// A grade over its interval.
fn grade_cell(grade: &Grade) -> impl IntoView + use<> {
    let (value, interval) = grade_parts(grade);
    view! {
        {value}
        {interval.map(|interval| view! { <span class="small dim block">{interval}</span> })}
    }
}

fn key_result_row(view: KeyResultView) -> impl IntoView {
    let began = match &view.baseline {
        Some(began) => reading_cell(began, None, None).into_any(),
        None => "–".into_any(),
    };
    let now = match &view.now {
        Ok(now) => reading_cell(now, view.n, view.evidence.clone()).into_any(),
        Err(why) => view! { <span class="why">{why.clone()}</span> }.into_any(),
    };
    let target = view.target.map_or_else(|| "–".to_owned(), number::value);
    let why =
        view.grade.why.clone().map(|why| view! { <span class="small dim block">{why}</span> });
    let state =
        view! { <Verdict kind=view.grade.standing.kind() text=view.grade.standing.label() /> };
    view! {
        <tr>
            <th scope="row">
                <a href=format!("/key-results/{}", view.id)>{view.title}</a>
                <span class="small dim block">{view.source}</span>
            </th>
            <td class="num" data-label="Began">{began}</td>
            <td class="num" data-label="Now">{now}</td>
            <td class="num" data-label="Target">{target}</td>
            <td inner_html=bar(&view.grade)></td>
            <td class="num" data-label="Grade">{grade_cell(&view.grade)}</td>
            <td>{state} {why}</td>
        </tr>
    }
}

#[derive(Clone, Debug)]
pub struct KeyResultPageView {
    pub key_result: KeyResultView,
    pub objective: String,
    pub period: String,
    pub owner: String,
    pub source: Source,
    pub baseline_run: Option<String>,
    pub baseline_at: Option<OffsetDateTime>,
    /// What its counter-metric asks, and how it stands.
    pub counter: Option<(String, Result<bool, String>)>,
    pub check_ins: Vec<CheckInView>,
    pub may_check_in: bool,
    pub typed: (String, String, String),
    pub errors: FieldErrors,
}

#[derive(Clone, Debug)]
pub struct CheckInView {
    pub person: String,
    pub at: OffsetDateTime,
    pub value: Option<f64>,
    pub confidence: Confidence,
    pub note: String,
}

#[component]
pub fn KeyResultPage(view: KeyResultPageView) -> impl IntoView {
    let it = view.key_result;
    let kind = it.grade.standing.kind();
    let why = it.grade.why.clone().map(|why| format!("; {why}"));
    let began = it.baseline.as_ref().map_or_else(|| "none".to_owned(), reading);
    let frozen = view.baseline_run.map(|run| {
        let at = view.baseline_at.map(|at| view! { ", frozen " <Time at=at /> });
        view! { " from " <a href=format!("/runs/{run}")>"this run"</a> {at} }
    });
    let now = match &it.now {
        Ok(now) => reading(now),
        Err(why) => why.clone(),
    };
    let n = it.n.map(|n| format!(", n {}", number::count(n)));
    let evidence = it.evidence.map(|href| view! { " · " <a href=href>"the evidence"</a> });
    let counter = view.counter.map(|(asks, held)| {
        let (kind, text) = match held {
            Ok(true) => (VerdictKind::Pass, "holds".to_owned()),
            Ok(false) => (VerdictKind::Fail, "fails".to_owned()),
            Err(why) => (VerdictKind::NotEnoughEvidence, format!("unknown: {why}")),
        };
        view! {
            <dt>"Counter-metric"</dt>
            <dd>{asks} " " <Verdict kind=kind text=text /></dd>
        }
    });
    let none = view.check_ins.is_empty().then(|| view! { <p class="dim">"None yet."</p> });
    let check_ins = view
        .check_ins
        .into_iter()
        .map(|line| {
            let value = line.value.map(|value| format!("{}, ", number::value(value)));
            view! {
                <li>
                    <strong>{line.person}</strong>
                    <span class="small dim">
                        " · " <Time at=line.at /> {format!(" · {}{} confidence", value.unwrap_or_default(), line.confidence)}
                    </span>
                    <Prose text=line.note none="" />
                </li>
            }
        })
        .collect_view();
    let is_manual = view.source == Source::Manual;
    let (value, confidence, note) = view.typed;
    let action = format!("/key-results/{}", it.id);
    let errors = view.errors;
    let form = view.may_check_in.then(move || {
        let choices =
            Confidence::ALL.iter().map(|c| (c.as_str().to_owned(), c.label().to_owned())).collect();
        let field = move || {
            is_manual.then(|| {
                view! { <TextField label="Value" name="value" value=value required=true /> }
            })
        };
        view! {
            <Form action=action errors=errors>
                {field()}
                <Select label="Confidence" name="confidence" options=choices value=confidence required=true />
                <TextArea label="Note" name="note" value=note rows=2 />
                <Submit label="Check in" />
            </Form>
        }
    });
    let back = Link::new("/okrs").with("period", &view.period).to_string();
    let target = it.target.map_or_else(|| "none".to_owned(), number::value);
    view! {
        <PageHeader title=it.title subtitle=format!("{} · {}", view.period, view.owner) />
        <p class="verdict-line">
            <Verdict kind=kind text=it.grade.standing.label() />
            <span>{format!("grade {}", grade_text(&it.grade))} {why}</span>
        </p>
        <Panel title="What it measures">
            <dl class="facts">
                <dt>"Objective"</dt>
                <dd><a href=back>{view.objective}</a></dd>
                <dt>"Source"</dt>
                <dd>{it.source}</dd>
                <dt>"Began"</dt>
                <dd>{began} {frozen}</dd>
                <dt>"Now"</dt>
                <dd>{now} {n} {evidence}</dd>
                <dt>"Target"</dt>
                <dd>{target}</dd>
                {counter}
            </dl>
        </Panel>
        <Panel title="Check-ins">
            {none}
            <ul class="plain">{check_ins}</ul>
            {form}
        </Panel>
    }
    .into_any()
}

#[derive(Clone, Debug, Default)]
pub struct ObjectiveFormView {
    pub period: String,
    pub team: String,
    pub teams: Vec<(String, String)>,
    pub parent: String,
    pub parents: Vec<(String, String)>,
    pub title: String,
    pub why: String,
    pub kind: String,
    pub owner: String,
    pub errors: FieldErrors,
}

#[component]
pub fn ObjectiveFormPage(view: ObjectiveFormView) -> impl IntoView {
    let kinds =
        Promise::ALL.iter().map(|k| (k.as_str().to_owned(), k.label().to_owned())).collect();
    let parents = std::iter::once((String::new(), "none".to_owned())).chain(view.parents).collect();
    view! {
        <PageHeader title="New objective" />
        <Form action="/objectives/new" errors=view.errors>
            <TextField label="Quarter" name="period" value=view.period required=true hint="Such as 2026-Q4." />
            <Select label="Team" name="team" options=view.teams value=view.team required=true />
            <Select label="Part of" name="parent" options=parents value=view.parent required=true />
            <TextField label="Title" name="title" value=view.title required=true />
            <TextArea label="Why" name="why" value=view.why rows=3 />
            <Select
                label="Promise"
                name="kind"
                options=kinds
                value=view.kind
                required=true
                hint="What is committed must be reached whole."
            />
            <TextField label="Owner" name="owner" kind=FieldKind::Email value=view.owner required=true />
            <Submit label="Save">
                <a class="button" href="/okrs">
                    "Cancel"
                </a>
            </Submit>
        </Form>
    }
    .into_any()
}

#[derive(Clone, Debug, Default)]
pub struct KeyResultFormView {
    pub objective: String,
    pub objective_title: String,
    pub title: String,
    pub owner: String,
    pub source: String,
    pub model: String,
    pub dataset: String,
    pub metric: String,
    pub slice: String,
    pub disparity: String,
    pub reference: String,
    pub baseline: String,
    pub target: String,
    pub counter_metric: String,
    pub counter_min: String,
    pub counter_max: String,
    pub errors: FieldErrors,
}

#[component]
pub fn KeyResultFormPage(view: KeyResultFormView) -> impl IntoView {
    let pair = |key: &str, word: &str| (key.to_owned(), word.to_owned());
    let sources =
        vec![pair("live", "live: read from evidence"), pair("manual", "checked in by hand")];
    let kinds = vec![
        pair("", "the estimate itself"),
        pair("difference", "difference to the reference"),
        pair("ratio", "ratio to the reference"),
    ];
    let hidden = vec![("objective".to_owned(), view.objective)];
    view! {
        <PageHeader title="New key result" subtitle=view.objective_title />
        <Form action="/key-results/new" errors=view.errors hidden=hidden>
            <TextField label="Title" name="title" value=view.title required=true />
            <TextField label="Owner" name="owner" kind=FieldKind::Email value=view.owner required=true />
            <Select label="Value" name="source" options=sources value=view.source required=true />
            <TextField label="Target" name="target" value=view.target required=true />
            <TextField label="Baseline" name="baseline" value=view.baseline hint="Only if checked in by hand; a live one is frozen from the newest run." />
            <TextField label="Model" name="model" value=view.model hint="Its slug." />
            <TextField label="Dataset" name="dataset" value=view.dataset hint="Its name; the newest run on any version counts." />
            <TextField label="Metric" name="metric" value=view.metric hint="A key, such as true_positive_rate." />
            <TextField label="Slice" name="slice" value=view.slice hint="As sex=Female; empty is overall." />
            <Select label="Of it" name="disparity" options=kinds value=view.disparity required=true />
            <TextField label="Reference" name="reference" value=view.reference hint="best, overall, rest or group:NAME; best if empty." />
            <TextField label="Counter-metric" name="counter_metric" value=view.counter_metric hint="What must not be paid for it; overall, on the same dataset." />
            <TextField label="Its least value" name="counter_min" value=view.counter_min />
            <TextField label="Its greatest value" name="counter_max" value=view.counter_max />
            <Submit label="Save">
                <a class="button" href="/okrs">
                    "Cancel"
                </a>
            </Submit>
        </Form>
    }
    .into_any()
}
