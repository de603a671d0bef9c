"""The dictionary itself: every variable of the core and of the installed programmes.

Variables are TOML tables in `careloop/dictionary/variables/*.toml` (what any disease needs) and in
`variables/*.toml` beside each programme, found through the entry-point group
`careloop.programmes`. A file looks like this::

    group = "anthropometry"

    [weight_kg]
    kind = "number"
    label = { zh = "体重", en = "Body weight" }
    unit = "kg"
    low = 20
    high = 250
    codes = [{ system = "loinc", code = "29463-7", display = "Body weight" }]

Codes of ICD-10, ICD-10-CM and ATC mean themselves and everything below them: `M05` is also M05.8,
`H02AB` is also H02AB06, `C00-C97` is the block.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.metadata import entry_points
from importlib.resources import files

from careloop.dictionary.codes import ancestors, members
from careloop.dictionary.declaration import read_variables
from careloop.dictionary.derivation import derivation_order
from careloop.dictionary.variable import Code, Variable
from careloop.error import ConfigError

__all__ = ["PROGRAMMES", "Dictionary", "load", "read_variables"]

PROGRAMMES = "careloop.programmes"


class Dictionary(Mapping[str, Variable]):
    """All variables by key, in the order of their files.

    Indexing an unknown key raises `ConfigError` naming the nearest keys.
    """

    def __init__(self, variables: Iterable[Variable]) -> None:
        self._variables: dict[str, Variable] = {}
        for variable in variables:
            if variable.key in self._variables:
                raise ConfigError(
                    f"variable {variable.key} is declared twice", remedy="keep one declaration"
                )
            self._variables[variable.key] = variable
        self._by_code: dict[tuple[str, str], list[tuple[Variable, Code]]] = {}
        for variable in self._variables.values():
            for code in variable.codes:
                for member in members(code.system, code.code):
                    found = self._by_code.setdefault((code.system, member), [])
                    found.append((variable, code))

    def __getitem__(self, key: str) -> Variable:
        try:
            return self._variables[key]
        except KeyError:
            near = difflib.get_close_matches(key, self._variables, n=3)
            raise ConfigError(
                f"no variable {key!r} in the dictionary",
                remedy=f"did you mean {', '.join(near)}?" if near else "see `careloop dictionary`",
            ) from None

    def __contains__(self, key: object) -> bool:
        return key in self._variables

    def __iter__(self) -> Iterator[str]:
        return iter(self._variables)

    def __len__(self) -> int:
        return len(self._variables)

    def matches(self, system: str, code: str) -> list[tuple[Variable, Code]]:
        """Variables that a sender's code means, each with the declared code that says so.

        A hierarchical code also means what its prefixes mean, most specific first. Where the
        declared code has a `qualifier`, the sender must also say that before the match holds. The
        system `careloop` names a variable by its key.
        """
        if system == "careloop":
            variable = self._variables.get(code)
            return [(variable, Code("careloop", code))] if variable else []
        found: dict[tuple[str, str], tuple[Variable, Code]] = {}
        for above in ancestors(system, code):
            for variable, declared in self._by_code.get((system, above), ()):
                found.setdefault((variable.key, declared.qualifier), (variable, declared))
        return list(found.values())

    def by_code(self, system: str, code: str) -> list[Variable]:
        """Variables that carry this code (several where the sender must say more)."""
        return list({v.key: v for v, _ in self.matches(system, code)}.values())

    def search(self, words: str) -> list[Variable]:
        """Variables whose key, labels, codes or group contain every word (case ignored)."""
        wanted = words.lower().split()
        found = []
        for variable in self._variables.values():
            text = " ".join(
                [variable.key, variable.label.zh, variable.label.en, variable.group]
                + [f"{code.system} {code.code} {code.display}" for code in variable.codes]
            ).lower()
            if all(word in text for word in wanted):
                found.append(variable)
        return found


@cache
def load() -> Dictionary:
    """Load the dictionary of the core and of every installed programme, validated.

    Raises
    ------
    ConfigError
        Naming file, variable and fault: an unknown setting, a failed check digit, a bad unit, a
        key declared twice, a derivation that reads what nobody declares.

    Examples
    --------
    >>> load()["weight_kg"].unit
    'kg'
    """
    programmes = sorted(entry_points(group=PROGRAMMES), key=lambda entry: entry.name)
    modules = ["careloop.dictionary", *(entry.module for entry in programmes)]
    folders = [files(module) / "variables" for module in modules]
    dictionary = Dictionary(
        variable
        for folder in folders
        if folder.is_dir()
        for file in sorted(folder.iterdir(), key=lambda file: file.name)
        if file.name.endswith(".toml")
        for variable in read_variables(file)
    )
    derivation_order(dictionary)
    return dictionary
