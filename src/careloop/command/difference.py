"""What changed between two plans of a person, printed with the reason for every change."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from rich.console import Console

from careloop.guidance.change import PlanChange
from careloop.language import translator


def print_plan_changes(changes: Iterable[PlanChange], *, since: date, language: str) -> None:
    """Print the items that were added, removed or changed; what was kept is only counted."""
    _ = translator(language)
    what = {"added": _("new"), "removed": _("no longer proposed"), "changed": _("changed")}
    why = {
        "began": _("holds now"),
        "ceased": _("holds no longer"),
        "withheld": _("something stands against it"),
        "risk_class": _("risk class"),
        "value": _("value"),
        "checking": _("to be checked first"),
        "guideline": _("another guideline"),
    }
    console = Console(highlight=False)
    console.print()
    console.print(_("Changes since %(day)s") % {"day": since.isoformat()}, style="bold")
    kept = 0
    for change in changes:
        item = change.after or change.before
        if change.what == "kept" or item is None:
            kept += 1
            continue
        console.print(f"  {what[change.what]}: {item.text[language]}", soft_wrap=True)
        for reason in change.reasons:
            words = reason.text[language] if reason.text else ""
            known = (reason.before, reason.after)
            before, after = ("?" if value is None else value for value in known)
            values = "" if known == (None, None) else f" {before} → {after}"
            console.print(
                f"    {why[reason.why]}: {words}{values}".replace(":  ", ": "),
                style="dim",
                soft_wrap=True,
            )
    console.print("  " + _("%(count)d items unchanged") % {"count": kept})
