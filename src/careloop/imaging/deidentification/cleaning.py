"""The header, cleaned attribute by attribute into a new data set; nothing is kept by oversight."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field

from pydicom import DataElement, Dataset
from pydicom.datadict import dictionary_has_tag, dictionary_VR, keyword_for_tag
from pydicom.dataelem import RawDataElement
from pydicom.tag import BaseTag, Tag

from careloop.imaging.deidentification.profile import Option, Rule, rules
from careloop.imaging.deidentification.replacement import dummy, new_uid, shifted
from careloop.imaging.reading.dicom.person import decode_text, person_name
from careloop.imaging.reading.dicom.value import text

_TEXT = frozenset({"AE", "AS", "CS", "LO", "SH", "UC"})
_NUMERIC = frozenset({"DS", "IS", "US", "SS", "UL", "SL", "UV", "SV", "FL", "FD", "AT"})
_FREE = frozenset({"PN", "LT", "ST", "UT", "UR", "AE", "DA", "DT", "TM", "UN"})
"""Kinds of value that name people, moments or places: removed where the table is silent too."""
_TABLES = frozenset(
    f"{colour}PaletteColorLookupTableData" for colour in ("Red", "Green", "Blue", "Alpha")
) | frozenset(
    f"Segmented{colour}PaletteColorLookupTableData" for colour in ("Red", "Green", "Blue", "Alpha")
) | {"LUTData"}  # fmt: skip
PIXELS = frozenset({"PixelData", "FloatPixelData", "DoubleFloatPixelData"})
_OLDEST_Y = 89
_CHARSET = Tag(0x00080005)
_WORD = re.compile(r"[^\W_]{3,}|[\u3400-\u9fff]{2,}")


@dataclass(frozen=True, slots=True)
class _Attribute:
    """One attribute of a data set that is being cleaned."""

    source: Dataset
    tag: BaseTag
    vr: str
    charset: str

    def texts(self) -> list[str]:
        return _texts(self.source, self.tag, self.charset)

    def items(self) -> list[Dataset] | None:
        """The items of a sequence; `None` where they cannot be read."""
        try:
            return list(self.source[self.tag].value)
        except Exception:  # an item is parsed when it is first touched
            return None

    def element(self, values: list[str]) -> DataElement:
        return DataElement(self.tag, self.vr, values if len(values) != 1 else values[0])


@dataclass(slots=True)
class Cleaning:
    """The settings of one cleaning and the tally of what was done."""

    key: bytes
    options: frozenset[Option]
    days: int
    identity: frozenset[str]
    done: Counter[str] = field(default_factory=Counter)

    def dataset(self, source: Dataset, *, charset: str = "") -> Dataset:
        """A new data set with what may stay."""
        out = Dataset()
        charset = text(source, "SpecificCharacterSet") or charset
        for tag in sorted(source.keys()):
            if tag == _CHARSET or tag.group <= 0x0002 or tag.element == 0:
                continue
            element = self._element(source, tag, charset)
            if element is not None:
                out[tag] = element
        return out

    def _element(self, source: Dataset, tag: BaseTag, charset: str) -> DataElement | None:
        if reason := _barred(tag):
            return self._gone(reason)
        attribute = _Attribute(source, tag, dictionary_VR(tag), charset)
        rule = rules().get(int(tag))
        if rule is None:
            return self._unlisted(attribute)
        if "patient_characteristics" in self.options and rule.patient_characteristics == "K":
            return self._characteristic(attribute)
        if "modified_dates" in self.options and rule.modified_dates == "C":
            return self._date(attribute)
        return self._listed(attribute, rule)

    def _gone(self, reason: str) -> DataElement | None:
        self.done[f"removed: {reason}"] += 1
        return None

    def _listed(self, attribute: _Attribute, rule: Rule) -> DataElement | None:
        if rule.action == "X":
            return self._gone("by the profile")
        if rule.action == "U":
            return self._renewed(attribute)
        tag, vr = attribute.tag, attribute.vr
        self.done["emptied" if rule.action == "Z" else "dummies"] += 1
        if vr == "SQ":
            items = [] if rule.action == "Z" else self._dummy_items(attribute)
            return DataElement(tag, vr, items)
        if rule.action == "Z":
            return DataElement(tag, vr, None if vr in _NUMERIC else "")
        return DataElement(tag, _one(vr), dummy(vr))

    def _renewed(self, attribute: _Attribute) -> DataElement | None:
        if attribute.vr == "SQ":
            return self._sequence(attribute)
        self.done["UIDs replaced"] += 1
        return attribute.element([new_uid(self.key, uid) for uid in attribute.texts()])

    def _characteristic(self, attribute: _Attribute) -> DataElement | None:
        values = attribute.texts()
        if attribute.vr == "AS":
            values = [_age(value) for value in values]
        elif any(self._names(value) for value in values):
            return self._gone("names the person")
        self.done["characteristics kept"] += 1
        return attribute.element(values)

    def _date(self, attribute: _Attribute) -> DataElement | None:
        if attribute.vr == "SQ":
            return self._sequence(attribute)
        values = attribute.texts()
        if attribute.vr in {"DA", "DT"}:
            values = [shifted(value, self.days) for value in values]
        elif attribute.vr != "TM" or not all(re.fullmatch(r"[\d.:]*", part) for part in values):
            return self._gone("by the profile")
        self.done["dates shifted"] += 1
        return attribute.element(values)

    def _unlisted(self, attribute: _Attribute) -> DataElement | None:
        """What the table is silent on: numbers, codes and device words stay, unless they name."""
        vr, keyword = attribute.vr, keyword_for_tag(attribute.tag)
        kept: DataElement | None = None
        if keyword in PIXELS:
            return kept  # the pixels are written anew
        if vr == "SQ":
            kept = self._sequence(attribute)
        elif vr == "UI":
            kept = self._renewed(attribute)
        elif vr in _FREE:
            kept = self._gone("free text, name or date")
        elif _is_bulk(vr) and keyword not in _TABLES:
            kept = self._gone("bulk data")
        elif vr in _TEXT:
            values = attribute.texts()
            if any(self._names(value) for value in values):
                self.done["emptied: names the person"] += 1
                values = []
            kept = attribute.element(values)
        else:
            kept = self._as_is(attribute)
        return kept

    def _as_is(self, attribute: _Attribute) -> DataElement | None:
        try:
            element = attribute.source[attribute.tag]
            if element.VR in _NUMERIC or element.VR.startswith("O"):
                return DataElement(attribute.tag, element.VR, element.value)
        except Exception:  # a value that cannot be converted cannot be vouched for
            return self._gone("not valid")
        return self._gone("not valid")

    def _sequence(self, attribute: _Attribute) -> DataElement | None:
        items = attribute.items()
        if items is None:
            return self._gone("not valid")
        cleaned = [self.dataset(item, charset=attribute.charset) for item in items]
        return DataElement(attribute.tag, "SQ", cleaned)

    def _dummy_items(self, attribute: _Attribute) -> list[Dataset]:
        """One item of the same shape in which every value is a dummy."""
        return [self._dummy_item(item) for item in (attribute.items() or [])[:1]]

    def _dummy_item(self, item: Dataset) -> Dataset:
        out = Dataset()
        for tag in sorted(item.keys()):
            if tag.is_private or not dictionary_has_tag(tag) or tag == _CHARSET:
                continue
            inner = _Attribute(item, tag, dictionary_VR(tag), "")
            if inner.vr == "SQ":
                out[tag] = DataElement(tag, inner.vr, self._dummy_items(inner))
            elif inner.vr == "UI":
                out[tag] = inner.element([new_uid(self.key, uid) for uid in inner.texts()])
            else:
                out[tag] = DataElement(tag, _one(inner.vr), dummy(inner.vr))
        return out

    def _names(self, value: str) -> bool:
        """Whether a text holds a word of the person's name or identifiers."""
        lowered = value.casefold()
        if any(name in lowered for name in self.identity if not name.isascii()):
            return True  # Chinese is written without spaces
        return any(
            word in self.identity or any(len(name) > 5 and name in word for name in self.identity)
            for word in _WORD.findall(lowered)
        )


def identity_words(source: Dataset, charset: str = "") -> frozenset[str]:
    """The words of names and identifiers in a data set, to find them where they do not belong."""
    charset = text(source, "SpecificCharacterSet") or charset
    found: set[str] = set()
    for tag in source.keys():  # noqa: SIM118 (iterating a Dataset converts its elements)
        if tag.is_private or not dictionary_has_tag(tag):
            continue
        vr = dictionary_VR(tag)
        if vr == "SQ":
            try:
                items = list(source[tag].value)
            except Exception:  # noqa: S112 (items that cannot be read are removed anyway)
                continue
            for item in items:
                found |= identity_words(item, charset)
        elif vr == "PN" or keyword_for_tag(tag) in _IDENTIFIERS:
            for value in _texts(source, tag, charset):
                folded = value.casefold()
                found |= set(_WORD.findall(folded.replace("^", " ").replace("=", " ")))
                joined = person_name(folded) if vr == "PN" else folded
                found |= {joined} if len(joined) > 3 or not joined.isascii() else set()
    return frozenset(found)


_IDENTIFIERS = frozenset(
    {"PatientID", "OtherPatientIDs", "AccessionNumber", "MedicalRecordLocator", "StudyID"}
)


def _texts(source: Dataset, tag: BaseTag, charset: str) -> list[str]:
    """The values of a text attribute, decoded (and rescued) from its bytes."""
    element = source.get_item(tag)
    if isinstance(element, RawDataElement):
        raw = element.value if isinstance(element.value, bytes) else b""
        decoded, _ = decode_text(raw, charset)
        parts = decoded.split("\\")
    else:
        found = None if element is None else element.value
        if found is None:
            return []
        several = not isinstance(found, str) and hasattr(found, "__iter__")
        parts = [str(part) for part in (found if several else [found])]
    parts = [part.strip(" \x00") for part in parts]
    return [] if parts == [""] else parts


def _age(value: str) -> str:
    """An age; above 89 years all are 90 (45 CFR 164.514(b)(2)(i)(C))."""
    match = re.fullmatch(r"(\d{3})([DWMY])", value)
    if match is None:
        return ""
    return "090Y" if match[2] == "Y" and int(match[1]) > _OLDEST_Y else value


def _barred(tag: BaseTag) -> str:
    """Why an attribute may never stay, whatever it holds; empty if it may."""
    if tag.is_private:
        return "private"
    if tag.group & 0xFF00 in {0x5000, 0x6000} and tag.group & 0xFF <= 0x1E:
        return "overlay or curve"
    return "" if dictionary_has_tag(tag) else "unknown"


def _is_bulk(vr: str) -> bool:
    return vr.startswith("O") or " or O" in vr


def _one(vr: str) -> str:
    """One VR of those that the dictionary allows."""
    return vr.split(" ", maxsplit=1)[0]
