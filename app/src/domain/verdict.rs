//! Verdicts: what a policy's rules say of the evidence.
//!
//! [`judge`] is a pure function of what a [`Case`] holds, so any past decision can be replayed.

use super::policy::{Policy, Rule};
use super::text_enum::text_enum;
use super::{RunId, WaiverId};
use metrics::catalogue::Outcome;
use metrics::{Estimate, Interval, Slice};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

text_enum! {
    /// The three answers, the worst first.
    Verdict {
        Fail = "fail" ("fail"),
        NotEnoughEvidence = "not_enough_evidence" ("not enough evidence"),
        Pass = "pass" ("pass"),
    }
}

/// Everything that a verdict depends on.
#[derive(Clone, Debug)]
pub struct Case<'a> {
    /// `None`: no policy applies, which is not enough evidence.
    pub policy: Option<&'a Policy>,
    /// Runs of the version that were not voided, the newest evaluation first.
    pub runs: &'a [EvidenceRun],
    /// The same of the version that was launched last, where there is one.
    pub launched: &'a [EvidenceRun],
    /// Approved, not revoked; those that have expired by `at` lift nothing.
    pub waivers: &'a [WaiverInForce],
    /// When it is judged: decides what is stale and which waivers have expired.
    pub at: OffsetDateTime,
}

/// A run as evidence.
#[derive(Clone, Debug)]
pub struct EvidenceRun {
    pub id: RunId,
    pub digest: String,
    pub version_label: String,
    pub dataset_name: String,
    pub dataset_version: String,
    pub instrument_name: String,
    pub instrument_definitions: String,
    pub evaluated_at: OffsetDateTime,
    pub outcome: Outcome,
    /// Whether the metrics core made it from predictions or counts here.
    pub recomputed: bool,
    pub estimates: Vec<Estimate>,
    /// The slices with an attribute or group that nobody has confirmed: they satisfy no rule.
    pub unconfirmed: Vec<Slice>,
}

/// An exception from one rule on one slice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaiverInForce {
    pub id: WaiverId,
    pub rule: String,
    pub slice: Slice,
    pub metric: String,
    /// [`super::policy::Bound::text`] of the bound that it lifts.
    pub bound: String,
    pub expires_at: OffsetDateTime,
}

/// What the whole policy says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Readiness {
    /// The worst of the blocking rules that are not waived.
    pub verdict: Verdict,
    /// One sentence.
    pub sentence: String,
    pub rules: Vec<RuleOutcome>,
    /// The runs that were looked at, each once, and how many there were to choose from.
    pub runs: Vec<RunId>,
    pub runs_looked_at: usize,
    /// When the first of its runs goes stale or its waivers expire.
    #[serde(with = "time::serde::rfc3339::option")]
    pub valid_until: Option<OffsetDateTime>,
}

/// What one rule says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RuleOutcome {
    pub rule: Rule,
    /// `false`: the rule does not apply; the sentence says why, and the verdict is pass.
    pub applies: bool,
    pub verdict: Verdict,
    /// Every part of it that does not pass is waived.
    pub waived: bool,
    /// One sentence with the numbers of the part that decided.
    pub sentence: String,
    /// The run it was judged on.
    pub run: Option<RunId>,
    /// One for each slice, the worst first.
    pub parts: Vec<Part>,
}

/// A rule on one slice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Part {
    pub slice: Slice,
    pub verdict: Verdict,
    /// The subject: estimate, disparity or change.
    pub value: Option<f64>,
    pub interval: Option<Interval>,
    /// Rows in the metric's denominator.
    pub n: Option<u64>,
    pub positives: Option<u64>,
    /// What the slice is compared with.
    pub reference: Option<Slice>,
    pub sentence: String,
    pub needed: Option<RowsNeeded>,
    pub waiver: Option<WaiverId>,
}

/// What would decide a part that lacks evidence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowsNeeded {
    /// About this many more rows in the metric's denominator (positives for a true positive rate),
    /// and rows of the slice in all, by the base rate.
    More { denominator: u64, rows: u64 },
    /// The estimate sits at the bound.
    MoreRowsWillNotDecide,
}
