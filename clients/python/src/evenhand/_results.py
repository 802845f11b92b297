"""From what an evaluation left in memory to the run document `evenhand.run/v1`."""

from __future__ import annotations

import importlib.metadata
import math
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Any

from ._estimate import Estimate, Interval
from ._matrix import solve, whole_part
from ._metric_names import (
    OF_ALL_ROWS,
    RESTING_ON_ALL_ROWS,
    is_known,
    key_of,
)

SCHEMA = "evenhand.run/v1"

#: What the server calls definitions that no file states, so that a frame continues the series of
#: the files that were uploaded before.
UNSTATED = "unstated"

#: What follows a metric's value in a long table, by column.
_BESIDE = ("n", "numerator", "denominator", "positives")
_BESIDE_FLOAT = ("n_effective", "stderr", "threshold")
_INTERVAL = ("low", "high", "level", "method")
_LONG = frozenset({"metric", "value", "undefined", *_BESIDE, *_BESIDE_FLOAT, *_INTERVAL})


@dataclass(frozen=True)
class About:
    """What results do not say of themselves."""

    #: NAME@VERSION
    dataset: str | None
    #: RFC 3339
    evaluated_at: str | None
    positive_outcome: str | None


def is_document(results: Mapping[str, Any]) -> bool:
    """Whether a dictionary is a run document, be it without its header."""
    return results.get("schema") == SCHEMA or "estimates" in results


def document_of(results: Any, about: About) -> dict[str, Any]:
    """The run document of results, with what is said beside them."""
    if isinstance(results, Mapping):
        document = dict(results)
    elif hasattr(results, "by_group") and hasattr(results, "sensitive_levels"):
        document = _of_metric_frame(results)
    elif hasattr(results, "columns") and hasattr(results, "itertuples"):
        document = _of_data_frame(results)
    else:
        raise TypeError(
            f"a {type(results).__name__} cannot be logged; expected a MetricFrame, a DataFrame, a "
            "dict, what evenhand.evaluate returned, or a path to a file of results"
        )
    document["schema"] = SCHEMA
    if about.dataset is not None:
        name, at, version = about.dataset.partition("@")
        if not (at and name and version):
            raise ValueError(f"dataset=`{about.dataset}`: expected NAME@VERSION")
        same = {key: document.get("dataset", {}).get(key) for key in ("digest", "rows")}
        kept = {key: value for key, value in same.items() if value is not None}
        document["dataset"] = {"name": name, "version": version, **kept}
    if "dataset" not in document:
        raise ValueError('say what it was measured on: dataset="NAME@VERSION"')
    if about.evaluated_at is not None:
        document["evaluated_at"] = about.evaluated_at
    document.setdefault("evaluated_at", datetime.now(timezone.utc).isoformat())
    if about.positive_outcome is not None:
        document["positive_outcome"] = about.positive_outcome
    document.setdefault("instrument", _instrument("python", None))
    return document


def _instrument(name: str, version: str | None) -> dict[str, Any]:
    return {"name": name, "version": version or UNSTATED, "definitions": UNSTATED}


def _version_of(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _document(estimates: Iterable[Estimate], names: Mapping[str, str], tool: str) -> dict[str, Any]:
    """`names` are those that the keys were made of."""
    known = list(estimates)
    if not known:
        raise ValueError("there is no value to log")
    declared = {
        estimate.metric: names[estimate.metric]
        for estimate in known
        if estimate.metric in names and not is_known(estimate.metric)
    }
    return {
        "instrument": _instrument(tool, _version_of(tool)),
        "metrics": [{"key": key, "name": name[:200]} for key, name in declared.items()],
        "estimates": [estimate.to_json() for estimate in known],
    }


# Frames, a row per group and a column per metric.


@dataclass(frozen=True)
class _Row:
    slice: dict[str, str]
    #: By the metric's name.
    values: dict[str, Any]
    intervals: dict[str, Interval]


def _of_metric_frame(frame: Any) -> dict[str, Any]:
    # Quantiles of a bootstrap, where one was asked for.
    quantiles: list[float] = getattr(frame, "ci_quantiles", None) or []
    rows: list[_Row] = []
    for part in ("overall", "by_group"):
        ends = None
        if len(set(quantiles)) > 1:
            least, most = min(quantiles), max(quantiles)
            ci = getattr(frame, f"{part}_ci")
            ends = (ci[quantiles.index(least)], ci[quantiles.index(most)], most - least)
        rows += _rows(getattr(frame, part), frame.by_group, ends)
    return _of_rows(rows, "fairlearn")


def _rows(table: Any, by_group: Any, ends: tuple[Any, Any, float] | None) -> list[_Row]:
    """`table` is a number, a series or a frame; `by_group` tells whether there are several metrics.

    `ends` are the same table's interval ends, and their level.
    """
    rows = _plain_rows(table, by_group)
    if ends is None:
        return [_Row(slice_, values, {}) for slice_, values in rows]
    low, high, level = ends
    lows, highs = _plain_rows(low, by_group), _plain_rows(high, by_group)
    found = []
    for (slice_, values), (_, least), (_, most) in zip(rows, lows, highs):
        intervals = {
            name: Interval(float(least[name]), float(most[name]), level, "bootstrap_percentile")
            for name, value in values.items()
            if _is_number(value)
            and _is_number(least[name])
            and _is_number(most[name])
            # Percentiles of a bootstrap need not hold the value; an interval must.
            and least[name] <= value <= most[name]
        }
        found.append(_Row(slice_, values, intervals))
    return found


def _plain_rows(table: Any, by_group: Any) -> list[tuple[dict[str, str], dict[str, Any]]]:
    if hasattr(table, "columns"):
        names = [str(name) for name in table.columns]
        cells = table.itertuples(index=False, name=None)
        return [(slice_, dict(zip(names, row))) for slice_, row in zip(_slices(table.index), cells)]
    if not hasattr(table, "index"):
        # Overall of one metric.
        return [({}, {_name(by_group): table})]
    if hasattr(by_group, "columns"):
        # Overall of several.
        return [({}, {str(name): value for name, value in zip(table.index, table)})]
    # By group, or overall by control level, of one metric.
    return [
        (slice_, {_name(by_group): value}) for slice_, value in zip(_slices(table.index), table)
    ]


def _name(series: Any) -> str:
    return str(series.name) if series.name is not None else "metric"


def _slices(index: Any) -> list[dict[str, str]]:
    names = list(index.names)
    if any(name is None for name in names):
        raise ValueError(
            "no name says which attribute the rows' labels are of; expected an index with a name, "
            "as MetricFrame.by_group has it, or a long table with the columns `metric` and `value`"
        )
    labels = index if len(names) > 1 else ((label,) for label in index)
    slices = []
    for label in labels:
        if any(_is_missing(group) for group in label):
            raise ValueError(f"a group of {', '.join(map(str, names))} has no name: {label}")
        slices.append({str(name): str(group) for name, group in zip(names, label)})
    return slices


def _of_rows(rows: list[_Row], tool: str) -> dict[str, Any]:
    names: dict[str, str] = {}
    by_name: dict[str, str] = {}
    for row in rows:
        for name in row.values:
            key = key_of(name)
            if names.setdefault(key, name) != name:
                raise ValueError(
                    f"the metrics `{names[key]}` and `{name}` are one to Evenhand: {key}"
                )
            by_name[name] = key
    odd = {
        name
        for row in rows
        for name, value in row.values.items()
        if not _is_number(value) and not _is_missing(value)
    }
    if odd:
        told = ", ".join(sorted(odd))
        warnings.warn(f"left out, for their values are no numbers: {told}", stacklevel=5)
        rows = [replace(row, values=_without(row.values, odd)) for row in rows]
    if "count" not in names:
        warnings.warn(
            "the frame has no `count`, so nothing says how many rows its numbers rest on: they are "
            'shown as reported and satisfy no rule; add "count": fairlearn.metrics.count',
            stacklevel=5,
        )
    estimates = [estimate for row in rows for estimate in _estimates(row, by_name)]
    return _document(estimates, names, tool)


def _without(values: Mapping[str, Any], names: set[str]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in names}


def _estimates(row: _Row, keys: Mapping[str, str]) -> list[Estimate]:
    values = {keys[name]: value for name, value in row.values.items()}
    intervals = {keys[name]: interval for name, interval in row.intervals.items()}
    numbers = {key: float(value) for key, value in values.items() if _is_number(value)}
    rows = _whole(numbers.get("count"))
    if "count" in values and _is_missing(values["count"]):
        # Fairlearn lists groups that do not occur together, without numbers.
        rows = 0
    matrix = None if rows is None else solve(rows, numbers)
    parts = {} if matrix is None else matrix.rates()
    estimates = []
    for key in values:
        estimate = Estimate(key, numbers.get(key), row.slice, interval=intervals.get(key))
        if key == "count" and rows is not None:
            known = None if matrix is None else matrix.tp + matrix.fn
            estimate = replace(estimate, value=float(rows), n=rows, positives=known, interval=None)
        elif rows == 0:
            estimate = replace(estimate, value=None, n=0, undefined="no rows")
        elif key in parts:
            part = parts[key]
            # What is reported where nothing is to be divided by says nothing.
            defined = part.denominator > 0
            estimate = replace(
                estimate,
                value=part.numerator / part.denominator if defined else None,
                n=part.denominator,
                numerator=part.numerator if defined else None,
                denominator=part.denominator if defined else None,
                positives=part.positives,
                interval=None,
                undefined=None if defined else part.lacks,
            )
        elif estimate.value is None:
            estimate = replace(estimate, undefined="reported as nan", interval=None)
        elif rows is not None:
            estimate = _counted(estimate, rows)
        estimates.append(estimate)
    return estimates


def _counted(estimate: Estimate, rows: int) -> Estimate:
    """What the number of rows alone says of a value."""
    value = estimate.value
    if estimate.metric in OF_ALL_ROWS:
        part = None if value is None else whole_part(value, rows)
        # A weighted rate counts no whole number of rows, and rests on fewer than there are.
        if part is None:
            return estimate
        return replace(
            estimate, n=rows, numerator=part, denominator=rows, value=part / rows, interval=None
        )
    if estimate.metric in RESTING_ON_ALL_ROWS or not is_known(estimate.metric):
        return replace(estimate, n=rows)
    return estimate


# Tables of a row per estimate.


def _of_data_frame(frame: Any) -> dict[str, Any]:
    columns = [str(name) for name in frame.columns]
    if not {"metric", "value"} <= set(columns):
        return _of_rows(_rows(frame, frame, None), "pandas")
    if "slice" in columns:
        raise ValueError("a long table has a column per attribute in place of `slice`")
    names: dict[str, str] = {}
    estimates = []
    for number, cells in enumerate(frame.itertuples(index=False, name=None)):
        row = dict(zip(columns, cells))
        try:
            estimate = _of_long_row(row)
        except (TypeError, ValueError) as error:
            raise ValueError(f"row {number}: {error}") from error
        key = key_of(estimate.metric) if "@" not in estimate.metric else estimate.metric
        names.setdefault(key, estimate.metric)
        estimates.append(replace(estimate, metric=key))
    custom = {key: name for key, name in names.items() if "@" not in key and "[" not in name}
    return _document(estimates, custom, "pandas")


def _of_long_row(row: Mapping[str, Any]) -> Estimate:
    cell = {name: value for name, value in row.items() if not _is_missing(value)}
    slice_ = {name: str(group) for name, group in cell.items() if name not in _LONG}
    counts = {name: _whole_cell(name, cell[name]) for name in _BESIDE if name in cell}
    others = {name: float(cell[name]) for name in _BESIDE_FLOAT if name in cell}
    interval = None
    if "low" in cell and "high" in cell:
        interval = Interval(
            float(cell["low"]),
            float(cell["high"]),
            float(cell.get("level", 0.95)),
            str(cell.get("method", UNSTATED)),
        )
    value = float(cell["value"]) if "value" in cell else None
    undefined = None
    if value is None:
        undefined = str(cell.get("undefined", "reported as nan"))
    if "metric" not in cell:
        raise ValueError("`metric` is empty")
    return Estimate(
        str(cell["metric"]),
        value,
        slice_,
        interval=interval,
        undefined=undefined,
        **counts,
        **others,  # type: ignore[arg-type]
    )


def _whole_cell(name: str, value: Any) -> int:
    whole = _whole(float(value))
    if whole is None:
        raise ValueError(f"`{name}` {value} is no whole number")
    return whole


def _whole(value: float | None) -> int | None:
    if value is None or not value.is_integer() or not 0 <= value < 2**53:
        return None
    return int(value)


def _is_missing(value: Any) -> bool:
    """None, NaN, or one of pandas' own ways to say so."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    try:
        return math.isnan(value)
    except (TypeError, ValueError):
        return False


def _is_number(value: Any) -> bool:
    try:
        return math.isfinite(value)
    except (TypeError, ValueError):
        return False
