"""Words that templates put together read right in Chinese too: no half-width marks beside them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import careloop.web
from careloop.web.site.language import gettext
from careloop.web.site.templating import environment

TEMPLATES = sorted(Path(careloop.web.__file__).parent.glob("*/jinja2/**/*.html"))
_TRANSLATED = re.compile(r"{%-? trans .*?{%-? endtrans -?%}", re.DOTALL)
_GLUED = re.compile(r"(?:}}|%}|</\w+>)[,;:] ?(?=[{<])")
"""A comma, semicolon or colon outside the words that are translated."""


@pytest.mark.parametrize("file", TEMPLATES, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_no_template_glues_words_with_half_width_marks(file):
    text = _TRANSLATED.sub("", file.read_text(encoding="utf-8"))
    assert _GLUED.findall(text) == []


def test_brackets_and_dates_follow_the_language(settings):
    filters = environment().filters
    assert gettext("Log in") == "登录"
    assert filters["bracketed"]("左侧") == "（左侧）"
    assert filters["unbroken"]("<b> 2026-01-29") == (
        '&lt;b&gt; <span class="nowrap">2026-01-29</span>'
    )
