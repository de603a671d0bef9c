"""Who is in the picture and when it was taken: Chinese names in any encoding, dates even if bad.

Chinese devices write GB18030 or GBK, often without saying so in SpecificCharacterSet, or saying
Latin-1. Such text is told by its bytes: whole runs of valid two-byte Chinese characters. What is
rescued that way is flagged.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time
from typing import Literal

from pydicom.charset import convert_encodings, decode_bytes
from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag

from careloop.imaging.image import Subject
from careloop.imaging.reading import finding
from careloop.imaging.reading.dicom.parsing import Header, quiet
from careloop.imaging.reading.dicom.value import text

_HIGH_RUN = re.compile(rb"[\x80-\xff]+")
_NATIVE = {"GB18030": "gb18030", "GBK": "gb18030", "ISO_IR 192": "utf-8"}
_UNDECLARED = {"", "ISO_IR 6", "ISO 2022 IR 6"}
_LATIN = {"ISO_IR 100", "ISO_IR 101", "ISO_IR 109", "ISO_IR 110", "ISO_IR 148", "100", "101"}
_ESCAPES = re.compile("\x1b\\$?[()\\-][A-Z0-9]")
_DATE = re.compile(r"(\d{4})[-./]?(\d{2})[-./]?(\d{2})")
_TIME = re.compile(r"(\d{2}):?(\d{2})?:?(\d{2})?(?:\.(\d{1,6}))?")
_FIRST_YEAR = 1850
_MOMENTS = (
    ("AcquisitionDate", "AcquisitionTime"),
    ("ContentDate", "ContentTime"),
    ("SeriesDate", "SeriesTime"),
    ("StudyDate", "StudyTime"),
)


def words(header: Header, keyword: str) -> str:
    """A text attribute in its declared character set, or rescued from an undeclared one."""
    tag = Tag(tag_for_keyword(keyword) or 0)
    try:
        element = header.dataset.get_item(tag)
    except Exception:  # a deferred or broken element
        return ""
    if not isinstance(element, RawDataElement) or not isinstance(element.value, bytes):
        return text(header.dataset, keyword)
    decoded, code = decode_text(element.value, text(header.dataset, "SpecificCharacterSet"))
    if code:
        header.remark(code, detail=keyword)
    return " ".join(decoded.replace("\x00", " ").split())


def decode_text(raw: bytes, charset: str) -> tuple[str, str]:
    r"""Text of an attribute's bytes, and the code of a finding where its charset was wrong.

    Parameters
    ----------
    raw
        The value as it stands in the file.
    charset
        SpecificCharacterSet, several terms joined by a backslash.

    Examples
    --------
    >>> decode_text("王^小明".encode("gbk"), "")
    ('王^小明', 'I102')
    >>> decode_text("王^小明".encode("gb18030"), "GB18030")
    ('王^小明', '')
    >>> decode_text("Müller^Jörg".encode("latin-1"), "ISO_IR 100")
    ('Müller^Jörg', '')
    """
    terms = [term.strip() for term in charset.split("\\")]
    if raw.isascii() and b"\x1b" not in raw:
        return raw.decode("ascii"), ""
    if len(terms) == 1 and terms[0] in _NATIVE:
        return _strict(raw, _NATIVE[terms[0]])
    if len(terms) > 1 or b"\x1b" in raw:
        return _extended(raw, terms)
    undeclared = terms[0] in _UNDECLARED
    may_be_wrong = undeclared or terms[0].removeprefix("ISO 2022 IR ") in _LATIN
    if may_be_wrong and (rescued := _rescued(raw, undeclared=undeclared)) is not None:
        return rescued, finding.CHARSET_RESCUED
    if undeclared:
        return raw.decode("latin-1"), finding.CHARSET_BROKEN
    return _extended(raw, terms)


def _strict(raw: bytes, codec: str) -> tuple[str, str]:
    try:
        return raw.decode(codec), ""
    except UnicodeDecodeError:
        rescued = _rescued(raw, undeclared=True)
    if rescued is not None:
        return rescued, finding.CHARSET_RESCUED
    return raw.decode(codec, "replace"), finding.CHARSET_BROKEN


def _extended(raw: bytes, terms: list[str]) -> tuple[str, str]:
    """Text with escape sequences (ISO 2022), or in a one-byte character set."""
    if b"\x1b" not in raw and len(terms) > 1:
        rescued = _rescued(raw, undeclared=terms[0] in _UNDECLARED)
        if rescued is not None:
            return rescued, finding.CHARSET_RESCUED
    with quiet() as caught:
        try:
            decoded = decode_bytes(raw, convert_encodings(terms), {0x5E, 0x3D, 0x5C})
        except Exception:  # unknown terms, broken sequences
            return raw.decode("ascii", "replace"), finding.CHARSET_BROKEN
    broken = bool(caught) or "\ufffd" in decoded
    decoded = _ESCAPES.sub("", decoded)  # pydicom leaves those of GB 2312 (ISO 2022 IR 58)
    return decoded, finding.CHARSET_BROKEN if broken else ""


def _rescued(raw: bytes, *, undeclared: bool) -> str | None:
    """Read as UTF-8 or GB18030 where the bytes can hardly mean anything else.

    Where Latin-1 is declared, GB18030 needs at least two Chinese characters of GB 2312 and nothing
    else beyond ASCII: accented letters stand alone, so their bytes come in odd or short runs.
    """
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        pass
    try:
        decoded = raw.decode("gb18030")
    except UnicodeDecodeError:
        return None
    foreign = [sign for sign in decoded if ord(sign) > 127]
    if not foreign or not all(_is_hanzi(sign) for sign in foreign):
        return None
    if undeclared:
        return decoded
    runs = _HIGH_RUN.findall(raw)
    common = all(len(run) % 2 == 0 and _is_gb2312(run) for run in runs)
    return decoded if common and sum(map(len, runs)) >= 4 else None


def _is_hanzi(sign: str) -> bool:
    return (
        "\u3400" <= sign <= "\u9fff"
        or "\U00020000" <= sign <= "\U0003134f"
        or sign in "·・（），。、 "
    )


def _is_gb2312(run: bytes) -> bool:
    try:
        run.decode("gb2312")
    except UnicodeDecodeError:
        return False
    return True


def person_name(raw: str) -> str:
    """A DICOM person name as it is read aloud: the ideographic form where there is one.

    Examples
    --------
    >>> person_name("Wang^XiaoDong=王^小东=")
    '王小东'
    >>> person_name("Doe^Jane^^Dr")
    'Doe Jane Dr'
    """
    groups = [group.strip() for group in raw.split("=")]
    best = next((group for group in groups[1:2] if group), "") or next(
        (group for group in groups if group), ""
    )
    parts = [part.strip() for part in best.split("^") if part.strip()]
    chinese = any(_is_hanzi(sign) and sign != " " for sign in best)
    return ("" if chinese else " ").join(parts)


def subject(header: Header) -> Subject:
    """Who is in the picture; what is not valid is unknown and flagged."""
    sexes: dict[str, Literal["female", "male", ""]] = {"F": "female", "M": "male"}
    return Subject(
        name=person_name(words(header, "PatientName")),
        person_id=words(header, "PatientID"),
        born_on=_born_on(header),
        sex=sexes.get(text(header.dataset, "PatientSex").upper(), ""),
    )


def _born_on(header: Header) -> date | None:
    raw = _raw_text(header, "PatientBirthDate")
    if not raw:
        return None
    found = parse_date(raw)
    if found is None:
        header.remark(finding.DATE_UNKNOWN, detail="PatientBirthDate")
    return found


def _raw_text(header: Header, keyword: str) -> str:
    """Text as it stands in the file: pydicom refuses to convert what is not valid."""
    try:
        element = header.dataset.get_item(Tag(tag_for_keyword(keyword) or 0))
    except Exception:  # a deferred or broken element
        return ""
    if isinstance(element, RawDataElement):
        raw = element.value if isinstance(element.value, bytes) else b""
        return raw.decode("ascii", "replace").replace("\x00", " ").strip()
    return text(header.dataset, keyword)


def parse_date(raw: str) -> date | None:
    """A DICOM date (also with separators); `None` where it is none.

    Examples
    --------
    >>> parse_date("19560101"), parse_date("1956.01.31"), parse_date("19561301")
    (datetime.date(1956, 1, 1), datetime.date(1956, 1, 31), None)
    """
    match = _DATE.fullmatch(raw[:10].strip())
    if match is None:
        return None
    year, month, day = (int(part) for part in match.groups())
    if year < _FIRST_YEAR:
        return None
    try:
        return date(year, month, day)
    except ValueError:
        return None


def parse_time(raw: str) -> time | None:
    """A DICOM time, from hours alone to microseconds."""
    match = _TIME.fullmatch(raw.strip())
    if match is None:
        return None
    hour, minute, second = (int(part or 0) for part in match.groups()[:3])
    try:
        return time(hour, minute, min(second, 59), int((match[4] or "0").ljust(6, "0")))
    except ValueError:
        return None


def taken_at(header: Header) -> datetime | None:
    """When the picture was taken: acquisition, else content, series or study, device's clock."""
    moment = _raw_text(header, "AcquisitionDateTime")
    bad = False
    if moment:
        day = parse_date(moment[:8])
        clock = parse_time(re.split(r"[+\-&]", moment[8:])[0] or "00")
        if day and clock:
            return datetime.combine(day, clock)
        bad = True
    for day_keyword, time_keyword in _MOMENTS:
        raw = _raw_text(header, day_keyword)
        day = parse_date(raw) if raw else None
        bad = bad or (bool(raw) and day is None)
        if day:
            clock = parse_time(_raw_text(header, time_keyword) or "00")
            bad = bad or clock is None
            if bad:
                header.remark(finding.DATE_UNKNOWN, detail=day_keyword)
            return datetime.combine(day, clock or time())
    if bad:
        header.remark(finding.DATE_UNKNOWN, detail="AcquisitionDate")
    return None
