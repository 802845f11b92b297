//! A change since the version that was launched last.

use super::{Judge, hole};
use crate::domain::series::BySeries;
use crate::domain::verdict::{Case, EvidenceRun, Part};
use metrics::{Estimate, Slice, power, trend};

impl<'a> Judge<'a> {
    /// The launched version's newest run on the same dataset version.
    pub(super) fn launched(&self, case: &Case<'a>) -> Option<&'a EvidenceRun> {
        case.launched?.iter().find(|run| {
            run.dataset_name == self.run.dataset_name
                && run.dataset_version == self.run.dataset_version
        })
    }

    pub(super) fn changes(&self, before: Option<&EvidenceRun>) -> Vec<Part> {
        let Some(before) = before else {
            let sentence = format!(
                "the launched version has no run on {}@{}",
                self.run.dataset_name, self.run.dataset_version
            );
            return vec![hole(Slice::overall(), sentence)];
        };
        let before = BySeries::of_estimates(&before.estimates);
        let (estimates, mut parts) = self.measured_on();
        let level = self.level(estimates.len() + parts.len());
        let change = |estimate| self.of_change(estimate, &before, level);
        parts.extend(estimates.into_iter().map(change));
        parts
    }

    fn of_change(&self, estimate: &Estimate, before: &BySeries<'_, Estimate>, level: f64) -> Part {
        if let Err(hole) = self.usable(estimate) {
            return *hole;
        }
        let Some(earlier) = before.get(&self.rule.metric, &estimate.slice) else {
            let sentence = format!("the launched version has no {}", estimate.slice.label());
            return hole(estimate.slice.clone(), sentence);
        };
        let change = trend::change(earlier, estimate, level);
        let mut part = self.part_of(estimate);
        part.value = change.value;
        let Some(interval) = change.interval else {
            let why = change.reason.unwrap_or_else(|| "it has no interval".to_owned());
            part.sentence = format!("{}: {why}", part.slice.label());
            return part;
        };
        let value = change.value.unwrap_or_default();
        let n = estimate.n.unwrap_or_default();
        let half = (interval.high - interval.low) / 2.0 / metrics::interval::z(level);
        let variance = half * half * n as f64;
        part.interval = Some(interval);
        self.decide(estimate, part, || power::rows_within(variance, self.distance(value), level))
    }
}
