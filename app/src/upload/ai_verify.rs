//! AI Verify's test result: per output class, a value for each group of the sensitive features.
//!
//! Version 2 divides the counts of a group by those of all groups: its "True Positive Rate" of a
//! group is the group's true positives among the positives of everybody, and falls with the size of
//! the group. A rate and the one that completes it to 1 have the same denominator, whichever it is,
//! so the rate within the group is its share of the two.

use super::estimate::Draft;
use super::harvest::{Declared, Harvest};
use super::measure::DISPARITY;
use super::problems::Problems;
use super::spot::{Reported, Spot};
use super::{Context, Format, Notes, measure};
use metrics::{Problem, RunDocument, Slice};
use std::collections::BTreeMap;

/// Metrics of a group that are the catalogue's, of the positive class or of a class against the rest,
/// each with the one that completes it to 1.
const RATES: [(&str, &str, &str); 8] = [
    ("True Positive Rate", "true_positive_rate", "False Negative Rate"),
    ("True Negative Rate", "true_negative_rate", "False Positive Rate"),
    ("False Positive Rate", "false_positive_rate", "True Negative Rate"),
    ("False Negative Rate", "false_negative_rate", "True Positive Rate"),
    ("False Discovery Rate", "false_discovery_rate", "Positive Predictive Value Parity"),
    ("False Omission Rate", "false_omission_rate", "Negative Predictive Value Parity"),
    ("Positive Predictive Value Parity", "precision", "False Discovery Rate"),
    ("Negative Predictive Value Parity", "negative_predictive_value", "False Omission Rate"),
];

/// How far from 1 a rate and its complement may add up, rounded as they are.
const ROUNDED: f64 = 1e-3;

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
    let classes: Vec<Option<String>> = output
        .get("output_classes")
        .map(|classes| classes.items().map(|class| class.name()).collect())
        .unwrap_or_default();
    let count = results.items().count();
    for (i, result) in results.items().enumerate() {
        if result.get("subgroup").is_some() || result.get("mae").is_some() {
            regression(&result, &features, &mut harvest, problems);
            continue;
        }
        let class = classes.get(i).cloned().flatten().unwrap_or_else(|| i.to_string());
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
            metric(name, &values, &result, &class, &features, &mut harvest, problems);
        }
    }
    harvest.settle(problems)
}

struct Class {
    name: String,
    is_positive: bool,
}

fn metric(
    name: &str,
    values: &Spot,
    result: &Spot,
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
    let known = RATES.iter().find(|(known, ..)| *known == name);
    let complements = known.map(|(.., complement)| by_group(result, complement));
    for item in values.items() {
        let (Some(group), Some(value)) = (item.get("group"), item.get("metric")) else {
            item.expected("an object with `group` and `metric`", problems);
            continue;
        };
        let Some(slice) = slice(&group, features, problems) else { continue };
        let Some(reported) = value.reported(problems) else { continue };
        let rate = known.and_then(|(_, key, _)| {
            let complement = complements.as_ref()?.get(&codes(&group))?;
            let key = match class.is_positive.then(|| (*key).to_owned()) {
                Some(key) => key,
                None => measure::of_class(key, &class.name)?,
            };
            Some((key, within(&reported, complement, harvest)))
        });
        let (key, reported) = match rate {
            Some((key, rate)) => (Some(key), rate),
            None => {
                let named = if class.is_positive {
                    format!("AI Verify {name}")
                } else {
                    format!("AI Verify {name} of class {}", class.name)
                };
                (harvest.declare(&named, Declared::default(), &item.place()), reported)
            }
        };
        if let Some(key) = key {
            harvest.add(name, Draft::reported(&slice, &key, reported), value.place());
        }
    }
}

fn codes(group: &Spot) -> Vec<String> {
    group.items().filter_map(|code| code.name()).collect()
}

/// A metric's values by the codes of their groups.
fn by_group(result: &Spot, name: &str) -> BTreeMap<Vec<String>, Reported> {
    let values = result.get(name);
    let values = values.iter().flat_map(Spot::items);
    let one = |item: Spot| {
        // What is wrong with it is said where it is read itself.
        let value = item.get("metric")?.reported(&mut Problems::default())?;
        Some((codes(&item.get("group")?), value))
    };
    values.filter_map(one).collect()
}

/// A rate within its group, from what AI Verify says of it and of its complement.
fn within(rate: &Reported, complement: &Reported, harvest: &mut Harvest) -> Reported {
    let (rate, complement) = match (rate, complement) {
        (Reported::Is(rate), Reported::Is(complement)) => (rate, complement),
        (Reported::Is(_), Reported::None(_)) => {
            let why =
                "what completes it to 1 has no value, so that it may be a share of all groups";
            return Reported::None(why.to_owned());
        }
        (none @ Reported::None(_), _) => return none.clone(),
    };
    let whole = rate + complement;
    if (whole - 1.0).abs() <= ROUNDED {
        return Reported::Is(*rate);
    }
    harvest.convention(
        "AI Verify divides the counts of a group by those of all groups; the rates here are those \
         within the group, each its share of itself and what completes it to 1",
    );
    if whole > 0.0 {
        Reported::Is(rate / whole)
    } else {
        Reported::None("no rows of the group count in it".to_owned())
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
            (Some(code), [feature]) if !code.trim().is_empty() => {
                Slice::new([(feature, &code)]).ok()
            }
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
