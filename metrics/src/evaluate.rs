//! From a file of predictions to a run document: the one entry point of reading.

mod aggregate;
mod counted;
mod gather;
mod search;
mod sums;
mod tally;

pub use search::{
    Confirmation, Explained, Found, MOST_DEPTH, Search, Side, SliceSearch, find_slices,
};

use crate::paired::{Column, Rows};
use crate::rates::{self, Setting};
use crate::read::{self, FileRead, Ids, Table};
use crate::run::{self, Instrument};
use crate::slice::normalise_name;
use crate::{DatasetRef, Problem, RunDocument, Spec};
use gather::Gathered;
use serde::{Deserialize, Serialize};
use std::path::Path;
use time::OffsetDateTime;

/// What a file does not say about itself.
#[derive(Clone, Debug, PartialEq)]
pub struct About {
    /// The evaluation set. Its `rows` are filled in from the file.
    pub dataset: DatasetRef,
    /// When the evaluation was made.
    pub evaluated_at: OffsetDateTime,
    /// Confidence level of intervals, in (0, 1); usually [`LEVEL`].
    pub level: f64,
}

/// The usual confidence level.
pub const LEVEL: f64 = 0.95;

/// A run document and how it was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// The results.
    pub document: RunDocument,
    /// What was read and what was not.
    pub receipt: Receipt,
}

/// What was read of a file, and what was not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// `csv` or `parquet`, with how it was compressed: `csv, gzip`.
    pub format: String,
    /// Rows in the file.
    pub rows_read: u64,
    /// Rows that the estimates rest on.
    pub rows_used: u64,
    /// Rows left out, by reason.
    pub dropped: Vec<Dropped>,
    /// Columns that the spec names.
    pub columns_used: Vec<String>,
    /// Columns that it does not.
    pub columns_ignored: Vec<String>,
    /// The groups found, per attribute.
    pub attributes: Vec<AttributeRead>,
    /// What a careful reader should know besides.
    pub notes: Vec<String>,
}

/// Rows that were left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dropped {
    /// Why.
    pub reason: String,
    /// How many.
    pub rows: u64,
}

/// An attribute and its groups.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttributeRead {
    /// Its name.
    pub name: String,
    /// Its groups, sorted by name.
    pub groups: Vec<GroupRead>,
}

/// A group and its rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupRead {
    /// Its name.
    pub name: String,
    /// Rows in it.
    pub rows: u64,
}

/// Evaluates a file of predictions (CSV, Parquet or NDJSON, each also gzip or zstd compressed),
/// recognised by its content: every metric that its columns allow, overall, per group and per
/// intersection. A file of counts ([`crate::counted`]) gives what the rows give that were counted.
///
/// Memory grows with the number of rows only where there are scores or weights, and only up to
/// 10,000,000 rows (some 40 bytes each, and 2 per attribute), never with the width of the file.
/// Beyond that many rows, areas under the ROC curve are taken on a grid of scores, with its bound.
///
/// # Errors
/// Every problem of the file, up to a hundred and a count of the rest, each with its place. In
/// Parquet, lines count rows from 1.
pub fn evaluate(path: &Path, spec: &Spec, about: About) -> Result<Evaluation, Vec<Problem>> {
    read_and_count(path, spec, about, None).map(|(evaluation, _)| evaluation)
}

/// As [`evaluate`]; gives the rows besides, for [`crate::paired::compare`], or why there are none.
/// Ids are hashed under a key: rows of two files are the same only under the same key.
///
/// Rows of files with more than `most` rows are not kept. Memory grows by some 40 bytes per row.
///
/// # Errors
/// As [`evaluate`].
pub fn evaluate_with_rows(
    path: &Path,
    spec: &Spec,
    about: About,
    key: &[u8],
    most: u64,
) -> Result<(Evaluation, Result<Rows, NoRows>), Vec<Problem>> {
    let why = match (&spec.id, &spec.weight) {
        (None, _) => Some(NoRows::NoId),
        (_, Some(_)) => Some(NoRows::Weighted),
        (Some(_), None) => None,
    };
    let ids = why.is_none().then(|| Ids::new(key, most));
    let (evaluation, rows) = read_and_count(path, spec, about, ids.as_ref())?;
    let why = why.unwrap_or(if evaluation.receipt.format.starts_with("counts") {
        NoRows::Counts
    } else if evaluation.receipt.rows_used > most {
        NoRows::TooMany { most }
    } else {
        NoRows::UnreadableId
    });
    Ok((evaluation, rows.ok_or(why)))
}

/// Why the rows of a file cannot be compared with those of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoRows {
    /// Nothing says which row is which.
    #[error("the spec names no `id`")]
    NoId,
    /// It holds counts of rows.
    #[error("it holds counts of rows, not rows")]
    Counts,
    /// Its ids are neither text nor numbers.
    #[error("its ids are neither text nor numbers")]
    UnreadableId,
    /// A paired comparison takes every row alike.
    #[error("its rows are weighted, and weighted rows are not compared one by one")]
    Weighted,
    /// There are more than the caller takes.
    #[error("it has more than {most} rows")]
    TooMany {
        /// The most it takes.
        most: u64,
    },
}

fn read_and_count(
    path: &Path,
    spec: &Spec,
    about: About,
    ids: Option<&Ids>,
) -> Result<(Evaluation, Option<Rows>), Vec<Problem>> {
    if !(about.level > 0.0 && about.level < 1.0) {
        let problem = Problem::new("bad_level", format!("confidence level {}", about.level));
        return Err(vec![problem.expected("a number between 0 and 1")]);
    }
    let (header, lines) = read::header(path)?;
    let Gathered { file, slices, table } =
        if header.iter().any(|column| column == crate::counted::MARK) {
            let (file, slices) = counted::read(path, spec, lines)?;
            Gathered { file, slices, table: None }
        } else {
            gather::gather(path, spec, ids)?
        };
    let setting = Setting {
        weighted: spec.weight.is_some(),
        scored: spec.score.is_some(),
        threshold: spec.threshold,
        level: about.level,
    };
    let rows_used = file.rows;
    let estimates = slices
        .iter()
        .flat_map(|slice| rates::estimates(&slice.slice, &slice.counts, slice.auc, setting))
        .collect();
    let document = RunDocument {
        schema: run::SCHEMA.to_owned(),
        evaluated_at: about.evaluated_at,
        dataset: DatasetRef { rows: Some(rows_used), ..about.dataset },
        instrument: Instrument {
            name: "evenhand-metrics".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            definitions: run::DEFINITIONS.to_owned(),
            judge: None,
        },
        positive_outcome: spec.positive_outcome,
        metrics: Vec::new(),
        estimates,
    };
    let rows = ids.and(table).and_then(|table| rows_of(table, spec));
    let receipt = receipt(file, spec, &slices);
    Ok((Evaluation { document, receipt }, rows))
}

/// The rows of a table whose ids were read.
fn rows_of(table: Table, spec: &Spec) -> Option<Rows> {
    if table.ids.len() != table.cells.len() {
        return None;
    }
    let attributes = table
        .attributes
        .into_iter()
        .map(|attribute| Column {
            name: attribute.name,
            groups: attribute.groups,
            codes: attribute.codes,
        })
        .collect();
    let intersections = spec
        .intersections
        .iter()
        .map(|names| names.iter().map(|name| normalise_name(name)).collect())
        .collect();
    let rows = Rows::new(table.ids, table.cells, table.scores, attributes, intersections);
    Some(rows.clustered(spec.cluster.is_some()))
}

fn receipt(file: FileRead, spec: &Spec, slices: &[aggregate::SliceCounts]) -> Receipt {
    let attributes = spec
        .slices
        .iter()
        .map(|column| {
            let name = normalise_name(column);
            let groups = slices
                .iter()
                .filter(|slice| slice.slice.arity() == 1)
                .filter_map(|slice| Some((slice.slice.group(&name)?, &slice.counts)))
                .map(|(group, counts)| GroupRead { name: group.to_owned(), rows: counts.all() })
                .collect();
            AttributeRead { name, groups }
        })
        .collect();
    let mut notes = Vec::new();
    if let (Some(threshold), Some(score)) = (spec.threshold, &spec.score) {
        notes.push(format!("predictions are `{score}` of at least {threshold}"));
    }
    if let Some(cluster) = &spec.cluster {
        notes.push(format!(
            "rows of one `{cluster}` were counted as independent, so intervals may be too narrow"
        ));
    }
    if spec.weight.is_some() {
        notes.push("weighted: intervals use the effective number of rows".to_owned());
    }
    let bound = slices.iter().filter_map(|slice| Some(slice.auc?.bound)).fold(0.0, f64::max);
    if bound > 0.0 {
        notes.push(format!(
            "areas under the curve are of scores on a grid, so they may be off by up to {bound:.5}; \
             their intervals allow for it"
        ));
    }
    Receipt {
        rows_used: file.rows,
        format: file.format,
        rows_read: file.rows_read,
        dropped: match file.dropped {
            0 => Vec::new(),
            rows => vec![Dropped { reason: "an attribute is empty".to_owned(), rows }],
        },
        columns_used: file.columns_used,
        columns_ignored: file.columns_ignored,
        attributes,
        notes,
    }
}
