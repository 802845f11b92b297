//! What `MetricJSONExplainer` writes: a sentence that ends in the value, and counts of both groups.

use super::Groups;
use crate::upload::estimate::{Draft, Field};
use crate::upload::harvest::{Declared, Harvest};
use crate::upload::measure;
use crate::upload::problems::Problems;
use crate::upload::sheet::plain_number;
use crate::upload::spot::{Reported, Spot};
use metrics::{Place, Problem, Slice};
use std::collections::BTreeMap;

/// The two sides, by the end of a count's name.
const SIDES: [(&str, &str); 3] =
    [("Unprivileged", "unprivileged"), ("Privileged", "privileged"), ("", "")];

/// Counts, by the start of their names; AIF360 spells some without the plural.
const COUNTS: [(&str, &str); 10] = [
    ("numTruePositives", "tp"),
    ("numTrueNegatives", "tn"),
    ("numFalsePositives", "fp"),
    ("numFalseNegatives", "fn"),
    ("numPositives", "p"),
    ("numPositive", "p"),
    ("numNegatives", "n"),
    ("numNegative", "n"),
    ("numPositivePredictions", "selected"),
    ("num", "all"),
];

/// A rate, the counts that are its numerator, and those that sum to its denominator.
const RATES: [(&str, &[&str], &[&str]); 9] = [
    ("true_positive_rate", &["tp"], &["p"]),
    ("false_negative_rate", &["fn"], &["p"]),
    ("false_positive_rate", &["fp"], &["n"]),
    ("true_negative_rate", &["tn"], &["n"]),
    ("accuracy", &["tp", "tn"], &["p", "n"]),
    ("precision", &["tp"], &["tp", "fp"]),
    ("false_discovery_rate", &["fp"], &["tp", "fp"]),
    ("false_omission_rate", &["fn"], &["fn", "tn"]),
    ("base_rate", &["p"], &["p", "n"]),
];

pub(super) fn read(all: &[Spot], groups: &Groups, harvest: &mut Harvest, problems: &mut Problems) {
    harvest.convention(
        "an explanation does not name its groups: the attribute `privilege` tells them apart",
    );
    let mut sides: BTreeMap<&str, BTreeMap<&str, (f64, Place)>> = BTreeMap::new();
    for explanation in all {
        let named = explanation.get("metric").and_then(|name| name.text());
        let (Some(name), true) = (named, explanation.is_object()) else {
            explanation.expected("an explanation: `metric`, `message` and counts", problems);
            continue;
        };
        let predictions = is_of_predictions(explanation);
        for (field, value) in explanation.fields().filter(|(field, _)| field.starts_with("num")) {
            let Some((count, side)) = count_of(field) else {
                harvest.leave(value.place(), field, "no count that makes a rate");
                continue;
            };
            // `numPositivePredictions…` of a data set's metric are its labels.
            let count = if count == "selected" && !predictions { "labelled" } else { count };
            match value.reported(problems) {
                Some(Reported::Is(number)) if number.fract() == 0.0 && number >= 0.0 => {
                    check_same(sides.entry(side).or_default(), count, number, &value, problems);
                }
                Some(_) => {
                    harvest.leave(value.place(), field, "rows were weighted: it is no count");
                }
                None => {}
            }
        }
        value(explanation, name, groups, harvest, problems);
    }
    for (side, counts) in sides {
        let slice = match (side, &groups.unprivileged, &groups.privileged) {
            ("", ..) => Slice::overall(),
            ("unprivileged", Some(slice), _) | ("privileged", _, Some(slice)) => slice.clone(),
            _ => Slice::new([("privilege", side)]).unwrap_or_default(),
        };
        rates(&slice, &counts, harvest);
    }
}

/// Whether an explanation of disparate impact counts predictions: AIF360 describes one of labels
/// by the rate of favourable outcomes.
fn is_of_predictions(explanation: &Spot) -> bool {
    let description = explanation.get("description").and_then(|text| text.text());
    description.is_some_and(|text| text.contains("likelihood of favorable outcome"))
}

fn count_of(field: &str) -> Option<(&'static str, &'static str)> {
    SIDES.iter().find_map(|(suffix, side)| {
        let start = field.strip_suffix(suffix)?;
        let (_, count) = COUNTS.iter().find(|(name, _)| *name == start)?;
        (!side.is_empty() || *count != "all").then_some((*count, *side))
    })
}

fn check_same<'k>(
    counts: &mut BTreeMap<&'k str, (f64, Place)>,
    count: &'k str,
    number: f64,
    spot: &Spot,
    problems: &mut Problems,
) {
    let (known, first) = counts.entry(count).or_insert_with(|| (number, spot.place()));
    #[expect(clippy::float_cmp, reason = "both are whole numbers")]
    if *known != number {
        let problem = Problem::new("counts_differ", format!("{number} here, {known} at {first}"));
        problems.add_at(spot.place(), problem.expected("the same count of the same group"));
    }
}

fn rates(slice: &Slice, counts: &BTreeMap<&str, (f64, Place)>, harvest: &mut Harvest) {
    let sum = |names: &[&str]| {
        let parts: Option<Vec<f64>> =
            names.iter().map(|name| counts.get(name).map(|(count, _)| *count)).collect();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "whole, from 0"
        )]
        parts.map(|parts| parts.into_iter().sum::<f64>() as u64)
    };
    let selection = [("selection_rate", &["selected"][..], &["all"][..])];
    let labels = [("base_rate", &["labelled"][..], &["all"][..])];
    for (key, part, whole) in RATES.into_iter().chain(selection).chain(labels) {
        let (Some(numerator), Some(denominator)) = (sum(part), sum(whole)) else { continue };
        let Some((_, place)) = counts.get(part[0]) else { continue };
        let value = if denominator > 0 {
            Reported::Is(numerator as f64 / denominator as f64)
        } else {
            Reported::None("no rows to divide by".to_owned())
        };
        let mut draft = Draft::reported(slice, key, value);
        draft.numerator = Field::Is(numerator);
        draft.denominator = Field::Is(denominator);
        draft.n = Field::Is(denominator);
        harvest.add(key, draft, place.clone());
    }
}

/// The number at the end of the message.
fn value(
    explanation: &Spot,
    name: &str,
    groups: &Groups,
    harvest: &mut Harvest,
    problems: &mut Problems,
) {
    let Some(message) = explanation.get("message") else {
        explanation.expected("an explanation with its `message`", problems);
        return;
    };
    let text = message.text().unwrap_or_default();
    let end = text.rsplit(": ").next().unwrap_or_default().trim().trim_matches(['[', ']']);
    let reported = match plain_number(end) {
        Some(number) => Reported::Is(number),
        None if crate::upload::tree::is_not_finite(end) => {
            Reported::None(format!("reported as {end}"))
        }
        None => {
            let problem = Problem::new("no_value", "the message does not end in its value");
            problems.add_at(message.place(), problem.expected("`…: ` and a number"));
            return;
        }
    };
    // A rate of one side or of all is made of its counts above.
    let lower = name.to_lowercase().replace(' ', "_");
    if measure::key_of(&lower).is_some() {
        return;
    }
    let compares = measure::is_disparity(&lower);
    let slice = match (&groups.unprivileged, compares) {
        (_, false) => Slice::overall(),
        (Some(slice), true) => slice.clone(),
        (None, true) => Slice::new([("privilege", "unprivileged")]).unwrap_or_default(),
    };
    let sign = if lower.contains("ratio") || lower.contains("impact") { "/" } else { "−" };
    let named =
        if compares { format!("{name} (unprivileged {sign} privileged)") } else { name.to_owned() };
    let like = Declared { name: &named, ..Declared::default() };
    let Some(key) = harvest.declare(&format!("aif360 {name}"), like, &message.place()) else {
        return;
    };
    harvest.add(name, Draft::reported(&slice, &key, reported), message.place());
}
