//! Comparisons with the rest and with overall.
//!
//! Overall contains the group, so the two are not independent. But overall is a mixture,
//! `p = s·p_group + (1−s)·p_rest` with s the group's share, and the group and the rest are
//! independent: `p_group − p = (1−s)(p_group − p_rest)`.

use super::{Disparity, Family, Kind, why_undefined};
use crate::counts::Counts;
use crate::interval::{self, Bounds};
use crate::{Estimate, Slice, catalogue, rates};
use std::borrow::Borrow;

/// The rest of the rows, and the group's share of what the metric is a mean of.
struct Rest {
    bounds: Bounds,
    n: Option<u64>,
    /// `None` when overall is not a mixture of the groups in this metric.
    share: Option<f64>,
}

impl Family<'_> {
    pub(super) fn against_rest(&self, group: &Estimate) -> Disparity {
        let mut disparity = self.blank(group);
        if group.value.is_none() {
            disparity.reason = Some(why_undefined(group, group));
            return disparity;
        }
        match self.rest(group) {
            Err(why) => disparity.reason = Some(why),
            Ok(rest) => {
                disparity.reference_n = rest.n;
                self.point(&mut disparity, group.value, Some(rest.bounds.value));
                if disparity.value.is_some() {
                    let bounds = self
                        .bounds(group, self.comparison.level)
                        .and_then(|bounds| self.combine(bounds, rest.bounds));
                    self.fill(&mut disparity, bounds);
                }
            }
        }
        disparity
    }

    pub(super) fn against_overall(&self, group: &Estimate) -> Disparity {
        let mut disparity = self.blank(group);
        let Some(overall) = self.overall else {
            disparity.reason = Some("there is no overall estimate".to_owned());
            return disparity;
        };
        disparity.reference_slice = Some(Slice::overall());
        disparity.reference_n = overall.n;
        self.point(&mut disparity, group.value, overall.value);
        if disparity.value.is_none() {
            disparity.reason.get_or_insert_with(|| why_undefined(group, overall));
            return disparity;
        }
        if group.n.is_some() && group.n == overall.n {
            disparity.reason = Some("the group is all there is".to_owned());
            return disparity;
        }
        let bounds = self.rest(group).and_then(|rest| {
            let share = rest.share.ok_or_else(|| {
                format!("overall {} is no mixture of its groups", self.comparison.metric)
            })?;
            let bounds = self.bounds(group, self.comparison.level)?;
            match self.comparison.kind {
                Kind::Difference => {
                    Ok(interval::difference(bounds, rest.bounds).scaled(1.0 - share))
                }
                Kind::Ratio => interval::ratio(bounds, rest.bounds)
                    .map(|ratio| ratio.through(|r| r / (share * r + (1.0 - share))))
                    .ok_or_else(|| "the rest may be 0, so the ratio has no bound".to_owned()),
            }
        });
        self.fill(&mut disparity, bounds);
        disparity
    }

    fn rest(&self, group: &Estimate) -> Result<Rest, String> {
        let level = self.comparison.level;
        let overall = self.overall.ok_or_else(|| "there is no overall estimate".to_owned())?;
        if let Some(rest) = rest_of_counts(group, overall, level) {
            return rest;
        }
        if let Some(rest) = self.rest_of_confusion(group, level) {
            return rest;
        }
        // With two groups, the rest is the other one, whatever the metric.
        if let [a, b] = self.groups.as_slice()
            && covers(a, b, overall)
        {
            let other = if a.slice == group.slice { b } else { a };
            let bounds = self
                .bounds(other, level)
                .map_err(|why| format!("{}: {why}", other.slice.label()))?;
            let share = match (group.value, overall.value) {
                // Weights are not stored, but overall tells how they were shared.
                (Some(own), Some(all)) if mixes(group) && (own - bounds.value).abs() > 1e-12 => {
                    Some(((all - bounds.value) / (own - bounds.value)).clamp(0.0, 1.0))
                }
                _ => None,
            };
            return Ok(Rest { bounds, n: other.n, share });
        }
        rest_of_mean(group, overall, level).unwrap_or_else(|| {
            Err(format!("{} of the rest cannot be derived from estimates", group.metric))
        })
    }

    /// F1 and balanced accuracy, by way of the confusion matrices.
    fn rest_of_confusion(&self, group: &Estimate, level: f64) -> Option<Result<Rest, String>> {
        let metric = self.comparison.metric;
        if !matches!(metric, "f1" | "balanced_accuracy") {
            return None;
        }
        let [own, all] = [&group.slice, &Slice::overall()]
            .map(|slice| confusion_matrix(&self.all, slice).map(|m| m.map(|k| k)));
        let (own, all) = (own?, all?);
        let mut rest = [0; 4];
        for cell in 0..4 {
            rest[cell] = all[cell].checked_sub(own[cell])?;
        }
        let [tp, fp, missed, tn] = rest;
        let counts = Counts::of_confusion(tp, fp, missed, tn);
        let estimate = rates::of_confusion(metric, &counts, level)?;
        // F1 = 2TP / (2TP + FP + FN) is a mean over its denominator; balanced accuracy is not one.
        let weight = |[tp, fp, missed, _]: [u64; 4]| (2 * tp + fp + missed) as f64;
        let share = (metric == "f1").then(|| weight(own) / weight(all));
        Some(estimate.bounds(level).map(|bounds| Rest { bounds, n: estimate.n, share }))
    }
}

/// Whether overall is a mean of the groups' values.
fn mixes(estimate: &Estimate) -> bool {
    use catalogue::Kind::{Mean, Rate};
    catalogue::find(&estimate.metric).is_some_and(|metric| matches!(metric.kind, Rate | Mean))
}

/// Whether two groups make up overall.
fn covers(a: &Estimate, b: &Estimate, overall: &Estimate) -> bool {
    matches!((a.n, b.n, overall.n), (Some(a), Some(b), Some(all)) if a + b == all)
}

fn rest_of_counts(
    group: &Estimate,
    overall: &Estimate,
    level: f64,
) -> Option<Result<Rest, String>> {
    if group.n_effective.is_some() || overall.n_effective.is_some() {
        return None;
    }
    let (k, n) = (group.numerator?, group.denominator?);
    let (all_k, all_n) = (overall.numerator?, overall.denominator?);
    let (Some(rest_k), Some(rest_n)) = (all_k.checked_sub(k), all_n.checked_sub(n)) else {
        return Some(Err("the group has more rows than overall".to_owned()));
    };
    if rest_n == 0 || rest_k > rest_n {
        return Some(Err("no rows remain beside the group".to_owned()));
    }
    let bounds = interval::wilson(rest_k as f64 / rest_n as f64, rest_n as f64, level);
    Some(Ok(Rest { bounds, n: Some(rest_n), share: Some(n as f64 / all_n as f64) }))
}

/// The mean of the rest and its standard error, by taking the group's sums from overall's.
fn rest_of_mean(group: &Estimate, overall: &Estimate, level: f64) -> Option<Result<Rest, String>> {
    let is_mean = catalogue::find(&group.metric)?.kind == catalogue::Kind::Mean;
    if !is_mean || group.n_effective.is_some() || overall.n_effective.is_some() {
        return None;
    }
    let moments = |estimate: &Estimate| -> Option<[f64; 3]> {
        let (n, mean) = (estimate.n? as f64, estimate.value?);
        // Without a standard error the rows showed no spread.
        let stderr = estimate.stderr.unwrap_or(0.0);
        let squares = stderr * stderr * n * (n - 1.0) + n * mean * mean;
        Some([n, n * mean, squares])
    };
    let ([n, sum, squares], [all_n, all_sum, all_squares]) = (moments(group)?, moments(overall)?);
    let (n_rest, sum, squares) = (all_n - n, all_sum - sum, all_squares - squares);
    if n_rest < 2.0 {
        return Some(Err("fewer than two rows remain beside the group".to_owned()));
    }
    let mean = sum / n_rest;
    let stderr = ((squares / n_rest - mean * mean).max(0.0) / (n_rest - 1.0)).sqrt();
    let [low, high] = catalogue::range(&group.metric);
    let bounds = interval::mean_t(mean, stderr, n_rest - 1.0, level).clamped(low, high);
    let n = overall.n.zip(group.n).map(|(all, own)| all - own);
    Some(Ok(Rest { bounds, n, share: Some((all_n - n_rest) / all_n) }))
}

/// The confusion matrix of a slice, read off its true and false positive rates.
pub(super) fn confusion(all: &[impl Borrow<Estimate>], slice: &Slice) -> Option<Counts> {
    let [tp, fp, missed, tn] = confusion_matrix(all, slice)?;
    Some(Counts::of_confusion(tp, fp, missed, tn))
}

/// TP, FP, FN, TN.
fn confusion_matrix(all: &[impl Borrow<Estimate>], slice: &Slice) -> Option<[u64; 4]> {
    let counts = |metric: &str| {
        let mut all = all.iter().map(Borrow::borrow);
        let found = all.find(|e: &&Estimate| e.metric == metric && e.slice == *slice)?;
        found.numerator.zip(found.denominator).filter(|(k, n)| k <= n)
    };
    let (tp, positives) = counts("true_positive_rate")?;
    let (fp, negatives) = counts("false_positive_rate")?;
    Some([tp, fp, positives - tp, negatives - fp])
}
