"""Names that people give metrics, and the keys under which Evenhand knows them."""

from __future__ import annotations

import re

#: Names in scikit-learn and Fairlearn of metrics that Evenhand has, where they mean the same.
_SAME = {
    "accuracy_score": "accuracy",
    "balanced_accuracy_score": "balanced_accuracy",
    "recall": "true_positive_rate",
    "recall_score": "true_positive_rate",
    "sensitivity": "true_positive_rate",
    "tpr": "true_positive_rate",
    "specificity": "true_negative_rate",
    "tnr": "true_negative_rate",
    "fpr": "false_positive_rate",
    "fnr": "false_negative_rate",
    "precision_score": "precision",
    "positive_predictive_value": "precision",
    "ppv": "precision",
    "npv": "negative_predictive_value",
    "fdr": "false_discovery_rate",
    "f1_score": "f1",
    "roc_auc_score": "roc_auc",
    "average_precision_score": "average_precision",
    "brier_score_loss": "brier_score",
    "mae": "mean_absolute_error",
    "mse": "mean_squared_error",
    "rmse": "root_mean_squared_error",
    "r2": "r_squared",
    "r2_score": "r_squared",
}

#: Rates that are of all rows of a group.
OF_ALL_ROWS = frozenset({"selection_rate", "accuracy", "base_rate"})

#: Other rates of a confusion matrix, each of some of the rows.
OF_SOME_ROWS = frozenset(
    {
        "true_positive_rate",
        "false_positive_rate",
        "true_negative_rate",
        "false_negative_rate",
        "precision",
        "negative_predictive_value",
        "false_discovery_rate",
        "false_omission_rate",
    }
)

#: Metrics that are no rates and rest on all rows of a group.
RESTING_ON_ALL_ROWS = frozenset(
    {
        "average_precision",
        "balanced_accuracy",
        "brier_score",
        "calibration_error",
        "log_loss",
        "mean_absolute_error",
        "mean_error",
        "mean_score",
        "mean_squared_error",
        "r_squared",
        "roc_auc",
        "root_mean_squared_error",
    }
)

_KNOWN = OF_ALL_ROWS | OF_SOME_ROWS | RESTING_ON_ALL_ROWS | {"count", "f1"}


def key_of(name: str) -> str:
    """The key of a metric: Evenhand's own where it has one, else one that is made of the name.

    >>> key_of("recall_score"), key_of("Selection_Rate"), key_of("My metric (v2)")
    ('true_positive_rate', 'selection_rate', 'my_metric_v2')
    """
    lower = name.strip().lower()
    if lower in _SAME or lower in _KNOWN:
        return _SAME.get(lower, lower)
    key = re.sub(r"[^a-z0-9]+", "_", lower).strip("_")
    key = key if key[:1].isalpha() else f"m_{key}"
    return key[:64]


def is_known(key: str) -> bool:
    """Whether Evenhand has the metric, so that a run need not declare it."""
    return key in _KNOWN
