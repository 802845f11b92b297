//! A confusion matrix from the rates that a tool reports of it.
//!
//! With the number of rows, a selection rate and an accuracy tell how many rows were predicted
//! positive and how many were right; one error rate more decides the matrix. It is taken only where
//! whole numbers give back every rate that was reported, and no other whole numbers near them do.

use super::harvest::whole_part;
use metrics::counts::Counts;

/// How far a reported rate may be from the matrix's: pandas rounds JSON to ten decimals.
const ROUNDING: f64 = 1e-9;

#[derive(Clone, Copy, Debug, PartialEq)]
struct Matrix {
    tp: u64,
    fp: u64,
    false_negatives: u64,
    tn: u64,
}

/// The counts of `n` rows, from what is reported of them by key.
pub(super) fn counts(n: u64, rate: impl Fn(&str) -> Option<f64>) -> Option<Counts> {
    let selected = whole_part(rate("selection_rate")?, n)?;
    let right = match rate("accuracy") {
        Some(accuracy) => Some(whole_part(accuracy, n)?),
        None => None,
    };
    let mut found: Vec<Matrix> = Vec::new();
    for positives in candidates(n, selected, right, &rate) {
        // Neighbours would be found by rates that say too little.
        for nearby in positives.saturating_sub(3)..=positives.saturating_add(3).min(n) {
            for tp in true_positives(n, selected, right, nearby, &rate) {
                let Some(matrix) = matrix(n, selected, nearby, tp) else { continue };
                if matrix.gives(&rate) && !found.contains(&matrix) {
                    found.push(matrix);
                }
            }
        }
    }
    let [Matrix { tp, fp, false_negatives, tn }] = *found.as_slice() else { return None };
    Some(Counts::of_confusion(tp, fp, false_negatives, tn))
}

/// Numbers of positive labels that one of the rates asks for.
fn candidates(
    n: u64,
    selected: u64,
    right: Option<u64>,
    rate: &impl Fn(&str) -> Option<f64>,
) -> Vec<u64> {
    let (rows, k) = (n as f64, selected as f64);
    let tpr = rate("true_positive_rate").or(rate("false_negative_rate").map(|fnr| 1.0 - fnr));
    let fpr = rate("false_positive_rate").or(rate("true_negative_rate").map(|tnr| 1.0 - tnr));
    let hits = rate("precision").map(|precision| precision * k);
    let mut all = vec![rate("base_rate").map(|base| base * rows)];
    match right.map(|right| right as f64) {
        // TP = (P + k + right - n) / 2, from TP + FP = k and TP + TN = right.
        Some(right) => {
            all.push(tpr.map(|tpr| (k + right - rows) / (2.0 * tpr - 1.0)));
            all.push(fpr.map(|fpr| (2.0 * fpr * rows - k + right - rows) / (2.0 * fpr - 1.0)));
            all.push(hits.map(|hits| 2.0 * hits - (k + right - rows)));
        }
        None => {
            all.push(tpr.zip(fpr).map(|(tpr, fpr)| (k - fpr * rows) / (tpr - fpr)));
            all.push(tpr.zip(hits).map(|(tpr, hits)| hits / tpr));
        }
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to n")]
    let whole = |positives: f64| {
        let near = positives.round();
        (near >= 0.0 && near <= rows).then_some(near as u64)
    };
    all.into_iter().flatten().filter_map(whole).collect()
}

/// How many of `positives` may have been found.
fn true_positives(
    n: u64,
    selected: u64,
    right: Option<u64>,
    positives: u64,
    rate: &impl Fn(&str) -> Option<f64>,
) -> Vec<u64> {
    if let Some(right) = right {
        let twice = (positives + selected + right).checked_sub(n);
        return twice.filter(|twice| twice % 2 == 0).map(|twice| twice / 2).into_iter().collect();
    }
    let found = rate("true_positive_rate").and_then(|tpr| whole_part(tpr, positives));
    let hit = rate("precision").and_then(|precision| whole_part(precision, selected));
    found.into_iter().chain(hit).collect()
}

fn matrix(n: u64, selected: u64, positives: u64, tp: u64) -> Option<Matrix> {
    let fp = selected.checked_sub(tp)?;
    let false_negatives = positives.checked_sub(tp)?;
    let tn = n.checked_sub(positives)?.checked_sub(fp)?;
    Some(Matrix { tp, fp, false_negatives, tn })
}

impl Matrix {
    /// Whether every reported rate is this matrix's. Where nothing is to be divided by, tools
    /// report 0, 1 or nothing.
    fn gives(&self, rate: &impl Fn(&str) -> Option<f64>) -> bool {
        let Self { tp, fp, false_negatives, tn } = *self;
        let all = tp + fp + false_negatives + tn;
        let rates = [
            ("selection_rate", tp + fp, all),
            ("accuracy", tp + tn, all),
            ("base_rate", tp + false_negatives, all),
            ("true_positive_rate", tp, tp + false_negatives),
            ("false_negative_rate", false_negatives, tp + false_negatives),
            ("false_positive_rate", fp, fp + tn),
            ("true_negative_rate", tn, fp + tn),
            ("precision", tp, tp + fp),
            ("false_discovery_rate", fp, tp + fp),
            ("negative_predictive_value", tn, tn + false_negatives),
            ("false_omission_rate", false_negatives, tn + false_negatives),
            ("f1", 2 * tp, 2 * tp + fp + false_negatives),
        ];
        rates.into_iter().all(|(key, part, whole)| {
            let Some(reported) = rate(key) else { return true };
            match whole {
                0 => reported <= 0.0 || reported >= 1.0,
                whole => (reported - part as f64 / whole as f64).abs() <= ROUNDING,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use metrics::Slice;
    use metrics::rates::{self, Setting};
    use metrics::scores::Scored;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn rates_of(counts: &Counts) -> BTreeMap<String, f64> {
        let setting = Setting { weighted: false, scored: false, threshold: None, level: 0.95 };
        rates::estimates(&Slice::overall(), counts, &Scored::default(), setting)
            .into_iter()
            // Fairlearn writes 0 where a rate is undefined.
            .map(|estimate| (estimate.metric, estimate.value.unwrap_or(0.0)))
            .collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn the_matrix_that_made_the_rates_is_found_or_none_is(
            tp in 0..900u64, fp in 0..900u64, fnn in 0..900u64, tn in 0..900u64,
            digits in prop_oneof![Just(None), Just(Some(1e10))],
            without in "base_rate|accuracy|true_positive_rate|precision",
        ) {
            let made = Counts::of_confusion(tp, fp, fnn, tn);
            let mut rates = rates_of(&made);
            rates.remove("base_rate");
            rates.remove(&without);
            let rate = |key: &str| rates.get(key).map(|rate| match digits {
                Some(digits) => (rate * digits).round() / digits,
                None => *rate,
            });
            if let Some(found) = counts(made.all(), rate) {
                prop_assert_eq!(found, made);
            }
        }
    }

    #[test]
    fn the_usual_metrics_of_a_frame_decide_it() {
        let made = Counts::of_confusion(282, 267, 124, 430);
        let rates = rates_of(&made);
        for known in [
            &["selection_rate", "accuracy", "true_positive_rate"][..],
            &["selection_rate", "accuracy", "false_positive_rate"],
            &["selection_rate", "accuracy", "precision"],
            &["selection_rate", "true_positive_rate", "false_positive_rate"],
        ] {
            let found =
                counts(made.all(), |key| rates.get(key).copied().filter(|_| known.contains(&key)));
            assert_eq!(found, Some(made), "{known:?}");
        }
    }

    #[test]
    fn weighted_rates_and_rates_that_say_too_little_decide_nothing() {
        let rates = |key: &str| match key {
            "selection_rate" => Some(0.4217),
            "accuracy" => Some(0.801),
            "true_positive_rate" => Some(0.7),
            _ => None,
        };
        assert_eq!(counts(33, rates), None, "no whole number of rows was selected");
        assert_eq!(counts(1000, |key| (key == "selection_rate").then_some(0.5)), None);
    }
}
