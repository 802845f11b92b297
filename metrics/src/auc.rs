//! The exact area under the ROC curve and DeLong's variance, for many slices in one pass.
//!
//! Rows come sorted by score. For each positive, twice the number of negatives below it plus the
//! number tied with it is twice its mid-rank among the negatives (Sun & Xu 2014), so the area and
//! the variance are sums of integers and exact.

use crate::counts::Sum;

mod grid;

pub use grid::{BINS, Grid};

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
        // Most scores are of one row. Which class it has, no branch could predict.
        if self.tied[0] + self.tied[1] == 1 {
            let class = usize::from(self.tied[1] == 1);
            let rank = u128::from(2 * self.below[1 - class]);
            self.sums[class] += rank;
            self.squares[class] += rank * rank;
            self.below[class] += 1;
        } else {
            for class in 0..2 {
                let rank = u128::from(2 * self.below[1 - class] + self.tied[1 - class]);
                let tied = u128::from(self.tied[class]);
                self.sums[class] += tied * rank;
                self.squares[class] += tied * rank * rank;
            }
            for class in 0..2 {
                self.below[class] += self.tied[class];
            }
        }
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

/// What the ranking of a slice's rows says.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Ranked {
    /// The area under the ROC curve; `None` when a class has no rows, or no weight.
    pub auc: Option<Auc>,
    /// The average precision, in 0..1: the sum over thresholds of the recall gained there times the
    /// precision there; `None` without positives.
    pub average_precision: Option<f64>,
}

/// Collects the rows of one slice, or of a stretch of its scores, in rising order of score: their
/// ranks, and the precision at each positive. All sums are of integers, precisions rounded once to
/// multiples of 2^-62, so stretches that were collected apart add up to the whole.
#[derive(Clone, Copy, Debug, Default)]
pub struct Curve {
    ranks: Ranks,
    /// The rows of the slice, by class.
    whole: [u64; 2],
    precisions: Sum,
}

impl Curve {
    /// Begins above so many negatives and positives, of so many in all.
    pub fn new(below: [u64; 2], whole: [u64; 2]) -> Self {
        Self { ranks: Ranks { below, ..Ranks::default() }, whole, precisions: Sum::default() }
    }

    /// Adds a row. `score` as in [`Ranks::add`].
    #[inline]
    pub fn add(&mut self, score: u64, positive: bool) {
        if score != self.ranks.score {
            self.flush();
            self.ranks.score = score;
        }
        self.ranks.tied[usize::from(positive)] += 1;
    }

    #[inline]
    fn flush(&mut self) {
        let [negatives, positives] =
            [0, 1].map(|class| self.whole[class] - self.ranks.below[class]);
        // Above the last row there is nothing, and nothing to be gained.
        let precision = positives as f64 / (positives + negatives) as f64;
        self.precisions.add_times(precision, self.ranks.tied[1]);
        self.ranks.flush();
    }

    /// This stretch and the one that begins where it ends, taken together.
    #[must_use]
    pub fn then(mut self, mut after: Self) -> Self {
        self.flush();
        after.flush();
        for class in 0..2 {
            after.ranks.sums[class] += self.ranks.sums[class];
            after.ranks.squares[class] += self.ranks.squares[class];
        }
        after.precisions = after.precisions.plus(self.precisions);
        after
    }

    /// What all rows of the slice say.
    pub fn finish(mut self) -> Ranked {
        self.flush();
        let positives = self.whole[1];
        let precision = || (self.precisions.get() / positives as f64).clamp(0.0, 1.0);
        Ranked { auc: self.ranks.finish(), average_precision: (positives > 0).then(precision) }
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    pub(super) fn auc(rows: &[(f64, bool)]) -> Option<Auc> {
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
