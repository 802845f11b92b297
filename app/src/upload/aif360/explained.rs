//! What `MetricJSONExplainer` writes: a sentence that ends in the value, and counts of both groups.

use super::Groups;
use crate::upload::estimate::{Draft, Field, agree};
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
            let Some((count, side)) = count_of(name, field) else {
                harvest.leave(value.place(), field, "no count that makes a rate");
                continue;
            };
            let side = if side.is_empty() { side_of(explanation) } else { side };
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
        rates(&slice_of(side, groups), &counts, harvest);
    }
}

fn slice_of(side: &str, groups: &Groups) -> Slice {
    match (side, &groups.unprivileged, &groups.privileged) {
        ("", ..) => Slice::overall(),
        ("unprivileged", Some(slice), _) | ("privileged", _, Some(slice)) => slice.clone(),
        _ => Slice::new([("privilege", side)]).unwrap_or_default(),
    }
}

/// Whether an explanation of disparate impact counts predictions: AIF360 describes one of labels
/// by the rate of favourable outcomes.
fn is_of_predictions(explanation: &Spot) -> bool {
    let description = explanation.get("description").and_then(|text| text.text());
    description.is_some_and(|text| text.contains("likelihood of favorable outcome"))
}

/// The side that an explanation's message names; those of one group have counts that name none.
fn side_of(explanation: &Spot) -> &'static str {
    let message = explanation.get("message").and_then(|message| message.text());
    let (head, _) = message.and_then(|text| text.rsplit_once(": ")).unwrap_or_default();
    let is_of = |side: &str| {
        head.ends_with(&format!(" on {side} instances"))
            || head.starts_with(&format!("Number of {side} "))
    };
    ["unprivileged", "privileged"].into_iter().find(|side| is_of(side)).unwrap_or_default()
}

/// The count that a field of a metric's explanation is, and its side as far as the field says it.
fn count_of(metric: &str, field: &str) -> Option<(&'static str, &'static str)> {
    // Of the privileged group, AIF360 writes false positives under the name of all positives.
    if metric == "False Positive Rate Difference" && field == "numPositivesPrivileged" {
        return Some(("fp", "privileged"));
    }
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

/// A rate of one side or of all: it is made of its counts, and says the same. Of weighted rows it is
/// so too, but those are no counts, and it stays as reported.
fn rate(
    explanation: &Spot,
    (name, key): (&str, &str),
    reported: Reported,
    groups: &Groups,
    harvest: &mut Harvest,
    problems: &mut Problems,
) {
    let place = explanation.get("message").map_or_else(|| explanation.place(), |it| it.place());
    let count = |wanted: &str| {
        let mut fields = explanation.fields();
        fields.find_map(|(field, value)| {
            (count_of(name, field) == Some((wanted, ""))).then(|| value.number())?
        })
    };
    let counts = |names: &[&str]| names.iter().copied().map(count).collect::<Option<Vec<f64>>>();
    let made = RATES.iter().find(|(known, ..)| *known == key);
    let made = made.and_then(|(_, part, whole)| Some((counts(part)?, counts(whole)?)));
    if let (Some((part, whole)), Reported::Is(value)) = (&made, &reported) {
        let exact = part.iter().sum::<f64>() / whole.iter().sum::<f64>();
        if exact.is_finite() && !agree(*value, exact) {
            let what = format!("{value} does not follow from the counts beside it");
            let problem = Problem::new("value_is_not_its_counts", what);
            problems.add_at(place, problem.expected(exact.to_string()));
            return;
        }
    }
    let is_counted = made.is_some_and(|(part, whole)| {
        part.iter().chain(&whole).all(|count| count.fract() == 0.0 && *count >= 0.0)
    });
    if !is_counted {
        let slice = slice_of(side_of(explanation), groups);
        harvest.add(name, Draft::reported(&slice, key, reported), place);
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
    let lower = name.to_lowercase().replace(' ', "_");
    if let Some(key) = measure::key_of(&lower) {
        rate(explanation, (name, key), reported, groups, harvest, problems);
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
