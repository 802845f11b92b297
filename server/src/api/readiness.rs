//! How a readiness is written in JSON: the same for a version, a launch and a dry run.

use super::moment::Moment;
use crate::actions::readiness::Report;
use crate::store::policies::PolicyVersion;
use app::domain::launch::PolicyContent;
use app::domain::policy::{Burden, Mode};
use app::domain::verdict::words::{measured, needed, requirement};
use app::domain::verdict::{self, Readiness, RowsNeeded, RuleOutcome, Verdict};
use app::domain::{RunId, WaiverId};
use metrics::{Interval, Slice};
use schemars::JsonSchema;
use serde::Serialize;

/// What the policy says of a version's evidence.
#[derive(Serialize, JsonSchema)]
pub struct VersionReadiness {
    model: String,
    version: String,
    /// The policy that applies; null: none does, which is not enough evidence.
    policy: Option<PolicyRef>,
    #[serde(flatten)]
    readiness: ReadinessAnswer,
}

impl VersionReadiness {
    pub fn of(model: &str, version: &str, report: &Report) -> Self {
        Self {
            model: model.to_owned(),
            version: version.to_owned(),
            policy: report.policy.as_ref().map(PolicyRef::from),
            readiness: ReadinessAnswer::of(&report.readiness),
        }
    }
}

/// One version of a policy.
#[derive(Serialize, JsonSchema)]
pub struct PolicyRef {
    /// Its slug.
    policy: String,
    version: i64,
    digest: String,
}

impl From<&PolicyContent> for PolicyRef {
    fn from(policy: &PolicyContent) -> Self {
        Self { policy: policy.slug.clone(), version: policy.version, digest: policy.digest.clone() }
    }
}

impl From<&PolicyVersion> for PolicyRef {
    fn from(policy: &PolicyVersion) -> Self {
        Self { policy: policy.slug.clone(), version: policy.number, digest: policy.digest.clone() }
    }
}

/// What a policy says of evidence.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Readiness")]
pub struct ReadinessAnswer {
    /// The worst of the blocking rules that are not waived.
    verdict: Verdict,
    /// The verdict in a sentence.
    sentence: String,
    /// When the first of its runs goes stale or its waivers expire.
    valid_until: Option<Moment>,
    /// The runs that it rests on.
    runs: Vec<RunId>,
    /// How many runs there were to choose from.
    runs_looked_at: usize,
    rules: Vec<RuleAnswer>,
}

/// What one rule says.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "RuleVerdict")]
struct RuleAnswer {
    /// The rule's id.
    rule: String,
    name: String,
    /// The metric's key.
    metric: String,
    /// What it requires, in words.
    requirement: String,
    /// What it does to a launch when it does not pass.
    mode: Mode,
    /// Who has to show what.
    burden: Burden,
    bound: BoundAnswer,
    /// Whether it applies; where it does not, the reason says why.
    applies: bool,
    verdict: Verdict,
    /// Whether every part of it that does not pass is waived.
    waived: bool,
    /// One sentence with the numbers of the part that decided.
    reason: String,
    /// The run that it was judged on.
    run: Option<RunId>,
    /// One for each slice, the worst first.
    parts: Vec<PartAnswer>,
}

/// Where a value must lie.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "RuleBound")]
struct BoundAnswer {
    min: Option<f64>,
    max: Option<f64>,
    words: String,
}

/// A rule on one slice.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "RulePart")]
struct PartAnswer {
    slice: Slice,
    verdict: Verdict,
    /// The estimate, disparity or change that is held against the bound.
    value: Option<f64>,
    interval: Option<Interval>,
    /// The value with its interval and n, in words.
    measured: Option<String>,
    /// Rows in the metric's denominator.
    n: Option<u64>,
    positives: Option<u64>,
    /// What the slice is compared with.
    reference: Option<Slice>,
    reason: String,
    /// How many more rows would decide it; null: it is decided, or rows would not decide it.
    rows_needed: Option<RowsAnswer>,
    /// What would decide it, in words.
    would_decide: Option<String>,
    waiver: Option<WaiverId>,
}

/// Rows that are missing.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "RowsNeeded")]
struct RowsAnswer {
    /// More rows in the metric's denominator: positives, for a true positive rate.
    denominator: u64,
    /// More rows of the slice in all, by the base rate.
    rows: u64,
}

impl ReadinessAnswer {
    pub fn of(readiness: &Readiness) -> Self {
        Self {
            verdict: readiness.verdict,
            sentence: readiness.sentence.clone(),
            valid_until: readiness.valid_until.map(Moment::from),
            runs: readiness.runs.clone(),
            runs_looked_at: readiness.runs_looked_at,
            rules: readiness.rules.iter().map(rule).collect(),
        }
    }
}

fn rule(outcome: &RuleOutcome) -> RuleAnswer {
    let rule = &outcome.rule;
    RuleAnswer {
        rule: rule.id.clone(),
        name: rule.name.clone(),
        metric: rule.metric.clone(),
        requirement: requirement(rule),
        mode: rule.mode,
        burden: rule.burden,
        bound: BoundAnswer { min: rule.bound.min, max: rule.bound.max, words: rule.bound.text() },
        applies: outcome.applies,
        verdict: outcome.verdict,
        waived: outcome.waived,
        reason: outcome.sentence.clone(),
        run: outcome.run,
        parts: outcome.parts.iter().map(|it| part(outcome, it)).collect(),
    }
}

fn part(outcome: &RuleOutcome, part: &verdict::Part) -> PartAnswer {
    PartAnswer {
        slice: part.slice.clone(),
        verdict: part.verdict,
        value: part.value,
        interval: part.interval.clone(),
        measured: measured(&outcome.rule, part),
        n: part.n,
        positives: part.positives,
        reference: part.reference.clone(),
        reason: part.sentence.clone(),
        rows_needed: match part.needed {
            Some(RowsNeeded::More { denominator, rows }) => Some(RowsAnswer { denominator, rows }),
            _ => None,
        },
        would_decide: part.needed.as_ref().map(|plan| needed(&outcome.rule, plan)),
        waiver: part.waiver,
    }
}
