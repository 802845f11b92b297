//! Every metric on every slice of two runs, from one pass over the rows per family of slices.

use super::areas::{Areas, areas};
use super::matching::Matched;
use super::means::Differences;
use super::rates::{Moved, Table};
use super::{Discordant, PairedChange};
use crate::counts::Counts;
use crate::rates::{Setting, estimates};
use crate::scores::Scored;
use crate::trend::Change;
use crate::{Estimate, Slice};
use std::collections::HashMap;

/// Metrics of scores that are not compared row by row.
const NOT_PAIRED: [&str; 3] = ["average_precision", "log_loss", "calibration_error"];

/// What both runs say of a slice's rows.
#[derive(Clone, Copy, Debug, Default)]
struct Both {
    table: Table,
    counts: [Counts; 2],
    scores: Differences,
    squared_errors: Differences,
    areas: Areas,
}

pub(super) fn changes(matched: &Matched, level: f64) -> Vec<PairedChange> {
    let order = matched.scores.each_ref().map(|scores| by_score(scores));
    let mut slices: Vec<(Slice, Both)> =
        matched.families.iter().flat_map(|family| of_family(matched, family, &order)).collect();
    slices.sort_by(|(a, _), (b, _)| (a.arity(), a).cmp(&(b.arity(), b)));
    let scored = !matched.scores[0].is_empty();
    slices.iter().flat_map(|(slice, both)| both.changes(slice, scored, level)).collect()
}

/// Rows by rising score. Scores are not negative, so their bits order as they do.
#[expect(clippy::cast_possible_truncation, reason = "a run has less than 2^32 rows")]
fn by_score(scores: &[f64]) -> Vec<u32> {
    let mut order: Vec<u32> = (0..scores.len() as u32).collect();
    order.sort_unstable_by_key(|&row| (scores[row as usize].to_bits(), row));
    order
}

fn of_family(matched: &Matched, family: &[usize], order: &[Vec<u32>; 2]) -> Vec<(Slice, Both)> {
    let (slices, slice_of) = number(matched, family);
    let mut all = vec![Both::default(); slices.len()];
    for (row, (&slice, &cell)) in slice_of.iter().zip(&matched.cells).enumerate() {
        let both = &mut all[slice as usize];
        both.table.0[usize::from(cell)] += 1;
        let cells = [cell & 3, cell & 1 | (cell & 4) >> 1];
        for (counts, cell) in both.counts.iter_mut().zip(cells) {
            counts.add_row(cell);
        }
        if let ([Some(&before), Some(&after)], label) =
            (matched.scores.each_ref().map(|scores| scores.get(row)), f64::from(cell & 1))
        {
            for (run, score) in [before, after].into_iter().enumerate() {
                both.counts[run].add_score(cells[run], score, 1.0);
            }
            let error = |score: f64| (score - label) * (score - label);
            both.scores.add(before, after);
            both.squared_errors.add(error(before), error(after));
        }
    }
    if !matched.scores[0].is_empty() {
        let areas = areas(slices.len(), &slice_of, &matched.cells, &matched.scores, order);
        for (both, areas) in all.iter_mut().zip(areas) {
            both.areas = areas;
        }
    }
    slices.into_iter().zip(all).collect()
}

/// The slices of a family that occur, and which one each row is in.
#[expect(clippy::cast_possible_truncation, reason = "there are no more slices than rows")]
fn number(matched: &Matched, family: &[usize]) -> (Vec<Slice>, Vec<u32>) {
    let mut slice_of = vec![0_u32; matched.len()];
    let mut pairs: Vec<Vec<(&str, &str)>> = vec![Vec::new()];
    for column in family.iter().map(|&attribute| &matched.attributes[attribute]) {
        let mut known: HashMap<(u32, u16), u32> = HashMap::new();
        let mut next: Vec<Vec<(&str, &str)>> = Vec::new();
        for (slice, &code) in slice_of.iter_mut().zip(&column.codes) {
            *slice = *known.entry((*slice, code)).or_insert_with(|| {
                let mut of = pairs[*slice as usize].clone();
                of.push((column.name.as_str(), column.groups[usize::from(code)].as_str()));
                next.push(of);
                next.len() as u32 - 1
            });
        }
        pairs = next;
    }
    let slices = pairs
        .into_iter()
        .map(|pairs| Slice::new(pairs).expect("names are not empty and attributes differ"))
        .collect();
    (slices, slice_of)
}

impl Both {
    fn changes(&self, slice: &Slice, scored: bool, level: f64) -> Vec<PairedChange> {
        let setting = Setting { weighted: false, scored, threshold: None, level };
        let of = |run: usize| {
            let auc = if run == 0 { self.areas.before } else { self.areas.after };
            let scored = Scored { auc, ..Scored::default() };
            estimates(slice, &self.counts[run], &scored, setting)
        };
        of(0)
            .into_iter()
            .zip(of(1))
            // The same rows have the same number of rows and of positives.
            .filter(|(before, _)| !matches!(before.metric.as_str(), "count" | "base_rate"))
            // Neither precision along the ranking nor calibration is a mean over rows.
            .filter(|(before, _)| !NOT_PAIRED.contains(&before.metric.as_str()))
            .map(|(before, after)| self.change(before, after, level))
            .collect()
    }

    fn change(&self, before: Estimate, after: Estimate, level: f64) -> PairedChange {
        let moved = match (&before.undefined, &after.undefined) {
            (Some(why), _) => Err(format!("before: {why}")),
            (_, Some(why)) => Err(format!("after: {why}")),
            _ => match before.metric.as_str() {
                "roc_auc" => self.areas.change(level).map_err(str::to_owned),
                key => match key {
                    "brier_score" => self.squared_errors.change(level),
                    "mean_score" => self.scores.change(level),
                    _ => self.table.change(&before, &after, level),
                }
                .ok_or_else(|| "not compared row by row".to_owned()),
            },
        };
        let value = before.value.zip(after.value).map(|(before, after)| after - before);
        let (n, discordant, p, change) = match moved {
            Ok(moved) => told(moved, level),
            Err(reason) => {
                let n = before.n.unwrap_or(0).max(after.n.unwrap_or(0));
                let reason = Some(reason);
                (n, None, None, Change { value, interval: None, beyond_chance: None, reason })
            }
        };
        PairedChange {
            slice: before.slice.clone(),
            metric: before.metric.clone(),
            before,
            after,
            n,
            discordant,
            p,
            change,
        }
    }
}

fn told(moved: Moved, level: f64) -> (u64, Option<Discordant>, Option<f64>, Change) {
    let Moved { n, bounds, method, p, discordant } = moved;
    let change = Change {
        value: Some(bounds.value),
        interval: Some(bounds.interval(level, method)),
        beyond_chance: Some(bounds.low > 0.0 || bounds.high < 0.0),
        reason: None,
    };
    (n, discordant, Some(p), change)
}
