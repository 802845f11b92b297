//! Classification into several classes: each class against all others, and macro averages.

use crate::counts::{Amount, Counts};
use crate::interval::{self, method};
use crate::rates::{self, Setting};
use crate::scores::Scored;
use crate::{Estimate, Slice};
use std::collections::BTreeMap;

/// The confusion matrix of a slice: rows by label and prediction, each the place of a class.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Confusion {
    cells: BTreeMap<(u16, u16), Amount>,
}

impl Confusion {
    /// Numbers of unweighted rows by label and predicted label, both places of classes.
    pub fn of_rows(cells: impl IntoIterator<Item = ((u16, u16), u64)>) -> Self {
        let amount = |rows| Amount { rows, ..Amount::default() };
        Self { cells: cells.into_iter().map(|(cell, rows)| (cell, amount(rows))).collect() }
    }

    /// Adds a row with its weight, scaled to 0..1.
    pub fn add(&mut self, label: u16, predicted: u16, weight: f64) {
        self.cells.entry((label, predicted)).or_default().add(weight);
    }

    /// The rows of two disjoint sets taken together.
    #[must_use]
    pub fn plus(mut self, other: &Self) -> Self {
        for (cell, amount) in &other.cells {
            let sum = self.cells.entry(*cell).or_default();
            *sum = sum.plus(*amount);
        }
        self
    }

    /// Each of `classes` classes against all others.
    pub fn against_rest(&self, classes: usize) -> Vec<Counts> {
        let none = Amount::default();
        let mut labelled = vec![none; classes];
        let mut predicted = vec![none; classes];
        let mut right = vec![none; classes];
        let mut all = none;
        for (&(label, prediction), &amount) in &self.cells {
            let (label, prediction) = (usize::from(label), usize::from(prediction));
            labelled[label] = labelled[label].plus(amount);
            predicted[prediction] = predicted[prediction].plus(amount);
            if label == prediction {
                right[label] = right[label].plus(amount);
            }
            all = all.plus(amount);
        }
        (0..classes)
            .map(|class| {
                let hit = right[class];
                let (missed, wrong) = (labelled[class].minus(hit), predicted[class].minus(hit));
                let rest = all.minus(labelled[class]).minus(wrong);
                Counts::of_amounts([rest, missed, wrong, hit])
            })
            .collect()
    }
}

/// The metrics of each class against all others, `precision[cat]`, and the macro averages over the
/// classes of the whole file. A macro average is undefined in a slice where one of its terms is, for
/// the mean over fewer classes would be another quantity.
pub fn estimates(
    slice: &Slice,
    confusion: &Confusion,
    classes: &[String],
    setting: Setting,
) -> Vec<Estimate> {
    let counts = confusion.against_rest(classes.len());
    let of_classes: Vec<Vec<Estimate>> = counts
        .iter()
        .map(|counts| rates::estimates(slice, counts, &Scored::default(), setting))
        .collect();
    let term = |metric: &str| -> Vec<&Estimate> {
        let of = |all: &'_ Vec<Estimate>| all.iter().position(|estimate| estimate.metric == metric);
        of_classes.iter().filter_map(|all| of(all).map(|at| &all[at])).collect()
    };
    let mut macros = vec![
        mean(slice, "macro_recall", &term("true_positive_rate"), classes, &counts, setting),
        mean(slice, "macro_precision", &term("precision"), classes, &counts, setting),
        mean(slice, "macro_f1", &term("f1"), classes, &counts, setting),
    ];
    if let Some(macro_f1) = macros.last_mut() {
        let f1: Option<Vec<f64>> = term("f1").iter().map(|estimate| estimate.value).collect();
        if let Some(f1) = f1 {
            f1_interval(macro_f1, confusion, &counts, &f1, setting);
        }
    }
    let named = of_classes.into_iter().zip(classes).flat_map(|(all, class)| {
        all.into_iter()
            .filter(|estimate| !matches!(estimate.metric.as_str(), "count" | "accuracy"))
            .map(move |estimate| Estimate {
                metric: format!("{}[{class}]", estimate.metric),
                ..estimate
            })
    });
    macros.into_iter().chain(named).collect()
}

/// The mean of one metric over classes. Recalls look at disjoint rows, as do precisions, so given
/// how many there are their variances add up; a rate of 0 or 1 is taken half a row off, or it would
/// count as known without error.
fn mean(
    slice: &Slice,
    key: &str,
    terms: &[&Estimate],
    classes: &[String],
    counts: &[Counts],
    setting: Setting,
) -> Estimate {
    let rows = counts.first().map_or(0, Counts::all);
    let mut estimate = Estimate { n: Some(rows), ..Estimate::blank(slice, key) };
    if let Some((term, class)) = terms.iter().zip(classes).find(|(term, _)| term.value.is_none()) {
        let why = term.undefined.as_deref().unwrap_or("undefined");
        estimate.undefined = Some(format!("of {class}: {why}"));
        return estimate;
    }
    if terms.is_empty() {
        estimate.undefined = Some("no classes".to_owned());
        return estimate;
    }
    let classes = terms.len() as f64;
    let values = terms.iter().filter_map(|term| term.value);
    let value = values.sum::<f64>() / classes;
    let variance: f64 = terms
        .iter()
        .filter_map(|term| {
            let n = term.n_effective.or(term.n.map(|n| n as f64))?;
            let p = term.value.filter(|p| *p > 0.0 && *p < 1.0);
            let p = p.unwrap_or(0.5 / (n + 1.0));
            Some(p * (1.0 - p) / n)
        })
        .sum();
    estimate.value = Some(value);
    estimate.n_effective = setting.weighted.then(|| effective(counts));
    set_interval(&mut estimate, variance.sqrt() / classes, setting);
    estimate
}

fn set_interval(estimate: &mut Estimate, stderr: f64, setting: Setting) {
    let Some(value) = estimate.value else { return };
    estimate.stderr = Some(stderr);
    let bounds = interval::delta(value, stderr, setting.level, [0.0, 1.0]);
    estimate.interval = Some(bounds.interval(setting.level, method::DELTA));
}

fn effective(counts: &[Counts]) -> f64 {
    use crate::counts::Cell::{FalseNegative, FalsePositive, TrueNegative, TruePositive};
    let all = [TrueNegative, FalseNegative, FalsePositive, TruePositive];
    let weights = counts.first().map(|counts| counts.weights(&all)).unwrap_or_default();
    let (sum, squares) = (weights.sum.get(), weights.squares.get());
    if squares > 0.0 { sum * sum / squares } else { 0.0 }
}

/// The delta method over the whole confusion matrix, for a wrong row counts against two classes.
///
/// With S the rows labelled plus the rows predicted as a class, F1 = 2TP/S. A row that is right
/// moves its class by 2(1 − F1)/S, one that is wrong moves both of its classes by −F1/S.
fn f1_interval(
    estimate: &mut Estimate,
    confusion: &Confusion,
    counts: &[Counts],
    f1: &[f64],
    setting: Setting,
) {
    use crate::counts::Cell::{FalseNegative, FalsePositive, TruePositive};
    let amount = |amount: &Amount| {
        if setting.weighted {
            (amount.weights.sum.get(), amount.weights.squares.get())
        } else {
            (amount.rows as f64, amount.rows as f64)
        }
    };
    let size = |counts: &Counts| {
        let of = |cells: &[crate::counts::Cell]| {
            if setting.weighted {
                counts.weights(cells).sum.get()
            } else {
                counts.rows(cells) as f64
            }
        };
        2.0 * of(&[TruePositive]) + of(&[FalsePositive, FalseNegative])
    };
    let sizes: Vec<f64> = counts.iter().map(size).collect();
    let squared: f64 = confusion
        .cells
        .iter()
        .map(|(&(label, predicted), rows)| {
            let (i, j) = (usize::from(label), usize::from(predicted));
            let moved = if i == j {
                2.0 * (1.0 - f1[i]) / sizes[i]
            } else {
                -f1[i] / sizes[i] - f1[j] / sizes[j]
            };
            amount(rows).1 * moved * moved
        })
        .sum();
    let stderr = squared.sqrt() / f1.len() as f64;
    // When no row is wrong nothing moves: the interval of the mean of rates, half a row off, stays.
    if stderr > 0.0 {
        set_interval(estimate, stderr, setting);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTING: Setting =
        Setting { weighted: false, scored: false, threshold: None, level: 0.95 };

    fn names() -> Vec<String> {
        ["cat", "dog", "owl"].map(str::to_owned).to_vec()
    }

    fn confusion(rows: &[(u16, u16, u64)]) -> Confusion {
        let mut confusion = Confusion::default();
        for &(label, predicted, rows) in rows {
            (0..rows).for_each(|_| confusion.add(label, predicted, 1.0));
        }
        confusion
    }

    fn find<'a>(all: &'a [Estimate], metric: &str) -> &'a Estimate {
        all.iter().find(|estimate| estimate.metric == metric).unwrap()
    }

    #[test]
    fn each_class_is_held_against_all_others_and_macro_averages_weigh_them_alike() {
        let rows = [(0, 0, 8), (0, 1, 2), (1, 1, 6), (1, 2, 4), (2, 2, 80)];
        let all = estimates(&Slice::overall(), &confusion(&rows), &names(), SETTING);
        assert_eq!(find(&all, "true_positive_rate[cat]").value, Some(0.8));
        assert_eq!(find(&all, "precision[dog]").value, Some(0.75));
        let recall = find(&all, "macro_recall");
        assert!((recall.value.unwrap() - 0.8).abs() < 1e-12);
        assert_eq!(recall.n, Some(100));
        let precision = (1.0 + 0.75 + 80.0 / 84.0) / 3.0;
        assert!((find(&all, "macro_precision").value.unwrap() - precision).abs() < 1e-12);
        let f1 = (16.0 / 18.0 + 12.0 / 18.0 + 160.0 / 164.0) / 3.0;
        let macro_f1 = find(&all, "macro_f1");
        assert!((macro_f1.value.unwrap() - f1).abs() < 1e-12);
        let ends = macro_f1.interval.as_ref().unwrap();
        assert!(ends.low < f1 && f1 < ends.high && ends.high - ends.low > 0.05, "{ends:?}");
    }

    #[test]
    fn a_slice_that_lacks_a_class_has_no_macro_average_and_says_which() {
        let all =
            estimates(&Slice::overall(), &confusion(&[(0, 0, 5), (1, 0, 5)]), &names(), SETTING);
        assert_eq!(find(&all, "macro_recall").undefined.as_deref(), Some("of owl: no positives"));
        assert_eq!(
            find(&all, "macro_precision").undefined.as_deref(),
            Some("of dog: no predicted positives")
        );
    }

    #[test]
    fn all_right_is_not_known_without_error() {
        let rows = [(0, 0, 5), (1, 1, 5), (2, 2, 5)];
        let all = estimates(&Slice::overall(), &confusion(&rows), &names(), SETTING);
        for metric in ["macro_recall", "macro_precision", "macro_f1"] {
            let estimate = find(&all, metric);
            assert_eq!(estimate.value, Some(1.0));
            assert!(estimate.interval.as_ref().unwrap().low < 0.98, "{metric}");
        }
    }

    #[test]
    fn parts_add_up_to_the_whole() {
        let (left, right) =
            (confusion(&[(0, 0, 3), (1, 2, 2)]), confusion(&[(1, 2, 4), (2, 2, 1)]));
        let whole = confusion(&[(0, 0, 3), (1, 2, 6), (2, 2, 1)]);
        assert_eq!(left.plus(&right), whole);
    }
}
