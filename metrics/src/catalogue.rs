//! The metric catalogue: one table that everything reads.

use serde::{Deserialize, Serialize};

/// What a positive prediction means for the person it is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Good for the person: hired, shown, granted.
    Favourable,
    /// Bad for the person: refused, flagged, detained.
    Adverse,
    /// Neither.
    Neutral,
}

/// Which way a metric is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Higher values are better.
    Higher,
    /// Lower values are better.
    Lower,
    /// Neither way is better in itself.
    Neither,
}

/// A metric that a run document brings along, because the catalogue does not have it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CustomMetric {
    /// Its key: `snake_case`, not one of the catalogue's.
    pub key: String,
    /// What a person reads.
    pub name: String,
    /// Its unit, `1` for a share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Which way it is better.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direction: Option<Direction>,
    /// Its least and greatest value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<[f64; 2]>,
}
