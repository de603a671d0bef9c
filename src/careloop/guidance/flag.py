"""Contradictions in a person's facts: named clauses shown to the clinician, never settled by guess.

The file::

    [[flag]]
    key = "male_pregnancy"
    when = "sex = 'male' AND pregnancy"
    label = { zh = "…", en = "…" }
    source = "…"
    mark = "A"
"""

from __future__ import annotations

import tomllib
from importlib.resources.abc import Traversable

from careloop.error import ConfigError
from careloop.guidance.medicines import clause
from careloop.risk.decision import NamedClause


def read_flags(file: Traversable) -> tuple[NamedClause, ...]:
    """Read the contradictions of a programme.

    Raises
    ------
    ConfigError
        Naming file and fault.
    """
    where = file.name
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
        flags = tuple(clause(table, where) for table in content["flag"])
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(str(error), where=where, remedy="mend the TOML syntax") from error
    except (KeyError, TypeError) as error:
        raise ConfigError(
            f"{type(error).__name__}: {error}", where=where, remedy="see careloop.guidance.flag"
        ) from error
    if len({flag.key for flag in flags}) < len(flags):
        raise ConfigError("a key stands twice", where=where, remedy="rename it")
    return flags
