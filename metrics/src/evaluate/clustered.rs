//! Binary classification of rows that come in clusters, such as several rows of one person: the
//! same values as of independent rows, with intervals from the cluster-robust variance.
//!
//! With u the influence of a row on the metric ([`super::cases`]) and C clusters that have a row
//! which the metric looks at, the variance is C/(C−1) · Σ over clusters of (Σ u within)². For rates
//! and means this is the sandwich variance, for the area under the ROC curve that of Obuchowski 1997
//! up to how finite samples are corrected for.
//!
//! Sources: Liang & Zeger 1986, Biometrika 73:13; Obuchowski 1997, Biometrics 53:567; Rao & Scott
//! 1992, Biometrics 48:577 (the effective number of rows of a rate).

mod classes;

pub(super) use classes::correct as correct_classes;

use super::aggregate::{Cells, families, slice_of, weight_scale};
use super::cases::Cases;
use super::ratios::Clusters;
use crate::exact::ExactSum;
use crate::interval::{self, Bounds, method};
use crate::rates::{f1_of, least_class};
use crate::read::{Names, Table};
use crate::{Estimate, Problem, Slice, Spec, catalogue};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Rows by slice, each with its cluster.
pub(super) struct Clustered<'a> {
    table: &'a Table,
    names: &'a Names,
    spec: &'a Spec,
    scale: f64,
    slices: Arc<BTreeMap<Slice, Vec<u32>>>,
}

/// By how much a cluster moves a metric.
#[derive(Clone, Copy)]
struct Moved {
    cluster: u32,
    by: f64,
}

/// A metric's variance over clusters.
#[derive(Clone, Copy)]
struct Robust {
    /// `None` with fewer than two clusters, or where they show no spread.
    stderr: Option<f64>,
    /// Clusters that have a row which the metric looks at.
    clusters: f64,
}

impl Robust {
    /// The variance of what clusters move, each by so much.
    fn of(moved: impl ExactSizeIterator<Item = f64>, largest: f64) -> Self {
        let (clusters, mut squares) = (moved.len() as f64, ExactSum::default());
        moved.for_each(|by| squares.add(by * by));
        let squares = squares.get();
        // Below the rounding of the influences there is no spread to speak of.
        let has_spread = clusters > 1.0 && squares > (1e-14 * largest).powi(2);
        let stderr = has_spread.then(|| (clusters / (clusters - 1.0) * squares).sqrt());
        Self { stderr, clusters }
    }
}

impl<'a> Clustered<'a> {
    pub fn new(table: &'a Table, names: &'a Names, spec: &'a Spec) -> Result<Self, Vec<Problem>> {
        Ok(Self {
            table,
            names,
            spec,
            scale: weight_scale(&table.weights),
            slices: Arc::new(rows_by_slice(table, spec)?),
        })
    }

    /// The same rows of the same clusters, labelled and predicted otherwise.
    fn of_same_rows<'b>(&'b self, table: &'b Table) -> Clustered<'b> {
        Clustered { table, slices: Arc::clone(&self.slices), ..*self }
    }

    /// How many clusters there are.
    pub fn clusters(&self) -> usize {
        self.names.texts.len()
    }

    /// Puts the intervals of clusters in the place of those of independent rows.
    pub fn correct(&self, estimates: &mut [Estimate], level: f64) {
        self.correct_and_tell(estimates, level, &[]);
    }

    /// As [`Clustered::correct`]; tells by slice how the clusters move some metrics, in the order of
    /// these, where they are defined.
    fn correct_and_tell(
        &self,
        estimates: &mut [Estimate],
        level: f64,
        keys: &[&str],
    ) -> BTreeMap<Slice, Vec<Vec<Moved>>> {
        let mut of_slices: BTreeMap<Slice, Vec<&mut Estimate>> = BTreeMap::new();
        for estimate in estimates {
            of_slices.entry(estimate.slice.clone()).or_default().push(estimate);
        }
        let of_slices: Vec<_> = of_slices.into_iter().collect();
        let corrected = of_slices.into_par_iter().filter_map(|(slice, mut estimates)| {
            let rows = self.slices.get(&slice)?;
            let cluster = |row: u32| self.names.codes[row as usize];
            let bins = self.spec.calibration_bins;
            let cases = Cases::of(self.table, rows.clone(), self.scale, bins, Some(&cluster));
            let of_slice = OfSlice::new(&cases, level);
            for estimate in &mut estimates {
                of_slice.correct(estimate);
            }
            // Where one of the two rates has no spread, it takes what the two now know.
            let rates = ["true_positive_rate", "true_negative_rate"].map(|key| {
                estimates.iter().find(|it| it.metric == key).and_then(|it| it.bounds(level).ok())
            });
            let balanced = estimates.iter_mut().find(|it| it.metric == "balanced_accuracy");
            if let (Some(estimate), [Some(a), Some(b)]) = (balanced, rates)
                && estimate.stderr.is_none()
            {
                let bounds = interval::average(a, b);
                estimate.interval = Some(bounds.interval(level, method::MOVER_D));
            }
            let told = keys.iter().filter_map(|key| of_slice.moved(key)).map(|(moved, _)| moved);
            Some((slice, told.collect()))
        });
        corrected.collect()
    }
}

/// The rows of each slice.
pub(super) fn rows_by_slice(
    table: &Table,
    spec: &Spec,
) -> Result<BTreeMap<Slice, Vec<u32>>, Vec<Problem>> {
    let mut slices = BTreeMap::new();
    for family in families(table, spec)? {
        let cells = Cells::of(table, &family);
        let mut rows: Vec<Vec<u32>> = vec![Vec::new(); cells.groups.len()];
        for (row, &slice) in (0..).zip(&cells.of_row) {
            rows[slice as usize].push(row);
        }
        let named = cells.groups.iter().map(|codes| slice_of(table, &family, codes));
        slices.extend(named.zip(rows));
    }
    Ok(slices)
}

struct OfSlice<'a> {
    cases: &'a Cases,
    clusters: Clusters,
    level: f64,
}

impl<'a> OfSlice<'a> {
    fn new(cases: &'a Cases, level: f64) -> Self {
        let clusters = Clusters::of_codes(cases.len(), |row| cases.unit(row));
        Self { cases, clusters, level }
    }

    fn robust(&self, key: &str) -> Option<Robust> {
        let (moved, largest) = self.moved(key)?;
        Some(Robust::of(moved.iter().map(|moved| moved.by), largest))
    }

    /// How much each cluster that has a row which the metric looks at moves it, and the most that
    /// the rows of one would without cancelling out; `None` where the metric is undefined.
    #[expect(clippy::cast_possible_truncation, reason = "clusters are numbered with 32 bits")]
    fn moved(&self, key: &str) -> Option<(Vec<Moved>, f64)> {
        let influences = self.cases.influences(key)?;
        let (mut moved, mut largest) = (Vec::new(), 0.0_f64);
        let mut own = Vec::new();
        for rows in self.clusters.iter() {
            let rows = || rows.iter().map(|&row| row as usize);
            if rows().any(|row| self.cases.looks_at(key, row)) {
                own.clear();
                own.extend(rows().map(|row| influences[row]));
                // The order of the file decides that of rows, and no digit may hang on it.
                own.sort_by(f64::total_cmp);
                let cluster = rows().next().map_or(0, |row| self.cases.unit(row) as u32);
                moved.push(Moved { cluster, by: own.iter().sum() });
                largest = largest.max(own.iter().map(|moved| moved.abs()).sum());
            }
        }
        Some((moved, largest))
    }

    fn correct(&self, estimate: &mut Estimate) {
        let Some(value) = estimate.value else {
            (estimate.numerator, estimate.denominator) = (None, None);
            return;
        };
        let Some(robust) = self.robust(&estimate.metric) else { return };
        let clusters = robust.clusters;
        let stderr = robust.stderr.filter(|_| value > 0.0);
        // Counts of rows would say that each of them is independent.
        (estimate.numerator, estimate.denominator) = (None, None);
        estimate.n_effective = Some(clusters);
        estimate.stderr = stderr;
        let level = self.level;
        let wilson = |n: f64| interval::wilson(value, n, level);
        let (bounds, name) = match (estimate.metric.as_str(), stderr) {
            ("brier_score" | "mean_score" | "log_loss", stderr) => {
                let range = catalogue::range(&estimate.metric);
                match stderr {
                    Some(stderr) => {
                        let bounds = interval::mean_t(value, stderr, clusters - 1.0, level);
                        (bounds.clamped(range[0], range[1]), method::T_CLUSTER)
                    }
                    None => {
                        let bounds = interval::mean_without_spread(value, clusters, range, level);
                        estimate.interval =
                            bounds.map(|it| it.interval(level, method::WILSON_BOUND));
                        return;
                    }
                }
            }
            ("f1", Some(stderr)) if value < 1.0 => {
                (interval::delta(value, stderr, level, [0.0, 1.0]), method::DELTA_CLUSTER)
            }
            ("f1", _) => {
                estimate.stderr = None;
                let share = value / (2.0 - value);
                (interval::wilson(share, clusters, level).through(f1_of), method::WILSON_F1)
            }
            ("balanced_accuracy", Some(stderr)) if self.both_rates_vary() => {
                (interval::delta(value, stderr, level, [0.0, 1.0]), method::DELTA_CLUSTER)
            }
            ("balanced_accuracy", _) => {
                estimate.stderr = None;
                estimate.interval = None;
                return;
            }
            ("roc_auc", Some(stderr)) if value < 1.0 => {
                (interval::logit_normal(value, stderr, level), method::DELONG_CLUSTER)
            }
            ("roc_auc", _) if value <= 0.0 || value >= 1.0 => {
                estimate.stderr = None;
                (interval::perfect_auc(value, least_class(estimate), level), method::EXACT_PAIRS)
            }
            ("average_precision", Some(stderr)) if value < 1.0 => {
                (interval::logit_normal(value, stderr, level), method::LOGIT_CLUSTER)
            }
            ("calibration_error", Some(stderr)) => {
                let bounds = interval::delta(value, stderr, level, [0.0, 1.0]);
                let low = (bounds.low - self.calibration_bias(clusters)).max(0.0);
                (Bounds { low, ..bounds }, method::DELTA_BIAS_CLUSTER)
            }
            ("roc_auc" | "average_precision" | "calibration_error", _) => {
                estimate.stderr = None;
                (wilson(clusters), method::WILSON_BOUND)
            }
            _ => {
                estimate.stderr = None;
                let n = independent(value, robust, estimate.n);
                estimate.n_effective = Some(n);
                (wilson(n), method::WILSON_CLUSTER)
            }
        };
        estimate.interval = Some(bounds.interval(level, name));
    }

    fn both_rates_vary(&self) -> bool {
        ["true_positive_rate", "true_negative_rate"]
            .iter()
            .all(|key| self.robust(key).is_some_and(|robust| robust.stderr.is_some()))
    }

    /// How much of the calibration error noise alone makes at most, in the mean: √(2/π) of the
    /// standard error of each bin's gap, over bins.
    fn calibration_bias(&self, clusters: f64) -> f64 {
        let bins = self.cases.bins();
        let none = || vec![ExactSum::default(); bins];
        let (mut sums, mut squares, mut own) = (none(), none(), vec![0.0; bins]);
        for rows in self.clusters.iter() {
            self.cases.gaps(rows.iter().map(|&row| row as usize), &mut own);
            for ((own, sum), squares) in own.iter_mut().zip(&mut sums).zip(&mut squares) {
                sum.add(*own);
                squares.add(*own * *own);
                *own = 0.0;
            }
        }
        let variance = |(sum, squares): (&ExactSum, &ExactSum)| {
            (squares.get() - sum.get() * sum.get() / clusters).max(0.0)
        };
        let errors: f64 = sums.iter().zip(&squares).map(|it| variance(it).sqrt()).sum();
        (2.0 / std::f64::consts::PI).sqrt() * errors / self.cases.whole()
    }
}

/// How many independent rows would know a rate as well as these do.
fn independent(value: f64, robust: Robust, rows: Option<u64>) -> f64 {
    let rows = rows.unwrap_or(0) as f64;
    match robust.stderr {
        Some(stderr) if value > 0.0 && value < 1.0 => {
            (value * (1.0 - value) / (stderr * stderr)).clamp(1.0, rows.max(1.0))
        }
        // Without any spread each cluster has said one thing.
        _ => robust.clusters.min(rows),
    }
}

#[cfg(test)]
#[path = "clustered/tests.rs"]
mod tests;
