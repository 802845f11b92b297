//! The sums behind what groups of items get, and what each unit adds to them.

use crate::exact::ExactSum;
use crate::ratio::{Ratio, Tally};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What queries give out, and how much of it there is to be counted.
#[derive(Clone, Default)]
pub(super) struct Whole {
    pub places: u64,
    pub units: u64,
    pub w: ExactSum,
    pub ww: ExactSum,
}

/// What a group gets of it.
#[derive(Clone, Default)]
pub(super) struct Own {
    pub places: u64,
    pub x: ExactSum,
    pub xx: ExactSum,
    pub xw: ExactSum,
}

/// The sums of a family: per slice of queries and share; per slice of queries, group and share;
/// per slice of queries, group and mean.
#[derive(Clone, Default)]
pub(super) struct Sums {
    pub wholes: Vec<Whole>,
    pub owns: Vec<Own>,
    pub means: Vec<Tally>,
    pub by_unit: ByUnit,
}

/// The same by unit, where units are going to be resampled; otherwise empty.
#[derive(Clone, Default)]
pub(super) struct ByUnit {
    pub wholes: Vec<Vec<(u32, f64)>>,
    pub owns: Vec<Vec<(u32, f64)>>,
    pub means: Vec<Vec<(u32, [f64; 2])>>,
}

/// What one unit (a query, or a cluster of them) adds.
#[derive(Default)]
pub(super) struct Unit {
    /// By slice of queries.
    pub wholes: BTreeMap<usize, Vec<ExactSum>>,
    /// By slice of queries and group.
    pub owns: BTreeMap<(usize, usize), Vec<ExactSum>>,
    pub means: BTreeMap<(usize, usize), Vec<(ExactSum, ExactSum)>>,
}

impl Sums {
    /// One of so many shares: of a slice of queries, what the group at a place gets.
    pub fn tally(&self, shares: usize, share: usize, h: usize, at: usize) -> Tally {
        let whole = self.wholes[h * shares + share].clone();
        let own = self.owns[at * shares + share].clone();
        let Whole { places, units, w, ww } = whole;
        let ratio = Ratio { units, x: own.x, w, xx: own.xx, xw: own.xw, ww };
        Tally { rows: places, hits: own.places, ratio, kept: None }
    }

    pub fn add(&mut self, number: u32, unit: Unit, groups: usize, shares: usize, means: usize) {
        let wholes: BTreeMap<usize, Vec<f64>> = unit
            .wholes
            .iter()
            .map(|(&h, whole)| (h, whole.iter().map(ExactSum::get).collect()))
            .collect();
        for (&h, whole) in &wholes {
            for (s, &w) in whole.iter().enumerate().filter(|(_, w)| **w != 0.0) {
                let sum = &mut self.wholes[h * shares + s];
                sum.units += 1;
                sum.w.add(w);
                sum.ww.add(w * w);
                if let Some(kept) = self.by_unit.wholes.get_mut(h * shares + s) {
                    kept.push((number, w));
                }
            }
        }
        for (&(h, g), own) in &unit.owns {
            let own = own.iter().map(ExactSum::get).enumerate();
            for (s, x) in own.filter(|(_, x)| *x != 0.0) {
                let sum = &mut self.owns[(h * groups + g) * shares + s];
                sum.x.add(x);
                sum.xx.add(x * x);
                sum.xw.add(x * wholes[&h][s]);
                if let Some(kept) = self.by_unit.owns.get_mut((h * groups + g) * shares + s) {
                    kept.push((number, x));
                }
            }
        }
        for (&(h, g), own) in &unit.means {
            for (m, (x, w)) in own.iter().enumerate() {
                let at = (h * groups + g) * means + m;
                self.means[at].ratio.add(x.get(), w.get());
                if let Some(kept) = self.by_unit.means.get_mut(at) {
                    kept.push((number, [x.get(), w.get()]));
                }
            }
        }
    }

    pub fn merge(mut self, other: Self) -> Self {
        for (a, b) in self.wholes.iter_mut().zip(&other.wholes) {
            a.places += b.places;
            a.units += b.units;
            a.w.merge(&b.w);
            a.ww.merge(&b.ww);
        }
        for (a, b) in self.owns.iter_mut().zip(&other.owns) {
            a.places += b.places;
            a.x.merge(&b.x);
            a.xx.merge(&b.xx);
            a.xw.merge(&b.xw);
        }
        for (a, b) in self.means.iter_mut().zip(&other.means) {
            a.merge(b);
        }
        // Parts come in the order of units.
        self.by_unit.append(other.by_unit);
        self
    }
}

impl ByUnit {
    pub fn append(&mut self, later: Self) {
        let pairs = |own: &mut Vec<Vec<(u32, f64)>>, later: Vec<Vec<(u32, f64)>>| {
            own.iter_mut().zip(later).for_each(|(own, later)| own.extend(later));
        };
        pairs(&mut self.wholes, later.wholes);
        pairs(&mut self.owns, later.owns);
        for (own, later) in self.means.iter_mut().zip(later.means) {
            own.extend(later);
        }
    }

    /// What each of these units gives a group, and the units: those that give out anything.
    pub fn share(&self, whole: usize, own: usize) -> Option<[Arc<[f64]>; 2]> {
        let (wholes, owns) = (self.wholes.get(whole)?, self.owns.get(own)?);
        let mut owns = owns.iter().peekable();
        let x = wholes
            .iter()
            .map(|(unit, _)| owns.next_if(|(own, _)| own == unit).map_or(0.0, |(_, x)| *x));
        Some([x.collect(), wholes.iter().map(|(_, w)| *w).collect()])
    }
}
