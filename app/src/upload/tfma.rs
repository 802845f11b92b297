//! TFMA and Fairness Indicators: metrics per slice, as people dump `slicing_metrics` or the
//! protocol buffer behind it.

mod slice_key;

use super::estimate::{Draft, Field};
use super::group;
use super::harvest::{Counted, Declared, Harvest};
use super::measure::{self, DISPARITY};
use super::problems::Problems;
use super::solve;
use super::spot::Spot;
use super::{Context, Format, Notes};
use metrics::catalogue::{self, Better, Kind, Metric};
use metrics::{Interval, RunDocument, Slice};
use std::collections::BTreeSet;

const LEVEL: f64 = 0.95;

/// Metrics of Fairness Indicators and the catalogue's keys for the same.
const INDICATORS: [(&str, Option<&str>); 10] = [
    ("false_positive_rate", Some("false_positive_rate")),
    ("false_negative_rate", Some("false_negative_rate")),
    ("true_positive_rate", Some("true_positive_rate")),
    ("true_negative_rate", Some("true_negative_rate")),
    ("positive_rate", Some("selection_rate")),
    ("negative_rate", None),
    ("false_discovery_rate", Some("false_discovery_rate")),
    ("false_omission_rate", Some("false_omission_rate")),
    ("precision", Some("precision")),
    ("recall", Some("true_positive_rate")),
];

/// The threshold whose rates are the model's, where there are several.
const USUAL: f64 = 0.5;

/// How TFMA writes, before a metric's name, that it is a mean over the classes.
const MACRO: &str = "macro_average: true\n_";

/// How TFMA decides what is of a class. The catalogue's metrics of a class, and their means, are of
/// the predicted class, so that rates which a threshold makes may not bear their names.
const BY_OWN_SCORE: &str = "a class is held against the rest by its own score: a row counts as \
     predicted where that is above the metric's threshold, 0.5 unless it was told otherwise, and not \
     where it is the highest; such rates and their means are metrics of their own, apart from \
     `precision[class]` and `macro_precision`";

/// What a value is of, where that is not simply the model's decision.
#[derive(Clone, Debug, Default)]
struct Of {
    /// The class that is held against the rest.
    class: Option<String>,
    is_mean: bool,
    /// A model among several, an output, the first k, another mean, weighted examples.
    other: String,
}

impl Of {
    /// As the protocol buffer has it, in a file of one model or more.
    fn key(key: &Spot, has_models: bool) -> Self {
        let text =
            |field: &str| key.get(field).and_then(|it| it.text()).filter(|it| !it.is_empty());
        let number = |field: &str| plain(key.find(&["subKey", field])?).name();
        let mut of = Self { class: number("classId"), ..Self::default() };
        let mut others: Vec<String> = Vec::new();
        others.extend(text("modelName").filter(|_| has_models).map(str::to_owned));
        others.extend(text("outputName").map(str::to_owned));
        others.extend(number("k").map(|k| format!("k:{k}")));
        others.extend(number("topK").map(|k| format!("topK:{k}")));
        for (kind, _) in key.get("aggregationType").iter().flat_map(Spot::fields) {
            match kind {
                "macroAverage" => of.is_mean = true,
                kind => others.push(kind.to_owned()),
            }
        }
        let weighted = key.get("exampleWeighted").map(plain);
        if weighted.is_some_and(|it| it.truth() == Some(true)) {
            others.push("weighted".to_owned());
        }
        of.other = others.join(" ");
        of
    }

    /// As `slicing_metrics` has it; the metric's name then says whether it is a mean.
    fn named(output: &str, sub_key: &str) -> Self {
        match sub_key.strip_prefix("classId:") {
            Some(class) => {
                Self { class: Some(class.to_owned()), other: output.to_owned(), is_mean: false }
            }
            None => {
                Self { other: format!("{output} {sub_key}").trim().to_owned(), ..Self::default() }
            }
        }
    }

    /// Before the name of a metric that is not the catalogue's.
    fn words(&self) -> String {
        let class = self.class.iter().map(|class| format!("classId:{class}"));
        let mean = self.is_mean.then(|| "macro average".to_owned());
        let other = (!self.other.is_empty()).then(|| self.other.clone());
        other.into_iter().chain(class).chain(mean).collect::<Vec<_>>().join(" ")
    }
}

/// A value of a slice.
struct Value<'n> {
    of: Of,
    name: String,
    spot: Spot<'n>,
    interval: Option<(f64, f64)>,
}

pub(super) fn read(
    root: &Spot,
    context: &Context,
    problems: &mut Problems,
) -> Option<(RunDocument, Notes)> {
    let mut harvest = Harvest::of(Format::Tfma, context);
    let dumped = root.get("slicingMetrics").or_else(|| root.get("slicing_metrics"));
    let list = dumped.unwrap_or_else(|| root.clone());
    let slices: Vec<Spot> = match (list.is_list(), root.get("sliceKey")) {
        (true, _) => list.items().collect(),
        (false, Some(_)) => vec![root.clone()],
        (false, None) => {
            root.expected("a list of slices, each with its metrics", problems);
            return None;
        }
    };
    let models: BTreeSet<&str> = slices
        .iter()
        .filter_map(|slice| slice.get("metricKeysAndValues"))
        .flat_map(|pairs| pairs.items().collect::<Vec<_>>())
        .filter_map(|pair| pair.find(&["key", "modelName"])?.text())
        .collect();
    let mut read: Vec<(Slice, Vec<Value>)> = Vec::new();
    for item in &slices {
        if item.get("crossSliceKey").is_some() {
            harvest.leave(item.place(), "crossSliceKey", DISPARITY);
            continue;
        }
        let Some(slice) = slice_key::of(item, problems) else { continue };
        read.push((slice, values(item, models.len() > 1, &mut harvest, problems)));
    }
    let threshold = threshold(&read);
    if let Some(threshold) = threshold {
        harvest.convention(format!(
            "rates at the threshold {threshold} are the catalogue's; at others they are metrics of their own"
        ));
    }
    let of_class = |value: &Value| value.of.class.is_some() || value.of.is_mean;
    if read.iter().flat_map(|(_, values)| values).any(of_class) {
        harvest.convention(BY_OWN_SCORE);
    }
    for (slice, values) in &read {
        let rows = values.iter().find(|value| value.name == "example_count");
        let rows = rows.and_then(|value| value.spot.count());
        let left = count(slice, values, rows, threshold, &mut harvest, problems);
        for value in left {
            add(slice, value, rows, threshold, &mut harvest, problems);
        }
    }
    harvest.settle(problems)
}

/// The metrics of one slice, in either way of writing them.
fn values<'n>(
    item: &Spot<'n>,
    has_models: bool,
    harvest: &mut Harvest,
    problems: &mut Problems,
) -> Vec<Value<'n>> {
    let mut values = Vec::new();
    if let Some(pairs) = item.get("metricKeysAndValues") {
        for pair in pairs.items() {
            let (Some(key), Some(value)) = (pair.get("key"), pair.get("value")) else {
                pair.expected("an object with `key` and `value`", problems);
                continue;
            };
            let Some(name) = key.get("name").and_then(|name| name.text()) else {
                key.expected("an object with the metric's `name`", problems);
                continue;
            };
            if key.get("isDiff").and_then(|it| it.truth()) == Some(true) {
                harvest.leave(pair.place(), name, DISPARITY);
                continue;
            }
            let of = Of::key(&key, has_models);
            let interval = pair.get("confidenceInterval").and_then(|it| bounds(&it));
            values.extend(one(of, name, &value, interval, harvest));
        }
        return values;
    }
    let Some(outputs) = item.items().nth(1) else { return values };
    for (output, sub_keys) in outputs.fields() {
        for (sub_key, metrics) in sub_keys.fields() {
            for (name, value) in metrics.fields() {
                let of = Of::named(output, sub_key);
                let (of, name) = match name.strip_prefix(MACRO) {
                    Some(name) => (Of { is_mean: true, ..of }, name),
                    None => (of, name),
                };
                values.extend(one(of, name, &value, None, harvest));
            }
        }
    }
    values
}

fn one<'n>(
    of: Of,
    name: &str,
    value: &Spot<'n>,
    interval: Option<(f64, f64)>,
    harvest: &mut Harvest,
) -> Option<Value<'n>> {
    let name = name.to_owned();
    if let Some(spot) = value.get("doubleValue") {
        return Some(Value { of, name, spot: plain(spot), interval });
    }
    let Some(bounded) = value.get("boundedValue") else {
        let said = value.get("debugMessage").and_then(|it| it.text());
        let why = match said {
            Some(said) => format!("TFMA says: {said}"),
            None if value.fields().count() < 2 => "it has no value that is one number".to_owned(),
            None => "its value is more than one number".to_owned(),
        };
        harvest.leave(value.place(), &name, &why);
        return None;
    };
    let interval = bounds(&bounded);
    let Some(spot) = bounded.get("value") else {
        harvest.leave(bounded.place(), &name, "it has bounds and no value");
        return None;
    };
    Some(Value { of, name, spot: plain(spot), interval })
}

/// A value, also where it is wrapped as the protocol buffer's optional ones are.
fn plain(spot: Spot<'_>) -> Spot<'_> {
    spot.get("value").unwrap_or(spot)
}

fn bounds(of: &Spot) -> Option<(f64, f64)> {
    let end = |field: &str| plain(of.get(field)?).number();
    end("lowerBound").zip(end("upperBound"))
}

/// The metric of Fairness Indicators in a name, and its threshold: `…/false_positive_rate@0.50`.
fn indicator(name: &str) -> Option<(&str, f64)> {
    let (metric, threshold) = name.strip_prefix("fairness_indicators_metrics/")?.split_once('@')?;
    Some((metric, threshold.parse().ok()?))
}

/// The one threshold, or the usual one of several.
fn threshold(read: &[(Slice, Vec<Value>)]) -> Option<f64> {
    let mut all: Vec<f64> = read
        .iter()
        .flat_map(|(_, values)| values)
        .filter(|value| value.of.class.is_none() && !value.of.is_mean)
        .filter_map(|value| indicator(&value.name))
        .map(|(_, threshold)| threshold)
        .collect();
    all.sort_by(f64::total_cmp);
    all.dedup();
    match all.as_slice() {
        [only] => Some(*only),
        all => all.iter().copied().find(|it| (it - USUAL).abs() < 1e-9),
    }
}

/// The catalogue's key for a metric of Keras'.
fn known(name: &str) -> Option<&'static str> {
    match name {
        "sparse_categorical_accuracy" | "categorical_accuracy" => Some("accuracy"),
        name => measure::key_of(name.strip_prefix("binary_").unwrap_or(name)),
    }
}

/// What the catalogue calls a metric, leaving aside what it is of, and its threshold where its name
/// tells it.
fn base(name: &str) -> (Option<&'static str>, Option<f64>) {
    match indicator(name) {
        Some((metric, at)) => {
            let known = INDICATORS.iter().find(|(known, _)| *known == metric);
            (known.and_then(|(_, key)| *key), Some(at))
        }
        None if name == "example_count" => (Some("count"), None),
        None => (known(name), None),
    }
}

/// The catalogue's key of a value, where the file's rates at `threshold` are the catalogue's.
fn key_of(value: &Value, threshold: Option<f64>) -> Option<String> {
    let Of { class, is_mean, other } = &value.of;
    let (key, at) = base(&value.name);
    let key = key.filter(|_| other.is_empty() && !is_mean && (at.is_none() || at == threshold))?;
    match class {
        Some(_) if key == "count" => Some(key.to_owned()),
        Some(_) if group::is_of_confusion(key) => None,
        Some(class) => measure::of_class(key, class),
        None => Some(key.to_owned()),
    }
}

/// What is known of a metric that is not the catalogue's: that of the catalogue with its name is of
/// another decision, and better the same way.
fn declared<'m>(value: &Value, name: &'m str) -> Declared<'m> {
    let same = base(&value.name).0.and_then(catalogue::find);
    let direction = same.and_then(|metric| match metric.better {
        Better::Always(direction) => Some(direction),
        Better::WithOutcome => None,
    });
    // A mean of shares is no share of its rows.
    let is_share = |metric: &&Metric| metric.kind == Kind::Rate && !value.of.is_mean;
    let range = same.filter(is_share).and_then(|metric| metric.range);
    Declared { name, direction, range }
}

/// Keeps what a confusion matrix makes, where the rates at the threshold and the number of examples
/// leave one matrix only; gives what is left.
fn count<'v, 'n>(
    slice: &Slice,
    values: &'v [Value<'n>],
    rows: Option<u64>,
    threshold: Option<f64>,
    harvest: &mut Harvest,
    problems: &mut Problems,
) -> Vec<&'v Value<'n>> {
    // `binary_accuracy` is always that at a half.
    let at_half = threshold.is_some_and(|threshold| (threshold - USUAL).abs() < 1e-9);
    let counted_key = |value: &Value| {
        key_of(value, threshold).filter(|key| match key.as_str() {
            _ if value.of.class.is_some() => false,
            "count" => true,
            "accuracy" => at_half,
            key => indicator(&value.name).is_some() && group::is_of_confusion(key),
        })
    };
    let keys: Vec<Option<String>> = values.iter().map(counted_key).collect();
    let known: Vec<(&str, f64)> = values
        .iter()
        .zip(&keys)
        .filter_map(|(value, key)| Some((key.as_deref()?, value.spot.number()?)))
        .collect();
    let rate = |wanted: &str| known.iter().find(|(key, _)| *key == wanted).map(|(_, rate)| *rate);
    let Some(counts) = rows.and_then(|rows| solve::counts(rows, rate)) else {
        return values.iter().collect();
    };
    let (mut counted, mut left) = (Vec::new(), Vec::new());
    for (value, key) in values.iter().zip(&keys) {
        match key {
            Some(key) => counted.push(Counted {
                original: &value.name,
                key,
                value: value.spot.number(),
                place: value.spot.place(),
            }),
            None => left.push(value),
        }
    }
    harvest.add_counted(slice, &counts, threshold, &counted, problems);
    left
}

/// A rate as its counts; Keras computes some with 32 bits, of which the nearest share is meant.
fn counted(mut draft: Draft, rows: u64) -> Draft {
    if let Field::Is(value) = draft.value {
        let share = (value * rows as f64).round() / rows as f64;
        #[expect(clippy::cast_possible_truncation, reason = "as Keras does")]
        let is_same = (share as f32).to_bits() == (value as f32).to_bits();
        // Of more rows than this, neighbours have the same 32 bits.
        if is_same && rows < 1 << 22 {
            draft.value = Field::Is(share);
        }
    }
    draft.counted(rows)
}

fn add(
    slice: &Slice,
    value: &Value,
    rows: Option<u64>,
    threshold: Option<f64>,
    harvest: &mut Harvest,
    problems: &mut Problems,
) {
    let Value { of, name, spot, interval } = value;
    let Some(reported) = spot.reported(problems) else { return };
    let key = match key_of(value, threshold) {
        Some(key) => Some(key),
        None => {
            let named = format!(
                "{} {}",
                of.words(),
                name.trim_start_matches("fairness_indicators_metrics/")
            );
            let own = format!("tfma {}", named.trim());
            harvest.declare(&own, declared(value, named.trim()), &spot.place())
        }
    };
    let Some(key) = key else { return };
    let mut draft = Draft::reported(slice, &key, reported);
    draft.threshold = indicator(name).map_or(Field::Absent, |(_, at)| Field::Is(at));
    match (key.as_str(), rows) {
        ("count", _) => draft = draft.of_rows(rows),
        ("selection_rate" | "accuracy", Some(rows)) => draft = counted(draft, rows),
        (_, rows) if of.is_mean && of.other.is_empty() => draft = draft.of_rows(rows),
        _ => {}
    }
    if let (Some((low, high)), Field::Absent, Field::Is(_)) =
        (interval, &draft.numerator, &draft.value)
    {
        let method = "tfma".to_owned();
        draft.interval = Field::Is(Interval { low: *low, high: *high, level: LEVEL, method });
    }
    harvest.add(name, draft, spot.place());
}
