"""The page of the decision tables."""

from __future__ import annotations

from importlib.metadata import entry_points

from markdown import code, heading, table

from careloop.dictionary.catalogue import PROGRAMMES
from careloop.programmes.programme import programme
from careloop.risk.decision import Decision


def rules_page() -> list[str]:
    """Every decision table, clause by clause."""
    lines = [
        "# Rules: diagnosis and next step",
        "",
        "Outcomes are tried in order and the first that holds is taken: it holds where any of",
        "its clauses does. Where an outcome can be neither taken nor excluded, the answer is",
        "*unknown*, and the clauses that could not be told are named. An outcome that *needs",
        "proof* is passed over where it is unknown. Mark A: read in the source. B: well known, not",
        "re-opened, so **unconfirmed**. C: unsure.",
        "",
    ]
    for entry in sorted(entry_points(group=PROGRAMMES), key=lambda entry: entry.name):
        disease = programme(entry.name)
        lines += [heading(disease), ""]
        for decision in disease.decisions:
            lines += _decision(decision)
    return lines


def _decision(decision: Decision) -> list[str]:
    lines = [f"### {decision.key}", ""]
    lines += table(
        ("outcome", "clause", "holds where", "source", "mark"),
        (
            (
                f"{code(outcome.key)}<br>{outcome.label.en} · {outcome.label.zh}"
                + ("<br>*needs proof*" if outcome.skip_unknown else ""),
                f"{code(clause.key)}<br>{clause.label.en}",
                code(clause.sql),
                clause.source,
                clause.mark,
            )
            for outcome in decision.outcomes
            for clause in outcome.clauses
        ),
    )
    if decision.undecided:
        label = decision.label(decision.undecided)
        lines += [f"Otherwise {code(decision.undecided)}: {label.en} · {label.zh}.", ""]
    return lines
