"""`careloop hooks`: a CDS Hooks service on this machine, for trying it. Not for production.

It listens on the loopback address only. What it logs is the service asked, the status and the
time taken; never a value, a header or a path that somebody else wrote.
"""

from __future__ import annotations

import logging
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import orjson

from careloop.dictionary.catalogue import load
from careloop.guidance.endpoint import BASE, LARGEST_BODY, Endpoint
from careloop.programmes.hook_desk import endpoint
from careloop.programmes.programme import programme as find_programme

LOOPBACK = "127.0.0.1"
_TIMEOUT_S = 30
_log = logging.getLogger(__name__)


def make_server(served: Endpoint, port: int = 0) -> ThreadingHTTPServer:
    """A server on the loopback address; port 0 takes a free one (`server_address[1]`)."""

    class Handler(_Handler):
        endpoint = served

    server = ThreadingHTTPServer((LOOPBACK, port), Handler)
    server.daemon_threads = True
    return server


def serve(
    *, port: int, programme: str, guideline: str, feedback_log: Path, origins: tuple[str, ...]
) -> None:
    """Serve until interrupted."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    served = endpoint(
        find_programme(programme),
        load(),
        guideline=guideline,
        feedback_log=feedback_log,
        origins=origins,
    )
    with make_server(served, port) as server:
        _log.info("http://%s:%d%s", LOOPBACK, server.server_address[1], BASE)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            _log.info("stopped")


class _Handler(BaseHTTPRequestHandler):
    endpoint: Endpoint
    protocol_version = "HTTP/1.1"
    timeout = _TIMEOUT_S
    server_version = "careloop"
    sys_version = ""

    def do_GET(self) -> None:
        self._answer("GET")

    def do_POST(self) -> None:
        self._answer("POST")

    def do_OPTIONS(self) -> None:
        self._answer("OPTIONS")

    def _answer(self, method: str) -> None:
        start = time.perf_counter()
        length = self.headers.get("Content-Length", "0")
        size = int(length) if length.isascii() and length.isdigit() else LARGEST_BODY + 1
        if size > LARGEST_BODY:
            self.close_connection = True  # the body is left unread
            self._send(413, {}, orjson.dumps({"error": "too large, or of unknown length"}))
            return
        body = self.rfile.read(size)
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            reply = self.endpoint.answer(method, self.path, headers, body)
        except Exception as error:  # whatever it is, its text may hold a patient's value
            _log.error("not answered: %s", type(error).__name__)
            self._send(500, {}, orjson.dumps({"error": "internal error"}))
            return
        self._send(reply.status, dict(reply.headers), reply.body)
        spent = (time.perf_counter() - start) * 1000
        _log.info("%s %s %d %.0f ms", method, reply.about, reply.status, spent)

    def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing: the request line may hold a patient's id."""
