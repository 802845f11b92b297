//! The bootstrap of a run: intervals of every metric, and of every gap between groups in it, those
//! without a closed form included.
//!
//! Where a confusion matrix decides a metric, no row is needed: the matrix of each slice is read off
//! its true and false positive rates, and its cells are resampled within the slice. So a run can be
//! resampled from what was stored of it. Other metrics come with their replicates, of rows, queries
//! or clusters, from whoever has these ([`crate::evaluate`]).
//!
//! The draws of a slice depend on the seed and on the slice's name alone, so all metrics of a slice
//! move together, and a slice more or less changes no other's numbers. Clusters, and queries that
//! show items of several groups, are drawn for all slices at once, as slices share them.

use super::{Comparison, Disparity, Family, Kind, Reference, compare, rest};
use crate::bootstrap::units::{Draw, Replicated};
use crate::bootstrap::{self, Form, LeftOut, Plan, Sample, Statistic};
use crate::catalogue::{self, Outcome};
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
    /// Every estimate that was resampled.
    pub estimates: Vec<ResampledEstimate>,
    /// Each group against the best, as difference and as ratio, and against overall where the
    /// resamples of the groups make up one of overall. Their intervals are at the level of
    /// [`compare`], shared among the pairs.
    pub disparities: Vec<Disparity>,
    /// Metrics that were not resampled, as counts do not decide them and rows were not at hand.
    pub not_resampled: Vec<String>,
}

/// What was drawn again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resampling {
    /// The cells of the slice's confusion matrix, which is as if its rows were.
    Cells,
    /// The slice's rows or queries.
    Units,
    /// All clusters or queries at once, as they can reach into several slices.
    Together,
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
    /// What was drawn.
    pub drawn: Resampling,
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

/// Resamples a run from what was stored of it.
///
/// # Errors
/// In words: rows are weighted or come in clusters, so that counts of rows do not decide its
/// metrics, there is no slice whose confusion matrix is known, or so many slices that the draws would
/// not fit.
pub fn resample(
    estimates: &[Estimate],
    outcome: Outcome,
    plan: Plan,
    form: Form,
) -> Result<Resampled, String> {
    resample_with(estimates, outcome, plan, form, Vec::new())
}

/// As [`resample`], with the replicates of metrics that counts do not decide.
pub(crate) fn resample_with(
    estimates: &[Estimate],
    outcome: Outcome,
    plan: Plan,
    form: Form,
    replicated: Vec<Replicated>,
) -> Result<Resampled, String> {
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
    if slices.is_empty() && replicated.is_empty() {
        let uncounted = estimates.iter().any(|estimate| estimate.n_effective.is_some());
        return Err(if uncounted {
            "rows are weighted or come in clusters, so counts of rows do not decide the metrics"
        } else {
            "no slice has both a true and a false positive rate with counts"
        }
        .to_owned());
    }
    let mut units: BTreeMap<String, BTreeMap<Slice, Replicated>> = BTreeMap::new();
    for it in replicated {
        units.entry(it.metric.clone()).or_default().insert(it.slice.clone(), it);
    }
    let run = Run { estimates, outcome, plan, form, slices, units };
    let metrics: BTreeSet<&str> = estimates.iter().map(|it| it.metric.as_str()).collect();
    let (resampled, others): (Vec<&str>, Vec<&str>) =
        metrics.into_iter().partition(|metric| run.resamples(metric));
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
    /// By metric and slice, what was resampled by unit.
    units: BTreeMap<String, BTreeMap<Slice, Replicated>>,
}

impl Run<'_> {
    /// Whether a metric was resampled in some slice.
    fn resamples(&self, metric: &str) -> bool {
        self.units.contains_key(metric)
            || (OfCells::find(metric).is_some() && !self.slices.is_empty())
    }

    fn estimates(&self) -> Vec<ResampledEstimate> {
        let one = |estimate: &Estimate| {
            let value = estimate.value?;
            let units = self.units.get(&estimate.metric).and_then(|it| it.get(&estimate.slice));
            let (drawn, found) = if let Some(units) = units {
                let drawn = match units.draw {
                    Draw::Within { .. } => Resampling::Units,
                    Draw::Jointly { .. } => Resampling::Together,
                };
                (
                    drawn,
                    self.interval(
                        &estimate.metric,
                        value,
                        &units.replicates(),
                        &units.left_out(),
                        1,
                    ),
                )
            } else {
                let metric = OfCells::find(&estimate.metric)?;
                let drawn = self.slices.get(&estimate.slice)?;
                let replicates: Vec<_> = drawn.replicates.iter().map(|it| of(metric, it)).collect();
                let left_out = self.left_out(&[drawn.cells], |cells| of(metric, &cells[0]));
                (
                    Resampling::Cells,
                    self.interval(&estimate.metric, value, &replicates, &left_out, 1),
                )
            };
            Some(ResampledEstimate {
                slice: estimate.slice.clone(),
                metric: estimate.metric.clone(),
                value,
                drawn,
                reason: found.as_ref().err().cloned(),
                interval: found.ok(),
            })
        };
        self.estimates.iter().filter_map(one).collect()
    }

    /// Each group against the best and against overall, on one metric.
    fn disparities(&self, metric: &str) -> Vec<Disparity> {
        if let Some(units) = self.units.get(metric) {
            return self.disparities_of_units(metric, units);
        }
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

    /// As [`Run::disparities`], from replicates of units. Overall is made up by the groups' own
    /// resamples only where all units were drawn at once.
    fn disparities_of_units(
        &self,
        metric: &str,
        units: &BTreeMap<Slice, Replicated>,
    ) -> Vec<Disparity> {
        let families: BTreeSet<Vec<&str>> = units
            .keys()
            .filter(|slice| !slice.is_overall())
            .map(|slice| slice.attributes().collect())
            .collect();
        let together = units.values().all(|it| matches!(it.draw, Draw::Jointly { .. }));
        let overall = together && units.contains_key(&Slice::overall());
        let references =
            if overall { vec![Reference::Best, Reference::Overall] } else { vec![Reference::Best] };
        let mut all = Vec::new();
        for attributes in &families {
            for reference in &references {
                for kind in [Kind::Difference, Kind::Ratio] {
                    let comparison = Comparison {
                        reference: reference.clone(),
                        level: self.plan.level,
                        ..Comparison::with_best(metric, attributes, kind, self.outcome)
                    };
                    let mut compared = compare(self.estimates, &comparison);
                    for disparity in &mut compared {
                        self.fill_from_units(disparity, units);
                    }
                    all.extend(compared);
                }
            }
        }
        all
    }

    fn fill_from_units(&self, disparity: &mut Disparity, units: &BTreeMap<Slice, Replicated>) {
        let Some(value) = disparity.value else { return };
        disparity.interval = None;
        let Some(reference) = disparity.reference_slice.clone() else { return };
        if reference == disparity.slice {
            return;
        }
        let drawn = |slice: &Slice| {
            units.get(slice).ok_or_else(|| format!("{} was not resampled", slice.label()))
        };
        let kind = disparity.kind;
        let gap = |own: f64, other: f64| {
            let gap = match kind {
                Kind::Difference => own - other,
                Kind::Ratio if other > 0.0 => own / other,
                Kind::Ratio => return None,
            };
            Some(gap).filter(|gap| gap.is_finite())
        };
        let found = drawn(&disparity.slice).and_then(|own| {
            let other = drawn(&reference)?;
            let pairs = own.replicates.iter().zip(&other.replicates);
            let replicates: Vec<_> = pairs.map(|(&own, &other)| gap(own, other)).collect();
            let left_out = match self.form {
                Form::Percentile => Vec::new(),
                Form::Bca => left_out_of_pair(own, other, self.values(disparity, units)?, gap),
            };
            self.interval(&disparity.metric, value, &replicates, &left_out, disparity.pairs)
        });
        match found {
            Ok(interval) => {
                disparity.interval = Some(interval);
                disparity.reason = None;
            }
            Err(why) => disparity.reason = Some(why),
        }
    }

    /// The metric on the group and on its reference.
    fn values(
        &self,
        disparity: &Disparity,
        units: &BTreeMap<Slice, Replicated>,
    ) -> Result<[f64; 2], String> {
        let value = |slice: Option<&Slice>| {
            let slice = slice.filter(|slice| units.contains_key(*slice));
            let of = |it: &&Estimate| it.metric == disparity.metric && Some(&it.slice) == slice;
            let found = self.estimates.iter().find(of).and_then(|it| it.value);
            found.ok_or_else(|| "a group has no value".to_owned())
        };
        Ok([value(Some(&disparity.slice))?, value(disparity.reference_slice.as_ref())?])
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
                let (own, other) = (of(metric, cells.first()?)?, of(metric, &other)?);
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
            self.interval(&disparity.metric, value, &replicates, &left_out, disparity.pairs)
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
        metric: &str,
        value: f64,
        replicates: &[Option<f64>],
        left_out: &[LeftOut],
        pairs: u64,
    ) -> Result<Interval, String> {
        let level = 1.0 - (1.0 - self.plan.level) / pairs as f64;
        let statistic = match catalogue::Key::parse(metric).base {
            "calibration_error" | "representation_distance" => Statistic::Distance,
            _ => Statistic::Smooth,
        };
        let sample = Sample { value, replicates, statistic };
        let plan = Plan { level, ..self.plan };
        let found = bootstrap::interval(sample, self.form, left_out, plan)?;
        Ok(Interval { level: self.plan.level, ..found })
    }
}

impl Replicated {
    fn replicates(&self) -> Vec<Option<f64>> {
        let defined = |value: &f64| Some(*value).filter(|value| !value.is_nan());
        self.replicates.iter().map(defined).collect()
    }

    fn left_out(&self) -> Vec<LeftOut> {
        let defined = self.left_out.iter().filter(|value| !value.is_nan());
        defined.map(|&value| LeftOut { value, times: 1, group: 0 }).collect()
    }
}

/// The gap with each unit left out: of one of the two where each has its own, of both at once where
/// they share them.
fn left_out_of_pair(
    own: &Replicated,
    other: &Replicated,
    [value, reference]: [f64; 2],
    gap: impl Fn(f64, f64) -> Option<f64>,
) -> Vec<LeftOut> {
    let made = |gap: Option<f64>, group: usize| gap.map(|value| LeftOut { value, times: 1, group });
    if matches!(own.draw, Draw::Jointly { .. }) {
        let pairs = own.left_out.iter().zip(&other.left_out);
        return pairs.filter_map(|(&own, &other)| made(gap(own, other), 0)).collect();
    }
    let of_own = own.left_out.iter().filter_map(|&own| made(gap(own, reference), 0));
    let of_other = other.left_out.iter().filter_map(|&other| made(gap(value, other), 1));
    of_own.chain(of_other).collect()
}

/// A metric of rows by cell.
fn of(metric: OfCells, cells: &Cells) -> Option<f64> {
    metric.value(&cells.map(|rows| rows as f64))
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
