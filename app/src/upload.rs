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
mod bencher;
mod clarify;
mod column;
mod cross;
mod estimate;
mod evidently;
mod fairlearn;
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
mod yaml;

use metrics::{Instrument, Place, Problem, RunDocument};
use problems::Problems;
use serde::{Deserialize, Serialize};
use spot::Spot;
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
    /// Fairlearn's `MetricFrame`, as CSV or JSON.
    Fairlearn,
    /// Aequitas' crosstabs.
    Aequitas,
    /// AIF360: a dictionary of metrics with its groups, or what its explainer writes.
    Aif360,
    /// TFMA and Fairness Indicators: metrics per slice.
    Tfma,
    /// SageMaker Clarify's `analysis.json`.
    Clarify,
    /// Evidently's report or snapshot.
    Evidently,
    /// MLflow: a run, `metrics.json`, or the table of a search.
    Mlflow,
    /// lm-evaluation-harness: `results_….json`.
    LmEval,
    /// Inspect AI's log.
    Inspect,
    /// HELM's `stats.json`.
    Helm,
    /// Hugging Face: `model-index`, evaluation results, or what `evaluate` saves.
    HuggingFace,
    /// The Bencher metric format.
    Bencher,
    /// An AI Verify test result.
    AiVerify,
    /// LangFair's results.
    Langfair,
    /// The tables of a New York City Local Law 144 audit.
    Ll144,
}

impl Format {
    pub const ALL: [Self; 17] = [
        Self::RunJson,
        Self::LongCsv,
        Self::Fairlearn,
        Self::Aequitas,
        Self::Aif360,
        Self::Tfma,
        Self::Clarify,
        Self::Evidently,
        Self::Mlflow,
        Self::LmEval,
        Self::Inspect,
        Self::Helm,
        Self::HuggingFace,
        Self::Bencher,
        Self::AiVerify,
        Self::Langfair,
        Self::Ll144,
    ];

    /// What `--format` takes and receipts show.
    pub fn name(self) -> &'static str {
        match self {
            Self::RunJson => "run-json",
            Self::LongCsv => "long-csv",
            Self::Fairlearn => "fairlearn",
            Self::Aequitas => "aequitas",
            Self::Aif360 => "aif360",
            Self::Tfma => "tfma",
            Self::Clarify => "clarify",
            Self::Evidently => "evidently",
            Self::Mlflow => "mlflow",
            Self::LmEval => "lm-eval",
            Self::Inspect => "inspect",
            Self::Helm => "helm",
            Self::HuggingFace => "hugging-face",
            Self::Bencher => "bencher",
            Self::AiVerify => "ai-verify",
            Self::Langfair => "langfair",
            Self::Ll144 => "ll144",
        }
    }

    /// What a person reads.
    pub fn title(self) -> &'static str {
        match self {
            Self::RunJson => "run document (JSON)",
            Self::LongCsv => "long table (CSV)",
            Self::Fairlearn => "Fairlearn MetricFrame",
            Self::Aequitas => "Aequitas crosstabs",
            Self::Aif360 => "AIF360 metrics",
            Self::Tfma => "TFMA or Fairness Indicators metrics",
            Self::Clarify => "SageMaker Clarify analysis",
            Self::Evidently => "Evidently report or snapshot",
            Self::Mlflow => "MLflow run or metrics",
            Self::LmEval => "lm-evaluation-harness results",
            Self::Inspect => "Inspect log",
            Self::Helm => "HELM stats",
            Self::HuggingFace => "Hugging Face results",
            Self::Bencher => "Bencher metric format",
            Self::AiVerify => "AI Verify test result",
            Self::Langfair => "LangFair results",
            Self::Ll144 => "NYC Local Law 144 table",
        }
    }

    /// The format by content; `None` when the bytes are none of them.
    pub fn sniff(bytes: &[u8]) -> Option<Self> {
        sniff::format(sniff::text(bytes).ok()?)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The names of all formats, as a sentence has them.
fn all_formats() -> String {
    Format::ALL.map(|format| format!("`{}`", format.name())).join(", ")
}

/// No format has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no format is called `{0}`; there are {all}", all = all_formats())]
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

/// A name of another tool's, and the metric that it was read as.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

    pub fn of(receipt: &serde_json::Value) -> Self {
        let mapped: Vec<MappedMetric> = Self::list(&receipt["mapped"]);
        let not_placed: Vec<NotPlaced> = Self::list(&receipt["not_placed"]);
        let more = receipt["not_placed_more"].as_u64().unwrap_or_default();
        let mapped = mapped.into_iter().map(|it| {
            let MappedMetric { original, metric, basis, estimates, .. } = it;
            format!("{original} is {metric}, {}: {estimates}", basis.words())
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

    fn list<T: serde::de::DeserializeOwned>(value: &serde_json::Value) -> Vec<T> {
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
        return Err(vec![
            Problem::new("unknown_format", "the content shows no format of results")
                .at_pointer("")
                .expected(format!(
                    "results in a known format, or its name beside: {}",
                    all_formats()
                )),
        ]);
    };
    let mut problems = Problems::default();
    let read = read_as(format, text, context, &mut problems);
    let (document, notes) = problems.settle(read)?;
    let receipt = Receipt::of(format, &document, notes);
    Ok((document, receipt))
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
