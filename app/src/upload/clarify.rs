//! SageMaker Clarify's `analysis.json`: for each value of a facet, how it compares with all others.
//!
//! Every number is a comparison of one group (d) with everyone else (a), so each stands as a metric
//! of its own on that group, with its sign in the name; there is no n, and none satisfies a rule.

use super::estimate::Draft;
use super::harvest::{Declared, Harvest};
use super::problems::Problems;
use super::spot::{Reported, Spot};
use super::{Context, Format, Notes};
use metrics::{Problem, RunDocument, Slice};

/// Names and what they compare: d is the group, a is everyone else.
const METRICS: [(&str, &str); 21] = [
    ("CI", "class imbalance, (n_a − n_d) / n"),
    ("DPL", "difference in proportions of labels, q_a − q_d"),
    ("KL", "Kullback-Leibler divergence of labels, a from d"),
    ("JS", "Jensen-Shannon divergence of labels"),
    ("LP", "Lp-norm of labels"),
    ("TVD", "total variation distance of labels"),
    ("KS", "Kolmogorov-Smirnov distance of labels"),
    ("CDDL", "conditional demographic disparity in labels"),
    ("AD", "accuracy difference, a − d"),
    ("CDDPL", "conditional demographic disparity in predicted labels"),
    ("DAR", "difference in acceptance rates, a − d"),
    ("DCA", "difference in conditional acceptance, a − d"),
    ("DCR", "difference in conditional rejection, d − a"),
    ("DI", "disparate impact, q_d / q_a"),
    ("DPPL", "difference in positive proportions in predicted labels, q_a − q_d"),
    ("DRR", "difference in rejection rates, d − a"),
    ("FT", "counterfactual fliptest"),
    ("GE", "generalized entropy"),
    ("RD", "recall difference, a − d"),
    ("SD", "specificity difference, d − a"),
    ("TE", "treatment equality, d − a"),
];

pub(super) fn read(
    root: &Spot,
    context: &Context,
    problems: &mut Problems,
) -> Option<(RunDocument, Notes)> {
    let mut harvest = Harvest::of(Format::Clarify, context);
    if root.is_list() {
        problems.add_at(
            root.place(),
            Problem::new("labels_lost", "nothing says which facet the values are of")
                .expected("the whole `analysis.json`, or `{\"post_training_bias_metrics\": {\"facets\": {NAME: …}}}`"),
        );
        return None;
    }
    if !root.is_object() {
        root.expected(
            "an object with `pre_training_bias_metrics` or `post_training_bias_metrics`",
            problems,
        );
        return None;
    }
    harvest.version(root.get("version").and_then(|version| version.text()));
    harvest.convention(
        "one group (d) against everyone else (a), not against a reference; a positive difference \
         in proportions means that the group has less, which is the opposite of AIF360's sign",
    );
    for (when, field) in [
        ("before training", "pre_training_bias_metrics"),
        ("after training", "post_training_bias_metrics"),
    ] {
        let Some(part) = root.get(field) else { continue };
        let label = part.get("label").and_then(|label| label.name());
        let value = part.get("label_value_or_threshold").and_then(|value| value.name());
        if let (Some(label), Some(value)) = (label, value) {
            harvest.convention(format!("{when}: positive is {label} = {value}"));
        }
        let Some(facets) = part.object("facets", problems) else { continue };
        for (facet, values) in facets.fields() {
            if !values.is_list() {
                values.expected("a list of the facet's values", problems);
            }
            for value in values.items() {
                group(facet, &value, &mut harvest, problems);
            }
        }
    }
    if let Some(explanations) = root.get("explanations") {
        harvest.leave(
            explanations.place(),
            "explanations",
            "attributions of features, no metric of a group",
        );
    }
    harvest.settle(problems)
}

fn group(facet: &str, spot: &Spot, harvest: &mut Harvest, problems: &mut Problems) {
    let Some(group) = spot.get("value_or_threshold").and_then(|group| group.name()) else {
        spot.expected("an object with `value_or_threshold` and `metrics`", problems);
        return;
    };
    let slice = match Slice::new([(facet, group)]) {
        Ok(slice) => slice,
        Err(error) => {
            let problem = Problem::new("bad_slice", error.to_string());
            problems.add_at(spot.place(), problem.expected("a facet with a value"));
            return;
        }
    };
    let Some(metrics) = spot.list("metrics", problems) else { return };
    for metric in metrics.items() {
        let Some(name) = metric.get("name").and_then(|name| name.text()) else {
            metric.expected("an object with `name` and `value`", problems);
            continue;
        };
        let error = metric.get("error").and_then(|error| error.text());
        let reported = match (metric.get("value"), error) {
            (None, Some(error)) => {
                let reason = error.chars().filter(|c| !c.is_control()).take(500).collect();
                Some(Reported::None(reason))
            }
            (None, None) => Some(Reported::None("reported as null".to_owned())),
            (Some(value), _) if value.is_object() || value.is_list() => {
                harvest.leave(value.place(), name, "its value is more than one number");
                continue;
            }
            (Some(value), _) => value.reported(problems),
        };
        let Some(reported) = reported else { continue };
        let known = METRICS.iter().find(|(known, _)| *known == name);
        let named = known.map_or(name.to_owned(), |(_, words)| format!("{name}: {words}"));
        let like = Declared { name: &named, ..Declared::default() };
        let Some(key) = harvest.declare(&format!("clarify {name}"), like, &metric.place()) else {
            continue;
        };
        harvest.add(name, Draft::reported(&slice, &key, reported), metric.place());
    }
}
