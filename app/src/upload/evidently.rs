//! Evidently: the report's JSON and snapshot of 0.7, and the report's JSON up to 0.6.
//!
//! A report is about all rows of its current data; who makes one per group says so in the
//! snapshot's metadata, as `{"slice": "sex=Female"}`.

use super::estimate::Draft;
use super::harvest::Harvest;
use super::measure;
use super::problems::Problems;
use super::spot::{Reported, Spot};
use super::{Context, Format, Notes};
use metrics::{Problem, RunDocument, Slice};

/// Why a metric with a value per class is no estimate.
const PER_CLASS: &str = "a value for each class against the rest: a class is no slice";

/// Why a metric of a column is no estimate.
const OF_DATA: &str = "it describes a column of the data, not the model";

pub(super) fn read(
    root: &Spot,
    context: &Context,
    problems: &mut Problems,
) -> Option<(RunDocument, Notes)> {
    let mut harvest = Harvest::of(Format::Evidently, context);
    harvest.convention(
        "values are of the current data; precision, recall and F1 of the positive class",
    );
    if let Some(time) = root.get("timestamp").and_then(|time| time.text()) {
        harvest.evaluated(time);
    }
    let version = root.get("version").and_then(|version| version.text());
    harvest.version(version);
    let slice = slice(root, problems)?;
    if root.get("metric_results").is_some() {
        snapshot(root, &slice, &mut harvest, problems);
    } else {
        report(root, &slice, &mut harvest, problems);
    }
    for test in root.get("tests").iter().flat_map(Spot::items) {
        let name = test.get("name").and_then(|name| name.text()).unwrap_or("a test");
        harvest.leave(test.place(), name, "a verdict of Evidently's; rules here give their own");
    }
    harvest.settle(problems)
}

/// The slice that the metadata names; else all rows.
fn slice(root: &Spot, problems: &mut Problems) -> Option<Slice> {
    let Some(spot) = root.find(&["metadata", "slice"]) else { return Some(Slice::overall()) };
    let Some(text) = spot.text() else {
        spot.expected("a slice as text, `sex=Female`", problems);
        return None;
    };
    Slice::parse(text)
        .map_err(|error| {
            let problem = Problem::new("bad_slice", error.to_string());
            problems.add_at(spot.place(), problem.expected("`attribute=group`, joined by `;`"));
        })
        .ok()
}

/// What 0.7 writes with `json()`, or an earlier version.
fn report(root: &Spot, slice: &Slice, harvest: &mut Harvest, problems: &mut Problems) {
    let Some(metrics) = root.list("metrics", problems) else { return };
    let rows = metrics.items().find(|metric| kind(metric) == Some("RowCount"));
    let rows = rows.and_then(|metric| metric.get("value")?.count());
    for metric in metrics.items() {
        if let Some(name) = metric.get("metric") {
            match name.text() {
                Some(name) => before_0_7(&metric, name, slice, harvest, problems),
                None => name.expected("a metric's name", problems),
            }
            continue;
        }
        let shown = metric.get("metric_name").and_then(|name| name.text()).unwrap_or("a metric");
        let Some(kind) = kind(&metric) else {
            harvest.leave(
                metric.place(),
                shown,
                "the entry is empty: Evidently could not compute it",
            );
            continue;
        };
        let is_of_column = metric.find(&["config", "column"]).is_some();
        match metric.get("value") {
            None => harvest.leave(metric.place(), shown, "it has no value"),
            Some(_) if is_of_column => harvest.leave(metric.place(), shown, OF_DATA),
            Some(value) => add(kind, shown, &value, rows, slice, harvest, problems),
        }
    }
}

/// The metric's class, such as `F1Score`.
fn kind<'n>(metric: &Spot<'n>) -> Option<&'n str> {
    metric.find(&["config", "type"])?.text()?.rsplit(':').next()
}

/// What 0.7 writes with `dumps()`.
fn snapshot(root: &Spot, slice: &Slice, harvest: &mut Harvest, problems: &mut Problems) {
    let Some(results) = root.object("metric_results", problems) else { return };
    for (hash, result) in results.fields() {
        let shown = result.get("display_name").and_then(|name| name.text()).unwrap_or(hash);
        let params = result.find(&["metric_value_location", "metric", "params"]);
        let kind =
            params.as_ref().and_then(|params| params.get("type")?.text()?.rsplit(':').next());
        let Some(kind) = kind else {
            harvest.leave(result.place(), shown, "nothing says which metric it is");
            continue;
        };
        let value = result.get("value").or_else(|| result.get("values"));
        match value.or_else(|| result.get("mean")) {
            _ if params.is_some_and(|params| params.get("column").is_some()) => {
                harvest.leave(result.place(), shown, OF_DATA);
            }
            None => harvest.leave(result.place(), shown, "it has no value"),
            Some(value) => add(kind, shown, &value, None, slice, harvest, problems),
        }
    }
}

fn add(
    kind: &str,
    shown: &str,
    value: &Spot,
    rows: Option<u64>,
    slice: &Slice,
    harvest: &mut Harvest,
    problems: &mut Problems,
) {
    if kind.ends_with("ByLabel") {
        harvest.leave(value.place(), shown, PER_CLASS);
        return;
    }
    // Means of errors come with their spread over the rows.
    let value = match value.get("mean") {
        Some(mean) if value.get("std").is_some() => mean,
        _ => value.clone(),
    };
    if value.is_object() || value.is_list() {
        harvest.leave(value.place(), shown, "its value is more than one number");
        return;
    }
    let Some(reported) = value.reported(problems) else { return };
    let key = match kind {
        "RowCount" => Some("count".to_owned()),
        kind => measure::key_or_declare(kind, harvest, &value.place()),
    };
    let Some(key) = key else { return };
    place(kind, &key, reported, rows, slice, &value, harvest);
}

fn place(
    original: &str,
    key: &str,
    value: Reported,
    rows: Option<u64>,
    slice: &Slice,
    spot: &Spot,
    harvest: &mut Harvest,
) {
    let draft = Draft::reported(slice, key, value);
    let draft = match (key, rows) {
        ("count", rows) => draft.of_rows(rows),
        ("accuracy", Some(rows)) => draft.counted(rows),
        _ => draft,
    };
    harvest.add(original, draft, spot.place());
}

/// A metric up to 0.6: an object of numbers for the current data, and one for the reference.
fn before_0_7(
    metric: &Spot,
    name: &str,
    slice: &Slice,
    harvest: &mut Harvest,
    problems: &mut Problems,
) {
    if let Some(reference) = metric.find(&["result", "reference"]) {
        let why = "values of the reference data, which is another dataset";
        harvest.leave(reference.place(), name, why);
    }
    let Some(current) = metric.find(&["result", "current"]).filter(Spot::is_object) else {
        harvest.leave(metric.place(), name, "it has no numbers of the model on the current data");
        return;
    };
    let rows = current.get("number_of_rows").and_then(|rows| rows.count());
    for (field, value) in current.fields() {
        let original = format!("{name}.{field}");
        match measure::key_of(field) {
            Some(key) if !value.is_object() && !value.is_list() => {
                if let Some(reported) = value.reported(problems) {
                    place(&original, key, reported, rows, slice, &value, harvest);
                }
            }
            _ if value.is_null() => {}
            _ => harvest.leave(
                value.place(),
                &original,
                "no metric that Evenhand knows by this name",
            ),
        }
    }
}
