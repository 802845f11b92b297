//! From counted slices to findings: the tests, what explains what, and the second half's word.

use super::{Confirmation, Criterion, Explained, Found, Halves, Key, Rows, Search, Side};
use crate::Slice;
use crate::interval::{self, Bounds, Count, method};
use crate::multiplicity::{Adjustment, adjust};
use crate::significance::fisher_above;
use rayon::prelude::*;
use std::collections::BTreeMap;

/// So many findings are enough to look at; the rest is counted.
const MOST_FOUND: usize = 50;

pub(super) struct Judge<'a> {
    pub search: &'a Search,
    pub criterion: Criterion,
    pub all: Halves,
    pub least_n: u64,
}

/// A slice that passed the test, with the least by which it is worse.
struct Candidate {
    key: Key,
    halves: Halves,
    adjusted: f64,
    excess: f64,
}

/// What came of the slices that were counted.
pub(super) struct Judged {
    pub found: Vec<Found>,
    pub explained: Vec<Explained>,
    /// Findings beyond those listed.
    pub more: usize,
}

impl Judge<'_> {
    pub fn judge(
        &self,
        rows: &mut Rows,
        slices: &BTreeMap<Key, Halves>,
        name: impl Fn(&Key) -> Slice,
    ) -> Judged {
        let mut open = self.candidates(slices);
        // The second look is one more search among the candidates, so it pays for their number.
        let most = self.search.rate / open.len().max(1) as f64;
        let (mut kept, mut explained): (Vec<Candidate>, Vec<Explained>) = (Vec::new(), Vec::new());
        while !open.is_empty() && kept.len() < MOST_FOUND {
            let worst = open.remove(0);
            rows.set_aside(&worst.key);
            let left = rows.recount(open.iter().map(|candidate| &candidate.key));
            let all = rows.all();
            open.retain(|candidate| {
                let p_value = if holds(&worst.key, &candidate.key) {
                    // A part of it must be worse than the remaining part.
                    p_value(&candidate.halves, &worst.halves.less(&candidate.halves))
                } else if kept.iter().any(|earlier| holds(&earlier.key, &candidate.key)) {
                    // All of its rows are set aside, and it was worse than the rest of those.
                    return true;
                } else {
                    left.get(&candidate.key).and_then(|own| p_value(own, &all.less(own)))
                };
                let is_own = p_value.is_some_and(|p_value| p_value <= most);
                if !is_own {
                    let (slice, by) = (name(&candidate.key), name(&worst.key));
                    explained.push(Explained { slice, by });
                }
                is_own
            });
            kept.push(worst);
        }
        Judged { found: self.confirm(&kept, name), explained, more: open.len() }
    }

    /// The slices that are worse than the rest at the false discovery rate, the worst first.
    fn candidates(&self, slices: &BTreeMap<Key, Halves>) -> Vec<Candidate> {
        let tested: Vec<(&Key, &Halves)> = slices.iter().collect();
        let p_values: Vec<f64> = tested
            .par_iter()
            .map(|(_, halves)| p_value(halves, &self.all.less(halves)).unwrap_or(1.0))
            .collect();
        let adjusted = adjust(&p_values, Adjustment::BenjaminiHochberg);
        let mut candidates: Vec<Candidate> = tested
            .into_iter()
            .zip(adjusted)
            .filter(|(_, adjusted)| *adjusted <= self.search.rate)
            .map(|((key, halves), adjusted)| Candidate {
                key: key.clone(),
                halves: *halves,
                adjusted,
                excess: self.excess(halves),
            })
            .collect();
        candidates.sort_by(|a, b| b.excess.total_cmp(&a.excess).then_with(|| a.key.cmp(&b.key)));
        candidates
    }

    /// By how much the slice is worse than the rest, at least: the lower limit of the difference.
    fn excess(&self, halves: &Halves) -> f64 {
        match (halves.count(0), self.all.less(halves).count(0)) {
            (Some(own), Some(rest)) => self.difference(own, rest).low,
            _ => 0.0,
        }
    }

    fn confirm(&self, kept: &[Candidate], name: impl Fn(&Key) -> Slice) -> Vec<Found> {
        let enough = |candidate: &Candidate| candidate.halves.n[1] >= self.least_n;
        let held_out: Vec<Side> = kept.iter().map(|it| self.side(&it.halves, 1)).collect();
        let p_values: Vec<f64> = kept
            .iter()
            .zip(&held_out)
            .filter(|(candidate, _)| enough(candidate))
            .map(|(_, side)| side.p_value.unwrap_or(1.0))
            .collect();
        let mut adjusted = adjust(&p_values, Adjustment::Holm).into_iter();
        kept.iter()
            .zip(held_out)
            .map(|(candidate, held_out)| {
                let confirmation = match enough(candidate).then(|| adjusted.next()).flatten() {
                    None => Confirmation::NotEnoughRows,
                    Some(adjusted) if adjusted <= 1.0 - self.search.level => {
                        Confirmation::Confirmed { adjusted }
                    }
                    Some(adjusted) => Confirmation::NotConfirmed { adjusted },
                };
                Found {
                    slice: name(&candidate.key),
                    found_in: self.side(&candidate.halves, 0),
                    adjusted: candidate.adjusted,
                    held_out,
                    confirmation,
                }
            })
            .collect()
    }

    fn side(&self, halves: &Halves, half: usize) -> Side {
        let rest = self.all.less(halves);
        let (own, others) = (halves.count(half), rest.count(half));
        let metric = |count: Count| {
            let share = count.share();
            if self.criterion.counts_bad { share } else { 1.0 - share }
        };
        Side {
            value: own.map(metric),
            n: halves.n[half],
            rest: others.map(metric),
            difference: own.zip(others).map(|(own, others)| {
                let bounds = self.difference(own, others);
                let bounds = if self.criterion.counts_bad {
                    bounds
                } else {
                    Bounds { value: -bounds.value, low: -bounds.high, high: -bounds.low }
                };
                bounds.interval(self.search.level, method::NEWCOMBE)
            }),
            p_value: own.zip(others).map(|(own, others)| fisher_above(own, others)),
        }
    }

    /// Of the shares of bad rows.
    fn difference(&self, own: Count, rest: Count) -> Bounds {
        let wilson =
            |count: Count| interval::wilson(count.share(), count.n as f64, self.search.level);
        interval::difference(wilson(own), wilson(rest))
    }
}

/// In the finding half; `None` when either side has no rows there.
fn p_value(slice: &Halves, rest: &Halves) -> Option<f64> {
    Some(fisher_above(slice.count(0)?, rest.count(0)?))
}

/// Whether every row of `part` is one of `whole`.
fn holds(whole: &Key, part: &Key) -> bool {
    whole.iter().all(|pair| part.contains(pair))
}
