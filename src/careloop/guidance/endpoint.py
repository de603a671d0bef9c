"""CDS Hooks over HTTP without a web framework: a request's parts in, a reply's parts out.

    GET  /cds-services                  discovery
    POST /cds-services/{id}             a hook
    POST /cds-services/{id}/feedback    what became of the cards

A site mounts `Endpoint.answer`; `careloop hooks` serves it for trying.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from careloop.guidance.feedback import feedback
from careloop.guidance.hooks import (
    Desk,
    HookError,
    Service,
    cors_headers,
    discovery,
    language_of,
    respond,
)

BASE = "/cds-services"
LARGEST_BODY = 16 << 20
"""Bytes of a request's body."""


@dataclass(frozen=True, slots=True)
class Reply:
    """Status, headers and body of a reply; `about` names what was asked, without any value."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    about: str


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The services of a desk, as HTTP sees them."""

    offered: tuple[Service, ...]
    desk: Desk
    feedback_log: Path
    origins: tuple[str, ...] = ()
    """Origins of browsers that may call (`"*"`: all)."""

    def answer(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """Answer a request. Header names are given in lower case. Never raises `HookError`."""
        about = self._about(path)
        status, content = 200, None
        try:
            content = self._content(method, path, headers, body)
            status = 204 if content is None else 200
        except HookError as error:
            status, content = error.status, error.body()
        made = {"Cache-Control": "no-store", **cors_headers(headers.get("origin"), self.origins)}
        if content is not None:
            made["Content-Type"] = "application/json; charset=utf-8"
        return Reply(status, made, orjson.dumps(content) if content is not None else b"", about)

    def _content(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> dict[str, Any] | None:
        if len(body) > LARGEST_BODY:
            raise HookError(413, f"more than {LARGEST_BODY >> 20} MiB")
        service, rest = self._service(path)
        allowed = "GET" if service is None else "POST"
        if method == "OPTIONS":
            return None
        if method != allowed:
            raise HookError(405, f"use {allowed}")
        if service is None:
            return discovery(self.offered)
        payload = _json(body)
        if rest == "feedback":
            feedback(payload, service.id, self.feedback_log)
            return {}
        language = language_of(headers.get("accept-language"))
        return respond(payload, service, self.desk, language=language)

    def _service(self, path: str) -> tuple[Service | None, str]:
        """The service that a path names (None: discovery) and what follows its id."""
        parts = path.partition("?")[0].strip("/").split("/")
        if parts == [BASE.strip("/")]:
            return None, ""
        known = {each.id: each for each in self.offered}
        if (
            parts[0] != BASE.strip("/")
            or parts[1] not in known
            or parts[2:]
            not in (
                [],
                ["feedback"],
            )
        ):
            raise HookError(404, f"nothing here; services are listed at {BASE}")
        return known[parts[1]], "".join(parts[2:])

    def _about(self, path: str) -> str:
        try:
            service, rest = self._service(path)
        except HookError:
            return "unknown path"
        return "discovery" if service is None else f"{service.id} {rest}".strip()


def _json(body: bytes) -> object:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise HookError(400, f"no valid JSON (line {error.lineno})") from None
