//! The Bencher metric format: benchmark, measure, and a value with an optional range.

use super::estimate::{Draft, Field};
use super::harvest::Harvest;
use super::measure;
use super::problems::Problems;
use super::spot::{Reported, Spot};
use super::{Context, Format, Notes};
use metrics::{Interval, Problem, RunDocument, Slice};

/// What Bencher's range is called here; it says neither level nor method.
const METHOD: &str = "bencher range";

const LEVEL: f64 = 0.95;

pub(super) fn read(
    root: &Spot,
    context: &Context,
    problems: &mut Problems,
) -> Option<(RunDocument, Notes)> {
    let mut harvest = Harvest::of(Format::Bencher, context);
    if !root.is_object() {
        root.expected("an object of benchmarks", problems);
        return None;
    }
    harvest.convention(
        "a benchmark called like a slice, `sex=Female`, is that slice; any other is a group of the \
         attribute `benchmark`",
    );
    for (benchmark, measures) in root.fields() {
        let slice = match Slice::parse(benchmark) {
            Ok(slice) if !slice.is_overall() => Ok(slice),
            _ => Slice::new([("benchmark", benchmark)]),
        };
        let slice = match slice {
            Ok(slice) if measures.is_object() => slice,
            Ok(_) => {
                measures.expected("an object of measures", problems);
                continue;
            }
            Err(error) => {
                let problem = Problem::new("bad_slice", error.to_string());
                problems.add_at(measures.place(), problem.expected("a benchmark's name"));
                continue;
            }
        };
        for (measure, metric) in measures.fields() {
            add(measure, &metric, &slice, &mut harvest, problems);
        }
    }
    harvest.settle(problems)
}

fn add(
    measure: &str,
    metric: &Spot,
    slice: &Slice,
    harvest: &mut Harvest,
    problems: &mut Problems,
) {
    let Some(value) = metric.get("value") else {
        metric.expected("an object with `value`", problems);
        return;
    };
    let Some(reported) = value.reported(problems) else { return };
    let Some(key) = measure::key_or_declare(measure, harvest, &metric.place()) else { return };
    let mut draft = Draft::reported(slice, &key, reported);
    let mut end = |name: &str| metric.get(name).and_then(|end| end.reported(problems));
    if let (Some(Reported::Is(low)), Some(Reported::Is(high))) =
        (end("lower_value"), end("upper_value"))
    {
        let method = METHOD.to_owned();
        draft.interval = Field::Is(Interval { low, high, level: LEVEL, method });
    }
    harvest.add(measure, draft, metric.place());
}
