"""Measuring an uploaded image; run in a process of its own, never imported by the site's.

It writes beside the document: `result.json` with the numbers, what was checked and the outlines, or
why nothing was measured; the picture as it may be kept; a thumbnail. Numbers come from the pixels
as they were sent, as `careloop image measure` takes them; text is blanked in the picture alone.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

import numpy as np

from careloop.imaging.deidentification import FindText, find_text
from careloop.imaging.image import Image, Side
from careloop.imaging.measurement import Settings
from careloop.imaging.measuring.finding import NOT_READ
from careloop.imaging.measuring.mask import Masks, Region, foreground
from careloop.imaging.measuring.result import Measured, Refused
from careloop.imaging.measuring.single import Demand, Task, measured_image
from careloop.imaging.quality import check
from careloop.imaging.reading import Limits, Refusal, read_images
from careloop.web.imaging.isolation import limited, tell
from careloop.web.imaging.keeping import DOCUMENT, write
from careloop.web.imaging.measured import picture
from careloop.web.imaging.measured.order import (
    PICTURE,
    SEVERAL,
    SIDE_DIFFERS,
    THUMB,
    Order,
    order_of,
)

MOST_PIXELS = 60_000_000


def text_detector() -> FindText | None:
    """What finds text in pictures; None where the extra `ocr` is not installed."""
    return find_text if find_spec("rapidocr") else None


def measure(folder: Path, *, detector: FindText | None) -> None:
    """Measure the image of a folder and write the result there."""
    tell(folder, _result(folder, order_of(folder), detector))


def _result(folder: Path, order: Order, detector: FindText | None) -> dict[str, Any]:
    read = _read(folder / DOCUMENT, order)
    if len(read) != 1:
        return {"failed": SEVERAL}
    image = read[0]
    if isinstance(image, Refusal):
        return {"refused": [_finding(image.code or NOT_READ)]}
    if image.pixels.ndim != 2:
        return {"failed": SEVERAL}
    told_side = cast("Side", order.side if order.side in {"left", "right"} else "")
    if image.side and told_side and image.side != told_side:
        return {"failed": SIDE_DIFFERS}
    image = replace(
        image,
        side=image.side or told_side,
        origin=replace(image.origin, name="image"),
    )
    drawn: list[Region] = []

    def masks(image: Image) -> list[Region]:
        drawn[:] = Masks(folder / order.mask)(image)
        return drawn

    settings = Settings(spacing_mm=order.spacing_mm if image.spacing_from == "given" else None)
    site = "forearm" if order.part == "forearm" else "other"
    demand = Demand(expected_side=image.side, site=site)
    found = measured_image(image, Task(settings, demand, masks if order.mask else None))
    measured = [one for one in found if isinstance(one, Measured)]
    refused = _why([one for one in found if isinstance(one, Refused)])
    if not measured:
        return {"refused": refused}
    grey, blanked = picture.shown(image, detector=detector)
    write(folder / PICTURE, picture.png(grey))
    write(folder / THUMB, picture.thumbnail(grey))
    return {
        **_of_file(image),
        **_of_run(measured, settings),
        "regions": _regions(image, measured, drawn or [foreground(image)]),
        "size": [grey.shape[1], grey.shape[0]],
        "looked_for_text": detector is not None,
        "blanked": blanked,
        "left_out": refused,
        "checks": _checks(image, drawn, demand),
    }


def _read(file: Path, order: Order) -> list[Image | Refusal]:
    """What the document holds; a pixel size that was told counts where the file knows none."""
    limits = Limits(pixels=MOST_PIXELS, stack_pixels=MOST_PIXELS)
    read = list(read_images(file, limits=limits))
    if order.spacing_mm and any(isinstance(one, Refusal) for one in read):
        read = list(read_images(file, spacing_mm=order.spacing_mm, limits=limits))
    return read


def _of_file(image: Image) -> dict[str, Any]:
    """What the file says; of the person only as long as nobody has confirmed whose it is."""
    born = image.subject.born_on
    return {
        "kind": image.kind,
        "device": image.device,
        "body_part": image.body_part,
        "side": image.side,
        "taken_at": image.taken_at.replace(tzinfo=None).isoformat() if image.taken_at else "",
        "spacing_mm": list(image.in_plane_mm),
        "spacing_from": image.spacing_from,
        "origin": asdict(image.origin),
        "subject": asdict(image.subject) | {"born_on": born.isoformat() if born else ""},
    }


def _of_run(measured: Sequence[Measured], settings: Settings) -> dict[str, Any]:
    """How it was measured, and the numbers."""
    return {
        "mask": measured[0].mask_from,
        "quality": measured[0].quality,
        "settings": settings.json,
        "findings": _once(each.code for one in measured for each in one.findings),
        "measurements": [
            [each.variable, each.value, each.unit, each.region, dict(each.settings)]
            for one in measured
            for each in one.measurements()
        ],
    }


def _regions(
    image: Image, measured: Sequence[Measured], regions: Sequence[Region]
) -> list[dict[str, Any]]:
    masks = {one.name: one.mask for one in regions}
    step = picture.mm_per_px(image)
    return [
        {
            "name": one.region,
            "area_mm2": float(masks[one.region].sum() * np.prod(image.in_plane_mm)),
            "lines": picture.outlines(
                masks[one.region], spacing_mm=image.in_plane_mm, mm_per_px=step
            ),
        }
        for one in measured
    ]


def _checks(image: Image, drawn: Sequence[Region], demand: Demand) -> list[dict[str, str]]:
    """Every check: its name, how it ended, and the finding where it failed."""
    mask = np.logical_or.reduce([one.mask for one in drawn]) if drawn else None
    report = check(image, mask=mask, expected_side=demand.expected_side, site=demand.site)
    return [
        {
            "key": one.key,
            "outcome": one.outcome,
            "code": one.finding.code if one.finding and one.outcome == "failed" else "",
        }
        for one in report.checks
    ]


def _why(refused: Iterable[Refused]) -> list[dict[str, str]]:
    """Why nothing was measured, as numbered findings: the failed checks where there are some."""
    return [
        _finding(code, one.region)
        for one in refused
        for code in _once(each.code for each in one.findings) or [one.code]
    ]


def _finding(code: str, region: str = "") -> dict[str, str]:
    return {"code": code, "region": region}


def _once(codes: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(codes))


if __name__ == "__main__":
    limited()
    measure(Path(sys.argv[1]), detector=text_detector())
