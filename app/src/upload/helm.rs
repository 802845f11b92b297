//! HELM's `stats.json`: a list of statistics, each with its name, split and perturbation.
//!
//! `count` there is the number of trials and not of instances, so n is HELM's own statistic
//! `num_instances` of the same split and part of it.

use super::estimate::Draft;
use super::harvest::{Declared, Harvest};
use super::problems::Problems;
use super::spot::{Reported, Spot};
use super::{Context, Format, Notes};
use metrics::catalogue::Direction;
use metrics::{Problem, RunDocument, Slice};
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn read(
    root: &Spot,
    context: &Context,
    problems: &mut Problems,
) -> Option<(RunDocument, Notes)> {
    let mut harvest = Harvest::of(Format::Helm, context);
    if !root.is_list() {
        root.expected("a list of statistics", problems);
        return None;
    }
    // Some scenarios have no rows to test on but those to validate on.
    let is_of = |wanted: &str| root.items().any(|stat| text(&stat, "split") == Some(wanted));
    let split = if !is_of("test") && is_of("valid") { "valid" } else { "test" };
    harvest.convention(format!(
        "means over trials, of the {split} split; a perturbation is an attribute, and `worst` is \
         the least value, also where less is better",
    ));
    let perturbations = Perturbations::of(root);
    let mut instances: BTreeMap<(&str, Option<&str>), u64> = BTreeMap::new();
    for stat in root.items() {
        if text(&stat, "name") == Some("num_instances")
            && stat.find(&["name", "perturbation"]).is_none()
        {
            let n = stat.get("mean").and_then(|mean| mean.count());
            let sub_split = text(&stat, "sub_split");
            instances.extend(text(&stat, "split").map(|split| (split, sub_split)).zip(n));
        }
    }
    for stat in root.items() {
        let Some(name) = text(&stat, "name") else {
            stat.expected("an object whose `name` has a `name`", problems);
            continue;
        };
        if text(&stat, "split").is_some_and(|its| its != split) {
            harvest.leave(stat.place(), name, &format!("it is of another split than `{split}`"));
            continue;
        }
        let reported = match stat.get("mean") {
            Some(mean) => mean.reported(problems),
            None => Some(Reported::None("no trial has a value".to_owned())),
        };
        let Some(reported) = reported else { continue };
        let slice = match slice(&stat, &perturbations) {
            Ok(slice) => slice,
            Err(error) => {
                let problem = Problem::new("bad_slice", error.to_string());
                problems.add_at(stat.place(), problem.expected("a perturbation with its name"));
                continue;
            }
        };
        let n = instances.get(&(split, text(&stat, "sub_split"))).copied();
        // What was perturbed may be of fewer.
        let is_as_it_was = stat.find(&["name", "perturbation"]).is_none();
        let n = n.filter(|n| *n > 0 && is_as_it_was);
        let key = match name {
            "num_instances" => Some("count".to_owned()),
            name => harvest.declare(name, declared(name), &stat.place()),
        };
        let Some(key) = key else { continue };
        let draft = Draft::reported(&slice, &key, reported);
        let draft = draft.of_rows(n);
        harvest.add(name, draft, stat.place());
    }
    harvest.settle(problems)
}

/// What is known of a metric. Whether an answer matches exactly, of some letters or among some
/// answers, is a share of instances; others are means of anything.
fn declared(name: &str) -> Declared<'_> {
    if name.split('@').next().is_some_and(|name| name.ends_with("exact_match")) {
        return Declared { name, direction: Some(Direction::Higher), range: Some([0.0, 1.0]) };
    }
    Declared::default()
}

/// A text of a statistic's name.
fn text<'n>(stat: &Spot<'n>, field: &str) -> Option<&'n str> {
    stat.find(&["name", field])?.text()
}

fn slice(stat: &Spot, perturbations: &Perturbations) -> Result<Slice, metrics::slice::SliceError> {
    let mut pairs: Vec<(&str, String)> = Vec::new();
    if let Some(part) = text(stat, "sub_split") {
        pairs.push(("sub_split", part.to_owned()));
    }
    if let Some(perturbation) = stat.find(&["name", "perturbation"]) {
        let computed_on = perturbation.get("computed_on").and_then(|word| word.text());
        pairs.push(("perturbation", perturbations.name(&perturbation)));
        pairs.extend(computed_on.map(|on| ("computed_on", on.to_owned())));
    }
    Slice::new(pairs)
}

/// The settings of each perturbation, by its short name.
struct Perturbations(BTreeMap<String, BTreeSet<String>>);

impl Perturbations {
    fn of(root: &Spot) -> Self {
        let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for stat in root.items() {
            if let Some(it) = stat.find(&["name", "perturbation"]) {
                all.entry(short(&it)).or_default().insert(settings(&it));
            }
        }
        Self(all)
    }

    /// With its settings where several go by the same name.
    fn name(&self, perturbation: &Spot) -> String {
        let short = short(perturbation);
        match self.0.get(&short) {
            Some(several) if several.len() > 1 => {
                format!("{short}, {}", settings(perturbation))
            }
            _ => short,
        }
    }
}

/// `dialect SAE to AAVE`.
fn short(perturbation: &Spot) -> String {
    let word = |field: &str| perturbation.get(field).and_then(|word| word.text());
    let name = word("name").unwrap_or_default();
    match word("source_class").zip(word("target_class")) {
        Some((source, target)) => format!("{name} {source} to {target}"),
        None => name.to_owned(),
    }
}

/// `mode pronouns, prob 0.5`: what a perturbation is asked with besides.
fn settings(perturbation: &Spot) -> String {
    const OTHERS: [&str; 6] =
        ["name", "source_class", "target_class", "computed_on", "fairness", "robustness"];
    let all = perturbation.fields().filter(|(name, _)| !OTHERS.contains(name));
    let all = all.filter_map(|(name, value)| Some(format!("{name} {}", value.name()?)));
    all.collect::<Vec<_>>().join(", ")
}
