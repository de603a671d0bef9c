"""Uploaded reports on disk: what is taken, where it stands, and when it goes.

A file is told by its first bytes, never by its name or what the browser says. It is kept under a
random name that only this program's user may read, and only until it is confirmed or a day is over.
"""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import time
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from django.conf import settings

from careloop.error import InputError
from careloop.web.site.language import gettext as _

MOST_BYTES = 15_000_000
MOST_PIXELS = 60_000_000
LEAST_SIDE = 300
KEPT_S = 24 * 3600
DOCUMENT, RESULT = "document", "result.json"
_FOLDER = re.compile(r"[0-9a-f]{32}")
_HEIC = re.compile(rb"....ftyp(heic|heix|hevc|heim|heis|mif1|msf1|avif)", re.DOTALL)
_PDF, _PNG, _JPEG = b"%PDF-", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"

Kind = Literal["pdf", "png", "jpeg"]


def sniffed(data: bytes) -> Kind:
    """What a file is by its content, once it is known to be harmless to open.

    Raises
    ------
    InputError
        Empty, too large, of another kind, of two kinds at once, damaged, or with too many pixels;
        with words for the person who sent it.
    """
    if not data:
        raise InputError(_("The file is empty."), remedy=_TAKES())
    if len(data) > MOST_BYTES:
        raise too_large()
    if _HEIC.match(data[:32]):
        raise InputError(
            _("This is a HEIC photo, which cannot be read."),
            remedy=_(
                "On an iPhone: Settings → Camera → Formats → Most Compatible, "
                "and photograph again; or take a screenshot of the photo."
            ),
        )
    if data.startswith(_PDF):
        return "pdf"
    for kind, head in (("png", _PNG), ("jpeg", _JPEG)):
        if data.startswith(head) and _PDF not in data[:1024]:
            _look(data, kind)
            return kind  # type: ignore[return-value]
    raise InputError(_("This is neither a PDF nor a PNG or JPEG picture."), remedy=_TAKES())


def too_large() -> InputError:
    """What is said of a file above `MOST_BYTES`."""
    return InputError(
        _("The file is larger than {number} MB.").format(number=MOST_BYTES // 1_000_000),
        remedy=_("Photograph the page with the results alone, or make the photo smaller."),
    )


def _TAKES() -> str:  # noqa: N802 — a sentence, in the language of the request
    return _("Take a photo of the report, or choose its PDF.")


def _look(data: bytes, kind: str) -> None:
    """Refuse a picture that is damaged, no page, or a bomb; only its head is read at first."""
    from PIL import Image  # noqa: PLC0415 — only when a picture comes

    wrong = InputError(_("The picture is damaged."), remedy=_("Photograph or scan the page again."))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data), formats=[kind.upper()]) as picture:
                size = picture.size
                if size[0] * size[1] <= MOST_PIXELS:
                    picture.draft("RGB", (640, 640))  # a JPEG is decoded small
                    picture.load()
    except Image.DecompressionBombError:
        size = (MOST_PIXELS, 2)
    except (OSError, ValueError, SyntaxError, EOFError, TypeError, KeyError):
        raise wrong from None
    if size[0] * size[1] > MOST_PIXELS:
        raise InputError(
            _("The picture has too many pixels."),
            remedy=_("Photograph the page with the phone's usual camera setting."),
        )
    if min(size) < LEAST_SIDE:
        raise InputError(
            _("The picture is too small to be read ({width} × {height} pixels).").format(
                width=size[0], height=size[1]
            ),
            remedy=_("Photograph the whole page from close by."),
        )


def pictures_can_be_read() -> bool:
    """Whether the extra `ocr` is installed; a PDF with a text layer is read without it."""
    return all(find_spec(name) is not None for name in ("rapidocr", "onnxruntime", "cv2"))


# --- on disk


def root() -> Path:
    """The folder of all uploads, readable by this user only."""
    return Path(settings.CONFIGURATION.var) / "uploads"


def place(name: str) -> Path:
    """The folder of one upload."""
    if not _FOLDER.fullmatch(name):
        raise ValueError("not the name of an upload")
    return root() / name


def keep(name: str, data: bytes) -> Path:
    """Write an upload down."""
    root().mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = place(name)
    folder.mkdir(mode=0o700)
    write(folder / DOCUMENT, data)
    return folder


def write(file: Path, data: bytes) -> None:
    """Write a whole file that only its owner may read: it is there complete or not at all."""
    part = file.with_name(f"{file.name}.part")
    handle = os.open(part, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as out:
        out.write(data)
    part.replace(file)


def read_result(name: str) -> dict[str, Any] | None:
    """What was read; None where it is not there (yet, or any more)."""
    try:
        found: dict[str, Any] = json.loads((place(name) / RESULT).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return found


def picture(name: str, number: int) -> bytes | None:
    """The picture of a page with the places that were read."""
    try:
        return (place(name) / f"page-{int(number)}.jpg").read_bytes()
    except FileNotFoundError:
        return None


def is_there(name: str) -> bool:
    """Whether the upload's file is still kept, and not older than it may be."""
    try:
        age = time.time() - (place(name) / DOCUMENT).stat().st_mtime
    except FileNotFoundError:
        return False
    return age < KEPT_S


def remove(name: str) -> None:
    """Delete an upload's files."""
    shutil.rmtree(place(name), ignore_errors=True)


def purge() -> int:
    """Delete the files of every upload older than a day; returns how many. For the worker."""
    old = 0
    for folder in root().iterdir() if root().exists() else ():
        try:
            if _FOLDER.fullmatch(folder.name) and time.time() - folder.stat().st_mtime > KEPT_S:
                shutil.rmtree(folder, ignore_errors=True)
                old += 1
        except FileNotFoundError:  # somebody else purges too
            continue
    return old
