"""The recogniser of letters: loaded once, quiet, from the models inside its wheel, on given cores.

Nothing is fetched at run time: the model files are named to rapidocr outright, so that its
download never begins, and nothing of a page is logged.
"""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from careloop.error import MissingExtra

_MOST_THREADS = 8
_LOCK = threading.Lock()


@dataclass(frozen=True, slots=True)
class Glyphs:
    """What was read in the picture of one line: its letters, where they stand, how surely.

    `places` are the centres of the letters as shares of the width of the picture.
    """

    text: str
    places: tuple[float, ...]
    confidences: tuple[float, ...]


def find_lines(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The quadrilaterals [n, 4, 2] (x, y; from the top left, clockwise) around lines of text.

    Parameters
    ----------
    picture
        BGR [y, x, 3]; letters should be 15 to 40 pixels high.
    """
    with _LOCK:
        found = _engine()(picture, use_det=True, use_cls=False, use_rec=False)
    boxes = getattr(found, "boxes", None)
    if boxes is None or len(boxes) == 0:
        return np.empty((0, 4, 2), np.float32)
    return np.asarray(boxes, np.float32)


def read_lines(pictures: list[NDArray[np.uint8]]) -> list[Glyphs]:
    """The letters in each picture of a line (BGR [y, x, 3]), in the given order."""
    if not pictures:
        return []
    with _LOCK:
        engine = _engine()
        engine.update_params(return_word_box=True)
        output = engine.recognize_txt(pictures)
    return [
        _glyphs(text, info) for text, info in zip(output.txts, output.word_results, strict=True)
    ]


def _glyphs(text: str, info: Any) -> Glyphs:
    """Letters with their places: rapidocr gives columns of letters without the spaces."""
    columns = [column for word in info.word_cols for column in word]
    length = float(info.line_txt_len) or 1.0
    solid = iter(columns)
    places, last = [], 0.0
    for letter in text:
        if not letter.isspace():
            last = (next(solid, last * length - 0.5) + 0.5) / length
        places.append(last)
    confidences = tuple(float(c) for c in info.confs[: len(text)])
    return Glyphs(text, tuple(places), confidences)


def threads() -> int:
    """The number of threads: the cores this process was given, or OMP_NUM_THREADS where less."""
    try:
        given = len(os.sched_getaffinity(0))
    except AttributeError:  # not on every system
        given = os.cpu_count() or 1
    wanted = os.environ.get("OMP_NUM_THREADS", "")
    limit = int(wanted) if wanted.isdigit() and int(wanted) else _MOST_THREADS
    return max(1, min(given, limit, _MOST_THREADS))


@cache
def _engine() -> Any:
    try:
        import rapidocr
    except ImportError:
        raise MissingExtra(
            "reading a report from a picture needs the extra `ocr`: pip install 'careloop[ocr]'"
        ) from None
    models = Path(rapidocr.__file__).parent / "models"
    params = {
        "Global.log_level": "critical",
        "Global.use_cls": False,
        "Global.text_score": 0.0,
        "Global.max_side_len": 10_000,  # pictures come in the right size
        "Global.return_word_box": True,
        "Det.limit_type": "max",  # never larger than given: a narrow strip would grow without end
        "Det.limit_side_len": 2048,
        "Det.model_path": str(_model(models, "det")),
        "Rec.model_path": str(_model(models, "rec")),
        "EngineConfig.onnxruntime.intra_op_num_threads": threads(),
        "EngineConfig.onnxruntime.inter_op_num_threads": 1,
    }
    return rapidocr.RapidOCR(params=params)


def _model(folder: Path, task: str) -> Path:
    """The model file of a task inside the wheel."""
    found = sorted(folder.glob(f"*_{task}_*.onnx"))
    if not found:
        raise MissingExtra(
            f"the installed rapidocr brings no {task!r} model: pip install 'careloop[ocr]' again"
        )
    return found[-1]
