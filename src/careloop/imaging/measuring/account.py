"""The account of a measuring run: what was measured, what was refused and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from careloop.imaging.measurement import Settings
from careloop.imaging.measuring.result import Measured, Refused
from careloop.imaging.quality import CHECKS  # noqa: F401 - declares its findings
from careloop.imaging.reading import Refusal  # noqa: F401 - declares its findings
from careloop.records.finding import FINDINGS, FindingKind

MOST_PICTURES = 50
_SEVERITY = {"error": 0, "warning": 1, "info": 2}


@dataclass(frozen=True, slots=True)
class Shown:
    """A small picture with what stands under it; nothing that names a person."""

    number: int
    picture: str
    sha256: str
    region: str
    kind: str
    mask: str
    pixels: int
    spacing_mm: tuple[float, float] | None
    quality: str
    file: str


@dataclass
class Account:
    """Filled while a run goes on; small, however many images there are."""

    settings: Settings
    measured: int = 0
    images: set[tuple[str, int | None]] = field(default_factory=set)
    refused: list[tuple[int, Refused]] = field(default_factory=list)
    remarks: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    regions: Counter[str] = field(default_factory=Counter)
    pictures: list[Shown] = field(default_factory=list)
    stored: Mapping[str, int] = field(default_factory=dict)
    """Facts that were stored and images that were not, by finding; empty without a store."""

    @property
    def count(self) -> int:
        """Regions measured and refusals so far: the number of the last."""
        return self.measured + len(self.refused)

    def add(self, one: Measured | Refused) -> int:
        """Count a result and return its number in the run, from 1."""
        number = self.count + 1
        if isinstance(one, Refused):
            if one.picture:
                self._show(_refused(number, one))
            self.refused.append((number, replace(one, picture="")))
            return number
        self.measured += 1
        self.images.add((one.image.origin.sha256, one.image.origin.frame))
        self.kinds[one.image.kind] += 1
        self.regions[one.region] += 1
        self.remarks.update({each.code for each in one.findings})
        if one.picture:
            self._show(_measured(number, one))
        return number

    def _show(self, shown: Shown) -> None:
        if len(self.pictures) < MOST_PICTURES:
            self.pictures.append(shown)

    def refused_by_code(self) -> list[tuple[FindingKind, list[tuple[int, Refused]]]]:
        """Refusals by what was found, the most frequent first."""
        groups: dict[str, list[tuple[int, Refused]]] = {}
        for number, one in self.refused:
            groups.setdefault(one.code, []).append((number, one))
        return [
            (FINDINGS[code], group)
            for code, group in sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))
        ]

    def remarks_by_severity(self) -> list[tuple[FindingKind, int]]:
        """Remarks on measured regions with their number, the grave ones first."""
        known = [(FINDINGS[code], count) for code, count in self.remarks.items()]
        return sorted(known, key=lambda each: (_SEVERITY[each[0].severity], -each[1], each[0].code))


def _measured(number: int, one: Measured) -> Shown:
    image = one.image
    return Shown(
        number,
        one.picture,
        image.origin.sha256,
        one.region,
        image.kind,
        one.mask_from,
        one.region_pixels,
        image.in_plane_mm,
        one.quality,
        image.origin.name,
    )


def _refused(number: int, one: Refused) -> Shown:
    return Shown(
        number,
        one.picture,
        one.sha256,
        one.region,
        "",
        "",
        0,
        None,
        f"refused {one.code}",
        one.name,
    )
