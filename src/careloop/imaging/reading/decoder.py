"""Decoding compressed pixels in a process of its own: a crash there is a refusal here.

Decoders of JPEG, JPEG-LS, JPEG 2000, PNG and TIFF are C and C++; damaged data can crash them, hang
them or make them take all memory. One child process is kept for all pictures, with a limit on time
and (where the system has one) on memory; it is started anew after a crash.
"""

from __future__ import annotations

import atexit
import json
import os
import struct
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NoReturn, cast

import numpy as np
from numpy.typing import NDArray

from careloop.imaging.reading import reason
from careloop.imaging.reading.limit import Limits
from careloop.imaging.reading.refusal import refuse

_LENGTHS = struct.Struct("<QQ")
_SCRIPT = Path(__file__).with_name("decoding.py")


@dataclass(frozen=True, slots=True)
class Page:
    """One decoded array: a picture [y, x] or [y, x, c], or frames; `note` is its kind of pixel."""

    pixels: NDArray[Any]
    note: str


class Decoder:
    """A child process that decodes; safe for threads and after a fork.

    Parameters
    ----------
    memory_bytes
        Limit on the child's address space.

    Examples
    --------
    >>> decoder = Decoder()
    >>> decoder.process_id is None  # started with the first picture
    True
    """

    def __init__(self, *, memory_bytes: int = Limits().decode_bytes) -> None:
        self._memory_bytes = memory_bytes
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._owner = 0

    @property
    def process_id(self) -> int | None:
        """The child's process number while it runs."""
        return self._child.pid if self._child and self._child.poll() is None else None

    def decode(self, request: dict[str, Any], data: bytes, *, seconds: float) -> list[Page]:
        """Decode one file's pixels.

        Parameters
        ----------
        request
            `kind` "dicom" (with `syntax` and `attributes` of the Image Pixel module) or "raster"
            (with `formats`, `pixels`, `stack_pixels`).
        data
            Encoded bytes.
        seconds
            Time limit.

        Raises
        ------
        RefusedError
            Decoder failed (I162), crashed (I163) or took too long (I164); too many pixels (I153).
        """
        with self._lock:
            child = self._running()
            overdue = threading.Event()

            def end() -> None:
                overdue.set()
                child.kill()

            timer = threading.Timer(seconds, end)
            timer.start()
            try:
                head, payload = _exchange(child, request, data)
            except (OSError, EOFError, ValueError):
                self._stop()
                refuse(reason.TOO_SLOW if overdue.is_set() else reason.DECODER_CRASHED)
            finally:
                timer.cancel()
        if "error" in head:
            _refuse_for(head)
        return _pages(head, payload)

    def _running(self) -> subprocess.Popen[bytes]:
        if self._owner != os.getpid():  # after a fork the child belongs to the parent
            self._child, self._owner = None, os.getpid()
        if self._child is None or self._child.poll() is not None:
            self._stop()
            self._child = subprocess.Popen(  # noqa: S603 (our own script, no shell)
                [
                    sys.executable,
                    "-I",
                    str(_SCRIPT),
                    str(self._memory_bytes),
                    json.dumps([entry for entry in sys.path if entry]),
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        return self._child

    def _stop(self) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        child.kill()
        for stream in (child.stdin, child.stdout):
            if stream is not None:
                try:
                    stream.close()
                except OSError:
                    continue  # what could not be written any more is lost on purpose
        child.wait()

    def close(self) -> None:
        """End the child; the next picture starts another."""
        with self._lock:
            if self._owner == os.getpid():
                self._stop()


def _refuse_for(head: dict[str, Any]) -> NoReturn:
    """Say what the child's error means."""
    error = head["error"]
    if error == "OverflowError":
        refuse(reason.TOO_MANY_PIXELS, head["large"])
    if error == "truncated":
        refuse(reason.DAMAGED, "the picture ends early")
    if error == "MemoryError":
        refuse(reason.DECODER_CRASHED)
    refuse(reason.DECODER_FAILED, error)


def _exchange(
    child: subprocess.Popen[bytes], request: dict[str, Any], data: bytes
) -> tuple[dict[str, Any], bytearray]:
    raw = json.dumps(request).encode()
    to, back = cast("BinaryIO", child.stdin), cast("BinaryIO", child.stdout)
    to.write(_LENGTHS.pack(len(raw), len(data)) + raw)
    to.write(data)
    to.flush()
    head_size, payload_size = _LENGTHS.unpack(_exactly(back, _LENGTHS.size))
    head = json.loads(_exactly(back, head_size))
    return head, _exactly(back, payload_size)


def _exactly(stream: BinaryIO, size: int) -> bytearray:
    out = bytearray(size)
    view, at = memoryview(out), 0
    while at < size:
        got = stream.readinto(view[at:])  # type: ignore[attr-defined]
        if not got:
            raise EOFError
        at += got
    return out


def _pages(head: dict[str, Any], payload: bytearray) -> list[Page]:
    pages, at = [], 0
    for page in head["pages"]:
        dtype, shape = np.dtype(page["dtype"]), tuple(page["shape"])
        count = int(np.prod(shape, dtype=np.int64))
        pixels = np.frombuffer(payload, dtype, count, at).reshape(shape)
        pages.append(Page(pixels, page["note"]))
        at += count * dtype.itemsize
    return pages


DECODER = Decoder()
atexit.register(DECODER.close)
