"""A file that is not read, and why: values for the caller, one exception within the reader."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

from careloop.error import InputError
from careloop.records.finding import FINDINGS


@dataclass(frozen=True, slots=True)
class Refusal:
    """A file (or a series) that gave no image: what is wrong with it and what to do.

    `code` is the number of the refusal in `careloop.records.finding.FINDINGS`, where both languages
    stand; `problem` may add a detail that is no patient's value.
    """

    name: str
    problem: str
    remedy: str
    code: str = ""

    def error(self) -> InputError:
        """Give the same refusal as an error to raise."""
        return InputError(self.problem, where=self.name, remedy=self.remedy)


class RefusedError(Exception):
    """Reading stops here; `read_images` turns it into a `Refusal`, `read_image` into `InputError`.

    Parameters
    ----------
    code
        One of the codes I150–I199 of `careloop.imaging.reading.finding`.
    detail
        What was found: sizes and names of attributes, never a patient's value.
    """

    def __init__(self, code: str, detail: str = "") -> None:
        self.code, self.detail = code, detail
        super().__init__(code, detail)

    def refusal(self, name: str) -> Refusal:
        """Say what was refused, under the file's name."""
        kind = FINDINGS[self.code]
        problem = f"{kind.en}: {self.detail}" if self.detail else kind.en
        return Refusal(name, problem, kind.remedy_en, self.code)


def refuse(code: str, detail: str = "") -> NoReturn:
    """Stop reading this file.

    Raises
    ------
    RefusedError
        Always.
    """
    raise RefusedError(code, detail) from None
