//! What a run says: its widest gap that the data can tell, and how much it cannot tell.

use super::{Column, RunView, gaps};
use crate::pages::parts::estimate::{FEW, is_few};
use crate::pages::parts::{Sentence, number};
use metrics::catalogue::Direction;
use metrics::disparity::{Disparity, Summary};
use metrics::{Interval, Slice};
use std::collections::BTreeSet;

/// A gap that can be said: on a metric that takes a side, between two groups, with an interval.
struct Told<'a> {
    column: &'a Column,
    worst: &'a Slice,
    best: &'a Slice,
    difference: &'a Disparity,
    value: f64,
    interval: &'a Interval,
}

/// What the run says. The widest gap is sought among single attributes and metrics that take a
/// side, measured as a share of the metric's range so that metrics compare.
pub fn sentence(view: &RunView) -> Sentence {
    let told: Vec<Told<'_>> = view.gaps.iter().filter_map(|gap| tell(gap, view)).collect();
    let width = |gap: &Told<'_>| {
        gap.value.abs() / gap.column.range.map_or(1.0, |[low, high]| (high - low).max(1e-12))
    };
    let widest = told
        .iter()
        .filter(|gap| gaps::is_clear(gap.difference))
        .max_by(|a, b| width(a).total_cmp(&width(b)));
    let said = Sentence::default();
    let said = match widest {
        Some(gap) => {
            let (low, high) = (gap.interval.low, gap.interval.high);
            let n = gap
                .difference
                .n
                .map_or_else(String::new, |n| format!("; n\u{a0}{}", number::count(n)));
            said.say("Widest gap: ")
                .stress(gap.column.name.clone())
                .say(" of ")
                .stress(gap.worst.label())
                .say(" is ")
                .stress(format!(
                    "{} {}",
                    number::short(gap.value.abs()),
                    if gap.value > 0.0 { "above" } else { "below" }
                ))
                .say(format!(
                    " {} ({} interval {}{n}). The data can tell.",
                    gap.best.label(),
                    number::level(gap.interval.level),
                    number::signed_interval_words(low, high),
                ))
        }
        None if told.is_empty() && view.gaps.is_empty() => {
            said.say("No attribute of this run has two groups to compare.")
        }
        None if told.is_empty() => said
            .say("No two groups of an attribute can be compared: none says how well it is known."),
        None => said.say(format!(
            "Of {} between groups, the data can tell none from chance.",
            number::counted(told.len() as u64, "gap", "gaps")
        )),
    };
    few(view, said)
}

fn tell<'a>(gap: &'a Summary, view: &'a RunView) -> Option<Told<'a>> {
    let column = view.columns.iter().find(|column| column.key == gap.metric)?;
    let (worst, best) = (gap.worst.as_ref()?, gap.best.as_ref()?);
    let difference = gap.difference.as_ref()?;
    let (value, interval) = (difference.value?, difference.interval.as_ref()?);
    let fits = gap.attributes.len() == 1 && column.direction != Direction::Neither;
    fits.then_some(Told { column, worst, best, difference, value, interval })
}

fn few(view: &RunView, said: Sentence) -> Sentence {
    let slices: BTreeSet<&Slice> = view
        .estimates
        .iter()
        .filter(|shown| shown.hidden || is_few(&shown.estimate))
        .map(|shown| &shown.estimate.slice)
        .collect();
    match slices.len() as u64 {
        0 => said,
        n => said.say(format!(
            " {} too few rows (below {FEW}) to decide on some metric.",
            number::counted(n, "slice has", "slices have")
        )),
    }
}
