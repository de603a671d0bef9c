"""The table of the Basic Application Confidentiality Profile: what becomes of an attribute."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

Action = Literal["D", "Z", "X", "U", "K"]
Option = Literal["patient_characteristics", "modified_dates"]
EDITION = "PS3.15 2024b"


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of Table E.1-1.

    `action` is the strongest that suits every type of attribute: where the table leaves it to the
    type (X/D, X/Z, Z/D, X/Z/D), a dummy or an empty value is right for all of them. A sequence
    "X/Z/U*" stays and is cleaned inside.
    """

    keyword: str
    action: Action
    patient_characteristics: str
    modified_dates: str


@cache
def rules() -> dict[int, Rule]:
    """The rule of each tag; private attributes and the groups 50xx and 60xx are not in it.

    Examples
    --------
    >>> rules()[0x00100010].action, rules()[0x00100040].patient_characteristics
    ('Z', 'K')
    """
    found = {}
    text = files(__package__).joinpath("profile.csv").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    for row in csv.DictReader(lines):
        if not row["tag"].isalnum() or "x" in row["tag"] or row["tag"] == "PRIVATE":
            continue
        found[int(row["tag"], 16)] = Rule(
            row["keyword"],
            _strongest(row["action"]),
            row["patient_characteristics"],
            row["modified_dates"],
        )
    return found


def _strongest(action: str) -> Action:
    actions: dict[str, Action] = {
        "X": "X",
        "Z": "Z",
        "D": "D",
        "U": "U",
        "X/Z": "Z",
        "X/D": "D",
        "Z/D": "D",
        "X/Z/D": "D",
        "X/Z/U*": "U",
    }
    return actions[action]
