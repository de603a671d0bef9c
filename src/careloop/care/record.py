"""What a person's record shows of a programme: titles of groups, adherence, citations in Chinese.

A programme declares it in TOML::

    adherence = ["medicine_adherence"]   # answers about taking medicines, shown beside them

    [group]                              # groups of its variables, in the order they are listed
    fracture = { zh = "骨折", en = "Fractures" }

    [source]                             # what citations are made of, in Chinese
    "initial drug" = "起始用药"
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources.abc import Traversable

from careloop.dictionary.catalogue import Dictionary
from careloop.dictionary.variable import Text
from careloop.error import ConfigError


@dataclass(frozen=True, slots=True)
class Record:
    """Titles of groups of facts, and the variables that tell how medicines are taken."""

    adherence: tuple[str, ...] = ()
    groups: Mapping[str, Text] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)
    """English words of citations and what they are in Chinese; names of papers stay."""


def read_record(file: Traversable, dictionary: Dictionary) -> Record:
    """Read what a record shows of a programme.

    Raises
    ------
    ConfigError
        Naming file and fault: a variable or a group that the dictionary does not have.
    """
    where = file.name
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
        groups = {key: Text(**words) for key, words in content.pop("group", {}).items()}
        sources = {key: str(words) for key, words in content.pop("source", {}).items()}
        made = Record(tuple(content.pop("adherence", ())), groups, sources)
    except (tomllib.TOMLDecodeError, TypeError) as error:
        raise ConfigError(str(error), where=where, remedy="see careloop.care.record") from error
    if content:
        raise ConfigError(
            f"no settings {sorted(content)}", where=where, remedy="adherence, group, source"
        )
    known = {dictionary[key].group for key in dictionary}
    strange = {key for key in made.adherence if key not in dictionary} | (set(groups) - known)
    if strange:
        raise ConfigError(
            f"the dictionary has no {sorted(strange)}", where=where, remedy="leave them out"
        )
    return made
