"""What is told of an uploaded image, and what its folder holds; measuring is only started here."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Thread

from careloop.web.imaging import isolation, keeping

ORDER, PICTURE, THUMB, SALIENCY = "order.json", "picture.png", "thumb.jpg", "saliency.png"
SEVERAL, SIDE_DIFFERS = "several", "side"
"""Why an image that can be read is not measured all the same."""


@dataclass(frozen=True, slots=True)
class Order:
    """What the sender told: part of the body, side, pixel size (rows, columns), file of regions."""

    part: str
    side: str = ""
    spacing_mm: tuple[float, float] | None = None
    mask: str = ""


@dataclass(frozen=True, slots=True)
class Sent:
    """An image that may be measured, with its regions if they were drawn."""

    image: bytes
    order: Order
    mask: bytes = b""


def laid_out(name: str, sent: Sent) -> Path:
    """Write an upload down for the process that measures it."""
    folder = keeping.keep(name, sent.image)
    if sent.order.mask:
        keeping.write(folder / sent.order.mask, sent.mask)
    keeping.write(folder / ORDER, json.dumps(asdict(sent.order)).encode())
    return folder


def order_of(folder: Path) -> Order:
    """The order of a folder."""
    told = json.loads((folder / ORDER).read_text(encoding="utf-8"))
    spacing = told["spacing_mm"]
    return Order(**told | {"spacing_mm": tuple(spacing) if spacing else None})


def start(folder: Path) -> Thread:
    """Measure an image in the background."""
    return isolation.start("careloop.web.imaging.measured.working", folder)
