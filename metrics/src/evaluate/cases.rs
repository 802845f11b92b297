//! The classified rows of a slice as the metrics see them: their values when each row counts any
//! number of times, and how much each row moves them.
//!
//! The influence of a row on a metric is its derivative by the row's weight, times that weight
//! (the infinitesimal jackknife, Efron 1982, chapter 6; for the area under the ROC curve these are
//! DeLong's placements). Influences add up to nothing over all rows; the sum of their squares is the
//! variance where rows are independent, and that of their sums by cluster where rows come in
//! clusters.

use crate::bootstrap::units::Statistics;
use crate::counts::Cell;
use crate::rates::{OF_SCORES, OfCells};
use crate::read::Table;
use crate::scores::Calibration;

/// The metrics in the order in which [`Cases::values`] gives them.
pub(super) fn keys(scored: bool) -> impl Iterator<Item = &'static str> {
    OfCells::keys().chain(OF_SCORES.iter().copied().filter(move |_| scored))
}

/// Classified rows in rising order of score.
#[derive(Clone, Debug, Default)]
pub(super) struct Cases {
    /// Label + 2 × prediction.
    cells: Vec<u8>,
    /// Empty without scores.
    scores: Vec<f64>,
    /// −ln of the probability that the row's label had; infinite where that was 0.
    losses: Vec<f64>,
    /// Empty where all rows weigh 1.
    weights: Vec<f64>,
    /// Whose number of times is each row's; empty: the row's own.
    units: Vec<u32>,
    bins: usize,
    /// Whether only the metrics that look at scores are wanted of resamples.
    only_scores: bool,
}

/// What the rows add up to.
struct Sums {
    cells: [f64; 4],
    whole: f64,
    squared_errors: f64,
    scores: f64,
    losses: f64,
    /// Positives less scores, by bin.
    gaps: Vec<f64>,
}

/// The area under the ROC curve and the average precision.
#[derive(Clone, Copy)]
struct Ranked {
    area: f64,
    precision: f64,
}

/// Rows with the same score.
struct Tie {
    rows: std::ops::Range<usize>,
    /// Weight with this score, by class.
    tied: [f64; 2],
    /// Weight with a lower score, by class.
    below: [f64; 2],
}

impl Cases {
    /// Some rows of a table. `unit` says whose number of times is each row's; without it, it is the
    /// row's own, rows being numbered in the order of scores.
    pub fn of(
        table: &Table,
        mut rows: Vec<u32>,
        scale: f64,
        bins: u16,
        unit: Option<&dyn Fn(u32) -> u32>,
    ) -> Self {
        let at = |row: &u32| *row as usize;
        // Scores and weights are not negative, so their bits order as they do. Rows that differ in
        // nothing stay as they are in the file, so that a seed means the same resamples, and the
        // order of the file means nothing for sums.
        let bits = |numbers: &[f64], row: &u32| numbers.get(at(row)).map_or(0, |x| x.to_bits());
        rows.sort_by_key(|row| {
            let (score, weight) = (bits(&table.scores, row), bits(&table.weights, row));
            (score, table.cells[at(row)], weight, *row)
        });
        let cells: Vec<u8> = rows.iter().map(|row| table.cells[at(row)]).collect();
        let scores: Vec<f64> =
            rows.iter().filter_map(|row| table.scores.get(at(row)).copied()).collect();
        let losses = scores
            .iter()
            .zip(&cells)
            .map(|(&score, cell)| -libm::log(if cell & 1 == 1 { score } else { 1.0 - score }))
            .collect();
        let weights = rows.iter().filter_map(|row| table.weights.get(at(row)));
        Self {
            losses,
            weights: weights.map(|weight| weight * scale).collect(),
            units: unit.map(|unit| rows.iter().map(|&row| unit(row)).collect()).unwrap_or_default(),
            cells,
            scores,
            bins: usize::from(bins),
            only_scores: false,
        }
    }

    /// Only the metrics that look at scores.
    #[must_use]
    pub fn only_scores(self) -> Self {
        Self { only_scores: true, ..self }
    }

    fn wanted(&self) -> impl Iterator<Item = &'static str> + use<> {
        let without = if self.only_scores { OfCells::keys().count() } else { 0 };
        keys(self.is_scored()).skip(without)
    }

    pub fn len(&self) -> usize {
        self.cells.len()
    }

    pub fn is_scored(&self) -> bool {
        !self.scores.is_empty()
    }

    /// Whose number of times is a row's.
    pub fn unit(&self, row: usize) -> usize {
        self.units.get(row).map_or(row, |&unit| unit as usize)
    }

    /// Whether a metric looks at a row.
    pub fn looks_at(&self, key: &str, row: usize) -> bool {
        OfCells::find(key).is_none_or(|metric| metric.looks_at(cell_of(self.cells[row])))
    }

    fn weight(&self, row: usize) -> f64 {
        self.weights.get(row).copied().unwrap_or(1.0)
    }

    fn bin(&self, row: usize) -> usize {
        Calibration::bin(self.scores[row], self.bins)
    }

    fn is_positive(&self, row: usize) -> bool {
        self.cells[row] & 1 == 1
    }

    /// The metrics when each row has a weight; not a number where one is undefined.
    fn metrics(&self, weight: &impl Fn(usize) -> f64) -> Vec<f64> {
        let sums = self.sums(weight);
        let mut values: Vec<f64> = OfCells::keys()
            .filter(|_| !self.only_scores)
            .map(|key| OfCells::find(key).and_then(|metric| metric.value(&sums.cells)))
            .map(|value| value.unwrap_or(f64::NAN))
            .collect();
        if self.is_scored() {
            let Ranked { area, precision } = self.ranked(&sums, weight);
            values.extend(OF_SCORES.iter().map(|&key| match key {
                "brier_score" => sums.squared_errors / sums.whole,
                "mean_score" => sums.scores / sums.whole,
                "roc_auc" => area,
                "average_precision" => precision,
                "log_loss" => sums.losses / sums.whole,
                _ => sums.error(),
            }));
        }
        values
    }

    fn sums(&self, weight: &impl Fn(usize) -> f64) -> Sums {
        let mut sums = Sums {
            cells: [0.0; 4],
            whole: 0.0,
            squared_errors: 0.0,
            scores: 0.0,
            losses: 0.0,
            gaps: vec![0.0; self.bins],
        };
        for (row, &cell) in self.cells.iter().enumerate() {
            let w = weight(row);
            if w == 0.0 {
                continue;
            }
            sums.cells[usize::from(cell)] += w;
            if let Some(&score) = self.scores.get(row) {
                let gap = f64::from(cell & 1) - score;
                sums.squared_errors += w * (gap * gap);
                sums.scores += w * score;
                sums.losses += w * self.losses[row];
                sums.gaps[self.bin(row)] += w * gap;
            }
        }
        sums.whole = sums.cells.iter().sum();
        sums
    }

    /// Goes through the rows by score, from the lowest up.
    fn ties(&self, weight: &impl Fn(usize) -> f64, mut each: impl FnMut(&Tie)) {
        let mut below = [0.0; 2];
        let mut start = 0;
        while start < self.len() {
            let score = self.scores[start].to_bits();
            let mut tied = [0.0; 2];
            let mut end = start;
            while end < self.len() && self.scores[end].to_bits() == score {
                tied[usize::from(self.is_positive(end))] += weight(end);
                end += 1;
            }
            each(&Tie { rows: start..end, tied, below });
            below = [below[0] + tied[0], below[1] + tied[1]];
            start = end;
        }
    }

    fn ranked(&self, sums: &Sums, weight: &impl Fn(usize) -> f64) -> Ranked {
        let [negatives, positives] = sums.classes();
        let (mut area, mut precision) = (0.0, 0.0);
        self.ties(weight, |tie| {
            if tie.tied[1] > 0.0 {
                area += tie.tied[1] * (tie.below[0] + 0.5 * tie.tied[0]);
                let above = positives - tie.below[1];
                precision += tie.tied[1] * (above / (above + negatives - tie.below[0]));
            }
        });
        Ranked { area: area / (positives * negatives), precision: precision / positives }
    }

    /// How much each row moves a metric; `None` where the metric is undefined or not of these rows.
    pub fn influences(&self, key: &str) -> Option<Vec<f64>> {
        let weight = |row: usize| self.weight(row);
        let sums = self.sums(&weight);
        if let Some(metric) = OfCells::find(key) {
            metric.value(&sums.cells)?;
            let slopes = metric.slopes(&sums.cells);
            let slope = |row: usize| slopes[usize::from(self.cells[row])];
            return Some((0..self.len()).map(|row| weight(row) * slope(row)).collect());
        }
        if !self.is_scored() || sums.whole <= 0.0 {
            return None;
        }
        // Of a mean, each row moves it by how far it lies from it.
        let of_mean = |value: f64, of: &dyn Fn(usize) -> f64| -> Option<Vec<f64>> {
            let moved = |row: usize| weight(row) * (of(row) - value) / sums.whole;
            value.is_finite().then(|| (0..self.len()).map(moved).collect())
        };
        let gap = |row: usize| f64::from(self.cells[row] & 1) - self.scores[row];
        match key {
            "brier_score" => of_mean(sums.squared_errors / sums.whole, &|row| gap(row) * gap(row)),
            "mean_score" => of_mean(sums.scores / sums.whole, &|row| self.scores[row]),
            "log_loss" => of_mean(sums.losses / sums.whole, &|row| self.losses[row]),
            "calibration_error" => {
                let sign = |row: usize| if sums.gaps[self.bin(row)] < 0.0 { -1.0 } else { 1.0 };
                of_mean(sums.error(), &|row| sign(row) * gap(row))
            }
            "roc_auc" => self.placements(&sums),
            "average_precision" => self.on_precision(&sums),
            _ => None,
        }
    }

    fn placements(&self, sums: &Sums) -> Option<Vec<f64>> {
        let weight = |row: usize| self.weight(row);
        let [negatives, positives] = sums.classes();
        let area = self.ranked(sums, &weight).area;
        if !area.is_finite() {
            return None;
        }
        let mut influences = vec![0.0; self.len()];
        self.ties(&weight, |tie| {
            let over_negatives = (tie.below[0] + 0.5 * tie.tied[0]) / negatives;
            let under_positives = 1.0 - (tie.below[1] + 0.5 * tie.tied[1]) / positives;
            for row in tie.rows.clone() {
                let (placement, own) = if self.is_positive(row) {
                    (over_negatives, positives)
                } else {
                    (under_positives, negatives)
                };
                influences[row] = weight(row) * (placement - area) / own;
            }
        });
        Some(influences)
    }

    /// The average precision is Σ (positives tied / positives) · A/B over scores, with A positives
    /// and B rows from that score up. A row counts in A and B of every score up to its own.
    fn on_precision(&self, sums: &Sums) -> Option<Vec<f64>> {
        let weight = |row: usize| self.weight(row);
        let [negatives, positives] = sums.classes();
        let precision = self.ranked(sums, &weight).precision;
        if !precision.is_finite() {
            return None;
        }
        let mut influences = vec![0.0; self.len()];
        // Σ over scores so far of tied positives / B, and of tied positives · A / B².
        let (mut by_positive, mut by_row) = (0.0, 0.0);
        self.ties(&weight, |tie| {
            let above = positives - tie.below[1];
            let all = above + negatives - tie.below[0];
            let here = if all > 0.0 { above / all } else { 0.0 };
            if all > 0.0 {
                by_positive += tie.tied[1] / all;
                by_row += tie.tied[1] * here / all;
            }
            for row in tie.rows.clone() {
                let moved = if self.is_positive(row) {
                    here + by_positive - by_row - precision
                } else {
                    -by_row
                };
                influences[row] = weight(row) * moved / positives;
            }
        });
        Some(influences)
    }

    /// Adds what some rows have more of positives than of scores, by bin.
    pub fn gaps(&self, rows: impl Iterator<Item = usize>, gaps: &mut [f64]) {
        for row in rows {
            let gap = f64::from(self.cells[row] & 1) - self.scores[row];
            gaps[self.bin(row)] += self.weight(row) * gap;
        }
    }

    /// The weight of all rows.
    pub fn whole(&self) -> f64 {
        (0..self.len()).map(|row| self.weight(row)).sum()
    }

    pub fn bins(&self) -> usize {
        self.bins
    }
}

impl Sums {
    /// Weight by class.
    fn classes(&self) -> [f64; 2] {
        let [tn, missed, fp, tp] = self.cells;
        [tn + fp, missed + tp]
    }

    fn error(&self) -> f64 {
        self.gaps.iter().map(|gap| gap.abs()).sum::<f64>() / self.whole
    }
}

fn cell_of(cell: u8) -> Cell {
    [Cell::TrueNegative, Cell::FalseNegative, Cell::FalsePositive, Cell::TruePositive]
        [usize::from(cell & 3)]
}

impl Statistics for Cases {
    fn keys(&self) -> Vec<String> {
        self.wanted().map(str::to_owned).collect()
    }

    fn steps(&self) -> u64 {
        // Scored rows are passed over twice.
        self.len() as u64 * if self.is_scored() { 4 } else { 1 }
    }

    fn values(&self, times: &[u32]) -> Vec<f64> {
        let finite = |value: f64| if value.is_finite() { value } else { f64::NAN };
        let weight = |row: usize| f64::from(times[self.unit(row)]) * self.weight(row);
        self.metrics(&weight).into_iter().map(finite).collect()
    }

    fn left_out(&self, units: usize) -> Vec<Vec<f64>> {
        let values = self.metrics(&|row| self.weight(row));
        self.wanted()
            .zip(values)
            .map(|(key, value)| {
                let mut left = vec![value; units];
                for (row, moved) in self.influences(key).unwrap_or_default().iter().enumerate() {
                    left[self.unit(row)] -= moved;
                }
                left
            })
            .collect()
    }
}

#[cfg(test)]
#[path = "cases/tests.rs"]
mod tests;
