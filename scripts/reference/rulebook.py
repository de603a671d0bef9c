"""The rule book: every guideline's clauses with the specification they are tested by."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import entry_points

from markdown import code, listed, number, table

from careloop.dictionary.catalogue import PROGRAMMES, load
from careloop.dictionary.variable import Text
from careloop.guidance.guidance import Guidance
from careloop.guidance.guideline import Guideline, SpecRow
from careloop.guidance.medicine import Medicine
from careloop.programmes.programme import programme
from careloop.risk.decision import Decision, NamedClause

_WORDS = {
    "title": Text("规则手册", "Rule book"),
    "intro": Text(
        "本页由规则文件及其测试表生成，每次测试都会核对。A：已在原文中读到；B：众所周知但未重新核对；"
        "C：careloop 自定，不属于指南。A 以外均**待临床医生确认**。未知不等于“否”："
        "条件无法判断时，结论也是“无法判断”，并列出原因。",
        "Made from the rule files and the tables they are tested by; every test run compares them. "
        "A: read in the source. B: well known, not re-opened. C: careloop's own, not the "
        "guideline's. All but A is **unconfirmed** until a clinician signs. Unknown is not no: "
        "where the conditions cannot be told, neither can the answer, and the reasons are named.",
    ),
    "risk_class": Text("风险分级", "Risk class"),
    "treatment": Text("是否用药", "Treatment"),
    "referral": Text("转诊", "Referral"),
    "outcome": Text("结论", "answer"),
    "clause": Text("条件", "where"),
    "rule": Text("规则", "rule"),
    "source": Text("出处", "source"),
    "mark": Text("标记", "mark"),
    "first": Text("首选药物", "First medicines"),
    "medicines": Text("药物", "medicines"),
    "when": Text("情形", "when"),
    "spec": Text("测试表", "Specification"),
    "base": Text("以下各行的基础病人（2026-06-30）", "The person of every row (as of 2026-06-30)"),
    "facts": Text("与基础病人不同之处", "what differs"),
    "expected": Text("应得结论", "expected"),
    "unknown": Text("未知", "unknown"),
    "not_told": Text("无法判断", "cannot be told"),
    "holds": Text("成立", "holds"),
    "fails": Text("不成立", "does not hold"),
    "open": Text("无法判断", "open"),
    "table": Text("药物禁忌", "Hard stops of the medicines"),
    "medicine": Text("药物", "medicine"),
    "dose": Text("用法用量", "dose"),
    "stop": Text(
        "禁忌（成立则不推荐，未知则先核实）", "hard stop (true: blocked; unknown: check first)"
    ),
    "age_d": Text("距今天数", ", days ago"),
    "and": Text("；", "; "),
    "colon": Text("：", ": "),
    "yes": Text("是", "yes"),
    "no": Text("否", "no"),
}
_TABLES = ("risk_class", "treatment", "referral")


def rule_book(language: str) -> list[str]:
    """Every guideline of every programme, in one language."""
    lines = [f"# {_WORDS['title'][language]}", "", _WORDS["intro"][language], ""]
    for entry in sorted(entry_points(group=PROGRAMMES), key=lambda entry: entry.name):
        disease = programme(entry.name)
        if disease.guidance is None:
            continue
        guidance = disease.guidance()
        lines += [f"## {disease.name[language]}", ""]
        for guideline in guidance.guidelines:
            lines += _guideline(guideline, guidance, language)
        lines += _medicines(guidance.medicines, language)
    return lines


def _guideline(guideline: Guideline, guidance: Guidance, language: str) -> list[str]:
    lines = [
        f"### {guideline.name[language]}",
        "",
        f"{code(guideline.key)} · {guideline.citation} · {guideline.mark}",
        "",
    ]
    for name, decided in zip(_TABLES, guideline.decisions(), strict=False):
        lines += [f"#### {_WORDS[name][language]}", "", *_table(decided, language)]
    names = {each.key: each.name[language] for each in guidance.medicines}
    lines += [f"#### {_WORDS['first'][language]}", ""]
    risk = guideline.risk_class
    lines += table(
        [_WORDS[word][language] for word in ("risk_class", "when", "medicines", "source", "mark")],
        (
            (
                risk.label(each.risk_class)[language],
                " ".join(
                    part
                    for part in (
                        code(each.when) if each.when else "",
                        each.note[language] if each.note else "",
                    )
                    if part
                ),
                (", " if language == "en" else "、").join(
                    names.get(key, key) for key in each.medicines
                ),
                each.section,
                each.mark,
            )
            for each in guideline.first
        ),
    )
    return lines + _specification(guideline, language)


def _table(decided: Decision, language: str) -> list[str]:
    return table(
        [_WORDS[word][language] for word in ("outcome", "clause", "rule", "source", "mark")],
        (
            (
                outcome.label[language],
                f"{code(clause.key)}<br>{clause.label[language]}",
                code(clause.sql),
                clause.source,
                clause.mark,
            )
            for outcome in decided.outcomes
            for clause in outcome.clauses
        ),
    )


def _specification(guideline: Guideline, language: str) -> list[str]:
    if not guideline.spec:
        return []
    base = _base(guideline.spec)
    lines = [
        f"#### {_WORDS['spec'][language]}",
        "",
        f"{_WORDS['base'][language]}{_WORDS['colon'][language]}",
    ]
    lines[-1] += _WORDS["and"][language].join(_facts(base, language))
    return [
        *lines,
        "",
        *table(
            [_WORDS[word][language] for word in ("facts", "expected")],
            (
                (
                    _WORDS["and"][language].join(_facts(_differing(row, base), language)) or "–",
                    _WORDS["and"][language].join(_expected(row, guideline, language))
                    + (f" ({row.note})" if row.note and language == "en" else ""),
                )
                for row in guideline.spec
            ),
        ),
    ]


def _base(rows: Sequence[SpecRow]) -> dict[str, object]:
    """What most rows of a guideline say."""
    found: dict[str, object] = {}
    for name in {name: None for row in rows for name in row.facts}:
        told = [row.facts.get(name) for row in rows]
        usual = max(told, key=lambda each: sum(other == each for other in told))
        if usual is not None:
            found[name] = usual
    return found


def _differing(row: SpecRow, base: Mapping[str, object]) -> dict[str, object]:
    names = dict.fromkeys((*base, *row.facts))
    return {name: row.facts.get(name) for name in names if row.facts.get(name) != base.get(name)}


def _facts(facts: Mapping[str, object], language: str) -> Iterator[str]:
    """Facts in words; all that are the same no stand together."""
    denied = [name for name, given in facts.items() if given is False]
    for name, given in facts.items():
        if given is not False:
            colon = _WORDS["colon"][language]
            yield f"{_label(name, language)}{colon}{_value(name, given, language)}"
    if denied:
        names = [_label(name, language) for name in denied]
        colon = _WORDS["colon"][language]
        yield f"{_WORDS['no'][language]}{colon}{(', ' if language == 'en' else '、').join(names)}"


def _label(name: str, language: str) -> str:
    """A variable's name, or that of the variable beside which a column stands."""
    key, _, beside = name.partition("__")
    label = load()[key].label[language]
    return label + _WORDS["age_d"][language] if beside == "age_d" else label


def _value(name: str, given: object, language: str) -> str:
    if given is None:
        return f"**{_WORDS['unknown'][language]}**"
    if given is True:
        return _WORDS["yes"][language]
    if name not in load():
        return number(given)
    variable = load()[name]
    if isinstance(given, str) and given in variable.values:
        return variable.values[given][language]
    unit = re.sub(r"\{.*\}|^1$", "", variable.unit)
    return f"{number(given)} {unit}".strip()


def _expected(row: SpecRow, guideline: Guideline, language: str) -> Iterator[str]:
    for name, decided in zip(_TABLES, guideline.decisions(), strict=False):
        if key := row.expect.get(name):
            known = [each for each in decided.outcomes if each.key == key]
            said = known[0].label[language] if known else _WORDS["not_told"][language]
            yield f"**{said}**"
    for part, word in (("holds", "holds"), ("fails", "fails"), ("unknown", "open")):
        keys = row.expect.get(part)
        if isinstance(keys, Sequence) and keys:
            yield f"{_WORDS[word][language]} {listed(keys)}"


def _medicines(medicines: Sequence[Medicine], language: str) -> list[str]:
    if not medicines:
        return []

    def row(medicine: Medicine, stop: NamedClause) -> tuple[str, ...]:
        said = f"{stop.label[language]}<br>{code(stop.sql)}"
        return (medicine.name[language], medicine.dose[language], said, stop.source, stop.mark)

    head = [_WORDS[word][language] for word in ("medicine", "dose", "stop", "source", "mark")]
    rows = (row(each, stop) for each in medicines for stop in each.stops)
    return [f"### {_WORDS['table'][language]}", "", *table(head, rows)]
