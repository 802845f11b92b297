//! Ratios of sums over independent units, with linearised variance: what every rate and mean of
//! rows, clusters or queries is.
//!
//! Each unit brings a numerator `x` and a denominator `w`. A mean of weighted rows has x = w·value;
//! a mean per query has w = 1; a share of clustered rows sums both over the cluster. The variance is
//! Taylor's: the residuals x − r·w are independent with mean 0, so
//! `Var(r) = U/(U−1) · Σ(x − r·w)² / (Σw)²`. For unweighted rows this is s²/n exactly; for clusters
//! it is the cluster-robust (sandwich) variance.
//!
//! Sources: Cochran 1977, Sampling Techniques, chapters 6 and 9; Liang & Zeger 1986 (sandwich).

use crate::bootstrap::units::Kept;
use crate::catalogue;
use crate::exact::ExactSum;
use crate::interval::{self, Bounds, method};
use crate::{Estimate, Slice};

/// Sufficient statistics of a ratio of sums; they merge exactly.
#[derive(Clone, Debug, Default)]
pub struct Ratio {
    pub(crate) units: u64,
    pub(crate) x: ExactSum,
    pub(crate) w: ExactSum,
    pub(crate) xx: ExactSum,
    pub(crate) xw: ExactSum,
    pub(crate) ww: ExactSum,
}

impl Ratio {
    /// Adds a unit, unless it has neither numerator nor denominator.
    #[inline]
    pub fn add(&mut self, x: f64, w: f64) {
        if x == 0.0 && w == 0.0 {
            return;
        }
        self.units += 1;
        self.x.add(x);
        self.w.add(w);
        self.xx.add(x * x);
        self.xw.add(x * w);
        self.ww.add(w * w);
    }

    /// Adds the units of another.
    pub fn merge(&mut self, other: &Self) {
        self.units += other.units;
        self.x.merge(&other.x);
        self.w.merge(&other.w);
        self.xx.merge(&other.xx);
        self.xw.merge(&other.xw);
        self.ww.merge(&other.ww);
    }

    /// How many units it has.
    pub fn units(&self) -> u64 {
        self.units
    }

    /// The ratio; `None` when nothing is in the denominator.
    pub fn value(&self) -> Option<f64> {
        let whole = self.w.get();
        (whole > 0.0).then(|| self.x.get() / whole)
    }

    /// The standard error; `None` with fewer than two units, or where they show no spread at all.
    pub fn stderr(&self) -> Option<f64> {
        let (ratio, whole, units) = (self.value()?, self.w.get(), self.units as f64);
        let squares = self.xx.get();
        let residuals = squares - ratio * (2.0 * self.xw.get() - ratio * self.ww.get());
        // Below the rounding of these three terms there is no spread to speak of.
        let rounding = 1e-14 * squares.max(ratio * ratio * self.ww.get());
        (units > 1.0 && residuals > rounding)
            .then(|| (units / (units - 1.0) * residuals).sqrt() / whole)
    }

    /// Kish's effective number of units: (Σw)² / Σw².
    pub fn effective(&self) -> f64 {
        let squares = self.ww.get();
        if squares > 0.0 { self.w.get().powi(2) / squares } else { 0.0 }
    }
}

/// What is independent of one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Units {
    /// The rows (or queries) that the metric counts, each for itself.
    Alone,
    /// Sets of them: clusters of rows, or queries where items are counted.
    Together,
}

/// What the estimates of an evaluation have in common.
#[derive(Clone, Copy, Debug)]
pub struct Design {
    /// Whether rows (or queries) are weighted.
    pub weighted: bool,
    /// What is independent.
    pub units: Units,
    /// Confidence level of intervals.
    pub level: f64,
}

/// A ratio with the rows behind it.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Rows (queries, items) that the metric looks at.
    pub rows: u64,
    /// Those of them that a rate counts.
    pub hits: u64,
    /// The statistics.
    pub ratio: Ratio,
    /// The units, where they are going to be resampled.
    pub(crate) kept: Option<Box<Kept>>,
}

impl Tally {
    /// Adds the rows of another.
    pub fn merge(&mut self, other: &Self) {
        self.rows += other.rows;
        self.hits += other.hits;
        self.ratio.merge(&other.ratio);
    }

    /// The estimate of a share of rows; `empty` says why there is none where no row is looked at.
    pub fn rate(&self, slice: &Slice, key: &str, design: Design, empty: &str) -> Estimate {
        self.collect(slice, key, |share| Some(share.clamp(0.0, 1.0)));
        let mut estimate = self.blank(slice, key);
        let counted = !design.weighted && design.units == Units::Alone;
        if counted {
            estimate.numerator = Some(self.hits);
            estimate.denominator = Some(self.rows);
        }
        let Some(value) = self.ratio.value() else {
            return self.undefined(estimate, design, empty);
        };
        let value = value.clamp(0.0, 1.0);
        let (n, name) = match design.units {
            _ if counted => (self.rows as f64, method::WILSON),
            Units::Alone => (self.ratio.effective(), method::WILSON_KISH),
            Units::Together => (self.independent(value), method::WILSON_CLUSTER),
        };
        estimate.n_effective = (!counted).then_some(n);
        estimate.value = Some(value);
        estimate.interval =
            Some(interval::wilson(value, n, design.level).interval(design.level, name));
        estimate
    }

    /// How many independent rows would know a share as well.
    fn independent(&self, share: f64) -> f64 {
        let rows = self.rows as f64;
        match self.ratio.stderr() {
            Some(stderr) if share > 0.0 && share < 1.0 => {
                (share * (1.0 - share) / (stderr * stderr)).clamp(1.0, rows.max(1.0))
            }
            // Without any spread each unit has said one thing.
            _ => (self.ratio.units() as f64).min(rows),
        }
    }

    /// The estimate of a mean, within the range of its metric.
    pub fn mean(&self, slice: &Slice, key: &str, design: Design, empty: &str) -> Estimate {
        let range = catalogue::range(key);
        self.collect(slice, key, move |mean| Some(mean.clamp(range[0], range[1])));
        let mut estimate = self.blank(slice, key);
        let Some(value) = self.ratio.value() else {
            return self.undefined(estimate, design, empty);
        };
        let value = value.clamp(range[0], range[1]);
        let n = self.degrees(design);
        estimate.n_effective = (design.weighted || design.units == Units::Together).then_some(n);
        estimate.value = Some(value);
        let made = match self.ratio.stderr() {
            Some(stderr) if n > 1.0 => {
                estimate.stderr = Some(stderr);
                let name = match design.units {
                    Units::Alone => method::T,
                    Units::Together => method::T_CLUSTER,
                };
                let bounds = interval::mean_t(value, stderr, n - 1.0, design.level);
                Some((bounds.clamped(range[0], range[1]), name))
            }
            _ => interval::mean_without_spread(value, n, range, design.level)
                .map(|bounds| (bounds, method::WILSON_BOUND)),
        };
        estimate.interval = made.map(|(bounds, name)| bounds.interval(design.level, name));
        estimate
    }

    /// The estimate of a smooth function of the ratio, by the delta method: `through` gives its
    /// value and its slope. Without spread it has no interval.
    pub fn delta(
        &self,
        slice: &Slice,
        key: &str,
        design: Design,
        empty: &str,
        through: impl Fn(f64) -> Result<(f64, f64), String> + Clone + Send + Sync + 'static,
    ) -> Estimate {
        let range = catalogue::range(key);
        let value_of = through.clone();
        self.collect(slice, key, move |ratio| {
            value_of(ratio).ok().map(|(value, _)| value.clamp(range[0], range[1]))
        });
        let mut estimate = self.blank(slice, key);
        let Some(ratio) = self.ratio.value() else {
            return self.undefined(estimate, design, empty);
        };
        let (value, slope) = match through(ratio) {
            Ok(found) => found,
            Err(why) => {
                estimate.undefined = Some(why);
                return estimate;
            }
        };
        estimate.n_effective =
            (design.weighted || design.units == Units::Together).then(|| self.degrees(design));
        estimate.value = Some(value.clamp(range[0], range[1]));
        if let Some(stderr) = self.ratio.stderr() {
            let stderr = stderr * slope.abs();
            estimate.stderr = Some(stderr);
            let name = match design.units {
                Units::Alone => method::DELTA,
                Units::Together => method::DELTA_CLUSTER,
            };
            let bounds: Bounds = interval::delta(value, stderr, design.level, range);
            estimate.interval = Some(bounds.interval(design.level, name));
        }
        estimate
    }

    /// Units that a mean's spread is known from.
    fn degrees(&self, design: Design) -> f64 {
        match design.units {
            Units::Alone if design.weighted => self.ratio.effective(),
            Units::Alone => self.rows as f64,
            Units::Together => (self.ratio.units() as f64).min(self.rows as f64),
        }
    }

    fn collect(
        &self,
        slice: &Slice,
        key: &str,
        through: impl Fn(f64) -> Option<f64> + Send + Sync + 'static,
    ) {
        if let Some(kept) = &self.kept {
            kept.collect(slice, key, through);
        }
    }

    fn blank(&self, slice: &Slice, key: &str) -> Estimate {
        Estimate { n: Some(self.rows), ..Estimate::blank(slice, key) }
    }

    fn undefined(&self, estimate: Estimate, design: Design, empty: &str) -> Estimate {
        let why = if self.rows > 0 && design.weighted { "all weights are zero" } else { empty };
        Estimate { undefined: Some(why.to_owned()), ..estimate }
    }
}

#[cfg(test)]
#[path = "ratio/tests.rs"]
mod tests;
