//! The bootstrap of whole units for many statistics at once: each resample is drawn once, and every
//! statistic of a slice is taken of it, so that all metrics of a slice move together.

use super::{Plan, draw_units, replicates};
use crate::Slice;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// More steps than this (units times resamples, for each statistic) are refused: they would take
/// minutes.
const MOST_STEPS: u64 = 1 << 36;
/// More replicates than this are refused: they would take a gibibyte.
const MOST_REPLICATES: u64 = 1 << 27;
/// More values with a unit left out than this are refused: they would take a gibibyte.
const MOST_LEFT_OUT: u64 = 1 << 27;

/// Statistics as functions of how often each unit counts.
pub(crate) trait Statistics: Send + Sync {
    /// The metrics' keys.
    fn keys(&self) -> Vec<String>;

    /// What one resample costs, in looks at a unit.
    fn steps(&self) -> u64;

    /// The value of each, each unit counted so many times; not a number where it is undefined.
    fn values(&self, times: &[u32]) -> Vec<f64>;

    /// The value of each with each of so many units left out in turn; not a number where that
    /// changes nothing.
    fn left_out(&self, units: usize) -> Vec<Vec<f64>>;
}

/// What is drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Draw {
    /// The units of each slice for themselves, so that every slice keeps its number of them.
    Within {
        /// Units of the slice.
        units: usize,
    },
    /// All units at once, as one of them may reach into several slices.
    Jointly {
        /// All units.
        units: usize,
    },
}

/// Statistics of a slice, and what is drawn for them.
pub(crate) struct Resampling {
    pub slice: Slice,
    pub draw: Draw,
    pub statistics: Box<dyn Statistics>,
}

/// A metric on the resamples of a slice.
#[derive(Clone, Debug)]
pub(crate) struct Replicated {
    pub slice: Slice,
    pub metric: String,
    pub draw: Draw,
    /// Its value on each resample; not a number where it is undefined.
    pub replicates: Vec<f64>,
    /// Its value with each unit left out, where these were asked for; not a number where that
    /// changes nothing.
    pub left_out: Vec<f64>,
}

/// Draws the resamples.
///
/// # Errors
/// In words, when they are too many.
pub(crate) fn replicate(
    all: Vec<Resampling>,
    plan: Plan,
    with_left_out: bool,
) -> Result<Vec<Replicated>, String> {
    let steps: u64 = all.iter().map(|it| it.statistics.steps()).sum();
    let kept: u64 = all.iter().map(|it| it.statistics.keys().len() as u64).sum();
    let units = |it: &Resampling| it.statistics.keys().len() as u64 * it.draw.units() as u64;
    if steps.saturating_mul(plan.resamples.into()) > MOST_STEPS
        || kept.saturating_mul(plan.resamples.into()) > MOST_REPLICATES
    {
        let most = (MOST_STEPS / steps.max(1)).min(MOST_REPLICATES / kept.max(1));
        return Err(format!(
            "{} resamples of so many rows and slices are too many: ask for at most {most}, or for \
             fewer slices",
            plan.resamples
        ));
    }
    if with_left_out && all.iter().map(units).sum::<u64>() > MOST_LEFT_OUT {
        return Err("BCa of so many rows and slices is too much: ask for percentile".to_owned());
    }
    let mut draws: BTreeMap<(Option<Slice>, usize), Vec<Resampling>> = BTreeMap::new();
    for it in all {
        let whose = matches!(it.draw, Draw::Within { .. }).then(|| it.slice.clone());
        draws.entry((whose, it.draw.units())).or_default().push(it);
    }
    let mut made = Vec::new();
    for ((whose, units), together) in draws {
        // Named as the resamples of cells are, so that these move with them.
        let purpose = whose.map_or_else(|| "all units".to_owned(), |slice| slice.to_string());
        let values: Vec<Vec<f64>> = replicates(plan, &purpose, |stream| {
            let times = draw_units(stream, &[units]);
            together.iter().flat_map(|it| it.statistics.values(&times)).collect()
        });
        let mut place = 0;
        for it in &together {
            let left_out = if with_left_out { it.statistics.left_out(units) } else { Vec::new() };
            let mut left_out = left_out.into_iter();
            for metric in it.statistics.keys() {
                made.push(Replicated {
                    slice: it.slice.clone(),
                    metric,
                    draw: it.draw.clone(),
                    replicates: values.iter().map(|values| values[place]).collect(),
                    left_out: left_out.next().unwrap_or_default(),
                });
                place += 1;
            }
        }
    }
    Ok(made)
}

impl Draw {
    pub fn units(&self) -> usize {
        match *self {
            Self::Within { units } | Self::Jointly { units } => units,
        }
    }
}

/// A function of sums over units; `None` where it is undefined.
pub(crate) type OfSums = Arc<dyn Fn(&[f64]) -> Option<f64> + Send + Sync>;

/// A metric that is a function of sums over units.
pub(crate) struct Sums {
    pub key: String,
    /// Which units have a part in it; `None`: all, in their order.
    pub units: Option<Arc<[u32]>>,
    /// What each of these units adds to each sum.
    pub columns: Vec<Arc<[f64]>>,
    pub of: OfSums,
}

impl Sums {
    fn value(&self, sums: &[f64]) -> f64 {
        (self.of)(sums).filter(|value| value.is_finite()).unwrap_or(f64::NAN)
    }
}

impl Statistics for Sums {
    fn keys(&self) -> Vec<String> {
        vec![self.key.clone()]
    }

    fn steps(&self) -> u64 {
        self.columns.iter().map(|column| column.len() as u64).sum()
    }

    fn values(&self, times: &[u32]) -> Vec<f64> {
        let sum = |column: &Arc<[f64]>| -> f64 {
            match &self.units {
                None => column.iter().zip(times).map(|(x, &n)| f64::from(n) * x).sum(),
                Some(units) => column
                    .iter()
                    .zip(units.iter())
                    .map(|(x, &unit)| f64::from(times[unit as usize]) * x)
                    .sum(),
            }
        };
        let sums: Vec<f64> = self.columns.iter().map(sum).collect();
        vec![self.value(&sums)]
    }

    fn left_out(&self, units: usize) -> Vec<Vec<f64>> {
        let all: Vec<f64> = self.columns.iter().map(|column| column.iter().sum()).collect();
        let mut values = vec![f64::NAN; units];
        for place in 0..self.columns.first().map_or(0, |column| column.len()) {
            let rest: Vec<f64> =
                all.iter().zip(&self.columns).map(|(all, column)| all - column[place]).collect();
            let unit = self.units.as_ref().map_or(place, |units| units[place] as usize);
            values[unit] = self.value(&rest);
        }
        if self.units.is_some() {
            // Units without a part in it change nothing.
            let value = self.value(&all);
            values.iter_mut().filter(|value| value.is_nan()).for_each(|left| *left = value);
        }
        vec![values]
    }
}

/// Where the statistics of an evaluation are collected while its estimates are made.
#[derive(Clone, Default)]
pub(crate) struct Collection(Arc<Mutex<Vec<Resampling>>>);

impl Collection {
    pub fn add(&self, resampling: Resampling) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(resampling);
    }

    pub fn take(&self) -> Vec<Resampling> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for Collection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Collection").finish_non_exhaustive()
    }
}

/// The units behind a ratio of sums, and where the statistics made of it go.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub draw: Draw,
    pub units: Option<Arc<[u32]>>,
    /// Numerators and denominators.
    pub columns: [Arc<[f64]>; 2],
    pub into: Collection,
}

impl Kept {
    /// Collects a metric that is a function of the ratio.
    pub fn collect(
        &self,
        slice: &Slice,
        key: &str,
        through: impl Fn(f64) -> Option<f64> + Send + Sync + 'static,
    ) {
        let of = move |sums: &[f64]| (sums[1] > 0.0).then(|| sums[0] / sums[1]).and_then(&through);
        self.into.add(Resampling {
            slice: slice.clone(),
            draw: self.draw.clone(),
            statistics: Box::new(Sums {
                key: key.to_owned(),
                units: self.units.clone(),
                columns: self.columns.to_vec(),
                of: Arc::new(of),
            }),
        });
    }
}
