//! One rule against one run: each slice by itself, then the rule by its worst slice.

mod change;
mod disparity;

use super::{Case, EvidenceRun, Part, RowsNeeded, RuleOutcome, Verdict, words};
use crate::domain::policy::{Burden, Evidence, Rule, Subject, Target};
use metrics::{Estimate, Slice, power};
use std::collections::HashMap;
use time::Duration;

pub(super) fn judge_rule(rule: &Rule, case: &Case<'_>, measured: &[Measured<'_>]) -> RuleOutcome {
    let taken = case.runs.iter().zip(measured).find(|(run, _)| rule.takes(run));
    let Some((run, measured)) = taken else {
        let sentence = words::no_run(rule, case.runs.is_empty());
        return outcome(rule, case, None, vec![hole(Slice::overall(), sentence)]);
    };
    let judge = Judge { rule, run, measured };
    if let Some(days) = rule.max_age_days
        && run.evaluated_at + Duration::days(days.into()) < case.at
    {
        let age = (case.at - run.evaluated_at).whole_days();
        let sentence = format!("the newest run is {age} days old, more than {days}");
        return outcome(rule, case, Some(run), vec![hole(Slice::overall(), sentence)]);
    }
    let parts = match &rule.subject {
        Subject::Estimate => judge.estimates(),
        Subject::Disparity { kind, reference } => judge.disparities(*kind, reference),
        Subject::Change if case.launched.is_none() => {
            let mut outcome = outcome(rule, case, Some(run), vec![]);
            outcome.applies = false;
            "nothing of this model has been launched yet".clone_into(&mut outcome.sentence);
            return outcome;
        }
        Subject::Change => {
            let before = judge.launched(case);
            let parts = judge.changes(before);
            let changed_from = before.map(|run| run.id);
            return RuleOutcome { changed_from, ..outcome(rule, case, Some(run), parts) };
        }
    };
    outcome(rule, case, Some(run), parts)
}

impl Rule {
    /// Whether a run is one that this rule names.
    pub fn takes(&self, run: &EvidenceRun) -> bool {
        let dataset = self.dataset.as_ref().is_none_or(|dataset| {
            dataset.name == run.dataset_name
                && dataset.version.as_ref().is_none_or(|version| *version == run.dataset_version)
        });
        let instrument = self.instrument.as_ref().is_none_or(|instrument| {
            instrument.name == run.instrument_name
                && instrument.definitions.as_ref().is_none_or(|d| *d == run.instrument_definitions)
        });
        dataset && instrument
    }
}

fn hole(slice: Slice, sentence: impl Into<String>) -> Part {
    Part {
        slice,
        verdict: Verdict::NotEnoughEvidence,
        value: None,
        interval: None,
        n: None,
        positives: None,
        reference: None,
        sentence: sentence.into(),
        needed: None,
        waiver: None,
    }
}

/// Puts the parts in order, the worst first, and sums them up.
fn outcome(
    rule: &Rule,
    case: &Case<'_>,
    run: Option<&EvidenceRun>,
    mut parts: Vec<Part>,
) -> RuleOutcome {
    let bound = rule.bound.text();
    for part in parts.iter_mut().filter(|part| part.verdict != Verdict::Pass) {
        let lifts = |waiver: &&super::WaiverInForce| {
            waiver.rule == rule.id
                && waiver.slice == part.slice
                && waiver.metric == rule.metric
                && waiver.bound == bound
                && waiver.expires_at > case.at
        };
        part.waiver = case.waivers.iter().find(lifts).map(|waiver| waiver.id);
    }
    let (low, high) = rule.wanted();
    // How far the end of the interval that matters lies outside; the largest is the worst.
    let excess = |part: &Part| {
        let (from, to) = match (&part.interval, part.value) {
            (Some(interval), _) => (interval.low, interval.high),
            (None, Some(value)) => (value, value),
            (None, None) => return f64::NEG_INFINITY,
        };
        (low - from).max(to - high)
    };
    parts.sort_by(|a, b| {
        (a.verdict, a.waiver.is_some())
            .cmp(&(b.verdict, b.waiver.is_some()))
            .then_with(|| excess(b).total_cmp(&excess(a)))
            .then_with(|| a.slice.to_string().cmp(&b.slice.to_string()))
    });
    let verdict = parts.iter().map(|part| part.verdict).min().unwrap_or(Verdict::Pass);
    let waived = verdict != Verdict::Pass
        && parts.iter().all(|part| part.verdict == Verdict::Pass || part.waiver.is_some());
    RuleOutcome {
        sentence: words::rule(rule, verdict, waived, &parts),
        rule: rule.clone(),
        applies: true,
        verdict,
        waived,
        run: run.map(|run| run.id),
        changed_from: None,
        parts,
    }
}

/// What a run has, looked through once for all rules.
pub(super) struct Measured<'a> {
    of_metric: HashMap<&'a str, Vec<&'a Estimate>>,
    slices: HashMap<&'a Slice, OfSlice>,
}

/// What a run has of a slice.
#[derive(Clone, Copy, Default)]
struct OfSlice {
    /// Rows, as far as any estimate tells.
    rows: u64,
    /// Rows with a positive label, as far as any estimate tells.
    positives: Option<u64>,
    is_unconfirmed: bool,
    is_replaced: bool,
}

impl<'a> Measured<'a> {
    pub(super) fn by(run: &'a EvidenceRun) -> Self {
        let mut of_metric: HashMap<&str, Vec<&Estimate>> = HashMap::new();
        let mut slices: HashMap<&Slice, OfSlice> = HashMap::new();
        for estimate in &run.estimates {
            of_metric.entry(&estimate.metric).or_default().push(estimate);
            let of_slice = slices.entry(&estimate.slice).or_default();
            of_slice.rows = of_slice.rows.max(estimate.n.unwrap_or_default());
            of_slice.positives = of_slice.positives.max(estimate.positives);
        }
        for slice in &run.unconfirmed {
            slices.entry(slice).or_default().is_unconfirmed = true;
        }
        for slice in &run.replaced {
            slices.entry(slice).or_default().is_replaced = true;
        }
        Self { of_metric, slices }
    }

    fn of_metric(&self, metric: &str) -> &[&'a Estimate] {
        self.of_metric.get(metric).map_or(&[], Vec::as_slice)
    }

    fn of_slice(&self, slice: &Slice) -> OfSlice {
        self.slices.get(slice).copied().unwrap_or_default()
    }
}

struct Judge<'a> {
    rule: &'a Rule,
    run: &'a EvidenceRun,
    measured: &'a Measured<'a>,
}

impl<'a> Judge<'a> {
    /// The combinations of attributes that the rule names, each sorted.
    fn families(&self) -> Vec<Vec<&str>> {
        let Target::Groups { attributes, arity } = &self.rule.target else { return vec![] };
        let mut sorted: Vec<&str> = attributes.iter().map(String::as_str).collect();
        sorted.sort_unstable();
        combinations(&sorted, *arity)
    }

    /// The estimates of the rule's metric on the groups of a family.
    fn groups(&self, family: &[&str]) -> Vec<&'a Estimate> {
        let of = |estimate: &&&Estimate| {
            !estimate.slice.is_overall() && estimate.slice.attributes().eq(family.iter().copied())
        };
        self.measured.of_metric(&self.rule.metric).iter().filter(of).copied().collect()
    }

    fn estimate(&self, slice: &Slice) -> Option<&'a Estimate> {
        let all = self.measured.of_metric(&self.rule.metric);
        all.iter().find(|estimate| estimate.slice == *slice).copied()
    }

    /// What an estimate or a change is judged on, and holes for what was not measured.
    fn measured_on(&self) -> (Vec<&'a Estimate>, Vec<Part>) {
        let (mut estimates, mut holes) = (vec![], vec![]);
        if let Target::Slices(slices) = &self.rule.target {
            for slice in slices {
                match self.estimate(slice) {
                    Some(estimate) => estimates.push(estimate),
                    None => holes.push(self.not_measured_on(slice)),
                }
            }
        }
        for family in self.families() {
            let groups = self.groups(&family);
            if groups.is_empty() {
                holes.push(self.not_measured(&family));
            }
            estimates.extend(groups);
        }
        (estimates, holes)
    }

    fn not_measured_on(&self, slice: &Slice) -> Part {
        let sentence = format!("the run has no {} for {}", self.rule.metric, slice.label());
        hole(slice.clone(), sentence)
    }

    fn not_measured(&self, family: &[&str]) -> Part {
        let family = family.join(" × ");
        let sentence = format!("the run has no {} by {family}", self.rule.metric);
        hole(Slice::overall(), sentence)
    }

    /// The level of each interval, so that all of the rule's hold at once.
    fn level(&self, among: usize) -> f64 {
        1.0 - (1.0 - self.rule.level) / among.max(1) as f64
    }

    fn estimates(&self) -> Vec<Part> {
        let (estimates, mut parts) = self.measured_on();
        let level = self.level(estimates.len() + parts.len());
        parts.extend(estimates.into_iter().map(|estimate| self.of_estimate(estimate, level)));
        parts
    }

    fn of_estimate(&self, estimate: &Estimate, level: f64) -> Part {
        if let Err(hole) = self.usable(estimate) {
            return *hole;
        }
        let mut part = self.part_of(estimate);
        let bounds = match estimate.bounds(level) {
            Ok(bounds) => bounds,
            Err(why) => {
                part.sentence = format!("{}: {why}", estimate.slice.label());
                return part;
            }
        };
        let method = estimate.interval.as_ref().map_or("wilson", |i| i.method.as_str());
        part.value = Some(bounds.value);
        part.interval = Some(bounds.interval(level, method));
        self.decide(estimate, part, || {
            let n = estimate.n.unwrap_or_default() as f64;
            let variance = power::variance_per_row(bounds, n, level);
            power::rows_within(variance, self.distance(bounds.value), level)
        })
    }

    /// Whether an estimate can be judged at all; if not, the hole that it leaves.
    fn usable(&self, estimate: &Estimate) -> Result<(), Box<Part>> {
        let rule = self.rule;
        let of_slice = self.measured.of_slice(&estimate.slice);
        let refuse = |say: &dyn Fn(&str) -> String, needed: Option<RowsNeeded>| {
            let mut part = self.part_of(estimate);
            part.sentence = say(&estimate.slice.label());
            part.needed = needed;
            Err(Box::new(part))
        };
        if of_slice.is_unconfirmed {
            return refuse(&|label| format!("nobody has confirmed the group {label}"), None);
        }
        if of_slice.is_replaced {
            let say = |label: &str| format!("other groups had taken the place of {label} by then");
            return refuse(&say, None);
        }
        let why = || estimate.undefined.as_deref().unwrap_or("undefined");
        if estimate.value.is_none() && estimate.n != Some(0) {
            return refuse(&|label| format!("{label}: {}", why()), None);
        }
        let Some(n) = estimate.n else {
            return refuse(&|label| format!("{label} was reported without n"), None);
        };
        let has_counts = estimate.numerator.is_some() && estimate.denominator.is_some();
        if rule.evidence == Evidence::Recomputed && !self.run.recomputed && !has_counts {
            let say =
                |label: &str| format!("{label} was reported, and the rule wants it recomputed");
            return refuse(&say, None);
        }
        if n < rule.least_n {
            let needed = self.to_collect(estimate, Some(rule.least_n));
            let say = |label: &str| words::too_few(label, n, rule.least_n, &rule.metric);
            return refuse(&say, Some(needed));
        }
        if let Some(positives) = of_slice.positives
            && positives < rule.least_positives
        {
            let more = rule.least_positives - positives;
            let rows = power::rows_of_slice(more, positives, of_slice.rows);
            let say =
                |label: &str| words::too_few_positives(label, positives, rule.least_positives);
            return refuse(&say, Some(RowsNeeded::More { denominator: more, rows }));
        }
        if estimate.value.is_none() {
            return refuse(&|label| format!("{label}: {}", why()), None);
        }
        Ok(())
    }

    /// Rows to collect for the metric to look at `wanted` rows in all.
    fn to_collect(&self, estimate: &Estimate, wanted: Option<u64>) -> RowsNeeded {
        let n = estimate.n.unwrap_or_default();
        match wanted {
            None => RowsNeeded::MoreRowsWillNotDecide,
            Some(wanted) => {
                let denominator = wanted.saturating_sub(n).max(1);
                let rows = power::rows_of_slice(
                    denominator,
                    n,
                    self.measured.of_slice(&estimate.slice).rows,
                );
                RowsNeeded::More { denominator, rows: rows.max(denominator) }
            }
        }
    }

    /// How far a value lies from the nearest end of the bound.
    fn distance(&self, value: f64) -> f64 {
        let (low, high) = self.rule.wanted();
        (value - low).abs().min((high - value).abs())
    }

    fn part_of(&self, estimate: &Estimate) -> Part {
        Part {
            n: estimate.n,
            positives: self.measured.of_slice(&estimate.slice).positives,
            ..hole(estimate.slice.clone(), String::new())
        }
    }

    /// Holds value and interval against the bound. `wanted` are the rows in the metric's denominator
    /// that would decide, if any number does.
    fn decide(
        &self,
        estimate: &Estimate,
        mut part: Part,
        wanted: impl FnOnce() -> Option<u64>,
    ) -> Part {
        let (low, high) = self.rule.wanted();
        let Some(interval) = &part.interval else { return part };
        let inside = interval.low >= low && interval.high <= high;
        let outside = interval.high < low || interval.low > high;
        part.verdict = match (self.rule.burden, inside, outside) {
            (_, _, true) => Verdict::Fail,
            (Burden::Safety, true, _) | (Burden::Harm, _, false) => Verdict::Pass,
            (Burden::Safety, false, false) => Verdict::NotEnoughEvidence,
        };
        if part.verdict == Verdict::NotEnoughEvidence {
            part.needed = Some(self.to_collect(estimate, wanted()));
        }
        part.sentence = words::part(self.rule, &part);
        part
    }
}

/// Every way to take `k` of the names, in order.
fn combinations<'a>(names: &[&'a str], k: usize) -> Vec<Vec<&'a str>> {
    if k == 0 {
        return vec![vec![]];
    }
    let mut all = vec![];
    for (i, name) in names.iter().enumerate() {
        for mut rest in combinations(&names[i + 1..], k - 1) {
            rest.insert(0, name);
            all.push(rest);
        }
    }
    all
}
