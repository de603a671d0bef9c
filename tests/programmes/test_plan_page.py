"""The patient's page printed: one A4 page, whatever the plan."""

from __future__ import annotations

import re
import shutil
import subprocess
from datetime import date

import pytest

from careloop.dictionary.catalogue import load
from careloop.dictionary.variable import Text
from careloop.guidance.plan import KINDS, Plan, PlanItem
from careloop.programmes.plan_page import patient_html
from careloop.programmes.plan_view import PlanWords
from careloop.programmes.planning import guidance_of
from careloop.programmes.programme import programme


def busiest() -> Plan:
    """A plan with far more to say than a page holds, in sentences of every length."""
    items = tuple(
        PlanItem(
            f"i{number}",
            KINDS[number % len(KINDS)],
            Text("", ""),
            patient=Text(
                f"{number}，" + "每天多走一走，量力而行。" * (1 + number % 4),
                f"{number}, "
                + "walk a little more every day, within your strength. " * (1 + number % 4),
            ),
            priority=number,
        )
        for number in range(60)
    )
    return Plan("99000000300102380", date(2026, 6, 30), "osteoporosis", "china_2022", None, items)


@pytest.mark.browser
@pytest.mark.parametrize("language", ["zh", "en"])
def test_patient_page_is_one_page(tmp_path, language):
    osteoporosis = programme("osteoporosis")
    words = PlanWords(guidance_of(osteoporosis), osteoporosis, load(), language=language)
    row = {"sex": "female", "age_y": 91.0}
    page = patient_html(busiest(), words, row, note="模拟数据：这个社区和其中的人都不存在。")
    (tmp_path / "page.html").write_text(page, encoding="utf-8")
    names = ("chromium", "chromium-browser", "google-chrome")
    command = next(path for path in map(shutil.which, names) if path)
    options = "headless no-sandbox disable-gpu no-first-run disable-background-networking"
    options += " disable-component-update disable-sync no-pdf-header-footer"
    subprocess.run(
        [
            command,
            *(f"--{option}" for option in options.split()),
            f"--user-data-dir={tmp_path / 'profile'}",
            f"--print-to-pdf={tmp_path / 'page.pdf'}",
            (tmp_path / "page.html").as_uri(),
        ],
        capture_output=True,
        timeout=120,
        check=True,
    )
    printed = (tmp_path / "page.pdf").read_bytes()
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) == 1
