"""Measurements as facts: one source for each image and settings, and a reading that stores take."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import polars as pl

from careloop.error import InputError
from careloop.imaging.image import Origin
from careloop.imaging.measurement import Measurement
from careloop.imaging.measuring.result import SOFTWARE
from careloop.records.fact import FACT_SCHEMA, empty_facts
from careloop.records.reading import ImportReport, Source

CONTEXT = ("device", "filter", "kind", "mask", "quality", "region", "settings", "side")
"""Qualifiers that stand beside each number, in the order of the JSON."""

_ID_LENGTH = 32


def measurement_facts(
    measurements: Sequence[Measurement], *, person_id: str, source: str
) -> pl.DataFrame:
    """Measurements of one person as a table of facts.

    Parameters
    ----------
    measurements
        Each with the moment its image was taken; numbers that are not finite are not facts.
    person_id
        Whose image it is.
    source
        The id of the source, as `image_source` makes it.

    Returns
    -------
    pl.DataFrame
        In the columns of `FACT_SCHEMA`: `field` is the region; `context` holds what must agree
        before two numbers may be compared. Where one moment has several filters, the unfiltered
        image comes last, so that a snapshot shows that one.

    Raises
    ------
    InputError
        No person, or an image without a date: a fact belongs to somebody and to a time.
    """
    if not person_id:
        raise InputError("nobody is named", remedy="say whose image it is")
    finite = [each for each in measurements if each.value - each.value == 0]
    if any(each.taken_at is None for each in finite):
        raise InputError(
            "an image without a date", where=finite[0].origin.name, remedy="give its date"
        )
    if not finite:
        return empty_facts()
    contexts: dict[tuple[int, str], str] = {}
    written = []
    for each in finite:
        key = (id(each.settings), each.region)
        if key not in contexts:
            contexts[key] = _context(each)
        written.append(contexts[key])
    count = len(finite)
    at = [each.taken_at.replace(tzinfo=None) for each in finite if each.taken_at is not None]
    columns: dict[str, object] = {
        "person_id": [person_id] * count,
        "variable": [each.variable for each in finite],
        "number": [float(each.value) for each in finite],
        "text": [None] * count,
        "unit": [each.unit for each in finite],
        "effective_at": at,
        "until": [None] * count,
        "recorded_at": at,
        "status": ["final"] * count,
        "context": written,
        "raw": [None] * count,
        "source": [source] * count,
        "row": list(range(1, count + 1)),
        "field": [each.region for each in finite],
    }
    return pl.DataFrame(columns, schema=FACT_SCHEMA)


def image_source(measurements: Sequence[Measurement], *, sender: str = "") -> Source:
    """Where measurements of one image come from: its content, the settings, the software.

    The same image measured again in the same way has the same id, whatever the file is called.

    Raises
    ------
    InputError
        None at all, or measurements of several images.
    """
    origins = {(each.origin.sha256, each.origin.frame) for each in measurements}
    if len(origins) != 1:
        raise InputError(
            f"measurements of {len(origins)} images", remedy="make one source for each image"
        )
    origin = measurements[0].origin
    content = hashlib.sha256()
    content.update(f"{origin.sha256}\n{origin.frame}\n".encode())
    for each in sorted({(_context(each), each.software) for each in measurements}):
        content.update("\n".join(each).encode())
    numbers = [(each.variable, float(each.value).hex()) for each in measurements]
    content.update(json.dumps(numbers).encode())  # another mask is another source
    return Source(
        source_id=f"image-{content.hexdigest()[:_ID_LENGTH]}",
        kind="image",
        name=_name(origin),
        sha256=origin.sha256,
        sender=sender,
        read_at=datetime.now(UTC).replace(tzinfo=None),
        mapping=str(measurements[0].settings.get("settings", "")),
        software=SOFTWARE,
    )


class MeasurementReading:
    """A `Reading` of what was measured in one image of one person, all its regions."""

    def __init__(
        self, measurements: Sequence[Measurement], *, person_id: str, sender: str = ""
    ) -> None:
        self.source = image_source(measurements, sender=sender)
        self.report = ImportReport()
        self._facts = measurement_facts(
            measurements, person_id=person_id, source=self.source.source_id
        )

    def batches(self) -> Iterator[pl.DataFrame]:
        """All facts in one batch."""
        self.report.records = 1
        self.report.facts = self._facts.height
        self.report.persons = int(self._facts.height > 0)
        if self._facts.height:
            yield self._facts

    def rejected(self) -> pl.DataFrame:
        """Nothing: an image that is not measured has no measurements to begin with."""
        return pl.DataFrame(schema={"reason": pl.String()})


def _context(measurement: Measurement) -> str:
    told = dict(measurement.settings) | {"region": measurement.region}
    return json.dumps(
        {name: told[name] for name in sorted(told) if told[name] != ""}, ensure_ascii=False
    )


def _name(origin: Origin) -> str:
    name = origin.name.replace("\\", "/").rsplit("/", 1)[-1]
    return name if origin.frame is None else f"{name} #{origin.frame}"
