"""`evenhand.evaluate`: Evenhand's metrics of predictions that are in memory, without a server."""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from ._errors import CommandMissing, EvenhandError, Problem, Refused
from ._estimate import Estimate

LABEL, PREDICTION, SCORE, WEIGHT = "y_true", "y_pred", "y_score", "sample_weight"


@dataclass(frozen=True)
class Evaluation:
    """A run document, and its estimates to look at. `evenhand.log` sends it as it is."""

    document: Mapping[str, Any]

    @property
    def estimates(self) -> list[Estimate]:
        return [Estimate.of(estimate) for estimate in self.document["estimates"]]

    def estimate(self, metric: str, **groups: str) -> Estimate:
        """The estimate of a metric on a slice; overall where no group is named.

        Raises `KeyError` where there is none.
        """
        for estimate in self.document["estimates"]:
            if estimate["metric"] == metric and estimate["slice"] == groups:
                return Estimate.of(estimate)
        raise KeyError(f"there is no {metric} of {groups or 'overall'}")

    def to_frame(self) -> Any:
        """A pandas `DataFrame` with a row per estimate and a column per attribute."""
        import pandas as pd  # type: ignore[import-untyped,import-not-found,unused-ignore]

        rows = []
        for estimate in self.document["estimates"]:
            rest = {key: value for key, value in estimate.items() if key not in _NESTED}
            rows.append({**estimate["slice"], **rest, **estimate.get("interval", {})})
        return pd.DataFrame(rows)


_NESTED = ("slice", "interval")


def evaluate(
    y_true: Iterable[Any],
    y_pred: Iterable[Any] | None = None,
    *,
    sensitive_features: Any,
    y_score: Iterable[Any] | None = None,
    sample_weight: Iterable[Any] | None = None,
    task: str = "binary_classification",
    positive: str | None = None,
    positive_outcome: str | None = None,
    threshold: float | None = None,
    intersections: int | Sequence[Sequence[str]] | None = None,
    missing: str = "group",
    dataset: str | None = None,
    evaluated_at: datetime | date | str | None = None,
) -> Evaluation:
    """Every metric of the task, overall and by group, each with its n and its interval.

    `sensitive_features` is a mapping of attributes to columns, a `DataFrame`, a named `Series`, or
    one column without a name (then `sensitive_feature_0`, as Fairlearn has it). `intersections=2`
    crosses all pairs of attributes. `positive` names the positive label where labels are not 0/1.
    A group that is None or NaN is the group `(missing)`, or with `missing` `"drop"` or `"error"`.

    The work is done by the program `evenhand`: the one that EVENHAND_BIN names, or on the PATH.

    >>> found = evaluate(
    ...     [1, 1, 0, 0, 1, 0], [1, 0, 0, 1, 1, 0], sensitive_features={"sex": list("FFFMMM")}
    ... )
    >>> rate = found.estimate("selection_rate", sex="F")
    >>> rate.numerator, rate.n, round(rate.interval.low, 3), round(rate.interval.high, 3)
    (1, 3, 0.061, 0.792)
    """
    columns: dict[str, Iterable[Any]] = {LABEL: y_true}
    spec: dict[str, Any] = {"task": task, "label": LABEL, "missing": missing}
    for name, key, column in (
        (PREDICTION, "prediction", y_pred),
        (SCORE, "score", y_score),
        (WEIGHT, "weight", sample_weight),
    ):
        if column is not None:
            columns[name] = column
            spec[key] = name
    attributes = _attributes(sensitive_features)
    for name, column in attributes.items():
        if name in columns:
            raise ValueError(f"an attribute cannot be called {name}, which is a column of its own")
        columns[name] = column
    spec["slices"] = list(attributes)
    for key, value in (
        ("positive", positive),
        ("positive_outcome", positive_outcome),
        ("threshold", threshold),
        ("intersections", intersections),
    ):
        if value is not None:
            spec[key] = value
    arguments = ["--spec", json.dumps(spec), "--json"]
    if dataset is not None:
        arguments += ["--dataset", dataset]
    if (at := moment(evaluated_at)) is not None:
        arguments += ["--evaluated-at", at]
    with tempfile.TemporaryDirectory(prefix="evenhand-") as folder:
        file = Path(folder) / "predictions.ndjson"
        _write(file, columns)
        document = _run([_command(), "evaluate", str(file), *arguments])
    if dataset is None:
        # It would be called after a file that nobody chose.
        del document["dataset"]
    if evaluated_at is None:
        del document["evaluated_at"]
    return Evaluation(document)


def moment(at: datetime | date | str | None) -> str | None:
    """A time as RFC 3339; a day begins at midnight UTC.

    >>> moment("2026-11-01"), moment("2026-11-01T09:00:00+01:00")
    ('2026-11-01T00:00:00Z', '2026-11-01T09:00:00+01:00')
    """
    if isinstance(at, datetime):
        if at.tzinfo is None:
            raise ValueError(
                f"the time {at} has no zone; expected datetime.timezone.utc or another"
            )
        return at.isoformat()
    if isinstance(at, date) or (at is not None and re.fullmatch(r"\d{4}-\d\d-\d\d", at)):
        return f"{at}T00:00:00Z"
    return at


def _command() -> str:
    named = os.environ.get("EVENHAND_BIN", "").strip()
    found = shutil.which(named or "evenhand")
    if found is None:
        where = f"EVENHAND_BIN is `{named}`, which" if named else "`evenhand` on the PATH"
        raise CommandMissing(
            f"the program that computes metrics is not there: {where} cannot be run. Put the "
            "binary `evenhand` on the PATH, or its path into the variable EVENHAND_BIN "
            "(`cargo build --release -p server` in Evenhand's repository makes "
            "target/release/evenhand)"
        )
    return found


def _run(command: list[str]) -> dict[str, Any]:
    ended = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)
    try:
        answer = json.loads(ended.stdout)
    except ValueError:
        answer = None
    if ended.returncode == 0 and isinstance(answer, dict):
        return answer
    if isinstance(answer, dict) and answer.get("errors"):
        # A line of the file is a row of the caller's columns, from 1.
        problems = [Problem.of(error) for error in answer["errors"] if isinstance(error, dict)]
        raise Refused("the predictions cannot be evaluated", problems)
    said = ended.stderr.strip()
    raise EvenhandError(
        said.removeprefix("evenhand: ") or f"{command[0]} ended with exit code {ended.returncode}"
    )


def _attributes(features: Any) -> dict[str, Iterable[Any]]:
    if isinstance(features, Mapping):
        found = {str(name): column for name, column in features.items()}
    elif hasattr(features, "columns"):
        found = {str(name): features[name] for name in features.columns}
    elif getattr(features, "ndim", 1) == 2:
        found = {f"sensitive_feature_{i}": column for i, column in enumerate(features.T)}
    else:
        name = getattr(features, "name", None)
        found = {"sensitive_feature_0" if name is None else str(name): features}
    if not found:
        raise ValueError("sensitive_features has no column")
    return found


def _write(file: Path, columns: Mapping[str, Iterable[Any]]) -> None:
    lists = {name: list(column) for name, column in columns.items()}
    lengths = {name: len(column) for name, column in lists.items()}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise ValueError(f"the columns have different numbers of rows: {told}")
    write = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode
    names = list(lists)
    with file.open("w", encoding="utf-8", newline="\n") as out:
        for cells in zip(*lists.values()):
            row = {name: _cell(cell) for name, cell in zip(names, cells)}
            out.write(write(row))
            out.write("\n")


def _cell(value: Any) -> Any:
    """A cell as JSON has it: numbers of numpy are numbers, what is missing is null."""
    if isinstance(value, (str, int)):
        return value
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return None
    if callable(item := getattr(value, "item", None)):
        value = item()
    if isinstance(value, float):
        if math.isnan(value):
            return None
        return int(value) if value.is_integer() else value
    return value if isinstance(value, (str, int)) else str(value)
