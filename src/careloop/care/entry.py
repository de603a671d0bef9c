"""Reading a form that was filled in: answers in the variables' kinds, and every fault at once.

What is posted are texts by name: `<variable>` holds the answer ("yes", "no", "unknown", a code, a
number, a date, words), `<variable>-other` a number beside those offered, `<variable>-carried` the
last answer as it was shown, and `sure-<section>` the one tap that confirms a section. Unknown is
never turned into no: a question left open gives no answer, and one answered "not known" gives None.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from careloop.care.clause import answer, holds
from careloop.care.form import Form, Forms, Question, Section
from careloop.dictionary.condition import names_in
from careloop.dictionary.variable import Text, Variable

UNKNOWN = "unknown"
OTHER = "-other"
CARRIED = "-carried"
SURE = "sure-"
DAY = "happened_on"
LONGEST_TEXT = 500
EARLIEST = date(1900, 1, 1)
AHEAD_AT_MOST = timedelta(days=731)
"""How far ahead a day to come may lie: a wrong year must not put somebody off for good."""
_DATE = Text("日期", "Date")
KnownOn = Callable[[date], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Entry:
    """What a filled-in form says. `errors` are by the name of the field, for people to read."""

    happened_on: date | None
    answers: Mapping[str, Any]
    errors: Mapping[str, Text]
    follows: Mapping[str, Any]
    """Facts that the answers mean, by variable."""

    def recorded(self) -> dict[str, Any]:
        """Answers and what follows from them."""
        return {**self.follows, **self.answers}


def read_entry(
    forms: Forms,
    form: Form,
    posted: Mapping[str, str],
    *,
    known: Mapping[str, Any],
    today: date,
    known_on: KnownOn | None = None,
) -> Entry:
    """Read a filled-in form.

    Parameters
    ----------
    forms
        Whose `follows` apply.
    form
        What was asked.
    posted
        Texts by name, as a browser sends them.
    known
        What was known before, by column; decides what is asked.
    today
        No answer may lie after it.
    known_on
        What was known before the contact, of which only its day tells: a visit entered late means
        what it meant then. Default: `known`.
    """
    reader = _Reader(form, posted, known, today)
    before = known_before(form, known)
    answers, hidden = _asked(form, reader.answers(), before)
    errors = {name: text for name, text in reader.errors.items() if name not in hidden}
    for _, question in form.questions():
        if question.required and question.key not in (*answers, *errors, *hidden):
            errors[question.key] = _missing(question.variable)
    day = reader.day()
    errors |= {DAY: reader.errors[DAY]} if DAY in reader.errors else {}
    if known_on is not None and day is not None:
        before = known_before(form, known_on(day))
    errors = {**_contradicted(forms, answers), **errors}
    follows = consequences(forms, answers, {**before, **answers})
    return Entry(day, answers, errors, follows)


def known_before(form: Form, known: Mapping[str, Any]) -> dict[str, Any]:
    """What is known without the questions asked anew: a question left open is unknown today.

    Answers that are carried over (a past fracture, a medicine taken) stay known.
    """
    anew = {question.key for _, question in form.questions() if not question.carry}
    return {name: value for name, value in known.items() if name not in anew}


def _asked(
    form: Form, answers: Mapping[str, Any], known: Mapping[str, Any]
) -> tuple[dict[str, Any], set[str]]:
    """Answers to questions that apply, and the questions that do not.

    What is answered to a question whose condition is false was put in before another answer made
    it pointless: the page hides it, so it is left out.
    """
    kept: dict[str, Any] = {}
    hidden: set[str] = set()
    for section, question in form.questions():
        row = {**known, **kept}
        if holds(section.show, row) is False or holds(question.show, row) is False:
            hidden.add(question.key)
        elif question.key in answers:
            kept[question.key] = answers[question.key]
    return kept, hidden


def consequences(
    forms: Forms, answers: Mapping[str, Any], row: Mapping[str, Any]
) -> dict[str, Any]:
    """Facts that follow from given answers (not from what was known before alone)."""
    found: dict[str, Any] = {}
    for each in forms.follows:
        names = {name for name, value in answers.items() if value is not None}
        if each.variable.key in names or not _speaks_of(each.when, names):
            continue
        if holds(each.when, row) and (value := answer(each.value, row)) is not None:
            told = _told(each.variable, value)
            if told is not None:
                found[each.variable.key] = told
    return found


def _contradicted(forms: Forms, answers: Mapping[str, Any]) -> dict[str, Text]:
    """No to what another answer of the form says is so: a medicine taken, yet no treatment."""
    found = {}
    for each in forms.follows:
        variable = each.variable
        denied = answers.get(variable.key) is False and holds(each.when, answers)
        if denied and answer(each.value, answers) is True:
            found[variable.key] = Text(
                f"{variable.label.zh}：答“否”与本表其他回答矛盾，请核对",
                f"{variable.label.en}: “no” contradicts another answer on this form",
            )
    return found


def _speaks_of(sql: str, names: set[str]) -> bool:
    return bool(names & set(names_in(sql)))


def _told(variable: Variable, value: Any) -> Any:
    """A computed value in the variable's kind; None where it is not plausible."""
    if variable.kind == "number":
        number = round(float(value), 6)
        return number if _plausible(variable, number) else None
    return bool(value) if variable.kind == "boolean" else value


def _plausible(variable: Variable, number: float) -> bool:
    low, high = variable.low, variable.high
    return math.isfinite(number) and not (
        (low is not None and number < low) or (high is not None and number > high)
    )


class _Reader:
    """Reads fields one by one, noting faults."""

    def __init__(
        self, form: Form, posted: Mapping[str, str], known: Mapping[str, Any], today: date
    ) -> None:
        self.form, self.posted, self.known, self.today = form, posted, known, today
        self.errors: dict[str, Text] = {}

    def day(self) -> date | None:
        """The day of the contact; today where it is left empty."""
        told = self.posted.get(DAY, "").strip()
        return self._date(DAY, told) if told else self.today

    def answers(self) -> dict[str, Any]:
        """Every answer that was given or confirmed."""
        found: dict[str, Any] = {}
        for section in self.form.sections:
            for question in section.questions:
                given, value = self._answer(section, question)
                if given:
                    found[question.key] = value
        return found

    def _answer(self, section: Section, question: Question) -> tuple[bool, Any]:
        told = self._told(question.key)
        carried = self.posted.get(question.key + CARRIED, "")
        sure = bool(self.posted.get(SURE + section.key))
        if carried and told == carried and (not sure or self._changed_since(question, carried)):
            return False, None
        if not told:
            no = sure and section.none is not None and question.variable.kind == "boolean"
            return no, (False if no else None)
        if told == UNKNOWN and question.variable.kind != "text":
            return True, None
        value = self._value(question, told)
        return value is not None, value

    def _changed_since(self, question: Question, carried: str) -> bool:
        """Whether somebody recorded another answer since the page showed the one confirmed."""
        variable = question.variable
        now = self.known.get(variable.key)
        if now is None or raw(now) == carried:
            return False
        self.errors[variable.key] = Text(
            f"{variable.label.zh}：刚有人更新，与表中所示不同，请重新选择",
            f"{variable.label.en}: somebody has just recorded another answer; choose again",
        )
        return True

    def _told(self, key: str) -> str:
        """The text of a field; a number written beside those offered counts for more."""
        other = self.posted.get(key + OTHER, "").strip()
        return other or self.posted.get(key, "").strip()

    def _value(self, question: Question, told: str) -> Any:
        variable = question.variable
        if variable.kind == "number":
            return self._number(question, told)
        if variable.kind == "date":
            return self._date(variable.key, told, variable.label, ahead=question.ahead)
        if variable.kind == "text":
            return self._words(variable, told)
        if variable.kind == "boolean" and told in {"yes", "no"}:
            return told == "yes"
        if variable.kind == "code" and told in variable.values:
            return told
        self.errors[variable.key] = Text(
            f"{variable.label.zh}：请选择所列答案之一",
            f"{variable.label.en}: choose one of the answers offered",
        )
        return None

    def _words(self, variable: Variable, told: str) -> str | None:
        if len(told) <= LONGEST_TEXT:
            return told.replace("\x00", "")
        self.errors[variable.key] = Text(
            f"{variable.label.zh}：最多 {LONGEST_TEXT} 字，现有 {len(told)} 字",
            f"{variable.label.en}: at most {LONGEST_TEXT} characters, not {len(told)}",
        )
        return None

    def _number(self, question: Question, told: str) -> float | None:
        variable = question.variable
        number = parse_number(told)
        if number is None:
            self.errors[variable.key] = Text(
                f"{variable.label.zh}：“{told[:20]}”不是数字，请只输入数字",
                f"{variable.label.en}: “{told[:20]}” is not a number; write digits only",
            )
        elif not _plausible(variable, number):
            unit = _printed(variable)
            span = f"{_short(variable.low)}–{_short(variable.high)}{unit}"
            self.errors[variable.key] = Text(
                f"{variable.label.zh}：{number:g}{unit} 超出合理范围 {span}，请重新测量或核对",
                f"{variable.label.en}: {number:g}{unit} is outside {span}; measure or read again",
            )
        elif question.whole and number != round(number):
            self.errors[variable.key] = Text(
                f"{variable.label.zh}：请输入整数", f"{variable.label.en}: write a whole number"
            )
        else:
            return number
        return None

    def _date(
        self, name: str, told: str, label: Text = _DATE, *, ahead: bool = False
    ) -> date | None:
        try:
            day = date.fromisoformat(unicodedata.normalize("NFKC", told))
        except ValueError:
            self.errors[name] = Text(
                f"{label.zh}：请按 年-月-日 填写，例如 2026-05-01",
                f"{label.en}: write year-month-day, such as 2026-05-01",
            )
            return None
        if ahead and day < self.today:
            self.errors[name] = Text(f"{label.zh}：不能早于今天", f"{label.en}: not before today")
        elif ahead and day > self.today + AHEAD_AT_MOST:
            self.errors[name] = Text(
                f"{label.zh}：不能晚于两年后，请核对年份",
                f"{label.en}: not more than two years ahead; check the year",
            )
        elif not ahead and (day > self.today or day < EARLIEST):
            self.errors[name] = Text(f"{label.zh}：不能晚于今天", f"{label.en}: not after today")
        else:
            return day
        return None


def parse_number(told: str) -> float | None:
    """A number as people type it: full-width digits, a comma for a point.

    Examples
    --------
    >>> parse_number("４８．５"), parse_number("48,5"), parse_number("1e3"), parse_number("abc")
    (48.5, 48.5, None, None)
    """
    text = unicodedata.normalize("NFKC", told).strip().replace("。", ".")
    text = text.replace(",", ".") if text.count(",") == 1 and "." not in text else text
    sign, digits = ("-", text[1:]) if text[:1] in {"-", "−"} else ("", text)
    whole, _, part = digits.partition(".")
    if not (whole + part).isascii() or not (whole + part).isdigit() or len(digits) > 12:
        return None
    return float(f"{sign}{whole or 0}.{part or 0}")


def raw(value: Any) -> str:
    """An answer as a form would post it; the reverse of reading.

    Examples
    --------
    >>> raw(True), raw(48.5), raw(0.0), raw(None), raw("hip")
    ('yes', '48.5', '0', 'unknown', 'hip')
    """
    if value is None:
        return UNKNOWN
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (int, float)):
        return f"{value:.10g}"
    return value.isoformat() if isinstance(value, date) else str(value)


def _missing(variable: Variable) -> Text:
    chosen = variable.kind in {"boolean", "code"}
    return Text(
        f"{variable.label.zh}：必填" + ("（不清楚请选“未知”）" if chosen else ""),
        f"{variable.label.en}: needed" + (" (or choose “not known”)" if chosen else ""),
    )


def _short(limit: float | None) -> str:
    return "" if limit is None else f"{limit:g}"


def _printed(variable: Variable) -> str:
    unit = "" if variable.unit in {"1", "{score}"} else variable.unit
    return f" {unit.replace('[', '').replace(']', '')}" if unit and "{" not in unit else ""
