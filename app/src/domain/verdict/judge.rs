//! One rule against one run: each slice by itself, then the rule by its worst slice.

use super::{Case, EvidenceRun, Part, RowsNeeded, RuleOutcome, Verdict, words};
use crate::domain::policy::{Burden, Evidence, Rule, Subject, Target};
use metrics::disparity::{Comparison, Disparity, Kind, Reference, compare};
use metrics::{Estimate, Interval, Slice, power, trend};
use std::collections::{BTreeSet, HashMap, HashSet};
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
        Subject::Change if case.launched.is_empty() => {
            let mut outcome = outcome(rule, case, Some(run), vec![]);
            outcome.applies = false;
            "nothing of this model has been launched yet".clone_into(&mut outcome.sentence);
            return outcome;
        }
        Subject::Change => judge.changes(case),
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
        parts,
    }
}

/// What a run has of each slice, looked through once for all rules.
pub(super) struct Measured<'a> {
    slices: HashMap<&'a Slice, OfSlice<'a>>,
    unconfirmed: HashSet<&'a Slice>,
}

/// What a run has of a slice.
#[derive(Default)]
struct OfSlice<'a> {
    estimates: HashMap<&'a str, &'a Estimate>,
    /// Rows, as far as any estimate tells.
    rows: u64,
    /// Rows with a positive label, as far as any estimate tells.
    positives: Option<u64>,
}

impl<'a> Measured<'a> {
    pub(super) fn by(run: &'a EvidenceRun) -> Self {
        let mut slices: HashMap<&Slice, OfSlice<'_>> = HashMap::new();
        for estimate in &run.estimates {
            let of_slice = slices.entry(&estimate.slice).or_default();
            of_slice.estimates.entry(&estimate.metric).or_insert(estimate);
            of_slice.rows = of_slice.rows.max(estimate.n.unwrap_or_default());
            of_slice.positives = of_slice.positives.max(estimate.positives);
        }
        Self { slices, unconfirmed: run.unconfirmed.iter().collect() }
    }
}

struct Judge<'a> {
    rule: &'a Rule,
    run: &'a EvidenceRun,
    measured: &'a Measured<'a>,
}

impl Judge<'_> {
    /// The combinations of attributes that the rule names, each sorted.
    fn families(&self) -> Vec<Vec<&str>> {
        let Target::Groups { attributes, arity } = &self.rule.target else { return vec![] };
        let mut sorted: Vec<&str> = attributes.iter().map(String::as_str).collect();
        sorted.sort_unstable();
        combinations(&sorted, *arity)
    }

    fn is_unconfirmed(&self, slice: &Slice) -> bool {
        self.measured.unconfirmed.contains(slice)
    }

    /// The estimates of the rule's metric on the groups of a family.
    fn groups(&self, family: &[&str]) -> Vec<&Estimate> {
        let of = |estimate: &&Estimate| {
            estimate.metric == self.rule.metric
                && !estimate.slice.is_overall()
                && estimate.slice.attributes().eq(family.iter().copied())
        };
        self.run.estimates.iter().filter(of).collect()
    }

    fn estimate(&self, slice: &Slice) -> Option<&Estimate> {
        self.measured.slices.get(slice)?.estimates.get(self.rule.metric.as_str()).copied()
    }

    /// The slices that an estimate or a change is judged on, and holes for what was not measured.
    fn slices(&self) -> (Vec<Slice>, Vec<Part>) {
        match &self.rule.target {
            Target::Slices(slices) => (slices.clone(), vec![]),
            Target::Groups { .. } => {
                let (mut slices, mut holes) = (vec![], vec![]);
                for family in self.families() {
                    let groups = self.groups(&family);
                    if groups.is_empty() {
                        holes.push(self.not_measured(&family));
                    }
                    slices.extend(groups.into_iter().map(|estimate| estimate.slice.clone()));
                }
                (slices, holes)
            }
        }
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
        let (slices, mut parts) = self.slices();
        let level = self.level(slices.len());
        parts.extend(slices.into_iter().map(|slice| self.of_estimate(slice, level)));
        parts
    }

    fn of_estimate(&self, slice: Slice, level: f64) -> Part {
        let Some(estimate) = self.estimate(&slice) else {
            let sentence = format!("the run has no {} for {}", self.rule.metric, slice.label());
            return hole(slice, sentence);
        };
        if let Err(part) = self.usable(estimate) {
            return *part;
        }
        match estimate.bounds(level) {
            Err(why) => hole(slice, format!("{}: {why}", estimate.slice.label())),
            Ok(bounds) => {
                let method = estimate.interval.as_ref().map_or("wilson", |i| i.method.as_str());
                let mut part = self.part_of(estimate);
                part.value = Some(bounds.value);
                part.interval = Some(bounds.interval(level, method));
                let needed = || {
                    let n = estimate.n.unwrap_or_default();
                    let variance = power::variance_per_row(bounds, n as f64, level);
                    self.to_collect(
                        estimate,
                        power::rows_within(variance, self.distance(bounds.value), level),
                    )
                };
                self.decide(part, needed)
            }
        }
    }

    /// Whether an estimate can be judged at all; if not, the hole that it leaves.
    fn usable(&self, estimate: &Estimate) -> Result<(), Box<Part>> {
        let slice = &estimate.slice;
        let rule = self.rule;
        let label = slice.label();
        let refuse = |sentence: String, needed: Option<RowsNeeded>| {
            let mut part = self.part_of(estimate);
            part.sentence = sentence;
            part.needed = needed;
            Err(Box::new(part))
        };
        if self.is_unconfirmed(slice) {
            return refuse(format!("nobody has confirmed the group {label}"), None);
        }
        if estimate.value.is_none() && estimate.n != Some(0) {
            let why = estimate.undefined.as_deref().unwrap_or("undefined");
            return refuse(format!("{label}: {why}"), None);
        }
        let Some(n) = estimate.n else {
            return refuse(format!("{label} was reported without n"), None);
        };
        let has_counts = estimate.numerator.is_some() && estimate.denominator.is_some();
        if rule.evidence == Evidence::Recomputed && !self.run.recomputed && !has_counts {
            let sentence = format!("{label} was reported, and the rule wants it recomputed");
            return refuse(sentence, None);
        }
        let short = |has: u64, least: u64| least.saturating_sub(has.min(least));
        if n < rule.least_n {
            let needed = self.to_collect(estimate, Some(rule.least_n));
            return refuse(words::too_few(&label, n, rule.least_n, &rule.metric), Some(needed));
        }
        let positives = self.positives(slice);
        if let Some(positives) = positives
            && short(positives, rule.least_positives) > 0
        {
            let more = short(positives, rule.least_positives);
            let rows = power::rows_of_slice(more, positives, self.rows(slice));
            let sentence = words::too_few_positives(&label, positives, rule.least_positives);
            return refuse(sentence, Some(RowsNeeded::More { denominator: more, rows }));
        }
        match (&estimate.undefined, estimate.value) {
            (why, None) => {
                refuse(format!("{label}: {}", why.as_deref().unwrap_or("undefined")), None)
            }
            _ => Ok(()),
        }
    }

    /// Rows with a positive label in the slice, as far as any estimate of it tells.
    fn positives(&self, slice: &Slice) -> Option<u64> {
        self.measured.slices.get(slice)?.positives
    }

    /// Rows of the slice, as far as any estimate of it tells.
    fn rows(&self, slice: &Slice) -> u64 {
        self.measured.slices.get(slice).map_or(0, |of_slice| of_slice.rows)
    }

    /// Rows to collect for the metric to look at `wanted` rows in all.
    fn to_collect(&self, estimate: &Estimate, wanted: Option<u64>) -> RowsNeeded {
        let n = estimate.n.unwrap_or_default();
        match wanted {
            None => RowsNeeded::MoreRowsWillNotDecide,
            Some(wanted) => {
                let denominator = wanted.saturating_sub(n).max(1);
                let rows = power::rows_of_slice(denominator, n, self.rows(&estimate.slice));
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
            positives: self.positives(&estimate.slice),
            ..hole(estimate.slice.clone(), String::new())
        }
    }

    /// Holds value and interval against the bound.
    fn decide(&self, mut part: Part, needed: impl FnOnce() -> RowsNeeded) -> Part {
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
            part.needed = Some(needed());
        }
        part.sentence = words::part(self.rule, &part);
        part
    }

    fn disparities(&self, kind: Kind, reference: &Reference) -> Vec<Part> {
        let families: Vec<Vec<String>> = match &self.rule.target {
            Target::Groups { .. } => self
                .families()
                .into_iter()
                .map(|family| family.into_iter().map(str::to_owned).collect())
                .collect(),
            // A named slice is compared within its own family.
            Target::Slices(slices) => slices
                .iter()
                .map(|slice| slice.attributes().map(str::to_owned).collect())
                .collect::<BTreeSet<Vec<String>>>()
                .into_iter()
                .collect(),
        };
        let mut parts = vec![];
        for family in &families {
            let attributes: Vec<&str> = family.iter().map(String::as_str).collect();
            parts.extend(self.family(&attributes, kind, reference));
        }
        if let Target::Slices(slices) = &self.rule.target {
            for slice in slices.iter().filter(|slice| self.estimate(slice).is_none()) {
                let sentence = format!("the run has no {} for {}", self.rule.metric, slice.label());
                parts.push(hole(slice.clone(), sentence));
            }
            parts.retain(|part| slices.contains(&part.slice));
        }
        parts
    }

    fn family(&self, attributes: &[&str], kind: Kind, reference: &Reference) -> Vec<Part> {
        let groups = self.groups(attributes);
        if groups.is_empty() {
            return vec![self.not_measured(attributes)];
        }
        let mut parts = vec![];
        // Nobody is compared with a group that cannot be judged itself.
        let mut comparable: Vec<Estimate> = vec![];
        for estimate in &groups {
            match self.usable(estimate) {
                Ok(()) => comparable.push((*estimate).clone()),
                Err(part) => parts.push(*part),
            }
        }
        if comparable.is_empty() {
            return parts;
        }
        if comparable.len() == 1 && matches!(reference, Reference::Best) {
            let only = self.part_of(&comparable[0]);
            let sentence =
                format!("{} is the only group with enough rows", comparable[0].slice.label());
            parts.push(Part { sentence, ..only });
            return parts;
        }
        let judged = comparable.len();
        comparable.extend(
            self.run
                .estimates
                .iter()
                .filter(|e| e.metric == self.rule.metric && e.slice.is_overall())
                .cloned(),
        );
        // Against the best the comparison itself shares the error among all pairs.
        let level = match reference {
            Reference::Best => self.rule.level,
            Reference::Overall | Reference::Rest => self.level(judged),
            Reference::Group(_) => self.level(judged - 1),
        };
        let comparison = Comparison {
            metric: &self.rule.metric,
            attributes,
            kind,
            reference: reference.clone(),
            outcome: self.run.outcome,
            level,
            least_n: self.rule.least_n,
        };
        for disparity in compare(&comparable, &comparison) {
            parts.push(self.of_disparity(disparity, level));
        }
        parts
    }

    fn of_disparity(&self, disparity: Disparity, level: f64) -> Part {
        let Some(estimate) = self.estimate(&disparity.slice) else {
            return hole(disparity.slice, "it was not compared");
        };
        let mut part = self.part_of(estimate);
        part.value = disparity.value;
        part.reference.clone_from(&disparity.reference_slice);
        let is_reference = disparity.reference_slice.as_ref() == Some(&disparity.slice);
        if is_reference {
            part.verdict = Verdict::Pass;
            part.sentence = format!("{} is what the others are compared with", part.slice.label());
            return part;
        }
        let Some(interval) = disparity.interval.clone() else {
            let why = disparity.reason.unwrap_or_else(|| "it has no interval".to_owned());
            part.sentence = format!("{}: {why}", part.slice.label());
            return part;
        };
        part.interval = Some(interval.clone());
        let reference = disparity.reference_slice.as_ref().and_then(|it| self.estimate(it));
        self.decide(part, || self.needed_for(estimate, reference, &disparity, &interval, level))
    }

    fn needed_for(
        &self,
        estimate: &Estimate,
        reference: Option<&Estimate>,
        disparity: &Disparity,
        interval: &Interval,
        level: f64,
    ) -> RowsNeeded {
        let Some(value) = disparity.value else { return RowsNeeded::MoreRowsWillNotDecide };
        let level = 1.0 - (1.0 - level) / disparity.pairs as f64;
        let distance = self.distance(value);
        // Without a reference of its own, a ratio is planned by how wide its interval is.
        let half = (interval.high - interval.low) / 2.0;
        let (Ok(own), n) = (estimate.bounds(level), estimate.n.unwrap_or_default() as f64) else {
            return RowsNeeded::MoreRowsWillNotDecide;
        };
        let wanted = match (disparity.kind, reference.and_then(|r| r.bounds(level).ok())) {
            (Kind::Ratio, Some(bounds)) => {
                let (low, high) = self.rule.wanted();
                let bound = if high - value < value - low { high } else { low };
                power::rows_within_ratio_of(own, n, bounds, bound, level)
            }
            (Kind::Difference, Some(bounds)) => {
                let own = power::variance_per_row(own, n, level);
                let of_reference = power::variance_per_row(bounds, 1.0, level);
                power::rows_within_of(own, of_reference, distance, level)
            }
            _ => {
                let times = (half / distance).powi(2);
                power::rows_within(n * times, metrics::interval::z(level), level)
            }
        };
        self.to_collect(estimate, wanted)
    }

    fn changes(&self, case: &Case<'_>) -> Vec<Part> {
        let (slices, mut parts) = self.slices();
        let same = |run: &&EvidenceRun| {
            run.dataset_name == self.run.dataset_name
                && run.dataset_version == self.run.dataset_version
        };
        let Some(before) = case.launched.iter().find(same) else {
            let sentence = format!(
                "the launched version has no run on {}@{}",
                self.run.dataset_name, self.run.dataset_version
            );
            return vec![hole(Slice::overall(), sentence)];
        };
        let level = self.level(slices.len());
        for slice in slices {
            parts.push(self.of_change(slice, before, level));
        }
        parts
    }

    fn of_change(&self, slice: Slice, before: &EvidenceRun, level: f64) -> Part {
        let Some(estimate) = self.estimate(&slice) else {
            let sentence = format!("the run has no {} for {}", self.rule.metric, slice.label());
            return hole(slice, sentence);
        };
        if let Err(part) = self.usable(estimate) {
            return *part;
        }
        let is = |e: &&Estimate| e.metric == self.rule.metric && e.slice == slice;
        let Some(earlier) = before.estimates.iter().find(is) else {
            let sentence = format!("the launched version has no {}", slice.label());
            return hole(slice, sentence);
        };
        let change = trend::change(earlier, estimate, level);
        let mut part = self.part_of(estimate);
        part.value = change.value;
        match change.interval {
            Some(interval) => {
                part.interval = Some(interval.clone());
                let value = change.value.unwrap_or_default();
                let n = estimate.n.unwrap_or_default();
                let half = (interval.high - interval.low) / 2.0 / metrics::interval::z(level);
                let variance = half * half * n as f64;
                self.decide(part, || {
                    let wanted = power::rows_within(variance, self.distance(value), level);
                    self.to_collect(estimate, wanted)
                })
            }
            None => {
                let why = change.reason.unwrap_or_else(|| "it has no interval".to_owned());
                part.sentence = format!("{}: {why}", part.slice.label());
                part
            }
        }
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
