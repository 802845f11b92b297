//! From counts to estimates: every metric of binary classification, with its interval.

use crate::counts::Cell::{FalseNegative, FalsePositive, TrueNegative, TruePositive};
use crate::counts::{Cell, Counts, Moments};
use crate::interval::{self, Bounds, method};
use crate::scores::Scored;
use crate::{Estimate, Interval, Slice};

/// A rate of counts: rows in the cells of the numerator among those of the denominator.
struct Rate {
    key: &'static str,
    numerator: &'static [Cell],
    denominator: &'static [Cell],
    /// Why it is undefined when nothing is in the denominator.
    empty: &'static str,
}

/// The range of a share.
const UNIT: [f64; 2] = [0.0, 1.0];

const ALL: &[Cell] = &[TrueNegative, FalseNegative, FalsePositive, TruePositive];
const POSITIVE: &[Cell] = &[TruePositive, FalseNegative];
const NEGATIVE: &[Cell] = &[TrueNegative, FalsePositive];
const SELECTED: &[Cell] = &[TruePositive, FalsePositive];
const NOT_SELECTED: &[Cell] = &[TrueNegative, FalseNegative];
/// The rows that F1 looks at.
const OF_F1: &[Cell] = &[TruePositive, FalsePositive, FalseNegative];

const fn rate(
    key: &'static str,
    numerator: &'static [Cell],
    denominator: &'static [Cell],
    empty: &'static str,
) -> Rate {
    Rate { key, numerator, denominator, empty }
}

const RATES: &[Rate] = &[
    rate("selection_rate", SELECTED, ALL, "no rows"),
    rate("accuracy", &[TruePositive, TrueNegative], ALL, "no rows"),
    rate("true_positive_rate", &[TruePositive], POSITIVE, "no positives"),
    rate("false_positive_rate", &[FalsePositive], NEGATIVE, "no negatives"),
    rate("true_negative_rate", &[TrueNegative], NEGATIVE, "no negatives"),
    rate("false_negative_rate", &[FalseNegative], POSITIVE, "no positives"),
    rate("precision", &[TruePositive], SELECTED, "no predicted positives"),
    rate("negative_predictive_value", &[TrueNegative], NOT_SELECTED, "no predicted negatives"),
    rate("false_discovery_rate", &[FalsePositive], SELECTED, "no predicted positives"),
    rate("false_omission_rate", &[FalseNegative], NOT_SELECTED, "no predicted negatives"),
    rate("base_rate", POSITIVE, ALL, "no rows"),
];

/// The metrics that look at scores.
#[cfg(feature = "read")]
pub(crate) const OF_SCORES: &[&str] =
    &["brier_score", "mean_score", "roc_auc", "average_precision", "log_loss", "calibration_error"];

/// What the rows of all slices have in common.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Whether rows are weighted.
    pub weighted: bool,
    /// Whether rows have scores.
    pub scored: bool,
    /// The threshold that made predictions of scores, if one did.
    pub threshold: Option<f64>,
    /// Confidence level of intervals.
    pub level: f64,
}

/// Every metric of a slice, in the order of the catalogue's kinds: count, rates, composites, and
/// those of scores where there are any.
pub fn estimates(
    slice: &Slice,
    counts: &Counts,
    scored: &Scored,
    setting: Setting,
) -> Vec<Estimate> {
    let made = Maker { slice, counts, setting };
    let mut all = vec![made.count()];
    all.extend(RATES.iter().map(|rate| made.rate(rate)));
    all.push(made.f1());
    all.push(made.balanced_accuracy());
    if setting.scored {
        all.push(made.mean("brier_score", counts.squared_errors()));
        all.push(made.mean("mean_score", counts.scores()));
        all.push(made.roc_auc(scored));
        all.push(made.average_precision(scored));
        all.push(made.log_loss(scored));
        all.push(made.calibration_error(scored));
    }
    all
}

/// A metric that a confusion matrix alone decides, with its interval; `None` for any other metric.
pub(crate) fn of_confusion(key: &str, counts: &Counts, level: f64) -> Option<Estimate> {
    let slice = Slice::overall();
    let setting = Setting { weighted: false, scored: false, threshold: None, level };
    let made = Maker { slice: &slice, counts, setting };
    match key {
        "f1" => Some(made.f1()),
        "balanced_accuracy" => Some(made.balanced_accuracy()),
        _ => RATES.iter().find(|rate| rate.key == key).map(|rate| made.rate(rate)),
    }
}

/// How a metric follows from the rows in each cell of the confusion matrix alone.
#[derive(Clone, Copy)]
pub(crate) enum OfCells {
    /// Rows in some cells among those in others.
    Rate {
        numerator: &'static [Cell],
        denominator: &'static [Cell],
    },
    F1,
    BalancedAccuracy,
}

impl OfCells {
    /// `None` for a metric that takes more than the confusion matrix.
    pub fn find(key: &str) -> Option<Self> {
        match key {
            "f1" => Some(Self::F1),
            "balanced_accuracy" => Some(Self::BalancedAccuracy),
            _ => RATES.iter().find(|rate| rate.key == key).map(|rate| Self::Rate {
                numerator: rate.numerator,
                denominator: rate.denominator,
            }),
        }
    }

    /// The metrics that the confusion matrix alone decides.
    #[cfg(feature = "read")]
    pub fn keys() -> impl Iterator<Item = &'static str> {
        RATES.iter().map(|rate| rate.key).chain(["f1", "balanced_accuracy"])
    }

    /// The metric of rows (or their weight) by cell, in the order of [`Cell`]; `None` where it is
    /// undefined.
    pub fn value(self, amounts: &[f64; 4]) -> Option<f64> {
        match self {
            Self::Rate { numerator, denominator } => share(amounts, numerator, denominator),
            Self::F1 => share(amounts, &[TruePositive], OF_F1).map(f1_of),
            Self::BalancedAccuracy => share(amounts, &[TruePositive], POSITIVE)
                .zip(share(amounts, &[TrueNegative], NEGATIVE))
                .map(|(sensitivity, specificity)| f64::midpoint(sensitivity, specificity)),
        }
    }

    /// How much the metric moves per row more in each cell; nothing where it is undefined.
    #[cfg(feature = "read")]
    pub fn slopes(self, amounts: &[f64; 4]) -> [f64; 4] {
        let of_share = |numerator: &[Cell], denominator: &[Cell]| {
            let whole: f64 = denominator.iter().map(|&cell| amounts[cell as usize]).sum();
            let value = share(amounts, numerator, denominator).unwrap_or(0.0);
            ALL.iter().fold([0.0; 4], |mut slopes, cell| {
                if whole > 0.0 && denominator.contains(cell) {
                    let hit = f64::from(u8::from(numerator.contains(cell)));
                    slopes[*cell as usize] = (hit - value) / whole;
                }
                slopes
            })
        };
        match self {
            Self::Rate { numerator, denominator } => of_share(numerator, denominator),
            Self::F1 => {
                let j = share(amounts, &[TruePositive], OF_F1).unwrap_or(0.0);
                of_share(&[TruePositive], OF_F1).map(|slope| slope * 2.0 / ((1.0 + j) * (1.0 + j)))
            }
            Self::BalancedAccuracy => {
                let of_positives = of_share(&[TruePositive], POSITIVE);
                let of_negatives = of_share(&[TrueNegative], NEGATIVE);
                std::array::from_fn(|cell| f64::midpoint(of_positives[cell], of_negatives[cell]))
            }
        }
    }

    /// Whether it looks at the rows in a cell.
    #[cfg(feature = "read")]
    pub fn looks_at(self, cell: Cell) -> bool {
        match self {
            Self::Rate { denominator, .. } => denominator.contains(&cell),
            Self::F1 => OF_F1.contains(&cell),
            Self::BalancedAccuracy => true,
        }
    }
}

fn share(amounts: &[f64; 4], numerator: &[Cell], denominator: &[Cell]) -> Option<f64> {
    let sum = |cells: &[Cell]| cells.iter().map(|&cell| amounts[cell as usize]).sum::<f64>();
    let whole = sum(denominator);
    (whole > 0.0).then(|| sum(numerator) / whole)
}

struct Maker<'a> {
    slice: &'a Slice,
    counts: &'a Counts,
    setting: Setting,
}

/// A share of rows, weighted or not.
struct Share {
    value: f64,
    /// Rows, or Kish's effective number of them.
    n: f64,
}

impl Maker<'_> {
    fn blank(&self, key: &str) -> Estimate {
        Estimate::blank(self.slice, key)
    }

    /// A metric that looks at the rows in some cells.
    fn over(&self, key: &str, cells: &[Cell]) -> Estimate {
        let positives: Vec<Cell> =
            cells.iter().copied().filter(|cell| POSITIVE.contains(cell)).collect();
        Estimate {
            n: Some(self.counts.rows(cells)),
            positives: Some(self.counts.rows(&positives)),
            n_effective: self.setting.weighted.then(|| self.effective(cells)),
            ..self.blank(key)
        }
    }

    fn effective(&self, cells: &[Cell]) -> f64 {
        let weights = self.counts.weights(cells);
        let (sum, squares) = (weights.sum.get(), weights.squares.get());
        if squares > 0.0 { sum * sum / squares } else { 0.0 }
    }

    fn amount(&self, cells: &[Cell]) -> f64 {
        if self.setting.weighted {
            self.counts.weights(cells).sum.get()
        } else {
            self.counts.rows(cells) as f64
        }
    }

    fn share(&self, numerator: &[Cell], denominator: &[Cell]) -> Option<Share> {
        let whole = self.amount(denominator);
        let n = if self.setting.weighted { self.effective(denominator) } else { whole };
        (whole > 0.0 && n > 0.0)
            .then(|| Share { value: (self.amount(numerator) / whole).clamp(0.0, 1.0), n })
    }

    /// Why nothing can be said of rows that should be there: none are, or they have no weight.
    fn empty(&self, cells: &[Cell], reason: &str) -> String {
        if self.counts.rows(cells) > 0 {
            "all weights are zero".to_owned()
        } else {
            reason.to_owned()
        }
    }

    fn count(&self) -> Estimate {
        let rows = self.counts.all();
        Estimate { value: Some(rows as f64), ..self.over("count", ALL) }
    }

    fn rate(&self, rate: &Rate) -> Estimate {
        let mut estimate = self.over(rate.key, rate.denominator);
        if rate.key != "base_rate" {
            estimate.threshold = self.setting.threshold;
        }
        // Counts of rows would contradict a weighted value, so a weighted rate has none.
        if !self.setting.weighted {
            estimate.numerator = Some(self.counts.rows(rate.numerator));
            estimate.denominator = estimate.n;
        }
        match self.share(rate.numerator, rate.denominator) {
            None => estimate.undefined = Some(self.empty(rate.denominator, rate.empty)),
            Some(share) => {
                let name = if self.setting.weighted { method::WILSON_KISH } else { method::WILSON };
                let bounds = interval::wilson(share.value, share.n, self.setting.level);
                estimate.value = Some(share.value);
                estimate.interval = Some(bounds.interval(self.setting.level, name));
            }
        }
        estimate
    }

    /// F1 = 2J / (1 + J) with J = TP / (TP + FP + FN), a share of the rows that it looks at.
    fn f1(&self) -> Estimate {
        let cells = OF_F1;
        let mut estimate = Estimate { threshold: self.setting.threshold, ..self.over("f1", cells) };
        let Some(share) = self.share(&[TruePositive], cells) else {
            estimate.undefined = Some(self.empty(cells, "no positives and no predicted positives"));
            return estimate;
        };
        let level = self.setting.level;
        let f1 = f1_of(share.value);
        estimate.value = Some(f1);
        // At J of 0 or 1 the delta method has no width at all.
        let (bounds, name) = if share.value <= 0.0 || share.value >= 1.0 {
            (interval::wilson(share.value, share.n, level).through(f1_of), method::WILSON_F1)
        } else {
            let slope = 2.0 / ((1.0 + share.value) * (1.0 + share.value));
            let stderr = slope * (share.value * (1.0 - share.value) / share.n).sqrt();
            estimate.stderr = Some(stderr);
            (interval::delta(f1, stderr, level, UNIT), method::DELTA)
        };
        estimate.interval = Some(bounds.interval(level, name));
        estimate
    }

    fn balanced_accuracy(&self) -> Estimate {
        let mut estimate =
            Estimate { threshold: self.setting.threshold, ..self.over("balanced_accuracy", ALL) };
        let level = self.setting.level;
        let (Some(sensitivity), Some(specificity)) =
            (self.share(&[TruePositive], POSITIVE), self.share(&[TrueNegative], NEGATIVE))
        else {
            estimate.undefined = Some(match (self.amount(POSITIVE), self.amount(NEGATIVE)) {
                (p, n) if p <= 0.0 && n <= 0.0 => self.empty(ALL, "no rows"),
                (p, _) if p <= 0.0 => self.empty(POSITIVE, "no positives"),
                _ => self.empty(NEGATIVE, "no negatives"),
            });
            return estimate;
        };
        let value = f64::midpoint(sensitivity.value, specificity.value);
        estimate.value = Some(value);
        let variance = |share: &Share| share.value * (1.0 - share.value) / share.n;
        // A rate of 0 or 1 would count as known without error.
        let (bounds, name) = if variance(&sensitivity) > 0.0 && variance(&specificity) > 0.0 {
            let stderr = (variance(&sensitivity) + variance(&specificity)).sqrt() / 2.0;
            estimate.stderr = Some(stderr);
            (interval::delta(value, stderr, level, UNIT), method::DELTA)
        } else {
            let wilson = |share: &Share| interval::wilson(share.value, share.n, level);
            (interval::average(wilson(&sensitivity), wilson(&specificity)), method::MOVER_D)
        };
        estimate.interval = Some(bounds.interval(level, name));
        estimate
    }

    fn mean(&self, key: &str, moments: Moments) -> Estimate {
        let mut estimate = self.over(key, ALL);
        let level = self.setting.level;
        let whole = self.amount(ALL);
        if whole <= 0.0 {
            estimate.undefined = Some(self.empty(ALL, "no rows"));
            return estimate;
        }
        let n = estimate.n_effective.unwrap_or(whole);
        let mean = (moments.sum.get() / whole).clamp(0.0, 1.0);
        let spread = (moments.squares.get() / whole - mean * mean).max(0.0);
        estimate.value = Some(mean);
        // Below the rounding of the sums there is no spread to speak of.
        let (bounds, name) = if n > 1.0 && spread > 1e-14 {
            let stderr = (spread / (n - 1.0)).sqrt();
            estimate.stderr = Some(stderr);
            (mean_bounds(mean, stderr, n, level), method::T)
        } else {
            (interval::wilson(mean, n, level), method::WILSON_BOUND)
        };
        estimate.interval = Some(bounds.interval(level, name));
        estimate
    }

    fn roc_auc(&self, scored: &Scored) -> Estimate {
        let mut estimate = self.over("roc_auc", ALL);
        let level = self.setting.level;
        let Some(auc) = scored.auc else {
            let (positives, rows) = (self.counts.positives(), self.counts.all());
            estimate.undefined = Some(
                match (positives, rows - positives) {
                    (0, 0) => "no rows",
                    (0, _) => "no positives",
                    (_, 0) => "no negatives",
                    _ => "all weights of a class are zero",
                }
                .to_owned(),
            );
            return estimate;
        };
        estimate.value = Some(auc.value);
        let (positives, negatives) = (self.amount(POSITIVE), self.amount(NEGATIVE));
        let stderr = auc.stderr.filter(|stderr| *stderr > 0.0);
        let (bounds, name) = if auc.value <= 0.0 || auc.value >= 1.0 {
            (interval::perfect_auc(auc.value, least_class(&estimate), level), method::EXACT_PAIRS)
        } else {
            let (stderr, name) = match stderr {
                Some(stderr) if self.setting.weighted => (stderr, method::DELONG_KISH),
                Some(stderr) => (stderr, method::DELONG),
                None => {
                    let (p, n) = if self.setting.weighted {
                        (self.effective(POSITIVE), self.effective(NEGATIVE))
                    } else {
                        (positives, negatives)
                    };
                    (interval::hanley_mcneil_stderr(auc.value, p, n), method::HANLEY_MCNEIL)
                }
            };
            estimate.stderr = Some(stderr);
            (interval::logit_normal(auc.value, stderr, level), name)
        };
        estimate.interval = Some(on_grid(bounds, auc.bound, level, name));
        estimate
    }
}

/// The metrics of scores that are not moments of them.
impl Maker<'_> {
    fn average_precision(&self, scored: &Scored) -> Estimate {
        let mut estimate = self.over("average_precision", ALL);
        let level = self.setting.level;
        let Some(value) = scored.average_precision else {
            estimate.undefined = Some(self.empty(POSITIVE, "no positives"));
            return estimate;
        };
        estimate.value = Some(value);
        let n =
            if self.setting.weighted { self.effective(POSITIVE) } else { self.amount(POSITIVE) };
        let (bounds, name) = if value <= 0.0 || value >= 1.0 {
            (interval::wilson(value, n, level), method::WILSON_POSITIVES)
        } else {
            let stderr = (value * (1.0 - value) / n).sqrt();
            estimate.stderr = Some(stderr);
            (interval::logit_normal(value, stderr, level), method::LOGIT_POSITIVES)
        };
        estimate.interval = Some(on_grid(bounds, scored.average_precision_bound, level, name));
        estimate
    }

    fn log_loss(&self, scored: &Scored) -> Estimate {
        let mut estimate = self.over("log_loss", ALL);
        let level = self.setting.level;
        match scored.calibration.log_loss() {
            Err(1) => estimate.undefined = Some("the label of a row had probability 0".to_owned()),
            Err(rows) => {
                estimate.undefined = Some(format!("the labels of {rows} rows had probability 0"));
            }
            Ok(None) => estimate.undefined = Some(self.empty(ALL, "no rows")),
            Ok(Some((mean, spread))) => {
                let n = estimate.n_effective.unwrap_or(self.amount(ALL));
                estimate.value = Some(mean);
                // Without spread nothing bounds the losses that were not seen.
                if n > 1.0 && spread > 1e-12 {
                    let stderr = (spread / (n - 1.0)).sqrt();
                    let bounds = interval::mean_t(mean, stderr, n - 1.0, level);
                    estimate.stderr = Some(stderr);
                    estimate.interval =
                        Some(bounds.clamped(0.0, f64::INFINITY).interval(level, method::T));
                }
            }
        }
        estimate
    }

    fn calibration_error(&self, scored: &Scored) -> Estimate {
        let mut estimate = self.over("calibration_error", ALL);
        let level = self.setting.level;
        let n = estimate.n_effective.unwrap_or(self.amount(ALL));
        let Some(error) = scored.calibration.error(n) else {
            estimate.undefined = Some(self.empty(ALL, "no rows"));
            return estimate;
        };
        let value = error.value.clamp(0.0, 1.0);
        estimate.value = Some(value);
        if n > 1.0 && error.variance > 1e-14 {
            let stderr = (error.variance / (n - 1.0)).sqrt();
            estimate.stderr = Some(stderr);
            let bounds = interval::delta(value, stderr, level, UNIT);
            let low = (bounds.low - error.bias).max(0.0);
            let bounds = Bounds { low, ..bounds };
            estimate.interval = Some(bounds.interval(level, method::DELTA_BIAS));
        } else {
            let bounds = interval::wilson(value, n, level);
            estimate.interval = Some(bounds.interval(level, method::WILSON_BOUND));
        }
        estimate
    }
}

/// An interval that allows for how far scores on a grid can lead astray, if they were put on one.
fn on_grid(bounds: Bounds, bound: f64, level: f64, name: &str) -> Interval {
    let mut interval = bounds.widened(bound).interval(level, name);
    if bound > 0.0 {
        interval.method.push_str(method::ON_GRID);
    }
    interval
}

/// F1 as a function of J = TP / (TP + FP + FN).
pub(crate) fn f1_of(j: f64) -> f64 {
    2.0 * j / (1.0 + j)
}

/// Mean ± t·SE of a quantity in 0..1.
pub(crate) fn mean_bounds(mean: f64, stderr: f64, n: f64, level: f64) -> Bounds {
    let bounds = interval::mean_t(mean, stderr, n - 1.0, level);
    Bounds { value: mean, low: bounds.low.max(0.0), high: bounds.high.min(1.0) }
}

/// Rows of the smaller class, shrunk by the effective n where rows are weighted.
pub(crate) fn least_class(estimate: &Estimate) -> f64 {
    let n = estimate.n.unwrap_or(0) as f64;
    let positives = estimate.positives.unwrap_or(0) as f64;
    let shrink = estimate.n_effective.map_or(1.0, |effective| (effective / n).min(1.0));
    (positives.min(n - positives) * shrink).max(1.0)
}
