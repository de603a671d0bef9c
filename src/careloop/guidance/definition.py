"""A guideline's rule set as a FHIR R4 PlanDefinition.

Every decision table is an action, its outcomes at-most-one below it, each with one condition (its
clauses joined by OR, in SQL) and its clauses as actions of their own with their citation. First
medicines follow, with their hard stops as the condition that must be false.

**Reference.** HL7 FHIR R4 (4.0.1), PlanDefinition. `application/sql` is the media type of SQL
(RFC 6922); the binding of Expression.language is extensible.
"""

from __future__ import annotations

from typing import Any

from careloop.dictionary.variable import Text
from careloop.guidance.element import Resource, concept, identity
from careloop.guidance.guidance import Guidance
from careloop.guidance.guideline import Choice, Guideline
from careloop.guidance.medicine import Medicine
from careloop.risk.decision import Decision, NamedClause, Outcome

SQL = "application/sql"
_TYPE = "http://terminology.hl7.org/CodeSystem/plan-definition-type"
_NAMES = {
    "risk_class": Text("风险分层", "risk class"),
    "treatment": Text("是否治疗", "whom to treat"),
    "referral": Text("转诊", "referral"),
}


def plan_definition(guideline: Guideline, guidance: Guidance, *, language: str = "zh") -> Resource:
    """The PlanDefinition of one guideline (type eca-rule; draft until confirmed).

    Parameters
    ----------
    guideline
        Whose rules.
    guidance
        Holds the medicines that the guideline names.
    language
        "zh" or "en".
    """
    tables = dict(zip(_NAMES, (guideline.risk_class, guideline.treatment), strict=False))
    if guideline.referral is not None:
        tables["referral"] = guideline.referral
    actions = [_table(name, table, language) for name, table in tables.items()]
    actions += [_choice(each, guideline, guidance, language) for each in guideline.first]
    return {
        "resourceType": "PlanDefinition",
        "id": str(identity("PlanDefinition", guideline.key, guideline.edition)),
        "url": f"urn:careloop:guideline:{guideline.key}",
        "version": guideline.edition,
        "name": "".join(part.capitalize() for part in guideline.key.split("_")),
        "title": guideline.name[language],
        "type": concept("ECA rule", [(_TYPE, "eca-rule", "ECA Rule")]),
        "status": "draft" if guideline.unconfirmed else "active",
        "experimental": guideline.unconfirmed,
        "relatedArtifact": [_cited(guideline.citation)],
        "action": actions,
    }


def _table(name: str, table: Decision, language: str) -> Resource:
    return {
        "title": _NAMES[name][language],
        "code": [concept(name, [("urn:careloop:decision", table.key, "")])],
        "selectionBehavior": "at-most-one",
        "action": [_outcome(each, language) for each in table.outcomes],
    }


def _outcome(outcome: Outcome, language: str) -> Resource:
    return {
        "title": outcome.label[language],
        "code": [concept(outcome.key)],
        "condition": [_condition(_any(outcome.clauses), outcome.label[language])],
        "action": [_clause(each, language) for each in outcome.clauses],
    }


def _clause(clause: NamedClause, language: str) -> Resource:
    return {
        "title": clause.label[language],
        "code": [concept(clause.key)],
        "documentation": [_cited(clause.source)],
        "condition": [_condition(clause.sql, clause.label[language])],
    }


def _choice(
    choice: Choice, guideline: Guideline, guidance: Guidance, language: str
) -> dict[str, Any]:
    known = {each.key: each for each in guidance.medicines}
    sql = f"{guideline.risk_class.key} = '{choice.risk_class}'"
    if choice.when:
        sql = f"({sql}) AND ({choice.when})"
    label = guideline.risk_class.label(choice.risk_class)[language]
    made: Resource = {
        "title": f"首选药物（{label}）" if language.startswith("zh") else f"first choice ({label})",
        "documentation": [_cited(f"{guideline.citation} {choice.section}".strip())],
        "condition": [_condition(sql, label)],
        "selectionBehavior": "at-most-one",
    }
    if choice.note:
        made["description"] = choice.note[language]
    if named := [_medicine(known[key], language) for key in choice.medicines if key in known]:
        made["action"] = named
    return made


def _medicine(medicine: Medicine, language: str) -> Resource:
    name = medicine.name[language]
    made: Resource = {
        "title": name,
        "textEquivalent": f"{name} {medicine.dose[language]}",
        "code": [concept(name, [("atc", code, name) for code in medicine.atc])],
    }
    if medicine.source:
        made["documentation"] = [_cited(medicine.source)]
    if medicine.stops:
        words = "; ".join(each.label[language] for each in medicine.stops)
        made["condition"] = [_condition(f"NOT ({_any(medicine.stops)})", words)]
    return made


def _any(clauses: tuple[NamedClause, ...]) -> str:
    return " OR ".join(f"({each.sql})" for each in clauses)


def _condition(sql: str, description: str) -> Resource:
    return {
        "kind": "applicability",
        "expression": {"description": description, "language": SQL, "expression": sql},
    }


def _cited(citation: str) -> Resource:
    return {"type": "citation", "citation": citation or "not given"}
