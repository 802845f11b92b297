//! Several classes of rows in clusters: each class against all others, and macro averages.
//!
//! A macro average is the mean of a metric over classes, so a cluster moves it by the mean of what it
//! moves that metric of each class.

use super::{Clustered, Robust};
use crate::evaluate::multiclass::Classes;
use crate::interval::{self, method};
use crate::rates::{OF_SCORES, OfCells};
use crate::read::{Names, Table};
use crate::{Estimate, Problem, Slice, Spec};
use std::collections::BTreeMap;

/// The metrics of single classes of which there are macro averages.
const AVERAGED: [(&str, &str); 3] =
    [("true_positive_rate", "macro_recall"), ("precision", "macro_precision"), ("f1", "macro_f1")];

/// Rows times classes times families of slices that are looked at: each takes some hundred
/// nanoseconds.
const MOST_LOOKS: u64 = 200_000_000;

/// What the clusters of a slice move each macro average by, times the number of classes.
type Sums = BTreeMap<Slice, [BTreeMap<u32, f64>; 3]>;

/// Puts the intervals of clusters in the place of those of independent rows; `false` when that would
/// take too long, and nothing was done.
pub(in crate::evaluate) fn correct(
    table: &Table,
    names: &Names,
    spec: &Spec,
    classes: &Classes,
    estimates: &mut [Estimate],
    level: f64,
) -> Result<bool, Vec<Problem>> {
    let families = 1 + spec.slices.len() + spec.intersections.len();
    let looks = table.rows().saturating_mul((classes.names.len() * families) as u64);
    if looks > MOST_LOOKS {
        return Ok(false);
    }
    let clustered = Clustered::new(table, names, spec)?;
    let mut sums = Sums::new();
    for class in &classes.names {
        let score = spec.scores.keys().position(|scored| scored == class);
        let against_rest = classes.against_rest(table, class, score);
        let key_of = |estimate: &Estimate| {
            let key = estimate.metric.strip_suffix(']')?.strip_suffix(class.as_str())?;
            let key = key.strip_suffix('[')?;
            let known = OfCells::find(key).is_some() || OF_SCORES.contains(&key);
            known.then(|| key.to_owned())
        };
        let places: Vec<(usize, String)> = estimates
            .iter()
            .enumerate()
            .filter_map(|(place, estimate)| Some((place, key_of(estimate)?)))
            .collect();
        let mut own: Vec<Estimate> = places
            .iter()
            .map(|(place, key)| Estimate { metric: key.clone(), ..estimates[*place].clone() })
            .collect();
        let keys = AVERAGED.map(|(key, _)| key);
        let told = clustered.of_same_rows(&against_rest).correct_and_tell(&mut own, level, &keys);
        for ((place, _), corrected) in places.iter().zip(own) {
            let metric = std::mem::take(&mut estimates[*place].metric);
            estimates[*place] = Estimate { metric, ..corrected };
        }
        for (slice, moved) in told {
            // Where one is undefined, so is the average.
            let Ok(moved) = <[_; 3]>::try_from(moved) else { continue };
            let sums = sums.entry(slice).or_default();
            for (sums, moved) in sums.iter_mut().zip(moved) {
                for moved in moved {
                    *sums.entry(moved.cluster).or_default() += moved.by;
                }
            }
        }
    }
    for estimate in estimates {
        let average = AVERAGED.iter().position(|(_, average)| *average == estimate.metric);
        if let Some(average) = average
            && let Some(sums) = sums.get(&estimate.slice)
        {
            settle(estimate, &sums[average], classes.names.len() as f64, level);
        }
    }
    Ok(true)
}

fn settle(estimate: &mut Estimate, sums: &BTreeMap<u32, f64>, classes: f64, level: f64) {
    let Some(value) = estimate.value else { return };
    let largest = sums.values().fold(0.0_f64, |most, by| most.max(by.abs())).max(1.0);
    let robust = Robust::of(sums.values().map(|by| by / classes), largest);
    estimate.n_effective = Some(robust.clusters);
    estimate.stderr = robust.stderr;
    let (bounds, name) = match robust.stderr {
        Some(stderr) => (interval::delta(value, stderr, level, [0.0, 1.0]), method::DELTA_CLUSTER),
        None => (interval::wilson(value, robust.clusters, level), method::WILSON_BOUND),
    };
    estimate.interval = Some(bounds.interval(level, name));
}
