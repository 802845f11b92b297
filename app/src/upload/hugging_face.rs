//! Hugging Face: `model-index` in a model card or as JSON, lists of evaluation results, and what
//! `evaluate.save` writes.
//!
//! A number there may be a share or a percentage, and nothing says which: of a metric that is a
//! share, what is above 1 is left out and not divided by 100.

use super::estimate::Draft;
use super::harvest::{Declared, Harvest, is_of_the_catalogue};
use super::measure::{self, DISPARITY};
use super::name::is_slug;
use super::problems::Problems;
use super::spot::{Reported, Spot};
use super::{Context, Format, Notes, yaml};
use metrics::catalogue;
use metrics::{Problem, RunDocument, Slice};
use std::collections::{BTreeSet, HashMap};

/// Metrics whose name says what they are, whatever the task; F1, precision and recall may be of one
/// class or a mean over many.
const SAME: [&str; 8] = [
    "accuracy",
    "roc_auc",
    "brier_score",
    "mse",
    "mae",
    "rmse",
    "mean_squared_error",
    "mean_absolute_error",
];

/// A model card, or its front matter alone, or a list of results as YAML.
pub(super) fn read_card(
    text: &str,
    context: &Context,
    problems: &mut Problems,
) -> Option<(RunDocument, Notes)> {
    let text = text.trim_start_matches(super::sniff::BOM);
    let before = text.len() - text.trim_start().len();
    let first = 1 + text[..before].matches('\n').count();
    let text = text.trim_start();
    // Between `---` and `---` stands the front matter; what follows is prose.
    let (yaml, first) = match text.strip_prefix("---") {
        Some(rest) => (rest.find("\n---").map_or(rest, |end| &rest[..end]), first),
        None => (text, first),
    };
    let node = yaml::parse(yaml, first, problems)?;
    read_json(&Spot::root(&node), context, problems)
}

pub(super) fn read_json(
    root: &Spot,
    context: &Context,
    problems: &mut Problems,
) -> Option<(RunDocument, Notes)> {
    let mut harvest = Harvest::of(Format::HuggingFace, context);
    if let Some(index) = root.get("model-index") {
        model_index(&index, &mut harvest, problems);
    } else if root.is_list() {
        results(root, &mut harvest, problems);
    } else if root.get("_evaluate_version").is_some() {
        saved(root, &mut harvest, problems);
    } else {
        problems.add_at(
            root.place(),
            Problem::new("no_results", "there is no `model-index`").expected(
                "a model card with `model-index`, a list of evaluation results, or what \
                 `evaluate.save` writes",
            ),
        );
        return None;
    }
    harvest.settle(problems)
}

fn model_index(index: &Spot, harvest: &mut Harvest, problems: &mut Problems) {
    if !index.is_list() {
        index.expected("a list of models", problems);
        return;
    }
    let models: Vec<Spot> = index.items().collect();
    if models.len() > 1 {
        let what = format!("there are {} models", models.len());
        let problem = Problem::new("several_models", what);
        problems.add_at(index.place(), problem.expected("one: a run is of one model version"));
        return;
    }
    harvest.convention("values up to 1 of a share are taken as shares; the card says no unit");
    for model in models {
        let Some(results) = model.list("results", problems) else { continue };
        let results: Vec<Spot> = results.items().collect();
        let is_one = |part: fn(&Spot) -> String| {
            results.iter().map(part).collect::<BTreeSet<_>>().len() == 1
        };
        if is_one(name_of)
            && is_one(revision_of)
            && let Some(first) = results.first()
        {
            dataset(first, harvest);
        }
        for (result, pairs) in results.iter().zip(told_apart(&results)) {
            let Ok(slice) = Slice::new(pairs) else {
                result.expected("a result with `dataset` and its `type`", problems);
                continue;
            };
            let Some(metrics) = result.list("metrics", problems) else { continue };
            let metrics: Vec<Spot> = metrics.items().collect();
            for (metric, name) in metrics.iter().zip(names(&metrics)) {
                let Some(name) = name else {
                    metric.expected("an object with `type` and `value`", problems);
                    continue;
                };
                match metric.get("value") {
                    Some(value) => add(&name, &value, &slice, harvest, problems),
                    None => harvest.leave(metric.place(), &name, "it has no value"),
                }
            }
        }
    }
}

/// What tells each result from the others, as pairs of a slice: its data, and where several are of
/// the same, the task, the revision and the arguments, as far as they differ.
fn told_apart(results: &[Spot]) -> Vec<Vec<(&'static str, String)>> {
    type PartOf = fn(&Spot) -> String;
    let parts: [(&str, PartOf); 4] = [
        ("dataset", name_of),
        ("task", |result| words_at(result, &["task", "type"])),
        ("revision", revision_of),
        ("args", |result| words_at(result, &["dataset", "args"])),
    ];
    let mut pairs: Vec<Vec<(&'static str, String)>> = vec![vec![]; results.len()];
    for (name, part) in parts {
        let is_alone = pairs.iter().collect::<BTreeSet<_>>().len() == results.len();
        let parts: Vec<String> = results.iter().map(part).collect();
        let differ = parts.iter().collect::<BTreeSet<_>>().len() > 1;
        // Data are always told apart, the rest where something is left to tell.
        if differ && (name == "dataset" || !is_alone) {
            for (pairs, part) in pairs.iter_mut().zip(parts) {
                if !part.is_empty() {
                    pairs.push((name, part));
                }
            }
        }
    }
    pairs
}

fn revision_of(result: &Spot) -> String {
    words_at(result, &["dataset", "revision"])
}

fn words_at(result: &Spot, path: &[&str]) -> String {
    result.find(path).map(|part| in_words(&part)).unwrap_or_default()
}

/// The names of a result's metrics: the type, and where several have the same, what each is called
/// and what it was asked with.
fn names(metrics: &[Spot]) -> Vec<Option<String>> {
    let kind = |metric: &Spot| {
        metric.get("type").or_else(|| metric.get("name")).and_then(|name| name.name())
    };
    let kinds: Vec<Option<String>> = metrics.iter().map(kind).collect();
    let mut times: HashMap<&str, usize> = HashMap::new();
    for kind in kinds.iter().flatten() {
        *times.entry(kind).or_default() += 1;
    }
    let of = |(metric, kind): (&Spot, &Option<String>)| {
        let kind = kind.clone()?;
        if times.get(kind.as_str()).is_none_or(|times| *times < 2) {
            return Some(kind);
        }
        let parts = ["name", "config", "args"].into_iter().filter_map(|part| metric.get(part));
        Some(parts.fold(kind, |name, part| joined(&name, &in_words(&part))))
    };
    metrics.iter().zip(&kinds).map(of).collect()
}

fn joined(name: &str, more: &str) -> String {
    match (name.is_empty(), more.is_empty() || name.eq_ignore_ascii_case(more)) {
        (_, true) => name.to_owned(),
        (true, false) => more.to_owned(),
        (false, false) => format!("{name} {more}"),
    }
}

/// A value as words: of an object its fields, `num_few_shot 25`.
fn in_words(spot: &Spot) -> String {
    if spot.is_list() {
        return spot.items().map(|item| in_words(&item)).collect::<Vec<_>>().join(" ");
    }
    let fields: Vec<String> =
        spot.fields().map(|(name, value)| format!("{name} {}", in_words(&value))).collect();
    if spot.is_object() { fields.join(" ") } else { spot.name().unwrap_or_default() }
}

/// What tells a result's data apart: dataset, configuration, split.
fn name_of(result: &Spot) -> String {
    let part = |name: &str| result.find(&["dataset", name]).and_then(|part| part.name());
    let parts = [part("type").or_else(|| part("name")), part("config"), part("split")];
    parts.into_iter().flatten().collect::<Vec<_>>().join("/")
}

/// The one dataset with its revision, where the card has both.
fn dataset(result: &Spot, harvest: &mut Harvest) {
    let part = |name: &str| result.find(&["dataset", name]).and_then(|part| part.name());
    if let (Some(name), Some(revision)) = (part("type"), part("revision"))
        && is_slug(&name)
    {
        harvest.dataset = Some((name, revision));
    }
}

/// `.eval_results/*.yaml`: a benchmark's number each.
fn results(list: &Spot, harvest: &mut Harvest, problems: &mut Problems) {
    harvest.convention("each value is its benchmark's own measure, in the benchmark's unit");
    let all: Vec<Spot> = list.items().collect();
    for item in &all {
        let part = |name: &str| item.find(&["dataset", name]).and_then(|part| part.name());
        let (Some(id), Some(value)) = (part("id"), item.get("value")) else {
            item.expected("an object with `dataset` and `value`", problems);
            continue;
        };
        if let Some(date) = item.get("date").and_then(|date| date.text()).filter(|_| all.len() == 1)
        {
            harvest.evaluated(date);
        }
        let task = part("task_id").unwrap_or_default();
        let named = format!("{id} {task}");
        let like = Declared { name: named.trim(), ..Declared::default() };
        let Some(reported) = value.reported(problems) else { continue };
        let Some(key) = harvest.declare(&format!("hf {}", named.trim()), like, &value.place())
        else {
            continue;
        };
        let draft = Draft::reported(&Slice::overall(), &key, reported);
        harvest.add(named.trim(), draft, value.place());
    }
}

/// `evaluate.save`: your keys, and some that begin with `_`.
fn saved(root: &Spot, harvest: &mut Harvest, problems: &mut Problems) {
    harvest.version(root.get("_evaluate_version").and_then(|version| version.text()));
    if let Some(time) = root.get("_timestamp").and_then(|time| time.text()) {
        harvest.evaluated(time);
    }
    for (name, value) in root.fields() {
        if name.starts_with('_') {
            continue;
        }
        if measure::is_disparity(name) {
            harvest.leave(value.place(), name, DISPARITY);
        } else if value.is_object() || value.is_list() {
            harvest.leave(value.place(), name, "its value is more than one number");
        } else if value.text().is_some() && value.number().is_none() {
            harvest.leave(value.place(), name, "it is text");
        } else {
            add(name, &value, &Slice::overall(), harvest, problems);
        }
    }
}

fn add(name: &str, value: &Spot, slice: &Slice, harvest: &mut Harvest, problems: &mut Problems) {
    if value.is_object() || value.is_list() {
        harvest.leave(value.place(), name, "its value is more than one number");
        return;
    }
    if let Some(text) = value.text()
        && value.number().is_none()
        && !super::tree::is_not_finite(text)
    {
        harvest.leave(value.place(), name, "its value is text, such as a number with a spread");
        return;
    }
    let Some(reported) = value.reported(problems) else { return };
    let lower = name.to_lowercase();
    let key = SAME.contains(&lower.as_str()).then(|| measure::key_of(&lower)).flatten();
    if let (Some(metric), Reported::Is(number)) = (key.and_then(catalogue::find), &reported)
        && !metric.holds(*number)
    {
        let why = "the scale is not said: above 1 it is no share, and may be a percentage";
        harvest.leave(value.place(), name, why);
        return;
    }
    let key = match key {
        Some(key) => Some(key.to_owned()),
        None => {
            let own =
                if is_of_the_catalogue(&lower) { format!("hf {name}") } else { name.to_owned() };
            harvest.declare(&own, Declared { name, ..Declared::default() }, &value.place())
        }
    };
    if let Some(key) = key {
        harvest.add(name, Draft::reported(slice, &key, reported), value.place());
    }
}
