"""The font that is shipped: free, small, and enough for the names of people in China."""

from __future__ import annotations

import io
import json
import time
from datetime import date
from importlib.resources import files

import pypdfium2
import pytest

from careloop.web.report.glyph import FONT, Printer, printed
from careloop.web.report.typesetting import pdf

FOLDER = files("careloop.web.report") / "font"


def test_it_is_small_and_its_licence_stands_beside_it():
    assert len((FOLDER / FONT).read_bytes()) < 3_000_000
    assert "SIL OPEN FONT LICENSE Version 1.1" in (FOLDER / "LICENSE-OFL.txt").read_text("utf-8")


def test_it_has_every_character_of_gb2312_and_rare_ones_of_names():
    gb2312 = set()
    for high in range(0xB0, 0xF8):
        for low in range(0xA1, 0xFF):
            try:
                gb2312.add(bytes([high, low]).decode("gb2312"))
            except UnicodeDecodeError:
                continue
    assert len(gb2312) == 6763
    assert not [char for char in gb2312 if ord(char) not in printed()]
    of_the_table = (
        "堃喆淼垚犇骉燊昇赟翀祎晟玥珺瑀玹㛃㬎㭎䶮𬭸𬍛𬬻"  # 通用规范汉字表, tier 3 and SIP
    )
    lacking = [char for char in of_the_table if ord(char) not in printed()]
    assert lacking in ([], ["昇"])  # 昇 is no character of the table


def test_everything_a_page_says_can_be_printed(repository):
    """No sentence of the site's own, in either language, needs a character that is lacking."""
    catalogue = repository / "src" / "careloop" / "locale" / "zh_CN" / "LC_MESSAGES" / "careloop.po"
    printer = Printer()
    printer.fit(catalogue.read_text("utf-8"))
    for file in (repository / "src" / "careloop" / "programmes").rglob("*.toml"):
        printer.fit(file.read_text("utf-8"))
    assert not printer.lacking


@pytest.mark.parametrize(
    "text",
    [
        '#read("/etc/passwd")',
        "$ x^2 $",
        "*b* _i_ `c`",
        "\\u{41}",
        "// no",
        "#panic()",
        "<label> @ref",
    ],
)
def test_data_is_never_markup(text):
    person = {
        "name": text,
        "who": [text],
        "day": text,
        "title": text,
        "level": 0,
        "risk": text,
        "step": text,
        "where": [text],
        "contact": text,
        "foot": text,
    }
    made = pdf("slip", {"title": text, "people": [person]}, made_on=date(2026, 1, 5))
    document = pypdfium2.PdfDocument(io.BytesIO(made))
    page = document[0]
    reader = page.get_textpage()
    told = reader.get_text_range()
    reader.close()
    page.close()
    document.close()
    assert told.count(text) >= 7


def test_a_hundred_slips_take_seconds():
    person = json.loads(
        '{"name":"王秀英","who":["女"],"day":"2026-01-05","title":"x","level":3,"risk":"高",'
        '"step":"请去医院","where":[],"contact":"东一村","foot":"参考"}'
    )
    pdf("slip", {"title": "x", "people": [person]}, made_on=date(2026, 1, 5))
    begun = time.process_time()
    pdf("slip", {"title": "x", "people": [person] * 100}, made_on=date(2026, 1, 5), tagged=False)
    assert time.process_time() - begun < 10
