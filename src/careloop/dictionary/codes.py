"""Public code systems: their URIs and editions, and whether a code can exist at all.

A code that fails here is wrong for certain; one that passes may still be wrong, which is why the
dictionary also marks codes that nobody has confirmed.

**Reference.** LOINC Users' Guide, appendix "Calculating mod 10 check digits" (Luhn). SNOMED CT
Technical Implementation Guide, "Check-digit" (Verhoeff's dihedral scheme, 1969). WHO ICD-10 Volume
2. WHO Collaborating Centre, Guidelines for ATC classification.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from careloop.dictionary.variable import Code
from careloop.error import ConfigError


@dataclass(frozen=True, slots=True)
class System:
    """A code system: `uri` as FHIR writes it, `edition` that the dictionary follows."""

    key: str
    uri: str
    title: str
    edition: str
    aliases: tuple[str, ...] = field(default=())
    hierarchical: bool = False
    """True where a code stands for everything below it and the hierarchy is in its spelling."""


SYSTEMS: dict[str, System] = {
    system.key: system
    for system in (
        System("loinc", "http://loinc.org", "LOINC", "2.82", ("2.16.840.1.113883.6.1",)),
        System(
            "snomed",
            "http://snomed.info/sct",
            "SNOMED CT",
            "International Edition; licence of the site's country applies",
            ("2.16.840.1.113883.6.96",),
        ),
        System(
            "icd10",
            "http://hl7.org/fhir/sid/icd-10",
            "ICD-10 (WHO)",
            "WHO 2019; China's GB/T 14396 follows it",
            ("2.16.840.1.113883.6.3", "http://id.who.int/icd/release/10"),
            hierarchical=True,
        ),
        System(
            "icd10cm",
            "http://hl7.org/fhir/sid/icd-10-cm",
            "ICD-10-CM (United States)",
            "FY2025",
            ("2.16.840.1.113883.6.90",),
            hierarchical=True,
        ),
        System(
            "atc",
            "http://www.whocc.no/atc",
            "WHO ATC",
            "2026",
            ("2.16.840.1.113883.6.73", "https://www.whocc.no/atc_ddd_index"),
            hierarchical=True,
        ),
        System(
            "rxnorm",
            "http://www.nlm.nih.gov/research/umls/rxnorm",
            "RxNorm",
            "as sent",
            ("2.16.840.1.113883.6.88",),
        ),
        System(
            "ibsi",
            "urn:oid:1.2.840.10008.2.16.13",  # as DICOM PS3.16 registers it
            "IBSI",
            "IBSI-1 reference manual, arXiv:1612.07003v11",
            ("https://theibsi.github.io",),
        ),
        System("careloop", "urn:careloop:variable", "careloop variable", "this dictionary"),
    )
}


def _bare(uri: str) -> str:
    """Strip a URI of scheme, `www.`, `urn:oid:`, version and trailing slash, lower its case."""
    bare = uri.strip().lower().split("|", 1)[0].rstrip("/")
    return re.sub(r"^(urn:oid:|https?://(www\.)?)", "", bare)


_BY_URI = {
    _bare(uri): system.key
    for system in SYSTEMS.values()
    for uri in (system.uri, *system.aliases, system.key)
}


def system_of_uri(uri: str | None) -> str | None:
    """Find the key of the system that a sender's URI, OID or key names; None for one not known.

    Examples
    --------
    >>> system_of_uri("http://loinc.org/"), system_of_uri("urn:oid:2.16.840.1.113883.6.90")
    ('loinc', 'icd10cm')
    >>> system_of_uri("http://snomed.info/sct/900000000000207008/version/20240101")
    'snomed'
    """
    if not uri:
        return None
    bare = _bare(uri)
    for versioned in ("snomed.info/sct", "id.who.int/icd/release/10"):
        if bare.startswith(versioned + "/"):
            bare = versioned
    return _BY_URI.get(bare)


def loinc_check_digit(stem: str) -> int:
    """Compute the mod-10 (Luhn) check digit of the part of a LOINC code before its hyphen.

    >>> loinc_check_digit("38263")
    0
    """
    total = 0
    for place, digit in enumerate(reversed(stem)):
        doubled = int(digit) * (2 if place % 2 == 0 else 1)
        total += doubled - 9 if doubled > 9 else doubled
    return -total % 10


def is_valid_loinc(code: str) -> bool:
    """Whether `code` is a LOINC code with a right check digit (38263-0 is, 38263-4 is not)."""
    match = re.fullmatch(r"([1-9]\d{0,6})-(\d)", code, re.ASCII)
    return match is not None and loinc_check_digit(match[1]) == int(match[2])


def _verhoeff_multiplication() -> tuple[tuple[int, ...], ...]:
    """Cayley table of the dihedral group D5: 0-4 are rotations, 5-9 reflections."""

    def product(a: int, b: int) -> int:
        rotation, flips = a % 5, a >= 5
        turned = (rotation - b % 5 if flips else rotation + b % 5) % 5
        return turned + 5 * (flips != (b >= 5))

    return tuple(tuple(product(a, b) for b in range(10)) for a in range(10))


_MULTIPLY = _verhoeff_multiplication()
_PERMUTE = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)  # Verhoeff's permutation, applied once a place


def is_valid_snomed(code: str) -> bool:
    """Whether `code` is a SNOMED CT identifier (6 to 18 digits) with a right Verhoeff digit."""
    if not re.fullmatch(r"[1-9]\d{5,17}", code, re.ASCII):
        return False
    check = 0
    for place, digit in enumerate(reversed(code)):
        moved = int(digit)
        for _ in range(place % 8):
            moved = _PERMUTE[moved]
        check = _MULTIPLY[check][moved]
    return check == 0


_ICD10 = re.compile(r"[A-Z]\d\d(\.\d{1,2})?", re.ASCII)
_ICD10CM = re.compile(r"[A-Z]\d[0-9AB](\.[0-9A-Z]{1,4})?", re.ASCII)
_BLOCK = re.compile(r"([A-Z])(\d\d)-([A-Z])(\d\d)", re.ASCII)
_ATC = re.compile(r"[A-DGHJ-NPRSV](\d\d([A-Z]([A-Z](\d\d)?)?)?)?", re.ASCII)


def is_valid_icd10(code: str) -> bool:
    """Whether `code` is spelled like ICD-10 of WHO: a category, subcategory or block.

    >>> [is_valid_icd10(code) for code in ("M80", "M80.0", "C00-C97", "M80.00XA", "M800")]
    [True, True, True, False, False]
    """
    return bool(_ICD10.fullmatch(code)) or _is_block(code)


def is_valid_icd10cm(code: str) -> bool:
    """Whether `code` is spelled like ICD-10-CM (up to four characters after the dot) or a block."""
    return bool(_ICD10CM.fullmatch(code)) or _is_block(code)


def is_valid_atc(code: str) -> bool:
    """Whether `code` is spelled like ATC at any of its levels: A, A02, A02B, A02BC, A02BC01."""
    return bool(_ATC.fullmatch(code))


def _is_block(code: str) -> bool:
    match = _BLOCK.fullmatch(code)
    return match is not None and (match[1], match[2]) < (match[3], match[4])


_CHECKS: dict[str, tuple[Callable[[str], bool], str]] = {
    "loinc": (is_valid_loinc, "look the term up at loinc.org; its last digit checks the others"),
    "snomed": (is_valid_snomed, "look the concept up in a SNOMED CT browser"),
    "icd10": (is_valid_icd10, "ICD-10 of WHO reads like M80.0; longer codes are ICD-10-CM"),
    "icd10cm": (is_valid_icd10cm, "ICD-10-CM reads like M80.051A"),
    "atc": (is_valid_atc, "ATC reads like M05BA04, or its beginning at a level"),
    "rxnorm": (lambda code: bool(re.fullmatch(r"[1-9]\d{0,7}", code, re.ASCII)), "digits only"),
    "ibsi": (
        lambda code: bool(re.fullmatch(r"[0-9A-Z]{4,5}", code, re.ASCII)),
        "four letters or digits, from the IBSI manual",
    ),
    "careloop": (lambda code: bool(re.fullmatch(r"[a-z][a-z0-9_]*", code)), "a variable's key"),
}


def check_code(code: Code, *, where: str) -> None:
    """Refuse a code that cannot exist in its system.

    Raises
    ------
    ConfigError
        Naming `where`, the code and the rule it breaks.
    """
    if code.system not in SYSTEMS:
        raise ConfigError(
            f"no code system {code.system!r}", where=where, remedy=f"one of {', '.join(SYSTEMS)}"
        )
    valid, remedy = _CHECKS[code.system]
    if not valid(code.code):
        title = SYSTEMS[code.system].title
        raise ConfigError(f"{code.code!r} is not a {title} code", where=where, remedy=remedy)


def ancestors(system: str, code: str) -> Iterator[str]:
    """Yield the code itself, then whatever stands above it by its spelling, nearest first.

    ICD codes are read with or without their dot, in any case, with any national extension
    (`M80.800x011`); codes of systems whose spelling has no hierarchy stand alone.

    >>> list(ancestors("icd10", "m800"))
    ['M80.0', 'M80']
    >>> list(ancestors("atc", "H02AB06"))
    ['H02AB06', 'H02AB', 'H02A', 'H02', 'H']
    """
    text = code.strip()
    if system in ("icd10", "icd10cm"):
        letters = re.sub(r"[^A-Z0-9]", "", text.upper())
        for length in range(len(letters), 2, -1):
            yield letters[:3] + ("." + letters[3:length] if length > 3 else "")
    elif system == "atc":
        letters = text.upper()
        for length in sorted({len(letters), 7, 5, 4, 3, 1}, reverse=True):
            if 0 < length <= len(letters):
                yield letters[:length]
    else:
        yield text


def members(system: str, code: str) -> list[str]:
    """List the categories that a block such as `C00-C97` holds; any other code holds itself.

    >>> members("icd10", "E40-E42")
    ['E40', 'E41', 'E42']
    """
    match = _BLOCK.fullmatch(code) if system in ("icd10", "icd10cm") else None
    if not match:
        return [code]
    first, last = (
        ord(match[1]) * 100 + int(match[2]),
        ord(match[3]) * 100 + int(match[4]),
    )
    return [f"{chr(number // 100)}{number % 100:02d}" for number in range(first, last + 1)]
