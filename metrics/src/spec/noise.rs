//! How often labels that a model inferred are right, for correcting the rates made of them.

use super::fields::{Fields, kind_of, pointer};
use crate::Slice;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The error rates of whatever made a yes-or-no label, as measured against the truth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ErrorRates {
    /// Share of true positives that it finds.
    pub sensitivity: f64,
    /// Share of true negatives that it leaves alone.
    pub specificity: f64,
    /// Rows that the sensitivity was measured on; `None`: taken as known.
    pub positives: Option<u64>,
    /// Rows that the specificity was measured on; `None`: taken as known.
    pub negatives: Option<u64>,
}

impl ErrorRates {
    pub(super) fn write(&self) -> Value {
        let mut table = Map::new();
        table.insert("sensitivity".to_owned(), json!(self.sensitivity));
        table.insert("specificity".to_owned(), json!(self.specificity));
        for (key, rows) in [("positives", self.positives), ("negatives", self.negatives)] {
            if let Some(rows) = rows {
                table.insert(key.to_owned(), json!(rows));
            }
        }
        Value::Object(table)
    }
}

/// Reads `label_noise`: error rates by what they are of. `known` says whether a name is one of
/// the spec's; names of groups are brought into their canonical text.
pub(super) fn read(
    fields: &mut Fields<'_>,
    known: impl Fn(&str) -> bool,
    expected: &str,
) -> BTreeMap<String, ErrorRates> {
    let mut noise = BTreeMap::new();
    let table = match fields.table.get("label_noise") {
        None => return noise,
        Some(Value::Object(table)) => table,
        Some(other) => {
            let message = format!("`label_noise` is {}", kind_of(other));
            fields.problem("wrong_type", "/label_noise", message, "a table of tables");
            return noise;
        }
    };
    for (name, value) in table {
        let at = format!("/label_noise/{}", pointer(name));
        let name = match Slice::parse(name) {
            Ok(slice) if slice.arity() == 1 => slice.to_string(),
            _ => name.clone(),
        };
        if !known(&name) {
            let message = format!("`{name}` is nothing whose errors would be corrected here");
            fields.problem("unknown_label", &at, message, expected);
            continue;
        }
        if let Some(rates) = rates(fields, value, &at) {
            noise.insert(name, rates);
        }
    }
    noise
}

fn rates(fields: &mut Fields<'_>, value: &Value, at: &str) -> Option<ErrorRates> {
    const KEYS: [&str; 4] = ["sensitivity", "specificity", "positives", "negatives"];
    const EXPECTED: &str =
        "{ sensitivity, specificity }, and positives and negatives: the rows they were measured on";
    let Value::Object(table) = value else {
        let message = format!("it is {}", kind_of(value));
        fields.problem("wrong_type", at, message, EXPECTED);
        return None;
    };
    let before = fields.problems.len();
    for key in table.keys().filter(|key| !KEYS.contains(&key.as_str())) {
        let message = format!("label noise has no `{key}`");
        fields.problem("unknown_key", &format!("{at}/{}", pointer(key)), message, EXPECTED);
    }
    let mut rate = |key: &str| {
        let found = table.get(key).and_then(Value::as_f64).filter(|x| (0.0..=1.0).contains(x));
        if found.is_none() {
            let message = format!("`{key}` is missing or no share");
            fields.problem("out_of_range", &format!("{at}/{key}"), message, "a number in 0..1");
        }
        found
    };
    let (sensitivity, specificity) = (rate("sensitivity"), rate("specificity"));
    let mut rows = |key: &str| {
        let found = table.get(key)?.as_u64().filter(|rows| *rows > 0);
        if found.is_none() {
            let message = format!("`{key}` is no number of rows");
            fields.problem(
                "out_of_range",
                &format!("{at}/{key}"),
                message,
                "a whole number from 1",
            );
        }
        found
    };
    let (positives, negatives) = (rows("positives"), rows("negatives"));
    let (sensitivity, specificity) = sensitivity.zip(specificity)?;
    if sensitivity + specificity <= 1.0 {
        let message = "labels that are no better than chance cannot be corrected";
        fields.problem("out_of_range", at, message, "sensitivity + specificity above 1");
    }
    let rates = ErrorRates { sensitivity, specificity, positives, negatives };
    (fields.problems.len() == before).then_some(rates)
}
