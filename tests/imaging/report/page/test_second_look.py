"""Numbers are trusted only where several readings bear each other out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFont

from careloop.imaging.report.page import second_look
from careloop.imaging.report.page.engine import Glyphs
from careloop.imaging.report.page.line import cut, grown, pieces
from careloop.imaging.report.page.second_look import DOUBTFUL, Part, out_of_column, plain
from careloop.imaging.report.word import Box, Word

PAPER = (255, 255, 200)


def _drawn(text: str, *, dirt: str = "") -> tuple[np.ndarray, np.ndarray]:
    """A page with a cell drawn on it, and the corners around the digits of the cell alone."""
    picture = Image.new("RGB", (400, 120), PAPER)
    draw = ImageDraw.Draw(picture)
    font = ImageFont.load_default(32)
    draw.text((150, 40), text, font=font, fill=(0, 0, 0))
    left, top, right, bottom = draw.textbbox((150, 40), text.lstrip("-"), font=font)
    shift = draw.textlength(text, font=font) - draw.textlength(text.lstrip("-"), font=font)
    left, right = left + shift - 2, right + shift + 3
    if dirt:
        draw.text((30, 40), dirt, font=font, fill=(0, 0, 0))
    top, bottom = top - 4, bottom + 4
    corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32)
    return np.array(picture)[..., ::-1], corners


def _agreed(
    *texts: str, picture: np.ndarray | None = None, corners: np.ndarray | None = None
) -> second_look.Settled:
    if picture is None or corners is None:
        picture, corners = _drawn("0.6")
    part = Part(texts[0], corners, corners, 0.99, alone=True)
    looks = [Glyphs(t, tuple(np.linspace(0, 1, len(t))), (0.97,) * len(t)) for t in texts[1:]]
    return second_look._agreed(part, looks, np.ascontiguousarray(picture))


@pytest.mark.parametrize(
    ("looks", "text"),
    [
        (("0.6", "0.6", "0.6"), "0.6"),
        (("0.6", "06", "0.6"), "0.6"),  # one look lost the point
        (("0.6", "a.6", "0.6"), "0.6"),  # one look took a digit for a like letter
        (("1.285", "1.285", "1285"), "1.285"),
        (("1/3", "13", "1/3"), "1/3"),
        (("33%", "33%", "33"), "33%"),
        (("01/22/2020", "01/22/2020", "01/22/2020"), "01/22/2020"),
        (("0012345", "0012345", "0012345"), "0012345"),
    ],
)
def test_two_looks_agree_and_the_third_lost_marks_only(looks: tuple[str, ...], text: str) -> None:
    settled = _agreed(*looks)
    assert (settled.text, settled.doubtful) == (text, False)
    assert settled.confidence == pytest.approx(0.97)


@pytest.mark.parametrize(
    "looks",
    [
        ("0.6", "0.8", "0.6"),  # another digit
        ("0.6", "-0.6", "0.6"),  # one look saw a minus
        ("06", "0.6", "06"),  # one look saw a point
        ("0.6", "0.8", "0.9"),
        ("04", "04", "04"),  # no number is written like this: the point was lost
        ("-12", "-12", "-12"),
        ("-04", "-04", "-04"),
        ("a1", "a1", "a1"),
    ],
)
def test_what_breaks_a_rule_stays_in_doubt(looks: tuple[str, ...]) -> None:
    settled = _agreed(*looks)
    assert settled.doubtful
    assert settled.confidence <= DOUBTFUL < 0.5


def test_a_minus_left_out_of_the_cell_is_noticed() -> None:
    """All looks agree on 0.6 for their cell begins after the minus: the ink before it tells."""
    for text, doubtful in (("-0.6", True), ("0.6", False), ("-1.4", True), ("1.4", False)):
        picture, corners = _drawn(text)
        digits = text.lstrip("-")
        settled = _agreed(digits, digits, digits, picture=picture, corners=corners)
        assert settled.doubtful is doubtful, text
    picture, corners = _drawn("0.6", dirt="12.94")  # another cell further left is none of it
    assert not _agreed("0.6", "0.6", "0.6", picture=picture, corners=corners).doubtful


def test_the_rules_of_a_table_are_no_ink_of_a_number() -> None:
    picture, corners = _drawn("0.7")
    ruled = np.ascontiguousarray(picture)
    bottom, right = int(corners[2, 1]), int(corners[2, 0])
    ruled[bottom - 3 : bottom + 1] = 0
    ruled[:, right + 4 : right + 7] = 0
    assert not _agreed("0.7", "0.7", "0.7", picture=ruled, corners=corners).doubtful
    assert not _agreed("0.7", "0.7", "0.7", picture=picture, corners=corners).doubtful


def test_a_number_cut_off_is_noticed() -> None:
    picture, corners = _drawn("12.94")
    whole = _agreed("12.94", "12.94", "12.94", picture=picture, corners=corners)
    assert not whole.doubtful
    half = corners.copy()
    half[[1, 2], 0] = (corners[0, 0] + corners[1, 0]) / 2 - 4
    assert _agreed("12", "12", "12", picture=picture, corners=half).doubtful


def test_whole_numbers_in_a_column_of_decimals_lost_their_point() -> None:
    def word(text: str, x: float, y: float) -> Word:
        return Word(text, Box(x - 10, y, x + 10, y + 12))

    column = [word(t, 100, 20 * i) for i, t in enumerate(["1.1", "22", "1.7", "2.7"])]
    axis = [word(t, 300, 20 * i) for i, t in enumerate(["2", "1", "0", "1"])]
    assert out_of_column(column + axis) == {1}
    assert out_of_column([column[1]]) == set()


@given(st.sampled_from("-−–—一"), st.decimals(0, 99, places=3))
def test_every_minus_is_one_minus(sign: str, number: object) -> None:
    assert plain(f" {sign} {number}") == f"-{number}"


def test_a_strip_is_cut_at_wide_gaps_and_leads_back_to_the_page() -> None:
    ink = np.zeros((48, 300), bool)
    ink[10:40, 20:60] = ink[10:40, 70:100] = ink[10:40, 200:260] = True
    assert pieces(ink, gap=30) == [(20, 100), (200, 260)]
    assert pieces(~ink & False, gap=3) == []
    corners = np.array([[100, 50], [400, 60], [399, 90], [99, 80]], np.float32)
    strip = cut(np.zeros((200, 500, 3), np.uint8), corners)
    assert strip.picture.shape[0] == 48
    assert np.allclose(strip.span(0, 1), corners, atol=1e-3)
    assert np.allclose(strip.span(0.25, 0.5)[0], [175, 52.5], atol=1e-3)
    wider = grown(corners, along=0.5)
    assert wider[0, 0] == pytest.approx(100 - 15, abs=0.3)
    assert wider[2, 0] == pytest.approx(399 + 15, abs=0.3)
