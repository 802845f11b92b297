"""`evenhand.log`: what an evaluation found, to the server."""

from __future__ import annotations

import io
import json
import os
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from ._errors import EvenhandError
from ._evaluate import Evaluation, moment
from ._results import About, document_of, is_document
from ._server import Body, Server


@dataclass(frozen=True)
class Run:
    """A run that the server holds."""

    id: str
    #: The page that shows it.
    url: str
    #: What it is addressed by, SHA-256 of its content.
    digest: str
    model: str
    version: str
    #: False when the same results had made the run before.
    is_new: bool
    #: What was read, what not and why.
    receipt: Mapping[str, Any]
    #: Groups that nobody has confirmed yet; they satisfy no rule until a lead accepts them.
    unconfirmed: tuple[Mapping[str, Any], ...]


def log(
    results: Any,
    *,
    model: str,
    version: str,
    dataset: str | None = None,
    evaluated_at: datetime | date | str | None = None,
    positive_outcome: str | None = None,
    format: str | None = None,
    create_version: bool = False,
    on_behalf: str | None = None,
    server: str | None = None,
    token: str | None = None,
    insecure_http: bool = False,
) -> Run:
    """Uploads the results of an evaluation as a run of a model's version.

    `results` is one of

    - a Fairlearn `MetricFrame`: every group with its control levels, and overall. Give it
      `"count": fairlearn.metrics.count`, or its numbers have no n and satisfy no rule; with
      `selection_rate` and one or two error rates all counts are recovered from it;
    - a pandas `DataFrame`: a long table (columns `metric`, `value`, `n`, … and one per attribute),
      or one like `MetricFrame.by_group` (attributes in a named index, a column per metric);
    - what `evenhand.evaluate` returned;
    - a `dict`: a run document `evenhand.run/v1`, whose header may be left out, or the results of
      any tool whose files the server reads (lm-evaluation-harness, AIF360, …);
    - a path to a file of any such format.

    `dataset` is `NAME@VERSION`. Without `evaluated_at` the evaluation was just now, so that another
    call makes another run; with it, the same results are the same run however often they are sent.

    A busy server (429, 502, 503) and a broken connection are tried up to five times.

    >>> run = log(
    ...     {"estimates": [{"slice": {"sex": "Female"}, "metric": "selection_rate",
    ...                     "value": 0.25, "n": 400, "numerator": 100, "denominator": 400}]},
    ...     model="adult-income", version="v8", dataset="adult-sample@1994",
    ...     evaluated_at="2026-06-01",
    ... )
    >>> run.is_new, run.receipt["estimates"]
    (True, 1)
    """
    to = Server(server, token, insecure_http=insecure_http)
    query = {
        "format": format,
        "on_behalf": on_behalf,
        "create_version": "true" if create_version else None,
    }
    beside = {"dataset": dataset, "evaluated_at": moment(evaluated_at)}
    body: Body
    if isinstance(results, (str, os.PathLike)):
        body = _file(Path(results))
        query.update(beside)
    elif isinstance(results, Mapping) and not is_document(results):
        body = _json(results)
        query.update(beside)
    else:
        about = About(dataset, beside["evaluated_at"], positive_outcome)
        found = results.document if isinstance(results, Evaluation) else results
        body = _json(document_of(found, about))
    url = to.url("api", "v1", "models", model, "versions", version, "runs", **query)
    answer = to.post(url, body, key=str(uuid.uuid4()))
    stored = answer.json
    try:
        return Run(
            id=stored["id"],
            url=to.link(stored["url"]),
            digest=stored["digest"],
            model=stored["model"],
            version=stored["version"],
            is_new=stored["new"],
            receipt=stored["receipt"],
            unconfirmed=tuple(stored["unconfirmed"]),
        )
    except (KeyError, TypeError) as error:
        raise EvenhandError(f"the server's answer is of another kind: {error!r}") from error


def _file(path: Path) -> Body:
    return lambda: (path.open("rb"), path.stat().st_size)


def _json(value: Any) -> Body:
    # Python writes NaN as it is, and the server takes it for what it is in another tool's results.
    try:
        text = json.dumps(value, ensure_ascii=False, default=_plain).encode()
    except TypeError as error:
        raise TypeError(
            f"{error}; of a table, log the DataFrame itself, which knows what its rows are"
        ) from error
    return lambda: (io.BytesIO(text), len(text))


def _plain(value: Any) -> Any:
    """A number of numpy, as Python has it."""
    if callable(item := getattr(value, "item", None)):
        return item()
    raise TypeError(f"{value!r} of {type(value).__name__} is no JSON")
