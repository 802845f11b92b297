//! Sufficient statistics of a slice: what a classifier's metrics need to know of its rows.
//!
//! Everything is an integer. Scores, errors and weights, all scaled to 0..1, are rounded once to
//! multiples of 2^-62 and summed exactly, so a sum does not depend on the order of rows, on the
//! number of threads or on the machine, and statistics of parts add up to those of the whole.

/// A sum of numbers in 0..1, exact after each was rounded to a multiple of 2^-62.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sum(u128);

const ONE: u64 = 1 << 62;

/// A number in 0..1 in multiples of 2^-62. By way of a signed integer, for which there is an
/// instruction.
#[inline]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap,
    reason = "the cast saturates, and numbers in 0..1 fit"
)]
fn units(number: f64) -> u64 {
    ((number * ONE as f64) as i64).clamp(0, ONE as i64) as u64
}

impl Sum {
    /// Adds a number in 0..1; what lies outside counts as the nearer end.
    #[inline]
    pub fn add(&mut self, number: f64) {
        self.0 += u128::from(units(number));
    }

    /// Adds a number in 0..1 so many times.
    #[inline]
    pub fn add_times(&mut self, number: f64, times: u64) {
        self.0 += u128::from(units(number)) * u128::from(times);
    }

    /// The sum.
    pub fn get(self) -> f64 {
        self.0 as f64 / ONE as f64
    }

    /// A sum less a part of it.
    #[must_use]
    pub fn minus(self, part: Self) -> Self {
        Self(self.0.saturating_sub(part.0))
    }

    /// The sum of so many ones.
    pub fn of_ones(count: u64) -> Self {
        Self(u128::from(count) * u128::from(ONE))
    }

    /// The sum of two sums; at most the largest one that can be kept, which 2^66 rows may reach.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The sum in multiples of 2^-62: what other engines add up, and what a file of counts holds.
    pub fn units(self) -> u128 {
        self.0
    }

    /// The sum of so many multiples of 2^-62.
    pub fn of_units(units: u128) -> Self {
        Self(units)
    }
}

/// A cell of the confusion matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Cell {
    /// Labelled and predicted negative.
    TrueNegative = 0,
    /// Labelled positive, predicted negative.
    FalseNegative = 1,
    /// Labelled negative, predicted positive.
    FalsePositive = 2,
    /// Labelled and predicted positive.
    TruePositive = 3,
}

/// The first two moments of a number that each row has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moments {
    /// The (weighted) sum.
    pub sum: Sum,
    /// The (weighted) sum of squares.
    pub squares: Sum,
}

impl Moments {
    #[inline]
    fn add(&mut self, number: f64, weight: f64) {
        self.sum.add(weight * number);
        self.squares.add(weight * (number * number));
    }

    fn plus(self, other: Self) -> Self {
        Self { sum: self.sum.plus(other.sum), squares: self.squares.plus(other.squares) }
    }
}

/// The weights of one cell of the confusion matrix, each divided by a common power of two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Weights {
    /// Their sum.
    pub sum: Sum,
    /// The sum of their squares.
    pub squares: Sum,
}

/// Rows with their weights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amount {
    /// How many rows.
    pub rows: u64,
    /// Their weights, where they have any.
    pub weights: Weights,
}

impl Amount {
    /// Adds a row with its weight, scaled to 0..1.
    #[inline]
    pub fn add(&mut self, weight: f64) {
        self.rows += 1;
        self.weights.sum.add(weight);
        self.weights.squares.add(weight * weight);
    }

    /// Two disjoint sets of rows taken together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            rows: self.rows + other.rows,
            weights: Weights {
                sum: self.weights.sum.plus(other.weights.sum),
                squares: self.weights.squares.plus(other.weights.squares),
            },
        }
    }

    /// The rows that are left without a part of them.
    #[must_use]
    pub fn minus(self, part: Self) -> Self {
        Self {
            rows: self.rows - part.rows,
            weights: Weights {
                sum: self.weights.sum.minus(part.weights.sum),
                squares: self.weights.squares.minus(part.weights.squares),
            },
        }
    }
}

/// What a slice's metrics need to know of its rows. Add rows with the `add_*` methods, merge with
/// [`Counts::plus`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    rows: [u64; 4],
    weights: [Weights; 4],
    scores: Moments,
    squared_errors: Moments,
}

impl Counts {
    /// Counts as they were added up elsewhere: rows and weights by [`Cell`].
    pub fn of_sums(
        rows: [u64; 4],
        weights: [Weights; 4],
        scores: Moments,
        squared_errors: Moments,
    ) -> Self {
        Self { rows, weights, scores, squared_errors }
    }

    /// The counts of a confusion matrix, without scores.
    pub fn of_confusion(tp: u64, fp: u64, false_negatives: u64, tn: u64) -> Self {
        Self { rows: [tn, false_negatives, fp, tp], ..Self::default() }
    }

    /// The counts of a confusion matrix whose rows may be weighted: true negatives, false negatives,
    /// false positives, true positives.
    pub fn of_amounts(amounts: [Amount; 4]) -> Self {
        Self {
            rows: amounts.map(|amount| amount.rows),
            weights: amounts.map(|amount| amount.weights),
            ..Self::default()
        }
    }

    /// Adds a row; `cell` is label + 2 × prediction.
    #[inline]
    pub fn add_row(&mut self, cell: u8) {
        self.rows[usize::from(cell & 3)] += 1;
    }

    /// Adds a row's weight, scaled to 0..1.
    #[inline]
    pub fn add_weight(&mut self, cell: u8, weight: f64) {
        let weights = &mut self.weights[usize::from(cell & 3)];
        weights.sum.add(weight);
        weights.squares.add(weight * weight);
    }

    /// Adds a row's score in 0..1 and its squared error, with a weight scaled to 0..1.
    #[inline]
    pub fn add_score(&mut self, cell: u8, score: f64, weight: f64) {
        let error = score - f64::from(cell & 1);
        self.scores.add(score, weight);
        self.squared_errors.add(error * error, weight);
    }

    /// The statistics of two disjoint sets of rows taken together.
    #[must_use]
    pub fn plus(mut self, other: &Self) -> Self {
        for cell in 0..4 {
            self.rows[cell] = self.rows[cell].saturating_add(other.rows[cell]);
            let (mine, theirs) = (&mut self.weights[cell], &other.weights[cell]);
            mine.sum = mine.sum.plus(theirs.sum);
            mine.squares = mine.squares.plus(theirs.squares);
        }
        self.scores = self.scores.plus(other.scores);
        self.squared_errors = self.squared_errors.plus(other.squared_errors);
        self
    }

    /// Rows in these cells.
    pub fn rows(&self, cells: &[Cell]) -> u64 {
        cells.iter().map(|&cell| self.rows[cell as usize]).sum()
    }

    /// Rows in all cells.
    pub fn all(&self) -> u64 {
        self.rows.iter().sum()
    }

    /// Rows labelled positive.
    pub fn positives(&self) -> u64 {
        self.rows(&[Cell::TruePositive, Cell::FalseNegative])
    }

    /// Weights in these cells.
    pub fn weights(&self, cells: &[Cell]) -> Weights {
        cells.iter().map(|&cell| self.weights[cell as usize]).fold(Weights::default(), |a, b| {
            Weights { sum: a.sum.plus(b.sum), squares: a.squares.plus(b.squares) }
        })
    }

    /// Moments of the score.
    pub fn scores(&self) -> Moments {
        self.scores
    }

    /// Moments of the squared error of the score.
    pub fn squared_errors(&self) -> Moments {
        self.squared_errors
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_order_of_rows_and_how_they_are_split_change_nothing(
            rows in prop::collection::vec((0_u8..4, 0.0_f64..=1.0, 0.0_f64..=1.0), 0..200),
            split in 0_usize..200,
        ) {
            let count = |rows: &[(u8, f64, f64)]| {
                let mut counts = Counts::default();
                for &(cell, score, weight) in rows {
                    counts.add_row(cell);
                    counts.add_weight(cell, weight);
                    counts.add_score(cell, score, weight);
                }
                counts
            };
            let whole = count(&rows);
            let mut backwards = rows.clone();
            backwards.reverse();
            prop_assert_eq!(count(&backwards), whole);
            let (left, right) = rows.split_at(split.min(rows.len()));
            prop_assert_eq!(count(left).plus(&count(right)), whole);
        }
    }

    #[test]
    fn a_sum_is_as_exact_as_a_float_can_show() {
        let mut sum = Sum::default();
        for _ in 0..1_000_000 {
            sum.add(0.1);
        }
        assert!((sum.get() - 100_000.0).abs() < 1e-9);
    }
}
