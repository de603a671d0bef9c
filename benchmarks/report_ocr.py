"""How well report pages are read when they are scanned, compressed, turned or photographed.

For each page and distortion: the share of numeric cells of the results table that are read
exactly, the share that is refused (missing, or with a confidence below one half), and the cells
that are silently wrong: another text with a higher confidence. The last must be none.

    CARELOOP_DATA=… python benchmarks/report_ocr.py [--page NAME]… [--with NAME]…
"""

from __future__ import annotations

import argparse
import os
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from careloop.imaging.report.page.recognition import read_picture
from careloop.imaging.report.page.second_look import plain
from careloop.imaging.report.page.straightening import settle
from careloop.imaging.report.word import Word
from report_pages import DEGRADATIONS, PAGES, Cell, Matrix, Picture, ReportPage, followed

TRUSTED = 0.5


@dataclass(frozen=True, slots=True)
class Score:
    exact: int
    refused: tuple[str, ...]
    wrong: tuple[str, ...]
    seconds: float = 0.0

    @property
    def cells(self) -> int:
        return self.exact + len(self.refused) + len(self.wrong)


def score(words: tuple[Word, ...], cells: list[Cell]) -> Score:
    """What the words say at the places of cells whose text is known."""
    exact, refused, wrong = 0, [], []
    for cell in cells:
        hits = [
            w for w in words
            if w.box.x0 - 2 <= cell.x <= w.box.x1 + 2 and w.box.y0 <= cell.y <= w.box.y1
        ]  # fmt: skip
        best = min(hits, key=lambda w: abs(w.box.middle[1] - cell.y), default=None)
        if best is None or best.confidence < TRUSTED:
            refused.append(f"{cell.text}→{best.text if best else '(nothing)'}")
        elif plain(best.text) == cell.text:
            exact += 1
        elif not any(c.isdigit() for c in best.text) or any(c.isalpha() for c in best.text):
            refused.append(f"{cell.text}→{best.text}")  # no number: nothing to be misled by
        else:
            wrong.append(f"{cell.text}→{best.text}")
    return Score(exact, tuple(refused), tuple(wrong))


def read(picture: Picture, cells: tuple[Cell, ...], matrix: Matrix) -> Score:
    """The score of a distorted page, its cells followed through distortion and straightening."""
    start = time.process_time()
    straight = settle(picture)
    reading = read_picture(straight.even, straight.lines)
    spent = time.process_time() - start
    found = score(reading.words, list(followed(cells, straight.homography @ matrix)))
    return Score(found.exact, found.refused, found.wrong, spent)


def measure(page: ReportPage, distortion: str, folder: Path) -> Score:
    rng = np.random.default_rng(20261122)
    picture, matrix = DEGRADATIONS[distortion](page.picture(folder), page.dpi, rng)
    return read(picture, page.cells, matrix)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--page", action="append", choices=PAGES, help="default: all")
    parser.add_argument("--with", action="append", choices=DEGRADATIONS, help="default: all")
    chosen = vars(parser.parse_args())
    folder = Path(os.environ["CARELOOP_DATA"])
    print(
        f"{'distortion':<18}{'page':<18}{'cells':>6}{'exact':>7}{'refused':>9}{'wrong':>7}{'s':>6}"
    )
    silent = 0
    for distortion in chosen["with"] or DEGRADATIONS:
        whole = [0, 0, 0, 0]
        for name in chosen["page"] or PAGES:
            result = measure(PAGES[name], distortion, folder)
            counts = [result.cells, result.exact, len(result.refused), len(result.wrong)]
            whole = [a + b for a, b in zip(whole, counts, strict=True)]
            print(_line(distortion, name, counts, result.seconds), flush=True)
            for kind in (result.refused, result.wrong):
                print(
                    *(f"{'':<18}{text}" for text in kind[:8]),
                    sep="\n" if kind else "",
                    end="\n" if kind else "",
                )
        silent += whole[3]
        print(_line(distortion, "all", whole, None), flush=True)
    print(f"silently wrong: {silent}")


def _line(distortion: str, name: str, counts: list[int], seconds: float | None) -> str:
    cells, exact, refused, wrong = counts
    share = max(cells, 1)
    spent = f"{seconds:6.1f}" if seconds is not None else ""
    return (
        f"{distortion:<18}{name:<18}{cells:>6}{exact / share:>7.1%}{refused / share:>9.1%}"
        f"{wrong:>7}{spent}"
    )


if __name__ == "__main__":
    main()
