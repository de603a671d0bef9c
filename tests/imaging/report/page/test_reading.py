"""Report pages are read: every number of the results tables exactly, or it is refused."""

from __future__ import annotations

import logging
import os
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from careloop.error import MissingExtra
from careloop.imaging.report.page import engine, find_scan_pictures, read_pages
from careloop.imaging.report.page.reading import _read
from careloop.imaging.report.word import Page
from report_ocr import measure, score
from report_pages import DEGRADATIONS, PAGES, followed

READABLE = [n for n in DEGRADATIONS if n not in {"out of focus", "50 dpi"}]


@pytest.mark.realdata
def test_the_ge_forearm_page_is_read_exactly(forearm) -> None:
    """72 dpi, digits six pixels high: all 15 numbers of the table, and the words around them."""
    assert forearm.read_from == "ocr"
    assert not forearm.rectified
    result = score(forearm.words, list(PAGES["GE forearm"].cells))
    assert (result.exact, result.refused, result.wrong) == (15, (), ())
    text = " ".join(w.text for w in forearm.words)
    for expected in ("T-score", "Z-score", "Region", "Lunar iDXA", "Radius 33%", "(g/cm²)"):
        assert expected in text, expected


@pytest.mark.realdata
def test_words_of_a_row_have_boxes_of_their_own(forearm) -> None:
    """D1 assigns columns by boxes: region words, BMD, T and Z of a row do not overlap."""
    row = sorted(
        (w for w in forearm.words if 252 <= w.box.x0 < 480 and w.box.y0 < 386 < w.box.y1),
        key=lambda w: w.box.x0,
    )
    assert [w.text for w in row] == ["Radius", "UD", "0.437", "-0.6", "0.4"]
    for a, b in pairwise(row):
        assert a.box.x1 <= b.box.x0 + 1.5


@pytest.mark.realdata
def test_a_photographed_page_is_read_exactly(photograph) -> None:
    _, matrix, straight, reading = photograph
    cells = list(followed(PAGES["Hologic forearm"].cells, straight.homography @ matrix))
    result = score(reading.words, cells)
    assert result.wrong == ()
    assert result.exact >= 16  # of 17


@pytest.mark.slow
@pytest.mark.realdata
@pytest.mark.parametrize("page", ["GE spine", "GE hip", "Hologic forearm", "Hologic spine"])
@pytest.mark.parametrize("distortion", READABLE)
def test_nothing_is_silently_wrong(distortion: str, page: str, data_dir: Path) -> None:
    result = measure(PAGES[page], distortion, data_dir)
    assert result.wrong == ()
    least = 0.25 if page == "GE hip" else 0.85  # the hip page has digits five pixels high
    assert result.exact >= least * result.cells, result.refused


@pytest.mark.slow
@pytest.mark.realdata
@pytest.mark.parametrize("distortion", ["out of focus", "50 dpi"])
@pytest.mark.parametrize("page", ["GE hip", "GE forearm", "Hologic forearm"])
def test_what_cannot_be_read_is_refused(distortion: str, page: str, data_dir: Path) -> None:
    result = measure(PAGES[page], distortion, data_dir)
    assert result.wrong == ()


@pytest.mark.slow
@pytest.mark.realdata
def test_caption_and_picture_of_the_hologic_pages_are_joined(data_dir: Path) -> None:
    """All regions of the seven-page PDF; the caption comes from the text layer, fully trusted."""
    pages = read_pages(data_dir / "dxa" / "hologic_horizon_report.pdf")
    assert [p.read_from for p in pages] == ["ocr"] * 7
    for page in pages:
        assert "I251" in {f.code for f in page.findings}
        caption = [w for w in page.words if w.text == "5.5"]
        assert [w.confidence for w in caption] == [1.0]
    for truth in PAGES.values():
        if truth.number:
            result = score(pages[truth.number - 1].words, list(truth.cells))
            assert result.wrong == ()
            assert result.exact >= 0.98 * result.cells, result.refused


# --- the scan printed on the page


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("name", "boxes"),
    [
        ("Hologic body", [(482, 564, 788, 1243)]),
        ("Hologic spine", [(435, 595, 813, 1202)]),
        ("Hologic hip", [(355, 595, 640, 915), (646, 595, 933, 906)]),
        ("Hologic dual hip", []),
        ("Hologic forearm", [(386, 588, 853, 1153)]),
    ],
)
def test_hologic_scans_are_cut_out(
    name: str, boxes: list[tuple[float, ...]], data_dir: Path
) -> None:
    """Boxes confirmed by eye: the scan to a pixel or two, without caption, graph and table."""
    page = Page(1, PAGES[name].picture(data_dir), (), "ocr")
    scans = find_scan_pictures(page)
    assert len(scans) == len(boxes)
    for scan, expected in zip(scans, boxes, strict=True):
        found = (scan.box.x0, scan.box.y0, scan.box.x1, scan.box.y1)
        assert found == pytest.approx(expected, abs=14)
        assert scan.picture.shape[:2] == page.crop(scan.box).shape[:2]


@pytest.mark.realdata
def test_the_ge_scan_is_cut_out_with_its_regions(forearm) -> None:
    (scan,) = find_scan_pictures(forearm)
    found = (scan.box.x0, scan.box.y0, scan.box.x1, scan.box.y1)
    assert found == pytest.approx((40, 144, 245, 424), abs=8)


# --- the recogniser behaves


@pytest.mark.realdata
def test_nothing_of_a_page_is_logged(forearm, caplog, capfd) -> None:
    strip = np.ascontiguousarray(forearm.picture[380:392, 330:480, ::-1])
    with caplog.at_level(logging.DEBUG):
        (read,) = engine.read_lines([strip])
    assert "0.437" in read.text.replace(" ", "")
    assert len(read.places) == len(read.text) == len(read.confidences)
    assert list(read.places) == sorted(read.places)
    assert caplog.records == []
    out, error = capfd.readouterr()
    assert (out, error) == ("", "")


def test_a_blank_page_has_no_words_and_says_so() -> None:
    pytest.importorskip("rapidocr")
    page = _read(3, np.full((200, 160, 3), 255, np.uint8), None)
    assert page.words == ()
    assert [(f.code, f.where) for f in page.findings] == [("I256", "page 3")]


def test_the_missing_extra_is_named(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "rapidocr", None)
    engine._engine.cache_clear()
    try:
        with pytest.raises(MissingExtra, match=r"careloop\[ocr\]"):
            engine.read_lines([np.zeros((48, 100, 3), np.uint8)])
    finally:
        engine._engine.cache_clear()


def test_no_more_threads_than_given(monkeypatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert engine.threads() == 1
    monkeypatch.delenv("OMP_NUM_THREADS")
    given = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert 1 <= engine.threads() <= (given or 1)
