//! From a file of predictions to a run document: the one entry point of reading.

mod aggregate;
mod cases;
mod clustered;
mod counted;
mod curves;
mod gather;
mod judged;
mod multiclass;
mod noise;
mod ranking;
mod ratios;
mod regression;
mod resampled;
mod search;
mod sums;
mod tally;

pub use search::{
    Confirmation, Explained, Found, MOST_DEPTH, Search, Side, SliceSearch, find_slices,
};

use crate::bootstrap::units::Collection;
use crate::bootstrap::{Form, Plan};
use crate::catalogue::{CORRECTED, Outcome};
use crate::disparity::Resampled;
use crate::paired::{Column, Rows};
use crate::rates::{self, Setting};
use crate::read::{self, FileRead, Ids, Role, Table};
use crate::run::{self, Instrument};
use crate::slice::normalise_name;
use crate::spec::Task;
use crate::{DatasetRef, Estimate, Problem, RunDocument, Spec};
use aggregate::SliceCounts;
use clustered::Clustered;
use gather::Gathered;
use schemars::JsonSchema;
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "PredictionsReceipt")]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Dropped {
    /// Why.
    pub reason: String,
    /// How many.
    pub rows: u64,
}

/// An attribute and its groups.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AttributeRead {
    /// Its name.
    pub name: String,
    /// Its groups, sorted by name.
    pub groups: Vec<GroupRead>,
}

/// A group and its rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GroupRead {
    /// Its name.
    pub name: String,
    /// Rows in it.
    pub rows: u64,
}

/// Evaluates a file of predictions (CSV, Parquet or NDJSON, each also gzip or zstd compressed),
/// recognised by its content: every metric that its task and its columns allow, overall, per group
/// and per intersection. A file of counts ([`crate::counted`]) gives what the rows give that were
/// counted.
///
/// In binary classification memory grows with the number of rows only where there are scores,
/// weights or ids, and only up to 10,000,000 rows (some 40 bytes each, and 2 per attribute), never
/// with the width of the file. Beyond that many rows, areas under curves are taken on a grid of
/// scores, with their bounds. Other tasks keep all rows.
///
/// # Errors
/// Every problem of the file, up to a hundred and a count of the rest, each with its place. In
/// Parquet, lines count rows from 1.
pub fn evaluate(path: &Path, spec: &Spec, about: About) -> Result<Evaluation, Vec<Problem>> {
    Ok(read_and_count(path, spec, about, &Wanted::default())?.evaluation)
}

/// What to do with the rows of a file besides evaluating them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Exploring {
    /// Resample them, and read intervals off the resamples in this form.
    pub bootstrap: Option<(Plan, Form)>,
    /// Search for the slices on which a metric is worst.
    pub search: Option<Search>,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Explored {
    /// The evaluation, as [`evaluate`] gives it.
    pub evaluation: Evaluation,
    /// Bootstrap intervals, or in words why there are none.
    pub bootstrap: Option<Result<Resampled, String>>,
    /// The worst slices.
    pub search: Option<SliceSearch>,
}

/// As [`evaluate`], and what else is asked for, from one reading of the file.
///
/// Memory grows with the number of rows, and with a bootstrap by some 20 bytes for each row and set
/// of attributes; a bootstrap of so many rows, slices and resamples that it would take minutes is
/// refused in words.
///
/// # Errors
/// As [`evaluate`] and [`find_slices`].
pub fn evaluate_exploring(
    path: &Path,
    spec: &Spec,
    about: About,
    exploring: &Exploring,
) -> Result<Explored, Vec<Problem>> {
    let outcome = spec.positive_outcome.unwrap_or(Outcome::Neutral);
    let search = exploring.search.as_ref();
    let criterion = search.map(|search| search.criterion(spec)).transpose()?;
    let collection = exploring.bootstrap.map(|_| Collection::default());
    let wanted = Wanted { all_rows: search.is_some(), collection: collection.as_ref(), ids: None };
    let Counted { evaluation, table } = read_and_count(path, spec, about, &wanted)?;
    let document = &evaluation.document;
    let bootstrap = exploring.bootstrap.zip(collection).map(|((plan, form), collection)| {
        let outcome = document.positive_outcome.unwrap_or(outcome);
        resampled::resample(&document.estimates, outcome, plan, form, &collection)
    });
    let search = match (search, criterion, table) {
        (Some(search), Some(criterion), Some(table)) => {
            Some(search::search_table(&table, criterion, search))
        }
        (Some(_), Some(_), None) => {
            let problem = Problem::new("counts", "the file holds counts of rows, not rows");
            return Err(vec![problem.expected("a file of rows to search")]);
        }
        _ => None,
    };
    Ok(Explored { evaluation, bootstrap, search })
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
        _ if spec.task != Task::BinaryClassification => Some(NoRows::OtherTask),
        (None, _) => Some(NoRows::NoId),
        (_, Some(_)) => Some(NoRows::Weighted),
        (Some(_), None) => None,
    };
    let ids = why.is_none().then(|| Ids::new(key, most));
    let wanted = Wanted { ids: ids.as_ref(), ..Wanted::default() };
    let Counted { evaluation, table } = read_and_count(path, spec, about, &wanted)?;
    let rows = ids.and(table).and_then(|table| rows_of(table, spec));
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
    /// What is kept of a row is a case that was labelled and predicted yes or no.
    #[error("rows are compared one by one in binary classification only")]
    OtherTask,
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

/// What is wanted of a file besides its evaluation.
#[derive(Clone, Copy, Default)]
struct Wanted<'a> {
    /// Hashes of ids, to tell rows apart by.
    ids: Option<&'a Ids>,
    /// All rows of binary classification, however many.
    all_rows: bool,
    /// What is going to be resampled goes here.
    collection: Option<&'a Collection>,
}

/// A file that was evaluated.
struct Counted {
    evaluation: Evaluation,
    /// The rows of binary classification, where they were kept.
    table: Option<Table>,
}

fn read_and_count(
    path: &Path,
    spec: &Spec,
    about: About,
    wanted: &Wanted,
) -> Result<Counted, Vec<Problem>> {
    if !(about.level > 0.0 && about.level < 1.0) {
        let problem = Problem::new("bad_level", format!("confidence level {}", about.level));
        return Err(vec![problem.expected("a number between 0 and 1")]);
    }
    let (header, lines) = read::header(path)?;
    let holds_counts = header.iter().any(|column| column == crate::counted::MARK);
    let level = about.level;
    let (file, mut evaluated, attributes, table) = if holds_counts {
        let (file, slices) = counted::read(path, spec, lines)?;
        (file, binary(&slices, spec, level, None), groups_of(&slices, spec), None)
    } else if spec.task == Task::BinaryClassification {
        let Gathered { file, slices, table } =
            gather::gather(path, spec, wanted.ids, wanted.all_rows)?;
        let clusters = table.as_ref().and_then(|table| Some((table, table.names(Role::Cluster)?)));
        let clustered =
            clusters.map(|(table, names)| Clustered::new(table, names, spec)).transpose()?;
        if let (Some(collection), Some(table)) = (wanted.collection, &table) {
            resampled::collect_binary(table, spec, collection)?;
        }
        let evaluated = binary(&slices, spec, level, clustered.as_ref());
        (file, evaluated, groups_of(&slices, spec), table)
    } else {
        let (file, table) = gather::kept(path, spec)?;
        let collection = wanted.collection;
        let evaluated = match spec.task {
            Task::MulticlassClassification => {
                multiclass::evaluate(&table, spec, level, collection)?
            }
            Task::Regression => regression::evaluate(&table, spec, level, collection)?,
            _ => lists_and_judgements(&table, spec, level, collection)?,
        };
        (file, evaluated, attributes_of(&table), None)
    };
    // By slice as binary classification has them; within a slice the order stays.
    evaluated
        .estimates
        .sort_by(|a, b| (a.slice.arity(), &a.slice).cmp(&(b.slice.arity(), &b.slice)));
    let rows_used = file.rows;
    let document = RunDocument {
        schema: run::SCHEMA.to_owned(),
        evaluated_at: about.evaluated_at,
        dataset: DatasetRef { rows: Some(rows_used), ..about.dataset },
        instrument: Instrument {
            name: "evenhand-metrics".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            definitions: run::DEFINITIONS.to_owned(),
            judge: spec.judged.as_ref().and_then(|judged| judged.judge.clone()),
        },
        // Of several classes none is the positive one.
        positive_outcome: spec
            .positive_outcome
            .or((spec.task == Task::MulticlassClassification).then_some(Outcome::Neutral)),
        metrics: Vec::new(),
        estimates: evaluated.estimates,
    };
    let receipt = receipt(file, spec, attributes, evaluated.notes);
    Ok(Counted { evaluation: Evaluation { document, receipt }, table })
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

/// What a task makes of the rows, and what is to be said of it.
struct Evaluated {
    estimates: Vec<Estimate>,
    notes: Vec<String>,
}

fn binary(
    slices: &[SliceCounts],
    spec: &Spec,
    level: f64,
    clustered: Option<&Clustered>,
) -> Evaluated {
    let setting = Setting {
        weighted: spec.weight.is_some(),
        scored: spec.score.is_some(),
        threshold: spec.threshold,
        level,
    };
    let mut estimates: Vec<Estimate> = slices
        .iter()
        .flat_map(|slice| rates::estimates(&slice.slice, &slice.counts, &slice.scored, setting))
        .collect();
    if let Some(clustered) = clustered {
        clustered.correct(&mut estimates, level);
    }
    if let Some(error_rates) = spec.label_noise.get("label") {
        let key = format!("base_rate[{CORRECTED}]");
        let base_rates = estimates.iter().filter(|estimate| estimate.metric == "base_rate");
        let better: Vec<Estimate> = base_rates
            .map(|observed| noise::corrected(observed, &key, error_rates, level))
            .collect();
        estimates.extend(better);
    }
    let mut notes = Vec::new();
    if let (Some(threshold), Some(score)) = (spec.threshold, &spec.score) {
        notes.push(format!("predictions are `{score}` of at least {threshold}"));
    }
    if let Some(cluster) = &spec.cluster {
        notes.push(match clustered {
            Some(clustered) => format!(
                "rows of one `{cluster}` are not independent: intervals are cluster-robust, over {} \
                 of them",
                clustered.clusters()
            ),
            None => format!(
                "counts do not tell which rows are of one `{cluster}`: they were counted as \
                 independent, so intervals may be too narrow"
            ),
        });
    }
    let bound = |of: fn(&crate::scores::Scored) -> f64| {
        slices.iter().map(|slice| of(&slice.scored)).fold(0.0, f64::max)
    };
    let area = bound(|scored| scored.auc.map_or(0.0, |auc| auc.bound));
    let precision = bound(|scored| scored.average_precision_bound);
    if area > 0.0 || precision > 0.0 {
        notes.push(format!(
            "scores were put on a grid, so areas under the ROC curve may be off by up to \
             {area:.5} and average precisions by {precision:.5}; their intervals allow for it"
        ));
    }
    Evaluated { estimates, notes }
}

/// Rankings, judged responses, and images, which may be both.
fn lists_and_judgements(
    table: &Table,
    spec: &Spec,
    level: f64,
    collection: Option<&Collection>,
) -> Result<Evaluated, Vec<Problem>> {
    let mut all = Evaluated { estimates: Vec::new(), notes: Vec::new() };
    let mut add = |more: Evaluated| {
        all.estimates.extend(more.estimates);
        all.notes.extend(more.notes);
    };
    if let Some(judged) = &spec.judged {
        add(judged::evaluate(table, spec, judged, level, collection)?);
    }
    if let Some(ranking) = &spec.ranking {
        add(ranking::evaluate(table, spec, ranking, level, collection)?);
    }
    Ok(all)
}

/// The groups of each attribute, as slices of one attribute have them.
fn groups_of(slices: &[SliceCounts], spec: &Spec) -> Vec<AttributeRead> {
    spec.slices
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
        .collect()
}

/// The groups of each attribute that have rows.
fn attributes_of(table: &Table) -> Vec<AttributeRead> {
    table
        .attributes
        .iter()
        .map(|attribute| {
            let mut rows = vec![0_u64; attribute.groups.len()];
            for &code in &attribute.codes {
                rows[usize::from(code)] += 1;
            }
            let mut groups: Vec<GroupRead> = attribute
                .groups
                .iter()
                .zip(rows)
                .filter(|(_, rows)| *rows > 0)
                .map(|(name, rows)| GroupRead { name: name.clone(), rows })
                .collect();
            groups.sort_by(|a, b| a.name.cmp(&b.name));
            AttributeRead { name: attribute.name.clone(), groups }
        })
        .collect()
}

fn receipt(
    file: FileRead,
    spec: &Spec,
    attributes: Vec<AttributeRead>,
    mut notes: Vec<String>,
) -> Receipt {
    if spec.weight.is_some() && spec.cluster.is_none() {
        notes.push("weighted: intervals use the effective number of rows".to_owned());
    }
    if !spec.label_noise.is_empty() {
        notes.push(format!(
            "`{CORRECTED}` rates are what the given error rates of the labels make of the observed ones"
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
