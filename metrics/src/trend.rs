//! Change of an estimate from one run to another.

use crate::interval::{self, method};
use crate::{Estimate, Interval};
use serde::{Deserialize, Serialize};

/// How a metric moved between two runs, taken as independent samples.
///
/// Where both runs scored the same rows this is too cautious: [`crate::paired`] sees smaller changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// After minus before, in the metric's unit; `None` when either is undefined.
    pub value: Option<f64>,
    /// Interval of the difference.
    pub interval: Option<Interval>,
    /// Whether the interval excludes no change; `None` when there is no interval.
    pub beyond_chance: Option<bool>,
    /// Why there is no value, or no interval.
    pub reason: Option<String>,
}

/// The change of a metric on a slice from one run to a later one, unpaired, at a confidence level.
///
/// ```
/// use metrics::{Estimate, Slice, trend};
/// let rate = |k: u64, n: u64| -> Estimate {
///     serde_json::from_value(serde_json::json!({
///         "slice": {}, "metric": "accuracy", "value": k as f64 / n as f64, "n": n,
///         "numerator": k, "denominator": n,
///     })).unwrap()
/// };
/// let change = trend::change(&rate(470, 1000), &rate(300, 1000), 0.95);
/// assert_eq!(change.beyond_chance, Some(true));
/// ```
pub fn change(before: &Estimate, after: &Estimate, level: f64) -> Change {
    let mut change = Change { value: None, interval: None, beyond_chance: None, reason: None };
    if before.metric != after.metric || before.slice != after.slice {
        change.reason = Some("not the same metric and slice".to_owned());
        return change;
    }
    change.value = after.value.zip(before.value).map(|(after, before)| after - before);
    match (after.bounds(level), before.bounds(level)) {
        (Ok(after), Ok(before)) => {
            let bounds = interval::difference(after, before);
            change.beyond_chance = Some(bounds.low > 0.0 || bounds.high < 0.0);
            change.interval = Some(bounds.interval(level, method::MOVER_D));
        }
        (Err(why), _) => change.reason = Some(format!("after: {why}")),
        (_, Err(why)) => change.reason = Some(format!("before: {why}")),
    }
    change
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::counts::Counts;
    use crate::rates;

    fn rate(tp: u64, fp: u64, missed: u64, tn: u64, key: &str) -> Estimate {
        rates::of_confusion(key, &Counts::of_confusion(tp, fp, missed, tn), 0.95).unwrap()
    }

    #[test]
    fn a_change_within_chance_is_said_to_be_one() {
        let (before, after) =
            (rate(45, 0, 55, 0, "true_positive_rate"), rate(47, 0, 53, 0, "true_positive_rate"));
        let change = change(&before, &after, 0.95);
        assert!((change.value.unwrap() - 0.02).abs() < 1e-12);
        assert_eq!(change.beyond_chance, Some(false));
    }

    #[test]
    fn an_undefined_rate_has_no_change_but_a_reason() {
        let (before, after) =
            (rate(0, 5, 0, 5, "true_positive_rate"), rate(5, 0, 5, 0, "true_positive_rate"));
        let change = change(&before, &after, 0.95);
        assert_eq!((change.value, change.beyond_chance), (None, None));
        assert_eq!(change.reason.as_deref(), Some("before: no positives"));
    }
}
