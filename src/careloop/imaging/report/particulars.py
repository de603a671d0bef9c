"""What stands round the table: maker, device, dates, whose report it is, reference population."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from difflib import get_close_matches
from functools import cache
from typing import Literal

from careloop.imaging.image import Subject
from careloop.imaging.report.line import lines, phrases
from careloop.imaging.report.vocabulary import maker_of, names, plain, tight, vocabulary
from careloop.imaging.report.word import Box, Word

Sex = Literal["female", "male", ""]

_MONTHS = {
    name: number
    for number, name in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), 1
    )
}
_YEAR_FIRST = re.compile(
    r"(?<!\d)((?:19|20)\d\d)\s?[-/.年]\s?(\d{1,2})\s?[-/.月]\s?(\d{1,2})(?!\d)"
)
_NAMED = re.compile(r"\b([A-Za-z]{3,9})\.?\s?(\d{1,2}),?\s?((?:19|20)\d\d)\b")
_NAMED_DAY_FIRST = re.compile(r"\b(\d{1,2})[\s-]([A-Za-z]{3,9})\.?,?[\s-]((?:19|20)\d\d)\b")
_YEAR_LAST = re.compile(r"(?<!\d)(\d{1,2})([/.-])(\d{1,2})\2((?:19|20)\d\d)(?!\d)")
_TWELVE_HOURS = re.compile(r"\d:\d\d(:\d\d)?\s?[AP]M\b")
_AGE = re.compile(r"(\d{1,3}(?:\.\d)?)\s?(?:years|year|y\b|岁)")
_NUMBER = re.compile(r"\d{1,3}(?:\.\d+)?")


@dataclass(frozen=True, slots=True)
class Particulars:
    """What a page says about the scan as a whole; what it does not say is empty."""

    maker: str = ""
    device: str = ""
    software: str = ""
    scanned_on: date | None = None
    analysed_on: date | None = None
    dates_differ: bool = False
    subject: Subject = field(default_factory=Subject)
    age_y: float | None = None
    ethnicity: str = ""
    reference: str = ""
    reference_key: str = ""
    reference_z: str = ""
    scan_id: str = ""
    titles: tuple[Title, ...] = ()


@dataclass(frozen=True, slots=True)
class Title:
    """A title on the page that names a site, and the side if it does."""

    kind: str
    side: str
    box: Box
    text: str


@dataclass
class _Labelled:
    """Texts by the label they follow, in reading order."""

    found: dict[str, list[str]] = field(default_factory=dict)

    def first(self, label: str) -> str:
        return next((text for text in self.found.get(label, []) if text), "")


def read_particulars(words: Sequence[Word]) -> Particulars:
    """The particulars of one page, from labels ("Scan Date:"), titles and small print."""
    rows = lines(words, tolerance=0.4)
    texts = [" ".join(word.text for word in row) for row in rows]
    whole = "\n".join(texts)
    maker = maker_of(whole)
    labelled = _labelled(rows)
    order = _day_order(whole)
    scanned, differ = _scan_date(labelled, texts, order)
    analysed = {
        day for text in labelled.found.get("analysed_on", []) if (day := read_date(text, order))
    }
    sex = _sex(labelled.first("sex"))
    printed, z_printed = _reference(texts)
    age = _AGE.search(labelled.first("age")) or _AGE.search(labelled.first("born_on"))
    alone = _NUMBER.fullmatch(labelled.first("age").strip())
    return Particulars(
        maker=maker,
        device=_device(labelled.first("model"), maker) or _device(whole, maker),
        software=_software(whole, maker),
        scanned_on=scanned,
        analysed_on=analysed.pop() if len(analysed) == 1 else None,
        dates_differ=differ,
        subject=Subject(
            name=labelled.first("name"),
            person_id=labelled.first("patient_id")
            or (labelled.first("bare_id") if maker != "hologic" else ""),
            born_on=read_date(labelled.first("born_on"), order),
            sex=sex,
        ),
        age_y=_age(age[1] if age else alone[0] if alone else ""),
        ethnicity=labelled.first("ethnicity"),
        reference=printed,
        reference_key=_reference_key(whole, maker, sex),
        reference_z=z_printed,
        scan_id=_scan_id(whole) if maker == "hologic" else "",
        titles=tuple(_titles(rows)),
    )


# --- dates


def read_date(text: str, order: str = "") -> date | None:
    """The first date in a text; "03/07/2007" only where `order` ("mdy" or "dmy") is known.

    Examples
    --------
    >>> read_date("December 04, 2019 12:57")
    datetime.date(2019, 12, 4)
    >>> read_date("2023年5月6日"), read_date("25/12/2020")
    (datetime.date(2023, 5, 6), datetime.date(2020, 12, 25))
    >>> read_date("03/07/2007") is None, read_date("03/07/2007", "mdy")
    (True, datetime.date(2007, 3, 7))
    """
    if day := _spelled_date(text):
        return day
    if found := _YEAR_LAST.search(text):
        first, second, year = int(found[1]), int(found[3]), int(found[4])
        if first > 12 or order == "dmy":
            return _day(year, second, first)
        if second > 12 or order == "mdy":
            return _day(year, first, second)
        if first == second:
            return _day(year, first, second)
    return None


def _spelled_date(text: str) -> date | None:
    """A date that can be read in one way only: year first, or the month by its name."""
    if found := _YEAR_FIRST.search(text):
        return _day(int(found[1]), int(found[2]), int(found[3]))
    if (found := _NAMED.search(text)) and (month := _MONTHS.get(found[1][:3].lower())):
        return _day(int(found[3]), month, int(found[2]))
    if (found := _NAMED_DAY_FIRST.search(text)) and (month := _MONTHS.get(found[2][:3].lower())):
        return _day(int(found[3]), month, int(found[1]))
    return None


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _day_order(text: str) -> str:
    """Whether the page's dates are "mdy" or "dmy", "" where they do not show it.

    By a part over 12, by the same date spelled out elsewhere, or by a twelve-hour clock.
    """
    pairs = [(int(found[1]), int(found[3])) for found in _YEAR_LAST.finditer(text)]
    month_first = any(second > 12 for _, second in pairs)
    day_first = any(first > 12 for first, _ in pairs)
    if month_first != day_first:
        return "mdy" if month_first else "dmy"
    spelled = {day for line in text.splitlines() if (day := _spelled_date(line))}
    as_mdy = any(
        _day(int(found[4]), int(found[1]), int(found[3])) in spelled
        for found in _YEAR_LAST.finditer(text)
    )
    as_dmy = any(
        _day(int(found[4]), int(found[3]), int(found[1])) in spelled
        for found in _YEAR_LAST.finditer(text)
    )
    if as_mdy != as_dmy:
        return "mdy" if as_mdy else "dmy"
    if not month_first and _TWELVE_HOURS.search(text):
        return "mdy"
    return ""


def _scan_date(labelled: _Labelled, texts: Sequence[str], order: str) -> tuple[date | None, bool]:
    """The date of the scan by its label, else beside a site's title; and whether two differ."""
    days = {day for text in labelled.found.get("scanned_on", []) if (day := read_date(text, order))}
    if not days:
        days = {
            day
            for text in texts
            for part in _beside_titles(plain(text))
            if (day := read_date(part, order))
        }
    return (days.pop(), False) if len(days) == 1 else (None, len(days) > 1)


def _beside_titles(text: str) -> Iterator[str]:
    """Dates that stand right behind a site ("Right Hip on 2/4/2008"), out of titles only."""
    if any(word in text for word in vocabulary()["titles"]["remarks"]):
        return
    sites = tuple(
        word
        for kind in ("spine", "hip", "forearm", "body")
        for word in vocabulary()["titles"][kind]
    )
    for pattern in (_YEAR_FIRST, _YEAR_LAST, _NAMED):
        for found in pattern.finditer(text):
            before = re.sub(r"(\bon)?[\s:]*$", "", text[: found.start()].rstrip(" :"))
            if before.rstrip().endswith(sites):
                yield text[found.start() :]


# --- labels


def _labelled(rows: Sequence[Sequence[Word]]) -> _Labelled:
    """Texts behind labels: a label ends in a colon or stands alone before a wide gap."""
    known = _labels()
    out = _Labelled()
    for row in rows:
        current: str | None = None
        held: list[str] = []
        for label, rest in _pieces(row, known):
            if label:
                if current and current != "stop":
                    out.found.setdefault(current, []).append(" ".join(held).strip())
                current, held = label, [rest] if rest else []
            elif current and rest:
                held.append(rest)
        if current and current != "stop":
            out.found.setdefault(current, []).append(" ".join(held).strip())
    return out


@cache
def _labels() -> Mapping[str, str]:
    return {
        tight(word): key
        for key, words in vocabulary()["labels"].items()
        if isinstance(words, list)
        for word in words
    }


def _pieces(row: Sequence[Word], known: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Labels and the texts between them along one line."""
    index = 0
    texts = [word.text for word in row]
    while index < len(texts):
        for length in (4, 3, 2, 1):
            run = [text.replace("：", ":") for text in texts[index : index + length]]
            head, colon, rest = " ".join(run).partition(":")
            ends = colon and all(":" not in text for text in run[:-1])
            if ends and len(run) == length and (key := known.get(tight(head))):
                yield key, rest.strip()
                index += length
                break
        else:
            yield "", texts[index]
            index += 1


def _sex(text: str) -> Sex:
    first = tight(text.split(maxsplit=1)[0]) if text.split() else ""
    said = names("labels.sexes").get(first, "")
    return "female" if said == "female" else "male" if said == "male" else ""


def _scan_id(text: str) -> str:
    found = re.search(r"(?<!Patient )\bID\s?:\s?([A-Z]\d{7}[A-Z0-9]{1,2})\b", text)
    return found[1] if found else ""


def _age(text: str) -> float | None:
    years = float(text) if text else None
    return years if years is not None and years <= 120 else None


# --- maker


def _device(text: str, maker: str) -> str:
    for pattern in vocabulary()["makers"]["models"].get(maker, []):
        if found := re.search(pattern, text):
            return str(found[0]).strip()
    return ""


def _software(text: str, maker: str) -> str:
    for pattern in vocabulary()["makers"]["software"].get(maker, []):
        if found := re.search(pattern, text):
            return str(found[1])
    return ""


# --- reference population


def _reference(texts: Sequence[str]) -> tuple[str, str]:
    """The population of the T-scores, and of the Z-scores where it is told apart, as printed."""
    texts = [_spelled(text) for text in texts]
    flat = " ".join(texts)
    version = re.search(vocabulary()["reference"]["population"], flat.lower())
    found = re.search(
        r"T-?score vs\.? (.+?)\.?\s*Z-?sco\w* ?vs\.? (.+?)(?=\s*(?:\.\s|\.$|HOLOGIC|$))", flat
    )
    if found:
        return found[1].strip(" ."), found[2].strip(" .")[:80]
    for pattern in vocabulary()["reference"]["printed"]:
        for text in texts:
            if "trend" in text.lower():
                continue
            if found := re.search(pattern, text):
                return f"{found[1].strip(' .:;')[:80]} {version[1] if version else ''}".strip(), ""
    return "", ""


def _spelled(text: str) -> str:
    """A text with the words of reference populations spelled as they are (OCR: "Whito Famalo")."""
    if not re.search(r"score|NHANES|Lunar|Popul", text):
        return text
    lexicon = vocabulary()["reference"]["lexicon"]
    return re.sub(
        r"[A-Za-z]{4,}",
        lambda word: next(iter(get_close_matches(word[0], lexicon, 1, 0.66)), word[0]),
        text,
    )


def _reference_key(text: str, maker: str, sex: str) -> str:
    """Our own name of the database, where the page names exactly one of them."""
    low = plain("\n".join(_spelled(line) for line in text.splitlines()))
    keys = {
        rule["key"]
        for rule in vocabulary()["reference"]["key"]
        if rule["maker"] == maker
        and rule["sex"] in {"", sex or _population_sex(low)}
        and all(re.search(pattern, low) for pattern in rule["patterns"])
    }
    return keys.pop() if len(keys) == 1 else ""


def _population_sex(low: str) -> str:
    found = re.search(r"\b(female|male),? (?:\w+ )?reference", low)
    return found[1] if found else ""


# --- titles


def _titles(rows: Sequence[Sequence[Word]]) -> Iterator[Title]:
    table = vocabulary()["titles"]
    remarks = table["remarks"]
    for row in rows:
        for phrase in phrases(row, gap=0.9):
            low = plain(phrase.text)
            if len(low) > 60 or len(low.split()) > 7 or any(word in low for word in remarks):
                continue
            kinds = [
                kind
                for kind in ("lateral", "spine", "hip", "forearm", "body")
                if any(
                    re.search(rf"(?<![a-z]){re.escape(word)}(?![a-z])", low) for word in table[kind]
                )
            ]
            sides = [
                side
                for side in ("left", "right")
                if any(re.search(rf"(?<![a-z]){re.escape(word)}", low) for word in table[side])
            ]
            if kinds:
                yield Title(kinds[0], sides[0] if len(sides) == 1 else "", phrase.box, phrase.text)
