//! What files of predictions are taken, and what is said of those that are not.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod content;
mod counts;
mod csv;
mod groups;
mod ndjson;
mod parquet;

use ::parquet::arrow::ArrowWriter;
use arrow_array::{ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray};
use flate2::Compression;
use flate2::write::GzEncoder;
use metrics::evaluate::{About, Evaluation, LEVEL, evaluate};
use metrics::{DatasetRef, Problem, Spec};
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use time::macros::datetime;

pub const SPEC: &str = r#"
task = "binary_classification"
label = "label"
score = "score"
prediction = "prediction"
slices = ["sex", "race"]
intersections = 2
"#;

pub const HEADER: &str = "label,score,prediction,sex,race\n";

/// Metrics that need scores.
pub const SCORED: [&str; 6] =
    ["brier_score", "mean_score", "roc_auc", "average_precision", "log_loss", "calibration_error"];

/// The same spec without scores: then no row has to be kept.
pub fn unscored(spec: &str) -> String {
    spec.replace("score = \"score\"\n", "")
}

pub fn file(name: &str, bytes: &[u8]) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

pub fn read(name: &str, bytes: &[u8], spec: &str) -> Result<Evaluation, Vec<Problem>> {
    let dataset =
        DatasetRef { name: "made".to_owned(), version: "1".to_owned(), digest: None, rows: None };
    let about = About { dataset, evaluated_at: datetime!(2026-11-01 00:00 UTC), level: LEVEL };
    evaluate(&file(name, bytes), &Spec::parse(spec).unwrap(), about)
}

/// The problems of a CSV file with the usual header, as text.
pub fn refused(name: &str, rows: &str) -> Vec<String> {
    shown(read(name, format!("{HEADER}{rows}").as_bytes(), SPEC))
}

pub fn shown(result: Result<Evaluation, Vec<Problem>>) -> Vec<String> {
    result.unwrap_err().iter().map(ToString::to_string).collect()
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub fn parquet(columns: Vec<(&str, ArrayRef)>) -> Vec<u8> {
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

pub fn people() -> Vec<(&'static str, ArrayRef)> {
    vec![
        ("label", Arc::new(Int64Array::from(vec![1, 0, 1, 0])) as ArrayRef),
        ("score", Arc::new(Float64Array::from(vec![0.9, 0.2, 0.4, 0.6]))),
        ("prediction", Arc::new(BooleanArray::from(vec![true, false, false, true]))),
        ("sex", Arc::new(StringArray::from(vec!["F", "M", "F", "M"]))),
        ("race", Arc::new(StringArray::from(vec![Some("A"), Some("B"), None, Some("A")]))),
    ]
}
