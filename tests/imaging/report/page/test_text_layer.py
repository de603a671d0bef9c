"""The text layer of a PDF becomes words at the very place where they are drawn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import printed
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from careloop.error import InputError
from careloop.imaging.report.page import read_pages
from careloop.imaging.report.page.document import open_document
from careloop.imaging.report.page.text_layer import leaves, trusted
from careloop.imaging.report.word import Page, Word

TABLE = [
    (72, 700, "Region"), (200, 700, "BMD (g/cm\u00b2)"), (300, 700, "T-score"),
    (72, 680, "L1"), (200, 680, "1.127"), (300, 680, "-0.1"),
    (72, 660, "L1-L4"), (200, 660, "1.285"), (300, 660, "0.7"),
]  # fmt: skip

SMALL = printed.pdf(TABLE, size=(300, 200), picture=np.zeros((4, 5, 3), np.uint8))


def _page(data: bytes, **options: object) -> Page:
    (page,) = read_pages(data, **options)  # type: ignore[arg-type]
    return page


def _ink_within(page: Page, word: Word) -> float:
    """The share of the ink in and around a word that lies in its box, to a pixel."""
    margin = 4
    b = word.box
    y0, x0 = int(b.y0) - margin, int(b.x0) - margin
    around = page.picture[y0 : int(b.y1) + margin, x0 : int(b.x1) + margin].mean(axis=2) < 128
    inside = around[margin - 1 : 1 - margin, margin - 1 : 1 - margin]
    assert inside.any(), word
    return float(inside.sum() / around.sum())


def test_words_of_a_text_layer() -> None:
    page = _page(printed.pdf(TABLE))
    assert page.read_from == "text layer"
    assert page.findings == ()
    assert [w.text for w in page.words] == [
        "Region", "BMD", "(g/cm\u00b2)", "T-score",
        "L1", "1.127", "-0.1", "L1-L4", "1.285", "0.7",
    ]  # fmt: skip
    assert {w.confidence for w in page.words} == {1.0}
    assert page.size == (2200, 1700)
    assert page.dpi == 200


@pytest.mark.parametrize(
    "entries",
    [
        "", "/Rotate 90", "/Rotate 180", "/Rotate 270",
        "/CropBox [50 600 400 760]", "/CropBox [50 600 400 760] /Rotate 90",
    ],
)  # fmt: skip
def test_boxes_lie_on_the_ink(entries: str) -> None:
    page = _page(printed.pdf(TABLE, entries=entries), dpi=150)
    assert {"1.127", "-0.1", "L1-L4"} <= {w.text for w in page.words}
    for word in page.words:
        assert _ink_within(page, word) > 0.97, word


def test_a_page_is_shown_with_its_text_upright() -> None:
    """However the page is turned in its file: same picture, same boxes."""
    straight = _page(printed.pdf(TABLE), dpi=100)
    for turn in (90, 180, 270):
        page = _page(printed.pdf(TABLE, entries=f"/Rotate {turn}"), dpi=100)
        assert page.read_from == "text layer"
        assert page.size == straight.size
        places, expected = ({w.text: w.box.middle for w in p.words} for p in (page, straight))
        assert places.keys() == expected.keys()
        for text, place in places.items():
            assert place == pytest.approx(expected[text], abs=1.5)


def test_cells_close_together_are_cut_and_kerned_digits_are_not() -> None:
    row = [
        (72, 700, "1.127"),
        (104, 700, "-0.1"),
        (140, 700, "0.9"),
        (160, 700, "x"),
        (72, 680, "2.5"),
    ]
    assert [w.text for w in _page(printed.pdf(row)).words] == ["1.127", "-0.1", "0.9", "x", "2.5"]


def test_hidden_text_over_a_scan_is_not_trusted() -> None:
    """A searchable scan carries another program's guesses: they never count as a text layer."""
    scan = np.full((300, 232, 3), 240, np.uint8)
    hidden, shown = (
        next(iter(leaves(open_document(printed.pdf(TABLE, mode=mode, picture=scan)), dpi=72)))
        for mode in (3, 0)
    )
    assert hidden.hidden
    assert not trusted(hidden)
    assert hidden.pictured == pytest.approx(1.0)
    assert trusted(shown)
    page = _page(printed.pdf(TABLE, mode=3, picture=scan), ocr="never")
    assert page.words == ()
    assert [f.code for f in page.findings] == ["I257"]


def test_a_layer_without_decimals_or_garbled_is_not_trusted() -> None:
    few = [(72, 700, "DXA report"), (72, 680, "Page 1 of 1")]
    garbled = [
        (72, 700 - 20 * i, "\u00c3\u00a4\u00c2\u00bc \u00a7\u00a4\u00a6 1.2 3.4 5.6")
        for i in range(3)
    ]
    good, *bad = (
        trusted(next(iter(leaves(open_document(printed.pdf(t)), dpi=72))))
        for t in (TABLE, few, garbled)
    )
    assert good
    assert bad == [False, False]


def test_a_huge_page_is_drawn_smaller() -> None:
    page = _page(printed.pdf(TABLE, size=(7200, 7200)))
    assert page.picture.shape[0] * page.picture.shape[1] <= 30_100_000
    assert page.dpi is not None
    assert page.dpi < 200
    assert [f.code for f in page.findings] == ["I258"]


def test_locked_and_damaged_files_are_refused() -> None:
    with pytest.raises(InputError, match="locked by a password") as locked:
        read_pages(printed.pdf(TABLE, locked=True))
    assert locked.value.remedy
    with pytest.raises(InputError, match="damaged"):
        read_pages(b"%PDF-1.4\nnothing that follows is a PDF")
    assert len(read_pages(printed.pdf(TABLE))) == 1


@settings(max_examples=120)
@given(
    changes=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=10),
    kept=st.floats(0.1, 1),
)
def test_a_mutated_pdf_is_read_or_refused(changes: list[tuple[float, int]], kept: float) -> None:
    data = bytearray(SMALL)
    for place, value in changes:
        data[int(place * (len(data) - 1))] = value
    try:
        pages = read_pages(bytes(data[: int(kept * len(data))]), dpi=36, ocr="never")
    except InputError:
        return
    for page in pages:
        height, width = page.size
        for word in page.words:
            assert word.text
            assert word.box.x0 <= word.box.x1
            assert word.box.y0 <= word.box.y1
        assert height * width <= 31_000_000


@pytest.mark.realdata
def test_text_layer_of_the_hologic_pages(data_dir: Path) -> None:
    """The slides have a caption as text and the report as a picture; the caption is no report."""
    document = open_document(data_dir / "dxa" / "hologic_horizon_report.pdf")
    pages = list(leaves(document, dpi=72))
    assert len(pages) == 7
    for leaf in pages:
        assert " ".join(w.text for w in leaf.words[:5]) == "Hologic Horizon Apex v. 5.5"
        assert 0.5 < leaf.pictured < 0.65
        assert not trusted(leaf)
    assert "Radius" in [w.text for w in pages[6].words]
