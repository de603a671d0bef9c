"""Reading advice rules from TOML.

The file::

    guideline = "China 2022"               # default of every rule
    mark = "B"

    [columns]                              # what earlier stages make; not in the dictionary
    t_lowest = { kind = "number" }
    risk_class = { kind = "code", column = "china_2022_risk_class" }

    [terms]                                # short names for conditions, usable below
    older = "age_y >= 65"

    [below.chair_stand_low]                # "value is below the limit of this age and sex"
    value = "chair_stand_30s"
    to = 95                                # beyond the table the answer is unknown
    female = [[60, 12], [65, 11]]
    male = [[60, 14], [65, 12]]

    [quantity.protein_g]
    unit = "g/d"
    formulas = [{ sql = "1.0 * weight_kg" }]

    [[rule]]
    key = "protein"
    kind = "nutrition"
    clause = [{ key = "older", when = "older", label = { zh = "…", en = "…" } }]
    text = { zh = "… {protein_g} …", en = "…" }
    otherwise = { zh = "…", en = "…" }     # where the weight is unknown

`days_since(x)` is the number of days from the date x to the day of the plan.
"""

from __future__ import annotations

import re
import string
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from typing import Any, get_args

from careloop.dictionary.catalogue import Dictionary
from careloop.dictionary.condition import condition
from careloop.dictionary.units import check_unit
from careloop.dictionary.variable import Text
from careloop.error import ConfigError
from careloop.guidance.advice_rule import AdviceRule, Formula, Quantity
from careloop.guidance.plan import Kind
from careloop.risk.decision import NamedClause

_HEAD = {"guideline", "mark", "columns", "terms", "below", "quantity", "rule"}
_RULE = {
    *("key", "kind", "clause", "text", "patient", "otherwise", "patient_otherwise", "due"),
    *("stop", "caution", "check_first", "measure", "guideline", "section", "strength", "mark"),
    *("priority", "excludes", "details"),
}
_DAYS = re.compile(r"days_since\((\w+)\)")
_WORD = re.compile(r"'[^']*'|\b[a-z]\w*\b")  # a literal, or a name
_DEEPEST = 9  # terms within terms


@dataclass(frozen=True, slots=True)
class _Vocabulary:
    """What the SQL of one file may say."""

    dictionary: Dictionary
    terms: Mapping[str, str]
    columns: Mapping[str, str]
    where: str

    def sql(self, text: str) -> str:
        """The SQL with terms written out and columns by their names in the table."""
        for _ in range(_DEEPEST):
            longer = _WORD.sub(lambda found: self._term(found[0]), text)
            if longer == text:
                break
            text = longer
        text = _DAYS.sub(r"(as_of::INT - \1::INT)", text)
        text = _WORD.sub(lambda found: self.columns.get(found[0], found[0]), text)
        condition(text)
        return text

    def _term(self, word: str) -> str:
        return f"({self.terms[word]})" if word in self.terms else word

    def check(self, rule: AdviceRule) -> None:
        """Refuse a name that neither the dictionary nor `[columns]` has."""
        for name in rule.reads():
            key, _, _ = name.partition("__")
            if key != "as_of" and key not in self.dictionary and name not in self.columns.values():
                raise ConfigError(
                    f"nobody declares {name!r}",
                    where=f"{self.where} [{rule.key}]",
                    remedy="use a key of the dictionary, or declare it under [columns]",
                )


def read_advice(
    file: Traversable, dictionary: Dictionary, *, columns: Mapping[str, str] | None = None
) -> tuple[AdviceRule, ...]:
    """Read the rules of a file.

    Parameters
    ----------
    columns
        Other columns for the names of `[columns]` (another guideline's risk class).

    Raises
    ------
    ConfigError
        Naming file, rule and fault: an unknown setting or name, SQL that does not compile, a text
        that lacks a language or whose numbers differ between the languages.
    """
    where = file.name
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(str(error), where=where, remedy="mend the TOML syntax") from error
    _known(content, _HEAD, where)
    made = {name: table.get("column", name) for name, table in content.get("columns", {}).items()}
    terms = dict(content.get("terms", {}))
    terms |= {name: _below(table) for name, table in content.get("below", {}).items()}
    words = _Vocabulary(dictionary, terms, made | dict(columns or {}), where)
    quantities = {
        name: _quantity(name, table, words) for name, table in content.get("quantity", {}).items()
    }
    rules = []
    for table in content.get("rule", ()):
        at = f"{where} [{table.get('key', '?')}]"
        try:
            rule = _rule(table, content, quantities=quantities, words=words, where=at)
        except (KeyError, TypeError) as error:
            raise ConfigError(
                f"{type(error).__name__}: {error}",
                where=at,
                remedy="see careloop.guidance.advice_file",
            ) from error
        words.check(rule)
        rules.append(rule)
    keys = [rule.key for rule in rules]
    for key in {each for each in keys if keys.count(each) > 1}:
        raise ConfigError(f"rule {key!r} stands twice", where=where, remedy="rename one")
    return tuple(rules)


def _below(table: Mapping[str, Any]) -> str:
    """SQL for "below the limit for age and sex"; unknown outside the ages of the table."""
    value, last = table["value"], table["to"]
    cases = []
    for sex in ("female", "male"):
        rows = table[sex]
        ends = [start for start, _ in rows[1:]] + [last]
        cases += [
            f"(sex = '{sex}' AND age_y >= {start} AND age_y < {end} AND {value} < {limit})"
            for (start, limit), end in zip(rows, ends, strict=True)
        ]
        cases.append(f"(sex = '{sex}' AND (age_y < {rows[0][0]} OR age_y >= {last}) AND NULL)")
    return " OR ".join(cases)


def _quantity(name: str, table: Mapping[str, Any], words: _Vocabulary) -> Quantity:
    where = f"{words.where} [quantity.{name}]"
    _known(table, {"formulas", "unit", "step", "rounding", "low", "high"}, where)
    check_unit(table["unit"], where=where)
    formulas = tuple(
        Formula(
            words.sql(each["sql"]),
            _text(each["basis"], where) if "basis" in each else None,
            each.get("assumed", False),
        )
        for each in table["formulas"]
    )
    rest = {key: value for key, value in table.items() if key != "formulas"}
    return Quantity(name, formulas, **rest)


def _rule(
    table: Mapping[str, Any],
    head: Mapping[str, Any],
    *,
    quantities: Mapping[str, Quantity],
    words: _Vocabulary,
    where: str,
) -> AdviceRule:
    _known(table, _RULE, where)
    if table["kind"] not in get_args(Kind):
        raise ConfigError(f"kind {table['kind']!r}", where=where, remedy=f"one of {get_args(Kind)}")
    guideline = table.get("guideline", head.get("guideline", ""))
    mark = table.get("mark", head.get("mark", "B"))
    source = " · ".join(part for part in (guideline, table.get("section", "")) if part)

    def clauses(name: str) -> tuple[NamedClause, ...]:
        return tuple(
            NamedClause(
                each["key"],
                words.sql(each["when"]),
                _text(each["label"], where),
                each.get("source", source),
                each.get("mark", mark),
            )
            for each in table.get(name, ())
        )

    texts = {
        name: _text(table[name], where) if name in table else None
        for name in ("text", "patient", "otherwise", "patient_otherwise")
    }
    if texts["text"] is None or not table.get("clause"):
        raise ConfigError("a rule needs text and clause", where=where, remedy="add them")
    used = _placeholders(texts, quantities, where)
    return AdviceRule(
        key=table["key"],
        kind=table["kind"],
        clauses=clauses("clause"),
        text=texts["text"],
        patient=texts["patient"],
        otherwise=texts["otherwise"],
        patient_otherwise=texts["patient_otherwise"],
        quantities=used,
        due=words.sql(str(table["due"])) if "due" in table else "",
        stops=clauses("stop"),
        cautions=clauses("caution"),
        check_first=tuple(table.get("check_first", ())),
        measure=tuple((key, words.dictionary[key].label) for key in table.get("measure", ())),
        guideline=guideline,
        section=table.get("section", ""),
        strength=table.get("strength", ""),
        mark=mark,
        priority=table.get("priority", 50),
        excludes=tuple(table.get("excludes", ())),
        details=table.get("details", {}),
    )


def _placeholders(
    texts: Mapping[str, Text | None], quantities: Mapping[str, Quantity], where: str
) -> tuple[Quantity, ...]:
    """The quantities the texts name; both languages must show the same numbers."""
    names: dict[str, None] = {}
    for part, text in texts.items():
        if text is None:
            continue
        found = [_fields(text[language]) for language in ("zh", "en")]
        if set(found[0]) != set(found[1]):
            raise ConfigError(
                f"{part} shows {sorted(set(found[0]) ^ set(found[1]))} in one language only",
                where=where,
                remedy="name the same quantities in both",
            )
        if found[0] and part.endswith("otherwise"):
            raise ConfigError(
                f"{part} names {found[0]}", where=where, remedy="it is said where they are unknown"
            )
        names.update(dict.fromkeys(found[0]))
    bare = dict.fromkeys(name.removesuffix("_basis") for name in names)
    for name in bare:
        if name not in quantities:
            raise ConfigError(f"no quantity {name!r}", where=where, remedy="declare [quantity.…]")
        if f"{name}_basis" in names and not all(each.basis for each in quantities[name].formulas):
            raise ConfigError(f"{name} has no basis", where=where, remedy="say it in each formula")
    return tuple(quantities[name] for name in bare)


def _fields(text: str) -> list[str]:
    return [name for _, name, _, _ in string.Formatter().parse(text) if name]


def _text(table: Any, where: str) -> Text:
    if not isinstance(table, Mapping) or set(table) != {"zh", "en"} or not all(table.values()):
        raise ConfigError(
            "a text is not in both languages", where=where, remedy='{ zh = "…", en = "…" }'
        )
    return Text(**table)


def _known(table: Mapping[str, Any], names: Iterable[str], where: str) -> None:
    if strange := set(table) - set(names):
        raise ConfigError(f"no setting {sorted(strange)}", where=where, remedy=f"{sorted(names)}")
