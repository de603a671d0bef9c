"""What stands on an image's page, and the small pictures on the resident's."""

from __future__ import annotations

import base64
import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl
from django.db.models import F
from django.urls import reverse
from django.utils import timezone

from careloop.dictionary.catalogue import load
from careloop.imaging.measurement import ORIGINAL, Settings
from careloop.web.accounts.gate import Gate
from careloop.web.imaging import keeping
from careloop.web.imaging.measured import filing, word
from careloop.web.imaging.measured.order import THUMB
from careloop.web.imaging.models import Image
from careloop.web.registry.models import Source
from careloop.web.registry.resident import Resident
from careloop.web.site.language import gettext as _
from careloop.web.site.language import language

MEAN, VARIANCE = "radiomics_intensity_mean", "radiomics_intensity_variance"
_THUMBS, _MOST = 4, 30
_ALIKE = ("device", "kind", "mask", "region", "settings", "side")
"""What must agree before numbers of two images may stand in one table; and the part of the body."""
_UNITS = {"bmd_map": "g/cm²", "ct": "HU"}


@dataclass(frozen=True, slots=True)
class Thumb:
    """An image as the resident's page shows it; `picture` is a `data:` address, or empty."""

    address: str
    on: date | None
    sent_at: datetime
    what: str
    regions: str
    quality: tuple[str, str]
    picture: str
    waits: bool


@dataclass(frozen=True, slots=True)
class Row:
    """A region in the legend and the table, with its outlines in pixels of the picture.

    `mark` is where its number stands.
    """

    number: int
    name: str
    area_mm2: str
    mean: str
    deviation: str
    lines: tuple[str, ...]
    mark: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Course:
    """One region measured alike on several days, newest first."""

    name: str
    rows: tuple[tuple[date, str, str, str], ...]


def thumbs(gate: Gate, resident: Resident) -> list[Thumb]:
    """The resident's images, newest first, with what waits to be confirmed before them: one query.

    The first few have their picture in them, so that looking at a page is one look in the audit.
    """
    since = timezone.now() - timedelta(seconds=keeping.KEPT_S)
    rows = gate.about(resident, Image).filter(state__in=("measuring", "measured", "kept"))
    known = [
        row
        for row in rows.order_by(F("taken_at").desc(nulls_first=True), "-pk")[: _MOST * 2]
        if row.state == "kept" or row.uploaded_at > since
    ]
    known.sort(key=lambda row: row.state == "kept")
    small = [row.pk for row in known if row.state == "kept"][:_THUMBS]
    return [_thumb(resident, row, small=row.pk in small) for row in known[:_MOST]]


def _thumb(resident: Resident, row: Image, *, small: bool) -> Thumb:
    data = filing.picture(row.folder, THUMB) if small else None
    regions = [word.region(one["name"]) for one in row.told.get("regions", ())]
    return Thumb(
        reverse("imaging:image", args=[resident.public_id, row.public_id]),
        row.taken_at.date() if row.taken_at else None,
        row.uploaded_at,
        what(row.part, row.side),
        _("; ").join(regions),
        quality(row.quality),
        f"data:image/jpeg;base64,{base64.b64encode(data).decode()}" if data else "",
        row.state != "kept",
    )


def what(part_key: str, side: str) -> str:
    """What an image shows: part and side."""
    part = str(word.PARTS.get(part_key, part_key))
    told = word.side(side)
    return _("{part} ({side})").format(part=part, side=told) if told else part


def image_of(resident: Resident, source: Source) -> str:
    """The page of the image that a source of facts is; "" where it came in another way."""
    if source.kind != "image" or not source.sender.startswith("careloop:"):
        return ""
    number = source.source_id.removeprefix("image-").removesuffix("-withdrawn")
    return reverse("imaging:image", args=[resident.public_id, number])


def quality(ended: str) -> tuple[str, str]:
    """How the checks ended, in words, and the tag's colour."""
    told, tag = word.QUALITY.get(ended, word.QUALITY["not_checked"])
    return str(told), tag


def shown(told: Mapping[str, Any], numbers: Mapping[str, tuple[float, float]]) -> dict[str, Any]:
    """The picture with its outlines, checks and remarks: alike before and after confirming.

    `numbers` are mean and variance by region.
    """
    failed = [one for one in told["checks"] if one["outcome"] == "failed"]
    codes = {one["code"] for one in failed}
    return {
        "size": told["size"],
        "rows": [_row(at, one, numbers) for at, one in enumerate(told["regions"], 1)],
        "unit": _UNITS.get(told["kind"], _("grey value")),
        "kind": str(word.KINDS.get(told["kind"], told["kind"])),
        "failed": [(str(word.CHECKS[one["key"]]), *word.finding(one["code"])) for one in failed],
        "passed": _named(told["checks"], "passed"),
        "not_checked": _named(told["checks"], "not_checked"),
        "remarks": [word.finding(code) for code in told["findings"] if code not in codes],
        "left_out": [
            (word.region(one["region"]), *word.finding(one["code"])) for one in told["left_out"]
        ],
        "automatic": told["mask"] == "automatic",
        "device": told["device"],
        "spacing_mm": " × ".join(f"{step:g}" for step in told["spacing_mm"]),
        "spacing_given": told["spacing_from"] == "given",
        "settings_id": Settings.from_json(told["settings"]).id,
        "settings": told["settings"],
        "looked_for_text": told["looked_for_text"],
        "blanked": told["blanked"],
    }


def _named(checks: Sequence[Mapping[str, str]], outcome: str) -> str:
    return _("; ").join(str(word.CHECKS[one["key"]]) for one in checks if one["outcome"] == outcome)


def _row(number: int, region: Mapping[str, Any], numbers: Mapping[str, tuple[float, float]]) -> Row:
    mean, variance = numbers.get(region["name"], (math.nan, math.nan))
    points = [point.split(",") for point in region["lines"][0].split(" ")]
    x, y = min(points, key=lambda point: float(point[1]))
    return Row(
        number,
        word.region(region["name"]),
        f"{region['area_mm2']:,.0f}",
        figure(mean),
        _deviation(variance),
        tuple(region["lines"]),
        (x, y),
    )


def figure(number: float) -> str:
    """A number of an image with four digits that count; a dash where it is not known."""
    return "—" if math.isnan(number) else f"{number:.4g}"


def _deviation(variance: float) -> str:
    return figure(math.sqrt(variance)) if variance >= 0 else figure(math.nan)


def to_confirm(result: Mapping[str, Any]) -> dict[str, Any]:
    """The same for an image that was measured and is not kept yet."""
    found: dict[str, dict[str, float]] = {}
    for variable, value, _unit, region, settings in result["measurements"]:
        if settings["filter"] == ORIGINAL:
            found.setdefault(region, {})[variable] = value
    return shown(
        result,
        {
            name: (told.get(MEAN, math.nan), told.get(VARIANCE, math.nan))
            for name, told in found.items()
        },
    )


def of_image(gate: Gate, resident: Resident, row: Image) -> dict[str, Any]:
    """Everything on the page of a kept image: two queries more than the facts."""
    rows = list(gate.about(resident, Image).filter(state="kept", part=row.part))
    facts = _unfiltered(gate.facts(resident), [one.source for one in rows])
    own = {
        json.loads(context)["region"]: (mean, variance)
        for source, context, mean, variance in facts.rows()
        if source == row.source
    }
    return shown(row.told, own) | {"courses": _courses(resident, row, rows, facts)}


def _unfiltered(facts: pl.DataFrame, sources: list[str]) -> pl.DataFrame:
    """By source and context the mean and variance of the image that went through no filter."""
    plain = pl.col("context").str.json_path_match("$.filter") == ORIGINAL
    return (
        facts.filter(
            pl.col("variable").is_in([MEAN, VARIANCE]), pl.col("source").is_in(sources), plain
        )
        .group_by("source", "context", maintain_order=True)
        .agg(
            pl.col("number").filter(pl.col("variable") == name).first().alias(name)
            for name in (MEAN, VARIANCE)
        )
        .with_columns(pl.col(MEAN, VARIANCE).fill_null(math.nan))
    )


def _courses(
    resident: Resident, row: Image, rows: Sequence[Image], facts: pl.DataFrame
) -> list[Course]:
    """The regions of this image that were measured alike on other images too."""
    images = {one.source: one for one in rows}
    alike: dict[str, list[tuple[date, str, str, str]]] = {}
    names: dict[str, str] = {}
    for source, context, mean, variance in facts.rows():
        image, told = images[source], json.loads(context)
        key = json.dumps({name: told.get(name, "") for name in _ALIKE}, sort_keys=True)
        address = reverse("imaging:image", args=[resident.public_id, image.public_id])
        on = image.taken_at.date() if image.taken_at else date.min
        alike.setdefault(key, []).append((on, figure(mean), _deviation(variance), address))
        if source == row.source:
            names[key] = word.region(told["region"])
    return [
        Course(name, tuple(sorted(alike[key], reverse=True)))
        for key, name in names.items()
        if len(alike[key]) > 1
    ]


def as_csv(gate: Gate, resident: Resident, row: Image) -> str:
    """Every number of an image: region, filter, variable, label, value, unit, settings."""
    dictionary = load()
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\r\n")
    table.writerow(("region", "filter", "variable", "label", "value", "unit", "settings"))
    for fact in gate.facts(resident).filter(pl.col("source") == row.source).to_dicts():
        told = json.loads(fact["context"])
        label = dictionary[fact["variable"]].label[language()]
        table.writerow(
            (
                told["region"],
                told["filter"],
                fact["variable"],
                label,
                repr(fact["number"]),
                fact["unit"],
                told["settings"],
            )
        )
    return out.getvalue()
