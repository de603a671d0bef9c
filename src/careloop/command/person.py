"""`careloop assess --person`: everything found about one person, with reasons, in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from careloop.dictionary.catalogue import Dictionary
from careloop.language import translator
from careloop.programmes.cards import driver_name, measured
from careloop.programmes.programme import Programme
from careloop.programmes.reasons import Driver, Finding, Reasons, Verdict
from careloop.programmes.wording import Wording, printed_number
from careloop.risk.decision import NamedClause

_DRIVERS = 8
_OPEN = 6


def print_reasons(
    found: Reasons,
    programme: Programme,
    dictionary: Dictionary,
    *,
    as_of: date,
    language: str,
    console: Console | None = None,
) -> None:
    """Print one person's reasons.

    Parameters
    ----------
    found
        What was found, from `programmes.reasons.reasons`.
    programme, dictionary
        Whose words to use.
    as_of
        The date of the snapshot.
    language
        "zh" or "en".
    console
        Where to print; standard output by default (no colours where it is not a terminal).
    """
    wording = Wording(dictionary, programme, language=language)
    page = _Page(console or Console(highlight=False), wording)
    page.head(found, as_of)
    for verdict in found.verdicts:
        page.verdict(verdict, found)
    page.measures(found)
    page.findings(found)
    page.missing(found.missing)


class _Page:
    """Prints the parts of a person's page one under the other."""

    def __init__(self, console: Console, wording: Wording) -> None:
        self.console, self.wording, self.language = console, wording, wording.language
        self._ = translator(wording.language)

    def head(self, found: Reasons, as_of: date) -> None:
        """Who, as of when, and the caution."""
        about = [
            self.wording.value(key, found.row.get(key))
            for key in ("sex", "age_y")
            if key in found.row
        ]
        line = Text(_printable(found.person_id), style="bold")
        line.append("  " + " · ".join(about), style="not bold")
        line.append(
            "  " + self._("as of {date}").format(date=as_of.isoformat()), style="not bold dim"
        )
        self.console.print(line)
        caution = self.wording.programme.caution[self.language]
        if caution:
            self.console.print(Text(caution, style="red"))

    def verdict(self, verdict: Verdict, found: Reasons) -> None:
        """A decision: its answer, what holds for it, and what could not be judged."""
        decision = verdict.decision
        outcome = next((each for each in decision.outcomes if each.key == verdict.outcome), None)
        self.title(self.wording.name(decision.key))
        style = "bold" if outcome else "bold yellow"
        self.line(Text(verdict.label[self.language], style=style))
        for clause in outcome.clauses if outcome else ():
            if clause.key in verdict.because:
                self.clause("✓", clause)
        open_clauses = [decision.clause(key) for key in verdict.unknown]
        if open_clauses and not outcome:
            self.line(Text(self._("Cannot be judged from what is known:"), style="dim"))
            for clause in open_clauses[:_OPEN]:
                self.clause("?", clause)
            self.more(len(open_clauses) - _OPEN)
        self.assumed(self.wording.assumed(verdict.assumed, found.row), indent=2)

    def clause(self, sign: str, clause: NamedClause) -> None:
        """A reason with its source."""
        line = Text(clause.label[self.language])
        line.append(f"  [{clause.source}]", style="dim")
        if clause.unconfirmed:
            line.append("  " + self._("unconfirmed"), style="yellow")
        self.line(line, sign=sign)

    def measures(self, found: Reasons) -> None:
        """Measurements, with the reference they were judged by."""
        by_reference = measured(found, self.wording)
        if not by_reference:
            return
        self.title(self._("Measured"))
        for reference, values in by_reference.items():
            for name, value in values:
                line = Text(f"{name}  ")
                line.append(value, style="bold")
                self.line(line)
            if reference:
                words = self._("reference: {name}").format(name=reference)
                self.line(Text(words, style="dim"), indent=4)

    def findings(self, found: Reasons) -> None:
        """Instruments: first those that apply and have a value, then the others with the reason."""
        findings = found.findings
        usable = [each for each in findings if each.applies and self.has_value(each)]
        outside = [each for each in findings if not each.applies and self.has_value(each)]
        without = [each for each in findings if not self.has_value(each)]
        if usable:
            self.title(self._("Instruments that apply"))
            for each in usable:
                self.finding(each, found)
        if outside:
            self.title(self._("Computed, but not made for this person: not used"))
            for each in outside:
                self.finding(each, found, short=True)
        if without:
            self.title(self._("Not computed"))
            for each in without:
                self.line(Text(self.without(each, found.missing)))

    def without(self, finding: Finding, missing: Sequence[str]) -> str:
        """Why an instrument has no value, and which of its inputs nobody recorded."""
        inputs = {one.variable for one in finding.instrument.inputs}
        words = self._("{name}: {reason}").format(
            name=self.wording.name(finding.instrument.key), reason=finding.reason or ""
        )
        names = [self.wording.name(name) for name in missing if name in inputs]
        if not names:
            return words
        separator = self._("; ")
        return self._("{words} ({details})").format(words=words, details=separator.join(names))

    def has_value(self, finding: Finding) -> bool:
        """Whether an instrument has any of the values it is shown by."""
        return any(finding.outputs[key] is not None for key in self.keys(finding))

    def keys(self, finding: Finding) -> list[str]:
        """The outputs by which an instrument is shown: those drawn or ranked, else its first."""
        programme = self.wording.programme
        wanted = {each.key for each in programme.ranking}
        wanted |= {each.key for each in programme.distributions}
        return [key for key in finding.outputs if key in wanted] or [finding.instrument.value]

    def finding(self, finding: Finding, found: Reasons, *, short: bool = False) -> None:
        """One instrument: value, class, what drove it, what was assumed, its disclaimer."""
        instrument = finding.instrument
        self.line(self.score(finding))
        if finding.reason and not finding.applies:
            self.line(Text(finding.reason, style="yellow"), indent=4)
        if not short:
            self.drivers(finding)
        self.assumed(self.wording.assumed(finding.assumed, found.row), indent=4)
        for text in (instrument.note, instrument.disclaimer):
            if text:
                self.line(Text(text[self.language], style="dim"), indent=4)

    def score(self, finding: Finding) -> Text:
        """Name, values, class and marks of an instrument in one line."""
        instrument, wording = finding.instrument, self.wording
        line = Text()
        for number, key in enumerate(self.keys(finding)):
            value = finding.outputs[key]
            if isinstance(value, bool):
                line.append(wording.name(instrument.key))
            elif value is not None:
                line.append("\n" if number and line.plain else "")
                line.append(f"{wording.name(key)}  ")
                line.append(wording.value(key, value), style="bold")
        if finding.risk_class:
            style = "bold red" if finding.refer else "bold"
            line.append("  " + finding.risk_class[self.language], style=style)
        if instrument.experimental:
            line.append("  " + self._("experimental"), style="yellow")
        if instrument.unconfirmed:
            line.append("  " + self._("unconfirmed"), style="yellow")
        return line

    def drivers(self, finding: Finding) -> None:
        """What drove a score: the person's values and the points they gave, most first."""
        counted = [each for each in finding.drivers if each.points]
        if len(finding.drivers) > _DRIVERS:
            counted.sort(key=lambda each: -abs(each.points or 0.0))
        table = Table.grid(padding=(0, 2))
        table.add_column(overflow="fold")
        table.add_column(overflow="fold")
        table.add_column(justify="right", no_wrap=True)
        for each in counted[:_DRIVERS]:
            table.add_row(*self.driver(each, finding))
        if counted:
            self.console.print(Padding(table, (0, 0, 0, 4), expand=False))
        self.more(len(counted) - _DRIVERS, indent=4)

    def driver(self, driver: Driver, finding: Finding) -> tuple[Text, Text, Text]:
        """Words, values and points of one part of a score; assumed values are marked."""
        number = f"{driver.item}. " if driver.item else ""
        assumed = self._("assumed")
        values = " / ".join(
            self.wording.value(key, value) + (f" ({assumed})" if key in finding.assumed else "")
            for key, value in driver.values.items()
            if value is not None
        )
        points = driver.points or 0.0
        signed = printed_number(points) if points < 0 else f"+{printed_number(points)}"
        words = driver_name(driver, self.wording)
        return Text(f"{number}{words}"), Text(values), Text(signed, style="dim")

    def assumed(self, values: Sequence[str], *, indent: int) -> None:
        """What the source declared for everybody without asking."""
        if values:
            listed = self._("; ").join(values)
            words = self._("assumed by the source, not asked: {names}").format(names=listed)
            self.line(Text(words, style="yellow"), indent=indent)

    def missing(self, names: Sequence[str]) -> None:
        """What nobody recorded although an instrument needs it."""
        if not names:
            return
        self.title(self._("Missing"))
        self.line(Text(self._("; ").join(self.wording.name(name) for name in names)))

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

    def more(self, number: int, *, indent: int = 2) -> None:
        """Say that there are more."""
        if number > 0:
            words = self._("and {number} more").format(number=number)
            self.line(Text(words, style="dim"), indent=indent)


def _printable(text: str) -> str:
    """Text from a source without anything that could steer a terminal."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
