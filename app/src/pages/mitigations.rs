//! Mitigations: the list, one with its proof, and the form.

use super::models::version_path;
use super::parts::{
    Badge, BadgeKind, EmptyState, FieldKind, FilterBar, Form, Lede, PageHeader, Panel, Prose,
    Scroll, Select, Submit, TextArea, TextField, Time, Verdict, VerdictKind, number,
};
use crate::charts::bound::BoundChart;
use crate::domain::mitigation::{Basis, Effect, Kind, Moved, Proof, State};
use crate::domain::verdict::words::metric_name;
use crate::form::FieldErrors;
use leptos::prelude::*;
use metrics::Estimate;
use time::OffsetDateTime;

#[derive(Clone, Debug, Default)]
pub struct MitigationsView {
    pub mitigations: Vec<MitigationLine>,
    pub total: usize,
    pub state: String,
    pub may_add: bool,
}

#[derive(Clone, Debug)]
pub struct MitigationLine {
    pub number: i64,
    pub title: String,
    pub kind: Kind,
    pub model: String,
    pub model_slug: String,
    pub target: String,
    pub state: State,
    pub owner: String,
    pub updated_at: OffsetDateTime,
}

fn badge(state: State) -> impl IntoView {
    let kind = match state {
        State::Proposed => BadgeKind::Plain,
        State::InWork => BadgeKind::Info,
        State::Shipped => BadgeKind::Good,
        State::Abandoned => BadgeKind::Thin,
    };
    view! { <Badge text=state.label() kind=kind /> }
}

#[component]
pub fn MitigationsPage(view: MitigationsView) -> impl IntoView {
    let new = view.may_add.then(
        || view! { <a class="button primary" href="/mitigations/new">"Record a mitigation"</a> },
    );
    if view.total == 0 {
        return view! {
            <PageHeader title="Mitigations" />
            <EmptyState
                title="No mitigation yet"
                text="A mitigation says what is changed, for whom, and by how much it should help; two runs then show what it did, and to whom it did harm."
            >
                {new}
            </EmptyState>
        }
        .into_any();
    }
    let states = std::iter::once((String::new(), "any".to_owned()))
        .chain(State::ALL.iter().map(|s| (s.as_str().to_owned(), s.label().to_owned())))
        .collect();
    let active = !view.state.is_empty();
    let note = format!("showing {} of {}", view.mitigations.len(), view.total);
    let rows = view
        .mitigations
        .into_iter()
        .map(|line| {
            let href = format!("/mitigations/{}", line.number);
            let model = format!("/models/{}", line.model_slug);
            view! {
                <tr>
                    <th scope="row">
                        <a href=href>{format!("M-{} {}", line.number, line.title)}</a>
                        <span class="small dim block">{line.kind.label()}</span>
                    </th>
                    <td><a href=model>{line.model}</a></td>
                    <td>{line.target}</td>
                    <td>{badge(line.state)}</td>
                    <td class="dim">{line.owner}</td>
                    <td class="dim"><Time at=line.updated_at /></td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <PageHeader title="Mitigations">{new}</PageHeader>
        <FilterBar action="/mitigations" active=active>
            <Select label="State" name="state" options=states value=view.state required=true />
        </FilterBar>
        <Panel title="Mitigations" note=note>
            <Scroll label="Mitigations">
                <table>
                    <thead>
                        <tr>
                            <th scope="col">"Mitigation"</th>
                            <th scope="col">"Model"</th>
                            <th scope="col">"Target"</th>
                            <th scope="col">"State"</th>
                            <th scope="col">"Owner"</th>
                            <th scope="col">"Changed"</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </Scroll>
        </Panel>
    }
    .into_any()
}

/// What two runs say.
#[derive(Clone, Debug)]
pub enum ProofView {
    NotMeasured,
    Not(String),
    By(Box<Proof>),
}

#[derive(Clone, Debug)]
pub struct RunLink {
    pub id: String,
    pub version: String,
    pub dataset: String,
    pub evaluated_at: OffsetDateTime,
}

#[derive(Clone, Debug)]
pub struct MitigationView {
    pub number: i64,
    pub title: String,
    pub kind: Kind,
    pub state: State,
    pub hypothesis: String,
    pub model: String,
    pub model_slug: String,
    pub metric: String,
    pub slice: String,
    pub change: String,
    /// What the finding says, and where it is listed.
    pub finding: Option<String>,
    pub owner: String,
    pub before: Option<RunLink>,
    pub after: Option<RunLink>,
    pub proof: ProofView,
    pub shipped_at: Option<OffsetDateTime>,
    pub created_by: String,
    pub created_at: OffsetDateTime,
    pub may_edit: bool,
}

#[component]
pub fn MitigationPage(view: MitigationView) -> impl IntoView {
    let edit = view.may_edit.then(|| {
        view! { <a class="button primary" href=format!("/mitigations/{}/edit", view.number)>"Edit"</a> }
    });
    let name = metric_name(&view.metric);
    let target = format!("{name} of {}, by {}", view.slice, view.change);
    let slug = view.model_slug.clone();
    let run = move |run: Option<RunLink>| match run {
        None => view! { <span class="faint">"not measured yet"</span> }.into_any(),
        Some(run) => {
            let version = version_path(&slug, &run.version);
            view! {
                <a href=version>{run.version}</a>
                " on "
                <a href=format!("/runs/{}", run.id)>{run.dataset}</a>
                ", "
                <Time at=run.evaluated_at />
            }
            .into_any()
        }
    };
    let (verdict, proof) = proof_parts(view.proof);
    let finding = view.finding.map(|says| {
        view! {
            <dt>"Finding"</dt>
            <dd><a href="/findings?state=any">{says}</a></dd>
        }
    });
    let shipped = view.shipped_at.map(|at| {
        view! {
            <dt>"Shipped"</dt>
            <dd><Time at=at clock=true /></dd>
        }
    });
    let model = format!("/models/{}", view.model_slug);
    view! {
        <PageHeader title=view.title subtitle=format!("M-{} · {}", view.number, view.kind)>
            {badge(view.state)}
            {edit}
        </PageHeader>
        {verdict}
        <Panel title="What it is">
            <dl class="facts">
                <dt>"Model"</dt>
                <dd><a href=model>{view.model}</a></dd>
                <dt>"Hypothesis"</dt>
                <dd><Prose text=view.hypothesis none="" /></dd>
                <dt>"Target"</dt>
                <dd>{target}</dd>
                {finding}
                <dt>"Owner"</dt>
                <dd>{view.owner}</dd>
                <dt>"Before"</dt>
                <dd>{run(view.before)}</dd>
                <dt>"After"</dt>
                <dd>{run(view.after)}</dd>
                {shipped}
                <dt>"Recorded"</dt>
                <dd>
                    <Time at=view.created_at clock=true />
                    {format!(" by {}", view.created_by)}
                </dd>
            </dl>
        </Panel>
        {proof}
    }
    .into_any()
}

fn measured(estimate: &Estimate) -> String {
    let value = estimate.value.map(number::value).unwrap_or_default();
    let interval = match estimate.bounds(0.95) {
        Ok(bounds) => number::interval(bounds.low, bounds.high),
        Err(_) => String::new(),
    };
    let n = estimate.n.map(|n| format!("n {}", number::count(n))).unwrap_or_default();
    format!("{value} {interval} {n}")
}

/// Rows of collateral harm before the others are folded away.
const SHOWN: usize = 12;

fn proof_parts(proof: ProofView) -> (AnyView, AnyView) {
    let proof = match proof {
        ProofView::NotMeasured => {
            let text = "It has no run before and after yet, so nothing shows what it did.";
            return (view! { <Lede>{text}</Lede> }.into_any(), ().into_any());
        }
        ProofView::Not(why) => {
            let kind = VerdictKind::NotEnoughEvidence;
            let line = view! {
                <p class="verdict-line"><Verdict kind=kind text="cannot tell" /> <span>{why}</span></p>
            };
            return (line.into_any(), ().into_any());
        }
        ProofView::By(proof) => *proof,
    };
    let kind = match proof.effect {
        Effect::Worked => VerdictKind::Pass,
        Effect::DidNot => VerdictKind::Fail,
        Effect::CannotTell => VerdictKind::NotEnoughEvidence,
    };
    let harm = match proof.worse.len() as u64 {
        0 => format!(
            "Nobody else got worse beyond chance, of {} looked at.",
            series(proof.looked_at)
        ),
        n => format!(
            "{} got worse beyond chance, of {} looked at.",
            number::counted(n, "other series", "other series"),
            series(proof.looked_at)
        ),
    };
    let verdict = view! {
        <p class="verdict-line">
            <Verdict kind=kind text=proof.effect.label() />
            <span>{proof.sentence} " " {harm}</span>
        </p>
    }
    .into_any();
    let mut worse = proof.worse;
    let rest = worse.split_off(worse.len().min(SHOWN));
    let rows = proof
        .target
        .into_iter()
        .map(|moved| row(moved, Some(proof.effect)))
        .chain(worse.into_iter().map(|moved| row(moved, None)))
        .collect_view();
    let rest = (!rest.is_empty()).then(|| {
        let label = format!("{} more that got worse", number::count(rest.len() as u64));
        let items = rest
            .into_iter()
            .map(|moved| {
                let (low, high) = (moved.interval.low, moved.interval.high);
                let text = format!(
                    "{} of {}: {} {}, n {}; {}",
                    metric_name(&moved.metric),
                    moved.slice.label(),
                    number::signed(moved.value),
                    number::signed_interval(low, high),
                    moved.after.n.map(number::count).unwrap_or_default(),
                    told_by(&moved)
                );
                view! { <li>{text}</li> }
            })
            .collect_view();
        view! {
            <details>
                <summary>{label}</summary>
                <ul class="plain small">{items}</ul>
            </details>
        }
    });
    let table = view! {
        <Panel
            title="Before and after"
            note="95 % each, not adjusted for how many were looked at: exploratory."
        >
            {basis_lines(proof.basis)}
            <Scroll label="Before and after">
                <table class="stacks">
                    <thead>
                        <tr>
                            <th scope="col">"Metric and slice"</th>
                            <th scope="col" class="num">"Before"</th>
                            <th scope="col" class="num">"After"</th>
                            <th scope="col" class="num">"Change"</th>
                            <th scope="col">"Against none"</th>
                            <th scope="col">"So"</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </Scroll>
            {rest}
        </Panel>
    }
    .into_any();
    (verdict, table)
}

/// What the proof rests on, in a sentence, and what is to be known of it.
fn basis_lines(basis: Basis) -> impl IntoView {
    let (sentence, notes) = match basis {
        Basis::Paired { rows, notes } => {
            let rows = number::counted(rows, "row", "rows");
            (format!("Paired on {rows}, which both runs have."), notes)
        }
        Basis::Unpaired(why) => {
            (format!("Not paired, because {why}: small harm is missed then."), vec![])
        }
    };
    let notes = (!notes.is_empty()).then(|| {
        let items = notes.into_iter().map(|note| view! { <li>{note}</li> }).collect_view();
        view! { <ul class="plain small">{items}</ul> }
    });
    view! {
        <p>{sentence}</p>
        {notes}
    }
}

/// How a change was told from chance: the interval, and the rows that differ with their test.
fn told_by(moved: &Moved) -> String {
    let interval = number::method_name(&moved.interval.method);
    match moved.paired {
        None => format!("{interval}, unpaired"),
        Some(paired) => match paired.discordant {
            None => format!("{interval}, p {}", number::p_value(paired.p)),
            Some(rows) => format!(
                "{interval}, McNemar p {}: {} lost, {} gained",
                number::p_value(paired.p),
                number::count(rows.lost),
                number::count(rows.gained)
            ),
        },
    }
}

fn series(n: usize) -> String {
    number::counted(n as u64, "series", "series")
}

/// The target with what became of it, or a series that got worse.
fn row(moved: Moved, target: Option<Effect>) -> impl IntoView {
    let (low, high) = (moved.interval.low, moved.interval.high);
    let chart =
        BoundChart { value: moved.value, interval: Some((low, high)), bound: (0.0, f64::INFINITY) };
    let class = match target {
        Some(Effect::Worked) => "pass",
        Some(Effect::CannotTell) => "thin",
        Some(Effect::DidNot) | None => "fail",
    };
    let so = if target.is_some() {
        view! { <span class="dim">"the target"</span> }.into_any()
    } else {
        view! { <Verdict kind=VerdictKind::Fail text="worse" /> }.into_any()
    };
    let change = format!("{} {}", number::signed(moved.value), number::signed_interval(low, high));
    let told = told_by(&moved);
    view! {
        <tr>
            <th scope="row">
                {metric_name(&moved.metric)}
                <span class="small dim block">{moved.slice.label()}</span>
            </th>
            <td class="num" data-label="Before">{measured(&moved.before)}</td>
            <td class="num" data-label="After">{measured(&moved.after)}</td>
            <td class="num" data-label="Change">{change}</td>
            <td inner_html=chart.draw(class)></td>
            <td>
                {so}
                <span class="small dim block">{told}</span>
            </td>
        </tr>
    }
}

#[derive(Clone, Debug, Default)]
pub struct MitigationFormView {
    /// Number and version of what is edited.
    pub editing: Option<(i64, i64)>,
    pub model: String,
    pub models: Vec<(String, String)>,
    pub kind: String,
    pub title: String,
    pub hypothesis: String,
    pub metric: String,
    pub slice: String,
    pub change: String,
    pub finding: String,
    pub owner: String,
    pub state: String,
    pub before: String,
    pub after: String,
    /// Id and name of the model's runs; empty until a model is chosen.
    pub runs: Vec<(String, String)>,
    pub errors: FieldErrors,
}

#[component]
pub fn MitigationFormPage(view: MitigationFormView) -> impl IntoView {
    let (title, action, back) = match view.editing {
        None => (
            "Record a mitigation".to_owned(),
            "/mitigations/new".to_owned(),
            "/mitigations".to_owned(),
        ),
        Some((n, _)) => {
            (format!("Edit M-{n}"), format!("/mitigations/{n}/edit"), format!("/mitigations/{n}"))
        }
    };
    let mut hidden = vec![("finding".to_owned(), view.finding)];
    if let Some((_, version)) = view.editing {
        hidden.push(("version".to_owned(), version.to_string()));
        hidden.push(("model".to_owned(), view.model.clone()));
    }
    let is_new = view.editing.is_none();
    let kinds = Kind::ALL.iter().map(|k| (k.as_str().to_owned(), k.label().to_owned())).collect();
    let states = State::ALL.iter().map(|s| (s.as_str().to_owned(), s.label().to_owned())).collect();
    let runs: Vec<(String, String)> =
        std::iter::once((String::new(), "not measured yet".to_owned()))
            .chain(view.runs.clone())
            .collect();
    let (model, models) = (view.model, view.models);
    let which = move || {
        is_new.then(|| {
            view! { <Select label="Model" name="model" options=models value=model required=true /> }
        })
    };
    let (before, after, both) = (view.before, view.after, runs.clone());
    let measured = move || {
        (!view.runs.is_empty()).then(|| {
            view! {
                <Select label="Run before" name="before" options=runs value=before required=true />
                <Select label="Run after" name="after" options=both value=after required=true />
            }
        })
    };
    view! {
        <PageHeader title=title />
        <Form action=action errors=view.errors hidden=hidden>
            {which()}
            <TextField label="Title" name="title" value=view.title required=true />
            <Select label="Kind" name="kind" options=kinds value=view.kind required=true />
            <TextArea
                label="Hypothesis"
                name="hypothesis"
                value=view.hypothesis
                rows=3
                required=true
                hint="What is changed, and why that should help."
            />
            <TextField
                label="Metric"
                name="metric"
                value=view.metric
                required=true
                hint="A key, such as true_positive_rate."
            />
            <TextField label="Slice" name="slice" value=view.slice hint="As sex=Female; empty is overall." />
            <TextField
                label="Change wanted"
                name="change"
                value=view.change
                required=true
                hint="In the metric's unit, with its sign: 0.05, or -0.1."
            />
            <TextField label="Owner" name="owner" kind=FieldKind::Email value=view.owner required=true />
            <Select label="State" name="state" options=states value=view.state required=true />
            {measured()}
            <Submit label="Save">
                <a class="button" href=back>
                    "Cancel"
                </a>
            </Submit>
        </Form>
    }
    .into_any()
}
