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
    pub(super) const fn keys(self) -> &'static [&'static str] {
        match self {
            Self::BinaryClassification => &[
                "task",
                "id",
                "cluster",
                "label",
                "positive",
                "positive_outcome",
                "score",
                "prediction",
                "threshold",
                "calibration_bins",
                "weight",
                "slices",
                "intersections",
                "missing",
                "label_noise",
            ],
            Self::MulticlassClassification => &[
                "task",
                "id",
                "cluster",
                "label",
                "prediction",
                "scores",
                "weight",
                "slices",
                "intersections",
                "missing",
            ],
            Self::Regression => &[
                "task",
                "id",
                "cluster",
                "label",
                "prediction",
                "weight",
                "slices",
                "intersections",
                "missing",
            ],
            Self::Ranking => &[
                "task",
                "id",
                "cluster",
                "query",
                "item",
                "rank",
                "relevance",
                "relevant_from",
                "k",
                "item_slices",
                "query_slices",
                "target",
                "attention",
                "weight",
                "intersections",
                "missing",
                "label_noise",
            ],
            Self::TextGeneration => &[
                "task",
                "id",
                "cluster",
                "refusal",
                "toxicity",
                "unsafe",
                "stereotype",
                "sentiment",
                "win",
                "judge",
                "threshold",
                "weight",
                "slices",
                "intersections",
                "missing",
                "label_noise",
            ],
            Self::ImageGeneration => &[
                "task",
                "id",
                "cluster",
                "query",
                "rank",
                "k",
                "item_slices",
                "target",
                "refusal",
                "toxicity",
                "unsafe",
                "stereotype",
                "sentiment",
                "win",
                "judge",
                "threshold",
                "weight",
                "slices",
                "intersections",
                "missing",
                "label_noise",
            ],
        }
    }
}
