"""What stands in for a value: dummies, keyed identifiers, shifted dates."""

from __future__ import annotations

import hashlib
import hmac
import re
import uuid
from datetime import timedelta
from typing import Any

from careloop.imaging.reading.dicom.person import parse_date

_STANDARD = "1.2.840.10008."
_MOST_DAYS = 3650
_DUMMY: dict[str, Any] = {
    "AE": "ANONYMIZED",
    "AS": "000Y",
    "CS": "ANONYMIZED",
    "DA": "19000101",
    "DT": "19000101000000",
    "TM": "000000",
    "DS": "0",
    "IS": "0",
    "PN": "ANONYMIZED",
    "OB": b"\x00\x00",
    "OW": b"\x00\x00",
    "OD": bytes(8),
    "OF": bytes(4),
    "OL": bytes(4),
    "OV": bytes(8),
    "UN": b"\x00\x00",
    "AT": 0,
    **dict.fromkeys(("LO", "LT", "SH", "ST", "UC", "UR", "UT"), "ANONYMIZED"),
    **dict.fromkeys(("US", "SS", "UL", "SL", "UV", "SV"), 0),
    **dict.fromkeys(("FL", "FD"), 0.0),
}


def dummy(vr: str) -> Any:
    """A value that is valid for a VR and says nothing."""
    return _DUMMY.get(vr.split(" ", maxsplit=1)[0], "")


def keyed(key: bytes, purpose: str, value: str) -> bytes:
    """A keyed hash (HMAC-SHA256): the same for the same value, secret without the key."""
    return hmac.new(key, f"{purpose}\x00{value}".encode(), hashlib.sha256).digest()


def new_uid(key: bytes, uid: str) -> str:
    """The UID that stands for another, under the root 2.25 (PS3.5 B.2); standard ones stay.

    Examples
    --------
    >>> new_uid(b"k" * 16, "1.2.840.10008.1.2")
    '1.2.840.10008.1.2'
    >>> new_uid(b"k" * 16, "1.2.3") == new_uid(b"k" * 16, "1.2.3") != new_uid(b"j" * 16, "1.2.3")
    True
    """
    if not uid or uid.startswith(_STANDARD):
        return uid
    return f"2.25.{uuid.UUID(bytes=keyed(key, 'uid', uid)[:16], version=4).int}"


def pseudonym(key: bytes, person_id: str) -> str:
    """A name for a person that links their files and nothing else."""
    return f"ANON-{keyed(key, 'person', person_id).hex()[:12].upper()}"


def shift_days(key: bytes, person_id: str) -> int:
    """By how many days a person's dates move back: the same in all their files, 1 to 3,650."""
    return -(1 + int.from_bytes(keyed(key, "days", person_id)[:8], "big") % _MOST_DAYS)


def shifted(value: str, days: int) -> str:
    """A DA or DT value moved by whole days; empty where it is no date.

    Examples
    --------
    >>> shifted("20200301", -1), shifted("20200301101500.5+0800", -1), shifted("2020", -1)
    ('20200229', '20200229101500.5+0800', '')
    """
    day = parse_date(value[:8])
    if day is None or not re.fullmatch(r"[\d.+\-&]*", value):
        return ""
    try:
        return f"{day + timedelta(days=days):%Y%m%d}{value[8:]}"
    except OverflowError:
        return ""
