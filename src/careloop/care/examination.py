"""An examination entered by hand: sites with their values, devices, references, and what fits.

A programme declares it in TOML; units, ranges and words of the values are those of the dictionary::

    key = "dxa"
    label = { zh = "骨密度检查", en = "bone density" }
    t_off_by = 0.15        # a printed score may differ so much from the one computed

    [[device]]
    key = "hologic"
    label = { zh = "Hologic", en = "Hologic" }

    [[limb]]
    key = "forearm"
    label = { zh = "前臂测量侧", en = "Forearm measured" }

    [[site]]
    key = "radius_33"
    label = { zh = "桡骨远端1/3", en = "1/3 radius" }
    values = ["bmd_radius_33_g_cm2", "t_radius_33", "z_radius_33"]
    limb = "forearm"       # left or right is asked once for all sites of a limb
    near = true            # what a village has the device for: asked first there
    more = true            # closed until somebody opens it

Each value is kept with its qualifiers (device, reference database, side), as sources do.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from typing import Any

from careloop.dictionary.catalogue import Dictionary
from careloop.dictionary.variable import Text, Variable
from careloop.error import ConfigError

SIDES: dict[str, Text] = {"left": Text("左", "left"), "right": Text("右", "right")}


@dataclass(frozen=True, slots=True)
class Site:
    """A place that is measured, and the variables of its values in the order they are printed."""

    key: str
    label: Text
    values: tuple[Variable, ...]
    limb: str = ""
    near: bool = False
    more: bool = False


@dataclass(frozen=True, slots=True)
class Standard:
    """How a score follows from a measurement by one reference: (value − mean) / sd."""

    reference: str
    device: str  # "" where the reference does not name one
    sex: str  # "female", "male" or "both"
    measured: str
    score: str
    mean: float
    sd: float
    unconfirmed: bool


@dataclass(frozen=True, slots=True)
class Doubt:
    """Something about entered values that may be a slip; `variable` is the field it stands at."""

    variable: str
    text: Text


@dataclass(frozen=True, slots=True)
class Examination:
    """What is entered at an examination."""

    key: str
    label: Text
    sites: tuple[Site, ...]
    limbs: Mapping[str, Text]
    devices: Mapping[str, Text]
    references: Mapping[str, Text]
    standards: tuple[Standard, ...]
    t_off_by: float

    def ordered(self, *, near: bool) -> tuple[Site, ...]:
        """The sites; where `near`, those first that a village has the device for."""
        if not near:
            return self.sites
        first = tuple(each for each in self.sites if each.near)
        return first + tuple(each for each in self.sites if not each.near)

    def variables(self) -> dict[str, Site]:
        """Every variable with its site."""
        return {one.key: site for site in self.sites for one in site.values}

    def made_for(self, reference: str) -> frozenset[str]:
        """The devices on whose scale a reference was made; empty where it does not say."""
        return frozenset(
            each.device for each in self.standards if each.reference == reference and each.device
        )

    def doubts(
        self, values: Mapping[str, float], *, device: str, reference: str, sex: str
    ) -> list[Doubt]:
        """What does not fit together; never a reason to refuse.

        Parameters
        ----------
        values
            Numbers by variable.
        device, reference, sex
            Keys as kept beside the values; "" where not known.
        """
        found = []
        scales = self.made_for(reference)
        if device and scales and device not in scales:
            name = self.references[reference]
            others = " / ".join(sorted(self.devices[each].en for each in scales))
            found.append(
                Doubt(
                    "reference_db",
                    Text(
                        f"“{name.zh}”是按 {others} 设备建立的，与所选设备不同，请核对报告",
                        f"“{name.en}” was made on {others}, not on this device: check the report",
                    ),
                )
            )
        for each in self._of(device, reference, sex):
            found += self._off(each, values)
        return found

    def compared(
        self, values: Mapping[str, float], *, device: str, reference: str, sex: str
    ) -> frozenset[str]:
        """The scores that `doubts` compares with their measurement."""
        return frozenset(
            each.score
            for each in self._of(device, reference, sex)
            if each.measured in values and each.score in values
        )

    def _of(self, device: str, reference: str, sex: str) -> list[Standard]:
        """The standards that hold for a person on a device by a reference."""
        return [
            each
            for each in self.standards
            if each.reference == reference
            and each.sex in ("both", sex)
            and not (device and each.device and each.device != device)
        ]

    def _off(self, each: Standard, values: Mapping[str, float]) -> list[Doubt]:
        measured, score = values.get(each.measured), values.get(each.score)
        if measured is None or score is None:
            return []
        due = (measured - each.mean) / each.sd
        if abs(due - score) <= self.t_off_by + 1e-9:
            return []
        shown, told = f"{due:.1f}".replace("-", "−"), f"{score:g}".replace("-", "−")
        zh = f"按所选参考数据库，该骨密度对应的 T 值约为 {shown}，现填 {told}，请对照报告核对"
        en = f"by this reference the BMD gives a T-score of about {shown}, not {told}: check it"
        if abs(due + score) <= self.t_off_by + 1e-9:
            zh += "（是否漏写负号？）"
            en += " (a minus sign left out?)"
        return [Doubt(each.score, Text(zh, en))]


def qualifiers(
    variable: Variable, *, device: str = "", reference: str = "", side: str = ""
) -> str | None:
    """The qualifiers that a variable keeps, as the context of a fact.

    Examples
    --------
    >>> from careloop.dictionary.catalogue import load
    >>> qualifiers(load()["t_total_hip"], device="hologic", side="left")
    '{"device": "hologic", "side": "left"}'
    >>> qualifiers(load()["bmc_l1_g"], reference="ge_lunar_v113") is None
    True
    """
    told = {"device": device, "reference_db": reference, "side": side}
    kept = {name: text for name, text in told.items() if text and name in variable.context}
    return json.dumps(kept, ensure_ascii=False, sort_keys=True) if kept else None


def read_examination(
    file: Traversable,
    dictionary: Dictionary,
    *,
    references: Mapping[str, Text],
    standards: tuple[Standard, ...],
) -> Examination:
    """Read a programme's examination.

    Raises
    ------
    ConfigError
        Naming file, site and fault.
    """
    content = tomllib.loads(file.read_text(encoding="utf-8"))
    try:
        made = Examination(
            key=content["key"],
            label=Text(**content["label"]),
            sites=tuple(_site(table, dictionary, file.name) for table in content["site"]),
            limbs={each["key"]: Text(**each["label"]) for each in content.get("limb", ())},
            devices={each["key"]: Text(**each["label"]) for each in content["device"]},
            references=references,
            standards=standards,
            t_off_by=float(content["t_off_by"]),
        )
    except (KeyError, TypeError) as error:
        raise ConfigError(f"{error}", where=file.name, remedy="add what is missing") from None
    keys = [one.key for site in made.sites for one in site.values]
    if twice := {key for key in keys if keys.count(key) > 1}:
        raise ConfigError(f"asked twice: {sorted(twice)}", where=file.name, remedy="keep one")
    if strange := {site.limb for site in made.sites} - {"", *made.limbs}:
        raise ConfigError(f"no limb {sorted(strange)}", where=file.name, remedy="declare it")
    return made


def _site(table: dict[str, Any], dictionary: Dictionary, file: str) -> Site:
    label, values = Text(**table.pop("label")), table.pop("values")
    variables = tuple(dictionary[key] for key in values)
    if any(variable.kind != "number" for variable in variables):
        raise ConfigError("only numbers", where=f"{file} site {table.get('key')}", remedy="mend it")
    return Site(label=label, values=variables, **table)
