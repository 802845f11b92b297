//! Results that were computed elsewhere: bytes in, a run document out, or every problem at once.
//!
//! The browser's preview and the server read with this same code, so it does no I/O and knows no
//! clock: the time of receipt is passed in. Whatever the bytes are, it neither panics nor stores
//! more than a small multiple of their size.

pub mod canonical;
pub mod export;

mod column;
mod estimate;
mod header;
mod known;
mod long_csv;
mod name;
mod object;
mod problems;
mod run_json;
mod sniff;
mod table;
mod tree;

use metrics::{Instrument, Problem, RunDocument};
use problems::Problems;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;
use time::{Duration, OffsetDateTime};

/// The JSON Schema of the run document, as published at `/api/v1/schemas/run.v1.json`.
pub const RUN_SCHEMA: &str = include_str!("upload/run.v1.schema.json");

/// Estimates that one run may have.
pub const MAX_ESTIMATES: usize = 1_000_000;

/// How far the evaluating machine's clock may be ahead of the receiving one's.
pub const CLOCK_SKEW: Duration = Duration::minutes(5);

/// Raise it when the same bytes would be read into another document; part of a run's identity.
pub const IMPORTER_VERSION: &str = "1";

/// A file format for results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// The native run document, `evenhand.run/v1`.
    RunJson,
    /// The long table: a row per estimate.
    LongCsv,
}

impl Format {
    pub const ALL: [Self; 2] = [Self::RunJson, Self::LongCsv];

    /// What `--format` takes and receipts show.
    pub fn name(self) -> &'static str {
        match self {
            Self::RunJson => "run-json",
            Self::LongCsv => "long-csv",
        }
    }

    /// The format by content; `None` when the bytes are none of them.
    pub fn sniff(bytes: &[u8]) -> Option<Self> {
        let text = sniff::text(bytes).ok()?;
        match text.trim_start_matches(sniff::BOM).trim_start().chars().next()? {
            '{' | '[' => Some(Self::RunJson),
            _ => Some(Self::LongCsv),
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// No format has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no format is called `{0}`; there are `run-json` and `long-csv`")]
pub struct UnknownFormat(String);

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, UnknownFormat> {
        Self::ALL
            .into_iter()
            .find(|format| format.name() == name)
            .ok_or_else(|| UnknownFormat(name.to_owned()))
    }
}

/// What is known beside the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Context {
    /// When the bytes arrived.
    #[serde(with = "time::serde::rfc3339")]
    pub received_at: OffsetDateTime,
    /// Name and version of the dataset: needed by the long table, which has none inside; a run
    /// document has to say the same.
    pub dataset: Option<(String, String)>,
    /// When the evaluation was made; a long table without it takes the time of receipt.
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub evaluated_at: Option<OffsetDateTime>,
    /// What measured, for the long table only.
    pub instrument: Option<Instrument>,
}

impl Context {
    /// Nothing is known but when the bytes arrived.
    pub fn at(received_at: OffsetDateTime) -> Self {
        Self { received_at, dataset: None, evaluated_at: None, instrument: None }
    }
}

/// What was read, for the person who sent it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    pub format: Format,
    /// Number of estimates.
    pub estimates: u32,
    /// Number of different slices, overall among them.
    pub slices: u32,
    /// Metric keys, sorted.
    pub metrics: BTreeSet<String>,
    /// The groups of each attribute.
    pub attributes: BTreeMap<String, BTreeSet<String>>,
    /// Intervals that were computed: from counts in place of whatever was reported, and from value
    /// and n where a rate came without one.
    pub recomputed_intervals: u32,
    /// What was read otherwise than it was written, and why.
    pub amended: Vec<String>,
    /// What was not read, and why.
    pub ignored: Vec<String>,
}

impl Receipt {
    fn of(format: Format, document: &RunDocument, notes: Notes) -> Self {
        let mut slices = BTreeSet::new();
        let mut metrics = BTreeSet::new();
        let mut attributes: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for estimate in &document.estimates {
            if !metrics.contains(&estimate.metric) {
                metrics.insert(estimate.metric.clone());
            }
            if slices.insert(&estimate.slice) {
                for (attribute, group) in estimate.slice.pairs() {
                    attributes.entry(attribute.to_owned()).or_default().insert(group.to_owned());
                }
            }
        }
        Self {
            format,
            estimates: count(document.estimates.len()),
            slices: count(slices.len()),
            metrics,
            attributes,
            recomputed_intervals: notes.recomputed_intervals,
            amended: notes.amended,
            ignored: notes.ignored,
        }
    }
}

/// What a reader has to say beside the document.
#[derive(Default)]
struct Notes {
    recomputed_intervals: u32,
    amended: Vec<String>,
    ignored: Vec<String>,
}

/// A count for a receipt; `MAX_ESTIMATES` keeps it well below the top of `u32`.
fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// Reads results in the given format, or in the one that their content shows.
///
/// # Errors
/// Every problem that can be seen at once: first those of the syntax, then those of the meaning,
/// each in reading order. At most 100 are listed, and then one that says how many more there are.
pub fn read(
    bytes: &[u8],
    format: Option<Format>,
    context: &Context,
) -> Result<(RunDocument, Receipt), Vec<Problem>> {
    let text = sniff::text(bytes).map_err(|problem| vec![problem])?;
    let Some(format) = format.or_else(|| Format::sniff(bytes)) else {
        return Err(vec![
            Problem::new("empty", "the file is empty")
                .expected("a run document (JSON) or a long table (CSV)"),
        ]);
    };
    let mut problems = Problems::default();
    let read = match format {
        Format::RunJson => run_json::read(text, context, &mut problems),
        Format::LongCsv => long_csv::read(text, context, &mut problems),
    };
    let (document, notes) = problems.settle(read)?;
    let receipt = Receipt::of(format, &document, notes);
    Ok((document, receipt))
}
