//! MLflow: a run as the REST API answers, `metrics.json` of `mlflow.models.evaluate`, or the table
//! of `search_runs`.
//!
//! MLflow has no slices. A key is taken apart only where its parts are those of a pattern that is
//! in wide use and one part is a metric by name; anything else keeps its key or is left out.

use super::cross::{Alone, Crossed};
use super::estimate::{Draft, Field};
use super::harvest::Harvest;
use super::measure;
use super::problems::Problems;
use super::sheet::{self, Sheet, cell_at};
use super::spot::{Reported, Spot};
use super::{Context, Format, Notes};
use metrics::{Place, Problem, RunDocument, Slice};
use std::collections::BTreeMap;

/// First parts of keys that only say that slices follow.
const PREFIXES: [&str; 4] = ["slice", "slices", "by_group", "group"];

/// Last parts by which MLflow's own evaluators name what they take over the rows.
const AGGREGATES: [&str; 8] = ["mean", "variance", "p90", "ratio", "std", "min", "max", "median"];

/// What MLflow's SQL store keeps in place of an infinity.
const INFINITE: f64 = 1.7e308;

const ONE_RUN: &str = "one run: `runs/get?run_id=…`, or a search that finds one";

struct Logged {
    key: String,
    value: Reported,
    place: Place,
}

pub(super) fn read_json(
    root: &Spot,
    context: &Context,
    problems: &mut Problems,
) -> Option<(RunDocument, Notes)> {
    let mut harvest = Harvest::of(Format::Mlflow, context);
    if root.get("columns").is_some() && root.get("data").is_some() {
        problems.add(
            Problem::new("rows_not_results", "this is a table of rows, one per sample")
                .at_pointer("/data")
                .expected("`metrics.json`, or the rows as predictions with a spec"),
        );
        return None;
    }
    let logged = match answer(root, problems) {
        Answer::Several => return None,
        Answer::Run(run) => {
            about(&run, &mut harvest, problems);
            let metrics = run.object("data", problems)?.list("metrics", problems)?;
            latest(&metrics, &mut harvest, problems)
        }
        Answer::Metrics => {
            let metrics = root.get("metrics").unwrap_or_else(|| root.clone());
            if metrics.is_list() {
                latest(&metrics, &mut harvest, problems)
            } else if metrics.is_object() {
                dictionary(&metrics, problems)
            } else {
                metrics.expected("an object: a run, or metric and value", problems);
                return None;
            }
        }
    };
    place(logged, harvest, problems)
}

/// What a document of MLflow's is.
enum Answer<'n> {
    Run(Spot<'n>),
    /// No answer with runs.
    Metrics,
    /// Its problem has been told.
    Several,
}

fn answer<'n>(root: &Spot<'n>, problems: &mut Problems) -> Answer<'n> {
    if let Some(run) = root.get("run") {
        return Answer::Run(run);
    }
    let Some(runs) = root.get("runs").filter(Spot::is_list) else { return Answer::Metrics };
    let mut all: Vec<Spot> = runs.items().collect();
    if let (1, Some(run)) = (all.len(), all.pop()) {
        return Answer::Run(run);
    }
    let what = format!("there are {} runs", runs.items().count());
    problems.add_at(runs.place(), Problem::new("several_runs", what).expected(ONE_RUN));
    Answer::Several
}

fn about(run: &Spot, harvest: &mut Harvest, problems: &mut Problems) {
    if let Some(status) = run.find(&["info", "status"])
        && status.text().is_some_and(|status| status != "FINISHED")
    {
        problems.add_at(
            status.place(),
            Problem::new(
                "unfinished_run",
                format!("the run's status is {}", status.text().unwrap_or_default()),
            )
            .expected("`FINISHED`"),
        );
    }
    if let Some(milliseconds) = run.find(&["info", "start_time"]).and_then(|time| time.number()) {
        harvest.evaluated_unix(milliseconds / 1000.0);
    }
    let inputs = run.find(&["inputs", "dataset_inputs"]);
    let mut datasets = inputs.iter().flat_map(Spot::items).filter_map(|input| input.get("dataset"));
    if let (Some(dataset), None) = (datasets.next(), datasets.next()) {
        let part = |name: &str| dataset.get(name)?.text().map(str::to_owned);
        harvest.dataset = part("name").zip(part("digest"));
    }
}

/// Of each key its last value: a run may log one many times.
fn latest(metrics: &Spot, harvest: &mut Harvest, problems: &mut Problems) -> Vec<Logged> {
    let mut last: BTreeMap<String, ((f64, f64), Logged)> = BTreeMap::new();
    let mut order: Vec<String> = Vec::new();
    for metric in metrics.items() {
        let Some(key) = metric.get("key").and_then(|key| key.text()) else {
            metric.expected("an object with `key` and `value`", problems);
            continue;
        };
        let number = |name: &str| metric.get(name).and_then(|it| it.number()).unwrap_or_default();
        let when = (number("step"), number("timestamp"));
        let value = match metric.get("value") {
            Some(value) => value.reported(problems),
            // Protocol buffers leave out a zero.
            None => Some(Reported::Is(0.0)),
        };
        let Some(value) = value else { continue };
        let logged = Logged { key: key.to_owned(), value, place: metric.place() };
        match last.get(key) {
            None => {
                order.push(key.to_owned());
                last.insert(key.to_owned(), (when, logged));
            }
            Some((other, _)) if *other < when => {
                let earlier = last.insert(key.to_owned(), (when, logged));
                let place = earlier.map_or_else(|| metrics.place(), |(_, it)| it.place);
                harvest.leave(place, key, "an earlier step of the run");
            }
            Some(_) => harvest.leave(metric.place(), key, "an earlier step of the run"),
        }
    }
    order.iter().filter_map(|key| last.remove(key)).map(|(_, logged)| logged).collect()
}

/// `metrics.json`: key and value.
fn dictionary(root: &Spot, problems: &mut Problems) -> Vec<Logged> {
    let logged = root.fields().filter_map(|(key, spot)| {
        Some(Logged { key: key.to_owned(), value: spot.reported(problems)?, place: spot.place() })
    });
    logged.collect()
}

/// The table of `mlflow.search_runs`, with a column `metrics.…` per key.
pub(super) fn read_csv(
    text: &str,
    context: &Context,
    problems: &mut Problems,
) -> Option<(RunDocument, Notes)> {
    let sheet = Sheet::read(text, "a row per run, with columns `metrics.…`", problems)?;
    let mut harvest = Harvest::of(Format::Mlflow, context);
    let [line] = sheet.rows.as_slice() else {
        if !sheet.rows.is_empty() {
            let what = format!("there are {} runs", sheet.rows.len());
            problems.add(
                Problem::new("several_runs", what)
                    .at_cell(Some(sheet.rows[1].line), None)
                    .expected(ONE_RUN),
            );
        }
        return None;
    };
    if let Some(at) = sheet.find("start_time").filter(|at| !line.cells[*at].is_empty()) {
        harvest.evaluated(&line.cells[at].replacen(' ', "T", 1));
    }
    let mut logged = Vec::new();
    for (name, cell) in sheet.names.iter().zip(&line.cells) {
        let Some(key) = name.strip_prefix("metrics.") else { continue };
        let place = cell_at(line.line, name);
        if let Some(value) = sheet::reported(cell, &place, problems) {
            logged.push(Logged { key: key.to_owned(), value, place });
        }
    }
    place(logged, harvest, problems)
}

fn place(
    logged: Vec<Logged>,
    mut harvest: Harvest,
    problems: &mut Problems,
) -> Option<(RunDocument, Notes)> {
    harvest.convention(
        "keys are read as `metric`, `metric/attribute/group` or `slice/attribute/group/metric`, \
         with more pairs for an intersection",
    );
    let mut alone = Alone::default();
    let keys: Vec<Key> = logged.iter().map(|logged| Key::of(&logged.key)).collect();
    for key in &keys {
        if let Key::Sliced { pairs, .. } = key
            && let [(attribute, group)] = pairs.as_slice()
        {
            alone.add(attribute, group);
        }
    }
    let rows = logged.iter().find(|logged| logged.key == "example_count");
    let rows = rows.and_then(|logged| match logged.value {
        Reported::Is(rows) => rows.to_string().parse().ok(),
        Reported::None(_) => None,
    });
    for (logged, key) in logged.iter().zip(keys) {
        place_one(logged, key, rows, &alone, &mut harvest);
    }
    harvest.settle(problems)
}

fn place_one(logged: &Logged, key: Key, rows: Option<u64>, alone: &Alone, harvest: &mut Harvest) {
    let Logged { key: original, value, place } = logged;
    let (metric, slice) = match key {
        Key::Plain if original == "example_count" => ("count".to_owned(), Slice::overall()),
        Key::Plain => match measure::key_or_declare(original, harvest, place) {
            Some(metric) => (metric, Slice::overall()),
            None => return,
        },
        Key::Disparity => return harvest.leave(place.clone(), original, measure::DISPARITY),
        Key::Unclear(why) => return harvest.leave(place.clone(), original, why),
        Key::Sliced { metric, pairs } => {
            let slice = match pairs.as_slice() {
                [(attribute, group)] => match alone.take_apart(attribute, group) {
                    Crossed::Is(slice) => Ok(slice),
                    Crossed::No => Slice::new(pairs),
                    Crossed::Unclear => {
                        let why = "it joins attributes, and nothing says where one group ends";
                        return harvest.leave(place.clone(), original, why);
                    }
                },
                _ => Slice::new(pairs),
            };
            let Ok(slice) = slice else {
                return harvest.leave(place.clone(), original, "its parts are no slice");
            };
            match measure::key_or_declare(metric, harvest, place) {
                Some(metric) => (metric, slice),
                None => return,
            }
        }
    };
    let value = match value {
        Reported::Is(value) if value.abs() >= INFINITE => {
            Reported::None("reported as infinity".to_owned())
        }
        value => value.clone(),
    };
    let name = if slice.is_overall() { original.as_str() } else { metric.as_str() };
    let draft = Draft::reported(&slice, &metric, value);
    let draft = match (metric.as_str(), rows) {
        ("count", _) => match draft.value {
            Field::Is(_) => draft.of_rows(rows.filter(|_| slice.is_overall())),
            _ => draft,
        },
        ("accuracy", Some(rows)) if slice.is_overall() => draft.counted(rows),
        _ => draft,
    };
    harvest.add(name, draft, place.clone());
}

/// What a key's parts are.
enum Key<'k> {
    /// A metric of all rows.
    Plain,
    Sliced {
        metric: &'k str,
        pairs: Vec<(&'k str, &'k str)>,
    },
    Disparity,
    Unclear(&'static str),
}

impl<'k> Key<'k> {
    fn of(key: &'k str) -> Self {
        let parts: Vec<&str> = key.split('/').collect();
        let [first, .., last] = parts.as_slice() else { return Self::Plain };
        if measure::is_disparity(last) || measure::is_disparity(first) {
            return Self::Disparity;
        }
        if PREFIXES.contains(first) && parts.len() >= 4 && parts.len().is_multiple_of(2) {
            return Self::sliced(last, &parts[1..parts.len() - 1]);
        }
        match (measure::is_known(first), measure::is_known(last)) {
            (true, false) if parts.len() % 2 == 1 => Self::sliced(first, &parts[1..]),
            (false, true) if parts.len() % 2 == 1 => Self::sliced(last, &parts[..parts.len() - 1]),
            _ if AGGREGATES.contains(last) => Self::Plain,
            _ => Self::Unclear("nothing says what in it is metric, attribute and group"),
        }
    }

    fn sliced(metric: &'k str, parts: &[&'k str]) -> Self {
        let pairs = parts.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect();
        Self::Sliced { metric, pairs }
    }
}
