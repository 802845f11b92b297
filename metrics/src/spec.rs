//! The predictions spec: which column of a file of predictions means what.

use crate::Problem;
use crate::catalogue::{Outcome, nearest_of};
use crate::slice::normalise_name;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The task of a spec.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// A label and a prediction, each positive or negative.
    BinaryClassification,
}

/// What becomes of a row with an empty attribute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spec {
    /// The task.
    pub task: Task,
    /// Column with the row's identity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Column that says which rows belong together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// Column with the label.
    pub label: String,
    /// The label that counts as positive, where labels are not 0/1 or true/false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub positive: Option<String>,
    /// What a positive prediction means for a person, where it differs from the model's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub positive_outcome: Option<Outcome>,
    /// Column with the score in 0..1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<String>,
    /// Column with the prediction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prediction: Option<String>,
    /// A score of at least this is a positive prediction; `Some` exactly when there is no
    /// prediction column, 0.5 unless said otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
    /// Column with the row's weight.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<String>,
    /// Columns with attributes, sorted.
    pub slices: Vec<String>,
    /// Combinations of attributes to cross, each sorted, and sorted.
    pub intersections: Vec<Vec<String>>,
    /// What becomes of a row with an empty attribute.
    pub missing: Missing,
}

const KEYS: &[&str] = &[
    "task",
    "id",
    "cluster",
    "label",
    "positive",
    "positive_outcome",
    "score",
    "prediction",
    "threshold",
    "weight",
    "slices",
    "intersections",
    "missing",
];

const TASKS: &[&str] = &[
    "binary_classification",
    "multiclass_classification",
    "regression",
    "ranking",
    "text_generation",
    "image_generation",
];

/// More attributes than this are a mistake.
const MOST_SLICES: usize = 64;
/// More combinations than this are a mistake.
const MOST_INTERSECTIONS: usize = 1_000;

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
        fields.check_task()?;
        fields.refuse_unknown_keys();
        let label = fields.column("label");
        if label.is_none() && !table.contains_key("label") {
            fields.problem("missing_key", "/label", "the spec has no `label`", "a column name");
        }
        let (score, prediction) = (fields.column("score"), fields.column("prediction"));
        if !table.contains_key("score") && !table.contains_key("prediction") {
            fields.problem(
                "missing_key",
                "",
                "the spec has neither `score` nor `prediction`",
                "at least one of them",
            );
        }
        let threshold = fields.threshold();
        let slices = fields.slices();
        let intersections = fields.intersections(&slices);
        let spec = Self {
            task: Task::BinaryClassification,
            id: fields.column("id"),
            cluster: fields.column("cluster"),
            label: label.unwrap_or_default(),
            positive: fields.positive(),
            positive_outcome: fields.choice(
                "positive_outcome",
                &[
                    ("favourable", Outcome::Favourable),
                    ("adverse", Outcome::Adverse),
                    ("neutral", Outcome::Neutral),
                ],
            ),
            threshold: prediction.is_none().then_some(threshold.unwrap_or(0.5)),
            score,
            prediction,
            weight: fields.column("weight"),
            slices,
            intersections,
            missing: fields
                .choice(
                    "missing",
                    &[
                        ("group", Missing::Group),
                        ("drop", Missing::Drop),
                        ("error", Missing::Error),
                    ],
                )
                .unwrap_or_default(),
        };
        if fields.problems.is_empty() { Ok(spec) } else { Err(fields.problems) }
    }

    /// The columns that it names, each once, without saying what for.
    pub fn columns(&self) -> Vec<&str> {
        let mut columns: Vec<&str> = [&self.id, &self.cluster]
            .into_iter()
            .flatten()
            .chain([&self.label])
            .chain([&self.score, &self.prediction, &self.weight].into_iter().flatten())
            .chain(&self.slices)
            .map(String::as_str)
            .collect();
        let mut seen = std::collections::BTreeSet::new();
        columns.retain(|column| seen.insert(*column));
        columns
    }
}

struct Fields<'a> {
    table: &'a Map<String, Value>,
    problems: Vec<Problem>,
}

impl Fields<'_> {
    fn problem(&mut self, code: &str, pointer: &str, message: impl Into<String>, expected: &str) {
        let problem = Problem::new(code, message).at_pointer(pointer).expected(expected);
        self.problems.push(problem);
    }

    /// A spec for another task has other keys, so nothing else of it can be judged.
    fn check_task(&self) -> Result<(), Vec<Problem>> {
        let refuse = |code: &str, message: String, expected: &str| {
            Err(vec![Problem::new(code, message).at_pointer("/task").expected(expected)])
        };
        match self.table.get("task") {
            Some(Value::String(task)) if task == "binary_classification" => Ok(()),
            Some(Value::String(task)) if TASKS.contains(&task.as_str()) => refuse(
                "unsupported_task",
                format!("predictions of task `{task}` are not evaluated here yet"),
                "`binary_classification`, or a run document with results made elsewhere",
            ),
            Some(Value::String(task)) => {
                let nearest = nearest_of(task, TASKS.iter().copied());
                let expected = nearest.unwrap_or("binary_classification");
                refuse("unknown_task", format!("`{task}` is no task"), &format!("`{expected}`"))
            }
            Some(other) => refuse(
                "wrong_type",
                format!("`task` is {}", kind_of(other)),
                "`binary_classification`",
            ),
            None => refuse(
                "missing_key",
                "the spec has no `task`".to_owned(),
                "`binary_classification`",
            ),
        }
    }

    fn refuse_unknown_keys(&mut self) {
        for key in self.table.keys().filter(|key| !KEYS.contains(&key.as_str())) {
            let expected = match nearest_of(key, KEYS.iter().copied()) {
                Some(nearest) => format!("`{nearest}`"),
                None => format!("one of {}", KEYS.join(", ")),
            };
            let message = format!("the spec has an unknown key `{key}`");
            self.problem("unknown_key", &format!("/{}", pointer(key)), message, &expected);
        }
    }

    fn column(&mut self, key: &str) -> Option<String> {
        match self.table.get(key)? {
            Value::String(name) if !name.trim().is_empty() => Some(name.trim().to_owned()),
            other => {
                let message = format!("`{key}` is {}", kind_of(other));
                self.problem("wrong_type", &format!("/{key}"), message, "a column name");
                None
            }
        }
    }

    fn positive(&mut self) -> Option<String> {
        match self.table.get("positive")? {
            Value::String(value) if !value.trim().is_empty() => Some(normalise_name(value)),
            Value::Number(value) => Some(normalise_name(&value.to_string())),
            Value::Bool(value) => Some(value.to_string()),
            other => {
                let message = format!("`positive` is {}", kind_of(other));
                self.problem(
                    "wrong_type",
                    "/positive",
                    message,
                    "the positive label, as in the file",
                );
                None
            }
        }
    }

    fn threshold(&mut self) -> Option<f64> {
        let value = self.table.get("threshold")?;
        match value.as_f64() {
            Some(threshold) if (0.0..=1.0).contains(&threshold) => Some(threshold),
            Some(threshold) => {
                let message = format!("threshold {threshold} is outside 0..1");
                self.problem("out_of_range", "/threshold", message, "a number in 0..1");
                None
            }
            None => {
                let message = format!("`threshold` is {}", kind_of(value));
                self.problem("wrong_type", "/threshold", message, "a number in 0..1");
                None
            }
        }
    }

    fn choice<T: Copy>(&mut self, key: &str, choices: &[(&str, T)]) -> Option<T> {
        let value = self.table.get(key)?;
        let chosen = value
            .as_str()
            .and_then(|text| choices.iter().find(|(name, _)| *name == text))
            .map(|(_, choice)| *choice);
        if chosen.is_none() {
            let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
            let message = match value.as_str() {
                Some(text) => format!("`{key}` is `{text}`"),
                None => format!("`{key}` is {}", kind_of(value)),
            };
            self.problem(
                "unknown_choice",
                &format!("/{key}"),
                message,
                &format!("one of {}", names.join(", ")),
            );
        }
        chosen
    }

    fn slices(&mut self) -> Vec<String> {
        let Some(value) = self.table.get("slices") else { return Vec::new() };
        let mut slices = self.names(value, "/slices");
        let mut seen = std::collections::BTreeSet::new();
        for name in &slices {
            if !seen.insert(normalise_name(name)) {
                let message = format!("attribute `{name}` stands twice");
                self.problem("duplicate", "/slices", message, "each attribute once");
            }
        }
        if slices.len() > MOST_SLICES {
            let message = format!("{} attributes", slices.len());
            self.problem("too_many", "/slices", message, &format!("at most {MOST_SLICES}"));
        }
        slices.sort();
        slices
    }

    fn names(&mut self, value: &Value, at: &str) -> Vec<String> {
        let Some(items) = value.as_array() else {
            let message = format!("`{at}` is {}", kind_of(value));
            self.problem("wrong_type", at, message, "a list of column names");
            return Vec::new();
        };
        let mut names = Vec::new();
        for (i, item) in items.iter().enumerate() {
            match item.as_str().map(str::trim) {
                Some(name) if !name.is_empty() => names.push(name.to_owned()),
                _ => {
                    let message = format!("it is {}", kind_of(item));
                    self.problem("wrong_type", &format!("{at}/{i}"), message, "a column name");
                }
            }
        }
        names
    }

    /// A list of combinations, or a number: all combinations of two up to that many attributes.
    fn intersections(&mut self, slices: &[String]) -> Vec<Vec<String>> {
        let Some(value) = self.table.get("intersections") else { return Vec::new() };
        if let Some(arity) = value.as_u64() {
            return self.all_combinations(slices, arity);
        }
        let Some(items) = value.as_array() else {
            let message = format!("`intersections` is {}", kind_of(value));
            let expected = "a list of lists of attributes, or a number of at least 2";
            self.problem("wrong_type", "/intersections", message, expected);
            return Vec::new();
        };
        let mut all = Vec::new();
        for (i, item) in items.iter().enumerate() {
            let at = format!("/intersections/{i}");
            let mut names = self.names(item, &at);
            for (j, name) in names.iter().enumerate().filter(|(_, name)| !slices.contains(name)) {
                let nearest = nearest_of(name, slices.iter().map(String::as_str));
                let expected = nearest.map_or_else(
                    || "an attribute that `slices` lists".to_owned(),
                    |nearest| format!("`{nearest}`"),
                );
                let message = format!("`{name}` is not among the slices");
                self.problem("unknown_attribute", &format!("{at}/{j}"), message, &expected);
            }
            names.sort();
            names.dedup();
            if names.len() < 2 && item.is_array() {
                let message = "an intersection of fewer than two attributes";
                self.problem("too_few", &at, message, "two different attributes or more");
            }
            all.push(names);
        }
        self.limit_intersections(&mut all);
        all
    }

    fn all_combinations(&mut self, slices: &[String], arity: u64) -> Vec<Vec<String>> {
        let most = usize::try_from(arity).unwrap_or(usize::MAX);
        if most < 2 || most > slices.len() {
            let message = format!("`intersections` is {arity} with {} slices", slices.len());
            let expected = "a number from 2 to the number of slices";
            self.problem("out_of_range", "/intersections", message, expected);
            return Vec::new();
        }
        let mut all: Vec<Vec<String>> = Vec::new();
        let mut last: Vec<Vec<usize>> = (0..slices.len()).map(|i| vec![i]).collect();
        for _ in 2..=most {
            last = last
                .iter()
                .flat_map(|chosen| {
                    let next = chosen.last().map_or(0, |last| last + 1);
                    (next..slices.len()).map(move |i| [chosen.as_slice(), &[i]].concat())
                })
                .take(MOST_INTERSECTIONS + 1)
                .collect();
            all.extend(
                last.iter().map(|chosen| chosen.iter().map(|&i| slices[i].clone()).collect()),
            );
        }
        self.limit_intersections(&mut all);
        all
    }

    fn limit_intersections(&mut self, all: &mut Vec<Vec<String>>) {
        all.sort();
        all.dedup();
        if all.len() > MOST_INTERSECTIONS {
            let message = "too many combinations of attributes";
            let expected = format!("at most {MOST_INTERSECTIONS}");
            self.problem("too_many", "/intersections", message, &expected);
        }
    }
}

/// A key as a part of a JSON pointer.
fn pointer(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(text) if text.trim().is_empty() => "empty",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a table",
    }
}

#[cfg(test)]
#[path = "spec/tests.rs"]
mod tests;
