"""A way to a server that does what a bad day does: it stands in front of the real one."""

from __future__ import annotations

import threading
import urllib.error
import urllib.request
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

#: The connection ends without an answer; `CUT_AFTER` only once the server has done what was asked.
CUT, CUT_AFTER = "cut", "cut after"

#: A status with its Retry-After, or one of the cuts.
Mishap = Any


class Flaky:
    """Has each of its mishaps once, then passes everything on; use as a context."""

    def __init__(self, address: str, mishaps: Iterable[Mishap]) -> None:
        self.mishaps = list(mishaps)
        self.keys: list[str | None] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                outer.keys.append(self.headers.get("Idempotency-Key"))
                mishap = outer.mishaps.pop(0) if outer.mishaps else None
                if mishap == CUT:
                    self.close_connection = True
                    return
                if isinstance(mishap, tuple):
                    status, retry_after = mishap
                    self.send_response(status)
                    if retry_after is not None:
                        self.send_header("Retry-After", retry_after)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                status, answer = self.pass_on(body)
                if mishap == CUT_AFTER:
                    self.close_connection = True
                    return
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            do_POST = do_GET  # noqa: N815

            def pass_on(self, body: bytes) -> tuple[int, bytes]:
                wanted = ("Authorization", "Content-Type", "Idempotency-Key")
                headers = {name: self.headers[name] for name in wanted if name in self.headers}
                request = urllib.request.Request(
                    address + self.path, body or None, headers, method=self.command
                )
                try:
                    with urllib.request.urlopen(request) as answer:
                        return answer.status, answer.read()
                except urllib.error.HTTPError as error:
                    with error:
                        return error.code, error.read()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Flaky:
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
