"""Patient: who the person is.

Sex, birth date, ethnic group and national number hold from birth, so their facts are dated to it: a
snapshot of any year may use them. Name, telephone, address and centre hold from the start the
sender gives, else from `meta.lastUpdated`, else from birth.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from careloop.records.sources.fhir import finding
from careloop.records.sources.fhir.account import FACT, NOTHING_KNOWN, NotTakenError
from careloop.records.sources.fhir.document import Resource
from careloop.records.sources.fhir.intake import Intake
from careloop.records.sources.fhir.time import EARLIEST, Span, parse_time
from careloop.records.sources.fhir.value import clean

_EXTENSION = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-"
_RACES = {
    "2106-3": "white",
    "2034-7": "chinese",
    "2035-4": "chinese",
    "2029-7": "indian",
    "2044-6": "pakistani",
    "2030-5": "bangladeshi",
    **dict.fromkeys(
        (
            "2031-3",
            "2032-1",
            "2033-9",
            "2036-2",
            "2037-0",
            "2038-8",
            "2039-6",
            "2040-4",
            "2041-2",
            "2042-0",
            "2043-8",
            "2045-3",
            "2046-1",
            "2047-9",
        ),
        "other_asian",
    ),
    "2054-5": "black_other",
    "1002-5": "other",
    "2076-8": "other",
    "2131-1": "other",
}
"""CDC Race and Ethnicity codes (urn:oid:2.16.840.1.113883.6.238) to the dictionary's groups.

2054-5 is Black with no more said. 2028-9 (Asian) alone leads nowhere: it may be any of five groups.
"""
_NATIONAL = re.compile(r"NI|SS|NN([A-Z]{3})?")
_CHINESE_ID = re.compile(r"\d{17}[\dXx]", re.ASCII)
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_ORDER = {"official": 0, "mobile": 0, "home": 1, "usual": 1}
_CJK = re.compile(r"[\u3400-\u9fff]")


class Said(NamedTuple):
    """One thing a Patient says: the variable's key, its value, when it holds from, the raw text."""

    key: str
    text: str
    since: datetime | None = None
    raw: str | None = None


def read_patient(intake: Intake, resource: Resource, full_url: str) -> str:
    """Read a Patient into facts of demography."""
    person = intake.person_of(resource, full_url)
    born = _birth(intake, resource)
    updated = intake.updated(resource)
    since_birth = born.last if born else updated or EARLIEST
    _note_links(intake, resource)
    mark = len(intake.rows)
    for said in _all_said(intake, resource, born):
        if not said.text or said.key not in intake.book.dictionary:
            continue
        variable = intake.book.dictionary[said.key]
        if variable.kind == "code" and said.text not in variable.values:
            continue
        lasting = said.key in ("sex", "birth_date", "ethnic_group", "national_id")
        at = since_birth if lasting else said.since or updated or since_birth
        try:
            text = clean(said.text)
        except NotTakenError as error:
            intake.find(error.code, error.value, said.key)
            continue
        intake.add(person, variable, text=text, effective=at, raw=said.raw)
    return FACT if len(intake.rows) > mark else NOTHING_KNOWN


def _all_said(intake: Intake, resource: Resource, born: Span | None) -> Iterator[Said]:
    gender = resource.get("gender")
    if gender in ("male", "female"):
        yield Said("sex", gender)
    else:
        intake.find(finding.SEX_UNKNOWN, gender if gender is not None else "")
    if born:
        day = born.last.date().isoformat()
        sent = resource["birthDate"]
        yield Said("birth_date", day, raw=sent if sent != day else None)
    yield from _death(intake, resource)
    if group := _ethnic_group(intake, resource):
        yield group
    yield Said("national_id", _national_id(resource))
    yield _in_use(resource.get("name"), "name", _full_name)
    phones = [
        each for each in _dicts(resource.get("telecom")) if each.get("system") in ("phone", "sms")
    ]
    yield _in_use(phones, "phone", lambda each: each.get("value"))
    yield _in_use(resource.get("address"), "address", _full_address)
    yield Said("organisation", _organisation(intake, resource))


def _birth(intake: Intake, resource: Resource) -> Span | None:
    """The birth date, with findings where it is missing, partial, impossible or to come."""
    text = resource.get("birthDate")
    if text is None:
        intake.find(finding.NO_BIRTH_DATE)
        return None
    span = parse_time(text) if isinstance(text, str) else None
    if span is None:
        intake.find(finding.BAD_TIME, text, "birthDate")
        return None
    if span.first.date() > intake.today:
        intake.find(finding.FUTURE, text, "birthDate")
        return None
    if span.partial:
        intake.find(finding.PARTIAL_BIRTH_DATE, text)
    last = min(span.last, datetime.combine(intake.today, datetime.min.time()))
    return Span(span.first, last)


def _death(intake: Intake, resource: Resource) -> Iterator[Said]:
    text = resource.get("deceasedDateTime")
    if text is None:
        if resource.get("deceasedBoolean") is True:
            intake.find(finding.DEATH_DATE_UNKNOWN)
        return
    try:
        at = intake.moment(text)
    except NotTakenError as error:
        intake.find(error.code, error.value, "deceasedDateTime")
        return
    day = at.date().isoformat()
    yield Said("death_date", day, since=at, raw=text if text != day else None)


def _ethnic_group(intake: Intake, resource: Resource) -> Said | None:
    """The group that US Core's race leads to: one only, the detailed codes before the broad."""
    for extension in _dicts(resource.get("extension")):
        if extension.get("url") != f"{_EXTENSION}race":
            continue
        parts = _dicts(extension.get("extension"))
        for level in ("detailed", "ombCategory"):
            codings = [part.get("valueCoding") for part in parts if part.get("url") == level]
            codes = [coding.get("code") for coding in _dicts(codings)]
            groups = {_RACES.get(str(code), "") for code in codes}
            if len(groups) == 1 and "" not in groups:
                words = next((c["display"] for c in _dicts(codings) if c.get("display")), None)
                return Said("ethnic_group", groups.pop(), raw=words)
            if codes and level == "ombCategory":
                intake.find(finding.ETHNIC_GROUP_UNCLEAR, ", ".join(map(str, codes)))
    return None


def _national_id(resource: Resource) -> str:
    """A national number: typed so (HL7 v2-0203), or a Chinese number with a right check digit."""
    for identifier in _dicts(resource.get("identifier")):
        value = identifier.get("value")
        if not isinstance(value, str) or identifier.get("use") == "old":
            continue
        kind = identifier.get("type")
        codings = _dicts(kind.get("coding")) if isinstance(kind, dict) else []
        codes = [code for coding in codings if isinstance(code := coding.get("code"), str)]
        if any(_NATIONAL.fullmatch(code) for code in codes) or is_chinese_id(value):
            return value
    return ""


def is_chinese_id(text: str) -> bool:
    """Whether `text` is an 18-character resident identity number with a right check character.

    **Reference.** GB 11643-1999 (ISO 7064:1983, MOD 11-2).

    >>> is_chinese_id("11010519491231002X"), is_chinese_id("110105194912310021")
    (True, False)
    """
    if not _CHINESE_ID.fullmatch(text):
        return False
    total = sum(int(digit) * weight for digit, weight in zip(text[:17], _WEIGHTS, strict=True))
    return "10X98765432"[total % 11] == text[17].upper()


def _in_use(items: Any, key: str, words: Any) -> Said:
    """The first of several names, numbers or addresses that is in use, official ones first."""
    found = []
    for item in _dicts(items):
        period = item.get("period")
        period = period if isinstance(period, dict) else {}
        if item.get("use") in ("old", "anonymous", "nickname", "maiden", "temp") or "end" in period:
            continue
        text = words(item)
        if isinstance(text, str) and text.strip():
            span = parse_time(start) if isinstance(start := period.get("start"), str) else None
            order = _ORDER.get(str(item.get("use")), len(_ORDER))
            found.append((order, text, span.last if span else None))
    if not found:
        return Said(key, "")
    _, text, since = min(found, key=lambda each: each[0])
    return Said(key, text, since)


def _full_name(name: dict[str, Any]) -> str:
    """The name as it is written: family first and unspaced in Chinese, last elsewhere."""
    if isinstance(text := name.get("text"), str) and text.strip():
        return text
    given = [part for part in _list(name.get("given")) if isinstance(part, str)]
    family = said if isinstance(said := name.get("family"), str) else ""
    if _CJK.search(f"{family}{''.join(given)}"):
        return f"{family}{''.join(given)}"
    return " ".join([*given, family]).strip()


def _full_address(address: dict[str, Any]) -> str:
    if isinstance(text := address.get("text"), str) and text.strip():
        return text
    lines = [part for part in _list(address.get("line")) if isinstance(part, str)]
    names = ("district", "city", "state", "postalCode", "country")
    places = [address[name] for name in names if isinstance(address.get(name), str)]
    if _CJK.search("".join([*lines, *places])):
        wide = [address.get(name) for name in ("state", "city", "district")]
        return "".join([part for part in wide if isinstance(part, str)] + lines)
    return ", ".join([*lines, *places])


def _organisation(intake: Intake, resource: Resource) -> str:
    pointer = resource.get("managingOrganization")
    if not isinstance(pointer, dict):
        return ""
    if isinstance(name := pointer.get("display"), str) and name.strip():
        return name
    reference = pointer.get("reference")
    found = intake.held(resource, reference) if isinstance(reference, str) else None
    name = found.get("name") if found else None
    return name if isinstance(name, str) else ""


def _note_links(intake: Intake, resource: Resource) -> None:
    kinds = [link.get("type") for link in _dicts(resource.get("link"))]
    if resource.get("active") is False:
        intake.find(finding.PATIENT_LINKED, detail="active: false")
    elif "replaced-by" in kinds or "replaces" in kinds or "seealso" in kinds:
        intake.find(finding.PATIENT_LINKED, detail="link")


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [item for item in _list(value) if isinstance(item, dict)]
