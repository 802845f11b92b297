"""Send evaluation results to Evenhand, and ask it whether a version may launch.

`log` sends what an evaluation found, `evaluate` finds it with Evenhand's own metrics, `gate` asks
for the verdict. The server is `EVENHAND_SERVER`, the token `EVENHAND_TOKEN`.
"""

from ._errors import (
    CommandMissing,
    EvenhandError,
    Misconfigured,
    Problem,
    Refused,
    Unreachable,
)
from ._estimate import Estimate, Interval
from ._evaluate import Evaluation, evaluate
from ._gate import Gate, NotPassed, Rule, gate
from ._log import Run, log

__version__ = "0.1.0"

__all__ = [
    "CommandMissing",
    "Estimate",
    "Evaluation",
    "EvenhandError",
    "Gate",
    "Interval",
    "Misconfigured",
    "NotPassed",
    "Problem",
    "Refused",
    "Rule",
    "Run",
    "Unreachable",
    "evaluate",
    "gate",
    "log",
]
