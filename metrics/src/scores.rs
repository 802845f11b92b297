//! What scores say beyond ranks: log loss, calibration, and precision along the ranking.
//!
//! As in [`crate::counts`], everything is rounded once and summed exactly; precision is added up in
//! the order of scores, which does not depend on the order of rows.

use crate::auc::Auc;
use crate::counts::Sum;

/// All that a slice's scored metrics need besides [`crate::counts::Counts`].
#[derive(Clone, Debug, Default)]
pub struct Scored {
    /// The area under the ROC curve.
    pub auc: Option<Auc>,
    /// The average precision; `None` without positives.
    pub average_precision: Option<f64>,
    /// How far the average precision of the scores themselves can lie from it: 0 unless scores were
    /// put on a [`crate::auc::Grid`].
    pub average_precision_bound: f64,
    /// Log loss and calibration.
    pub calibration: Calibration,
}

/// Losses of rows, in nats / [`LARGEST_LOSS`], weighted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Losses {
    /// Their sum.
    pub sum: Sum,
    /// The sum of their squares.
    pub squares: Sum,
    /// Rows whose loss is infinite: their label had probability 0.
    pub impossible: u64,
}

/// A loss larger than this would take a score below the smallest double.
pub const LARGEST_LOSS: f64 = 1_024.0;

/// A bin of scores.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Bin {
    scores: Sum,
    positives: Sum,
    squared_errors: Sum,
}

/// Log loss, and labels against scores in bins of equal width.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calibration {
    bins: Vec<Bin>,
    weights: Sum,
    losses: Sum,
    squared_losses: Sum,
    /// Rows whose label had probability 0.
    impossible: u64,
}

/// An expected calibration error.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CalibrationError {
    /// The error.
    pub value: f64,
    /// How much of it noise alone makes at most, in the mean.
    pub bias: f64,
    /// Variance per row.
    pub variance: f64,
}

impl Calibration {
    /// Nothing yet, in so many bins.
    pub fn new(bins: u16) -> Self {
        Self { bins: vec![Bin::default(); usize::from(bins)], ..Self::default() }
    }

    /// Adds a row's score in 0..1 with a weight scaled to 0..1.
    #[inline]
    pub fn add(&mut self, score: f64, positive: bool, weight: f64) {
        let at = Self::bin(score, self.bins.len());
        let error = score - f64::from(u8::from(positive));
        if let Some(bin) = self.bins.get_mut(at) {
            bin.scores.add(weight * score);
            bin.squared_errors.add(weight * (error * error));
            if positive {
                bin.positives.add(weight);
            }
        }
        self.weights.add(weight);
        let given = if positive { score } else { 1.0 - score };
        if given > 0.0 {
            let loss = -libm::log(given) / LARGEST_LOSS;
            self.losses.add(weight * loss);
            self.squared_losses.add(weight * (loss * loss));
        } else if weight > 0.0 {
            self.impossible += 1;
        }
    }

    /// The bin of a score in 0..1, of so many; the last one holds 1 as well.
    #[inline]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the score lies in 0..1, so the bin is small and not negative"
    )]
    pub fn bin(score: f64, bins: usize) -> usize {
        ((score * bins as f64) as usize).min(bins.saturating_sub(1))
    }

    /// Adds rows of one bin that were added up elsewhere: the moments of their scores, the weights
    /// of the positives among them and of all, and their losses. A bin beyond the last is left out.
    pub fn add_sums(&mut self, bin: usize, of_bin: [Sum; 3], weights: Sum, losses: Losses) {
        let [scores, positives, squared_errors] = of_bin;
        if let Some(bin) = self.bins.get_mut(bin) {
            bin.scores = bin.scores.plus(scores);
            bin.positives = bin.positives.plus(positives);
            bin.squared_errors = bin.squared_errors.plus(squared_errors);
        }
        self.weights = self.weights.plus(weights);
        self.losses = self.losses.plus(losses.sum);
        self.squared_losses = self.squared_losses.plus(losses.squares);
        self.impossible = self.impossible.saturating_add(losses.impossible);
    }

    /// What rows lost in all.
    pub fn losses(&self) -> Losses {
        Losses { sum: self.losses, squares: self.squared_losses, impossible: self.impossible }
    }

    /// The statistics of two disjoint sets of rows, in the same bins, taken together.
    #[must_use]
    pub fn plus(mut self, other: &Self) -> Self {
        if self.bins.is_empty() {
            return other.clone();
        }
        for (mine, theirs) in self.bins.iter_mut().zip(&other.bins) {
            mine.scores = mine.scores.plus(theirs.scores);
            mine.positives = mine.positives.plus(theirs.positives);
            mine.squared_errors = mine.squared_errors.plus(theirs.squared_errors);
        }
        self.weights = self.weights.plus(other.weights);
        self.losses = self.losses.plus(other.losses);
        self.squared_losses = self.squared_losses.plus(other.squared_losses);
        self.impossible += other.impossible;
        self
    }

    /// Mean log loss in nats and its variance per row.
    ///
    /// # Errors
    /// How many rows make it infinite: their label had probability 0.
    pub fn log_loss(&self) -> Result<Option<(f64, f64)>, u64> {
        if self.impossible > 0 {
            return Err(self.impossible);
        }
        let whole = self.weights.get();
        Ok((whole > 0.0).then(|| {
            let mean = self.losses.get() / whole;
            let spread = (self.squared_losses.get() / whole - mean * mean).max(0.0);
            (mean * LARGEST_LOSS, spread * LARGEST_LOSS * LARGEST_LOSS)
        }))
    }

    /// The expected calibration error over `n` rows, or effective rows; `None` without any weight.
    ///
    /// Each row moves the error by sign · (label − score), so its variance per row is that of these:
    /// the Brier score less the square of the error. Where scores are calibrated the error is a mean
    /// of absolute noise, at most Σ √(2v/πn) over bins; that much of it may be bias.
    pub fn error(&self, n: f64) -> Option<CalibrationError> {
        let whole = self.weights.get();
        if whole <= 0.0 {
            return None;
        }
        let (mut value, mut bias, mut brier) = (0.0, 0.0, 0.0);
        for bin in &self.bins {
            let gap = (bin.positives.get() - bin.scores.get()) / whole;
            let squared = bin.squared_errors.get() / whole;
            value += gap.abs();
            brier += squared;
            bias += (2.0 / std::f64::consts::PI * (squared - gap * gap).max(0.0) / n).sqrt();
        }
        Some(CalibrationError { value, bias, variance: (brier - value * value).max(0.0) })
    }
}

/// Collects the rows of one slice in rising order of score, for the average precision: the sum over
/// thresholds of the recall gained there times the precision there.
#[derive(Clone, Copy, Debug)]
pub struct PrecisionRecall {
    score: u64,
    tied: [Sum; 2],
    /// Rows with at least the current score, by class.
    above: [Sum; 2],
    positives: f64,
    sum: f64,
}

impl PrecisionRecall {
    /// Nothing yet, of a slice whose classes have these weights in all.
    pub fn new(negatives: Sum, positives: Sum) -> Self {
        Self {
            score: 0,
            tied: [Sum::default(); 2],
            above: [negatives, positives],
            positives: positives.get(),
            sum: 0.0,
        }
    }

    /// Adds a row with a weight scaled to 0..1. `score` is any number that orders as the score does;
    /// it may not fall.
    #[inline]
    pub fn add(&mut self, score: u64, positive: bool, weight: f64) {
        if score != self.score {
            self.flush();
            self.score = score;
        }
        self.tied[usize::from(positive)].add(weight);
    }

    fn flush(&mut self) {
        let gained = self.tied[1].get();
        if gained > 0.0 {
            let (negatives, positives) = (self.above[0].get(), self.above[1].get());
            self.sum += gained * (positives / (positives + negatives));
        }
        for class in 0..2 {
            self.above[class] = self.above[class].minus(self.tied[class]);
        }
        self.tied = [Sum::default(); 2];
    }

    /// The average precision; `None` without positives.
    pub fn finish(mut self) -> Option<f64> {
        self.flush();
        (self.positives > 0.0).then(|| (self.sum / self.positives).clamp(0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(rows: &[(f64, bool)]) -> Calibration {
        let mut calibration = Calibration::new(10);
        for &(score, positive) in rows {
            calibration.add(score, positive, 1.0);
        }
        calibration
    }

    #[test]
    fn a_label_that_had_no_chance_makes_the_log_loss_infinite_and_is_counted() {
        assert_eq!(of(&[(0.0, true), (1.0, false), (0.5, true)]).log_loss(), Err(2));
        let (loss, _) = of(&[(0.5, true), (0.5, false)]).log_loss().unwrap().unwrap();
        assert!((loss - std::f64::consts::LN_2).abs() < 1e-12);
    }

    #[test]
    fn the_calibration_error_weighs_the_gap_of_each_bin_by_its_rows() {
        // Bin 0.2..0.3: mean label ½, mean score 0.25; bin 0.9..1: mean label 1, mean score 1.
        let rows = [(0.2, true), (0.3 - 1e-9, false), (1.0, true), (1.0, true)];
        let error = of(&rows).error(4.0).unwrap();
        assert!((error.value - 0.125).abs() < 1e-8, "{error:?}");
        assert!(error.bias > 0.0);
    }

    proptest! {
        #[test]
        fn how_rows_are_split_changes_nothing(
            rows in prop::collection::vec((0.0_f64..=1.0, any::<bool>()), 0..80),
            split in 0_usize..80,
        ) {
            let (left, right) = rows.split_at(split.min(rows.len()));
            prop_assert_eq!(of(left).plus(&of(right)), of(&rows));
        }

        #[test]
        fn average_precision_is_that_of_the_definition(
            rows in prop::collection::vec((0_u8..9, any::<bool>()), 1..50),
        ) {
            let mut sorted = rows.clone();
            sorted.sort_unstable();
            let count = |positive: bool| {
                let mut sum = Sum::default();
                rows.iter().filter(|row| row.1 == positive).for_each(|_| sum.add(1.0));
                sum
            };
            let mut collected = PrecisionRecall::new(count(false), count(true));
            for &(score, positive) in &sorted {
                collected.add(u64::from(score), positive, 1.0);
            }
            let positives = rows.iter().filter(|row| row.1).count() as f64;
            let mut known = 0.0;
            let mut recall = 0.0;
            for threshold in (0..9).rev() {
                let taken: Vec<_> = rows.iter().filter(|row| row.0 >= threshold).collect();
                let hits = taken.iter().filter(|row| row.1).count() as f64;
                if !taken.is_empty() && positives > 0.0 {
                    known += (hits / positives - recall) * hits / taken.len() as f64;
                    recall = hits / positives;
                }
            }
            match collected.finish() {
                None => prop_assert!(positives < 0.5),
                Some(found) => prop_assert!((found - known).abs() < 1e-12),
            }
        }
    }
}
