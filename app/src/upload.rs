//! Results that were computed elsewhere: bytes in, a run document out, or every problem at once.
//!
//! The browser's preview and the server read with this same code, so it does no I/O and knows no
//! clock: the time of receipt is passed in. Whatever the bytes are, it neither panics nor stores
//! more than a small multiple of their size.

pub mod canonical;
pub mod export;

mod aequitas;
mod ai_verify;
mod aif360;
mod asked;
mod bencher;
mod clarify;
mod column;
mod cross;
mod estimate;
mod evidently;
mod fairlearn;
mod format;
mod group;
mod harvest;
mod header;
mod helm;
mod hugging_face;
mod inspect;
mod known;
mod langfair;
mod ll144;
mod lm_eval;
mod long_csv;
mod measure;
mod mlflow;
mod name;
mod object;
mod outline;
mod problems;
mod run_json;
mod sheet;
mod sniff;
mod solve;
mod spot;
mod table;
mod tfma;
mod tree;
mod understood;
mod yaml;

pub use asked::{parse_dataset, parse_time};
pub use format::{Format, UnknownFormat};
pub use understood::{Basis, MappedMetric, NotPlaced, Understood};

use metrics::slice::Distinct;
use metrics::{Instrument, Problem, RunDocument};
use problems::Problems;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use spot::Spot;
use std::collections::{BTreeMap, BTreeSet};
use time::{Duration, OffsetDateTime};

/// The JSON Schema of the run document, as published at `/api/v1/schemas/run.v1.json`.
pub const RUN_SCHEMA: &str = include_str!("upload/run.v1.schema.json");

/// Estimates that one run may have.
pub const MAX_ESTIMATES: usize = 1_000_000;

/// How far the evaluating machine's clock may be ahead of the receiving one's.
pub const CLOCK_SKEW: Duration = Duration::minutes(5);

/// Raise it when the same bytes would be read into another document; part of a run's identity.
pub const IMPORTER_VERSION: &str = "5";

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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "ResultsReceipt")]
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
    /// How the tool that wrote the file counts, compares and signs.
    #[serde(default)]
    pub conventions: Vec<String>,
    /// Under which names of the tool the metrics stood, and what their numbers rest on.
    #[serde(default)]
    pub mapped: Vec<MappedMetric>,
    /// What has no place in a run, the first 200.
    #[serde(default)]
    pub not_placed: Vec<NotPlaced>,
    /// How many more there are.
    #[serde(default)]
    pub not_placed_more: u32,
}

impl Receipt {
    fn of(format: Format, document: &RunDocument, notes: Notes) -> Self {
        let slices = document.estimates.iter().map(|estimate| &estimate.slice);
        let slices = slices.collect::<Distinct>().slices;
        let mut metrics = BTreeSet::new();
        let mut attributes: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for estimate in &document.estimates {
            if !metrics.contains(&estimate.metric) {
                metrics.insert(estimate.metric.clone());
            }
        }
        for (attribute, group) in slices.iter().flat_map(|slice| slice.pairs()) {
            attributes.entry(attribute.to_owned()).or_default().insert(group.to_owned());
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
            conventions: notes.conventions,
            mapped: notes.mapped,
            not_placed: notes.not_placed,
            not_placed_more: notes.not_placed_more,
        }
    }
}

/// What a reader has to say beside the document.
#[derive(Default)]
struct Notes {
    recomputed_intervals: u32,
    amended: Vec<String>,
    ignored: Vec<String>,
    conventions: Vec<String>,
    mapped: Vec<MappedMetric>,
    not_placed: Vec<NotPlaced>,
    not_placed_more: u32,
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
    if text.trim_start_matches(sniff::BOM).trim().is_empty() {
        return Err(vec![
            Problem::new("empty", "the file is empty")
                .expected("a run document (JSON), a long table (CSV), or another tool's results"),
        ]);
    }
    let Some(format) = format.or_else(|| sniff::format(text)) else {
        return Err(unknown(text));
    };
    let mut problems = Problems::default();
    let read = read_as(format, text, context, &mut problems);
    let (document, notes) = problems.settle(read)?;
    let receipt = Receipt::of(format, &document, notes);
    Ok((document, receipt))
}

/// What to say of a text that shows no format: its syntax first, then what it is instead.
fn unknown(text: &str) -> Vec<Problem> {
    let mut problems = Problems::default();
    if tree::parse_pythonic(text, &mut problems).is_some() {
        let what = sniff::kind(text).map_or_else(
            || "the content shows no format of results".to_owned(),
            |what| format!("this is {what}, which has no results that a run can take"),
        );
        problems.add(
            Problem::new("unknown_format", what).at_pointer("").expected(format!(
                "results in a known format, or the format's name beside (`--format` on the command line): {}",
                format::all()
            )),
        );
    }
    problems.settle::<()>(None).err().unwrap_or_default()
}

/// Reads a text in a format. Where a tool writes tables and JSON, the first character tells which.
fn read_as(
    format: Format,
    text: &str,
    context: &Context,
    problems: &mut Problems,
) -> Option<(RunDocument, Notes)> {
    let read_json: fn(&Spot, &Context, &mut Problems) -> _ = match format {
        Format::RunJson => return run_json::read(text, context, problems),
        Format::LongCsv => return long_csv::read(text, context, problems),
        Format::Aequitas => return aequitas::read(text, context, problems),
        Format::Ll144 => return ll144::read(text, context, problems),
        Format::HuggingFace if !is_json(text) => {
            return hugging_face::read_card(text, context, problems);
        }
        Format::Fairlearn if !is_json(text) => return fairlearn::read_csv(text, context, problems),
        Format::Mlflow if !is_json(text) => return mlflow::read_csv(text, context, problems),
        Format::Fairlearn => fairlearn::read_json,
        Format::Mlflow => mlflow::read_json,
        Format::HuggingFace => hugging_face::read_json,
        Format::Aif360 => aif360::read,
        Format::Tfma => tfma::read,
        Format::Clarify => clarify::read,
        Format::Evidently => evidently::read,
        Format::LmEval => lm_eval::read,
        Format::Inspect => inspect::read,
        Format::Helm => helm::read,
        Format::Bencher => bencher::read,
        Format::AiVerify => ai_verify::read,
        Format::Langfair => langfair::read,
    };
    let node = tree::parse_pythonic(text, problems)?;
    read_json(&Spot::root(&node), context, problems)
}

fn is_json(text: &str) -> bool {
    text.trim_start_matches(sniff::BOM).trim_start().starts_with(['{', '['])
}
