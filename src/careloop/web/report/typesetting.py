"""PDF pages by Typst: templates of this package, its own font, and data that is only ever data.

What is printed reaches the template as JSON: a name that looks like a command is a name. Neither
the system's fonts nor files outside the template folder are read, and nothing is fetched.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from functools import cache
from importlib.resources import as_file, files
from threading import Lock
from typing import Any, Literal

from careloop.web.report.glyph import Printer
from careloop.web.site.language import gettext as _
from careloop.web.site.language import language

Template = Literal["patient", "record", "slip", "card"]
_setting = Lock()
_LARGEST = 200_000
"""Bytes of a file that a phone loads in a second; a larger one leaves its structure out."""
PART = 24
"""People in a part where there are many; a multiple of the cards on a sheet."""
_REMEMBERED = 10
"""So many files later the typesetter lets go of what it kept of one."""


def pdf(
    template: Template, data: Mapping[str, Any], *, made_on: date, tagged: bool = True
) -> bytes:
    """A PDF; the same data and day give the same bytes.

    Parameters
    ----------
    template
        A file of the folder `typst`.
    data
        What JSON can hold.
    made_on
        The date in the file's properties.
    tagged
        Whether the file tells its structure to a screen reader (PDF/UA-1), if it stays small.
    """
    printer = Printer()
    fit = printer.fit(dict(data))
    fit["lang"] = language()
    fit["lacking"] = _lacking(printer)
    if "people" in fit:  # each page tells of its own person
        fit["people"] = [_alone(each) for each in data["people"]]
    told = json.dumps(fit, ensure_ascii=False, sort_keys=True)
    at = datetime.combine(made_on, time(), UTC)
    made = _set(template, told, at, tagged=tagged)
    if tagged and len(made) > _LARGEST:
        made = _set(template, told, at, tagged=False)
    return made


def pdf_part(template: Template, data: Mapping[str, Any], *, made_on: date) -> bytes:
    """Some people's pages of many, to be `joined`; nothing of them stays in the memory.

    What the typesetter measures it keeps, some megabytes a page, until it has set other files:
    pages of nobody make it let go. Parameters as `pdf`.
    """
    made = pdf(template, data, made_on=made_on, tagged=False)
    for _number in range(_REMEMBERED):
        pdf(template, {**data, "people": []}, made_on=made_on, tagged=False)
    return made


def joined(parts: Sequence[bytes]) -> bytes:
    """One PDF of several."""
    import pypdfium2  # noqa: PLC0415 — only when a village is printed

    out = io.BytesIO()
    with _setting:  # PDFium, too, belongs to one thread at a time
        whole = pypdfium2.PdfDocument.new()
        for part in parts:
            read = pypdfium2.PdfDocument(part)
            whole.import_pages(read)
            read.close()
        whole.save(out)
        whole.close()
    return out.getvalue()


def _alone(person: Mapping[str, Any]) -> dict[str, Any]:
    """One person's page, with the characters that are lacking on it."""
    printer = Printer()
    fit: dict[str, Any] = printer.fit(dict(person))
    return fit | {"lacking": _lacking(printer)}


def _lacking(printer: Printer) -> str:
    codes = " ".join(f"U+{ord(char):04X}" for char in sorted(printer.lacking))
    words = _("Not printed here, please write by hand: {codes}")
    return words.format(codes=codes) if codes else ""


def _set(template: str, told: str, at: datetime, *, tagged: bool) -> bytes:
    with _setting:  # a compiler belongs to one thread at a time
        made = _compiler(template).compile(
            format="pdf",
            sys_inputs={"data": told},
            timestamp=at,
            pdf_standards=["ua-1"] if tagged else [],
            pdf_tags=tagged,
        )
    return bytes(made)


@cache
def _compiler(template: str) -> Any:
    import typst  # noqa: PLC0415 — only when the first report is printed

    folder = files("careloop.web.report")
    with as_file(folder / "typst") as root, as_file(folder / "font") as fonts:
        return typst.Compiler(
            root / f"{template}.typ",
            root=root,
            font_paths=typst.Fonts(
                include_system_fonts=False, include_embedded_fonts=True, font_paths=[fonts]
            ),
        )
