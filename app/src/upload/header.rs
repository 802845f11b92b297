//! What a run says of itself: when, on what, by what, and which metrics it brings along.

use super::estimate::Field;
use super::name::{self, MAX_NAME, quoted};
use super::object::{Object, number_of};
use super::problems::Problems;
use super::tree::Node;
use super::{CLOCK_SKEW, Context};
use crate::domain::Label;
use metrics::catalogue::{self, CustomMetric, Direction, Outcome};
use metrics::{DatasetRef, Instrument, Problem};
use std::collections::BTreeMap;
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

const DATASET: &[&str] = &["name", "version", "digest", "rows"];
const INSTRUMENT: &[&str] = &["name", "version", "definitions", "judge"];
const METRIC: &[&str] = &["key", "name", "unit", "direction", "range"];

/// What stands for an instrument, or a part of one, that nobody named.
pub(super) const UNSTATED: &str = "unstated";

pub(super) const OUTCOMES: [(&str, Outcome); 3] = [
    ("favourable", Outcome::Favourable),
    ("adverse", Outcome::Adverse),
    ("neutral", Outcome::Neutral),
];

const DIRECTIONS: [(&str, Direction); 3] =
    [("higher", Direction::Higher), ("lower", Direction::Lower), ("neither", Direction::Neither)];

pub(super) fn evaluated_at(
    root: &mut Object,
    context: &Context,
    problems: &mut Problems,
) -> Option<OffsetDateTime> {
    let expected = "a time such as `2026-11-01T00:00:00Z` (RFC 3339)";
    let text = root.text("evaluated_at", problems);
    root.require("evaluated_at", &text, expected, problems);
    let text = text.get()?;
    let Ok(time) = OffsetDateTime::parse(&text, &Rfc3339) else {
        let problem = Problem::new("not_a_time", format!("{} is no time", quoted(&text)));
        problems.add_at(root.place("evaluated_at"), problem.expected(expected));
        return None;
    };
    let time = time.to_offset(UtcOffset::UTC);
    let problem = implausible(time, context).or_else(|| {
        let given = context.evaluated_at?;
        (given != time).then(|| {
            Problem::new("other_time", "another time was given beside the file")
                .expected("the same time, or none beside the file")
        })
    });
    match problem {
        None => Some(time),
        Some(problem) => {
            problems.add_at(root.place("evaluated_at"), problem);
            None
        }
    }
}

/// What is wrong with a time of evaluation.
pub(super) fn implausible(time: OffsetDateTime, context: &Context) -> Option<Problem> {
    if time > context.received_at + CLOCK_SKEW {
        let received = context.received_at.to_offset(UtcOffset::UTC);
        let received = received.format(&Rfc3339).unwrap_or_default();
        return Some(
            Problem::new("evaluated_after_receipt", "the evaluation lies after its receipt")
                .expected(format!(
                    "at most {received}, the time of receipt; 5 minutes are allowed for clocks that differ"
                )),
        );
    }
    (time < OffsetDateTime::UNIX_EPOCH).then(|| {
        Problem::new("evaluated_too_early", "the evaluation lies before 1970")
            .expected("the time when it was made")
    })
}

pub(super) fn dataset(
    root: &mut Object,
    context: &Context,
    problems: &mut Problems,
) -> Option<DatasetRef> {
    let mut object = match root.object("dataset", DATASET, problems) {
        Field::Is(object) => object,
        Field::Bad => return None,
        Field::Absent => {
            root.missing("dataset", "an object with `name` and `version`", problems);
            return None;
        }
    };
    let mut named = |field: &str, expected: &str| {
        let text = object.text(field, problems);
        object.require(field, &text, expected, problems);
        let text = text.get()?;
        let problem = if field == "name" { bad_slug(&text) } else { bad_version(&text) };
        if let Some(problem) = problem {
            problems.add_at(object.place(field), problem);
            return None;
        }
        Some(text)
    };
    let name = named("name", "the dataset's name");
    let version = named("version", "the dataset's version");
    let digest = object.text("digest", problems).get();
    if let Some(digest) = &digest
        && !name::is_digest(digest)
    {
        let problem = Problem::new("bad_digest", format!("{} is no digest", quoted(digest)));
        problems.add_at(
            object.place("digest"),
            problem.expected("`sha256:` and 64 lower-case hex digits"),
        );
    }
    let rows = object.count("rows", problems).get();
    // A part that is missing has had its problem told; the rest still serves to check estimates.
    let known = name.is_some() && version.is_some();
    let (name, version) = (name.unwrap_or_default(), version.unwrap_or_default());
    let dataset = DatasetRef { name, version, digest, rows };
    if let Some((name, version)) = &context.dataset
        && known
        && (*name != dataset.name || *version != dataset.version)
    {
        let problem = Problem::new(
            "other_dataset",
            "another dataset was named beside the file: ".to_owned()
                + &quoted(&format!("{name}@{version}")),
        );
        let inside = format!("`{}@{}`, or none beside the file", dataset.name, dataset.version);
        problems.add_at(root.place("dataset"), problem.expected(inside));
    }
    Some(dataset)
}

/// The dataset of a file that has no place for one: as given beside the file, else as the file
/// names its data, where it tells name and version.
pub(super) fn dataset_beside(
    file: &str,
    inside: Option<(String, String)>,
    context: &Context,
    problems: &mut Problems,
) -> Option<DatasetRef> {
    let is_inside = context.dataset.is_none();
    let Some((name, version)) = context.dataset.clone().or(inside) else {
        problems.add(
            Problem::new(
                "dataset_needed",
                format!("{file} does not say which dataset it is about"),
            )
            .expected("the dataset as NAME@VERSION beside the file"),
        );
        return None;
    };
    let found: Vec<_> = [bad_slug(&name), bad_version(&version)].into_iter().flatten().collect();
    let good = found.is_empty();
    for problem in found {
        problems.add(if is_inside { problem.at_pointer("") } else { problem });
    }
    good.then_some(DatasetRef { name, version, digest: None, rows: None })
}

/// What is wrong with a dataset's name.
pub(super) fn bad_slug(name: &str) -> Option<Problem> {
    (!name::is_slug(name)).then(|| {
        Problem::new("bad_slug", format!("{} cannot be a dataset's name", quoted(name)))
            .expected("1 to 63 of a-z, 0-9, `.`, `_`, `-`, the first a letter or digit")
    })
}

/// What is wrong with a dataset's version.
pub(super) fn bad_version(version: &str) -> Option<Problem> {
    name::problem_with("the dataset's version", version, MAX_NAME).or_else(|| {
        // It stands in the address of the dataset's page.
        let wrong = Label::new(version).err()?;
        let message = format!("{} cannot be a dataset's version", quoted(version));
        Some(Problem::new("bad_version", message).expected(wrong.to_string()))
    })
}

pub(super) fn instrument(root: &mut Object, problems: &mut Problems) -> Option<Instrument> {
    let expected = "an object with `name`, `version` and `definitions`";
    let mut object = match root.object("instrument", INSTRUMENT, problems) {
        Field::Is(object) => object,
        Field::Bad => return None,
        Field::Absent => {
            root.missing("instrument", expected, problems);
            return None;
        }
    };
    let mut text = |field: &str, expected: Option<&str>| {
        let text = object.text(field, problems);
        if let Some(expected) = expected {
            object.require(field, &text, expected, problems);
        }
        let text = text.get()?;
        if let Some(problem) =
            name::problem_with(&format!("the instrument's {field}"), &text, MAX_NAME)
        {
            problems.add_at(object.place(field), problem);
        }
        Some(text)
    };
    let name = text("name", Some("the tool's name"));
    let version = text("version", Some("the tool's version"));
    let definitions = text("definitions", Some("the version of its metric definitions"));
    let judge = text("judge", None);
    // As above: what is missing has been told.
    Some(Instrument {
        name: name.unwrap_or_default(),
        version: version.unwrap_or_default(),
        definitions: definitions.unwrap_or_default(),
        judge,
    })
}

pub(super) fn metrics(root: &mut Object, problems: &mut Problems) -> Vec<CustomMetric> {
    let items = match root.take("metrics") {
        None => return Vec::new(),
        Some(Node::List(items)) => items,
        Some(node) => {
            root.wrong_type("metrics", &node, "a list", problems);
            return Vec::new();
        }
    };
    let mut metrics: Vec<CustomMetric> = Vec::new();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for (i, node) in items.into_iter().enumerate() {
        let Some(object) = Object::open(node, format!("/metrics/{i}"), METRIC, problems) else {
            continue;
        };
        let Some(metric) = metric(object, problems) else { continue };
        if let Some(first) = seen.get(&metric.key) {
            let problem = Problem::new(
                "duplicate_metric",
                format!("`{}` is declared at /metrics/{first} already", metric.key),
            )
            .expected("each metric once");
            problems.add(problem.at_pointer(format!("/metrics/{i}/key")));
            continue;
        }
        seen.insert(metric.key.clone(), i);
        metrics.push(metric);
    }
    metrics
}

fn metric(mut object: Object, problems: &mut Problems) -> Option<CustomMetric> {
    let key = object.text("key", problems);
    object.require("key", &key, "the metric's key", problems);
    let key = key.get().filter(|key| {
        let problem = bad_key(key);
        let good = problem.is_none();
        if let Some(problem) = problem {
            problems.add_at(object.place("key"), problem);
        }
        good
    });
    let mut text = |field: &str| {
        let text = object.text(field, problems);
        if field == "name" {
            object.require(field, &text, "what a person reads", problems);
        }
        let text = text.get()?;
        if let Some(problem) = name::problem_with(&format!("the metric's {field}"), &text, MAX_NAME)
        {
            problems.add_at(object.place(field), problem);
        }
        Some(text)
    };
    let name = text("name");
    let unit = text("unit");
    let direction = object.word("direction", &DIRECTIONS, problems);
    let range = range(&mut object, problems);
    Some(CustomMetric { key: key?, name: name?, unit, direction, range })
}

fn bad_key(key: &str) -> Option<Problem> {
    if catalogue::find(key).is_some() || catalogue::find(&format!("{key}@10")).is_some() {
        return Some(
            Problem::new("known_metric", format!("`{key}` is in the catalogue already"))
                .expected("no declaration, or another key"),
        );
    }
    let snake = key.len() <= 64
        && key.starts_with(|c: char| c.is_ascii_lowercase())
        && key.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    (!snake).then(|| {
        Problem::new("bad_key", format!("{} cannot be a metric's key", quoted(key)))
            .expected("at most 64 of a-z, 0-9 and `_`, the first a letter, without a cut-off")
    })
}

fn range(object: &mut Object, problems: &mut Problems) -> Option<[f64; 2]> {
    let expected = "a list of the least and the greatest value, such as `[0, 1]`";
    let problem = match object.take("range")? {
        Node::Unreadable => return None,
        Node::List(ends) => match ends.as_slice() {
            [Node::Number(low), Node::Number(high)] => match (number_of(low), number_of(high)) {
                (Ok(low), Ok(high)) if low < high => return Some([low, high]),
                _ => Problem::new("bad_range", "the range is empty or not finite"),
            },
            _ => Problem::new("bad_range", "the range is not two numbers"),
        },
        _ => Problem::new("wrong_type", "the range is not a list"),
    };
    problems.add_at(object.place("range"), problem.expected(expected));
    None
}
