"""Sheets are found on a table, lines made level, and points can be followed through."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from careloop.imaging.report.page.paper import clockwise, evenly_lit, sheet_corners
from careloop.imaging.report.page.straightening import _leveller
from report_pages import PAGES, followed, photographed


def _page() -> np.ndarray:
    """A white page with lines of text-like ink and a dark picture, as a report has."""
    page = np.full((1100, 850, 3), 252, np.uint8)
    for y in range(80, 1050, 24):
        page[y : y + 9, 60 : 60 + 180 + (y * 37) % 500 : 3] = 20
    page[200:500, 100:380] = 30
    return page


@pytest.mark.parametrize("seed", range(4))
def test_the_sheet_of_a_photograph_is_found_to_half_a_hundredth(seed: int) -> None:
    page = _page()
    scene, matrix = photographed(page, 200, np.random.default_rng(seed))
    corners = sheet_corners(scene)
    assert corners is not None
    outline = np.array([[0, 0, 1], [850, 0, 1], [850, 1100, 1], [0, 1100, 1]]) @ matrix.T
    assert np.abs(corners - outline[:, :2] / outline[:, 2:]).max() < 0.005 * max(scene.shape)


def test_a_scan_that_is_paper_from_edge_to_edge_has_no_sheet() -> None:
    page = _page()
    assert sheet_corners(page) is None
    framed = page.copy()
    cv2.rectangle(framed, (30, 30), (820, 1070), (0, 0, 0), 4)  # a printed frame is no sheet
    assert sheet_corners(framed) is None
    yellow = page.copy()
    yellow[600:900, 40:810] = (255, 255, 176)  # nor is a coloured table
    assert sheet_corners(yellow) is None


def test_corners_go_clockwise_from_the_top_left() -> None:
    quad = np.array([[0, 0], [10, 1], [11, 9], [-1, 8]], np.float32)
    for order in ([0, 1, 2, 3], [2, 0, 3, 1], [3, 2, 1, 0]):
        assert np.array_equal(clockwise(quad[order]), quad)


def _lines(matrix: np.ndarray) -> np.ndarray:
    """Level lines all over a page, moved by a homography."""
    quads = [
        [[x, y], [x + w, y], [x + w, y + 14], [x, y + 14]]
        for y in range(60, 1040, 40)
        for x, w in ((60, 260), (420, 90), (600, 200))
    ]
    moved = cv2.perspectiveTransform(np.array(quads, np.float32).reshape(1, -1, 2), matrix)
    return np.asarray(moved[0].reshape(-1, 4, 2))


@pytest.mark.parametrize("tilt_deg", [-8, -1, 0, 0.5, 3, 12])
@pytest.mark.parametrize("convergence", [0, 0.00012, -0.00015])
def test_lines_are_levelled_without_the_sheet(tilt_deg: float, convergence: float) -> None:
    """A page that fills the picture: tilt and convergence are taken from the lines alone."""
    turn = np.vstack([cv2.getRotationMatrix2D((425, 550), tilt_deg, 1), [0, 0, 1]])
    project = np.array([[1, 0, 0], [0, 1, 0], [convergence, 0, 1]])
    lines = _lines(project @ turn)
    level = cv2.perspectiveTransform(
        lines.reshape(1, -1, 2), _leveller(lines, (1100, 850))
    ).reshape(-1, 4, 2)
    along = level[:, 1] - level[:, 0]
    assert np.abs(np.degrees(np.arctan2(along[:, 1], along[:, 0]))).max() < 0.15


def test_uneven_light_is_evened_and_even_light_left_alone() -> None:
    page = _page()
    assert evenly_lit(page) is page
    shade = np.linspace(1, 0.45, 850)[None, :, None]
    even = evenly_lit((page * shade).astype(np.uint8))
    paper = np.ones(page.shape[:2], bool)
    paper[190:510, 90:390] = False
    paper &= page.min(axis=2) > 200
    assert even[paper].min() > 200
    assert np.ptp(np.percentile(even[paper], [5, 95])) < 25
    ink = (page.max(axis=2) < 100) & (np.arange(850) > 400)
    assert even[ink].max() < 90


@pytest.mark.realdata
def test_points_can_be_followed_through_a_photograph(photograph) -> None:
    scene, matrix, straight, _ = photograph
    assert straight.changed
    assert [f.code for f in straight.findings] == ["I252"]
    height, width = straight.picture.shape[:2]
    corners = np.array([[0, 0, 1], [2000, 0, 1], [2000, 2000, 1], [0, 2000, 1]], float)
    moved = corners @ (straight.homography @ matrix).T
    expected = np.array([[0, 0], [width, 0], [width, height], [0, height]])
    assert np.abs(moved[:, :2] / moved[:, 2:] - expected).max() < 0.012 * max(height, width)
    cells = list(followed(PAGES["Hologic forearm"].cells, straight.homography @ matrix))
    rows = [np.mean([c.y for c in cells[i : i + 4]]) for i in (1, 5, 9, 13)]
    assert np.all(np.diff(rows) > 10)  # upright, rows in their order
    assert scene.shape != straight.picture.shape
