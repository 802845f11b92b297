//! The formats in which results come: our own, and those of other tools.

use super::sniff;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A file format for results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
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
pub(super) fn all() -> String {
    Format::ALL.map(|format| format!("`{}`", format.name())).join(", ")
}

/// No format has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no format is called `{0}`; there are {all}", all = all())]
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
