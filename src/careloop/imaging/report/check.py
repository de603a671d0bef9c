"""What a report says twice is compared: numbers that disagree are refused, never chosen between.

Every check knows how far rounding alone can part two figures. One that passes and is sharp enough
vouches for the numbers in it; one that fails speaks against all of them. Nothing here is clinical.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations, pairwise

from careloop.imaging.report import finding
from careloop.imaging.report.entry import Entry
from careloop.imaging.report.vocabulary import vocabulary

SURE = 0.90
"""Confidence that every number of a check must have before the check vouches for them."""
SHARP_G_CM2 = 0.003
"""BMC ÷ area vouches for a BMD only where rounding leaves no more than this open."""
_EPS = 1e-9

Group = Mapping[str, Entry]


def check(entries: Sequence[Entry]) -> None:
    """Compare all numbers of a document with one another; the outcome is written to the entries."""
    _limits(entries)
    by_table: dict[int, list[Entry]] = defaultdict(list)
    for entry in entries:
        by_table[entry.table].append(entry)
    for table in by_table.values():
        _contradictions(table)
        regions: dict[tuple[int, str, str], dict[str, Entry]] = defaultdict(dict)
        for entry in table:
            regions[entry.region].setdefault(entry.quantity, entry)
        for group in regions.values():
            _ratio(group)
            _percent(group)
        _spine(table)
        _hip(table)
        _forearm(table)
        _sides(table)
        _slopes(table)
    placed = {entry.region for entry in entries if "sum" in entry.passed}
    for entry in entries:
        if entry.region in placed:
            entry.passed.add("place")  # the sums hold with this region in its place
        if finding.BAD_NUMBER in entry.doubts and "ratio" not in entry.passed:
            entry.failed.add(finding.BAD_NUMBER)  # a column known by its unit only
    _spread(entries)


def repeats(entries: Sequence[Entry]) -> None:
    """Compare numbers of the same scan that stand in several tables (pages) of a document."""
    places: dict[tuple[str, str, str], list[Entry]] = defaultdict(list)
    for entry in entries:
        if entry.site and entry.stat != "diff":
            places[entry.site, entry.stat, entry.quantity].append(entry)
    for same in places.values():
        for one, other in combinations(same, 2):
            if one.table == other.table:
                continue
            if abs(one.value - other.value) > max(one.number.half_unit, other.number.half_unit):
                _fail((one, other), finding.CONTRADICTION)
            elif one.page != other.page and min(one.confidence, other.confidence) >= SURE:
                _pass((one, other), "repeat")
    _spread(entries)


def status(entry: Entry) -> str:
    """What a value may be used for: "refused", "to_confirm" or "checked".

    Refused: a check failed. An OCR number for which another check vouches nevertheless stays, to be
    confirmed. Checked: from a text layer, or read by OCR and vouched for.
    """
    if entry.failed:
        proven = entry.passed & {"ratio", "sides", "sum", "repeat"}
        return "to_confirm" if entry.ocr and proven else "refused"
    if finding.BONE in entry.doubts:
        return "to_confirm"
    if not entry.ocr:
        return "checked"
    named = not entry.mended or entry.passed & {"place", "repeat"}
    proven = entry.passed & {"ratio", "sides", "sum", "repeat"}
    return "checked" if named and proven else "to_confirm"


# --- single values and single rows


def _limits(entries: Iterable[Entry]) -> None:
    limits = vocabulary()["limits"]
    for entry in entries:
        if entry.stat == "diff" or entry.quantity not in limits:
            continue
        low, high = limits[entry.quantity]
        if not low <= entry.value <= high:
            entry.failed.add(finding.LIMITS)


def _contradictions(table: Sequence[Entry]) -> None:
    places: dict[tuple[str, str, str], list[Entry]] = defaultdict(list)
    for entry in table:
        places[entry.site or entry.label, entry.stat, entry.quantity].append(entry)
    for same in places.values():
        if len(same) > 1 and len({entry.value for entry in same}) > 1:
            _fail(same, finding.CONTRADICTION)


def _ratio(group: Group) -> None:
    """BMC ÷ area is the BMD but for rounding; the mean of two sides is a mean of ratios."""
    if not {"bmd", "bmc", "area"} <= group.keys():
        return
    bmd, bmc, area = group["bmd"], group["bmc"], group["area"]
    if bmd.stat in {"mean", "diff"} or area.value <= area.number.half_unit:
        return
    low = (bmc.value - bmc.number.half_unit) / (area.value + area.number.half_unit)
    high = (bmc.value + bmc.number.half_unit) / (area.value - area.number.half_unit)
    half = bmd.number.half_unit
    parts = (bmd, bmc, area)
    if not low - half - _EPS <= bmd.value <= high + half + _EPS:
        _fail(parts, finding.RATIO)
    elif (high - low) / 2 + half <= SHARP_G_CM2:
        _pass(parts, "ratio")


def _percent(group: Group) -> None:
    """The young adults' mean from BMD and percentage must leave T a possible standard deviation."""
    if not {"bmd", "t", "percent_young"} <= group.keys():
        return
    bmd, score, percent = group["bmd"], group["t"], group["percent_young"]
    if bmd.stat == "diff" or percent.value < 10:
        return
    half = percent.number.half_unit + 0.05
    distance = (
        bmd.value - 100 * bmd.value / (percent.value - half),
        bmd.value - 100 * bmd.value / (percent.value + half),
    )
    if not _meets(distance, _deviations(score.value, score.number.half_unit)):
        _fail((bmd, score), finding.PERCENT)


def _deviations(score: float, half: float) -> tuple[float, float]:
    """Differences in g/cm² that a difference in scores can mean."""
    low, high = vocabulary()["limits"]["sd"]["bmd"]
    products = [sd * value for sd in (low, high) for value in (score - half, score + half)]
    return min(products), max(products)


# --- several rows


def _spine(table: Sequence[Entry]) -> None:
    for quantity in ("area", "bmc", "bmd"):
        rows = [each for each in table if each.vertebrae and each.quantity == quantity]
        singles = {each.vertebrae[0]: each for each in rows if len(each.vertebrae) == 1}
        for whole in rows:
            if len(whole.vertebrae) > 1 and set(whole.vertebrae) <= singles.keys():
                parts = [singles[vertebra] for vertebra in whole.vertebrae]
                _whole(whole, parts, quantity)


def _hip(table: Sequence[Entry]) -> None:
    """Neck, trochanter and what lies below (Hologic: inter, GE: shaft) make up the total hip."""
    for stat in {each.stat for each in table if each.kind == "hip"} - {"mean", "diff"}:
        for quantity in ("area", "bmc", "bmd"):
            rows = {
                each.site: each
                for each in table
                if each.kind == "hip" and each.stat == stat and each.quantity == quantity
            }
            below = rows.get("intertrochanter") or rows.get("femoral_shaft")
            neck, troch = rows.get("femoral_neck"), rows.get("trochanter")
            if below and neck and troch and "total_hip" in rows:
                _whole(rows["total_hip"], [neck, troch, below], quantity)


def _forearm(table: Sequence[Entry]) -> None:
    rows = {(each.bone, each.part, each.quantity): each for each in table if each.kind == "forearm"}
    for quantity in ("area", "bmc", "bmd"):
        for part in ("ud", "mid", "33", "total"):
            whole = rows.get(("both", part, quantity))
            radius, ulna = rows.get(("radius", part, quantity)), rows.get(("ulna", part, quantity))
            if whole and radius and ulna:
                _whole(whole, [radius, ulna], quantity)
        for bone in ("radius", "ulna", "both"):
            parts = [rows.get((bone, part, quantity)) for part in ("ud", "mid", "33")]
            known = [part for part in parts if part is not None]
            total = rows.get((bone, "total", quantity))
            if total and len(known) == 3:
                _whole(total, known, quantity)
            if quantity == "bmd" and any(
                before.value >= after.value for before, after in pairwise(known)
            ):
                _fail(known, finding.ORDER)


def _whole(whole: Entry, parts: Sequence[Entry], quantity: str) -> None:
    """A total is the sum of its parts; its BMD lies between theirs."""
    everyone = (whole, *parts)
    if quantity == "bmd":
        room = 2 * whole.number.half_unit
        values = [part.value for part in parts]
        if not min(values) - room <= whole.value <= max(values) + room:
            _fail(everyone, finding.BETWEEN)
        return
    room = sum(each.number.half_unit for each in everyone)
    if abs(sum(part.value for part in parts) - whole.value) > room + _EPS:
        _fail(everyone, finding.SUM)
    else:
        _pass(everyone, "sum")


def _sides(table: Sequence[Entry]) -> None:
    """Left and right against their printed mean and difference."""
    for group in _pairs(table):
        left, right = group["left"], group["right"]
        unit = 2 * left.number.half_unit
        mean, diff = group.get("mean"), group.get("diff")
        if mean is not None:
            fits = abs((left.value + right.value) / 2 - mean.value) <= unit + _EPS
            _settle((left, right, mean), fits=fits)
        if diff is not None:
            fits = abs(abs(left.value - right.value) - abs(diff.value)) <= 1.5 * unit + _EPS
            _settle((left, right, diff), fits=fits)


def _settle(parts: Sequence[Entry], *, fits: bool) -> None:
    if fits:
        _pass(parts, "sides")
    else:
        _fail(parts, finding.SIDES)


def _slopes(table: Sequence[Entry]) -> None:
    """Both sides are scored with one mean and one standard deviation: the differences agree."""
    pairs = {(group["left"].site, group["left"].quantity): group for group in _pairs(table)}
    for (site, quantity), group in pairs.items():
        density = pairs.get((site, "bmd"))
        if quantity not in {"t", "z"} or density is None:
            continue
        step = density["left"].value - density["right"].value
        unit = 2 * density["left"].number.half_unit
        scores = group["left"].value - group["right"].value
        room = 2 * group["left"].number.half_unit
        if not _meets((step - unit, step + unit), _deviations(scores, room)):
            _fail((group["left"], group["right"]), finding.SCORE_SLOPE)


def _pairs(table: Sequence[Entry]) -> list[dict[str, Entry]]:
    groups: dict[tuple[str, str], dict[str, Entry]] = defaultdict(dict)
    for entry in table:
        if entry.kind == "hip" and entry.site:
            groups[entry.site, entry.quantity].setdefault(entry.stat, entry)
    return [group for group in groups.values() if {"left", "right"} <= group.keys()]


# --- what an outcome means


def _pass(entries: Iterable[Entry], name: str) -> None:
    entries = tuple(entries)
    if all(entry.confidence >= SURE for entry in entries):
        for entry in entries:
            entry.passed.add(name)


def _fail(entries: Iterable[Entry], code: str) -> None:
    for entry in entries:
        entry.failed.add(code)


def _spread(entries: Sequence[Entry]) -> None:
    """A region whose BMD is refused has no scores either: they were made from it."""
    refused = {
        entry.region: entry.failed
        for entry in entries
        if entry.quantity == "bmd" and status(entry) == "refused"
    }
    for entry in entries:
        if entry.region in refused and entry.quantity in {"t", "z", "bmc", "area"}:
            entry.failed |= refused[entry.region]


def _meets(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return one[0] <= other[1] + _EPS and other[0] <= one[1] + _EPS
