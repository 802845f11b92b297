//! What a spec says of lists of items: rankings, or the images made for a prompt.

use super::Task;
use super::fields::{Fields, kind_of, pointer};
use crate::slice::normalise_name;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// A cut-off larger than this is no page that anyone looks at.
const LARGEST_CUTOFF: u64 = 100_000;
/// More cut-offs than this are a mistake.
const MOST_CUTOFFS: usize = 20;
/// Shares that add up to 1 within this are left as they are.
const SUMS_TO_ONE: f64 = 1e-9;

/// How the groups of an item attribute should be shared out.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Target {
    /// As among the items of the file, each item once.
    #[default]
    Catalogue,
    /// Each group alike.
    Uniform,
    /// As among the relevant items of the queries, shown or not.
    Qualified,
    /// These shares, which add up to 1.
    Given(BTreeMap<String, f64>),
}

/// Lists of items, one list per query.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ranking {
    /// Column with the query: what one list answers. For images, the prompt.
    pub query: String,
    /// Column with the item.
    pub item: Option<String>,
    /// Column with the rank, from 1; empty where an item was judged but not shown. Without it, as
    /// images may be, items rank in the order of the file.
    pub rank: Option<String>,
    /// Column with the relevance, 0 or more.
    pub relevance: Option<String>,
    /// An item of at least this relevance is relevant; above 0 when `None`.
    pub relevant_from: Option<f64>,
    /// Cut-offs, sorted.
    pub k: Vec<u32>,
    /// Attributes of items, sorted; every other slice is of queries.
    pub item_slices: Vec<String>,
    /// The targets of item attributes, where they are not [`Target::Catalogue`].
    pub targets: BTreeMap<String, Target>,
    /// The chance that whoever looks at a position looks no further, for attention that falls
    /// geometrically: p(1−p)^(rank−1).
    pub attention: Option<f64>,
}

impl Ranking {
    /// The target of an item attribute.
    pub fn target(&self, attribute: &str) -> &Target {
        self.targets.get(attribute).unwrap_or(&Target::Catalogue)
    }

    /// Whether an item of this relevance is relevant.
    pub fn is_relevant(&self, relevance: f64) -> bool {
        self.relevant_from.map_or(relevance > 0.0, |least| relevance >= least)
    }

    pub(super) fn read(fields: &mut Fields<'_>, task: Task) -> Self {
        let positive = |number: f64| number.is_finite() && number > 0.0;
        let between = |number: f64| number > 0.0 && number < 1.0;
        let is_ranking = task == Task::Ranking;
        let item_slices = fields.slices("item_slices");
        let relevance = fields.column("relevance");
        let relevant_from =
            fields.number("relevant_from", "/relevant_from", positive, "a number above 0");
        if relevance.is_none() && relevant_from.is_some() {
            let message = "`relevant_from` without `relevance`";
            fields.problem("missing_key", "/relevance", message, "the column with the relevance");
        }
        Self {
            query: fields.needed_column("query"),
            item: if is_ranking { Some(fields.needed_column("item")) } else { None },
            rank: if is_ranking {
                Some(fields.needed_column("rank"))
            } else {
                fields.column("rank")
            },
            relevant_from: relevance.as_ref().and(relevant_from),
            k: cutoffs(fields),
            targets: targets(fields, &item_slices, relevance.is_some()),
            attention: fields.number(
                "attention",
                "/attention",
                between,
                "the chance of stopping at a position, between 0 and 1",
            ),
            relevance,
            item_slices,
        }
    }

    pub(super) fn write(&self, table: &mut Map<String, Value>) {
        let mut put = |key: &str, value: Value| table.insert(key.to_owned(), value);
        put("query", json!(self.query));
        put("k", json!(self.k));
        put("item_slices", json!(self.item_slices));
        for (key, column) in
            [("item", &self.item), ("rank", &self.rank), ("relevance", &self.relevance)]
        {
            if let Some(column) = column {
                put(key, json!(column));
            }
        }
        for (key, number) in [("relevant_from", self.relevant_from), ("attention", self.attention)]
        {
            if let Some(number) = number {
                put(key, json!(number));
            }
        }
        if !self.targets.is_empty() {
            let targets: Map<String, Value> = self
                .targets
                .iter()
                .map(|(attribute, target)| {
                    let target = match target {
                        Target::Catalogue => json!("catalogue"),
                        Target::Uniform => json!("uniform"),
                        Target::Qualified => json!("qualified"),
                        Target::Given(shares) => json!(shares),
                    };
                    (attribute.clone(), target)
                })
                .collect();
            put("target", Value::Object(targets));
        }
    }
}

fn cutoffs(fields: &mut Fields<'_>) -> Vec<u32> {
    let expected = format!("whole numbers from 1 to {LARGEST_CUTOFF}, such as [5, 10]");
    let table = fields.table;
    let mut wrong = |message: String| {
        fields.problem("bad_cut_off", "/k", message, &expected);
        Vec::new()
    };
    let Some(value) = table.get("k") else { return vec![10] };
    let one = [value.clone()];
    let items = value.as_array().map_or(&one[..], Vec::as_slice);
    let mut cutoffs = Vec::new();
    for item in items {
        match item.as_u64().filter(|k| (1..=LARGEST_CUTOFF).contains(k)) {
            Some(k) => cutoffs.extend(u32::try_from(k)),
            None => return wrong(format!("`k` holds {item}")),
        }
    }
    cutoffs.sort_unstable();
    cutoffs.dedup();
    match cutoffs.len() {
        0 => wrong("`k` is an empty list".to_owned()),
        many if many > MOST_CUTOFFS => wrong(format!("`k` holds {many} cut-offs")),
        _ => cutoffs,
    }
}

/// One target for all item attributes, or one for each.
fn targets(
    fields: &mut Fields<'_>,
    item_slices: &[String],
    has_relevance: bool,
) -> BTreeMap<String, Target> {
    let mut targets = BTreeMap::new();
    match fields.table.get("target") {
        None => {}
        Some(Value::Object(table)) => {
            for (attribute, value) in table {
                let at = format!("/target/{}", pointer(attribute));
                if !item_slices.contains(attribute) {
                    let message = format!("`{attribute}` is not among the item slices");
                    let expected = format!("one of {}", item_slices.join(", "));
                    fields.problem("unknown_attribute", &at, message, &expected);
                } else if let Some(target) = target(fields, value, &at) {
                    targets.insert(attribute.clone(), target);
                }
            }
        }
        Some(value) => {
            if let Some(target) = target(fields, value, "/target") {
                targets.extend(item_slices.iter().map(|name| (name.clone(), target.clone())));
            }
        }
    }
    if !has_relevance && targets.values().any(|target| *target == Target::Qualified) {
        let message = "a target of qualified items without `relevance`";
        fields.problem("missing_key", "/relevance", message, "the column with the relevance");
    }
    targets.retain(|_, target| *target != Target::Catalogue);
    targets
}

fn target(fields: &mut Fields<'_>, value: &Value, at: &str) -> Option<Target> {
    const EXPECTED: &str = "`uniform`, `catalogue`, `qualified`, or a table of group = share";
    let found = match value {
        Value::String(text) => match text.as_str() {
            "uniform" => Some(Target::Uniform),
            "catalogue" => Some(Target::Catalogue),
            "qualified" => Some(Target::Qualified),
            _ => None,
        },
        Value::Object(table) => shares(table),
        _ => None,
    };
    if found.is_none() {
        let message = match value {
            Value::String(text) => format!("the target is `{text}`"),
            Value::Object(_) => "the target has no usable shares".to_owned(),
            other => format!("the target is {}", kind_of(other)),
        };
        fields.problem("unknown_choice", at, message, EXPECTED);
    }
    found
}

/// Positive shares of two groups or more, scaled to add up to 1.
fn shares(table: &Map<String, Value>) -> Option<Target> {
    let mut shares = BTreeMap::new();
    for (group, share) in table {
        let share = share.as_f64().filter(|share| share.is_finite() && *share > 0.0)?;
        if shares.insert(normalise_name(group), share).is_some() {
            return None;
        }
    }
    let sum: f64 = shares.values().sum();
    if (sum - 1.0).abs() > SUMS_TO_ONE {
        for share in shares.values_mut() {
            *share /= sum;
        }
    }
    (shares.len() > 1 && sum.is_finite()).then_some(Target::Given(shares))
}
