//! Intervals by a named method, for reports that must have one: none of them decides a verdict, and
//! none of them is stored.

use crate::catalogue::Outcome;
use crate::disparity::{Comparison, Kind, compare};
use crate::interval::{
    Bounds, Count, agresti_caffo, clopper_pearson, jeffreys, katz, koopman, method,
    miettinen_nurminen,
};
use crate::{Estimate, Interval, Slice};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::str::FromStr;

/// A method that can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Clopper and Pearson's, of rates.
    ClopperPearson,
    /// Jeffreys', of rates.
    Jeffreys,
    /// Agresti and Caffo's, of differences of rates.
    AgrestiCaffo,
    /// Katz', of ratios of rates.
    Katz,
    /// Koopman's, of ratios of rates.
    Koopman,
    /// Miettinen and Nurminen's, of ratios of rates.
    MiettinenNurminen,
}

impl Method {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::ClopperPearson,
        Self::Jeffreys,
        Self::AgrestiCaffo,
        Self::Katz,
        Self::Koopman,
        Self::MiettinenNurminen,
    ];

    /// Its name, as it is asked for.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ClopperPearson => "clopper_pearson",
            Self::Jeffreys => "jeffreys",
            Self::AgrestiCaffo => "agresti_caffo",
            Self::Katz => "katz",
            Self::Koopman => "koopman",
            Self::MiettinenNurminen => "miettinen_nurminen",
        }
    }

    /// Its name in [`Interval::method`].
    const fn name(self) -> &'static str {
        match self {
            Self::ClopperPearson => method::CLOPPER_PEARSON,
            Self::Jeffreys => method::JEFFREYS,
            Self::AgrestiCaffo => method::AGRESTI_CAFFO,
            Self::Katz => method::KATZ,
            Self::Koopman => method::KOOPMAN,
            Self::MiettinenNurminen => method::MIETTINEN_NURMINEN,
        }
    }

    /// What it is an interval of: `None` for a rate, else a comparison of two.
    pub const fn kind(self) -> Option<Kind> {
        match self {
            Self::ClopperPearson | Self::Jeffreys => None,
            Self::AgrestiCaffo => Some(Kind::Difference),
            Self::Katz | Self::Koopman | Self::MiettinenNurminen => Some(Kind::Ratio),
        }
    }

    fn of_rate(self, count: Count, level: f64) -> Option<Bounds> {
        match self {
            Self::ClopperPearson => Some(clopper_pearson(count, level)),
            Self::Jeffreys => Some(jeffreys(count, level)),
            _ => None,
        }
    }

    fn of_pair(self, own: Count, other: Count, level: f64) -> Option<Bounds> {
        match self {
            Self::AgrestiCaffo => Some(agresti_caffo(own, other, level)),
            Self::Katz => katz(own, other, level),
            Self::Koopman => koopman(own, other, level),
            Self::MiettinenNurminen => miettinen_nurminen(own, other, level),
            _ => None,
        }
    }
}

impl FromStr for Method {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names = Self::ALL.map(Self::as_str);
        Self::ALL
            .into_iter()
            .find(|method| method.as_str() == text)
            .ok_or_else(|| format!("`{text}` is no such method (expected {})", names.join(", ")))
    }
}

/// The intervals of a run by one method.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Requested {
    /// The method.
    pub method: Method,
    /// One for each rate, or for each group of an attribute against the best one.
    pub intervals: Vec<RequestedInterval>,
    /// Metrics of which it has none: they are no rates, or their rows are weighted or in clusters,
    /// so that counts do not decide them.
    pub without: Vec<String>,
}

/// A rate, or a comparison of two, with its interval by the method.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RequestedInterval {
    /// The metric's key.
    pub metric: String,
    /// The slice.
    pub slice: Slice,
    /// The group that it is compared with, if it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<Slice>,
    /// The rate, the difference or the ratio.
    pub value: Option<f64>,
    /// Its interval; against the best group its level holds for all pairs at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Interval>,
    /// Why there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The intervals of all rates of a run by a method, at a confidence level in (0, 1).
pub fn requested(
    estimates: &[Estimate],
    method: Method,
    outcome: Outcome,
    level: f64,
) -> Requested {
    let counted = |estimate: &&Estimate| estimate.numerator.is_some();
    let rates: BTreeSet<&str> =
        estimates.iter().filter(counted).map(|estimate| estimate.metric.as_str()).collect();
    let without: BTreeSet<&str> = estimates
        .iter()
        .map(|estimate| estimate.metric.as_str())
        .filter(|metric| *metric != "count" && !rates.contains(metric))
        .collect();
    let intervals = match method.kind() {
        None => estimates
            .iter()
            .filter(counted)
            .map(|estimate| of_rate(estimate, method, level))
            .collect(),
        Some(kind) => {
            let pairs = Pairs { estimates, method, kind, outcome, level };
            rates.into_iter().flat_map(|metric| pairs.of(metric)).collect()
        }
    };
    Requested { method, intervals, without: without.into_iter().map(str::to_owned).collect() }
}

fn count(estimate: &Estimate) -> Option<Count> {
    let known = estimate.numerator.zip(estimate.denominator);
    known.filter(|_| estimate.n_effective.is_none()).and_then(|(k, n)| Count::of(k, n))
}

fn of_rate(estimate: &Estimate, method: Method, level: f64) -> RequestedInterval {
    let bounds = count(estimate).and_then(|count| method.of_rate(count, level));
    let why = || estimate.undefined.clone().unwrap_or_else(|| "it has no counts".to_owned());
    RequestedInterval {
        metric: estimate.metric.clone(),
        slice: estimate.slice.clone(),
        reference: None,
        value: estimate.value,
        reason: bounds.is_none().then(why),
        interval: bounds.map(|bounds| bounds.interval(level, method.name())),
    }
}

/// Each group of an attribute against the best one.
struct Pairs<'a> {
    estimates: &'a [Estimate],
    method: Method,
    kind: Kind,
    outcome: Outcome,
    level: f64,
}

impl Pairs<'_> {
    fn of(&self, metric: &str) -> Vec<RequestedInterval> {
        let families: BTreeSet<Vec<&str>> = self
            .estimates
            .iter()
            .filter(|estimate| estimate.metric == metric && !estimate.slice.is_overall())
            .map(|estimate| estimate.slice.attributes().collect())
            .collect();
        let find = |slice: &Slice| {
            let of = |estimate: &&Estimate| estimate.metric == metric && estimate.slice == *slice;
            self.estimates.iter().find(of).and_then(count)
        };
        let mut intervals = Vec::new();
        for attributes in &families {
            let comparison = Comparison {
                level: self.level,
                ..Comparison::with_best(metric, attributes, self.kind, self.outcome)
            };
            for disparity in compare(self.estimates, &comparison) {
                if disparity.reference_slice.as_ref() == Some(&disparity.slice) {
                    continue;
                }
                let own = find(&disparity.slice);
                let other = disparity.reference_slice.as_ref().and_then(find);
                // The level of each pair, so that all hold at once.
                let level = 1.0 - (1.0 - self.level) / disparity.pairs as f64;
                let bounds = disparity
                    .value
                    .and(own.zip(other))
                    .and_then(|(own, other)| self.method.of_pair(own, other, level));
                let why = || {
                    let none = || "the method has no interval of these counts".to_owned();
                    disparity.reason.clone().unwrap_or_else(none)
                };
                intervals.push(RequestedInterval {
                    metric: metric.to_owned(),
                    reason: bounds.is_none().then(why),
                    value: disparity.value,
                    interval: bounds.map(|it| it.interval(self.level, self.method.name())),
                    slice: disparity.slice,
                    reference: disparity.reference_slice,
                });
            }
        }
        intervals
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(slice: &str, k: u64, n: u64) -> Estimate {
        Estimate {
            value: Some(k as f64 / n as f64),
            n: Some(n),
            numerator: Some(k),
            denominator: Some(n),
            ..Estimate::blank(&Slice::parse(slice).unwrap(), "selection_rate")
        }
    }

    fn near(interval: Option<&Interval>, low: f64, high: f64) {
        let interval = interval.expect("an interval");
        assert!((interval.low - low).abs() < 1e-6, "{interval:?}");
        assert!((interval.high - high).abs() < 1e-6, "{interval:?}");
    }

    #[test]
    fn a_rate_has_the_interval_that_was_asked_for_and_keeps_its_own() {
        let run = [rate("", 81, 263), Estimate::blank(&Slice::overall(), "roc_auc")];
        let found = requested(&run, Method::ClopperPearson, Outcome::Favourable, 0.95);
        assert_eq!(found.without, ["roc_auc"]);
        near(found.intervals[0].interval.as_ref(), 0.252_737, 0.367_622);
        assert_eq!(found.intervals[0].interval.as_ref().unwrap().method, "clopper_pearson");
    }

    #[test]
    fn groups_are_compared_with_the_best_one() {
        let run = [rate("g=a", 48, 80), rate("g=b", 12, 40)];
        for (method, low, high) in [
            (Method::Katz, 0.301_433, 0.829_372),
            (Method::MiettinenNurminen, 0.292_673, 0.795_257),
        ] {
            let found = requested(&run, method, Outcome::Favourable, 0.95);
            assert_eq!(found.intervals.len(), 1);
            let pair = &found.intervals[0];
            assert_eq!(pair.reference, Some(Slice::parse("g=a").unwrap()));
            assert_eq!(pair.value, Some(0.5));
            near(pair.interval.as_ref(), low, high);
        }
    }

    #[test]
    fn of_three_groups_the_level_holds_for_all_pairs_at_once() {
        let run = [rate("g=a", 48, 80), rate("g=b", 12, 40), rate("g=c", 20, 40)];
        let found = requested(&run, Method::Katz, Outcome::Favourable, 0.95);
        let alone = katz(Count::of(12, 40).unwrap(), Count::of(48, 80).unwrap(), 1.0 - 0.05 / 3.0);
        let alone = alone.unwrap();
        near(found.intervals[0].interval.as_ref(), alone.low, alone.high);
    }

    #[test]
    fn rows_that_are_weighted_have_no_counts_and_so_none() {
        let weighted = Estimate {
            numerator: None,
            denominator: None,
            n_effective: Some(20.0),
            ..rate("", 10, 40)
        };
        let found = requested(&[weighted], Method::Jeffreys, Outcome::Neutral, 0.95);
        assert_eq!(found.without, ["selection_rate"]);
        assert!(found.intervals.is_empty());
    }
}
