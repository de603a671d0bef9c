"""From a file to FHIR resources: bundles, single resources, NDJSON; plain or in an archive.

What a file holds is told by its content: a first line that is a whole JSON value begins NDJSON (or
is all there is), anything else is one JSON document. Documents are parsed whole, NDJSON line by
line, so only one document or line is in memory at a time.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from careloop.error import InputError
from careloop.records.sources.archive import Limits, Member, open_members

Resource = dict[str, Any]

DOCUMENT_BYTES = 256 << 20
"""Largest JSON document or line; parsed it takes about ten times as much memory."""
INDEXED = frozenset({"Patient", "Medication", "Device", "Organization"})
"""Types that other resources refer to and that a reading looks up."""
_BOM = b"\xef\xbb\xbf"
_JSON_NAMES = (".json", ".ndjson", ".jsonl", ".jsn", ".fhir")


@dataclass(frozen=True)
class Document:
    """One JSON document or NDJSON line: its resources, each with its `fullUrl` ("" if none)."""

    member: str
    line: int  # from 1 in NDJSON; 0 for a document
    resources: list[tuple[Resource, str]] = field(repr=False)

    @property
    def where(self) -> str:
        """Member and line, for messages."""
        return f"{self.member}, line {self.line}" if self.line else self.member

    @cached_property
    def index(self) -> Mapping[str, tuple[Resource, str]]:
        """Resources that are referred to, by `fullUrl`, `Type/id` and `Type?identifier=…`."""
        found: dict[str, tuple[Resource, str]] = {}
        for resource, full_url in self.resources:
            kind = resource.get("resourceType")
            if isinstance(kind, str) and kind in INDEXED:
                if full_url:
                    found[full_url] = resource, full_url
                if isinstance(identity := resource.get("id"), str):
                    found[f"{kind}/{identity}"] = resource, full_url
                for term in identifiers_of(resource):
                    found[f"{kind}?identifier={term}"] = resource, full_url
        return found


def identifiers_of(resource: Resource) -> Iterator[str]:
    """Each business identifier of a resource, as `system|value`."""
    identifiers = resource.get("identifier")
    for identifier in identifiers if isinstance(identifiers, list) else []:
        if isinstance(identifier, dict) and isinstance(value := identifier.get("value"), str):
            yield f"{identifier.get('system')}|{value}"


def read_documents(
    path: Path, *, limits: Limits | None = None, skipped: list[str] | None = None
) -> Iterator[Document]:
    """Yield every document of a file; names of members that are no JSON go to `skipped`.

    Raises
    ------
    InputError
        The file is no FHIR JSON, is cut short or too large; with member, line and byte.
    """
    for member in open_members(path, limits=limits):
        where = path.name if member.name == path.name else f"{path.name} › {member.name}"
        inside = member.name != path.name
        yield from _documents_of(member, where, skipped if inside else None)


def _documents_of(member: Member, where: str, skipped: list[str] | None) -> Iterator[Document]:
    number, first = _first_line(member.stream, where)
    if not first:
        return
    if first.lstrip()[:1] not in (b"{", b"["):
        if skipped is not None and not member.name.lower().endswith(_JSON_NAMES):
            skipped.append(where)
            return
        xml = first.lstrip()[:1] == b"<"
        raise InputError(
            "is XML, not JSON" if xml else "is no JSON: it begins with neither { nor [",
            where=where,
            remedy="ask for FHIR R4 as JSON or NDJSON, in UTF-8",
        )
    try:
        content = _loads(first)
    except orjson.JSONDecodeError:
        number, content = 0, _parse_rest(member.stream, first, where)
    following = _next_line(member.stream, where, number) if number else None
    if skipped is not None and not following and not _is_fhir(content):
        skipped.append(where)  # a manifest, say
        return
    at = f"{where}, line {number}" if following else where
    yield Document(where, number if following else 0, _resources(content, at))
    while following:
        number, line = following
        at = f"{where}, line {number}"
        yield Document(where, number, _resources(_parse(line, at), at))
        following = _next_line(member.stream, where, number)


def _first_line(stream: BinaryIO, where: str) -> tuple[int, bytes]:
    """Number and text of the first line that is not blank; (0, b"") for an empty file."""
    found = _next_line(stream, where, 0)
    if found is None:
        return 0, b""
    number, line = found
    return number, line.removeprefix(_BOM)


def _next_line(stream: BinaryIO, where: str, number: int) -> tuple[int, bytes] | None:
    while line := stream.readline(DOCUMENT_BYTES + 1):
        number += 1
        _check_size(len(line), where)
        if not line.isspace() and line.strip(_BOM):
            return number, line
    return None


def _parse_rest(stream: BinaryIO, begun: bytes, where: str) -> Any:
    rest = stream.read(DOCUMENT_BYTES + 1 - len(begun))
    _check_size(len(begun) + len(rest), where)
    return _parse(begun + rest, where)


def _check_size(size: int, where: str) -> None:
    if size > DOCUMENT_BYTES:
        raise InputError(
            f"one JSON document is larger than {DOCUMENT_BYTES >> 20} MiB",
            where=where,
            remedy="ask for a bulk export (NDJSON, one resource a line) or for smaller bundles",
        )


def _loads(data: bytes) -> Any:
    """Parse without looking for garbage among the new objects meanwhile: a third of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        return orjson.loads(data)
    finally:
        if enabled:
            gc.enable()


def _parse(data: bytes, where: str) -> Any:
    try:
        return _loads(data)
    except orjson.JSONDecodeError as error:
        byte = len(error.doc[: error.pos].encode("utf-8", "replace"))
        cut = byte >= len(data.rstrip()) - 1
        raise InputError(
            f"{'JSON cut short' if cut else 'no valid JSON'} at line {error.lineno}, column "
            f"{error.colno} (byte {byte:,} of {len(data):,}): {error.msg}",
            where=where,
            remedy="the file was not written or copied whole: export or copy it again"
            if cut
            else "ask the sender for valid JSON in UTF-8",
        ) from None


def _resources(content: Any, where: str) -> list[tuple[Resource, str]]:
    """The resources of a document, bundles (also nested ones) opened; not FHIR: InputError."""
    if not _is_fhir(content):
        raise InputError(
            "is JSON but no FHIR: a resource or bundle has a `resourceType`",
            where=where,
            remedy="choose the FHIR export of the sending system",
        )
    if isinstance(content, list):  # no FHIR, but some systems write a bare list of resources
        content = {"resourceType": "Bundle", "entry": [{"resource": item} for item in content]}
    if content["resourceType"] != "Bundle":
        return [(content, "")]
    found: list[tuple[Resource, str]] = []
    waiting = [content]
    while waiting:
        entries = waiting.pop().get("entry")
        for entry in entries if isinstance(entries, list) else []:
            resource = entry.get("resource") if isinstance(entry, dict) else None
            if not isinstance(resource, dict):
                found.append(({}, ""))
            elif resource.get("resourceType") == "Bundle":
                waiting.append(resource)
            else:
                url = entry.get("fullUrl")
                found.append((resource, url if isinstance(url, str) else ""))
    return found


def _is_fhir(content: Any) -> bool:
    if isinstance(content, list):
        return any(_is_fhir(item) for item in content if isinstance(item, dict))
    return isinstance(content, dict) and isinstance(content.get("resourceType"), str)
