"""What a clinical variable is: the one declaration everything else is derived from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["number", "boolean", "code", "date", "text"]
"""number: float in `unit`; boolean; code: one of `values`; date; text: free, often identifying."""

Memory = Literal["latest", "ever", "period"]
"""How a snapshot remembers a variable.

latest: the newest value counts. ever: once yes, yes for good (a past fracture). period: yes from
its start until its end or a later no (a drug, a current disease).
"""


@dataclass(frozen=True, slots=True)
class Text:
    """A short text in both languages of the site."""

    zh: str
    en: str

    def __getitem__(self, language: str) -> str:
        return self.zh if language.startswith("zh") else self.en


@dataclass(frozen=True, slots=True)
class Code:
    """A term of a public code system. `system` is a key of `codes.SYSTEMS`."""

    system: str
    code: str
    display: str = ""
    unconfirmed: bool = False
    qualifier: str = ""
    """What the sender must also say (a body site) before this code means the variable."""


@dataclass(frozen=True, slots=True)
class Variable:
    """One clinical variable.

    `low` and `high` bound what is plausible in `unit`: a value outside is not taken but reported.
    `derive` is a SQL condition or formula over other variables, used where no value was recorded;
    for a variable remembered for ever, a derived yes also outweighs a recorded no (a hip fracture
    of 2020 is not hidden by "no fracture" of 2018).
    `unknown` says in words what absence means for this variable; it never means no.
    """

    key: str
    kind: Kind
    label: Text
    group: str
    unit: str = ""
    low: float | None = None
    high: float | None = None
    values: Mapping[str, Text] = field(default_factory=dict)
    value_codes: Mapping[str, str] = field(default_factory=dict)
    """`"system|code"` of an answer → the value it means (`"snomed|8517006"` → `"former"`).

    For a boolean the values are `"true"` and `"false"`.
    """
    codes: tuple[Code, ...] = ()
    memory: Memory = "latest"
    sex: Literal["female", "male"] | None = None
    derive: str = ""
    molar_mass_g_mol: float | None = None
    international_units_per_ug: float | None = None
    context: tuple[str, ...] = ()
    """Names of qualifiers kept beside each value (`reference_db`, `device`, `side`)."""
    identifying: bool = False
    unconfirmed: bool = False
    unknown: Text = Text("未知", "not known")
    note: str = ""
    source: str = ""
