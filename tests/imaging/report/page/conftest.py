"""Pages that are read once for all tests: recognising a page costs seconds."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from careloop.imaging.report.page import read_pages
from careloop.imaging.report.page.recognition import read_picture
from careloop.imaging.report.page.straightening import settle
from report_pages import PAGES, photographed


@pytest.fixture(scope="session")
def forearm(data_dir):
    """The GE forearm page, 72 dpi, as `read_pages` gives it."""
    (page,) = read_pages(data_dir / "dxa" / "ge_idxa_report_rad.png")
    return page


@pytest.fixture(scope="session")
def photograph(data_dir):
    """The Hologic forearm page photographed: the scene, where points went, what was made of it."""
    page = PAGES["Hologic forearm"]
    scene, matrix = photographed(page.picture(data_dir), page.dpi, np.random.default_rng(7))
    straight = settle(scene, where="page 1")
    return scene, matrix, straight, read_picture(straight.even, straight.lines)
