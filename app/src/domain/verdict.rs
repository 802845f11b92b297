//! Verdicts: what a policy's rules say of the evidence.
//!
//! [`judge`] is a pure function of what a [`Case`] holds, so any past decision can be replayed.

mod judge;
pub mod words;

use super::policy::{Mode, Policy, Rule};
use super::text_enum::text_enum;
use super::{RunId, WaiverId};
use judge::Measured;
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
    /// The same of the version that was launched last; `None`: nothing was launched yet.
    pub launched: Option<&'a [EvidenceRun]>,
    /// Approved, not revoked; those that have expired by `at` lift nothing.
    pub waivers: &'a [WaiverInForce],
    /// When it is judged: decides what is stale and which waivers have expired.
    pub at: OffsetDateTime,
}

/// What the policy says of the evidence.
pub fn judge(case: &Case<'_>) -> Readiness {
    let Some(policy) = case.policy else {
        return Readiness {
            verdict: Verdict::NotEnoughEvidence,
            sentence: "No policy applies to this model, so nothing shows that it may launch."
                .to_owned(),
            rules: vec![],
            runs: vec![],
            runs_looked_at: case.runs.len(),
            valid_until: None,
        };
    };
    let measured: Vec<Measured<'_>> = case.runs.iter().map(Measured::by).collect();
    let rules: Vec<RuleOutcome> =
        policy.rules.iter().map(|rule| judge::judge_rule(rule, case, &measured)).collect();
    let blocking = || rules.iter().filter(|o| o.applies && o.rule.mode == Mode::Block);
    let verdict = match blocking().filter(|o| !o.waived).map(|o| o.verdict).min() {
        Some(verdict) => verdict,
        // Everything that could block is waived, or nothing can block.
        None if rules.iter().any(|o| o.applies) => Verdict::Pass,
        None => Verdict::NotEnoughEvidence,
    };
    Readiness {
        verdict,
        sentence: words::whole(&rules, verdict),
        runs: each_once(rules.iter().filter_map(|o| o.run)),
        runs_looked_at: case.runs.len(),
        valid_until: valid_until(&rules, case),
        rules,
    }
}

fn each_once(runs: impl Iterator<Item = RunId>) -> Vec<RunId> {
    let mut once = vec![];
    for run in runs {
        if !once.contains(&run) {
            once.push(run);
        }
    }
    once
}

/// When the first of the runs that count goes stale, or the first of the waivers that count ends.
fn valid_until(rules: &[RuleOutcome], case: &Case<'_>) -> Option<OffsetDateTime> {
    let counting = || rules.iter().filter(|o| o.applies && o.rule.mode == Mode::Block);
    let stale = counting().filter_map(|o| {
        let run = case.runs.iter().find(|run| Some(run.id) == o.run)?;
        Some(run.evaluated_at + time::Duration::days(o.rule.max_age_days?.into()))
    });
    let ends = counting().flat_map(|o| &o.parts).filter_map(|part| {
        let waiver = case.waivers.iter().find(|waiver| Some(waiver.id) == part.waiver)?;
        Some(waiver.expires_at)
    });
    stale.chain(ends).min()
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
    /// Slices with a group that others had replaced when the run was evaluated.
    pub replaced: Vec<Slice>,
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
    /// The run of the launched version that a change is measured from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_from: Option<RunId>,
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

impl Readiness {
    /// The runs of the launched version that changes are measured from, each once.
    pub fn changed_from(&self) -> Vec<RunId> {
        each_once(self.rules.iter().filter_map(|o| o.changed_from))
    }

    /// The same for somebody who may not see cells of fewer than `least` rows: verdicts stay,
    /// numbers and what would give them away go.
    pub fn hide_small_cells(&mut self, least: u64) {
        for outcome in &mut self.rules {
            let decides = outcome.parts.first().is_some_and(|part| is_small(part, least));
            for part in outcome.parts.iter_mut().filter(|part| is_small(part, least)) {
                (part.value, part.interval, part.n) = (None, None, None);
                (part.positives, part.needed) = (None, None);
                part.sentence = format!("{}: {}", part.slice.label(), super::disclosure::HIDDEN);
            }
            if decides && let Some(part) = outcome.parts.first() {
                outcome.sentence = format!("{}: {}", outcome.verdict.label(), part.sentence);
            }
        }
    }
}

fn is_small(part: &Part, least: u64) -> bool {
    part.n.is_some_and(|n| n > 0 && n < least)
}

#[cfg(test)]
mod tests;
