"""The page of a run: complete, in both languages, and without anybody's name."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image as Picture

from careloop.imaging.measurement import Settings
from careloop.imaging.measuring.account import MOST_PICTURES, Account
from careloop.imaging.measuring.page import figure, render, write_page
from careloop.imaging.measuring.picture import LONGEST_PX, thumbnail
from careloop.imaging.measuring.result import Refused
from careloop.imaging.measuring.single import Task, measured_image
from careloop.imaging.measuring.table import TableWriter
from careloop.records.finding import FINDINGS

from .conftest import bone, image

FEW = Settings(families=("glcm",), wavelet="haar")


@pytest.fixture(scope="module")
def account(tmp_path_factory):
    """Two measured, one refused by quality, three by the reader; and the table."""
    account = Account(FEW)
    table = tmp_path_factory.mktemp("run") / "t.parquet"
    with TableWriter(table) as writer:
        for seed in range(3):
            one = image(seed, name=f"Canary^Secret-{seed}.dcm", person="Canary-ID")
            if seed == 2:
                one = replace(one, pixels=np.full((96, 72), np.nan))
            for result in measured_image(one, Task(FEW), picture=True):
                number = account.add(result)
                if seed < 2:
                    writer.add(number, result)
    for at in range(3):
        account.add(Refused(f"Canary^Secret-{at}.png", "I160", FINDINGS["I160"].en, "give it"))
    return account, table


class Tags(HTMLParser):
    """Elements that are open but never closed."""

    VOID = frozenset({"meta", "img", "br", "link", "input"})

    def __init__(self):
        super().__init__()
        self.open, self.seen = [], []

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_page_is_whole_and_needs_nothing_else(account, language):
    page = render(account[0], language=language, table=account[1])
    tags = Tags()
    tags.feed(page)
    assert tags.open == []
    assert "http" not in page.replace("http-equiv", "")
    images = [attrs for tag, attrs in tags.seen if tag == "img"]
    assert len(images) == 3
    assert all(each["src"].startswith("data:image/png;base64,") and each["alt"] for each in images)
    assert not [attrs for tag, attrs in tags.seen if tag == "script"]
    for code in ("I160", "I501", "I503"):
        kind = FINDINGS[code]
        assert code in page
        assert (kind.zh if language == "zh" else kind.en.split(";")[0].split("'")[0]) in page
    assert FEW.id in page


def test_the_page_names_nobody_unless_file_names_are_asked_for(account):
    page = render(account[0], language="en", table=account[1])
    assert "Canary" not in page
    assert "Test^Name" not in page
    named = render(account[0], language="en", table=account[1], file_names=True)
    assert "Canary^Secret-0.dcm" in named
    assert "Canary^Secret-2.png" in named
    assert "Canary-ID" not in named


def test_refusals_are_grouped_the_most_frequent_first(account):
    groups = account[0].refused_by_code()
    assert [(kind.code, len(group)) for kind, group in groups] == [("I160", 3), ("I501", 1)]
    assert [number for number, _ in groups[0][1]] == [4, 5, 6]
    page = render(account[0], language="en")
    assert page.index("I160") < page.index("I501")


def test_the_chinese_page_has_no_english_headings(account):
    page = render(account[0], language="zh", table=account[1])
    headings = re.findall(r"<h[12][^>]*>([^<]*)</h[12]>", page)
    assert len(headings) == 6
    assert all(re.search(r"[\u4e00-\u9fff]", each) for each in headings)


def test_an_empty_run_has_its_page(tmp_path):
    path = write_page(Account(Settings(bins=None, bin_width=5)), tmp_path / "p.html", language="en")
    assert "Nothing was refused" in path.read_text(encoding="utf-8")


def test_names_of_regions_cannot_break_the_page(account):
    odd = Account(FEW)
    (one,) = measured_image(image(0), Task(FEW), picture=True)
    odd.add(replace(one, region="<script>alert(1)</script>"))
    assert "<script>" not in render(odd, language="en")


def test_no_more_pictures_than_fit():
    odd = Account(FEW)
    (one,) = measured_image(image(0), Task(FEW), picture=True)
    for _ in range(MOST_PICTURES + 5):
        odd.add(one)
    assert len(odd.pictures) == MOST_PICTURES
    assert odd.count == MOST_PICTURES + 5


def decoded(address):
    return np.asarray(Picture.open(io.BytesIO(base64.b64decode(address.partition(",")[2]))))


def test_a_picture_shows_the_outline_in_true_proportions():
    one = image(0, spacing_mm=(0.5, 0.25))
    plain, drawn = (decoded(thumbnail(one, mask)) for mask in (None, bone(0)[1]))
    assert plain.shape == drawn.shape
    height, width, _ = drawn.shape
    assert max(height, width) == LONGEST_PX
    assert height / width == pytest.approx(96 * 0.5 / (72 * 0.25), rel=0.03)
    assert (plain[..., 0] == plain[..., 2]).all()
    outline = (drawn == (255, 176, 0)).all(axis=2)
    assert 100 < outline.sum() < 0.1 * outline.size


@pytest.mark.parametrize("kind", [np.float32, np.int16, np.uint16, np.bool_])
def test_every_type_of_pixel_has_its_picture(kind):
    one = replace(image(0), pixels=image(0).pixels.astype(kind))
    assert decoded(thumbnail(one, bone(0)[1])).any()
    flat = replace(one, pixels=np.zeros((96, 72), kind))
    assert decoded(thumbnail(flat)).any()
    stack = replace(one, pixels=np.stack([one.pixels] * 3), spacing_mm=(1, 0.5, 0.5))
    assert decoded(thumbnail(stack, np.stack([bone(0)[1]] * 3))).any()


def test_figures():
    assert [figure(value) for value in (0.000012345, 1e12, -3.0)] == ["1.234e−05", "1e+12", "−3"]
