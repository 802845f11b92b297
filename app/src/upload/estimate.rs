//! What every estimate has to hold to, whichever format it came in.

mod rule;

pub(super) use rule::agree;

use super::known::{Known, Metrics};
use super::name::{self, MAX_NAME, quoted};
use super::problems::Problems;
use super::{MAX_ESTIMATES, Notes};
use metrics::catalogue::Kind;
use metrics::interval::{self, method};
use metrics::slice::{Distinct, MISSING};
use metrics::{Estimate, Interval, Place, Problem, Slice};
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// The instrument whose runs may have a group for empty attribute cells.
pub(super) const OWN_INSTRUMENT: &str = "evenhand-metrics";

/// Relative difference up to which a value and its counts say the same.
const SAME: f64 = 1e-9;

/// Confidence level where the file names none.
const LEVEL: f64 = 0.95;

/// A field as it was found: one that was there but could not be read has had its problem told, and
/// no rule complains of its absence.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Field<T> {
    #[default]
    Absent,
    Bad,
    Is(T),
}

impl<T> Field<T> {
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }

    pub fn get(self) -> Option<T> {
        match self {
            Self::Is(value) => Some(value),
            Self::Absent | Self::Bad => None,
        }
    }

    fn is(&self) -> Option<&T> {
        match self {
            Self::Is(value) => Some(value),
            Self::Absent | Self::Bad => None,
        }
    }
}

/// An estimate whose fields have their types and nothing more.
#[derive(Default)]
pub(super) struct Draft {
    pub slice: Option<Slice>,
    pub metric: Option<String>,
    pub value: Field<f64>,
    pub n: Field<u64>,
    pub numerator: Field<u64>,
    pub denominator: Field<u64>,
    pub positives: Field<u64>,
    pub n_effective: Field<f64>,
    pub stderr: Field<f64>,
    pub threshold: Field<f64>,
    pub interval: Field<Interval>,
    pub undefined: Field<String>,
}

/// Where an estimate stands in its file.
pub(super) trait Location {
    /// The place of one of its fields, such as `value` or `interval/low`; the empty name is the
    /// estimate itself.
    fn of(&self, field: &str) -> Place;
}

/// Checks estimates one by one and keeps the good ones.
pub(super) struct Estimates<'d, L> {
    metrics: Metrics<'d>,
    missing_is_a_group: bool,
    rows: Option<u64>,
    kept: Vec<Estimate>,
    locations: Vec<L>,
    seen: usize,
    recomputed: u32,
    rounded: u32,
    counted: u32,
    uncertain: u32,
}

impl<'d, L: Location> Estimates<'d, L> {
    /// `instrument` decides whether `(missing)` is a group, `rows` is the size of the dataset.
    pub fn new(metrics: Metrics<'d>, instrument: &str, rows: Option<u64>) -> Self {
        Self {
            metrics,
            missing_is_a_group: instrument == OWN_INSTRUMENT,
            rows,
            kept: Vec::new(),
            locations: Vec::new(),
            seen: 0,
            recomputed: 0,
            rounded: 0,
            counted: 0,
            uncertain: 0,
        }
    }

    /// Makes room for so many estimates.
    pub fn expect(&mut self, estimates: usize) {
        let estimates = estimates.min(MAX_ESTIMATES);
        self.kept.reserve(estimates);
        self.locations.reserve(estimates);
    }

    /// Checks one estimate; `false` when there are too many and reading should end.
    pub fn add(&mut self, draft: Draft, location: L, problems: &mut Problems) -> bool {
        self.seen += 1;
        if self.seen > MAX_ESTIMATES {
            let problem = Problem::new(
                "too_many_estimates",
                "there are more estimates than one run may have",
            )
            .expected(format!("at most {MAX_ESTIMATES}"));
            problems.add_at(location.of(""), problem);
            return false;
        }
        self.check_slice(&draft, &location, problems);
        let known = draft.metric.as_deref().and_then(|key| {
            match self.metrics.find(key, !problems.is_full()) {
                Ok(known) => Some(known),
                Err(problem) => {
                    problems.add_at(location.of("metric"), problem);
                    None
                }
            }
        });
        let draft = self.check_numbers(draft, known, &location, problems);
        if let (Some(slice), Some(metric)) = (draft.slice, draft.metric) {
            // The estimates of a slice mostly stand together, and then share it.
            let before = self.kept.last().map(|estimate| &estimate.slice);
            self.kept.push(Estimate {
                slice: before.filter(|before| **before == slice).cloned().unwrap_or(slice),
                metric,
                value: draft.value.get(),
                n: draft.n.get(),
                numerator: draft.numerator.get(),
                denominator: draft.denominator.get(),
                positives: draft.positives.get(),
                n_effective: draft.n_effective.get(),
                stderr: draft.stderr.get(),
                threshold: draft.threshold.get(),
                interval: draft.interval.get(),
                undefined: draft.undefined.get(),
            });
            self.locations.push(location);
        }
        true
    }

    fn check_slice(&self, draft: &Draft, location: &L, problems: &mut Problems) {
        let Some(slice) = &draft.slice else { return };
        for (attribute, group) in slice.pairs() {
            for (what, text) in [("an attribute's name", attribute), ("a group's name", group)] {
                if let Some(problem) = name::problem_with(what, text, MAX_NAME) {
                    problems.add_at(location.of("slice"), problem);
                }
            }
            if group == MISSING && !self.missing_is_a_group {
                let problem = Problem::new(
                    "reserved_group",
                    format!("a group of {} is called `{MISSING}`", quoted(attribute)),
                )
                .expected(
                    "another name: this one is for rows without the attribute, counted by Evenhand's own evaluation",
                );
                problems.add_at(location.of("slice"), problem);
            }
        }
    }

    fn check_numbers(
        &mut self,
        mut draft: Draft,
        known: Option<Known>,
        location: &L,
        problems: &mut Problems,
    ) -> Draft {
        let mut complain = |field: &str, code: &str, message: String, expected: &str| {
            problems.add_at(location.of(field), Problem::new(code, message).expected(expected));
        };
        rule::check_presence(&draft, &mut complain);
        // Of no rows there is their number and nothing else.
        if known.is_some_and(|known| known.kind != Kind::Count) {
            rule::check_rows(&draft, &mut complain);
        }
        rule::check_counts(&draft, self.rows, &mut complain);
        rule::check_interval(&draft, &mut complain);
        let Some(known) = known else { return draft };
        if let Some(&value) = draft.value.is()
            && let Some(expected) = known.refuses(value)
        {
            complain(
                "value",
                "out_of_range",
                format!("{value} is out of the metric's range"),
                &expected,
            );
            return draft;
        }
        rule::check_made_of_counts(&draft, known.kind, &mut complain);
        if known.kind == Kind::Rate {
            self.settle_rate(&mut draft, &mut complain);
        }
        if draft.n.is_absent() && !draft.interval.is_absent() {
            draft.interval = Field::Absent;
            self.uncertain += 1;
        }
        draft
    }

    /// Lets counts speak for a rate: they make its value, its n and its interval.
    fn settle_rate(
        &mut self,
        draft: &mut Draft,
        complain: &mut impl FnMut(&str, &str, String, &str),
    ) {
        let level = draft.interval.is().map_or(LEVEL, |interval| interval.level);
        let Some(&value) = draft.value.is() else { return };
        if !(level > 0.0 && level < 1.0) {
            return;
        }
        if !draft.n_effective.is_absent() {
            // Weighted rows: value and interval stay as reported, and only an interval that is
            // missing is made.
            if let (Some(&n), true) = (draft.n_effective.is(), draft.interval.is_absent())
                && n > 0.0
                && !draft.n.is_absent()
            {
                let bounds = interval::wilson(value, n, level);
                draft.interval = Field::Is(bounds.interval(level, method::WILSON_KISH));
                self.recomputed += 1;
            }
            return;
        }
        match (draft.numerator.is(), draft.denominator.is(), draft.n.is()) {
            (Some(&numerator), Some(&denominator), n)
                if numerator <= denominator && denominator > 0 =>
            {
                let exact = numerator as f64 / denominator as f64;
                if !rule::agree(value, exact) {
                    complain(
                        "value",
                        "value_is_not_its_counts",
                        format!("{value} is not {numerator} of {denominator}"),
                        &exact.to_string(),
                    );
                    return;
                }
                self.rounded += u32::from((value - exact).abs() > SAME * exact.abs());
                self.counted += u32::from(n.is_some_and(|&n| n != denominator));
                draft.value = Field::Is(exact);
                draft.n = Field::Is(denominator);
                draft.interval = wilson(exact, denominator, level);
                self.recomputed += 1;
            }
            // A value with its n says enough for an interval, though not whether that n is what
            // was divided by: without counts it stays a reported number.
            (None, None, Some(&n)) if n > 0 && draft.interval.is_absent() => {
                draft.interval = wilson(value, n, level);
                self.recomputed += 1;
            }
            _ => {}
        }
    }

    /// The estimates, and what is to be said of them.
    pub fn finish(self, problems: &mut Problems) -> (Vec<Estimate>, Notes) {
        let slices: Distinct = self.kept.iter().map(|estimate| &estimate.slice).collect();
        let mut first: HashMap<(usize, &str), usize> = HashMap::with_capacity(self.kept.len());
        for (i, (estimate, slice)) in self.kept.iter().zip(slices.places).enumerate() {
            match first.entry((slice, &estimate.metric)) {
                Entry::Vacant(entry) => {
                    entry.insert(i);
                }
                Entry::Occupied(entry) => {
                    let slice = match estimate.slice.to_string() {
                        text if text.is_empty() => "the overall slice".to_owned(),
                        text => quoted(&text),
                    };
                    let other = self.locations[*entry.get()].of("");
                    let metric = &estimate.metric;
                    problems.add_at(
                        self.locations[i].of(""),
                        Problem::new(
                            "duplicate_estimate",
                            format!("`{metric}` of {slice} stands at {other} already"),
                        )
                        .expected("each metric once per slice"),
                    );
                }
            }
        }
        drop(first);
        let mut notes = Notes { recomputed_intervals: self.recomputed, ..Notes::default() };
        let mut amend = |n: u32, what: &str| {
            if n > 0 {
                notes.amended.push(format!("{what}: {n}"));
            }
        };
        amend(self.rounded, "rounded rates, computed again from their counts");
        amend(self.counted, "rates that had another n than their denominator, which is taken");
        if self.uncertain > 0 {
            notes.ignored.push(format!(
                "intervals of values without n, for nothing says what they rest on: {}",
                self.uncertain
            ));
        }
        (self.kept, notes)
    }
}

fn wilson(rate: f64, n: u64, level: f64) -> Field<Interval> {
    Field::Is(interval::wilson(rate, n as f64, level).interval(level, method::WILSON))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Nowhere;

    impl Location for Nowhere {
        fn of(&self, field: &str) -> Place {
            Place::Pointer { pointer: field.to_owned() }
        }
    }

    #[test]
    fn the_estimate_after_the_last_allowed_one_is_refused_and_ends_the_reading() {
        let mut estimates = Estimates::new(Metrics::of_catalogue(), "", None);
        estimates.seen = MAX_ESTIMATES - 1;
        let mut problems = Problems::default();
        let draft = || Draft {
            slice: Some(Slice::overall()),
            metric: Some("f1".to_owned()),
            value: Field::Is(0.5),
            ..Draft::default()
        };
        assert!(estimates.add(draft(), Nowhere, &mut problems));
        assert!(!estimates.add(draft(), Nowhere, &mut problems));
        let problems = problems.settle(Some(estimates.kept.len())).unwrap_err();
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].code, "too_many_estimates");
    }
}
