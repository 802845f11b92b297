//! The predictions spec: which column of a file of predictions means what.

mod fields;
mod judged;
mod noise;
mod ranking;
mod task;

pub use judged::{Judged, Judgement};
pub use noise::ErrorRates;
pub use ranking::{Ranking, Target};
pub use task::Task;

use crate::catalogue::Outcome;
use crate::slice::normalise_name;
use crate::{Problem, Slice};
use fields::{Fields, kind_of, pointer};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// What becomes of a row with an empty attribute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Missing {
    /// Empty is a group of its own, `(missing)`.
    #[default]
    Group,
    /// The row is left out, and counted in the receipt.
    Drop,
    /// The file is refused.
    Error,
}

/// Which column means what, in canonical form: two specs that mean the same serialise the same.
///
/// What a task does not know stays empty; `docs/predictions-spec.md` has the keys of each.
#[derive(Clone, Debug, PartialEq)]
pub struct Spec {
    /// The task.
    pub task: Task,
    /// Column with the row's identity.
    pub id: Option<String>,
    /// Column that says which rows belong together.
    pub cluster: Option<String>,
    /// Column with the label; empty in tasks without one.
    pub label: String,
    /// The label that counts as positive, where labels are not 0/1 or true/false.
    pub positive: Option<String>,
    /// What a positive prediction means for a person, where it differs from the model's own.
    pub positive_outcome: Option<Outcome>,
    /// Column with the score in 0..1.
    pub score: Option<String>,
    /// Columns with the score of each class in 0..1, by class.
    pub scores: BTreeMap<String, String>,
    /// Column with the prediction.
    pub prediction: Option<String>,
    /// A score of at least this is a positive prediction, or a positive judgement; `None` where
    /// no score is compared with it, 0.5 unless said otherwise.
    pub threshold: Option<f64>,
    /// Bins of equal width for the calibration error.
    pub calibration_bins: u16,
    /// Column with the row's weight.
    pub weight: Option<String>,
    /// Columns with attributes, sorted; of queries and items alike in a ranking.
    pub slices: Vec<String>,
    /// Combinations of attributes to cross, each sorted, and sorted.
    pub intersections: Vec<Vec<String>>,
    /// What becomes of a row with an empty attribute.
    pub missing: Missing,
    /// Lists of items, for rankings and for images that belong to prompts.
    pub ranking: Option<Ranking>,
    /// Judgements, for text and images.
    pub judged: Option<Judged>,
    /// Error rates of inferred labels: of `label`, of a judgement by its key, or of an item's
    /// group by its slice, `attribute=group`.
    pub label_noise: BTreeMap<String, ErrorRates>,
}

/// Bins of the calibration error unless the spec says otherwise.
const CALIBRATION_BINS: u16 = 10;
/// More classes with scores than this are a mistake.
const MOST_SCORES: usize = 200;

impl Spec {
    /// Reads a spec in TOML, or in JSON when it begins with `{`.
    ///
    /// ```
    /// use metrics::Spec;
    /// let spec = Spec::parse("task = 'binary_classification'\nlabel = 'y'\nscore = 'p'").unwrap();
    /// assert_eq!(spec.threshold, Some(0.5));
    /// let problems = Spec::parse("task = 'binary_classification'\nlable = 'y'").unwrap_err();
    /// assert_eq!(problems[0].expected.as_deref(), Some("`label`"));
    /// ```
    ///
    /// # Errors
    /// Every problem, each at its JSON pointer (in TOML: the same path).
    pub fn parse(text: &str) -> Result<Self, Vec<Problem>> {
        let text = text.trim_start_matches('\u{feff}');
        let value: Value = if text.trim_start().starts_with('{') {
            serde_json::from_str(text).map_err(|error| {
                let place = Some(error.line() as u64);
                vec![Problem::new("not_json", error.to_string()).at_cell(place, None)]
            })?
        } else {
            toml::from_str(text).map_err(|error| {
                let line = error.span().map(|span| {
                    let before = text.get(..span.start).unwrap_or(text);
                    1 + before.matches('\n').count() as u64
                });
                vec![Problem::new("not_toml", error.message().to_owned()).at_cell(line, None)]
            })?
        };
        let Value::Object(table) = value else {
            return Err(vec![Problem::new("not_a_table", "the spec is not a table of keys")]);
        };
        Self::from_table(&table)
    }

    fn from_table(table: &Map<String, Value>) -> Result<Self, Vec<Problem>> {
        let mut fields = Fields { table, problems: Vec::new() };
        let task = fields.task()?;
        fields.refuse_unknown_keys(task);
        let mut spec = Self::common(&mut fields, task);
        match task {
            Task::BinaryClassification => spec.read_binary(&mut fields),
            Task::MulticlassClassification => {
                spec.label = fields.needed_column("label");
                spec.prediction = Some(fields.needed_column("prediction"));
                spec.scores = class_scores(&mut fields);
            }
            Task::Regression => {
                spec.label = fields.needed_column("label");
                spec.prediction = Some(fields.needed_column("prediction"));
            }
            Task::Ranking => spec.read_ranking(&mut fields),
            Task::TextGeneration => spec.read_judged(&mut fields),
            Task::ImageGeneration => {
                spec.read_images(&mut fields);
                spec.read_judged(&mut fields);
            }
        }
        spec.intersections = fields.intersections(&spec.slices);
        spec.read_noise(&mut fields);
        if fields.problems.is_empty() { Ok(spec) } else { Err(fields.problems) }
    }

    /// What all tasks have.
    fn common(fields: &mut Fields<'_>, task: Task) -> Self {
        let missing =
            [("group", Missing::Group), ("drop", Missing::Drop), ("error", Missing::Error)];
        Self {
            task,
            id: fields.column("id"),
            cluster: fields.column("cluster"),
            label: String::new(),
            positive: None,
            positive_outcome: None,
            score: None,
            scores: BTreeMap::new(),
            prediction: None,
            threshold: None,
            calibration_bins: CALIBRATION_BINS,
            weight: fields.column("weight"),
            slices: fields.slices("slices"),
            intersections: Vec::new(),
            missing: fields.choice("missing", &missing).unwrap_or_default(),
            ranking: None,
            judged: None,
            label_noise: BTreeMap::new(),
        }
    }

    fn read_binary(&mut self, fields: &mut Fields<'_>) {
        self.label = fields.needed_column("label");
        (self.score, self.prediction) = (fields.column("score"), fields.column("prediction"));
        if !fields.table.contains_key("score") && !fields.table.contains_key("prediction") {
            fields.problem(
                "missing_key",
                "",
                "the spec has neither `score` nor `prediction`",
                "at least one of them",
            );
        }
        let threshold = fields.threshold();
        self.threshold = self.prediction.is_none().then_some(threshold.unwrap_or(0.5));
        self.positive = fields.positive();
        self.positive_outcome = fields.choice(
            "positive_outcome",
            &[
                ("favourable", Outcome::Favourable),
                ("adverse", Outcome::Adverse),
                ("neutral", Outcome::Neutral),
            ],
        );
        // Bins that nothing is sorted into mean nothing.
        let bins = fields.whole("calibration_bins", 2, 100).filter(|_| self.score.is_some());
        self.calibration_bins =
            bins.and_then(|bins| u16::try_from(bins).ok()).unwrap_or(CALIBRATION_BINS);
    }

    fn read_ranking(&mut self, fields: &mut Fields<'_>) {
        let ranking = Ranking::read(fields, self.task);
        self.slices = fields.slices("query_slices");
        for name in &ranking.item_slices {
            if self.slices.contains(name) {
                let message = format!("`{name}` is an attribute of queries and of items");
                fields.problem("duplicate", "/item_slices", message, "one of the two");
            }
        }
        self.slices.extend(ranking.item_slices.iter().cloned());
        self.slices.sort();
        self.refuse_holes(fields);
        self.ranking = Some(ranking);
    }

    fn read_images(&mut self, fields: &mut Fields<'_>) {
        if fields.table.contains_key("query") || fields.table.contains_key("item_slices") {
            let images = Ranking::read(fields, self.task);
            self.slices.extend(images.item_slices.iter().cloned());
            self.slices.sort();
            self.slices.dedup();
            self.refuse_holes(fields);
            self.ranking = Some(images);
            return;
        }
        for key in ["rank", "k", "target"] {
            if fields.table.contains_key(key) {
                let message = format!("`{key}` without `query`");
                fields.problem("missing_key", "/query", message, "the column with the prompt");
            }
        }
    }

    /// A list from which rows were dropped is another list.
    fn refuse_holes(&self, fields: &mut Fields<'_>) {
        if self.missing == Missing::Drop {
            let message = "`missing = \"drop\"` would tear holes in the lists";
            fields.problem("unknown_choice", "/missing", message, "group or error");
        }
    }

    fn read_judged(&mut self, fields: &mut Fields<'_>) {
        let judged = Judged::read(fields);
        if judged.columns.is_empty() && self.ranking.is_none() {
            let names = Judgement::ALL.map(Judgement::key).join(", ");
            let expected = format!("at least one of {names}");
            fields.problem("missing_key", "", "the spec names no judgement", &expected);
        }
        let threshold = fields.threshold();
        let is_compared = judged.columns.keys().any(|judgement| judgement.is_flag());
        self.threshold = is_compared.then_some(threshold.unwrap_or(0.5));
        self.judged = Some(judged);
    }

    fn read_noise(&mut self, fields: &mut Fields<'_>) {
        let mut names: Vec<&str> = Vec::new();
        if self.task == Task::BinaryClassification {
            names.push("label");
        }
        let judged = self.judged.iter().flat_map(|judged| judged.columns.keys());
        names.extend(judged.filter(|judgement| judgement.is_flag()).map(|j| j.key()));
        let items: BTreeSet<String> = self
            .ranking
            .iter()
            .flat_map(|ranking| &ranking.item_slices)
            .map(|name| normalise_name(name))
            .collect();
        let is_group = |name: &str| {
            Slice::parse(name).is_ok_and(|slice| {
                slice.arity() == 1 && slice.attributes().all(|a| items.contains(a))
            })
        };
        let mut expected = names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>();
        expected.extend(items.iter().map(|attribute| format!("`{attribute}=GROUP`")));
        let expected = format!("one of {}", expected.join(", "));
        self.label_noise =
            noise::read(fields, |name| names.contains(&name) || is_group(name), &expected);
    }

    /// The columns that it names, each once, without saying what for.
    pub fn columns(&self) -> Vec<&str> {
        let label = Some(&self.label).filter(|label| !label.is_empty());
        let mut columns: Vec<&str> = [self.id.as_ref(), self.cluster.as_ref(), label]
            .into_iter()
            .chain([self.score.as_ref(), self.prediction.as_ref(), self.weight.as_ref()])
            .flatten()
            .chain(self.scores.values())
            .chain(self.ranking.iter().flat_map(|ranking| {
                let Ranking { query, item, rank, relevance, .. } = ranking;
                [Some(query), item.as_ref(), rank.as_ref(), relevance.as_ref()]
                    .into_iter()
                    .flatten()
            }))
            .chain(self.judged.iter().flat_map(|judged| judged.columns.values()))
            .chain(&self.slices)
            .map(String::as_str)
            .collect();
        let mut seen = BTreeSet::new();
        columns.retain(|column| seen.insert(*column));
        columns
    }

    /// Attributes of queries or rows, where items have attributes of their own.
    pub fn query_slices(&self) -> impl Iterator<Item = &String> {
        let is_items = |name: &&String| {
            self.ranking.as_ref().is_some_and(|ranking| ranking.item_slices.contains(name))
        };
        self.slices.iter().filter(move |name| !is_items(name))
    }

    fn written(&self) -> Map<String, Value> {
        let mut table = Map::new();
        let mut put = |key: &str, value: Value| table.insert(key.to_owned(), value);
        put("task", json!(self.task.as_str()));
        let label = (!self.label.is_empty()).then_some(&self.label);
        for (key, text) in [
            ("id", self.id.as_ref()),
            ("cluster", self.cluster.as_ref()),
            ("label", label),
            ("positive", self.positive.as_ref()),
            ("score", self.score.as_ref()),
            ("prediction", self.prediction.as_ref()),
            ("weight", self.weight.as_ref()),
        ] {
            if let Some(text) = text {
                put(key, json!(text));
            }
        }
        if let Some(outcome) = self.positive_outcome {
            put("positive_outcome", json!(outcome));
        }
        if let Some(threshold) = self.threshold {
            put("threshold", json!(threshold));
        }
        if self.calibration_bins != CALIBRATION_BINS {
            put("calibration_bins", json!(self.calibration_bins));
        }
        if !self.scores.is_empty() {
            put("scores", json!(self.scores));
        }
        let of_queries: Vec<&String> = self.query_slices().collect();
        put(if self.task == Task::Ranking { "query_slices" } else { "slices" }, json!(of_queries));
        put("intersections", json!(self.intersections));
        put("missing", json!(self.missing));
        if !self.label_noise.is_empty() {
            let noise = self.label_noise.iter().map(|(name, rates)| (name.clone(), rates.write()));
            put("label_noise", Value::Object(noise.collect()));
        }
        if let Some(ranking) = &self.ranking {
            ranking.write(&mut table);
        }
        if let Some(judged) = &self.judged {
            judged.write(&mut table);
        }
        table
    }
}

impl Serialize for Spec {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.written().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Spec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let table = Map::deserialize(deserializer)?;
        Self::from_table(&table).map_err(|problems| {
            let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
            D::Error::custom(problems.join("; "))
        })
    }
}

/// A table of class = column.
fn class_scores(fields: &mut Fields<'_>) -> BTreeMap<String, String> {
    let mut scores = BTreeMap::new();
    let table = match fields.table.get("scores") {
        None => return scores,
        Some(Value::Object(table)) => table,
        Some(other) => {
            let message = format!("`scores` is {}", kind_of(other));
            let expected = "a table of class = column with its score";
            fields.problem("wrong_type", "/scores", message, expected);
            return scores;
        }
    };
    for (class, column) in table {
        let at = format!("/scores/{}", pointer(class));
        match column.as_str().map(str::trim) {
            Some(column) if !column.is_empty() => {
                if scores.insert(normalise_name(class), column.to_owned()).is_some() {
                    let message = format!("class `{class}` stands twice");
                    fields.problem("duplicate", &at, message, "each class once");
                }
            }
            _ => {
                let message = format!("it is {}", kind_of(column));
                fields.problem("wrong_type", &at, message, "a column name");
            }
        }
    }
    if scores.len() > MOST_SCORES {
        let message = format!("{} classes have scores", scores.len());
        fields.problem("too_many", "/scores", message, &format!("at most {MOST_SCORES}"));
    }
    scores
}

#[cfg(test)]
#[path = "spec/tests.rs"]
mod tests;
