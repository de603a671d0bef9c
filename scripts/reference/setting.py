"""The page of the settings that come from the environment."""

from __future__ import annotations

import re
from dataclasses import fields
from inspect import getdoc

from markdown import code, table

from careloop.web import configuration


def settings_page() -> list[str]:
    """Every environment variable, as the module that reads them describes it."""
    head, _, described = (getdoc(configuration) or "").partition("\n\n")
    entries = re.findall(r"^(CARELOOP_\w+) +(.*(?:\n +.*)*)", described, flags=re.MULTILINE)
    told = {name.removeprefix("CARELOOP_").lower() for name, _ in entries}
    known = {field.name for field in fields(configuration.Configuration)}
    if told != known:
        raise SystemExit(
            f"scripts/reference: careloop.web.configuration tells not of {told ^ known}"
        )
    return [
        "# Settings",
        "",
        head,
        "",
        *table(
            ("environment variable", "meaning"),
            ((code(name), " ".join(words.split())) for name, words in entries),
        ),
    ]
