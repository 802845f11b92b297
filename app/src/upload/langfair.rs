//! LangFair's `AutoEval` results: toxicity, stereotypes, and pairs of counterfactual groups.

use super::estimate::Draft;
use super::harvest::{Declared, Harvest};
use super::problems::Problems;
use super::spot::Spot;
use super::{Context, Format, Notes};
use metrics::catalogue::Direction;
use metrics::{RunDocument, Slice};

/// A metric of one category of stereotypes.
const BY_CATEGORY: &str = "Stereotype Fraction - ";

pub(super) fn read(
    root: &Spot,
    context: &Context,
    problems: &mut Problems,
) -> Option<(RunDocument, Notes)> {
    let mut harvest = Harvest::of(Format::Langfair, context);
    let metrics = match root.get("metrics") {
        Some(metrics) => {
            for (name, beside) in root.fields().filter(|(name, _)| *name != "metrics") {
                harvest.leave(beside.place(), name, "it stands beside the metrics");
            }
            metrics
        }
        None => root.clone(),
    };
    if !metrics.is_object() {
        metrics.expected("an object with `Toxicity`, `Stereotype` or `Counterfactual`", problems);
        return None;
    }
    harvest.convention(
        "counterfactual metrics compare the answers to two groups: each pair is a group of the \
         attribute `counterfactual_pair`",
    );
    for (family, spot) in metrics.fields() {
        match family {
            "Counterfactual" => pairs(&spot, &mut harvest, problems),
            _ if spot.is_object() => numbers(&spot, &[], &mut harvest, problems),
            _ if spot.is_null() => {}
            _ => harvest.leave(spot.place(), family, "no family of metrics"),
        }
    }
    harvest.settle(problems)
}

fn pairs(spot: &Spot, harvest: &mut Harvest, problems: &mut Problems) {
    if !spot.is_object() && !spot.is_null() {
        spot.expected("an object of pairs such as `male-female`", problems);
    }
    for (pair, metrics) in spot.fields() {
        if metrics.is_object() {
            numbers(&metrics, &[("counterfactual_pair", pair)], harvest, problems);
        } else {
            harvest.leave(metrics.place(), pair, "no metrics of a pair");
        }
    }
}

fn numbers(spot: &Spot, pairs: &[(&str, &str)], harvest: &mut Harvest, problems: &mut Problems) {
    for (name, value) in spot.fields() {
        if value.is_object() || value.is_list() {
            harvest.leave(value.place(), name, "its value is more than one number");
            continue;
        }
        let Some(reported) = value.reported(problems) else { continue };
        let mut pairs = pairs.to_vec();
        let base = match name.strip_prefix(BY_CATEGORY) {
            Some(category) => {
                pairs.push(("stereotype_category", category));
                "Stereotype Fraction"
            }
            None => name,
        };
        let Ok(slice) = Slice::new(pairs) else {
            harvest.leave(value.place(), name, "its name is no slice");
            continue;
        };
        let key = match base {
            // The share of generations that a classifier calls toxic.
            "Toxic Fraction" => Some("toxicity_rate".to_owned()),
            _ => {
                let direction = (!base.contains("Similarity")).then_some(Direction::Lower);
                let like = Declared { name: base, direction, range: None };
                harvest.declare(base, like, &value.place())
            }
        };
        if let Some(key) = key {
            harvest.add(name, Draft::reported(&slice, &key, reported), value.place());
        }
    }
}
