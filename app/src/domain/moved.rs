//! What moved from one run to another.

use super::series::BySeries;
use metrics::catalogue::{self, Direction, Outcome};
use metrics::trend::change;
use metrics::{Estimate, Interval, Slice};

/// A metric on a slice that moved beyond chance.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    pub metric: String,
    pub slice: Slice,
    /// Value and n before and after.
    pub before: (f64, Option<u64>),
    pub after: (f64, Option<u64>),
    /// After minus before, in the metric's unit.
    pub value: f64,
    pub interval: Interval,
    /// Whether it got worse for the people in the slice; `None` where neither way is better.
    pub is_worse: Option<bool>,
}

/// What moved beyond chance.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Moved {
    /// The farthest first.
    pub lines: Vec<Line>,
    /// How many series were looked at: of twenty that did not move, one is listed by chance.
    pub looked_at: usize,
}

/// Confidence level of every interval here, each by itself.
pub const LEVEL: f64 = 0.95;

/// The series of two runs whose change has an interval without zero, taken as independent samples.
pub fn moved(before: &[Estimate], after: &[Estimate], outcome: Outcome) -> Moved {
    let mut moved = Moved::default();
    let before = BySeries::of_estimates(before);
    for new in after {
        let Some(old) = before.get(&new.metric, &new.slice) else { continue };
        let change = change(old, new, LEVEL);
        let (Some(value), Some(interval)) = (change.value, change.interval) else { continue };
        moved.looked_at += 1;
        if change.beyond_chance != Some(true) {
            continue;
        }
        moved.lines.push(Line {
            metric: new.metric.clone(),
            slice: new.slice.clone(),
            before: side(old),
            after: side(new),
            value,
            interval,
            is_worse: match catalogue::direction(&new.metric, outcome) {
                Direction::Higher => Some(value < 0.0),
                Direction::Lower => Some(value > 0.0),
                Direction::Neither => None,
            },
        });
    }
    moved.lines.sort_by(|a, b| b.value.abs().total_cmp(&a.value.abs()));
    moved
}

/// What has no value has no change, and is never asked for.
fn side(estimate: &Estimate) -> (f64, Option<u64>) {
    (estimate.value.unwrap_or(f64::NAN), estimate.denominator.or(estimate.n))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(metric: &str, k: u64, n: u64) -> Estimate {
        Estimate {
            slice: Slice::overall(),
            metric: metric.to_owned(),
            value: Some(k as f64 / n as f64),
            n: Some(n),
            numerator: Some(k),
            denominator: Some(n),
            positives: None,
            n_effective: None,
            stderr: None,
            threshold: None,
            interval: None,
            undefined: None,
        }
    }

    #[test]
    fn what_moved_beyond_chance_is_listed_the_farthest_first_and_the_rest_is_counted() {
        let before =
            [rate("accuracy", 500, 1000), rate("precision", 500, 1000), rate("f1", 50, 100)];
        let after =
            [rate("accuracy", 600, 1000), rate("precision", 300, 1000), rate("f1", 52, 100)];
        let moved = moved(&before, &after, Outcome::Favourable);
        let said: Vec<_> =
            moved.lines.iter().map(|line| (line.metric.as_str(), line.is_worse)).collect();
        assert_eq!(said, [("precision", Some(true)), ("accuracy", Some(false))]);
        assert_eq!(moved.looked_at, 3);
    }
}
