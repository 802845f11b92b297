"""What can go wrong, in words that a person can act on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


class EvenhandError(Exception):
    """Anything that kept Evenhand from doing what it was asked for."""


class Misconfigured(EvenhandError):
    """No usable server address or token."""


class CommandMissing(EvenhandError):
    """The program `evenhand`, which computes metrics, is not there."""


class Unreachable(EvenhandError):
    """No answer came, or none that an Evenhand server gives."""


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with what was sent, with its place.

    >>> print(Problem("bad_number", "`x` is no number", line=3, column="score", expected="0..1"))
    line 3, column score: `x` is no number (expected 0..1)
    """

    code: str
    message: str
    pointer: str | None = None
    line: int | None = None
    column: str | None = None
    expected: str | None = None

    @classmethod
    def of(cls, json: Mapping[str, Any]) -> Problem:
        """Reads a problem leniently: a proxy may have written it."""
        line = json.get("line")
        text = {
            name: None if json.get(name) is None else str(json[name])
            for name in ("pointer", "column", "expected")
        }
        return cls(
            code=str(json.get("code", "")),
            message=str(json.get("message", "")),
            line=line if isinstance(line, int) else None,
            **text,
        )

    @property
    def place(self) -> str:
        """Where it is: a JSON pointer, a line, a column."""
        if self.pointer is not None:
            return self.pointer or "document"
        parts = []
        if self.line is not None:
            parts.append(f"line {self.line}")
        if self.column is not None:
            parts.append(f"column {self.column}")
        return ", ".join(parts)

    def __str__(self) -> str:
        place = f"{self.place}: " if self.place else ""
        expected = f" (expected {self.expected})" if self.expected else ""
        return f"{place}{self.message}{expected}"


class Refused(EvenhandError):
    """The answer was no; printed, it lists every problem with its place.

    >>> print(Refused("the file cannot be read", [Problem("a", "it ends early", line=7)], 422))
    the file cannot be read:
      line 7: it ends early
    """

    def __init__(
        self, message: str, problems: Sequence[Problem] = (), status: int | None = None
    ) -> None:
        self.message = message
        self.problems = tuple(problems)
        self.status = status
        super().__init__(message)

    def __str__(self) -> str:
        if not self.problems:
            return self.message
        return "\n  ".join([f"{self.message}:", *map(str, self.problems)])

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.message, self.problems, self.status)
