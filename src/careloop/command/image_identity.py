"""`careloop image deidentify`: DICOM files without what identifies a person."""

from __future__ import annotations

import importlib.util
import os
import secrets
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from careloop.command.imaging import check_paths, numbers
from careloop.command.progress import counting
from careloop.error import CareloopError, InputError
from careloop.imaging.deidentification import Box, Deidentified, deidentify_file, find_text

_KEY_BYTES = 32
NOTHING = "none"


def deidentify_files(
    paths: Sequence[Path], *, out: Path, blank: Sequence[str], key_file: Path, language: str
) -> None:
    """Write a de-identified copy of each DICOM file, named by pseudonym and running number.

    Text in the picture is looked for where the extra `ocr` is installed, unless `blank` says that
    somebody looked.

    Raises
    ------
    InputError
        If a file was refused; the others are written all the same.
    """
    zh, console = language.startswith("zh"), Console()
    check_paths(paths)
    boxes = boxes_of(blank)
    ocr = importlib.util.find_spec("rapidocr") is not None
    detector = find_text if ocr and tuple(blank) != (NOTHING,) else None
    key = secret(key_file)
    out.mkdir(parents=True, exist_ok=True)
    files = [
        file
        for path in paths
        for file in ([path] if path.is_file() else sorted(path.rglob("*")))
        if file.is_file()
    ]
    done = 0
    for number, file in enumerate(counting(files), 1):
        waiting = out / f".{number:05}.unfinished"
        waiting.unlink(missing_ok=True)
        try:
            made = deidentify_file(file, waiting, key=key, regions=boxes, detector=detector)
            target = waiting.replace(out / f"{made.person_id}-{number:05}.dcm")
        except CareloopError as error:
            Console(stderr=True).print(
                str(InputError(str(error), where=file.name)) if not _named(error) else str(error),
                style="red",
                markup=False,
                soft_wrap=True,
            )
            continue
        finally:
            waiting.unlink(missing_ok=True)
        done += 1
        console.print(_line(target, made, zh=zh), markup=False, highlight=False, soft_wrap=True)
    told = (
        f"已写出 {done} / {len(files)} 个文件，" if zh else f"wrote {done} of {len(files)} files; "
    )
    told += f"密钥：{key_file}（保密）" if zh else f"the key is {key_file}: keep it secret"
    console.print(told, style="bold", markup=False, highlight=False, soft_wrap=True)
    if done < len(files) or not files:
        raise InputError(
            f"{len(files) - done} of {len(files)} files were not de-identified",
            remedy="see above; nothing of them was written",
        )


def boxes_of(blank: Sequence[str]) -> list[Box] | None:
    """Rectangles to blank; None where nothing was said, an empty list for "none".

    Raises
    ------
    InputError
        If one is not four whole numbers from top left to bottom right.
    """
    if not blank:
        return None
    boxes = []
    for text in blank:
        if text == NOTHING:
            continue
        found = numbers(text, "--blank")
        try:
            x0, y0, x1, y1 = (int(number) for number in found)
            boxes.append(Box(top=y0, left=x0, bottom=y1, right=x1))
        except ValueError:
            raise InputError(
                f"not a rectangle: {text!r}", where="--blank", remedy="write x0,y0,x1,y1 in pixels"
            ) from None
    return boxes


def secret(file: Path) -> bytes:
    """The key in a file; made where there is none, for its owner alone.

    Raises
    ------
    InputError
        If the file holds no key.
    """
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as out:
            out.write(secrets.token_hex(_KEY_BYTES) + "\n")
    try:
        key = bytes.fromhex(file.read_text(encoding="ascii").strip())
    except ValueError:
        key = b""
    if len(key) < _KEY_BYTES:
        raise InputError("not a key", where=str(file), remedy="name another file with --key")
    return key


def _named(error: CareloopError) -> bool:
    return bool(getattr(error, "where", ""))


def _line(target: Path, made: Deidentified, *, zh: bool) -> str:
    done = ", ".join(f"{name} {count}" for name, count in made.done.items())
    pixels = (
        f"遮盖 {len(made.boxes)} 处 {made.blanked_pixels:,} 像素"
        if zh
        else f"{len(made.boxes)} boxes blanked, {made.blanked_pixels:,} pixels"
    )
    return f"{target.name}  {done}; {pixels} ({made.text_checked_by})"
