//! A confusion matrix from the rates that a tool reports of it.
//!
//! With the number of rows, a selection rate and an accuracy tell how many rows were predicted
//! positive and how many were right; one error rate more decides the matrix. It is taken only where
//! whole numbers give back every rate that was reported, and no other whole numbers near them do.

use metrics::counts::Counts;
use std::collections::BTreeMap;

/// How far a reported rate may be from the matrix's: pandas rounds JSON to ten decimals.
const ROUNDING: f64 = 1e-9;

/// Rows up to which what is not found beside a candidate is nowhere: its error is at most twice
/// that of a rate, times their square.
const MOST_CERTAIN: u64 = 100_000;

#[derive(Clone, Copy, Debug, PartialEq)]
struct Matrix {
    tp: u64,
    fp: u64,
    false_negatives: u64,
    tn: u64,
}

/// Why rates leave no one matrix.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Unsolved {
    /// They say too little, and several do.
    Several,
    /// No whole numbers of rows give all of them.
    Never,
}

/// The counts of `n` rows, from what is reported of them by key.
pub(super) fn counts(n: u64, rate: impl Fn(&str) -> Option<f64>) -> Result<Counts, Unsolved> {
    let Matrix { tp, fp, false_negatives, tn } = matrix_of(n, &rate)?;
    Ok(Counts::of_confusion(tp, fp, false_negatives, tn))
}

/// The counts that all rates but one give, whichever that is; `None` where it could be several.
pub(super) fn but_for_one(n: u64, rates: &BTreeMap<&str, f64>) -> Option<Counts> {
    let mut found = rates
        .keys()
        .filter_map(|left| counts(n, |key| rates.get(key).copied().filter(|_| key != *left)).ok());
    let only = found.next()?;
    found.next().is_none().then_some(only)
}

fn matrix_of(n: u64, rate: &impl Fn(&str) -> Option<f64>) -> Result<Matrix, Unsolved> {
    let selected = rate("selection_rate").ok_or(Unsolved::Several)?;
    let selected = whole_part(selected, n).ok_or(Unsolved::Never)?;
    let right = match rate("accuracy") {
        Some(accuracy) => Some(whole_part(accuracy, n).ok_or(Unsolved::Never)?),
        None => None,
    };
    let candidates = candidates(n, selected, right, rate);
    let mut found: Vec<Matrix> = Vec::new();
    let mut is_tried = false;
    for positives in candidates {
        // Neighbours would be found by rates that say too little.
        for nearby in positives.saturating_sub(3)..=positives.saturating_add(3).min(n) {
            for tp in true_positives(n, selected, right, nearby, rate) {
                is_tried = true;
                let Some(matrix) = matrix(n, selected, nearby, tp) else { continue };
                if matrix.gives(rate) && !found.contains(&matrix) {
                    found.push(matrix);
                }
            }
        }
    }
    match found.as_slice() {
        [matrix] => Ok(*matrix),
        // Of more rows, ten decimals say where to look less exactly than that.
        [] if is_tried && n < MOST_CERTAIN => Err(Unsolved::Never),
        _ => Err(Unsolved::Several),
    }
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
    /// The rates by key, each with its counts.
    fn rates(&self) -> [(&'static str, u64, u64); 12] {
        let Self { tp, fp, false_negatives, tn } = *self;
        let all = tp + fp + false_negatives + tn;
        [
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
        ]
    }

    /// Whether every reported rate is this matrix's. Where nothing is to be divided by, tools
    /// report 0, 1 or nothing.
    fn gives(&self, rate: &impl Fn(&str) -> Option<f64>) -> bool {
        self.rates().into_iter().all(|(key, part, whole)| {
            let Some(reported) = rate(key) else { return true };
            match whole {
                0 => reported <= 0.0 || reported >= 1.0,
                whole => (reported - part as f64 / whole as f64).abs() <= ROUNDING,
            }
        })
    }
}

/// Whether a rate of so many rows says how many it counts: where one row more or less is within the
/// rounding, nothing is decided.
pub(super) fn decides(n: u64) -> bool {
    (1..=100_000_000).contains(&n)
}

/// The number of rows that a rate of `n` rows counts, where it is a whole one to the digits that
/// a tool writes.
pub(super) fn whole_part(rate: f64, n: u64) -> Option<u64> {
    let exact = rate * n as f64;
    let nearest = exact.round();
    // Pandas rounds what it writes as JSON to ten decimals.
    let close =
        (exact - nearest).abs() <= 1e-9 * (n as f64).max(1.0) && (0.0..=1.0).contains(&rate);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "from 0 to n, which is exact"
    )]
    (close && decides(n)).then_some(nearest as u64)
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
            if let Ok(found) = counts(made.all(), rate) {
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
            assert_eq!(found, Ok(made), "{known:?}");
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
        let never = Err(Unsolved::Never);
        assert_eq!(counts(33, rates), never, "no whole number of rows was selected");
        let half = |keys: &'static [&str]| move |key: &str| keys.contains(&key).then_some(0.5);
        for few in [
            &["selection_rate"][..],
            &["selection_rate", "base_rate"],
            &["selection_rate", "base_rate", "false_positive_rate"],
        ] {
            assert_eq!(counts(1000, half(few)), Err(Unsolved::Several), "{few:?}");
        }
    }

    #[test]
    fn the_one_rate_that_the_others_contradict_is_found_where_they_decide_the_matrix() {
        let made = Counts::of_confusion(282, 267, 124, 430);
        let rates = rates_of(&made);
        let known = ["selection_rate", "accuracy", "true_positive_rate", "false_positive_rate"];
        let rates: BTreeMap<&str, f64> = known.into_iter().map(|key| (key, rates[key])).collect();
        assert!(but_for_one(made.all(), &rates).is_none(), "nothing is wrong");
        for key in &known[1..] {
            let mut wrong = rates.clone();
            wrong.insert(key, 0.6171);
            assert_eq!(counts(made.all(), |key| wrong.get(key).copied()), Err(Unsolved::Never));
            assert_eq!(but_for_one(made.all(), &wrong), Some(made), "{key}");
            // Of three rates, none is right by the other two.
            let spare = known[1..].iter().find(|other| *other != key).expect("there are three");
            wrong.remove(spare);
            assert!(but_for_one(made.all(), &wrong).is_none(), "{key} without {spare}");
        }
    }
}
