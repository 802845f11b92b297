//! What the rules of a policy say of the evidence: the whole in a sentence, each rule with its
//! interval beside its bound.

use super::link::Link;
use super::{Panel, Scroll, Verdict, VerdictKind};
use crate::charts::bound::BoundChart;
use crate::domain::policy::Mode;
use crate::domain::verdict::words::{measured, needed, requirement};
use crate::domain::verdict::{self, Part, Readiness, RuleOutcome};
use crate::number;
use leptos::prelude::*;

/// A readiness, and where its parts lead.
#[derive(Clone, Debug)]
pub struct ReadinessView {
    pub readiness: Readiness,
    /// Name and path of the policy's version.
    pub policy: Option<(String, String)>,
    /// Model and version for the forms that a part leads to.
    pub model: String,
    pub version: String,
    pub may_ask_waiver: bool,
    pub may_mitigate: bool,
}

impl From<verdict::Verdict> for VerdictKind {
    fn from(verdict: verdict::Verdict) -> Self {
        match verdict {
            verdict::Verdict::Pass => Self::Pass,
            verdict::Verdict::Fail => Self::Fail,
            verdict::Verdict::NotEnoughEvidence => Self::NotEnoughEvidence,
        }
    }
}

/// The whole: verdict, sentence and every rule.
#[component]
pub fn ReadinessPanel(
    view: ReadinessView,
    #[prop(into, default = "Readiness".to_owned())] title: String,
) -> impl IntoView {
    let note = match &view.policy {
        Some((name, _)) => format!("by {name}"),
        None => String::new(),
    };
    let verdict = view.readiness.verdict.into();
    let sentence = view.readiness.sentence.clone();
    let policy = view.policy.clone().map(|(_, href)| view! { " " <a href=href>"The policy"</a> });
    let valid = view.readiness.valid_until.map(|until| {
        view! {
            <p class="small dim">
                "This stands until "
                <super::Time at=until />
                ", when the first run goes stale or the first waiver ends."
            </p>
        }
    });
    let looked = number::counted(view.readiness.runs_looked_at as u64, "run", "runs");
    view! {
        <Panel title=title note=note id="readiness">
            <p class="verdict-line">
                <Verdict kind=verdict />
                " "
                {sentence}
                {policy}
            </p>
            <RuleTable view=view />
            <p class="small dim">
                {format!("Dot and bar: estimate with its interval. Dashed: bound. {looked} looked at; \
                          each rule takes the newest that it names.")}
            </p>
            {valid}
        </Panel>
    }
    .into_any()
}

/// Each rule with the part that decided, its interval beside the bound, and what would clear it.
#[component]
pub fn RuleTable(view: ReadinessView) -> impl IntoView {
    if view.readiness.rules.is_empty() {
        return ().into_any();
    }
    let rows = view.readiness.rules.iter().map(|outcome| rule_row(&view, outcome)).collect_view();
    view! {
        <Scroll label="Rules">
            <table class="rules stacks">
                <thead>
                    <tr>
                        <th scope="col">"Rule"</th>
                        <th scope="col">"Interval and bound"</th>
                        <th scope="col">"Verdict"</th>
                        <th scope="col">"Why"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </Scroll>
    }
    .into_any()
}

fn rule_row(view: &ReadinessView, outcome: &RuleOutcome) -> impl IntoView + use<> {
    let rule = &outcome.rule;
    let mode = match rule.mode {
        Mode::Block => None,
        Mode::Warn => Some("warns only"),
        Mode::Shadow => Some("in shadow: only watched"),
    };
    let mode = mode.map(|mode| view! { <span class="small faint block">{mode}</span> });
    let verdict = if !outcome.applies {
        view! { <span class="dim">"does not apply"</span> }.into_any()
    } else if outcome.waived {
        let text = format!("{}, waived", outcome.verdict.label());
        view! { <Verdict kind=VerdictKind::NotEnoughEvidence text=text /> }.into_any()
    } else {
        view! { <Verdict kind=outcome.verdict.into() /> }.into_any()
    };
    let chart = outcome.parts.first().and_then(|part| chart(outcome, part));
    let more = (outcome.parts.len() > 1).then(|| parts(view, outcome));
    let only = (outcome.parts.len() == 1).then(|| clears(view, outcome, &outcome.parts[0]));
    view! {
        <tr>
            <th scope="row">
                {rule.name.clone()}
                <span class="small dim block">{requirement(rule)}</span>
                {mode}
            </th>
            <td inner_html=chart></td>
            <td>{verdict}</td>
            <td class="small">
                {outcome.sentence.clone()}
                {only}
                {more}
            </td>
        </tr>
    }
}

fn chart(outcome: &RuleOutcome, part: &Part) -> Option<String> {
    let class = match part.verdict {
        verdict::Verdict::Pass => "pass",
        verdict::Verdict::Fail => "fail",
        verdict::Verdict::NotEnoughEvidence => "thin",
    };
    let chart = BoundChart {
        value: part.value?,
        interval: part.interval.as_ref().map(|interval| (interval.low, interval.high)),
        bound: outcome.rule.wanted(),
    };
    Some(chart.draw(class))
}

/// Every slice of a rule, the worst first, folded away.
fn parts(view: &ReadinessView, outcome: &RuleOutcome) -> impl IntoView + use<> {
    let rows = outcome
        .parts
        .iter()
        .map(|part| {
            let n = part.n.map_or_else(|| "–".to_owned(), number::count);
            let measured = measured(&outcome.rule, part).unwrap_or_else(|| "–".to_owned());
            let plan = part.needed.as_ref().map(|plan| needed(&outcome.rule, plan));
            let why = (part.value.is_none()).then(|| part.sentence.clone());
            view! {
                <tr>
                    <th scope="row">{part.slice.label()}</th>
                    <td class="num nowrap">{measured}</td>
                    <td class="num">{n}</td>
                    <td>
                        <Verdict kind=part.verdict.into() />
                        {why.map(|why| view! { <span class="small dim block">{why}</span> })}
                        {plan.map(|plan| view! { <span class="small dim block">{plan}</span> })}
                        {clears(view, outcome, part)}
                    </td>
                </tr>
            }
        })
        .collect_view();
    let label = format!("All {} slices", outcome.parts.len());
    view! {
        <details>
            <summary>{label.clone()}</summary>
            <Scroll label=label>
                <table>
                    <thead>
                        <tr>
                            <th scope="col">"Slice"</th>
                            <th scope="col" class="num">"Measured"</th>
                            <th scope="col" class="num">"n"</th>
                            <th scope="col">"Verdict"</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </Scroll>
        </details>
    }
}

/// What somebody can do about a part that does not pass.
fn clears(
    view: &ReadinessView,
    outcome: &RuleOutcome,
    part: &Part,
) -> Option<impl IntoView + use<>> {
    if !outcome.applies || part.verdict == verdict::Verdict::Pass {
        return None;
    }
    let slice = part.slice.to_string();
    let waived = part.waiver.map(|id| {
        view! { <a href=format!("/waivers/{id}")>"waived"</a> " " }
    });
    let waiver = (view.may_ask_waiver && part.waiver.is_none() && outcome.rule.mode == Mode::Block)
        .then(|| {
            let link = Link::new("/waivers/new")
                .with("model", &view.model)
                .with("version", &view.version)
                .with("rule", &outcome.rule.id)
                .with("slice", &slice);
            view! { <a href=link.to_string()>"Ask for a waiver"</a> " " }
        });
    let mitigate = (view.may_mitigate && part.value.is_some()).then(|| {
        let link = Link::new("/mitigations/new")
            .with("model", &view.model)
            .with("metric", &outcome.rule.metric)
            .with("slice", &slice);
        view! { <a href=link.to_string()>"Start a mitigation"</a> }
    });
    Some(view! {
        <span class="small block">{waived} {waiver} {mitigate}</span>
    })
}
