//! The exact area under the ROC curve and DeLong's variance, for many slices in one pass.
//!
//! Rows come sorted by score. For each positive, twice the number of negatives below it plus the
//! number tied with it is twice its mid-rank among the negatives (Sun & Xu 2014), so the area and
//! the variance are sums of integers and exact.

use crate::counts::Sum;
use crate::scores::Calibration;

/// An area with its standard error.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Auc {
    /// The area, in 0..1.
    pub value: f64,
    /// DeLong's standard error; `None` where a class has one row only.
    pub stderr: Option<f64>,
    /// How far the area of the scores themselves can lie from `value`: 0 unless scores were put
    /// on a [`Grid`].
    pub bound: f64,
}

/// Collects the rows of one slice, in rising order of score.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ranks {
    score: u64,
    tied: [u64; 2],
    below: [u64; 2],
    /// Over rows of each class: twice the mid-rank among the other class, and its square.
    sums: [u128; 2],
    squares: [u128; 2],
}

impl Ranks {
    /// Adds a row. `score` is any number that orders as the score does; it may not fall.
    #[inline]
    pub fn add(&mut self, score: u64, positive: bool) {
        if score != self.score {
            self.flush();
            self.score = score;
        }
        self.tied[usize::from(positive)] += 1;
    }

    /// Adds rows that are tied with each other and lie above all that were added before: so many
    /// negatives and positives.
    fn add_above(&mut self, tied: [u64; 2]) {
        self.flush();
        self.tied = tied;
    }

    #[inline]
    fn flush(&mut self) {
        let [negatives, positives] = self.tied;
        if positives > 0 {
            let rank = u128::from(2 * self.below[0] + negatives);
            self.sums[1] += u128::from(positives) * rank;
            self.squares[1] += u128::from(positives) * rank * rank;
        }
        if negatives > 0 {
            let rank = u128::from(2 * self.below[1] + positives);
            self.sums[0] += u128::from(negatives) * rank;
            self.squares[0] += u128::from(negatives) * rank * rank;
        }
        self.below[0] += negatives;
        self.below[1] += positives;
        self.tied = [0, 0];
    }

    /// The area; `None` when a class has no rows.
    pub fn finish(mut self) -> Option<Auc> {
        self.flush();
        let [negatives, positives] = self.below;
        if negatives == 0 || positives == 0 {
            return None;
        }
        let (m, n) = (positives as f64, negatives as f64);
        let value = self.sums[1] as f64 / (2.0 * m * n);
        // Sample variance of the placements of `class`, each its rank over twice the other's size.
        let variance = |class: usize, size: f64, other: f64| {
            let (count, sum, squares) =
                (u128::from(self.below[class]), self.sums[class], self.squares[class]);
            let spread = match (count.checked_mul(squares), sum.checked_mul(sum)) {
                (Some(a), Some(b)) => a.saturating_sub(b) as f64,
                // Beyond some ten million rows of a class the exact products no longer fit.
                _ => (size * squares as f64 - sum as f64 * sum as f64).max(0.0),
            };
            spread / (size * (size - 1.0)) / (4.0 * other * other)
        };
        let stderr = (positives > 1 && negatives > 1)
            .then(|| (variance(1, m, n) / m + variance(0, n, m) / n).sqrt());
        Some(Auc { value, stderr, bound: 0.0 })
    }
}

/// As [`Ranks`], for weighted rows. Within a tie weights are summed exactly; ties are added in the
/// order of scores, which does not depend on the order of rows.
#[derive(Clone, Copy, Debug, Default)]
pub struct WeightedRanks {
    score: u64,
    tied: [Sum; 2],
    below: [Sum; 2],
    rows: [u64; 2],
    weights_squared: [Sum; 2],
    sums: [f64; 2],
    squares: [f64; 2],
}

impl WeightedRanks {
    /// Adds a row with a weight scaled to 0..1; `score` as in [`Ranks::add`].
    #[inline]
    pub fn add(&mut self, score: u64, positive: bool, weight: f64) {
        if score != self.score {
            self.flush();
            self.score = score;
        }
        let class = usize::from(positive);
        self.tied[class].add(weight);
        self.weights_squared[class].add(weight * weight);
        self.rows[class] += u64::from(weight > 0.0);
    }

    fn flush(&mut self) {
        for class in 0..2 {
            let (weight, other) = (self.tied[class].get(), 1 - class);
            if weight > 0.0 {
                let rank = self.below[other].get() + 0.5 * self.tied[other].get();
                self.sums[class] += weight * rank;
                self.squares[class] += weight * (rank * rank);
            }
        }
        for class in 0..2 {
            self.below[class] = self.below[class].plus(self.tied[class]);
        }
        self.tied = Default::default();
    }

    /// The area and an approximate standard error (DeLong's with Kish's effective n for the size of
    /// each class); `None` when a class has no weight.
    pub fn finish(mut self) -> Option<Auc> {
        self.flush();
        let [negatives, positives] = self.below.map(Sum::get);
        if negatives <= 0.0 || positives <= 0.0 {
            return None;
        }
        let value = (self.sums[1] / (positives * negatives)).clamp(0.0, 1.0);
        let variance = |class: usize, size: f64, other: f64| {
            let effective = size * size / self.weights_squared[class].get();
            let mean = self.sums[class] / size / other;
            let spread = (self.squares[class] / size / (other * other) - mean * mean).max(0.0);
            spread / (effective - 1.0)
        };
        let stderr = (self.rows[0] > 1 && self.rows[1] > 1)
            .then(|| (variance(1, positives, negatives) + variance(0, negatives, positives)).sqrt())
            .filter(|stderr| stderr.is_finite());
        Some(Auc { value, stderr, bound: 0.0 })
    }
}

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
    use crate::scores::PrecisionRecall;
    use proptest::prelude::*;

    fn auc(rows: &[(f64, bool)]) -> Option<Auc> {
        let mut rows = rows.to_vec();
        rows.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut ranks = Ranks::default();
        for (score, positive) in rows {
            ranks.add(score.to_bits(), positive);
        }
        ranks.finish()
    }

    #[test]
    fn delong_gives_the_known_area_and_variance() {
        let labels = [true, true, true, false, false, false, false, true];
        let scores = [0.9, 0.8, 0.35, 0.7, 0.4, 0.2, 0.1, 0.6];
        let rows: Vec<_> = scores.into_iter().zip(labels).collect();
        let auc = auc(&rows).unwrap();
        assert!((auc.value - 0.8125).abs() < 1e-12);
        assert!((auc.stderr.unwrap() - 0.169_250_8).abs() < 1e-6);
    }

    #[test]
    fn one_class_has_no_area_and_one_row_of_a_class_no_delong_variance() {
        assert_eq!(auc(&[(0.1, true), (0.2, true)]), None);
        assert_eq!(
            auc(&[(0.1, false), (0.2, true), (0.05, true)]),
            Some(Auc { value: 0.5, stderr: None, bound: 0.0 })
        );
    }

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

        #[test]
        fn the_area_is_the_share_of_ordered_pairs_and_equal_weights_change_nothing(
            rows in prop::collection::vec((0_u8..12, any::<bool>()), 2..60),
        ) {
            let rows: Vec<(f64, bool)> =
                rows.into_iter().map(|(s, y)| (f64::from(s) / 11.0, y)).collect();
            let pairs: Vec<f64> = rows
                .iter()
                .filter(|row| row.1)
                .flat_map(|p| rows.iter().filter(|row| !row.1).map(move |n| match p.0.total_cmp(&n.0) {
                    std::cmp::Ordering::Greater => 1.0,
                    std::cmp::Ordering::Equal => 0.5,
                    std::cmp::Ordering::Less => 0.0,
                }))
                .collect();
            let got = auc(&rows);
            prop_assert_eq!(got.is_none(), pairs.is_empty());
            if let Some(got) = got {
                prop_assert!((got.value - pairs.iter().sum::<f64>() / pairs.len() as f64).abs() < 1e-12);
                let mut sorted = rows.clone();
                sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
                let mut ranks = WeightedRanks::default();
                for (score, positive) in sorted {
                    ranks.add(score.to_bits(), positive, 0.25);
                }
                let weighted = ranks.finish().unwrap();
                prop_assert!((weighted.value - got.value).abs() < 1e-12);
                if let (Some(a), Some(b)) = (weighted.stderr, got.stderr) {
                    prop_assert!((a - b).abs() < 1e-7);
                }
            }
        }
    }
}
