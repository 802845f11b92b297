//! AI Verify's test result: per output class, a value for each group of the sensitive features.

use super::estimate::Draft;
use super::harvest::{Declared, Harvest};
use super::measure::DISPARITY;
use super::problems::Problems;
use super::spot::Spot;
use super::{Context, Format, Notes, measure};
use metrics::{Problem, RunDocument, Slice};

/// Metrics of a group that are the catalogue's, of the positive class.
const RATES: [(&str, &str); 6] = [
    ("True Positive Rate", "true_positive_rate"),
    ("True Negative Rate", "true_negative_rate"),
    ("False Positive Rate", "false_positive_rate"),
    ("False Negative Rate", "false_negative_rate"),
    ("False Discovery Rate", "false_discovery_rate"),
    ("False Omission Rate", "false_omission_rate"),
];

/// Comparisons of two groups.
const PAIRS: [&str; 2] = ["Disparate Impact", "Equal Selection Parity"];

pub(super) fn read(
    root: &Spot,
    context: &Context,
    problems: &mut Problems,
) -> Option<(RunDocument, Notes)> {
    let mut harvest = Harvest::of(Format::AiVerify, context);
    harvest.version(root.get("version").and_then(|version| version.text()));
    if let Some(time) = root.get("startTime").and_then(|time| time.text()) {
        harvest.evaluated(time);
    }
    let output = root.object("output", problems)?;
    let features: Vec<String> = match output.list("sensitive_feature", problems) {
        Some(list) => list.items().filter_map(|feature| feature.name()).collect(),
        None => return None,
    };
    harvest.convention("groups are AI Verify's codes, in the order of the sensitive features");
    let results = output.list("results", problems)?;
    let classes: Vec<String> = output
        .get("output_classes")
        .map(|classes| classes.items().filter_map(|class| class.name()).collect())
        .unwrap_or_default();
    let count = results.items().count();
    for (i, result) in results.items().enumerate() {
        if result.get("subgroup").is_some() || result.get("mae").is_some() {
            regression(&result, &features, &mut harvest, problems);
            continue;
        }
        let class = classes.get(i).map_or_else(|| i.to_string(), Clone::clone);
        let class = Class { name: class, is_positive: i + 1 == count && count <= 2 };
        if count == 2 && i == 0 {
            let why =
                "the negative class of two, whose rates are those of the positive one mirrored";
            harvest.leave(result.place(), &class.name, why);
            continue;
        }
        let word =
            if class.is_positive { "the positive class" } else { "one class against the rest" };
        harvest.convention(format!("rates of class {}: {word}", class.name));
        for (name, values) in result.fields() {
            rate(name, &values, &class, &features, &mut harvest, problems);
        }
    }
    harvest.settle(problems)
}

struct Class {
    name: String,
    is_positive: bool,
}

fn rate(
    name: &str,
    values: &Spot,
    class: &Class,
    features: &[String],
    harvest: &mut Harvest,
    problems: &mut Problems,
) {
    if PAIRS.contains(&name) {
        harvest.leave(values.place(), name, DISPARITY);
        return;
    }
    if !values.is_list() {
        values.expected("a list of `group` and `metric`", problems);
        return;
    }
    for item in values.items() {
        let (Some(group), Some(value)) = (item.get("group"), item.get("metric")) else {
            item.expected("an object with `group` and `metric`", problems);
            continue;
        };
        let Some(slice) = slice(&group, features, problems) else { continue };
        let Some(reported) = value.reported(problems) else { continue };
        let known = RATES.iter().find(|(known, _)| *known == name);
        let key = match known {
            Some((_, key)) if class.is_positive => Some((*key).to_owned()),
            _ => {
                let named = if class.is_positive {
                    format!("AI Verify {name}")
                } else {
                    format!("AI Verify {name} of class {}", class.name)
                };
                harvest.declare(&named, Declared::default(), &item.place())
            }
        };
        if let Some(key) = key {
            harvest.add(name, Draft::reported(&slice, &key, reported), value.place());
        }
    }
}

fn slice(group: &Spot, features: &[String], problems: &mut Problems) -> Option<Slice> {
    let codes: Vec<String> = group.items().filter_map(|code| code.name()).collect();
    if codes.len() == features.len()
        && let Ok(slice) = Slice::new(features.iter().zip(codes))
        && !slice.is_overall()
    {
        return Some(slice);
    }
    let expected = format!("one code for each of {}", features.join(", "));
    let problem = Problem::new("bad_slice", "the group has other features than the test");
    problems.add_at(group.place(), problem.expected(expected));
    None
}

fn regression(result: &Spot, features: &[String], harvest: &mut Harvest, problems: &mut Problems) {
    let group = result.get("subgroup").or_else(|| result.get("group"));
    let slice = match &group {
        Some(group) if group.is_list() => slice(group, features, problems),
        Some(group) => match (group.name(), features) {
            (Some(code), [feature]) => Slice::new([(feature, &code)]).ok(),
            _ => {
                group.expected("a list of codes, one for each sensitive feature", problems);
                None
            }
        },
        None => Some(Slice::overall()),
    };
    let Some(slice) = slice else { return };
    for name in ["mae", "mse", "r2"] {
        if let Some(value) = result.get(name)
            && let Some(key) = measure::key_of(name)
            && let Some(reported) = value.reported(problems)
        {
            harvest.add(name, Draft::reported(&slice, key, reported), value.place());
        }
    }
}
