//! Files of counts, `evenhand.counts/v1`: what they are called and what each column holds.
//!
//! A file has a row for each slice, or for each slice and bin of the score grid; rows of one slice
//! add up, so files add up by being put one below the other. `docs/counts.md` describes it for
//! those who write one; [`crate::sql`] writes the queries that make one.

use crate::Problem;
use crate::slice::normalise_name;
use crate::spec::{Spec, Task};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write;

/// The column that makes a table a file of counts; it holds the version of the format.
pub const MARK: &str = "evenhand_counts";
/// The version of the format.
pub const VERSION: &str = "1";

/// The JSON Schema (draft 2020-12) of a row of a file of counts, its cells under their columns'
/// names.
pub const JSON_SCHEMA: &str = include_str!("counted/counts.v1.schema.json");

/// Which spec the rows were counted by.
pub const SPEC_DIGEST: &str = "spec_digest";
/// The bin of the score grid, from 0.
pub const SCORE_BIN: &str = "score_bin";
/// The bin of the calibration error, from 0; the spec says how many there are.
pub const CALIBRATION_BIN: &str = "calibration_bin";
/// How many bins the grid has.
pub const SCORE_BINS: &str = "score_bins";
/// Weights were divided by two to the power of this.
pub const WEIGHT_EXPONENT: &str = "weight_exponent";
/// Rows left out because an attribute is empty.
pub const DROPPED: &str = "dropped_rows";

/// Rows by cell of the confusion matrix, in the order of [`crate::counts::Cell`].
pub const CELLS: [&str; 4] =
    ["true_negatives", "false_negatives", "false_positives", "true_positives"];
/// Sums over rows in units of 2^-62: the score, its square, its squared error, and that squared.
pub const SCORE_SUMS: [&str; 4] =
    ["score_sum", "score_squares", "squared_error_sum", "squared_error_squares"];
/// Sums over rows of the loss, -ln of the probability of the label, over
/// [`crate::scores::LARGEST_LOSS`], and of its square, in units of 2^-62.
pub const LOSSES: [&str; 2] = ["loss_sum", "loss_squares"];
/// Rows whose label had probability 0.
pub const IMPOSSIBLE: &str = "impossible_rows";
/// Sums of weights by cell, in units of 2^-62.
pub const WEIGHTS: [&str; 4] = [
    "true_negative_weights",
    "false_negative_weights",
    "false_positive_weights",
    "true_positive_weights",
];
/// Sums of squared weights by cell, in units of 2^-62.
pub const WEIGHT_SQUARES: [&str; 4] = [
    "true_negative_weight_squares",
    "false_negative_weight_squares",
    "false_positive_weight_squares",
    "true_positive_weight_squares",
];
/// Rows that could not be read, by what is wrong with them.
pub const REFUSED: [&str; 5] = [
    "refused_labels",
    "refused_predictions",
    "refused_scores",
    "refused_weights",
    "refused_groups",
];
/// Two classes besides the positive one, where there are two: the first and the last by name, of
/// labels and of predictions.
pub const OTHERS: [&str; 4] =
    ["first_other_label", "last_other_label", "first_other_prediction", "last_other_prediction"];

/// The columns that a file of counts by this spec has, besides those of its attributes.
pub fn columns(spec: &Spec) -> Vec<&'static str> {
    let mut columns = vec![MARK, SPEC_DIGEST];
    if spec.score.is_some() {
        columns.extend([SCORE_BINS, SCORE_BIN, CALIBRATION_BIN]);
    }
    if spec.weight.is_some() {
        columns.push(WEIGHT_EXPONENT);
    }
    columns.push(DROPPED);
    columns.extend(REFUSED);
    if spec.positive.is_some() {
        columns.extend(OTHERS);
    }
    columns.extend(CELLS);
    if spec.score.is_some() {
        columns.extend(SCORE_SUMS);
        columns.extend(LOSSES);
        columns.push(IMPOSSIBLE);
    }
    if spec.weight.is_some() {
        columns.extend(WEIGHTS);
        columns.extend(WEIGHT_SQUARES);
    }
    columns
}

/// What of a spec decides how rows are counted, as sixteen hexadecimal digits: the first of the
/// SHA-256 of its columns, its positive class, its threshold, its bins of the calibration error and
/// what it does with empty attributes.
pub fn digest(spec: &Spec) -> String {
    let counting = Spec {
        id: None,
        cluster: None,
        positive_outcome: None,
        intersections: Vec::new(),
        label_noise: BTreeMap::new(),
        ..spec.clone()
    };
    let text = serde_json::to_vec(&counting).unwrap_or_default();
    Sha256::digest(text).iter().take(8).fold(String::new(), |mut digits, byte| {
        // Writing to memory cannot fail.
        let _ = write!(digits, "{byte:02x}");
        digits
    })
}

/// What keeps the rows of a spec from being counted elsewhere.
///
/// # Errors
/// When the task is not binary classification, or an attribute has the name of a column of counts.
pub fn check(spec: &Spec) -> Result<(), Vec<Problem>> {
    if spec.task != Task::BinaryClassification {
        let message = format!("rows of task `{}` are not counted elsewhere", spec.task.as_str());
        return Err(vec![
            Problem::new("other_task", message)
                .at_pointer("/task")
                .expected("`binary_classification`"),
        ]);
    }
    let own = columns(spec);
    let problems: Vec<Problem> = spec
        .slices
        .iter()
        .enumerate()
        .filter(|(_, name)| own.contains(&normalise_name(name).to_lowercase().as_str()))
        .map(|(place, name)| {
            let message = format!("attribute `{name}` is named like a column of counts");
            Problem::new("reserved_column", message)
                .at_pointer(format!("/slices/{place}"))
                .expected("another name for the column")
        })
        .collect();
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;
    use std::collections::BTreeSet;

    #[test]
    fn the_schema_has_every_column_and_no_others() {
        let spec = r#"{"task": "binary_classification", "label": "l", "score": "s", "weight": "w",
            "positive": "yes"}"#;
        let columns: BTreeSet<&str> = columns(&Spec::parse(spec).unwrap()).into_iter().collect();
        let schema: Value = serde_json::from_str(JSON_SCHEMA).unwrap();
        let properties = schema["properties"].as_object().unwrap();
        assert_eq!(properties.keys().map(String::as_str).collect::<BTreeSet<_>>(), columns);
    }
}
