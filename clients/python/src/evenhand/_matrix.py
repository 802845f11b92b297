"""The confusion matrix behind the rates of a group.

A `MetricFrame` holds rates and, where it was asked for, the number of rows; what each rate was
divided by is lost. A selection rate and one or two more rates give it back: the matrix is taken
where whole numbers of rows make every rate that is there, and no other whole numbers near them do.
The server reads Fairlearn's files by the same rule, so a frame and its file make the same run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

#: How far a rate may be from the matrix's: a double that was divided once, with room.
ROUNDING = 1e-9


@dataclass(frozen=True)
class Part:
    """What a rate counts, what it is taken of, and how many positive labels are among those."""

    numerator: int
    denominator: int
    positives: int
    #: Why the rate is undefined where there is nothing to divide by.
    lacks: str


@dataclass(frozen=True)
class Matrix:
    """Rows by label and prediction."""

    tp: int
    fp: int
    fn: int
    tn: int

    def rates(self) -> dict[str, Part]:
        """Each rate that the matrix makes, by its key."""
        tp, fp, fn, tn = self.tp, self.fp, self.fn, self.tn
        rows, positives, negatives = tp + fp + fn + tn, tp + fn, fp + tn
        chosen, rejected = tp + fp, fn + tn
        return {
            "selection_rate": Part(chosen, rows, positives, "no rows"),
            "accuracy": Part(tp + tn, rows, positives, "no rows"),
            "base_rate": Part(positives, rows, positives, "no rows"),
            "true_positive_rate": Part(tp, positives, positives, "no positives"),
            "false_negative_rate": Part(fn, positives, positives, "no positives"),
            "false_positive_rate": Part(fp, negatives, 0, "no negatives"),
            "true_negative_rate": Part(tn, negatives, 0, "no negatives"),
            "precision": Part(tp, chosen, tp, "no predicted positives"),
            "false_discovery_rate": Part(fp, chosen, tp, "no predicted positives"),
            "negative_predictive_value": Part(tn, rejected, fn, "no predicted negatives"),
            "false_omission_rate": Part(fn, rejected, fn, "no predicted negatives"),
        }

    def makes(self, rates: Mapping[str, float]) -> bool:
        """Whether every rate is this matrix's. Of nothing, tools report 0, 1 or nothing."""
        parts = {key: (part.numerator, part.denominator) for key, part in self.rates().items()}
        parts["f1"] = (2 * self.tp, 2 * self.tp + self.fp + self.fn)
        for key, (part, whole) in parts.items():
            rate = rates.get(key)
            if rate is None:
                continue
            if whole == 0:
                if 0.0 < rate < 1.0:
                    return False
            elif abs(rate - part / whole) > ROUNDING:
                return False
        return True


def whole_part(rate: float, n: int) -> int | None:
    """How many of `n` rows a rate counts, if that is a whole number beyond doubt.

    >>> whole_part(0.25, 8), whole_part(0.3, 8), whole_part(0.5, 0)
    (2, None, None)
    """
    if n <= 0 or not 0.0 <= rate <= 1.0 or ROUNDING * n > 0.1:
        return None
    nearest = round(rate * n)
    return nearest if abs(rate * n - nearest) <= ROUNDING * n else None


def solve(n: int, rates: Mapping[str, float]) -> Matrix | None:
    """The one matrix of `n` rows that makes these rates.

    >>> rates = Matrix(tp=30, fp=10, fn=20, tn=40).rates()
    >>> known = {key: part.numerator / part.denominator for key, part in rates.items()}
    >>> some = ("selection_rate", "true_positive_rate", "false_positive_rate")
    >>> solve(100, {key: known[key] for key in some})
    Matrix(tp=30, fp=10, fn=20, tn=40)
    >>> solve(100, {"selection_rate": 0.5}) is None
    True
    """
    selection, accuracy = rates.get("selection_rate"), rates.get("accuracy")
    chosen = None if selection is None else whole_part(selection, n)
    right = None if accuracy is None else whole_part(accuracy, n)
    if chosen is None or (accuracy is not None and right is None):
        return None
    found = set()
    for candidate in _candidates(n, chosen, right, rates):
        # Neighbours would be found by rates that say too little.
        for positives in range(max(candidate - 3, 0), min(candidate + 3, n) + 1):
            for tp in _true_positives(n, chosen, right, positives, rates):
                matrix = Matrix(
                    tp=tp,
                    fp=chosen - tp,
                    fn=positives - tp,
                    tn=n - positives - chosen + tp,
                )
                if min(vars(matrix).values()) >= 0 and matrix.makes(rates):
                    found.add(matrix)
    return found.pop() if len(found) == 1 else None


def _candidates(
    n: int, chosen: int, right: int | None, rates: Mapping[str, float]
) -> Iterator[int]:
    """Numbers of positive labels that one of the rates asks for."""

    def either(key: str, complement: str) -> float | None:
        if key in rates:
            return rates[key]
        return 1.0 - rates[complement] if complement in rates else None

    tpr = either("true_positive_rate", "false_negative_rate")
    fpr = either("false_positive_rate", "true_negative_rate")
    hits = rates["precision"] * chosen if "precision" in rates else None
    quotients: list[tuple[float, float]] = []
    if "base_rate" in rates:
        quotients.append((rates["base_rate"] * n, 1.0))
    if right is not None:
        # TP = (P + chosen + right - n) / 2, from TP + FP = chosen and TP + TN = right.
        surplus = chosen + right - n
        if tpr is not None:
            quotients.append((surplus, 2.0 * tpr - 1.0))
        if fpr is not None:
            quotients.append((2.0 * fpr * n - chosen + right - n, 2.0 * fpr - 1.0))
        if hits is not None:
            quotients.append((2.0 * hits - surplus, 1.0))
    elif tpr is not None:
        if fpr is not None:
            quotients.append((chosen - fpr * n, tpr - fpr))
        if hits is not None:
            quotients.append((hits, tpr))
    for above, below in quotients:
        if below != 0.0 and 0 <= (near := round(above / below)) <= n:
            yield near


def _true_positives(
    n: int, chosen: int, right: int | None, positives: int, rates: Mapping[str, float]
) -> Iterator[int]:
    """How many of `positives` may have been found."""
    if right is not None:
        twice = positives + chosen + right - n
        if twice >= 0 and twice % 2 == 0:
            yield twice // 2
        return
    for key, of in (("true_positive_rate", positives), ("precision", chosen)):
        if key in rates and (part := whole_part(rates[key], of)) is not None:
            yield part
