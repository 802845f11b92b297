//! Everything that a run lets one compare, with the false discovery rate held.
//!
//! A dashboard that shows a thousand comparisons shows fifty "significant" ones where there is
//! nothing. Here the p-values of all of them are adjusted together (Benjamini & Hochberg), so that
//! of those called findings at most a share `q` is expected to be false. Slices overlap, so tests
//! are positively dependent, under which the rate holds (Benjamini & Yekutieli 2001).
//!
//! A finding is exploratory: it says where to look, and needs other data to be confirmed. No rule
//! of a policy reads it.

use super::{Comparison, Disparity, Kind, Reference, compare};
use crate::catalogue::{self, Outcome};
use crate::interval::z;
use crate::multiplicity::{Adjustment, adjust};
use crate::significance::two_sided;
use crate::{Estimate, Slice};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The false discovery rate that is usual.
pub const FALSE_DISCOVERY_RATE: f64 = 0.05;

/// All comparisons of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Exploration {
    /// Always true: what is found here needs other data to be confirmed.
    pub exploratory: bool,
    /// Which comparisons make up the family, in words.
    pub family: String,
    /// The false discovery rate held over the family.
    pub rate: f64,
    /// How many comparisons could be tested.
    pub tested: usize,
    /// How many could not, having no value or no interval.
    pub untested: usize,
    /// The tested ones, the most certain first.
    pub comparisons: Vec<Explored>,
}

/// A comparison of the family.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Explored {
    /// Each group against the rest.
    pub disparity: Disparity,
    /// The p-value that agrees with the interval: below 1 − level exactly when it excludes 0.
    pub p_value: f64,
    /// Adjusted for the whole family.
    pub adjusted: f64,
    /// Whether it is a finding at the rate.
    pub found: bool,
}

impl Explored {
    /// The order of those with the same p-value.
    fn key(&self) -> (&Slice, &str) {
        (&self.disparity.slice, &self.disparity.metric)
    }
}

/// Compares every slice of a run with the rest of the rows on every metric, as one family.
pub fn explore(estimates: &[Estimate], outcome: Outcome, level: f64, rate: f64) -> Exploration {
    // A comparison looks at the groups of one set of attributes and at overall, so these alone are
    // given to it: looking through all slices each time would take too long where there are many.
    let mut families: BTreeMap<Vec<&str>, Vec<&Estimate>> = BTreeMap::new();
    for estimate in estimates {
        families.entry(estimate.slice.attributes().collect()).or_default().push(estimate);
    }
    let overall = families.remove(&Vec::new()).unwrap_or_default();
    let mut disparities = Vec::new();
    for (attributes, mut groups) in families {
        let metrics: BTreeSet<&str> = groups.iter().map(|it| it.metric.as_str()).collect();
        groups.extend(&overall);
        for metric in metrics {
            if catalogue::find(metric).is_some_and(|it| it.kind == catalogue::Kind::Count) {
                continue;
            }
            let comparison = Comparison {
                reference: Reference::Rest,
                level,
                ..Comparison::with_best(metric, &attributes, Kind::Difference, outcome)
            };
            disparities.extend(compare(groups.iter().copied(), &comparison));
        }
    }
    let (mut explored, mut untested) = (Vec::new(), 0);
    for disparity in disparities {
        match p_value(&disparity) {
            Some(p_value) => {
                explored.push(Explored { disparity, p_value, adjusted: 1.0, found: false });
            }
            None => untested += 1,
        }
    }
    let p_values: Vec<f64> = explored.iter().map(|it| it.p_value).collect();
    let adjusted = adjust(&p_values, Adjustment::BenjaminiHochberg);
    for (it, adjusted) in explored.iter_mut().zip(adjusted) {
        it.adjusted = adjusted;
        it.found = adjusted <= rate;
    }
    explored.sort_by(|a, b| a.p_value.total_cmp(&b.p_value).then_with(|| a.key().cmp(&b.key())));
    Exploration {
        exploratory: true,
        family: "every slice against the rest, on every metric of the run".to_owned(),
        rate,
        tested: explored.len(),
        untested,
        comparisons: explored,
    }
}

/// The p-value of no difference that a difference's own interval stands for: how many standard
/// errors the near end is away, on the normal scale.
pub fn p_value(disparity: &Disparity) -> Option<f64> {
    let (value, ends) = (disparity.value?, disparity.interval.as_ref()?);
    if disparity.kind != Kind::Difference {
        return None;
    }
    let half = if value >= 0.0 { value - ends.low } else { ends.high - value };
    let level = 1.0 - (1.0 - ends.level) / disparity.pairs as f64;
    (half > 0.0).then(|| two_sided(value.abs() / half * z(level)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::counts::Counts;
    use crate::random::Stream;
    use crate::rates;

    const METRICS: [&str; 6] = [
        "selection_rate",
        "accuracy",
        "true_positive_rate",
        "false_positive_rate",
        "precision",
        "base_rate",
    ];

    /// A run over groups of 400 rows with these rates of selection, and labels by the toss of a coin.
    fn run(rates_of: &[f64], seed: u64) -> Vec<Estimate> {
        let mut stream = Stream::new(seed, "run", 0);
        let groups: Vec<Counts> = rates_of
            .iter()
            .map(|&rate| {
                let selected = stream.binomial(400, rate);
                let tp = stream.binomial(selected, 0.5);
                let missed = stream.binomial(400 - selected, 0.5);
                Counts::of_confusion(tp, selected - tp, missed, 400 - selected - missed)
            })
            .collect();
        let overall = groups.iter().fold(Counts::default(), Counts::plus);
        let estimates = |slice: Slice, counts: &Counts| {
            METRICS.map(|metric| Estimate {
                slice: slice.clone(),
                ..rates::of_confusion(metric, counts, 0.95).unwrap()
            })
        };
        let mut all = estimates(Slice::overall(), &overall).to_vec();
        for (i, counts) in groups.iter().enumerate() {
            all.extend(estimates(Slice::new([("g", format!("{i:02}"))]).unwrap(), counts));
        }
        all
    }

    #[test]
    fn a_group_apart_is_found_and_marked_exploratory() {
        let mut rates_of = [0.5; 12];
        rates_of[4] = 0.2;
        let found = explore(&run(&rates_of, 1), Outcome::Favourable, 0.95, FALSE_DISCOVERY_RATE);
        assert!(found.exploratory && found.tested == 72 && found.comparisons[0].found);
        assert_eq!(found.comparisons[0].disparity.slice.group("g"), Some("04"));
        assert_eq!(found.comparisons[0].disparity.metric, "selection_rate");
        assert!(found.comparisons.iter().all(|it| it.adjusted >= it.p_value));
    }

    #[test]
    fn where_there_is_nothing_a_run_rarely_has_a_finding() {
        let with_findings = (0..100)
            .filter(|&seed| {
                let run = run(&[0.5; 12], seed);
                explore(&run, Outcome::Favourable, 0.95, 0.05).comparisons.iter().any(|it| it.found)
            })
            .count();
        // 5 in 100 are promised; more than 12 have a chance of one in a thousand.
        assert!(with_findings <= 12, "{with_findings}");
    }

    #[test]
    fn the_p_value_is_below_five_in_a_hundred_exactly_when_the_interval_excludes_zero() {
        let found = explore(&run(&[0.5, 0.55, 0.4, 0.45], 3), Outcome::Favourable, 0.95, 0.05);
        let mut sides = [0, 0];
        for it in &found.comparisons {
            let ends = it.disparity.interval.as_ref().unwrap();
            let excludes = ends.low > 0.0 || ends.high < 0.0;
            assert_eq!(it.p_value < 0.05, excludes, "{it:?}");
            sides[usize::from(excludes)] += 1;
        }
        assert!(sides[0] > 0 && sides[1] > 0, "{sides:?}");
    }
}
