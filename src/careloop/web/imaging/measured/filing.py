"""Pictures of measured images on disk: under a name that says nothing, for this program only."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from django.conf import settings

from careloop.web.imaging import keeping
from careloop.web.imaging.measured.order import PICTURE, SALIENCY, THUMB

_FOLDER = re.compile(r"[0-9a-f]{32}")


def place(name: str) -> Path:
    """The folder of one kept image."""
    if not _FOLDER.fullmatch(name):
        raise ValueError("not the name of an image")
    return Path(settings.CONFIGURATION.var) / "images" / name


def take_over(name: str) -> None:
    """Keep the pictures of an upload; the file that was sent stays behind."""
    folder = place(name)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.parent.chmod(0o700)
    for file in (PICTURE, THUMB):
        keeping.write(folder / file, (keeping.place(name) / file).read_bytes())


def picture(name: str, file: str) -> bytes | None:
    """One picture of an image, kept or still to be confirmed; None where there is none."""
    if file not in {PICTURE, THUMB, SALIENCY}:
        raise ValueError("no picture of an image is called so")
    for folder in (place(name), keeping.place(name)):
        if (folder / file).is_file():
            return (folder / file).read_bytes()
    return None


def remove(name: str) -> None:
    """Delete the pictures of an image."""
    shutil.rmtree(place(name), ignore_errors=True)
