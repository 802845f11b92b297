"""`evenhand.gate`: whether a version may launch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ._errors import EvenhandError
from ._server import Server

PASS = "pass"


@dataclass(frozen=True)
class Rule:
    """One rule of the policy, and what the evidence says of it."""

    id: str
    #: What it asks for, in words.
    requirement: str
    #: `pass`, `fail` or `not_enough_evidence`.
    verdict: str
    #: `block`, `warn` or `shadow`.
    mode: str
    #: False where the rule is not about this model.
    applies: bool
    waived: bool
    reason: str
    #: By slice, the worst first, as the server's API writes them.
    parts: tuple[Mapping[str, Any], ...]

    @property
    def holds_back(self) -> bool:
        """Whether this rule alone keeps the version from launching."""
        blocks = self.applies and not self.waived and self.mode == "block"
        return blocks and self.verdict != PASS


@dataclass(frozen=True)
class Gate:
    """A verdict. True exactly when it is a pass."""

    #: `pass`, `fail` or `not_enough_evidence`.
    verdict: str
    sentence: str
    rules: tuple[Rule, ...]
    #: The page that shows it.
    url: str
    #: Until when a pass holds, RFC 3339.
    valid_until: str | None

    @property
    def passed(self) -> bool:
        return self.verdict == PASS

    def __bool__(self) -> bool:
        return self.passed

    def __str__(self) -> str:
        verdict = self.verdict.replace("_", " ")
        lines = [f"{verdict}: {self.sentence}"]
        lines += [f"  {rule.id}: {rule.reason}" for rule in self.rules if rule.holds_back]
        return "\n".join([*lines, f"  {self.url}"])

    def require(self) -> None:
        """Raises `NotPassed` with everything that holds the version back, if it is no pass."""
        if not self.passed:
            raise NotPassed(self)


class NotPassed(EvenhandError):
    """A version that was asked to pass and did not."""

    def __init__(self, gate: Gate) -> None:
        self.gate = gate
        super().__init__(gate)


def gate(
    model: str,
    version: str,
    *,
    server: str | None = None,
    token: str | None = None,
    insecure_http: bool = False,
) -> Gate:
    """Asks whether a version may launch, by the newest policy on the evidence of now.

    >>> verdict = gate("adult-income", "v7")
    >>> verdict.passed, verdict.sentence
    (True, 'May launch: 4 rules pass, 1 rule is waived, 1 warning.')

    In a test, or a pipeline that should stop:

    >>> gate("adult-income", "v7").require()
    """
    to = Server(server, token, insecure_http=insecure_http)
    path = ("models", model, "versions", version)
    said = to.get(to.url("api", "v1", *path, "readiness")).json
    try:
        rules = tuple(
            Rule(
                id=rule["rule"],
                requirement=rule["requirement"],
                verdict=rule["verdict"],
                mode=rule["mode"],
                applies=rule["applies"],
                waived=rule["waived"],
                reason=rule["reason"],
                parts=tuple(rule["parts"]),
            )
            for rule in said["rules"]
        )
        return Gate(
            verdict=said["verdict"],
            sentence=said["sentence"],
            rules=rules,
            url=to.url(*path),
            valid_until=said["valid_until"],
        )
    except (KeyError, TypeError) as error:
        raise EvenhandError(f"the server's answer is of another kind: {error!r}") from error
