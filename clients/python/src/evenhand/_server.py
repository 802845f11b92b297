"""The server: where it is, who asks, and what to do when it does not answer."""

from __future__ import annotations

import contextlib
import email.message
import email.utils
import http.client
import ipaddress
import json
import os
import random
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import IO, Any

from ._errors import Misconfigured, Problem, Refused, Unreachable

DEFAULT_ADDRESS = "http://127.0.0.1:3000"

#: How often a request is sent at most.
TRIES = 5
#: The wait before the second try, in seconds; doubled before each further one.
FIRST_WAIT = 0.5
#: Nobody waits longer than this, in seconds.
LONGEST_WAIT = 120.0
#: Answers that mean "not now" rather than "no".
NOT_NOW = frozenset({429, 502, 503})
#: How long an answer may take, in seconds: an upload is read before it is answered.
PATIENCE = 600.0

_ADVICE = {
    401: "the token was not accepted: it may have expired or been ended (EVENHAND_TOKEN)",
    403: "the token, or the person it acts for, may not do this",
}

Body = Callable[[], tuple[IO[bytes], int]]


@dataclass(frozen=True)
class Answer:
    """What a server said yes with."""

    status: int
    json: Any
    #: How often it was asked.
    tries: int


class _StayHere(urllib.request.HTTPRedirectHandler):
    """A redirected POST would arrive as a GET, and the token at somebody else's door."""

    def redirect_request(self, *_: Any) -> None:
        return None


class Server:
    """A server, and the right to ask it."""

    def __init__(
        self, address: str | None = None, token: str | None = None, *, insecure_http: bool = False
    ) -> None:
        given = address if address is not None else os.environ.get("EVENHAND_SERVER", "")
        self.address = (given.strip() or DEFAULT_ADDRESS).rstrip("/")
        self._token = _token(token)
        host = _host(self.address)
        is_near = _is_loopback(host)
        if self.address.startswith("http:") and not is_near and not insecure_http:
            raise Misconfigured(
                f"{self.address} is another machine, and without TLS everybody on the way could "
                "read the token; use https://, or say insecure_http=True"
            )
        handlers: list[urllib.request.BaseHandler] = [_StayHere()]
        if is_near:
            handlers.append(urllib.request.ProxyHandler({}))
        self._opener = urllib.request.build_opener(*handlers)

    def url(self, *path: str, **query: str | None) -> str:
        """The address of something on this server, also where it lives below a path."""
        for part in path:
            if part.strip() in ("", ".", ".."):
                raise ValueError(f"`{part}` is no name")
        place = "/".join(urllib.parse.quote(part.strip(), safe="") for part in path)
        given = {name: value for name, value in query.items() if value is not None}
        question = f"?{urllib.parse.urlencode(given)}" if given else ""
        return f"{self.address}/{place}{question}"

    def link(self, path: str) -> str:
        """A path that the server named, as an address to open."""
        return f"{self.address}{path}" if path.startswith("/") else path

    def get(self, url: str) -> Answer:
        """Asks for something, again where the server is busy or the connection breaks."""
        return self._persist(lambda: urllib.request.Request(url, headers=self._headers()))

    def post(self, url: str, body: Body, *, key: str) -> Answer:
        """Sends something; every try carries the same key, so that they make one thing."""

        def request() -> urllib.request.Request:
            stream, length = body()
            headers = self._headers()
            headers["Content-Type"] = "application/octet-stream"
            headers["Content-Length"] = str(length)
            headers["Idempotency-Key"] = key
            return urllib.request.Request(url, data=stream, headers=headers, method="POST")

        return self._persist(request)

    def _headers(self) -> dict[str, str]:
        from . import __version__

        return {
            "Authorization": f"Bearer {self._token}",
            "Accept": "application/json, application/problem+json",
            "User-Agent": f"evenhand-python/{__version__}",
        }

    def _persist(self, request: Callable[[], urllib.request.Request]) -> Answer:
        reached = False
        for tries in range(1, TRIES + 1):
            asked: float | None = None
            sent = request()
            try:
                with self._opener.open(sent, timeout=PATIENCE) as response:
                    return Answer(response.status, self._yes(response.read()), tries)
            except urllib.error.HTTPError as error:
                with error:
                    body = error.read()
                if error.code not in NOT_NOW:
                    raise self._no(error.code, error.headers, body) from None
                asked = _retry_after(error.headers.get("Retry-After"))
                what = f"it answered {error.code}"
                if tries == TRIES:
                    raise Unreachable(f"{self.address}: {what}, also at try {tries}") from None
            except (OSError, http.client.HTTPException) as error:
                reason = error.reason if isinstance(error, urllib.error.URLError) else error
                what = str(reason) or type(reason).__name__
                if isinstance(reason, ConnectionRefusedError) and not reached:
                    # Nobody was ever there: waiting would only hide a wrong address.
                    raise Unreachable(
                        f"no server answers at {self.address} ({what}); say where it is with "
                        "server= or EVENHAND_SERVER"
                    ) from error
                if isinstance(reason, ssl.SSLCertVerificationError) or tries == TRIES:
                    raise Unreachable(f"{self.address}: {what}, also at try {tries}") from error
            finally:
                if sent.data is not None:
                    with contextlib.suppress(OSError):
                        sent.data.close()  # type: ignore[union-attr]
            reached = True
            _wait(self.address, what, asked, tries)
        raise AssertionError("the last try returns or raises")

    def _yes(self, body: bytes) -> Any:
        try:
            return json.loads(body)
        except ValueError as error:
            raise self._strange("said yes with an answer that cannot be read") from error

    def _no(self, status: int, headers: email.message.Message, body: bytes) -> Exception:
        if 300 <= status < 400:
            to = headers.get("Location", "elsewhere")
            return Unreachable(
                f"{self.address} sends us to {to}; set server= or EVENHAND_SERVER to where it "
                "really is"
            )
        try:
            no = json.loads(body)
        except ValueError:
            no = None
        if not isinstance(no, dict):
            return self._strange(f"answered {status}")
        said = no.get("detail") or no.get("title") or f"the server answered {status}"
        advice = f"; {_ADVICE[status]}" if status in _ADVICE else ""
        problems = [
            Problem.of(error) for error in no.get("errors") or [] if isinstance(error, dict)
        ]
        return Refused(f"{said}{advice}", problems, status)

    def _strange(self, what: str) -> Unreachable:
        return Unreachable(
            f"{self.address} {what}, so it is perhaps no Evenhand server; say where one is with "
            "server= or EVENHAND_SERVER"
        )


def _token(given: str | None) -> str:
    token = (given if given is not None else os.environ.get("EVENHAND_TOKEN", "")).strip()
    if not token:
        raise Misconfigured(
            "there is no API token; put one into the variable EVENHAND_TOKEN or into token= "
            "(your page /account/tokens makes one, or `evenhand admin token` where the server runs)"
        )
    if not token.startswith("eh_") or not token.isascii() or not token.isprintable():
        raise Misconfigured(
            "what EVENHAND_TOKEN or token= holds is no API token: one begins with eh_"
        )
    return token


def _host(address: str) -> str:
    try:
        url = urllib.parse.urlsplit(address)
        host, has_user = url.hostname or "", url.username is not None
    except ValueError:
        host, has_user, url = "", False, urllib.parse.urlsplit("")
    if url.scheme not in ("http", "https") or not host or has_user:
        raise Misconfigured(
            f"the server's address `{address}` cannot be used; expected one such as "
            "https://evenhand.example.org, in server= or EVENHAND_SERVER"
        )
    return host


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _retry_after(text: str | None) -> float | None:
    """What a `Retry-After` asks for, in seconds: a number, or a date (RFC 9110, 10.2.3).

    >>> _retry_after("7"), _retry_after("soon"), _retry_after("Sun, 01 Nov 2020 09:00:00 GMT")
    (7.0, None, 0.0)
    """
    if text is None:
        return None
    if text.strip().isdecimal():
        return float(text)
    try:
        at = email.utils.parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=timezone.utc)
    return max((at - datetime.now(timezone.utc)).total_seconds(), 0.0)


def _wait(address: str, what: str, asked: float | None, tries: int) -> None:
    if asked is None:
        # Some chance, so that many clients do not come back in step.
        asked = FIRST_WAIT * 2 ** (tries - 1) * (1 + random.random() / 4)
    elif asked > LONGEST_WAIT:
        raise Unreachable(f"{address}: {what} and asks to wait {asked:.0f} s; try again then")
    time.sleep(asked)
