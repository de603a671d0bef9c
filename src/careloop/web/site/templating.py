"""Jinja2 for the site's pages: the same words, filters and catalogue as the reports."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Any

from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup, escape

from careloop.web.site.language import gettext, language

_DATE = re.compile(r"\d{4}-\d\d-\d\d")


def environment(**options: Any) -> Environment:
    """Django's Jinja2 environment (setting TEMPLATES)."""
    options.pop("autoescape", None)
    made = Environment(
        **options | {"undefined": StrictUndefined},
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    made.install_gettext_callables(  # type: ignore[attr-defined]
        gettext, lambda one, many, number: gettext(one if number == 1 else many), newstyle=True
    )
    made.globals |= {"static": static, "url": _url, "language": language}
    made.filters |= {"day": _day, "moment": _moment, "number": lambda count: f"{count:,}"}
    made.filters |= {"bracketed": _bracketed, "unbroken": _unbroken}
    return made


def _url(name: str, *args: Any, **kwargs: Any) -> str:
    return reverse(name, args=args or None, kwargs=kwargs or None)


def _day(value: date | None) -> str:
    """2026-11-22; an unknown day is a dash."""
    return "—" if value is None else value.strftime("%Y-%m-%d")


def _unbroken(words: str) -> Markup:
    """Words in which no date is broken at its hyphens, however narrow the screen."""
    return Markup(_DATE.sub(r'<span class="nowrap">\g<0></span>', str(escape(words))))  # noqa: S704


def _bracketed(words: object) -> str:
    """The words in brackets after others: Chinese ones have no space before them."""
    return gettext(" ({words})").format(words=words)


def _moment(value: datetime | None) -> str:
    """2026-11-22 09:30 in the site's own time zone."""
    return "—" if value is None else timezone.localtime(value).strftime("%Y-%m-%d %H:%M")
