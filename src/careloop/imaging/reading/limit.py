"""How much one file may ask of the machine."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on one file; each is checked before memory is taken.

    Attributes
    ----------
    file_bytes
        Bytes of one file, unpacked.
    pixels
        Pixels of one frame.
    stack_pixels
        Pixels of all frames of a file, or of all slices of a series.
    header_reads
        Steps of the DICOM parser (some three for each attribute).
    decode_s
        Seconds for decoding the compressed pixels of one file.
    decode_bytes
        Memory of the process that decodes.
    held_bytes
        Slices of series kept in memory while an archive is read.
    """

    file_bytes: int = 2 << 30
    pixels: int = 200_000_000
    stack_pixels: int = 1_000_000_000
    header_reads: int = 3_000_000
    decode_s: float = 60.0
    decode_bytes: int = 6 << 30
    held_bytes: int = 4 << 30
