"""Damaged copies of real files: each gives images or a refusal, soon, and within memory.

The default run takes 200 mutations of files made here and (where there is real data) of real ones;
`--run-slow` takes 10,000. The seed is fixed: the same copies each time.
"""

from __future__ import annotations

import random
import struct
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from dicom_file import save, slice_of_ct
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from careloop.imaging.image import Image
from careloop.imaging.reading import Refusal, read_images

resource = pytest.importorskip("resource")

SEED = 20261122
MOST_S = 20.0  # a single file, on a busy machine
MOST_GROWTH = 1 << 30
SYNTAXES = (
    b"1.2.840.10008.1.2",
    b"1.2.840.10008.1.2.1",
    b"1.2.840.10008.1.2.2",
    b"1.2.840.10008.1.2.1.99",
    b"1.2.840.10008.1.2.5",
    b"1.2.840.10008.1.2.4.50",
    b"1.2.840.10008.1.2.4.51",
    b"1.2.840.10008.1.2.4.57",
    b"1.2.840.10008.1.2.4.70",
    b"1.2.840.10008.1.2.4.80",
    b"1.2.840.10008.1.2.4.90",
    b"1.2.840.10008.1.2.4.91",
    b"1.2.3.4",
)
TAGS = {  # what measuring hangs on: rows, columns, frames, bits, samples, spacing, slope, area, ...
    tag: struct.pack("<HH", *tag)
    for tag in (
        (0x0028, 0x0010),
        (0x0028, 0x0011),
        (0x0028, 0x0008),
        (0x0028, 0x0100),
        (0x0028, 0x0101),
        (0x0028, 0x0102),
        (0x0028, 0x0103),
        (0x0028, 0x0002),
        (0x0028, 0x0004),
        (0x0028, 0x0030),
        (0x0028, 0x1053),
        (0x0028, 0x1052),
        (0x0018, 0x1164),
        (0x0040, 0x0303),
        (0x0008, 0x0005),
        (0x0010, 0x0010),
        (0x0020, 0x0032),
        (0x0020, 0x0037),
        (0x7FE0, 0x0010),
    )
}


def flip(data: bytearray, rng: random.Random) -> bytearray:
    for _ in range(rng.choice((1, 4, 32, 256))):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return data


def flip_head(data: bytearray, rng: random.Random) -> bytearray:
    for _ in range(rng.choice((1, 8, 64))):
        data[rng.randrange(min(len(data), 2048))] = rng.randrange(256)
    return data


def cut(data: bytearray, rng: random.Random) -> bytearray:
    return data[: rng.randrange(len(data))]


def cut_middle(data: bytearray, rng: random.Random) -> bytearray:
    at = rng.randrange(len(data))
    del data[at : at + rng.choice((1, 2, 16, 512, 4096))]
    return data


def lengths(data: bytearray, rng: random.Random) -> bytearray:
    """Noise where the header has lengths: after a tag."""
    tag = rng.choice(list(TAGS.values()))
    at = data.find(tag)
    at = at + 4 + rng.choice((0, 2, 4)) if at >= 0 else rng.randrange(132, 1500)
    for place, byte in enumerate(
        rng.choice(
            (b"\xff\xff\xff\xff", b"\x00\x00\x00\x00", rng.randbytes(4), b"\xfe\xff\xff\x7f")
        )
    ):
        if at + place < len(data):
            data[at + place] = byte
    return data


def header_value(data: bytearray, rng: random.Random) -> bytearray:
    """Another value in an attribute that measuring hangs on."""
    at = data.find(rng.choice(list(TAGS.values())))
    if at < 0:
        return flip_head(data, rng)
    new = rng.choice(
        (b"\xff\xff", b"\x00\x00", b"\x01\x00", b"\x00\x80", b"-1", b"1e", b"0\\", rng.randbytes(8))
    )
    data[at + 8 : at + 8 + len(new)] = new
    return data


def huge(data: bytearray, rng: random.Random) -> bytearray:
    """Rows and columns of 65,535, and many frames."""
    for tag in ((0x0028, 0x0010), (0x0028, 0x0011)):
        if (at := data.find(TAGS[tag])) >= 0:
            data[at + 8 : at + 10] = rng.choice((b"\xff\xff", b"\x00\x40"))
    if (at := data.find(TAGS[0x0028, 0x0008])) >= 0:
        data[at + 8 : at + 10] = b"99"
    return data


def syntax(data: bytearray, rng: random.Random) -> bytearray:
    """Another transfer syntax, in place where it fits."""
    at = data.find(b"\x02\x00\x10\x00UI")
    if at < 0:
        return flip_head(data, rng)
    length = struct.unpack_from("<H", data, at + 6)[0]
    new = rng.choice(SYNTAXES)
    new += b"\0" * (len(new) % 2)
    data[at + 6 : at + 8 + length] = struct.pack("<H", len(new)) + new
    return data


def pixels(data: bytearray, rng: random.Random) -> bytearray:
    """Noise in the pixel data alone: what reaches the decoders."""
    for _ in range(rng.choice((1, 8, 128))):
        data[rng.randrange(len(data) * 3 // 4, len(data))] = rng.randrange(256)
    return data


MUTATIONS = (flip, flip_head, cut, cut_middle, lengths, header_value, huge, syntax, pixels)


def mutate_and_read(files: list[Path], count: int, folder: Path) -> tuple[Counter, float, float]:
    """Tallies of what became of `count` damaged copies; the slowest read; seconds in all."""
    rng = random.Random(SEED)
    originals = {file: file.read_bytes() for file in files}
    tally: Counter = Counter()
    slowest, start = 0.0, time.perf_counter()
    for number in range(count):
        file = files[number % len(files)]
        data = rng.choice(MUTATIONS)(bytearray(originals[file]), rng)
        if rng.random() < 0.2 and data:
            data = rng.choice(MUTATIONS[:4])(data, rng)
        path = folder / f"{number % 4}"
        path.write_bytes(data)
        begun = time.perf_counter()
        for read in read_images(path, spacing_mm=0.5 if rng.random() < 0.5 else None):
            assert isinstance(read, Image | Refusal)
            tally["image" if isinstance(read, Image) else read.code] += 1
        slowest = max(slowest, time.perf_counter() - begun)
    return tally, slowest, time.perf_counter() - start


def grown() -> int:
    kilo = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * kilo


def real_files(data_dir: Path) -> list[Path]:
    found = [file for name in ("dicom", "dxa") for file in (data_dir / name).rglob("*.dcm")]
    found += sorted((data_dir / "ct_vertebrae" / "example_ct_dicom").iterdir())[:3]
    found += sorted((data_dir / "radiographs").rglob("*.jpg"))[:4]
    found += [data_dir / "dxa" / "ge_idxa_report_rad.png"]
    found += [data_dir / "ct_vertebrae" / "example_seg.nii.gz"]
    return sorted(found)


def test_damaged_copies_of_made_files_give_an_image_or_a_refusal(made_files, tmp_path):
    before = grown()
    tally, slowest, _ = mutate_and_read(made_files, 150, tmp_path)
    assert sum(tally.values()) >= 150
    assert tally["image"] > 0
    assert sum(tally.values()) > tally["image"]
    assert slowest < MOST_S
    assert grown() - before < MOST_GROWTH


@given(
    start=st.sampled_from(
        [b"", bytes(128) + b"DICM", b"\x08\x00\x05\x00CS", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff",
         b"II*\x00", bytes(344) + b"n+1\x00", b"PK\x03\x04", b"\x1f\x8b\x08", b"%PDF-"]
    ),
    noise=st.binary(max_size=600),
)  # fmt: skip
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_noise_is_refused(tmp_path, start, noise):
    (tmp_path / "noise").write_bytes(start + noise)
    (read,) = read_images(tmp_path / "noise", spacing_mm=1)
    assert isinstance(read, Refusal)
    assert read.problem
    assert read.remedy


def test_a_damaged_slice_never_stops_the_reading_of_a_series(tmp_path):
    rng = random.Random(SEED)
    for number in range(6):
        save(slice_of_ct(number), tmp_path / str(number))
    for _ in range(25):
        path = tmp_path / str(rng.randrange(6))
        whole = path.read_bytes()
        path.write_bytes(rng.choice(MUTATIONS)(bytearray(whole), rng))
        found = list(read_images(tmp_path))
        path.write_bytes(whole)
        assert found
        assert all(isinstance(read, Image | Refusal) for read in found)
    (stack,) = read_images(tmp_path)
    assert stack.pixels.shape == (6, 16, 12)


@pytest.mark.realdata
def test_damaged_copies_of_real_files_give_an_image_or_a_refusal(data_dir, tmp_path):
    before = grown()
    tally, slowest, _ = mutate_and_read(real_files(data_dir), 60, tmp_path)
    assert sum(tally.values()) >= 60
    assert slowest < MOST_S
    assert grown() - before < MOST_GROWTH


@pytest.mark.slow
@pytest.mark.realdata
def test_ten_thousand_damaged_copies(data_dir, tmp_path, capsys):
    before = grown()
    tally, slowest, seconds = mutate_and_read(real_files(data_dir), 10_000, tmp_path)
    with capsys.disabled():
        sys.stdout.write(f"\n{seconds:.0f} s, slowest {slowest:.2f} s, ")
        sys.stdout.write(f"grown {grown() - before:,} bytes: {dict(sorted(tally.items()))}\n")
    assert sum(tally.values()) >= 10_000
    assert slowest < MOST_S
    assert grown() - before < MOST_GROWTH
