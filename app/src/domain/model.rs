//! What a registered model is described by.

use super::text_enum::text_enum;
pub use metrics::catalogue::Outcome;

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
