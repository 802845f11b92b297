//! What a registered model is described by.

use super::text_enum::text_enum;
pub use metrics::catalogue::Outcome;
use metrics::catalogue::{self, CORRECTED, Key};

text_enum! {
    /// What a model does; decides which metrics and policies apply.
    Task {
        BinaryClassification = "binary_classification" ("binary classification"),
        MulticlassClassification = "multiclass_classification" ("multiclass classification"),
        Regression = "regression" ("regression"),
        Ranking = "ranking" ("ranking"),
        TextGeneration = "text_generation" ("text generation"),
        ImageGeneration = "image_generation" ("image generation"),
    }
}

impl Task {
    /// Whether a metric of the catalogue is one that models of this task have not, such as an error
    /// in euros of a classifier, or a class against the rest of a model that knows two. Shares of
    /// right answers are of any, and nothing is known of metrics that are not the catalogue's.
    pub fn lacks(self, key: &str) -> bool {
        use metrics::catalogue::Family::{Classification, Ranking, Regression};
        let Some(metric) = catalogue::find(key) else { return false };
        let is_of_class = Key::parse(key).of.is_some_and(|of| of != CORRECTED);
        match (self, metric.family) {
            (_, Classification) if matches!(metric.key, "count" | "accuracy") => false,
            (Self::BinaryClassification, Classification) => {
                is_of_class || metric.key.starts_with("macro_")
            }
            (Self::BinaryClassification | Self::MulticlassClassification, Regression | Ranking)
            | (Self::Regression, Classification | Ranking)
            | (Self::Ranking, Regression) => true,
            _ => false,
        }
    }
}

text_enum! {
    /// How much harm the model could do; decides which policies apply.
    RiskTier {
        Minimal = "minimal" ("minimal"),
        Limited = "limited" ("limited"),
        High = "high" ("high"),
    }
}

text_enum! {
    /// Where a model stands in its life.
    Stage {
        Development = "development" ("in development"),
        Staging = "staging" ("staging"),
        Production = "production" ("in production"),
        Retired = "retired" ("retired"),
    }
}

text_enum! {
    /// What a positive prediction means for the person it is made of; see [`Outcome`].
    PositiveOutcome {
        Favourable = "favourable" ("favourable"),
        Adverse = "adverse" ("adverse"),
        Neutral = "neutral" ("neutral"),
    }
}

impl From<PositiveOutcome> for Outcome {
    fn from(outcome: PositiveOutcome) -> Self {
        match outcome {
            PositiveOutcome::Favourable => Self::Favourable,
            PositiveOutcome::Adverse => Self::Adverse,
            PositiveOutcome::Neutral => Self::Neutral,
        }
    }
}

impl From<Outcome> for PositiveOutcome {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Favourable => Self::Favourable,
            Outcome::Adverse => Self::Adverse,
            Outcome::Neutral => Self::Neutral,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Task;

    #[test]
    fn a_task_lacks_the_metrics_of_others_and_no_share_of_right_answers() {
        for (task, key) in [
            (Task::BinaryClassification, "precision[cat]"),
            (Task::BinaryClassification, "macro_f1"),
            (Task::BinaryClassification, "r_squared"),
            (Task::Regression, "true_positive_rate"),
            (Task::Ranking, "mean_absolute_error"),
        ] {
            assert!(task.lacks(key), "{key}");
        }
        for (task, key) in [
            (Task::BinaryClassification, "precision"),
            (Task::MulticlassClassification, "precision[cat]"),
            (Task::TextGeneration, "accuracy"),
            (Task::Regression, "count"),
            (Task::BinaryClassification, "our_own"),
        ] {
            assert!(!task.lacks(key), "{key}");
        }
    }
}
