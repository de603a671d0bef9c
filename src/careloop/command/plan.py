"""`careloop plan --person`: the doctor's plan in a terminal of 80 columns."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from careloop.language import translator
from careloop.programmes.plan_view import GuidelineView, ItemView, PlanView, ReasonView


def print_plan(
    plan: PlanView,
    *,
    language: str,
    comparison: Sequence[GuidelineView] = (),
    console: Console | None = None,
) -> None:
    """Print a plan.

    Parameters
    ----------
    plan
        The plan in words, from `PlanWords.view`.
    language
        "zh" or "en".
    comparison
        What each guideline says, to be shown side by side.
    console
        Where to print; standard output by default (no colours where it is not a terminal).
    """
    page = _Page(console or Console(highlight=False), language)
    page.head(plan)
    page.listed(page._("Look at these facts first"), plan.flags, sign="!")
    for title, items in plan.sections:
        page.title(title)
        for item in items:
            page.item(item)
    if not plan.sections:
        page.title(page._("Nothing is proposed"))
    if plan.withheld:
        page.title(page._("Not proposed, and why"))
        for text, because in plan.withheld:
            page.line(Text(text), sign="×")
            page.reasons(because)
    if plan.missing:
        page.title(page._("Would change the plan if it were known"))
        page.line(Text(page._("; ").join(plan.missing)))
    if comparison:
        page.comparison(comparison)


class _Page:
    """Prints the parts of a plan one under the other."""

    def __init__(self, console: Console, language: str) -> None:
        self.console = console
        self._ = translator(language)

    def head(self, plan: PlanView) -> None:
        """Who, as of when, by which guideline, which class, and the caution."""
        line = Text(plan.person_id, style="bold")
        if plan.about:
            line.append("  " + plan.about, style="not bold")
        date = self._("as of {date}").format(date=plan.as_of)
        line.append("  " + date, style="not bold dim")
        self.console.print(line)
        if plan.caution:
            self.console.print(Text(plan.caution, style="red"))
        guideline = Text(f"{self._('Guideline')}  ")
        guideline.append(plan.guideline, style="bold")
        self.mark(guideline, unconfirmed=plan.guideline_unconfirmed)
        self.console.print(guideline)
        risk = Text(f"{self._('Risk class')}  ")
        risk.append(plan.risk_class, style="bold")
        self.console.print(risk)
        words = self._("Nothing here is ordered: accept, edit or reject every item.")
        self.console.print(Text(words, style="dim"))

    def item(self, item: ItemView) -> None:
        """One proposal with all that belongs to it."""
        style = "bold red" if item.kind == "alert" else "bold"
        line = Text(item.text, style=style)
        self.mark(line, unconfirmed=item.unconfirmed)
        self.line(line, sign="!" if item.kind == "alert" else "•")
        if item.after_checking:
            names = self._("; ").join(item.after_checking)
            if item.waits:
                words = self._("Only after checking: %(names)s") % {"names": names}
            else:
                words = self._("Not known so far: %(names)s") % {"names": names}
            self.line(Text(words, style="yellow" if item.waits else "dim"), indent=4)
        self.reasons(item.because)
        for caution in item.cautions:
            self.reason(caution, sign="⚠")
        if item.checks:
            medicine = item.kind == "medicine"
            title = self._("Checks and use") if medicine else self._("Not yet recorded")
            words = self._("; ").join(item.checks)
            self.line(Text(f"{title}  {words}"), indent=4)
        about = [
            f"{self._('Due')} {item.due_on}" if item.due_on else "",
            f"[{item.source}]" if item.source else "",
            item.strength,
        ]
        if any(about):
            words = "  ".join(part for part in about if part)
            self.line(Text(words, style="dim"), indent=4)

    def listed(self, title: str, reasons: Sequence[ReasonView], *, sign: str) -> None:
        """A titled list of reasons, if there are any."""
        if reasons:
            self.title(title)
            for one in reasons:
                self.reason(one, sign=sign, indent=2)

    def reasons(self, reasons: Sequence[ReasonView]) -> None:
        """Why."""
        for one in reasons:
            self.reason(one, sign="✓")

    def reason(self, one: ReasonView, *, sign: str, indent: int = 4) -> None:
        """A reason with its source."""
        line = Text(one.text)
        if one.source:
            line.append(f"  [{one.source}]", style="dim")
        self.mark(line, unconfirmed=one.unconfirmed)
        self.line(line, sign=sign, indent=indent)

    def comparison(self, answers: Sequence[GuidelineView]) -> None:
        """What each guideline says, side by side."""
        self.title(self._("What the guidelines say"))
        table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
        for words in ("Guideline", "Risk class", "Treatment", "First choice"):
            table.add_column(self._(words), overflow="fold", ratio=1)
        for one in answers:
            name = Text(one.guideline)
            self.mark(name, unconfirmed=one.unconfirmed)
            first = self._(", ").join(one.first)
            table.add_row(name, Text(one.risk_class), Text(one.treatment), Text(first))
        self.console.print(Padding(table, (0, 0, 0, 2)))

    def mark(self, line: Text, *, unconfirmed: bool) -> None:
        """Say that a clinician's signature is still missing."""
        if unconfirmed:
            line.append("  " + self._("unconfirmed"), style="not bold yellow")

    def title(self, words: str) -> None:
        """A heading, after an empty line."""
        self.console.print()
        self.console.print(Text(words, style="bold cyan"))

    def line(self, text: Text, *, sign: str = "", indent: int = 2) -> None:
        """A paragraph, indented; what is too long goes on under itself."""
        if not sign:
            self.console.print(Padding(text, (0, 0, 0, indent), expand=False))
            return
        table = Table.grid(padding=(0, 1))
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        table.add_row(Text(sign), text)
        self.console.print(Padding(table, (0, 0, 0, indent), expand=False))
