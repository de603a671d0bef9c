"""The card a resident carries: a QR code of the page's address, which holds the public id only.

Whoever scans it must log in, and sees the page only if the person is within reach.
"""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO

import segno
from django.http import HttpRequest
from django.urls import reverse
from markupsafe import Markup

from careloop.web.registry.national_id import masked
from careloop.web.registry.resident import Resident


@dataclass(frozen=True, slots=True)
class Card:
    """What stands on a card. `code` is SVG made here, of an address made here."""

    resident: Resident
    national_id: str
    code: Markup


def card(request: HttpRequest, resident: Resident) -> Card:
    """The card of a resident; error correction M: readable with 15 % of the code worn off."""
    code = _code(resident, request.build_absolute_uri("/"))
    svg = code.svg_inline(border=2, omitsize=True, svgclass="code", lineclass=None)
    return Card(resident, masked(resident.national_id), Markup(svg))  # noqa: S704 — no data in it


def picture(resident: Resident, root: str) -> str:
    """The same code as an SVG file, for a printed sheet; `root` is the site's address."""
    file = BytesIO()
    _code(resident, root).save(file, kind="svg", border=2, xmldecl=False)
    return file.getvalue().decode()


def _code(resident: Resident, root: str) -> segno.QRCode:
    address = root.rstrip("/") + reverse("person:page", args=[resident.public_id])
    return segno.make(address, error="m", micro=False)
