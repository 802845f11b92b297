//! The metric catalogue: one table that pages, the API description and validation all read.
//!
//! A metric that is not in it can still be uploaded, as a [`CustomMetric`] that the document declares.

mod classification;
mod generative;
mod ranking;
mod regression;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Every metric that Evenhand knows, in the order of pages.
pub const METRICS: &[Metric] = &joined();

const FAMILIES: [&[Metric]; 4] =
    [classification::METRICS, regression::METRICS, ranking::METRICS, generative::METRICS];

const fn joined() -> [Metric; count()] {
    let mut all = [FAMILIES[0][0]; count()];
    let (mut family, mut at, mut to) = (0, 0, 0);
    while family < FAMILIES.len() {
        if at < FAMILIES[family].len() {
            all[to] = FAMILIES[family][at];
            (at, to) = (at + 1, to + 1);
        } else {
            (family, at) = (family + 1, 0);
        }
    }
    all
}

const fn count() -> usize {
    let (mut family, mut count) = (0, 0);
    while family < FAMILIES.len() {
        count += FAMILIES[family].len();
        family += 1;
    }
    count
}

/// What a positive prediction means for the person it is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Good for the person: hired, shown, granted.
    Favourable,
    /// Bad for the person: refused, flagged, detained.
    Adverse,
    /// Neither.
    Neutral,
}

/// Which way a metric is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Higher values are better.
    Higher,
    /// Lower values are better.
    Lower,
    /// Neither way is better in itself.
    Neither,
}

/// How the better direction of a metric is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    /// The same for every outcome.
    Always(Direction),
    /// More is better where the positive outcome is favourable, worse where it is adverse.
    WithOutcome,
}

/// What kind of quantity a metric is; it decides which interval it gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A number of rows.
    Count,
    /// A share of rows among rows.
    Rate,
    /// A mean of a number that each row (or query, or sample) has.
    Mean,
    /// An area under the ROC curve.
    Auc,
    /// A smooth function of several counts.
    Composite,
    /// Anything else; its interval takes a bootstrap.
    Other,
}

/// Which kind of system a metric is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// Classifiers.
    Classification,
    /// Regression models.
    Regression,
    /// Rankers, recommenders and search.
    Ranking,
    /// Text and image generators.
    Generative,
}

/// A metric of the catalogue.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// Its key: `snake_case`, with `@k` where it has a cut-off.
    pub key: &'static str,
    /// What a person reads.
    pub name: &'static str,
    /// What it is for.
    pub family: Family,
    /// Its kind.
    pub kind: Kind,
    /// Its unit, `1` for a share or a score.
    pub unit: &'static str,
    /// Its least and greatest value, infinite where one end is open; `None` where both are.
    pub range: Option<[f64; 2]>,
    /// Which way it is better.
    pub better: Better,
    /// Its definition.
    pub formula: &'static str,
    /// When to use it.
    pub use_when: &'static str,
    /// What it hides.
    pub hides: &'static str,
    /// Where it comes from.
    pub source: &'static str,
}

impl Metric {
    /// Which way it is better, given what a positive prediction means for a person.
    pub fn direction(&self, outcome: Outcome) -> Direction {
        match (self.better, outcome) {
            (Better::Always(direction), _) => direction,
            (Better::WithOutcome, Outcome::Favourable) => Direction::Higher,
            (Better::WithOutcome, Outcome::Adverse) => Direction::Lower,
            (Better::WithOutcome, Outcome::Neutral) => Direction::Neither,
        }
    }

    /// Whether it is written with a cut-off, as in `ndcg@10`.
    pub fn has_cutoff(&self) -> bool {
        self.key.ends_with("@k")
    }

    /// Whether its key may say in brackets what it is about: a class, an attribute, a judgement.
    pub fn is_of_something(&self) -> bool {
        match self.family {
            Family::Classification => {
                !matches!(self.key, "count" | "accuracy") && !self.key.starts_with("macro_")
            }
            Family::Regression => false,
            Family::Ranking => matches!(
                self.key,
                "ndkl" | "diversity@k" | "representation@k" | "representation_distance@k"
            ),
            Family::Generative => self.kind == Kind::Rate,
        }
    }

    /// The range, or the whole line where an end is open.
    pub fn holds(&self, value: f64) -> bool {
        value.is_finite() && self.range.is_none_or(|[low, high]| (low..=high).contains(&value))
    }
}

/// A metric's key, taken apart: `ndcg@10`, `precision[cat]`, `diversity@10[skin_tone]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key<'a> {
    /// The key without what follows.
    pub base: &'a str,
    /// What stands after `@`.
    pub cutoff: Option<&'a str>,
    /// What stands in brackets: the class of a one-vs-rest metric, the attribute or judgement that
    /// one of several is about, or [`CORRECTED`].
    pub of: Option<&'a str>,
}

/// In brackets behind a rate: corrected for the error rates of the labels that it is made of.
pub const CORRECTED: &str = "corrected";

impl<'a> Key<'a> {
    /// Takes a key apart, whether or not there is such a metric.
    pub fn parse(key: &'a str) -> Self {
        let (plain, of) = match key.strip_suffix(']').and_then(|key| key.split_once('[')) {
            Some((plain, of)) => (plain, Some(of)),
            None => (key, None),
        };
        let (base, cutoff) =
            plain.split_once('@').map_or((plain, None), |(base, cutoff)| (base, Some(cutoff)));
        Self { base, cutoff, of }
    }

    fn has_cutoff(&self) -> bool {
        self.cutoff.is_some_and(|cutoff| {
            !cutoff.is_empty()
                && !cutoff.starts_with('0')
                && cutoff.len() <= 6
                && cutoff.bytes().all(|b| b.is_ascii_digit())
        })
    }
}

/// The metric of a key; a key with a cut-off carries it, and one of several in brackets what it is
/// about.
///
/// ```
/// use metrics::catalogue;
/// assert_eq!(catalogue::find("ndcg@10").unwrap().key, "ndcg@k");
/// assert_eq!(catalogue::find("precision[cat]").unwrap().key, "precision");
/// assert!(catalogue::find("ndcg").is_none() && catalogue::find("ndcg@10[cat]").is_none());
/// assert_eq!(catalogue::nearest("true_postive_rate"), Some("true_positive_rate"));
/// ```
pub fn find(key: &str) -> Option<&'static Metric> {
    let written = Key::parse(key);
    let metric = METRICS.iter().find(|metric| match metric.key.strip_suffix("@k") {
        Some(base) => base == written.base && written.has_cutoff(),
        None => metric.key == written.base && written.cutoff.is_none(),
    })?;
    written.of.is_none_or(|of| !of.trim().is_empty() && metric.is_of_something()).then_some(metric)
}

/// The range of a key's metric; open at both ends for a metric that is not in the catalogue.
pub fn range(key: &str) -> [f64; 2] {
    const OPEN: [f64; 2] = [f64::NEG_INFINITY, f64::INFINITY];
    find(key).and_then(|metric| metric.range).unwrap_or(OPEN)
}

/// What a person reads for a key: the metric's name with its cut-off and what it is about.
///
/// ```
/// use metrics::catalogue::name;
/// assert_eq!(name("recall@20").as_deref(), Some("recall in the top 20"));
/// assert_eq!(name("ndcg@10").as_deref(), Some("nDCG at 10"));
/// assert_eq!(name("precision[cat]").as_deref(), Some("precision of cat"));
/// assert_eq!(name("toxicity_rate[corrected]").as_deref(), Some("toxicity rate, corrected"));
/// ```
pub fn name(key: &str) -> Option<String> {
    let name = find(key)?.name;
    let written = Key::parse(key);
    let mut words = match (written.cutoff, name.strip_suffix(" k")) {
        (None, _) => name.to_owned(),
        (Some(cutoff), Some(start)) => format!("{start} {cutoff}"),
        (Some(cutoff), None) => format!("{name} at {cutoff}"),
    };
    match written.of {
        None => {}
        Some(CORRECTED) => words.push_str(", corrected"),
        Some(of) => {
            words.push_str(" of ");
            words.push_str(of);
        }
    }
    Some(words)
}

/// Which way a metric is better; a key that the catalogue does not have is better neither way.
pub fn direction(key: &str, outcome: Outcome) -> Direction {
    find(key).map_or(Direction::Neither, |metric| metric.direction(outcome))
}

/// The known key that a mistyped one is nearest to, if any is near.
pub fn nearest(key: &str) -> Option<&'static str> {
    nearest_of(key, METRICS.iter().map(|metric| metric.key))
}

/// The nearest of some names to a mistyped one, if any is near.
pub(crate) fn nearest_of<'a>(
    name: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let name = name.to_lowercase();
    known
        .into_iter()
        .map(|known| (strsim::jaro_winkler(&name, &known.to_lowercase()), known))
        .filter(|(likeness, _)| *likeness >= 0.75)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, known)| known)
}

/// A metric that a run document brings along, because the catalogue does not have it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CustomMetric {
    /// Its key: `snake_case`, not one of the catalogue's.
    pub key: String,
    /// What a person reads.
    pub name: String,
    /// Its unit, `1` for a share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Which way it is better.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direction: Option<Direction>,
    /// Its least and greatest value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<[f64; 2]>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_key_stands_once_and_is_found() {
        let keys: BTreeSet<_> = METRICS.iter().map(|metric| metric.key).collect();
        assert_eq!(keys.len(), METRICS.len());
        for metric in METRICS {
            let written = metric.key.replace("@k", "@10");
            for text in [metric.name, metric.unit, metric.formula, metric.use_when] {
                assert!(!text.trim().is_empty(), "{}", metric.key);
            }
            assert!(!metric.hides.is_empty() && !metric.source.is_empty(), "{}", metric.key);
            assert_eq!(find(&written).map(|found| found.key), Some(metric.key));
        }
    }

    #[test]
    fn a_cut_off_is_a_whole_number_and_stands_only_where_the_metric_has_one() {
        for key in
            ["ndcg", "ndcg@", "ndcg@0", "ndcg@ten", "ndcg@k", "accuracy@5", "ndcg@5@5", "ndcg@5[a]"]
        {
            assert!(find(key).is_none(), "{key}");
        }
    }

    #[test]
    fn what_is_better_follows_from_metric_and_outcome() {
        let selection = find("selection_rate").unwrap();
        assert_eq!(selection.direction(Outcome::Favourable), Direction::Higher);
        assert_eq!(selection.direction(Outcome::Adverse), Direction::Lower);
        assert_eq!(selection.direction(Outcome::Neutral), Direction::Neither);
        let false_positives = find("false_positive_rate").unwrap();
        for outcome in [Outcome::Favourable, Outcome::Adverse, Outcome::Neutral] {
            assert_eq!(false_positives.direction(outcome), Direction::Lower);
        }
    }

    #[test]
    fn a_mistyped_key_finds_its_neighbour_and_nonsense_finds_none() {
        assert_eq!(nearest("selection_rat"), Some("selection_rate"));
        assert_eq!(nearest("Brier"), Some("brier_score"));
        assert_eq!(nearest("zzz"), None);
    }
}
