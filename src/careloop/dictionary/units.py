"""Units: UCUM checked by `ucumvert`, factors from `pint`, once per pair and never per value.

Both libraries take about a second to start, so they are imported by the first unit that is not
already known to be valid (`_PROVEN`, which a test holds against `ucumvert`) and by the first real
conversion.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from careloop.error import ConfigError

_PROVEN = frozenset(
    [
        "1", "%", "/min", "{count}", "10*12/L", "10*9/L", "10*3/uL", "10*6/uL", "Cel", "U/L",
        "[IU]/L", "u[IU]/mL", "m[IU]/L", "k[IU]/L", "a", "mo", "wk", "d", "h", "min", "s", "cm",
        "m", "mm", "[in_i]", "[ft_i]", "kg", "g", "[lb_av]", "500.g", "fL", "pg", "g/L", "g/dL",
        "g/cm2", "g/d", "kPa", "kg/m2", "m/s", "mL/min", "mL/min/{1.73_m2}", "meq/L", "mg/L",
        "mg/cm3", "mg/d", "mg/dL", "min/d", "mm/h", "mm[Hg]", "mmol/L", "mmol/d", "mmol/mol",
        "ng/L", "ng/dL", "ng/mL", "nmol/L", "pg/mL", "pmol/L", "ug/L", "ug/dL", "ug/mL", "umol/L",
        "{T-score}", "{Z-score}", "{score}", "{cigarettes}/d", "{units}/d",
        "mL/d", "g/kg/d", "[IU]/d", "min/wk",
        "mm2", "mm3", "mm4", "cm2", "cm3", "cm4", "deg", "{grey}", "{grey}/mm",
    ]
)  # fmt: skip
_ANNOTATION = re.compile(r"\{[^{}]*\}")
_MONSTROUS = re.compile(r"\d{7,}|\*[+-]?\d{3,}|[A-Za-z\])][+-]?\d{2,}")  # 10*99999999, kg99
_ARBITRARY = re.compile(r"\[(?:IU|iU)\]")
_LONGEST = 60  # characters; no unit is longer, and cells can hold anything
_REMEMBERED = 4096  # answers kept; a file holds few units, but its noise has no end


@dataclass(frozen=True, slots=True)
class Conversion:
    """`value * factor + offset` turns a value of one unit into another's."""

    factor: float
    offset: float = 0.0

    def __call__(self, value: float) -> float:
        """Return the value in the target unit."""
        return value * self.factor + self.offset

    @property
    def changes_nothing(self) -> bool:
        """True where both units are the same."""
        return self.factor == 1.0 and self.offset == 0.0


def check_unit(ucum: str, *, where: str) -> None:
    """Refuse a unit that is not UCUM.

    Raises
    ------
    ConfigError
        Naming `where` and the unit; it proposes the UCUM spelling where one is known.
    """
    if not is_ucum(ucum):
        meant = parse_unit(ucum)
        raise ConfigError(
            f"{_short(ucum)!r} is not a UCUM unit",
            where=where,
            remedy=f"write {meant!r}" if meant else "see ucum.org; `1` for a plain number",
        )


def is_ucum(text: str) -> bool:
    """Whether `text` is a valid, case-sensitive UCUM expression."""
    if text in _PROVEN:
        return True
    if not 0 < len(text) <= _LONGEST or not text.isascii():
        return False
    return not _MONSTROUS.search(_ANNOTATION.sub("", text)) and _parses(text)


@lru_cache(maxsize=_REMEMBERED)
def _parses(text: str) -> bool:
    from lark.exceptions import LarkError  # noqa: PLC0415 - slow to import
    from pint.errors import PintError  # noqa: PLC0415 - slow to import

    try:
        _registry().from_ucum(text)
    except (LarkError, PintError):
        return False
    return True


@lru_cache(maxsize=_REMEMBERED)
def conversion(
    from_unit: str,
    to_unit: str,
    *,
    molar_mass_g_mol: float | None = None,
    international_units_per_ug: float | None = None,
) -> Conversion:
    """Find the conversion between two UCUM units of one quantity.

    Mass becomes amount of substance (mg/dL to mmol/L) through `molar_mass_g_mol`, and international
    units become mass through `international_units_per_ug`. [IU] and U count as one another in an
    activity of an enzyme, as laboratories write them. Milliequivalents become millimoles only for
    ions of one charge, which carry no molar mass in the dictionary.

    Raises
    ------
    ConfigError
        A unit is not UCUM, the two measure different things, or the mass that ties them is unknown.

    Examples
    --------
    >>> round(conversion("mg/dL", "umol/L", molar_mass_g_mol=113.12)(1), 1)
    88.4
    >>> conversion("[in_i]", "cm")(10)
    25.4
    """
    if from_unit == to_unit:
        return Conversion(1.0)
    for unit in (from_unit, to_unit):
        check_unit(unit, where=f"{_short(from_unit)} → {_short(to_unit)}")
    _check_meaning(from_unit, to_unit, charged=molar_mass_g_mol is not None)
    tie = _arbitrary(from_unit, to_unit, international_units_per_ug)
    try:
        found = _change(_quantity(from_unit), _quantity(to_unit), tie, molar_mass_g_mol)
    except ArithmeticError:  # a unit such as 10*99.10*99.10*99.10*99
        found = None
    if isinstance(found, str):
        remedy = "set molar_mass_g_mol" if "molar" in found else "mend the unit or the variable"
        raise _refusal(from_unit, to_unit, found, remedy)
    if found is None or not 0 < found.factor < math.inf:
        raise _refusal(from_unit, to_unit, "there is no such factor", "check the unit")
    return found


def _change(source: Any, target: Any, tie: Any, molar_mass_g_mol: float | None) -> Conversion | str:
    """Compute the conversion of two quantities, or say why there is none."""
    if str(source.dimensionality) == str(target.dimensionality) == "[temperature]":
        quantity = type(source)
        zero, far = (quantity(n, source.units).to(target.units).magnitude for n in (0.0, 1e4))
        return Conversion(_clean((far - zero) / 1e4), _clean(zero))
    ratio = source * tie / target
    if not ratio.dimensionless and molar_mass_g_mol is not None:
        molar_mass = molar_mass_g_mol * _quantity("g/mol")
        ratio = min(ratio / molar_mass, ratio * molar_mass, key=lambda tied: not tied.dimensionless)
    if ratio.dimensionless:
        return Conversion(_clean(ratio.to_base_units().magnitude))
    molar = ratio.check("[mass]/[substance]") or ratio.check("[substance]/[mass]")
    return "the molar mass is not known" if molar else "they measure different things"


def _clean(number: float) -> float:
    """Drop the last digits, which arithmetic leaves untrue (0.45359237000000001)."""
    return float(f"{number:.13g}")


def _check_meaning(from_unit: str, to_unit: str, *, charged: bool) -> None:
    """Refuse what dimensions alone would let through."""
    meant = _ANNOTATION.findall(from_unit), _ANNOTATION.findall(to_unit)
    bare = {_ANNOTATION.sub("", unit) or "1" for unit in (from_unit, to_unit)}
    if meant[0] and meant[1] and meant[0] != meant[1]:
        raise _refusal(from_unit, to_unit, "they count different things", "check the variable")
    if "{1.73_m2}" in meant[0] and not meant[1]:
        raise _refusal(
            from_unit,
            to_unit,
            "a rate per 1.73 m² is not an absolute rate",
            "map it to the eGFR variable; drug labels want the creatinine clearance",
        )
    if any(_ANNOTATION.fullmatch(unit) for unit in (from_unit, to_unit)) and len(bare) > 1:
        raise _refusal(from_unit, to_unit, "one counts, the other measures", "check the unit")
    if {from_unit, to_unit} == {"mmol/mol", "%"}:
        raise _refusal(
            from_unit,
            to_unit,
            "for haemoglobin A1c these are two scales, not ten to one",
            "map mmol/mol to hba1c_mmol_mol; hba1c_pct follows from it",
        )
    if charged and ("eq" in from_unit) != ("eq" in to_unit):
        raise _refusal(
            from_unit,
            to_unit,
            "an equivalent depends on the ion's charge",
            "convert to mmol/L before import (calcium, magnesium: half of mEq/L)",
        )


def _arbitrary(from_unit: str, to_unit: str, international_units_per_ug: float | None) -> Any:
    """Build what ties [IU] to U or to mass, where only one of the two units is in [IU]."""
    arbitrary = bool(_ARBITRARY.search(from_unit)), bool(_ARBITRARY.search(to_unit))
    if arbitrary[0] == arbitrary[1]:
        return _quantity("1")
    tie = _quantity("U") / _quantity("[IU]")
    if international_units_per_ug is not None:
        tie = _quantity("ug") / _quantity("[IU]") / international_units_per_ug
    return tie if arbitrary[0] else 1 / tie


def _refusal(from_unit: str, to_unit: str, why: str, remedy: str) -> ConfigError:
    return ConfigError(f"{from_unit!r} cannot become {to_unit!r}: {why}", remedy=remedy)


@cache
def _registry() -> Any:
    from ucumvert import PintUcumRegistry  # noqa: PLC0415 - takes a second to start

    return PintUcumRegistry()


def _quantity(unit: str) -> Any:
    return _registry().from_ucum("1" if _ANNOTATION.fullmatch(unit) else unit)


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"


# What people and machines write, in lower case and without spaces, for a whole unit …
_WHOLE = {
    "mmhg": "mm[Hg]",
    "mm[hg]": "mm[Hg]",
    "毫米汞柱": "mm[Hg]",
    "kpa": "kPa",
    "℃": "Cel",
    "°c": "Cel",
    "摄氏度": "Cel",
    "cel": "Cel",
    "degc": "Cel",
    "°f": "[degF]",
    "degf": "[degF]",
    "华氏度": "[degF]",
    "%": "%",
    "％": "%",
    "percent": "%",
    "t-score": "{T-score}",
    "tscore": "{T-score}",
    "t值": "{T-score}",
    "z-score": "{Z-score}",
    "zscore": "{Z-score}",
    "z值": "{Z-score}",
    "score": "{score}",
    "points": "{score}",
    "point": "{score}",
    "分": "{score}",
    "次": "1",
    "count": "1",
    "times": "1",
    "支/天": "{cigarettes}/d",
    "支/日": "{cigarettes}/d",
    "cigarettes/day": "{cigarettes}/d",
    "cigarettes/d": "{cigarettes}/d",
    "units/day": "{units}/d",
    "units/d": "{units}/d",
    "单位/天": "{units}/d",
    "单位/日": "{units}/d",
    "bpm": "/min",
    "次/分": "/min",
    "次/分钟": "/min",
    "次/min": "/min",
    "beats/min": "/min",
}
# … and for its parts, joined by `/`.
_PART = {
    **dict.fromkeys(("kg", "kgs", "kilogram", "kilograms", "公斤", "千克"), "kg"),
    **dict.fromkeys(("斤", "市斤"), "500.g"),
    **dict.fromkeys(("g", "gm", "gram", "grams", "克"), "g"),
    **dict.fromkeys(("mg", "毫克"), "mg"),
    **dict.fromkeys(("ug", "mcg", "微克"), "ug"),
    **dict.fromkeys(("ng", "纳克"), "ng"),
    **dict.fromkeys(("pg", "皮克"), "pg"),
    **dict.fromkeys(("lb", "lbs", "pound", "pounds", "磅", "[lb_av]"), "[lb_av]"),
    **dict.fromkeys(("oz", "ounce", "ounces", "[oz_av]"), "[oz_av]"),
    **dict.fromkeys(("st", "stone", "[stone_av]"), "[stone_av]"),
    **dict.fromkeys(("m", "meter", "metre", "meters", "metres", "米"), "m"),
    **dict.fromkeys(("cm", "厘米", "公分"), "cm"),
    **dict.fromkeys(("mm", "毫米"), "mm"),
    **dict.fromkeys(("in", "inch", "inches", '"', "″", "英寸", "[in_i]", "[in_us]"), "[in_i]"),
    **dict.fromkeys(("ft", "foot", "feet", "′", "英尺", "[ft_i]"), "[ft_i]"),
    **dict.fromkeys(("m2", "平方米"), "m2"),
    **dict.fromkeys(("cm2", "平方厘米"), "cm2"),
    **dict.fromkeys(("cm3", "cc", "立方厘米"), "cm3"),
    **dict.fromkeys(("l", "liter", "litre", "升"), "L"),
    **dict.fromkeys(("dl", "分升"), "dL"),
    **dict.fromkeys(("ml", "毫升"), "mL"),
    **dict.fromkeys(("ul", "微升"), "uL"),
    "fl": "fL",
    **dict.fromkeys(("mol", "摩尔"), "mol"),
    **dict.fromkeys(("mmol", "毫摩尔"), "mmol"),
    **dict.fromkeys(("umol", "微摩尔"), "umol"),
    "nmol": "nmol",
    "pmol": "pmol",
    "meq": "meq",
    **dict.fromkeys(("u", "enzymeunit"), "U"),
    **dict.fromkeys(("iu", "[iu]", "国际单位"), "[IU]"),
    **dict.fromkeys(("miu", "m[iu]", "mu"), "m[IU]"),
    **dict.fromkeys(("uiu", "u[iu]", "uu"), "u[IU]"),
    **dict.fromkeys(("kiu", "k[iu]", "ku"), "k[IU]"),
    **dict.fromkeys(("a", "y", "yr", "yrs", "year", "years", "岁", "周岁", "年"), "a"),
    **dict.fromkeys(("mo", "month", "months", "月", "个月"), "mo"),
    **dict.fromkeys(("wk", "week", "weeks", "周"), "wk"),
    **dict.fromkeys(("d", "day", "days", "天", "日", "24h"), "d"),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours", "小时", "1h"), "h"),
    **dict.fromkeys(("min", "mins", "minute", "minutes", "分钟", "分"), "min"),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds", "秒"), "s"),
    "10*3": "10*3",
    "10*6": "10*6",
    "10*9": "10*9",
    "10*12": "10*12",
    "1": "1",
}
_SUPERSCRIPT = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")
_WIDE = str.maketrans("／（）％．＊", "/()%.*")


def parse_unit(text: str) -> str | None:
    """Read what people and machines write for a unit, as UCUM; None where it is not understood.

    Case, spaces, Chinese names, `µ`, `²`, `^2` and full-width signs are understood. A unit that is
    valid UCUM as it stands stays as it is. 斤 is 500 g.

    Examples
    --------
    >>> [parse_unit(text) for text in ("公斤", "KG", "g/cm²", "μmol/L", "IU/L", "岁", "banana")]
    ['kg', 'kg', 'g/cm2', 'umol/L', '[IU]/L', 'a', None]
    """
    text = text.strip() if len(text) <= 2 * _LONGEST else ""
    if not text or len(text) > _LONGEST:
        return None
    return text if text in _PROVEN else _understand(text)


@lru_cache(maxsize=_REMEMBERED)
def _understand(text: str) -> str | None:
    plain = _plain(text)
    if plain in _WHOLE:
        return _WHOLE[plain]
    rated = re.sub(r"/\{?1\.73_?(m2|sqm)\}?$", "", plain)
    parts = [_PART.get(part) for part in rated.split("/")]
    if all(parts):
        unit = "/".join(part for part in parts if part)
        return unit + "/{1.73_m2}" if rated != plain else unit
    if rated.startswith("/") and _PART.get(rated[1:]):
        return f"/{_PART[rated[1:]]}"
    return text if _looks_like_ucum(text) and is_ucum(text) else None


def _plain(text: str) -> str:
    """Lower case, no spaces, ASCII signs: `× 10⁹／L` becomes `10*9/l`."""
    text = re.sub(r"10([⁰¹²³⁴⁵⁶⁷⁸⁹]+)", r"10*\1", text).translate(_SUPERSCRIPT).translate(_WIDE)
    text = text.replace("㎡", "m2").replace("㎏", "kg").replace("㎝", "cm").replace("㎜", "mm")
    text = re.sub(r"\s+per\s+", "/", text, flags=re.IGNORECASE)
    text = re.sub(r"\s+", "", text).lower().replace("µ", "u").replace("μ", "u")
    text = re.sub(r"^[x×*](?=10)", "", text)
    text = re.sub(r"10(?:\^|\*\*|e)(\d+)", r"10*\1", text).replace("^", "").replace("**", "")
    return re.sub(r"^\((.*)\)$", r"\1", text)


def _looks_like_ucum(text: str) -> bool:
    """Worth the second that the UCUM parser needs to start."""
    return bool(re.search(r"[\[{/*.]|^[A-Za-z%]{1,5}\d?$", text))
