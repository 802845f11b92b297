//! Areas from scores that were put on a grid.

use super::{Auc, Ranks, WeightedRanks};
use crate::counts::Sum;
use crate::scores::Calibration;

/// Bins that a grid of scores has unless another number is asked for.
pub const BINS: usize = 1_000;

/// How many rows of each class, and how much weight, lie in each bin of a grid over the scores.
///
/// Bin `b` of `B` holds the scores in `b/B..(b+1)/B`, the last one 1 as well. Rows of one bin count
/// as tied, so the area differs from that of the scores by at most half the share of pairs of a
/// positive and a negative that share a bin. Grids of parts add up to that of the whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grid {
    rows: Vec<[u64; 2]>,
    /// As many as bins where rows are weighted, else none.
    weights: Vec<[Sum; 2]>,
}

impl Grid {
    /// A grid without rows.
    pub fn new(bins: usize, weighted: bool) -> Self {
        Self {
            rows: vec![[0; 2]; bins],
            weights: vec![<[Sum; 2]>::default(); if weighted { bins } else { 0 }],
        }
    }

    /// The bin of a score in 0..1.
    #[inline]
    pub fn bin(score: f64, bins: usize) -> usize {
        Calibration::bin(score, bins)
    }

    /// How many bins it has.
    pub fn bins(&self) -> usize {
        self.rows.len()
    }

    /// Adds a row with a score in 0..1 and a weight scaled to 0..1.
    #[inline]
    pub fn add(&mut self, score: f64, positive: bool, weight: f64) {
        let bin = Self::bin(score, self.rows.len());
        self.rows[bin][usize::from(positive)] += 1;
        if let Some(weights) = self.weights.get_mut(bin) {
            weights[usize::from(positive)].add(weight);
        }
    }

    /// Adds rows of one bin, by class, with the sums of their weights. Bins beyond the last are
    /// left out.
    pub fn add_bin(&mut self, bin: usize, rows: [u64; 2], weights: [Sum; 2]) {
        for class in 0..2 {
            if let Some(bin) = self.rows.get_mut(bin) {
                bin[class] = bin[class].saturating_add(rows[class]);
            }
            if let Some(bin) = self.weights.get_mut(bin) {
                bin[class] = bin[class].plus(weights[class]);
            }
        }
    }

    /// Adds the rows of another grid with as many bins.
    pub fn merge(&mut self, other: &Self) {
        for (bin, &rows) in other.rows.iter().enumerate() {
            let weights = other.weights.get(bin).copied().unwrap_or_default();
            self.add_bin(bin, rows, weights);
        }
    }

    /// The area, DeLong's standard error and the bound; `None` when a class has no rows, or no
    /// weight. `weights_squared` are the sums of squared weights by class.
    pub fn area(&self, weights_squared: [Sum; 2]) -> Option<Auc> {
        let share = |tied: &mut dyn Iterator<Item = [f64; 2]>| {
            let (mut classes, mut pairs) = ([0.0; 2], 0.0);
            for [negatives, positives] in tied {
                classes = [classes[0] + negatives, classes[1] + positives];
                pairs += negatives * positives;
            }
            0.5 * pairs / (classes[0] * classes[1])
        };
        if self.weights.is_empty() {
            let mut ranks = Ranks::default();
            for &tied in &self.rows {
                ranks.add_above(tied);
            }
            let bound = share(&mut self.rows.iter().map(|tied| tied.map(|rows| rows as f64)));
            return ranks.finish().map(|auc| Auc { bound, ..auc });
        }
        let mut ranks = WeightedRanks { weights_squared, ..WeightedRanks::default() };
        for (tied, rows) in self.weights.iter().zip(&self.rows) {
            ranks.flush();
            ranks.tied = *tied;
            for (own, rows) in ranks.rows.iter_mut().zip(rows) {
                *own += rows;
            }
        }
        let bound = share(&mut self.weights.iter().map(|tied| tied.map(Sum::get)));
        ranks.finish().map(|auc| Auc { bound, ..auc })
    }

    /// The average precision, rows of one bin tied, and how far that of the scores themselves can
    /// lie from it; `None` without positives.
    ///
    /// Within a bin the precision at a positive is at most that when all positives and no negatives
    /// of the bin were counted, and at least that when all negatives and the first positive were.
    pub fn average_precision(&self) -> Option<(f64, f64)> {
        let tied = |bin: usize| {
            let rows = self.rows[bin].map(|rows| rows as f64);
            self.weights.get(bin).map_or(rows, |weights| weights.map(Sum::get))
        };
        // A row of unknown weight may weigh next to nothing.
        let first = if self.weights.is_empty() { 1.0 } else { 0.0 };
        let (mut above, mut sums) = ([0.0; 2], [0.0; 3]);
        for [negatives, positives] in (0..self.rows.len()).rev().map(tied) {
            let [above_negatives, above_positives] = above;
            above = [above_negatives + negatives, above_positives + positives];
            if positives > 0.0 {
                let precisions = [
                    (above_positives + first) / (above_positives + first + above[0]),
                    above[1] / (above[0] + above[1]),
                    above[1] / (above[1] + above_negatives),
                ];
                for (sum, precision) in sums.iter_mut().zip(precisions) {
                    // Nothing above and no negatives: precision is 1 wherever it is taken.
                    *sum += positives * if precision.is_nan() { 1.0 } else { precision };
                }
            }
        }
        let [low, tied, high] = sums.map(|sum| sum / above[1]);
        let bound = (tied - low).max(high - tied).max(0.0);
        (above[1] > 0.0).then_some((tied.clamp(0.0, 1.0), bound))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auc::tests::auc;
    use crate::scores::PrecisionRecall;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_area_on_a_grid_lies_within_its_bound_and_parts_add_up(
            rows in prop::collection::vec((0.0_f64..=1.0, any::<bool>()), 2..80),
            bins in 1_usize..40,
            split in 0_usize..80,
        ) {
            for weighted in [false, true] {
                let grid = |rows: &[(f64, bool)]| {
                    let mut grid = Grid::new(bins, weighted);
                    for &(score, positive) in rows {
                        grid.add(score, positive, 0.25);
                    }
                    grid
                };
                let whole = grid(&rows);
                let (left, right) = rows.split_at(split.min(rows.len()));
                let mut parts = grid(right);
                parts.merge(&grid(left));
                prop_assert_eq!(&parts, &whole);
                let positives = rows.iter().filter(|row| row.1).count();
                let squared = [rows.len() - positives, positives].map(|rows| {
                    let mut sum = Sum::default();
                    (0..rows).for_each(|_| sum.add(0.0625));
                    sum
                });
                let (on_grid, exact) = (whole.area(squared), auc(&rows));
                prop_assert_eq!(on_grid.is_some(), exact.is_some());
                if let (Some(on_grid), Some(exact)) = (on_grid, exact) {
                    let apart = (on_grid.value - exact.value).abs();
                    prop_assert!(apart <= on_grid.bound + 1e-12, "{on_grid:?} {exact:?}");
                    prop_assert_eq!(on_grid.stderr.is_some(), exact.stderr.is_some());
                }
                let total = |rows: usize| {
                    let mut sum = Sum::default();
                    (0..rows).for_each(|_| sum.add(0.25));
                    sum
                };
                let mut sorted = rows.clone();
                sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
                let mut precisions =
                    PrecisionRecall::new(total(rows.len() - positives), total(positives));
                for (score, positive) in sorted {
                    precisions.add(score.to_bits(), positive, 0.25);
                }
                let (on_grid, exact) = (whole.average_precision(), precisions.finish());
                prop_assert_eq!(on_grid.is_some(), exact.is_some());
                if let (Some((value, bound)), Some(exact)) = (on_grid, exact) {
                    prop_assert!((value - exact).abs() <= bound + 1e-12, "{value} {exact} {bound}");
                }
            }
        }
    }
}
