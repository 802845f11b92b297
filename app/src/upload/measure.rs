//! Names under which Python's tools know the metrics of the catalogue, where they mean the same.

use super::harvest::{Declared, Harvest};
use metrics::Place;
use metrics::catalogue::{self, Direction};

/// Other names of catalogue metrics, of scikit-learn, Fairlearn, Aequitas and Evidently.
const SAME: &[(&str, &str)] = &[
    ("accuracy_score", "accuracy"),
    ("balanced_accuracy_score", "balanced_accuracy"),
    ("recall", "true_positive_rate"),
    ("recall_score", "true_positive_rate"),
    ("sensitivity", "true_positive_rate"),
    ("tpr", "true_positive_rate"),
    ("specificity", "true_negative_rate"),
    ("tnr", "true_negative_rate"),
    ("fpr", "false_positive_rate"),
    ("fnr", "false_negative_rate"),
    ("precision_score", "precision"),
    ("positive_predictive_value", "precision"),
    ("ppv", "precision"),
    ("npv", "negative_predictive_value"),
    ("fdr", "false_discovery_rate"),
    ("for", "false_omission_rate"),
    ("f1_score", "f1"),
    ("f1score", "f1"),
    ("roc_auc_score", "roc_auc"),
    ("rocauc", "roc_auc"),
    ("average_precision_score", "average_precision"),
    ("logloss", "log_loss"),
    ("brier", "brier_score"),
    ("brier_score_loss", "brier_score"),
    ("mae", "mean_absolute_error"),
    ("mean_abs_error", "mean_absolute_error"),
    ("meanerror", "mean_error"),
    ("mse", "mean_squared_error"),
    ("rmse", "root_mean_squared_error"),
    ("r2", "r_squared"),
    ("r2_score", "r_squared"),
    ("r2score", "r_squared"),
];

/// Metrics that the catalogue does not have, by their usual names, each with its key.
const OTHERS: &[(&str, &str, Declared)] = &[
    ("mcc", "matthews_corrcoef", MATTHEWS),
    ("matthews_corrcoef", "matthews_corrcoef", MATTHEWS),
    (
        "zero_one_loss",
        "zero_one_loss",
        Declared {
            name: "zero-one loss",
            direction: Some(Direction::Lower),
            range: Some([0.0, 1.0]),
        },
    ),
];

const MATTHEWS: Declared = Declared {
    name: "Matthews correlation coefficient",
    direction: Some(Direction::Higher),
    range: Some([-1.0, 1.0]),
};

/// The disparities that tools report: each is computed again from the estimates, with an interval.
const DISPARITIES: &[&str] = &[
    "difference",
    "ratio",
    "disparity",
    "disparate_impact",
    "equalized_odds",
    "demographic_parity",
    "parity",
];

/// The catalogue's key for a name, where it means the same thing.
pub(super) fn key_of(name: &str) -> Option<&'static str> {
    let lower = name.trim().to_lowercase();
    let known = SAME.iter().find(|(other, _)| *other == lower).map(|(_, key)| *key);
    known.or_else(|| catalogue::find(&lower).filter(|it| !it.has_cutoff()).map(|it| it.key))
}

/// The catalogue's key for a metric of a class against the rest, where it has such.
pub(super) fn of_class(key: &str, class: &str) -> Option<String> {
    let key = format!("{key}[{class}]");
    catalogue::find(&key).is_some().then_some(key)
}

/// Whether a name is one that people give a metric.
pub(super) fn is_known(name: &str) -> bool {
    key_of(name).is_some() || other(name).is_some()
}

fn other(name: &str) -> Option<(&'static str, Declared<'static>)> {
    let lower = name.trim().to_lowercase();
    OTHERS.iter().find(|(known, ..)| *known == lower).map(|(_, key, like)| (*key, *like))
}

/// Whether a name is that of a comparison between groups.
pub(super) fn is_disparity(name: &str) -> bool {
    let lower = name.to_lowercase();
    DISPARITIES.iter().any(|part| lower.contains(part))
}

/// The key of a metric by its name: the catalogue's, else one that the run declares; `None` after
/// it was left out with its reason.
pub(super) fn key_or_declare(name: &str, harvest: &mut Harvest, place: &Place) -> Option<String> {
    if let Some(key) = key_of(name) {
        return Some(key.to_owned());
    }
    if is_disparity(name) {
        harvest.leave(place.clone(), name, DISPARITY);
        return None;
    }
    match other(name) {
        Some((key, like)) => harvest.declare(key, like, place),
        None => harvest.declare(name, Declared::default(), place),
    }
}

/// Why a disparity is no estimate.
pub(super) const DISPARITY: &str =
    "a comparison between groups, which is computed from the groups' own estimates";
