//! How another tool's file was understood: its names, its conventions, and what has no place.

use metrics::Place;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A name of another tool's, and the metric that it was read as.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MappedMetric {
    /// As the file has it.
    pub original: String,
    /// The metric's key.
    pub metric: String,
    pub basis: Basis,
    pub estimates: u32,
    /// Where the first of them stands.
    pub first: Place,
}

/// What a number of another tool rests on here.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum Basis {
    /// Counts in the file, from which it was computed again.
    Recomputed,
    /// The tool's word, for a known number of rows.
    Reported,
    /// The tool's word alone.
    ReportedWithoutN,
    /// The tool reported no number.
    Undefined,
}

impl Basis {
    /// As a sentence has it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Recomputed => "recomputed from counts",
            Self::Reported => "reported",
            Self::ReportedWithoutN => "reported without n",
            Self::Undefined => "undefined",
        }
    }
}

/// Something of a file that has no place in a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NotPlaced {
    pub place: Place,
    /// As the file calls it.
    pub what: String,
    pub why: String,
}

/// What a stored receipt says of another tool's file, in sentences; empty where it says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Understood {
    /// Each name with the metric that it was read as.
    pub mapped: Vec<String>,
    pub conventions: Vec<String>,
    /// What has no place in a run, with the reason.
    pub not_placed: Vec<String>,
}

impl Understood {
    /// Sentences per list; a page is no place for two hundred.
    const SHOWN: usize = 20;

    pub fn of(receipt: &Value) -> Self {
        let mapped: Vec<MappedMetric> = Self::list(&receipt["mapped"]);
        let not_placed: Vec<NotPlaced> = Self::list(&receipt["not_placed"]);
        let more = receipt["not_placed_more"].as_u64().unwrap_or_default();
        let mapped = mapped.into_iter().map(|it| {
            let MappedMetric { original, metric, basis, estimates, .. } = it;
            let name = if original == metric { metric } else { format!("{original} is {metric}") };
            format!("{name}, {}: {estimates}", basis.words())
        });
        let not_placed = not_placed
            .into_iter()
            .map(|NotPlaced { place, what, why }| format!("{what} ({place}): {why}"));
        Self {
            mapped: Self::shown(mapped.collect(), 0),
            conventions: Self::list(&receipt["conventions"]),
            not_placed: Self::shown(not_placed.collect(), more),
        }
    }

    fn list<T: DeserializeOwned>(value: &Value) -> Vec<T> {
        serde_json::from_value(value.clone()).unwrap_or_default()
    }

    fn shown(mut all: Vec<String>, more: u64) -> Vec<String> {
        let hidden = all.len().saturating_sub(Self::SHOWN) as u64 + more;
        all.truncate(Self::SHOWN);
        if hidden > 0 {
            all.push(format!("and {hidden} more"));
        }
        all
    }
}
