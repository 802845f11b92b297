"""Estimates: a value with its n and its interval, or the reason why there is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Interval:
    """A confidence interval, in the unit of the value that it belongs to."""

    low: float
    high: float
    level: float
    method: str


@dataclass(frozen=True)
class Estimate:
    """One metric on one slice, as a run document holds it.

    `value` is `None` exactly where the metric is undefined; then `undefined` says why.
    """

    metric: str
    value: float | None
    slice: Mapping[str, str] = field(default_factory=dict)
    n: int | None = None
    numerator: int | None = None
    denominator: int | None = None
    positives: int | None = None
    n_effective: float | None = None
    stderr: float | None = None
    threshold: float | None = None
    interval: Interval | None = None
    undefined: str | None = None

    @classmethod
    def of(cls, json: Mapping[str, Any]) -> Estimate:
        """Reads an estimate of a run document."""
        interval = json.get("interval")
        plain = {name: json.get(name) for name in _PLAIN}
        return cls(
            metric=json["metric"],
            value=json.get("value"),
            slice=dict(json.get("slice", {})),
            interval=None if interval is None else Interval(**interval),
            **plain,
        )

    def to_json(self) -> dict[str, Any]:
        """The estimate as a run document holds it."""
        json: dict[str, Any] = {
            "slice": dict(self.slice),
            "metric": self.metric,
            "value": self.value,
        }
        json.update({name: getattr(self, name) for name in _PLAIN})
        if self.interval is not None:
            json["interval"] = dict(vars(self.interval))
        return {name: value for name, value in json.items() if value is not None or name == "value"}


_PLAIN = (
    "n",
    "numerator",
    "denominator",
    "positives",
    "n_effective",
    "stderr",
    "threshold",
    "undefined",
)
