//! Regression: errors and explained spread per slice.

use super::Evaluated;
use super::aggregate::{Cells, families, refuse_too_many, slice_of};
use super::ratios::{Clusters, Rows};
use crate::bootstrap::units::{Collection, Kept, Resampling, Sums};
use crate::ratio::{Design, Units};
use crate::read::{Role, Table};
use crate::{Estimate, Problem, Slice, Spec};
use std::sync::Arc;

const EMPTY: &str = "no rows";

pub(super) fn evaluate(
    table: &Table,
    spec: &Spec,
    level: f64,
    collection: Option<&Collection>,
) -> Result<Evaluated, Vec<Problem>> {
    let clusters = table.names(Role::Cluster).map(Clusters::of);
    let units = if clusters.is_some() { Units::Together } else { Units::Alone };
    let design = Design { weighted: spec.weight.is_some(), units, level };
    let rows = Rows::new(table, clusters, collection);
    let (truth, predicted) = (table.numbers(Role::Number), table.numbers(Role::PredictedNumber));
    let mut estimates = Vec::new();
    let mut slices = 0;
    for family in families(table, spec)? {
        let cells = Cells::of(table, &family);
        slices += cells.groups.len();
        refuse_too_many(slices)?;
        let errors = rows.tallies(&cells, |row, _| {
            let (w, error) = (rows.weight(row), predicted[row] - truth[row]);
            [error.abs(), error * error, error, truth[row]].map(|value| Some((w * value, w)))
        });
        // How far the truth lies from its own mean needs that mean first.
        let means: Vec<f64> =
            errors.iter().map(|[.., truth]| truth.ratio.value().unwrap_or_default()).collect();
        let spreads = rows.tallies(&cells, |row, slice| {
            let (w, error) = (rows.weight(row), predicted[row] - truth[row]);
            let distance = truth[row] - means[slice];
            [Some((w * (error * error), w * (distance * distance))), Some((w * distance, w))]
        });
        for ((codes, [absolute, squared, signed, _]), [mut spread, moved]) in
            cells.groups.iter().zip(&errors).zip(spreads)
        {
            let slice = slice_of(table, &family, codes);
            collect_r_squared(&slice, spread.kept.take(), moved.kept);
            estimates.push(Estimate::count(&slice, absolute.rows));
            estimates.push(absolute.mean(&slice, "mean_absolute_error", design, EMPTY));
            estimates.push(squared.mean(&slice, "mean_squared_error", design, EMPTY));
            estimates.push(squared.delta(
                &slice,
                "root_mean_squared_error",
                design,
                EMPTY,
                |mean| {
                    let root = mean.sqrt();
                    // At 0 all errors are 0, and there is no spread to carry over.
                    Ok((root, if root > 0.0 { 0.5 / root } else { 0.0 }))
                },
            ));
            let same = if absolute.rows == 0 { EMPTY } else { "the truth is the same in all rows" };
            estimates.push(spread.delta(&slice, "r_squared", design, same, |unexplained| {
                Ok((1.0 - unexplained, -1.0))
            }));
            estimates.push(signed.mean(&slice, "mean_error", design, EMPTY));
        }
    }
    Ok(Evaluated { estimates, notes: Vec::new() })
}

/// On a resample the truth has a mean of its own, by which its spread about the mean of all rows is
/// too large.
fn collect_r_squared(slice: &Slice, spread: Option<Box<Kept>>, moved: Option<Box<Kept>>) {
    let (Some(spread), Some(moved)) = (spread, moved) else { return };
    let Kept { draw, units, columns, into } = *spread;
    let of = |sums: &[f64]| {
        let &[unexplained, about_all, moved, whole] = sums else { return None };
        let spread = about_all - moved * moved / whole;
        (spread > 0.0).then(|| 1.0 - unexplained / spread)
    };
    into.add(Resampling {
        slice: slice.clone(),
        draw,
        statistics: Box::new(Sums {
            key: "r_squared".to_owned(),
            units,
            columns: columns.into_iter().chain(moved.columns).collect(),
            of: Arc::new(of),
        }),
    });
}
