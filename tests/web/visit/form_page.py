"""Reading a form's page as a person with a phone does: what stands there, what must be tapped."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

VOID = {"input", "meta", "link", "br", "hr", "img"}


@dataclass
class Read:
    """What a page's form holds."""

    fields: dict[str, str] = field(default_factory=dict)
    """What would be posted if nothing were touched."""
    radios: dict[str, list[str]] = field(default_factory=dict)
    ticks: list[str] = field(default_factory=list)
    written: list[str] = field(default_factory=list)
    selects: dict[str, list[str]] = field(default_factory=dict)
    inside_more: set[str] = field(default_factory=set)
    marks: set[str] = field(default_factory=set)
    text: str = ""


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.read = Read()
        self.stack: list[tuple[str, dict[str, Any]]] = []
        self.in_form = False
        self.area = self.choice = ""

    def handle_starttag(self, tag, attrs):
        at = dict(attrs)
        if tag == "form":
            self.in_form = "visit" in (at.get("class") or "").split()
        if tag not in VOID:
            self.stack.append((tag, at))
        if not self.in_form:
            return
        name = at.get("name")
        closed = any(t == "details" and "open" not in a for t, a in self.stack)
        if tag == "input" and name:
            self._input(name, at)
        elif tag == "select":
            self.choice = name
            self.read.selects[name] = []
            self.read.fields[name] = ""
        elif tag == "option":
            self.read.selects[self.choice].append(at["value"])
            if "selected" in at:
                self.read.fields[self.choice] = at["value"]
        elif tag == "textarea":
            self.area = name
            self.read.fields[name] = ""
            self.read.written.append(name)
        if name and closed:
            self.read.inside_more.add(name)
        if name and any("mark" in (a.get("class") or "").split() for _, a in self.stack):
            self.read.marks.add(name)

    def _input(self, name, at):
        kind = at.get("type", "text")
        value = at.get("value", "")
        if kind == "radio":
            self.read.radios.setdefault(name, []).append(value)
            if "checked" in at:
                self.read.fields[name] = value
        elif kind == "checkbox":
            self.read.ticks.append(name)
            if "checked" in at:
                self.read.fields[name] = value
        else:
            self.read.fields[name] = value
            if kind != "hidden":
                self.read.written.append(name)

    def handle_endtag(self, tag):
        if tag == "form":
            self.in_form = False
        if tag == "textarea":
            self.area = ""
        while self.stack and tag not in VOID:
            if self.stack.pop()[0] == tag:
                break

    def handle_data(self, data):
        self.read.text += data
        if self.area:
            self.read.fields[self.area] += data


def read(html: str) -> Read:
    """The visit form of a page."""
    reader = _Reader()
    reader.feed(html)
    return reader.read


def taps(page: Read, hidden: set[str] = frozenset()) -> int:
    """Taps of an ordinary visit in which nothing new happened, saving included.

    Every tick that is open counts once and answers all marks of its section; every group of
    answers and every list outside the sections that are closed counts once. Measured numbers are
    typed. `hidden` are questions that do not apply until another answer says so.
    """
    open_ticks = [name for name in page.ticks if name not in page.inside_more]
    groups = [
        name
        for name in [*page.radios, *page.selects]
        if not name.endswith("-other")  # beside answers to tap
        and name not in page.inside_more | page.marks | hidden
        and not page.fields.get(name + "-carried")
    ]
    return len(open_ticks) + len(groups) + 1
