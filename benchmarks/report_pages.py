"""Real report pages with their results tables as read by eye, and ways in which paper goes wrong.

Each cell has its text and its middle on the page (pixels of the page as given: GE pages are PNG
pictures at 72 dpi, the Hologic pages are drawn from the PDF at 200 dpi), so that a test can follow
it through a known distortion. The truth was typed from the pictures, not from a recogniser.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import cv2
import numpy as np
import pypdfium2
from numpy.typing import NDArray
from PIL import Image

Picture: TypeAlias = NDArray[np.uint8]
Matrix: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Cell:
    text: str
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class ReportPage:
    name: str
    file: str
    number: int  # page of the PDF from 1; 0 for a picture
    dpi: float
    cells: tuple[Cell, ...]

    def picture(self, folder: Path) -> Picture:
        """The page as RGB, at its own density."""
        path = folder / "dxa" / self.file
        if not self.number:
            return np.array(Image.open(path).convert("RGB"))
        with pypdfium2.PdfDocument(path) as document:
            page = document[self.number - 1]
            drawn = page.render(scale=self.dpi / 72).to_pil().convert("RGB")
        return np.array(drawn)


def _cells(
    columns: tuple[float, ...],
    rows: dict[float, str],
    elsewhere: dict[float, tuple[float, ...]] | None = None,
) -> tuple[Cell, ...]:
    """Cells from the middles of columns and, for each row's middle, its texts ("." is blank).

    `elsewhere` has the columns of rows that belong to another table of the page.
    """
    return tuple(
        Cell(text, x, y)
        for y, line in rows.items()
        for x, text in zip((elsewhere or {}).get(y, columns), line.split(), strict=True)
        if text != "."
    )


_PDF = "hologic_horizon_report.pdf"
PAGES = {
    page.name: page
    for page in (
        ReportPage(
            "GE spine", "ge_idxa_report_ls.png", 0, 72,
            _cells((349, 406, 461), {
                386: "1.127 -0.1 0.9", 397: "1.162 -0.4 0.6", 407: "1.358 1.1 2.2",
                418: "1.433 1.7 2.7", 428: "1.285 0.7 1.8", 495: "60.4 1.285 .",
            }, {495: (374, 428, 461)}),
        ),
        ReportPage(
            "GE hip", "ge_idxa_report_hip.png", 0, 72,
            _cells((385, 434, 479), {
                326: "0.980 -0.4 0.7", 335: "0.999 -0.3 0.8", 344: "0.989 -0.4 0.8",
                354: "0.019 0.1 0.1", 363: "0.991 -0.1 0.7", 373: "1.007 0.0 0.8",
                382: "0.999 -0.1 0.7", 391: "0.016 0.1 0.1",
            }),
        ),
        ReportPage(
            "GE forearm", "ge_idxa_report_rad.png", 0, 72,
            _cells((349, 406, 460), {
                386: "0.437 -0.6 0.4", 397: "0.322 . .", 407: "0.861 -0.2 0.8",
                418: "0.833 . .", 428: "0.391 . .", 439: "0.848 . .",
                450: "0.647 -0.5 0.5", 461: "0.596 . .", 471: "0.626 . .",
            }),
        ),
        ReportPage(
            "Hologic body", _PDF, 1, 200,
            _cells((1136, 1250, 1358, 1558), {
                1066: "195.59 134.97 0.690 .", 1097: "211.09 144.04 0.682 .",
                1127: "102.96 61.36 0.596 .", 1158: "95.41 49.60 0.520 .",
                1189: "131.19 104.69 0.798 .", 1220: "49.29 43.97 0.892 .",
                1249: "201.55 213.00 1.057 .", 1280: "347.85 368.09 1.058 .",
                1310: "347.45 345.60 0.995 .", 1342: "1682.38 1465.33 0.871 .",
                1373: "197.18 388.04 1.968 .", 1402: "1879.56 1853.37 0.986 -1.6",
            }),
        ),
        ReportPage(
            "Hologic spine", _PDF, 4, 200,
            _cells((629, 823, 1015, 1410), {
                1379: "13.26 11.58 0.873 -1.0", 1410: "13.72 12.94 0.943 -0.7",
                1440: "14.81 13.93 0.941 -1.2", 1468: "13.97 13.40 0.959 -0.8",
                1499: "26.99 24.52 0.909 -0.5", 1530: "28.07 25.51 0.909 -0.8",
                1560: "27.24 24.98 0.917 -1.0", 1590: "28.53 26.88 0.942 -0.9",
                1619: "27.70 26.35 0.951 -1.0", 1650: "28.78 27.34 0.950 -1.3",
                1680: "41.79 38.45 0.920 -0.8", 1710: "40.96 37.92 0.926 -0.9",
                1739: "42.04 38.91 0.925 -1.0", 1770: "42.50 40.28 0.948 -1.1",
                1799: "55.77 51.85 0.930 -1.0",
            }),
        ),
        ReportPage(
            "Hologic hip", _PDF, 5, 200,
            _cells((512, 613, 711, 922), {
                1310: "4.86 3.90 0.804 -0.2", 1341: "4.30 3.73 0.868 0.4",
                1371: "4.58 3.82 0.836 0.1", 1401: "0.55 0.17 0.064 0.6",
                1463: "37.75 31.54 0.835 -0.8", 1492: "33.23 27.91 0.840 -0.7",
                1523: "35.49 29.72 0.838 -0.7", 1554: "4.52 3.63 0.005 0.0",
            }),
        ),
        ReportPage(
            "Hologic dual hip", _PDF, 6, 200,
            _cells((577, 784, 986, 1410), {
                728: "4.86 3.90 0.804 -0.2", 760: "4.30 3.73 0.868 0.4",
                791: "4.58 3.82 0.836 0.1", 822: "0.55 0.17 0.064 0.6",
                882: "1.12 0.66 0.594 -0.8", 913: "1.12 0.70 0.626 -0.5",
                944: "1.12 0.68 0.610 -0.6", 974: "0.00 0.03 0.031 0.3",
                1036: "2.97 2.39 0.803 1.0", 1066: "13.05 8.55 0.655 -0.4",
                1097: "8.01 5.47 0.729 0.3", 1126: "10.07 6.16 0.148 1.5",
                1189: "29.92 25.24 0.844 -1.6", 1220: "15.88 15.63 0.984 -0.7",
                1248: "22.90 20.44 0.914 -1.2", 1280: "14.04 9.62 0.141 0.9",
                1342: "37.75 31.54 0.835 -0.8", 1373: "33.23 27.91 0.840 -0.7",
                1402: "35.49 29.72 0.838 -0.7", 1433: "4.52 3.63 0.005 .",
            }),
        ),
        ReportPage(
            "Hologic forearm", _PDF, 7, 200,
            _cells((971, 1100, 1200, 1295, 1502), {
                1067: "1/3 4.46 3.00 0.673 0.1", 1097: ". 11.07 6.19 0.559 -0.3",
                1125: ". 5.09 1.81 0.355 -0.9", 1155: ". 20.61 10.99 0.533 -0.3",
            }),
        ),
    )
}  # fmt: skip


# --- what happens to paper: each gives the picture and the way points went (3 × 3, x y 1)


def _scaled(picture: Picture, factor: float) -> tuple[Picture, Matrix]:
    flags = cv2.INTER_CUBIC if factor > 1 else cv2.INTER_AREA
    drawn = cv2.resize(picture, None, fx=factor, fy=factor, interpolation=flags)
    height, width = drawn.shape[:2]
    matrix = np.diag([width / picture.shape[1], height / picture.shape[0], 1.0])
    return np.asarray(drawn, np.uint8), matrix


def at_dpi(dpi: float) -> Callable[[Picture, float, np.random.Generator], tuple[Picture, Matrix]]:
    return lambda picture, own, _: _scaled(picture, dpi / own)


def grey(picture: Picture, own: float, _: np.random.Generator) -> tuple[Picture, Matrix]:
    drawn, matrix = _scaled(picture, 150 / own)
    level = drawn @ np.array([0.299, 0.587, 0.114])
    return np.repeat(level.astype(np.uint8)[..., None], 3, axis=2), matrix


def jpeg(picture: Picture, own: float, _: np.random.Generator) -> tuple[Picture, Matrix]:
    drawn, matrix = _scaled(picture, 150 / own)
    return _compressed(drawn, 30), matrix


def noise(picture: Picture, own: float, rng: np.random.Generator) -> tuple[Picture, Matrix]:
    drawn, matrix = _scaled(picture, 150 / own)
    return _noisy(drawn, 15, rng), matrix


def tilted(picture: Picture, own: float, _: np.random.Generator) -> tuple[Picture, Matrix]:
    drawn, matrix = _scaled(picture, 150 / own)
    height, width = drawn.shape[:2]
    turn = np.vstack([cv2.getRotationMatrix2D((width / 2, height / 2), 3, 1), [0, 0, 1]])
    moved = cv2.warpPerspective(
        drawn, turn, (width, height), flags=cv2.INTER_CUBIC, borderValue=(255, 255, 255)
    )
    return np.asarray(moved, np.uint8), turn @ matrix


def quarter(picture: Picture, own: float, _: np.random.Generator) -> tuple[Picture, Matrix]:
    drawn, matrix = _scaled(picture, 150 / own)
    turn = np.array([[0.0, 1, 0], [-1, 0, drawn.shape[1]], [0, 0, 1]])
    return np.ascontiguousarray(np.rot90(drawn)), turn @ matrix


def upside_down(picture: Picture, own: float, _: np.random.Generator) -> tuple[Picture, Matrix]:
    drawn, matrix = _scaled(picture, 150 / own)
    height, width = drawn.shape[:2]
    turn = np.array([[-1.0, 0, width], [0, -1, height], [0, 0, 1]])
    return np.ascontiguousarray(drawn[::-1, ::-1]), turn @ matrix


def photographed(picture: Picture, own: float, rng: np.random.Generator) -> tuple[Picture, Matrix]:
    """On a dark wooden table, from an angle, with a shadow, slightly out of focus, as a JPEG."""
    drawn, matrix = _scaled(picture, 200 / own)
    height, width = drawn.shape[:2]
    wide, high = round(width * 1.25), round(height * 1.22)
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    seen = np.array(
        [[0.16, 0.10], [0.87, 0.06], [0.95, 0.93], [0.06, 0.90]], np.float32
    ) * np.array([wide, high], np.float32)
    warp = cv2.getPerspectiveTransform(corners, seen)
    ground = cv2.resize(
        rng.normal(85, 22, (high // 3, 8)).astype(np.float32), (wide, high), interpolation=1
    )
    ground = np.repeat((ground + rng.normal(0, 6, ground.shape))[..., None], 3, axis=2)
    ground = np.clip(ground * np.array([1.1, 0.95, 0.75]), 0, 255)
    page = cv2.warpPerspective(drawn, warp, (wide, high), flags=cv2.INTER_CUBIC)
    sheet = cv2.warpPerspective(np.ones((height, width), np.float32), warp, (wide, high))[..., None]
    scene = page * sheet + ground * (1 - sheet)
    x, y = np.meshgrid(np.linspace(0, 1, wide), np.linspace(0, 1, high))
    shadow = 1 - 0.4 / (1 + np.exp(-(x + 0.6 * y - 1.0) * 14)) - 0.1 * y
    scene = cv2.GaussianBlur(scene * shadow[..., None], (0, 0), 0.9)
    return _compressed(_noisy(scene, 4, rng), 80), warp @ matrix


def out_of_focus(picture: Picture, own: float, _: np.random.Generator) -> tuple[Picture, Matrix]:
    drawn, matrix = _scaled(picture, 200 / own)
    return np.asarray(cv2.GaussianBlur(drawn, (0, 0), 3.5), np.uint8), matrix


def _noisy(picture: NDArray[Any], sigma: float, rng: np.random.Generator) -> Picture:
    raised = picture + rng.normal(0, sigma, picture.shape)
    return np.asarray(np.clip(raised, 0, 255), np.uint8)


def _compressed(picture: Picture, quality: int) -> Picture:
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "JPEG", quality=quality)
    return np.array(Image.open(stream).convert("RGB"))


DEGRADATIONS: dict[str, Callable[[Picture, float, np.random.Generator], tuple[Picture, Matrix]]] = {
    "as given": lambda picture, _own, _rng: (picture, np.eye(3)),
    "150 dpi": at_dpi(150),
    "100 dpi": at_dpi(100),
    "grey": grey,
    "JPEG quality 30": jpeg,
    "noise": noise,
    "tilted by 3°": tilted,
    "turned by 90°": quarter,
    "upside down": upside_down,
    "photographed": photographed,
    "out of focus": out_of_focus,
    "50 dpi": at_dpi(50),
}


def followed(cells: tuple[Cell, ...], matrix: Matrix) -> Iterator[Cell]:
    """The cells where a distortion took them."""
    for cell in cells:
        x, y, w = matrix @ np.array([cell.x, cell.y, 1.0])
        yield Cell(cell.text, float(x / w), float(y / w))
