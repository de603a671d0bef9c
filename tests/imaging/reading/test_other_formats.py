"""PNG, TIFF, JPEG and NIfTI, folders and archives, the process that decodes."""

from __future__ import annotations

import gzip
import os
import re
import struct
import subprocess
import sys
import time
import zlib

import nibabel
import numpy as np
import pytest
from dicom_file import gradient, radiograph, save
from PIL import Image as Picture

from careloop.error import InputError
from careloop.imaging.image import Image
from careloop.imaging.reading import (
    Limits,
    Refusal,
    decoder,
    finding,
    read_image,
    read_images,
    reason,
)
from careloop.imaging.reading.refusal import RefusedError
from careloop.records.finding import FINDINGS


def codes(image):
    return {found.code for found in image.findings}


def refusal(path, **options):
    (read,) = read_images(path, **options)
    assert isinstance(read, Refusal), read
    return read.code


# --- pictures


def test_printing_resolution_is_not_a_pixel_size(tmp_path):
    for name, options in (("a.png", {"dpi": (300, 300)}), ("a.jpg", {"dpi": (72, 72)}),
                          ("a.tif", {"dpi": (600, 600)})):  # fmt: skip
        Picture.fromarray(gradient(high=250, dtype=np.uint8)).save(tmp_path / name, **options)
        with pytest.raises(InputError, match="printing") as caught:
            read_image(tmp_path / name)
        assert "spacing_mm" in caught.value.remedy
        image = read_image(tmp_path / name, spacing_mm=(0.2, 0.1))
        assert (image.spacing_mm, image.spacing_from) == ((0.2, 0.1), "given")
        assert (image.kind, image.modality) == ("picture", "")


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_grey_pictures_keep_their_values(tmp_path, name, dtype):
    pixels = gradient(high=250 if dtype is np.uint8 else 60_000, dtype=dtype)
    Picture.fromarray(pixels).save(tmp_path / name)
    image = read_image(tmp_path / name, spacing_mm=1)
    assert image.pixels.dtype == dtype
    assert np.array_equal(image.pixels, pixels)
    assert image.findings == ()


def test_float_and_32_bit_tiffs(tmp_path):
    for pixels in (gradient().astype(np.float32) / 7, gradient(high=1e6, dtype=np.int32)):
        Picture.fromarray(pixels).save(tmp_path / "a.tif")
        image = read_image(tmp_path / "a.tif", spacing_mm=1)
        assert np.array_equal(image.pixels, pixels)
    Picture.fromarray(np.full((3, 3), np.nan, np.float32)).save(tmp_path / "nan.tif")
    assert refusal(tmp_path / "nan.tif", spacing_mm=1) == "I174"


def test_colour_transparency_and_palettes(tmp_path):
    rgba = np.zeros((4, 4, 4), np.uint8)
    rgba[..., 0], rgba[..., 3] = 100, 255
    Picture.fromarray(rgba[..., :3]).save(tmp_path / "rgb.png")
    image = read_image(tmp_path / "rgb.png", spacing_mm=1)
    assert set(image.pixels.ravel().tolist()) == {30}
    assert codes(image) == {"I106"}
    Picture.fromarray(rgba[..., :3]).quantize(4).save(tmp_path / "p.png")
    assert set(read_image(tmp_path / "p.png", spacing_mm=1).pixels.ravel().tolist()) == {30}
    rgba[:2, :, 3] = 0
    Picture.fromarray(rgba).save(tmp_path / "rgba.png")
    image = read_image(tmp_path / "rgba.png", spacing_mm=1)
    assert image.pixels[:, 0].tolist() == [0, 0, 30, 30]
    assert "I126" in codes(image)
    Picture.fromarray(gradient(high=250, dtype=np.uint8) > 100).save(tmp_path / "one.png")
    assert set(read_image(tmp_path / "one.png", spacing_mm=1).pixels.ravel()) == {0, 255}


def test_low_is_bright_in_16_bit_tiffs(tmp_path):
    pixels = gradient(high=60_000, dtype=np.uint16)
    Picture.fromarray(pixels).save(tmp_path / "a.tif", tiffinfo={262: 0})
    image = read_image(tmp_path / "a.tif", spacing_mm=1)
    if "I105" not in codes(image):  # Pillow writes its own photometric tag: change it in the file
        data = bytearray((tmp_path / "a.tif").read_bytes())
        at = data.index(b"\x06\x01\x03\x00\x01\x00\x00\x00\x01")
        data[at + 8] = 0
        (tmp_path / "a.tif").write_bytes(data)
        image = read_image(tmp_path / "a.tif", spacing_mm=1)
    assert "I105" in codes(image)
    assert np.array_equal(image.pixels, 65_535 - pixels)


def test_the_orientation_of_a_photograph_is_applied(tmp_path):
    picture = Picture.fromarray(gradient(8, 16, high=250, dtype=np.uint8))
    exif = Picture.Exif()
    exif[0x0112] = 6  # to be turned right by 90 degrees
    picture.save(tmp_path / "a.jpg", exif=exif, quality=100)
    image = read_image(tmp_path / "a.jpg", spacing_mm=1)
    assert image.pixels.shape == (16, 8)
    expected = np.rot90(gradient(8, 16, high=250, dtype=np.uint8), -1).astype(int)
    assert np.abs(image.pixels - expected).max() <= 6
    assert "I118" in codes(image)


def test_pages_of_a_tiff_are_images_or_with_three_spacings_a_stack(tmp_path):
    pages = [Picture.fromarray(gradient(high=100 + n, dtype=np.uint8)) for n in range(3)]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    found = list(read_images(tmp_path / "a.tif", spacing_mm=0.5))
    assert [image.origin.frame for image in found] == [0, 1, 2]
    stack = read_image(tmp_path / "a.tif", spacing_mm=(1.0, 0.5, 0.5))
    assert np.array_equal(stack.pixels, np.stack([np.asarray(page) for page in pages]))
    assert stack.spacing_mm == (1.0, 0.5, 0.5)


def test_a_picture_bomb_is_refused(tmp_path):
    path = tmp_path / "bomb.png"
    Picture.new("L", (2000, 2000)).save(path)
    assert refusal(path, spacing_mm=1, limits=Limits(file_bytes=999)) == "I152"
    assert refusal(path, spacing_mm=1, limits=Limits(pixels=1_000_000)) == "I153"
    data = bytearray(path.read_bytes())
    data[16:24] = struct.pack(">II", 60_000, 60_000)
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    path.write_bytes(data)
    assert refusal(path, spacing_mm=1) == "I153"


# --- NIfTI


def nifti(tmp_path, affine, pixels=None):
    pixels = np.arange(60, dtype=np.int16).reshape(3, 4, 5) if pixels is None else pixels
    made = nibabel.Nifti1Image(pixels, affine)
    made.header.set_xyzt_units("mm")
    nibabel.save(made, tmp_path / "a.nii.gz")
    return tmp_path / "a.nii.gz"


def test_nifti_axes_and_spacing(tmp_path):
    image = read_image(nifti(tmp_path, np.diag([-1.0, -2.0, 3.0, 1.0])))  # left, posterior, up
    assert image.spacing_mm == (3.0, 2.0, 1.0)
    assert image.pixels[0, 0].tolist() == [0, 20, 40]
    assert image.pixels[1, 0, 0] == 1
    image = read_image(nifti(tmp_path, np.diag([1.0, 2.0, 3.0, 1.0])))  # right, anterior, up
    assert image.pixels[0, -1].tolist() == [40, 20, 0]
    sagittal = np.zeros((4, 4))
    sagittal[1, 0], sagittal[2, 1], sagittal[0, 2], sagittal[3, 3] = -4, 5, -6, 1
    image = read_image(nifti(tmp_path, sagittal))  # file axes: back, up, left
    assert image.spacing_mm == (5.0, 4.0, 6.0)
    assert image.pixels.shape == (4, 3, 5)
    assert image.kind == "other"


def test_nifti_scaling_and_kind(tmp_path):
    made = nibabel.Nifti1Image(np.full((2, 2, 2), 10, np.int16), np.eye(4))
    made.header.set_slope_inter(2.5, -1024)
    nibabel.save(made, tmp_path / "a.nii")
    image = read_image(tmp_path / "a.nii")
    assert set(image.pixels.ravel().tolist()) == {-999.0}
    assert "I128" in codes(image)
    hounsfield = nifti(tmp_path, np.eye(4), np.full((2, 2, 2), -1000, np.int16))
    assert read_image(hounsfield).kind == "ct"


def test_an_odd_affine_is_refused(tmp_path):
    sheared = np.eye(4)
    sheared[0, 1] = 0.4
    assert refusal(nifti(tmp_path, sheared)) == "I170"
    path = nifti(tmp_path, np.diag([60.0, 1.0, 1.0, 1.0]))
    assert refusal(path) == "I159"
    path = nifti(tmp_path, np.eye(4))
    data = bytearray(gzip.decompress(path.read_bytes()))
    data[280:296] = bytes(16)  # srow_x
    (tmp_path / "a.nii").write_bytes(data)
    assert refusal(tmp_path / "a.nii") == "I170"


def test_a_nifti_that_lies_about_its_size_is_refused(tmp_path):
    data = bytearray(gzip.decompress(nifti(tmp_path, np.eye(4)).read_bytes()))
    for length, code in ((900, "I154"), (9000, "I153"), (-5, "I174")):
        data[40:56] = struct.pack("<8h", 3, length, length, length, 1, 1, 1, 1)
        (tmp_path / "a.nii").write_bytes(data)
        assert refusal(tmp_path / "a.nii") == code


# --- files, folders, archives


def test_whatever_lies_there_gives_an_image_or_a_refusal(tmp_path):
    save(radiograph(), tmp_path / "image")
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "note.dcm").write_text("this is no image")
    (tmp_path / "report.pdf").write_bytes(b"%PDF-1.7\n")
    (tmp_path / "packed.zip").write_bytes(b"PK\x03\x04 broken")
    (tmp_path / ".hidden").write_text("x")
    (tmp_path / "void").mkdir()
    found = list(read_images(tmp_path))
    assert sum(isinstance(read, Image) for read in found) == 1
    assert {(read.name, read.code) for read in found if isinstance(read, Refusal)} == {
        ("empty", "I150"),
        ("note.dcm", "I150"),
        ("report.pdf", "I175"),
        ("packed.zip", "I173"),
    }
    assert refusal(tmp_path / "void") == "I176"
    assert refusal(tmp_path / "nowhere") == "I173"
    with pytest.raises(InputError, match="no file"):
        read_image(tmp_path / "void")


def test_a_large_file_that_is_no_image_is_not_read_whole(tmp_path):
    with (tmp_path / "film.mp4").open("wb") as file:
        file.truncate(3 << 30)  # sparse: no disk is used
    start = time.perf_counter()
    assert refusal(tmp_path / "film.mp4") == "I150"
    assert time.perf_counter() - start < 2


def test_a_file_packed_with_gzip(tmp_path):
    path = save(radiograph(), tmp_path / "a.dcm")
    packer = zlib.compressobj(wbits=31)
    (tmp_path / "a.dcm.gz").write_bytes(packer.compress(path.read_bytes()) + packer.flush())
    image = read_image(tmp_path / "a.dcm.gz")
    assert np.array_equal(image.pixels, gradient())
    assert image.origin.name == "a.dcm.gz"


def test_every_refusal_speaks_both_languages():
    declared = [*vars(finding).values(), *vars(reason).values()]
    for code in {value for value in declared if re.fullmatch(r"I1\d\d", str(value))}:
        kind = FINDINGS[code]
        assert all((kind.zh, kind.en, kind.remedy_zh, kind.remedy_en))
        assert (kind.severity == "error") == (code >= "I150")
    refused = RefusedError(reason.SPACING_UNKNOWN, "detail").refusal("a")
    assert refused.error().exit_code == 3


# --- the process that decodes


def hanging_decoder(tmp_path, monkeypatch, body):
    script = tmp_path / "decoding.py"
    script.write_text(body)
    monkeypatch.setattr(decoder, "_SCRIPT", script)
    return decoder.Decoder()


def test_a_decoder_that_hangs_is_ended(tmp_path, monkeypatch):
    guard = hanging_decoder(tmp_path, monkeypatch, "import time\ntime.sleep(60)")
    start = time.perf_counter()
    with pytest.raises(RefusedError) as caught:
        guard.decode({}, b"x" * 1_000_000, seconds=0.5)
    assert caught.value.code == "I164"
    assert time.perf_counter() - start < 10
    assert guard.process_id is None


def test_a_decoder_that_crashes_is_started_again(tmp_path, monkeypatch):
    body = "import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)"
    guard = hanging_decoder(tmp_path, monkeypatch, body)
    with pytest.raises(RefusedError) as caught:
        guard.decode({}, b"x", seconds=30)
    assert caught.value.code == "I163"
    monkeypatch.undo()
    Picture.fromarray(gradient(high=250, dtype=np.uint8)).save(tmp_path / "a.png")
    request = {"kind": "raster", "formats": ["PNG"], "pixels": 10**6, "stack_pixels": 10**6}
    data = (tmp_path / "a.png").read_bytes()
    (page,) = guard.decode(request, data, seconds=30)
    assert np.array_equal(page.pixels, gradient(high=250, dtype=np.uint8))
    first = guard.process_id
    guard.decode(request, data, seconds=30)
    assert guard.process_id == first  # one process for all
    with pytest.raises(RefusedError) as caught:
        guard.decode(request, data[:100], seconds=30)
    assert caught.value.code == "I151"
    guard.decode(request, data, seconds=30)
    guard.close()
    assert guard.process_id is None


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no RLIMIT_AS on this system")
def test_a_decoder_without_memory_is_a_refusal(tmp_path):
    Picture.new("L", (9000, 9000)).save(tmp_path / "a.png")
    request = {"kind": "raster", "formats": ["PNG"], "pixels": 10**9, "stack_pixels": 10**9}
    guard = decoder.Decoder(memory_bytes=1 << 27)
    with pytest.raises(RefusedError) as caught:
        guard.decode(request, (tmp_path / "a.png").read_bytes(), seconds=60)
    assert caught.value.code in {"I162", "I163"}
    guard.close()


def test_the_reader_is_light_and_a_folder_named_dl_does_no_harm(tmp_path):
    (tmp_path / "dl").mkdir()
    (tmp_path / "dl" / "__init__.py").write_text("raise RuntimeError('the wrong dl')")
    save(radiograph(), tmp_path / "a", "1.2.840.10008.1.2.4.90")
    program = (
        "import sys, careloop.imaging.reading as r\n"
        "heavy = {'pydicom', 'PIL', 'nibabel', 'gdcm', 'scipy'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "print(r.read_image('a').pixels.shape)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True,
                          text=True, check=False)  # fmt: skip
    assert done.stdout.strip() == "(48, 40)", done.stderr


# --- real data


@pytest.mark.realdata
def test_idxa_files_have_the_right_pixel_size(data_dir):
    found = list(read_images(data_dir / "dxa" / "idxa_dicom"))
    assert len(found) == 8
    for image in found:
        whole_body = image.body_part == "Total Body"
        expected, tolerance = (2.42, 0.01) if whole_body else (0.25, 0.003)
        assert image.spacing_mm == pytest.approx((expected, expected), abs=tolerance)
        assert image.spacing_from == "ExposedArea/matrix"
        assert image.kind == "dxa_picture"
        assert "I107" in codes(image)
        assert image.device == "GE Healthcare Lunar iDXA"
        assert image.taken_at is not None
    assert [image.side for image in found].count("left") == 2
    assert [image.side for image in found].count("right") == 2


@pytest.mark.realdata
def test_all_real_dicom_files(data_dir):
    found = {}
    for read in read_images(data_dir / "dicom"):
        name = read.name if isinstance(read, Refusal) else read.origin.name
        found[name] = read.code if isinstance(read, Refusal) else read.kind
    assert found == {
        "ct_image.dcm": "ct",
        "dx_image.dcm": "radiograph",
        "seg_image_cr_binary.dcm": "I156",
        "seg_image_ct_binary.dcm": "I156",
        "sr_document.dcm": "I156",
        "sr_document_with_multiple_groups.dcm": "I156",
        "693_UNCI.dcm": "ct",
        "JPGLosslessP14SV1_1s_1f_8b.dcm": "I161",
        "RG1_J2KI.dcm": "I159",
        "RG3_J2KR.dcm": "I158",
        "US1_UNCI.dcm": "I161",
        "eCT_Supplemental.dcm": "ct",
        "gdcm-US-ALOKA-16.dcm": "I161",
        "rsna_pneumonia_1.dcm": "radiograph",
    }
    given = list(read_images(data_dir / "dicom" / "pydicom-data", spacing_mm=0.2))
    assert all(isinstance(read, Image) for read in given)
    assert len(given) == 7


@pytest.mark.realdata
def test_radiographs_need_a_given_size(data_dir):
    files = sorted((data_dir / "radiographs").rglob("*.jpg"))
    assert {refusal(file) for file in files[:3]} == {"I160"}
    some = files[::8]
    read = list(read_images(some, spacing_mm=0.15))
    assert len(read) == len(some)
    cut_short = [image for image in read if isinstance(image, Refusal)]
    assert {image.code for image in cut_short} <= {"I151"}  # five end early, as published
    assert len(cut_short) < 6
    assert all(image.pixels.ndim == 2 for image in read if isinstance(image, Image))
