//! The metrics that a tool reports of one group, with its number of rows among them or not: counts
//! are taken where they follow from the rates, and a rate without them has no n.

use super::estimate::Draft;
use super::harvest::{Counted, Harvest};
use super::measure;
use super::problems::Problems;
use super::solve;
use super::spot::Reported;
use metrics::catalogue;
use metrics::{Place, Slice};
use std::collections::BTreeMap;

/// A metric of the group, as the tool calls it.
pub(super) struct Told<'m> {
    pub original: &'m str,
    /// The catalogue's key, where it has the metric.
    pub key: Option<&'static str>,
    pub cell: Reported,
    pub place: Place,
}

/// Places a group's metrics, with counts if it has fewer than `below` rows; whether they were found.
pub(super) fn place(
    told: &[Told],
    below: u64,
    slice: &Slice,
    harvest: &mut Harvest,
    problems: &mut Problems,
) -> bool {
    let mut known: BTreeMap<&str, f64> = BTreeMap::new();
    for Told { key, cell, .. } in told {
        if let (Some(key), Reported::Is(value)) = (key, cell) {
            known.entry(key).or_insert(*value);
        }
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a whole number")]
    let rows = known
        .get("count")
        .filter(|count| count.fract() == 0.0 && (0.0..1e15).contains(*count))
        .map(|count| *count as u64);
    let certain = rows.filter(|rows| *rows < below);
    let counts = certain.and_then(|rows| solve::counts(rows, |key| known.get(key).copied()));
    let mut counted = Vec::new();
    for Told { original, key, cell, place } in told {
        if let (Some(key), Some(_)) = (key, &counts)
            && is_of_confusion(key)
        {
            let value = match cell {
                Reported::Is(value) => Some(*value),
                // What the counts define was not undefined.
                Reported::None(_) => Some(f64::NAN),
            };
            counted.push(Counted { original, key, value, place: place.clone() });
            continue;
        }
        let key = key.map(str::to_owned);
        let Some(key) = key.or_else(|| measure::key_or_declare(original, harvest, place)) else {
            continue;
        };
        let draft = Draft::reported(slice, &key, cell.clone());
        let draft = match (key.as_str(), certain) {
            ("count", _) => draft.of_rows(rows),
            ("selection_rate" | "accuracy" | "base_rate", Some(rows)) => draft.counted(rows),
            _ => draft,
        };
        harvest.add(original, draft, place.clone());
    }
    if let Some(counts) = &counts {
        harvest.add_counted(slice, counts, None, &counted, problems);
    }
    counts.is_some()
}

/// Whether a confusion matrix decides a metric.
pub(super) fn is_of_confusion(key: &str) -> bool {
    matches!(key, "count" | "f1" | "balanced_accuracy")
        || catalogue::find(key).is_some_and(|metric| {
            metric.kind == catalogue::Kind::Rate
                && metric.family == catalogue::Family::Classification
        })
}
