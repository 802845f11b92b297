//! The native run document, `evenhand.run/v1`: from its JSON tree to a document that holds.

use super::estimate::{Draft, Estimates, Field, Location};
use super::header::{self, OUTCOMES};
use super::known::Metrics;
use super::name::quoted;
use super::object::Object;
use super::problems::Problems;
use super::sniff;
use super::tree::{self, Node};
use super::{Context, Notes};
use metrics::catalogue::CustomMetric;
use metrics::run::SCHEMA;
use metrics::{Interval, Place, Problem, RunDocument, Slice};

const DOCUMENT: &[&str] = &[
    "schema",
    "evaluated_at",
    "dataset",
    "instrument",
    "positive_outcome",
    "metrics",
    "estimates",
    "disparities",
];
const ESTIMATE: &[&str] = &[
    "slice",
    "metric",
    "value",
    "n",
    "numerator",
    "denominator",
    "positives",
    "n_effective",
    "stderr",
    "threshold",
    "interval",
    "undefined",
];
const INTERVAL: &[&str] = &["low", "high", "level", "method"];

/// The document, as far as it could be read; it holds when no problem was added.
pub(super) fn read(
    text: &str,
    context: &Context,
    problems: &mut Problems,
) -> Option<(RunDocument, Notes)> {
    let node = tree::parse(text, problems)?;
    if let Some(problem) = foreign(text, &node) {
        problems.add(problem);
        return None;
    }
    let mut root = Object::open(node, String::new(), DOCUMENT, problems)?;
    let schema = root.text("schema", problems);
    root.require("schema", &schema, &format!("`{SCHEMA}`"), problems);

    let evaluated_at = header::evaluated_at(&mut root, context, problems);
    let dataset = header::dataset(&mut root, context, problems);
    let instrument = header::instrument(&mut root, problems);
    let beside = context.instrument.as_ref().filter(|beside| instrument.as_ref() != Some(*beside));
    let positive_outcome = root.word("positive_outcome", &OUTCOMES, problems);
    let metrics = header::metrics(&mut root, problems);
    let rows = dataset.as_ref().and_then(|dataset| dataset.rows);
    let tool = instrument.as_ref().map_or("", |instrument| instrument.name.as_str());
    let disparities = read_disparities(&mut root, problems);
    let (estimates, mut notes) = read_estimates(&mut root, &metrics, tool, rows, problems);
    notes.ignored.extend(disparities);
    notes.ignored.extend(beside.map(|beside| {
        format!(
            "the instrument {} given beside the file: the document has its own",
            quoted(&beside.name)
        )
    }));

    Some((
        RunDocument {
            schema: SCHEMA.to_owned(),
            evaluated_at: evaluated_at?,
            dataset: dataset?,
            instrument: instrument?,
            positive_outcome,
            metrics,
            estimates,
        },
        notes,
    ))
}

/// What a document is when it is clearly no run document; one answer then, not one per field.
fn foreign(text: &str, node: &Node) -> Option<Problem> {
    let Node::Object(fields) = node else { return None };
    let field = |key: &str| fields.iter().find(|(field, _)| field == key).map(|(_, node)| node);
    if let Some(Node::Text(schema)) = field("schema") {
        return (schema != SCHEMA).then(|| {
            Problem::new("wrong_schema", format!("the schema is {}", quoted(schema)))
                .at_pointer("/schema")
                .expected(format!("`{SCHEMA}`"))
        });
    }
    if field("schema").or(field("estimates")).is_some() {
        return None;
    }
    let what = sniff::kind(text).unwrap_or("no run document");
    Some(
        Problem::new("not_a_run_document", format!("this is {what}"))
            .at_pointer("")
            .expected(format!("an object with `schema` `{SCHEMA}` and `estimates`")),
    )
}

/// Disparities are computed from the estimates wherever they are shown, so those in the file are
/// not kept.
fn read_disparities(root: &mut Object, problems: &mut Problems) -> Option<String> {
    match root.take("disparities")? {
        Node::List(items) if items.is_empty() => None,
        Node::List(items) => Some(format!(
            "disparities, which are computed from the estimates with intervals: {}",
            items.len()
        )),
        node => {
            root.wrong_type("disparities", &node, "a list", problems);
            None
        }
    }
}

fn read_estimates(
    root: &mut Object,
    metrics: &[CustomMetric],
    instrument: &str,
    rows: Option<u64>,
    problems: &mut Problems,
) -> (Vec<metrics::Estimate>, Notes) {
    let mut estimates = Estimates::new(Metrics::with(metrics), instrument, rows);
    match root.take("estimates") {
        None => root.missing("estimates", "a list of at least one estimate", problems),
        Some(Node::List(items)) if items.is_empty() => problems.add_at(
            root.place("estimates"),
            Problem::new("no_estimates", "there are no estimates").expected("at least one"),
        ),
        Some(Node::List(items)) => {
            estimates.expect(items.len());
            for (i, node) in items.into_iter().enumerate() {
                let at = At(i);
                if let Some(object) = Object::open(node, at.pointer(""), ESTIMATE, problems)
                    && !estimates.add(read_estimate(object, problems), at, problems)
                {
                    break;
                }
            }
        }
        Some(node) => root.wrong_type("estimates", &node, "a list", problems),
    }
    estimates.finish(problems)
}

/// The place of an estimate: its position in the list.
struct At(usize);

impl At {
    fn pointer(&self, field: &str) -> String {
        let slash = if field.is_empty() { "" } else { "/" };
        format!("/estimates/{}{slash}{field}", self.0)
    }
}

impl Location for At {
    fn of(&self, field: &str) -> Place {
        Place::Pointer { pointer: self.pointer(field) }
    }
}

fn read_estimate(mut object: Object, problems: &mut Problems) -> Draft {
    let metric = object.text("metric", problems);
    object.require("metric", &metric, "a metric's key", problems);
    let interval = match object.object("interval", INTERVAL, problems) {
        Field::Is(interval) => read_interval(interval, problems),
        Field::Bad => Field::Bad,
        Field::Absent => Field::Absent,
    };
    Draft {
        slice: read_slice(&mut object, problems),
        metric: metric.get(),
        value: object.number("value", problems),
        n: object.count("n", problems),
        numerator: object.count("numerator", problems),
        denominator: object.count("denominator", problems),
        positives: object.count("positives", problems),
        n_effective: object.number("n_effective", problems),
        stderr: object.number("stderr", problems),
        threshold: object.number("threshold", problems),
        interval,
        undefined: object.text("undefined", problems),
    }
}

fn read_interval(mut object: Object, problems: &mut Problems) -> Field<Interval> {
    let mut end = |field: &str, expected: &str| {
        let end = object.number(field, problems);
        object.require(field, &end, expected, problems);
        end.get()
    };
    let low = end("low", "the lower end");
    let high = end("high", "the upper end");
    let level = end("level", "the confidence level, such as 0.95");
    let method = object.text("method", problems);
    object.require("method", &method, "the method's name, such as `wilson`", problems);
    match (low, high, level, method.get()) {
        (Some(low), Some(high), Some(level), Some(method)) => {
            Field::Is(Interval { low, high, level, method })
        }
        _ => Field::Bad,
    }
}

fn read_slice(object: &mut Object, problems: &mut Problems) -> Option<Slice> {
    let expected = "an object of attribute and group, `{}` for overall";
    let pairs = match object.take("slice") {
        Some(Node::Object(pairs)) => pairs,
        Some(Node::Unreadable) => return None,
        Some(node) => {
            object.wrong_type("slice", &node, expected, problems);
            return None;
        }
        None => {
            object.missing("slice", expected, problems);
            return None;
        }
    };
    let mut read = Vec::with_capacity(pairs.len());
    for (attribute, group) in pairs {
        let problem = match group {
            Node::Text(group) => {
                read.push((attribute, group));
                continue;
            }
            Node::Unreadable => return None,
            Node::Number(number) => Problem::new("wrong_type", "a group is a number")
                .expected(format!("text, `\"{number}\"`")),
            Node::Bool(word) => Problem::new("wrong_type", "a group is a truth value")
                .expected(format!("text, `\"{word}\"`")),
            Node::Null => Problem::new("wrong_type", "a group is null")
                .expected("a group's name; without the attribute the slice holds all its groups"),
            Node::List(_) | Node::Object(_) | Node::NotFinite(_) => {
                Problem::new("wrong_type", "a group is not text").expected("one group's name")
            }
        };
        let mut pointer = object.pointer("slice");
        tree::push_key(&mut pointer, &attribute);
        problems.add(problem.at_pointer(pointer));
        return None;
    }
    match Slice::new(read) {
        Ok(slice) => Some(slice),
        Err(error) => {
            let problem = Problem::new("bad_slice", error.to_string())
                .expected("each attribute once, with a group");
            problems.add_at(object.place("slice"), problem);
            None
        }
    }
}
