//! The native run document, `evenhand.run/v1`.

use crate::Estimate;
use crate::catalogue::{CustomMetric, Outcome};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// The `schema` of a run document.
pub const SCHEMA: &str = "evenhand.run/v1";

/// Which version of the metric definitions this crate computes. Part of a series' identity: raise
/// it only when a number would come out differently on the same rows.
pub const DEFINITIONS: &str = "1";

/// The results of one evaluation: one model version, one dataset, one time, one instrument.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunDocument {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// When the evaluation was made.
    #[serde(with = "time::serde::rfc3339")]
    pub evaluated_at: OffsetDateTime,
    /// What it was made on.
    pub dataset: DatasetRef,
    /// What made it.
    pub instrument: Instrument,
    /// What a positive outcome means for the person, where it differs from the model's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub positive_outcome: Option<Outcome>,
    /// Metrics that are not in the catalogue.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub metrics: Vec<CustomMetric>,
    /// The estimates.
    pub estimates: Vec<Estimate>,
}

impl RunDocument {
    /// The same without its estimates, of which there may be a million.
    #[must_use]
    pub fn without_estimates(&self) -> Self {
        // Named one by one, so that a new field cannot be left out.
        Self {
            schema: self.schema.clone(),
            evaluated_at: self.evaluated_at,
            dataset: self.dataset.clone(),
            instrument: self.instrument.clone(),
            positive_outcome: self.positive_outcome,
            metrics: self.metrics.clone(),
            estimates: Vec::new(),
        }
    }
}

/// An evaluation set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatasetRef {
    /// Its name, a slug.
    pub name: String,
    /// Its version.
    pub version: String,
    /// `sha256:` and 64 hex digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// How many rows it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
}

/// What measured: the tool and the definitions it used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Instrument {
    /// The tool, such as `evenhand-metrics`.
    pub name: String,
    /// The tool's own version; recorded, and breaks no series.
    pub version: String,
    /// Version of the metric definitions; part of a series' identity.
    pub definitions: String,
    /// For judged evaluations: the judge model, its prompt and rubric.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judge: Option<String>,
}
