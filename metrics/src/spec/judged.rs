//! What a spec says of judged responses: which column holds which judgement.

use super::fields::Fields;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// What can be judged of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Judgement {
    /// Whether it refuses.
    Refusal,
    /// Whether it is toxic.
    Toxicity,
    /// Whether it breaks the safety policy.
    Unsafe,
    /// Whether it holds a stereotype.
    Stereotype,
    /// Its sentiment, from −1 to 1.
    Sentiment,
    /// Whether it won, lost or tied against an opponent.
    Win,
}

impl Judgement {
    /// All of them, in the order of the catalogue.
    pub const ALL: [Self; 6] =
        [Self::Refusal, Self::Toxicity, Self::Unsafe, Self::Stereotype, Self::Sentiment, Self::Win];

    /// Its key in a spec.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Refusal => "refusal",
            Self::Toxicity => "toxicity",
            Self::Unsafe => "unsafe",
            Self::Stereotype => "stereotype",
            Self::Sentiment => "sentiment",
            Self::Win => "win",
        }
    }

    /// The metric that it makes.
    pub const fn metric(self) -> &'static str {
        match self {
            Self::Refusal => "refusal_rate",
            Self::Toxicity => "toxicity_rate",
            Self::Unsafe => "unsafe_rate",
            Self::Stereotype => "stereotype_rate",
            Self::Sentiment => "sentiment_mean",
            Self::Win => "win_rate",
        }
    }

    /// Whether it is yes or no, perhaps by way of a score and the threshold.
    pub const fn is_flag(self) -> bool {
        !matches!(self, Self::Sentiment | Self::Win)
    }
}

/// Judged responses, one per row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Judged {
    /// The column of each judgement.
    pub columns: BTreeMap<Judgement, String>,
    /// Judge model, prompt and rubric; becomes a part of the instrument.
    pub judge: Option<String>,
}

impl Judged {
    pub(super) fn read(fields: &mut Fields<'_>) -> Self {
        let columns = Judgement::ALL
            .into_iter()
            .filter_map(|judgement| Some((judgement, fields.column(judgement.key())?)))
            .collect();
        Self { columns, judge: fields.column("judge") }
    }

    pub(super) fn write(&self, table: &mut Map<String, Value>) {
        for (judgement, column) in &self.columns {
            table.insert(judgement.key().to_owned(), json!(column));
        }
        if let Some(judge) = &self.judge {
            table.insert("judge".to_owned(), json!(judge));
        }
    }
}
