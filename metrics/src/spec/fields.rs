//! Reading the keys of a spec, each problem with its JSON pointer.

use super::Task;
use crate::Problem;
use crate::catalogue::nearest_of;
use crate::slice::normalise_name;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// More attributes than this are a mistake.
const MOST_SLICES: usize = 64;
/// More combinations than this are a mistake.
const MOST_INTERSECTIONS: usize = 1_000;

/// The keys of a spec, or of a table in it, and the problems found so far.
pub(super) struct Fields<'a> {
    pub table: &'a Map<String, Value>,
    pub problems: Vec<Problem>,
}

impl Fields<'_> {
    pub fn problem(
        &mut self,
        code: &str,
        pointer: &str,
        message: impl Into<String>,
        expected: &str,
    ) {
        let problem = Problem::new(code, message).at_pointer(pointer).expected(expected);
        self.problems.push(problem);
    }

    /// The task decides which other keys there are, so without one nothing else can be judged.
    pub fn task(&self) -> Result<Task, Vec<Problem>> {
        let names = || Task::ALL.map(Task::as_str);
        let refuse = |code: &str, message: String, expected: &str| {
            Err(vec![Problem::new(code, message).at_pointer("/task").expected(expected)])
        };
        let any = || format!("one of {}", names().join(", "));
        match self.table.get("task") {
            Some(Value::String(text)) => {
                match Task::ALL.into_iter().find(|task| task.as_str() == text) {
                    Some(task) => Ok(task),
                    None => {
                        let expected = nearest_of(text, names())
                            .map_or_else(any, |nearest| format!("`{nearest}`"));
                        refuse("unknown_task", format!("`{text}` is no task"), &expected)
                    }
                }
            }
            Some(other) => refuse("wrong_type", format!("`task` is {}", kind_of(other)), &any()),
            None => refuse("missing_key", "the spec has no `task`".to_owned(), &any()),
        }
    }

    /// Refuses keys that no task has, and those of other tasks.
    pub fn refuse_unknown_keys(&mut self, task: Task) {
        let known = task.keys();
        let table = self.table;
        for key in table.keys().filter(|key| !known.contains(&key.as_str())) {
            let elsewhere = Task::ALL.into_iter().any(|task| task.keys().contains(&key.as_str()));
            let (code, message, expected) = if elsewhere {
                let message = format!("a spec of task `{}` has no `{key}`", task.as_str());
                ("other_task", message, format!("keys from {}", known.join(", ")))
            } else {
                let expected = match nearest_of(key, known.iter().copied()) {
                    Some(nearest) => format!("`{nearest}`"),
                    None => format!("one of {}", known.join(", ")),
                };
                ("unknown_key", format!("the spec has an unknown key `{key}`"), expected)
            };
            self.problem(code, &format!("/{}", pointer(key)), message, &expected);
        }
    }

    pub fn column(&mut self, key: &str) -> Option<String> {
        match self.table.get(key)? {
            Value::String(name) if !name.trim().is_empty() => Some(name.trim().to_owned()),
            other => {
                let message = format!("`{key}` is {}", kind_of(other));
                self.problem("wrong_type", &format!("/{key}"), message, "a column name");
                None
            }
        }
    }

    /// A column without which the task cannot be evaluated; empty after a problem.
    pub fn needed_column(&mut self, key: &str) -> String {
        let column = self.column(key);
        if column.is_none() && !self.table.contains_key(key) {
            let message = format!("the spec has no `{key}`");
            self.problem("missing_key", &format!("/{key}"), message, "a column name");
        }
        column.unwrap_or_default()
    }

    pub fn positive(&mut self) -> Option<String> {
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

    /// A number that `fits`, or a problem that says what was `expected`.
    pub fn number(
        &mut self,
        key: &str,
        at: &str,
        fits: impl Fn(f64) -> bool,
        expected: &str,
    ) -> Option<f64> {
        let value = self.table.get(key)?;
        let (code, message) = match value.as_f64() {
            Some(number) if fits(number) => return Some(number),
            Some(number) => ("out_of_range", format!("{key} {number} is outside its range")),
            None => ("wrong_type", format!("`{key}` is {}", kind_of(value))),
        };
        self.problem(code, at, message, expected);
        None
    }

    pub fn threshold(&mut self) -> Option<f64> {
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

    /// A whole number from `least` to `most`.
    pub fn whole(&mut self, key: &str, least: u64, most: u64) -> Option<u64> {
        let value = self.table.get(key)?;
        let found = value.as_u64().filter(|number| (least..=most).contains(number));
        if found.is_none() {
            let message = match value {
                Value::Number(number) => format!("`{key}` is {number}"),
                other => format!("`{key}` is {}", kind_of(other)),
            };
            let expected = format!("a whole number from {least} to {most}");
            self.problem("out_of_range", &format!("/{key}"), message, &expected);
        }
        found
    }

    pub fn choice<T: Copy>(&mut self, key: &str, choices: &[(&str, T)]) -> Option<T> {
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

    /// A list of attributes, sorted.
    pub fn slices(&mut self, key: &str) -> Vec<String> {
        let Some(value) = self.table.get(key) else { return Vec::new() };
        let at = format!("/{key}");
        let mut slices = self.names(value, &at);
        let mut seen = BTreeSet::new();
        for name in &slices {
            if !seen.insert(normalise_name(name)) {
                let message = format!("attribute `{name}` stands twice");
                self.problem("duplicate", &at, message, "each attribute once");
            }
        }
        if slices.len() > MOST_SLICES {
            let message = format!("{} attributes", slices.len());
            self.problem("too_many", &at, message, &format!("at most {MOST_SLICES}"));
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
    pub fn intersections(&mut self, slices: &[String]) -> Vec<Vec<String>> {
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
pub(super) fn pointer(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

pub(super) fn kind_of(value: &Value) -> &'static str {
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
