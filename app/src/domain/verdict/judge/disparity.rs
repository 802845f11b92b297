//! The groups of an attribute, or of an intersection, compared with each other.

use super::Judge;
use crate::domain::policy::Target;
use crate::domain::verdict::{Part, Verdict};
use metrics::disparity::{Comparison, Disparity, Kind, Reference, beside, compare};
use metrics::{Estimate, power};
use std::collections::BTreeSet;

impl Judge<'_> {
    pub(super) fn disparities(&self, kind: Kind, reference: &Reference) -> Vec<Part> {
        let Target::Slices(slices) = &self.rule.target else {
            let families = self.families();
            let parts = families.iter().flat_map(|family| self.family(family, kind, reference));
            return parts.collect();
        };
        // A named slice is compared within its own family.
        let families: BTreeSet<Vec<&str>> =
            slices.iter().map(|slice| slice.attributes().collect()).collect();
        let mut parts: Vec<Part> =
            families.iter().flat_map(|family| self.family(family, kind, reference)).collect();
        let unmeasured = slices.iter().filter(|slice| self.estimate(slice).is_none());
        parts.extend(unmeasured.map(|slice| self.not_measured_on(slice)));
        parts.retain(|part| slices.contains(&part.slice));
        parts
    }

    fn family(&self, attributes: &[&str], kind: Kind, reference: &Reference) -> Vec<Part> {
        let groups = self.groups(attributes);
        if groups.is_empty() {
            return vec![self.not_measured(attributes)];
        }
        let mut parts = vec![];
        // Nobody is compared with a group that cannot be judged itself.
        let mut comparable: Vec<&Estimate> = vec![];
        for estimate in groups {
            match self.usable(estimate) {
                Ok(()) => comparable.push(estimate),
                Err(part) => parts.push(*part),
            }
        }
        if let ([only], Reference::Best) = (comparable.as_slice(), reference) {
            let sentence = format!("{} is the only group with enough rows", only.slice.label());
            parts.push(Part { sentence, ..self.part_of(only) });
            return parts;
        }
        // Against the best the comparison itself shares the error among all pairs.
        let level = match reference {
            Reference::Best => self.rule.level,
            Reference::Overall | Reference::Rest => self.level(comparable.len()),
            Reference::Group(_) => self.level(comparable.len().saturating_sub(1)),
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
        let overall = self
            .measured
            .of_metric(&self.rule.metric)
            .iter()
            .filter(|estimate| estimate.slice.is_overall());
        let beside =
            beside(&self.rule.metric).iter().flat_map(|rate| self.measured.of_metric(rate));
        let known = comparable.iter().chain(overall).chain(beside).copied();
        let mut reference: Option<&Estimate> = None;
        for (disparity, estimate) in compare(known, &comparison).into_iter().zip(comparable) {
            debug_assert_eq!(disparity.slice, estimate.slice);
            // It is mostly the same for all of them.
            if reference.map(|it| &it.slice) != disparity.reference_slice.as_ref() {
                reference = disparity.reference_slice.as_ref().and_then(|it| self.estimate(it));
            }
            parts.push(self.of_disparity(disparity, estimate, reference, level));
        }
        parts
    }

    fn of_disparity(
        &self,
        disparity: Disparity,
        estimate: &Estimate,
        reference: Option<&Estimate>,
        level: f64,
    ) -> Part {
        let is_reference = disparity.reference_slice.as_ref() == Some(&disparity.slice);
        let mut part = self.part_of(estimate);
        part.value = disparity.value;
        part.reference = disparity.reference_slice;
        if is_reference {
            part.verdict = Verdict::Pass;
            part.sentence = format!("{} is what the others are compared with", part.slice.label());
            return part;
        }
        let (Some(interval), Some(value)) = (disparity.interval, disparity.value) else {
            let why = disparity.reason.unwrap_or_else(|| "it has no interval".to_owned());
            part.sentence = format!("{}: {why}", part.slice.label());
            return part;
        };
        let half = (interval.high - interval.low) / 2.0;
        part.interval = Some(interval);
        let level = 1.0 - (1.0 - level) / disparity.pairs as f64;
        self.decide(estimate, part, || {
            let own = estimate.bounds(level).ok()?;
            let n = estimate.n? as f64;
            let distance = self.distance(value);
            match (disparity.kind, reference.and_then(|it| it.bounds(level).ok())) {
                (Kind::Ratio, Some(reference)) => {
                    let (low, high) = self.rule.wanted();
                    let bound = if high - value < value - low { high } else { low };
                    power::rows_within_ratio_of(own, n, reference, bound, level)
                }
                (Kind::Difference, Some(reference)) => {
                    let own = power::variance_per_row(own, n, level);
                    let of_reference = power::variance_per_row(reference, 1.0, level);
                    power::rows_within_of(own, of_reference, distance, level)
                }
                // Without a reference of its own, it is planned by how wide its interval is.
                _ => {
                    let times = (half / distance).powi(2);
                    power::rows_within(n * times, metrics::interval::z(level), level)
                }
            }
        })
    }
}
