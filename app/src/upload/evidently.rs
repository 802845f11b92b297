//! Evidently: the report's JSON and snapshot of 0.7, and the report's JSON up to 0.6.
//!
//! A report is about all rows of its current data; who makes one per group says so in the
//! snapshot's metadata, as `{"slice": "sex=Female"}`.

mod before_0_7;

use super::estimate::Draft;
use super::harvest::{Declared, Harvest};
use super::measure;
use super::problems::Problems;
use super::spot::{Reported, Spot};
use super::{Context, Format, Notes};
use metrics::catalogue;
use metrics::{Problem, RunDocument, Slice};

/// Why a value of one of two classes is no estimate.
const OF_TWO: &str = "one class of two against the other: the positive one's stand by themselves";

/// What a single number is of more classes than two, and the catalogue's key of it.
const MEANS: [(&str, &str); 3] =
    [("true_positive_rate", "macro_recall"), ("precision", "macro_precision"), ("f1", "macro_f1")];

/// Why a value of a class is no estimate.
const OF_A_CLASS: &str = "no metric of a class that Evenhand knows";

/// Why a metric of a column is no estimate.
const OF_DATA: &str = "it describes the data, not the model";

pub(super) fn read(
    root: &Spot,
    context: &Context,
    problems: &mut Problems,
) -> Option<(RunDocument, Notes)> {
    let mut harvest = Harvest::of(Format::Evidently, context);
    harvest.convention("values are of the current data");
    if let Some(time) = root.get("timestamp").and_then(|time| time.text()) {
        harvest.evaluated(time);
    }
    let version = root.get("version").and_then(|version| version.text());
    harvest.version(version);
    let slice = slice(root, problems)?;
    let are_before_0_7 = root.get("metrics").is_some_and(|metrics| {
        metrics.items().next().is_some_and(|metric| metric.get("metric").is_some())
    });
    if root.get("metric_results").is_some() {
        snapshot(root, &slice, &mut harvest, problems);
    } else if are_before_0_7 {
        before_0_7::read(root, &slice, &mut harvest, problems);
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

/// What is known of all metrics of a report.
struct Whole<'s> {
    slice: &'s Slice,
    rows: Option<u64>,
    classes: Classes,
}

/// How many classes there are, as far as a report tells.
#[derive(Clone, Copy, PartialEq)]
enum Classes {
    Two,
    More,
    Untold,
}

impl Classes {
    /// From the classes of metrics that have a value for each, and whether there are rates of a
    /// positive class.
    fn told(by_label: Option<usize>, has_positive: bool) -> Self {
        match by_label {
            Some(3..) => Self::More,
            None | Some(0) if !has_positive => Self::Untold,
            _ => Self::Two,
        }
    }
}

/// Rates that Evidently computes of two classes alone.
const OF_POSITIVE: [&str; 4] = ["TPR", "TNR", "FPR", "FNR"];

impl<'s> Whole<'s> {
    fn new(slice: &'s Slice, rows: Option<u64>, classes: Classes, harvest: &mut Harvest) -> Self {
        harvest.convention(match classes {
            Classes::More => {
                "precision, recall and F1 are means over the classes, or of a class against the rest"
            }
            Classes::Two => "precision, recall and F1 are of the positive class",
            Classes::Untold => {
                "precision, recall and F1 keep names of their own: nothing says whether they are of \
                 a positive class or means over several; a report with `RecallByLabel` does"
            }
        });
        Self { slice, rows, classes }
    }

    /// The key of a metric that is one number; `None` after it was left out with its reason.
    fn key(&self, name: &str, harvest: &mut Harvest, value: &Spot) -> Option<String> {
        let known = measure::key_of(name);
        let is_of_classes = !matches!(known, Some("accuracy" | "log_loss" | "count"))
            && known
                .and_then(catalogue::find)
                .is_some_and(|metric| metric.family == catalogue::Family::Classification);
        let own = match self.classes {
            Classes::More if is_of_classes => {
                if let Some((_, mean)) = MEANS.iter().find(|(one, _)| known == Some(one)) {
                    return Some((*mean).to_owned());
                }
                Some(format!("macro {name}"))
            }
            Classes::Untold if is_of_classes => Some(name.to_owned()),
            _ => None,
        };
        if let Some(own) = own {
            let like = Declared { name: &own, ..Declared::default() };
            return harvest.declare(&format!("evidently {own}"), like, &value.place());
        }
        measure::key_or_declare(name, harvest, &value.place())
    }

    fn place(
        &self,
        original: &str,
        key: &str,
        value: Reported,
        spot: &Spot,
        harvest: &mut Harvest,
    ) {
        let draft = Draft::reported(self.slice, key, value);
        let draft = match (key, self.rows) {
            ("accuracy", Some(rows)) => draft.counted(rows),
            ("count" | "roc_auc" | "log_loss", rows) => draft.of_rows(rows),
            (key, rows) if key.starts_with("macro_") => draft.of_rows(rows),
            _ => draft,
        };
        harvest.add(original, draft, spot.place());
    }
}

/// What 0.7 writes with `json()`.
fn report(root: &Spot, slice: &Slice, harvest: &mut Harvest, problems: &mut Problems) {
    let Some(metrics) = root.list("metrics", problems) else { return };
    let rows = metrics.items().find(|metric| kind(metric) == Some("RowCount"));
    let rows = rows.and_then(|metric| metric.get("value")?.count());
    let by_label = metrics.items().filter(|metric| kind(metric).is_some_and(is_by_label));
    let by_label = by_label.filter_map(|metric| Some(metric.get("value")?.fields().count())).max();
    let has_positive = metrics.items().any(|metric| {
        kind(&metric).is_some_and(|kind| OF_POSITIVE.contains(&kind))
            && metric.get("value").is_some_and(|value| value.is_number())
    });
    let whole = Whole::new(slice, rows, Classes::told(by_label, has_positive), harvest);
    for metric in metrics.items() {
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
            Some(value) => add(kind, shown, &value, &whole, harvest, problems),
        }
    }
}

/// Whether a metric has a value for each class.
fn is_by_label(kind: &str) -> bool {
    kind.ends_with("ByLabel")
}

/// The metric's class, such as `F1Score`.
fn kind<'n>(metric: &Spot<'n>) -> Option<&'n str> {
    metric.find(&["config", "type"])?.text()?.rsplit(':').next()
}

/// What a metric of a snapshot was asked for.
fn params<'n>(result: &Spot<'n>) -> Option<Spot<'n>> {
    result.find(&["metric_value_location", "metric", "params"])
}

/// The class of a result's metric.
fn result_kind<'n>(result: &Spot<'n>) -> Option<&'n str> {
    params(result)?.get("type")?.text()?.rsplit(':').next()
}

/// What 0.7 writes with `dumps()`.
fn snapshot(root: &Spot, slice: &Slice, harvest: &mut Harvest, problems: &mut Problems) {
    let Some(results) = root.object("metric_results", problems) else { return };
    let of_kind = |wanted: fn(&str) -> bool| {
        let all = results.fields().map(|(_, result)| result);
        all.filter(move |result| result_kind(result).is_some_and(wanted))
    };
    let by_label = of_kind(is_by_label);
    let by_label = by_label.filter_map(|result| Some(result.get("values")?.fields().count()));
    let has_positive = of_kind(|kind| OF_POSITIVE.contains(&kind))
        .any(|result| result.get("value").is_some_and(|value| value.is_number()));
    let rows = of_kind(|kind| kind == "RowCount").next();
    let rows = rows.and_then(|result| result.get("value")?.count());
    let whole = Whole::new(slice, rows, Classes::told(by_label.max(), has_positive), harvest);
    for (hash, result) in results.fields() {
        let shown = result.get("display_name").and_then(|name| name.text()).unwrap_or(hash);
        let Some(kind) = result_kind(&result) else {
            harvest.leave(result.place(), shown, "nothing says which metric it is");
            continue;
        };
        let value = result.get("value").or_else(|| result.get("values"));
        match value.or_else(|| result.get("mean")) {
            _ if params(&result).is_some_and(|params| params.get("column").is_some()) => {
                harvest.leave(result.place(), shown, OF_DATA);
            }
            None => harvest.leave(result.place(), shown, "it has no value"),
            Some(value) => add(kind, shown, &value, &whole, harvest, problems),
        }
    }
}

fn add(
    kind: &str,
    shown: &str,
    value: &Spot,
    whole: &Whole,
    harvest: &mut Harvest,
    problems: &mut Problems,
) {
    if is_by_label(kind) {
        by_label(kind, shown, value, whole, harvest, problems);
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
        kind => whole.key(kind, harvest, &value),
    };
    let Some(key) = key else { return };
    whole.place(kind, &key, reported, &value, harvest);
}

/// A value for each class against the rest.
fn by_label(
    kind: &str,
    shown: &str,
    values: &Spot,
    whole: &Whole,
    harvest: &mut Harvest,
    problems: &mut Problems,
) {
    let base = kind.trim_end_matches("ByLabel");
    let base = measure::key_of(if base == "F1" { "F1Score" } else { base });
    if whole.classes != Classes::More {
        harvest.leave(values.place(), shown, OF_TWO);
        return;
    }
    for (class, value) in values.fields() {
        let Some(key) = base.and_then(|base| measure::of_class(base, class)) else {
            harvest.leave(value.place(), shown, OF_A_CLASS);
            continue;
        };
        let value = value.get("value").unwrap_or(value);
        let Some(reported) = value.reported(problems) else { continue };
        harvest.add(kind, Draft::reported(whole.slice, &key, reported), value.place());
    }
}
