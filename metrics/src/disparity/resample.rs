//! The bootstrap of a run from what it stored: intervals of every metric that a confusion matrix
//! decides, and of every gap between groups in it, those without a closed form included.
//!
//! No row is needed. The confusion matrix of each slice is read off its true and false positive
//! rates, and its cells are resampled within the slice. The draws of a slice depend on the seed and
//! on the slice's name alone, so all metrics of a slice move together, and a slice more or less
//! changes no other's numbers.

use super::{Comparison, Disparity, Family, Kind, Reference, compare, rest};
use crate::bootstrap::{self, Form, LeftOut, Plan, Sample, Statistic};
use crate::catalogue::Outcome;
use crate::counts::{Cell, Counts};
use crate::rates::OfCells;
use crate::{Estimate, Interval, Slice};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A run, resampled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Resampled {
    /// How it was resampled.
    pub plan: Plan,
    /// How the intervals are read off the replicates.
    pub form: Form,
    /// Every estimate that the confusion matrix of its slice decides.
    pub estimates: Vec<ResampledEstimate>,
    /// Each group against the best and against overall, as difference and as ratio. Their intervals
    /// are at the level of [`compare`], shared among the pairs.
    pub disparities: Vec<Disparity>,
    /// Metrics that take more than counts, and so were not resampled.
    pub not_resampled: Vec<String>,
}

/// An estimate with its bootstrap interval.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ResampledEstimate {
    /// The slice.
    pub slice: Slice,
    /// The metric's key.
    pub metric: String,
    /// The point estimate.
    pub value: f64,
    /// Its interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Interval>,
    /// Why there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// More draws than this are refused: they would take a gibibyte.
const MOST_DRAWS: usize = 1 << 25;

/// The rows of a slice by cell, in the order of [`Cell`].
type Cells = [u64; 4];

/// Resamples a run.
///
/// # Errors
/// In words: rows are weighted, so that counts of rows do not decide its metrics, there is no slice
/// whose confusion matrix is known, or so many slices that the draws would not fit.
pub fn resample(
    estimates: &[Estimate],
    outcome: Outcome,
    plan: Plan,
    form: Form,
) -> Result<Resampled, String> {
    if estimates.iter().any(|estimate| estimate.n_effective.is_some()) {
        return Err("rows are weighted, so counts of rows do not decide the metrics".to_owned());
    }
    let names: BTreeSet<&Slice> = estimates.iter().map(|estimate| &estimate.slice).collect();
    if names.len() * plan.resamples as usize > MOST_DRAWS {
        return Err(format!(
            "{} resamples of {} slices are too many: ask for fewer",
            plan.resamples,
            names.len()
        ));
    }
    let drawn = |slice: &Slice| {
        let cells = cells_of(&rest::confusion(estimates, slice)?);
        Some((slice.clone(), Drawn::of(slice, cells, plan)))
    };
    let slices: BTreeMap<Slice, Drawn> = names.into_iter().filter_map(drawn).collect();
    if slices.is_empty() {
        return Err("no slice has both a true and a false positive rate with counts".to_owned());
    }
    let metrics: BTreeSet<&str> = estimates.iter().map(|it| it.metric.as_str()).collect();
    let (resampled, others): (Vec<&str>, Vec<&str>) =
        metrics.into_iter().partition(|metric| OfCells::find(metric).is_some());
    let run = Run { estimates, outcome, plan, form, slices };
    Ok(Resampled {
        plan,
        form,
        estimates: run.estimates(),
        disparities: resampled.iter().flat_map(|metric| run.disparities(metric)).collect(),
        not_resampled: others
            .into_iter()
            .filter(|metric| *metric != "count")
            .map(str::to_owned)
            .collect(),
    })
}

fn cells_of(counts: &Counts) -> Cells {
    use Cell::{FalseNegative, FalsePositive, TrueNegative, TruePositive};
    [TrueNegative, FalseNegative, FalsePositive, TruePositive].map(|cell| counts.rows(&[cell]))
}

/// A slice as it is, and as it was drawn again and again.
struct Drawn {
    cells: Cells,
    replicates: Vec<Cells>,
}

impl Drawn {
    fn of(slice: &Slice, cells: Cells, plan: Plan) -> Self {
        let replicates =
            bootstrap::replicates(plan, &slice.to_string(), |stream| stream.resample(cells));
        Self { cells, replicates }
    }
}

struct Run<'a> {
    estimates: &'a [Estimate],
    outcome: Outcome,
    plan: Plan,
    form: Form,
    slices: BTreeMap<Slice, Drawn>,
}

impl Run<'_> {
    fn estimates(&self) -> Vec<ResampledEstimate> {
        let one = |estimate: &Estimate| {
            let (metric, value) = (OfCells::find(&estimate.metric)?, estimate.value?);
            let drawn = self.slices.get(&estimate.slice)?;
            let replicates: Vec<_> = drawn.replicates.iter().map(|it| metric.value(it)).collect();
            let left_out = self.left_out(&[drawn.cells], |cells| metric.value(&cells[0]));
            let found = self.interval(value, &replicates, &left_out, 1);
            Some(ResampledEstimate {
                slice: estimate.slice.clone(),
                metric: estimate.metric.clone(),
                value,
                reason: found.as_ref().err().cloned(),
                interval: found.ok(),
            })
        };
        self.estimates.iter().filter_map(one).collect()
    }

    /// Each group against the best and against overall, on one metric.
    fn disparities(&self, metric: &str) -> Vec<Disparity> {
        let Some(of_cells) = OfCells::find(metric) else { return Vec::new() };
        let families: BTreeSet<Vec<&str>> = self
            .slices
            .keys()
            .filter(|slice| !slice.is_overall())
            .map(|slice| slice.attributes().collect())
            .collect();
        let mut all = Vec::new();
        for attributes in &families {
            for reference in [Reference::Best, Reference::Overall] {
                for kind in [Kind::Difference, Kind::Ratio] {
                    let comparison = Comparison {
                        reference: reference.clone(),
                        level: self.plan.level,
                        ..Comparison::with_best(metric, attributes, kind, self.outcome)
                    };
                    let family = Family::of(self.estimates, &comparison);
                    let mut compared = compare(self.estimates, &comparison);
                    for disparity in &mut compared {
                        self.fill(disparity, of_cells, &family);
                    }
                    all.extend(compared);
                }
            }
        }
        all
    }

    /// Puts the bootstrap interval in, or the reason why there is none.
    fn fill(&self, disparity: &mut Disparity, metric: OfCells, family: &Family) {
        let Some(value) = disparity.value else { return };
        disparity.interval = None;
        if disparity.reference_slice.as_ref() == Some(&disparity.slice) {
            return;
        }
        let found = self.groups(disparity, family).and_then(|groups| {
            let kind = disparity.kind;
            let against_overall = disparity.reference == Reference::Overall;
            let statistic = |cells: &[Cells]| {
                let other = if against_overall { sum(cells) } else { *cells.get(1)? };
                let (own, other) = (metric.value(cells.first()?)?, metric.value(&other)?);
                match kind {
                    Kind::Difference => Some(own - other),
                    Kind::Ratio => (other > 0.0).then(|| own / other),
                }
            };
            let mut cells = Vec::with_capacity(groups.len());
            let replicates: Vec<_> = (0..self.plan.resamples as usize)
                .map(|replicate| {
                    cells.clear();
                    cells.extend(groups.iter().map(|drawn| drawn.replicates[replicate]));
                    statistic(&cells)
                })
                .collect();
            let cells: Vec<Cells> = groups.iter().map(|drawn| drawn.cells).collect();
            let left_out = self.left_out(&cells, statistic);
            self.interval(value, &replicates, &left_out, disparity.pairs)
        });
        match found {
            Ok(interval) => {
                disparity.interval = Some(interval);
                disparity.reason = None;
            }
            Err(why) => disparity.reason = Some(why),
        }
    }

    /// The group first, then what it is compared with: one other group, or, for overall, all others.
    fn groups(&self, disparity: &Disparity, family: &Family) -> Result<Vec<&Drawn>, String> {
        let drawn = |slice: &Slice| {
            let unknown = || format!("{}: its confusion matrix is not known", slice.label());
            self.slices.get(slice).ok_or_else(unknown)
        };
        let own = drawn(&disparity.slice)?;
        if disparity.reference != Reference::Overall {
            let reference = disparity.reference_slice.as_ref().ok_or("there is no reference")?;
            return Ok(vec![own, drawn(reference)?]);
        }
        let others = family.groups.iter().map(|group| &group.slice);
        let others = others.filter(|slice| **slice != disparity.slice).map(drawn);
        let groups = std::iter::once(Ok(own)).chain(others).collect::<Result<Vec<_>, _>>()?;
        let cells: Vec<Cells> = groups.iter().map(|drawn| drawn.cells).collect();
        if sum(&cells) == drawn(&Slice::overall())?.cells {
            Ok(groups)
        } else {
            Err("the groups do not make up overall".to_owned())
        }
    }

    fn left_out(
        &self,
        cells: &[Cells],
        statistic: impl Fn(&[Cells]) -> Option<f64>,
    ) -> Vec<LeftOut> {
        match self.form {
            Form::Percentile => Vec::new(),
            Form::Bca => bootstrap::leave_out_cells(cells, statistic),
        }
    }

    /// The interval of a pair that is one of `pairs` among which the error is shared.
    fn interval(
        &self,
        value: f64,
        replicates: &[Option<f64>],
        left_out: &[LeftOut],
        pairs: u64,
    ) -> Result<Interval, String> {
        let level = 1.0 - (1.0 - self.plan.level) / pairs as f64;
        let sample = Sample { value, replicates, statistic: Statistic::Smooth };
        let plan = Plan { level, ..self.plan };
        let found = bootstrap::interval(sample, self.form, left_out, plan)?;
        Ok(Interval { level: self.plan.level, ..found })
    }
}

fn sum(groups: &[Cells]) -> Cells {
    groups.iter().fold([0; 4], |mut all, cells| {
        for (all, cell) in all.iter_mut().zip(cells) {
            *all += cell;
        }
        all
    })
}

#[cfg(test)]
#[path = "resample/tests.rs"]
mod tests;
