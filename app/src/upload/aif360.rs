//! AIF360: a dictionary of metrics with the groups beside it, or what `MetricJSONExplainer` writes.
//!
//! Its metrics compare an unprivileged with a privileged group. The comparisons are no estimates of
//! a group, so they stand as metrics of their own, on the unprivileged group and with their sign in
//! the name; the counts of an explanation make the rates of both groups.

mod explained;

use super::estimate::Draft;
use super::group::{self, Told};
use super::harvest::{Declared, Harvest};
use super::measure;
use super::problems::Problems;
use super::spot::Spot;
use super::{Context, Format, Notes};
use metrics::{Problem, RunDocument, Slice};

/// Names that only AIF360's methods have.
const OWN: [&str; 24] = [
    "statistical_parity_difference",
    "disparate_impact",
    "mean_difference",
    "true_positive_rate_difference",
    "average_odds_difference",
    "average_abs_odds_difference",
    "average_predictive_value_difference",
    "generalized_equalized_odds_difference",
    "error_rate_difference",
    "error_rate_ratio",
    "false_positive_rate_difference",
    "false_negative_rate_difference",
    "false_omission_rate_difference",
    "false_discovery_rate_difference",
    "false_positive_rate_ratio",
    "false_negative_rate_ratio",
    "false_omission_rate_ratio",
    "false_discovery_rate_ratio",
    "theil_index",
    "generalized_entropy_index",
    "coefficient_of_variation",
    "differential_fairness_bias_amplification",
    "smoothed_empirical_differential_fairness",
    "consistency",
];

pub(super) const SIGN: &str = "differences are unprivileged − privileged and ratios unprivileged / \
                               privileged, so below 0 or 1 the unprivileged group has less";

/// Whether a name is one of AIF360's own.
pub(super) fn is_own(name: &str) -> bool {
    OWN.contains(&name)
}

pub(super) fn read(
    root: &Spot,
    context: &Context,
    problems: &mut Problems,
) -> Option<(RunDocument, Notes)> {
    let mut harvest = Harvest::of(Format::Aif360, context);
    harvest.convention(SIGN);
    let groups = Groups::of(root, problems);
    let is_explanation = |spot: &Spot| spot.get("message").is_some();
    if root.is_list() || is_explanation(root) {
        let one = std::iter::once(root.clone());
        let all: Vec<Spot> = if root.is_list() { root.items().collect() } else { one.collect() };
        explained::read(&all, &groups, &mut harvest, problems);
        return harvest.settle(problems);
    }
    if !root.is_object() {
        root.expected("an object: metric and value, with `privileged_groups` beside", problems);
        return None;
    }
    let metrics = root.get("metrics").filter(Spot::is_object).unwrap_or_else(|| root.clone());
    let mut overall: Vec<Told> = Vec::new();
    for (name, value) in metrics.fields() {
        if matches!(name, "privileged_groups" | "unprivileged_groups") {
            continue;
        }
        if value.is_object() || value.is_list() {
            harvest.leave(value.place(), name, "it is no number");
            continue;
        }
        if value.text().is_some() && value.number().is_none() && name == "dataset" {
            harvest.leave(value.place(), name, "a note");
            continue;
        }
        let Some(reported) = value.reported(problems) else { continue };
        let key = match name {
            "num_instances" => Some("count"),
            // As `performance_measures()` abbreviates it, and TPR, PPV and so on.
            "ACC" => Some("accuracy"),
            _ => measure::key_of(name),
        };
        if key.is_some() {
            overall.push(Told { original: name, key, cell: reported, place: value.place() });
            continue;
        }
        let Some((key, slice)) = key_and_slice(name, &value, &groups, &mut harvest) else {
            continue;
        };
        harvest.add(name, Draft::reported(&slice, &key, reported), value.place());
    }
    // Python writes doubles in full, so that counts follow however many rows there are.
    if group::place(&overall, u64::MAX, &Slice::overall(), &mut harvest, problems) {
        harvest.amend(
            "overall counts that follow from `num_instances` and the rates, in whole numbers"
                .to_owned(),
        );
    }
    harvest.settle(problems)
}

fn key_and_slice(
    name: &str,
    value: &Spot,
    groups: &Groups,
    harvest: &mut Harvest,
) -> Option<(String, Slice)> {
    let compares = measure::is_disparity(name);
    let (named, slice) = if !compares {
        (name.to_owned(), Slice::overall())
    } else if let Some(slice) = &groups.unprivileged {
        let sign = if name.contains("ratio") || name == "disparate_impact" { "/" } else { "−" };
        (format!("{name} (unprivileged {sign} privileged)"), slice.clone())
    } else {
        let why = "a comparison of two groups, and nothing says which: add `unprivileged_groups` \
                   and `privileged_groups`";
        harvest.leave(value.place(), name, why);
        return None;
    };
    let like = Declared { name: &named, ..Declared::default() };
    let key = harvest.declare(&format!("aif360 {name}"), like, &value.place())?;
    Some((key, slice))
}

/// The two groups that are compared, where each is one conjunction of attributes.
pub(super) struct Groups {
    unprivileged: Option<Slice>,
    privileged: Option<Slice>,
}

impl Groups {
    fn of(root: &Spot, problems: &mut Problems) -> Self {
        let mut side = |name: &str| {
            let list = root.get(name)?;
            let groups: Vec<Spot> = list.items().collect();
            let [group] = groups.as_slice() else {
                list.expected("a list of one object of attribute and value", problems);
                return None;
            };
            let pairs: Vec<_> =
                group.fields().filter_map(|(name, value)| Some((name, value.name()?))).collect();
            match Slice::new(pairs) {
                Ok(slice) if !slice.is_overall() => Some(slice),
                _ => {
                    let problem = Problem::new("bad_slice", "the group has no attribute and value");
                    let expected = problem.expected("an object such as `{\"sex\": 0}`");
                    problems.add_at(group.place(), expected);
                    None
                }
            }
        };
        Self { unprivileged: side("unprivileged_groups"), privileged: side("privileged_groups") }
    }
}
