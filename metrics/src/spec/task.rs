//! The tasks that are evaluated, and the keys of each one's spec.

/// The task of a spec.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// A label and a prediction, each positive or negative.
    BinaryClassification,
    /// A label and a prediction, each one of several classes.
    MulticlassClassification,
    /// A number and its prediction.
    Regression,
    /// Lists of items, one per query: search, recommendation, retrieval.
    Ranking,
    /// Judged texts, one per row.
    TextGeneration,
    /// Judged images, one per row, some of them made for the same prompt.
    ImageGeneration,
}

impl Task {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::BinaryClassification,
        Self::MulticlassClassification,
        Self::Regression,
        Self::Ranking,
        Self::TextGeneration,
        Self::ImageGeneration,
    ];

    /// Its name in a spec.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BinaryClassification => "binary_classification",
            Self::MulticlassClassification => "multiclass_classification",
            Self::Regression => "regression",
            Self::Ranking => "ranking",
            Self::TextGeneration => "text_generation",
            Self::ImageGeneration => "image_generation",
        }
    }

    /// The keys that its spec may have.
    pub(super) fn keys(self) -> Vec<&'static str> {
        let parts: &[&[&str]] = match self {
            Self::BinaryClassification => {
                &[ROWS, LABELLED, BINARY, THRESHOLD, SLICES, CROSSED, NOISE]
            }
            Self::MulticlassClassification => &[ROWS, LABELLED, &["scores"], SLICES, CROSSED],
            Self::Regression => &[ROWS, LABELLED, SLICES, CROSSED],
            Self::Ranking => &[ROWS, LISTS, RANKED, CROSSED, NOISE],
            Self::TextGeneration => &[ROWS, JUDGED, THRESHOLD, SLICES, CROSSED, NOISE],
            Self::ImageGeneration => &[ROWS, LISTS, JUDGED, THRESHOLD, SLICES, CROSSED, NOISE],
        };
        parts.concat()
    }
}

const ROWS: &[&str] = &["task", "id", "cluster", "weight", "missing"];
const LABELLED: &[&str] = &["label", "prediction"];
const BINARY: &[&str] = &["positive", "positive_outcome", "score", "calibration_bins"];
const THRESHOLD: &[&str] = &["threshold"];
/// Lists of items, or of images that belong to a prompt.
const LISTS: &[&str] = &["query", "rank", "k", "item_slices", "target"];
const RANKED: &[&str] = &["item", "relevance", "relevant_from", "query_slices", "attention"];
const JUDGED: &[&str] =
    &["refusal", "toxicity", "unsafe", "stereotype", "sentiment", "win", "judge"];
const SLICES: &[&str] = &["slices"];
const CROSSED: &[&str] = &["intersections"];
const NOISE: &[&str] = &["label_noise"];
