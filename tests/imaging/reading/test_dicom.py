"""DICOM: every transfer syntax, what the pixels mean, whose they are."""

from __future__ import annotations

import logging
import struct
import warnings
from datetime import date, datetime

import numpy as np
import pytest
from dicom_file import LOSSLESS, LOSSY, NATIVE, gradient, radiograph, save, slice_of_ct
from pydicom import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from careloop.error import InputError
from careloop.imaging.reading import Limits, Refusal, read_image, read_images


def codes(image):
    return {found.code for found in image.findings}


def refusal(path, **options):
    (read,) = read_images(path, **options)
    assert isinstance(read, Refusal), read
    return read.code


# --- transfer syntaxes


@pytest.mark.parametrize("syntax", [*NATIVE, *LOSSLESS], ids=lambda syntax: syntax.keyword)
def test_lossless_syntaxes_give_the_pixels_that_were_written(tmp_path, syntax):
    image = read_image(save(radiograph(), tmp_path / "a", syntax))
    assert np.array_equal(image.pixels, gradient())
    assert image.pixels.dtype == np.uint16
    assert image.spacing_mm == (0.2, 0.1)
    assert image.spacing_from == "PixelSpacing"
    assert (image.kind, image.modality, image.origin.format) == ("radiograph", "CR", "dicom")
    assert "I118" not in codes(image)


@pytest.mark.parametrize("syntax", LOSSY, ids=lambda syntax: syntax.keyword)
def test_lossy_syntaxes_give_nearly_the_pixels_and_say_so(tmp_path, syntax):
    pixels = gradient(high=250, dtype=np.uint8)
    made = radiograph(pixels, LossyImageCompression="01")
    image = read_image(save(made, tmp_path / "a", syntax))
    assert np.abs(image.pixels.astype(int) - pixels).max() <= 4
    assert "I118" in codes(image)


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian,
                                    ExplicitVRBigEndian])  # fmt: skip
@pytest.mark.parametrize("left", ["data set alone", "meta without preamble", "DICM alone"])
def test_files_without_preamble_or_meta_are_read_and_flagged(tmp_path, syntax, left):
    data = save(radiograph(), tmp_path / "whole", syntax).read_bytes()
    length = struct.unpack_from("<I", data, 140)[0]
    start = {"data set alone": 144 + length, "meta without preamble": 132, "DICM alone": 128}[left]
    (tmp_path / "bare").write_bytes(data[start:])
    image = read_image(tmp_path / "bare")
    assert np.array_equal(image.pixels, gradient())
    assert "I116" in codes(image)


def test_the_kind_is_told_by_content_not_by_name(tmp_path):
    assert read_image(save(radiograph(), tmp_path / "picture.png")).origin.format == "dicom"


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.uint32])
def test_signed_and_wide_pixels(tmp_path, dtype):
    pixels = gradient(high=200).astype(dtype)
    if np.dtype(dtype).kind == "i":
        pixels = pixels - 150
    image = read_image(save(radiograph(pixels), tmp_path / "a"))
    assert np.array_equal(image.pixels, pixels)


def test_an_overlay_in_unused_bits_is_cleared_and_flagged(tmp_path):
    pixels = gradient(high=1000)
    hidden = pixels | np.uint16(0x8000)
    image = read_image(save(radiograph(hidden, BitsStored=12, HighBit=11), tmp_path / "a"))
    assert np.array_equal(image.pixels, pixels)
    assert "I117" in codes(image)
    signed = (gradient(high=1000).astype(np.int16) - 500) & np.int16(0x0FFF)
    image = read_image(save(radiograph(signed, BitsStored=12, HighBit=11), tmp_path / "b"))
    assert image.pixels.min() == -500


# --- meaning


def test_rescale_gives_hounsfield_units(tmp_path):
    image = read_image(save(slice_of_ct(0), tmp_path / "a"))
    assert image.kind == "ct"
    assert np.array_equal(image.pixels, gradient(16, 12, high=3000).astype(int) - 1024)
    assert image.pixels.dtype == np.int16
    unscaled = slice_of_ct(0, RescaleSlope=None, RescaleIntercept=None)
    image = read_image(save(unscaled, tmp_path / "b"))
    assert image.kind == "other"
    assert "I124" in codes(image)


def test_a_modality_table_is_applied(tmp_path):
    table = Dataset()
    table.LUTDescriptor = [4, 0, 16]
    table.LUTData = [100, 300, 200, 900]
    table["LUTDescriptor"].VR = table["LUTData"].VR = "US"
    pixels = np.array([[0, 1], [2, 3]], np.uint8)
    made = radiograph(pixels, ModalityLUTSequence=Sequence([table]))
    assert read_image(save(made, tmp_path / "a")).pixels.tolist() == [[100, 300], [200, 900]]


@pytest.mark.parametrize(
    ("photometric", "sign", "intent", "inverted", "code"),
    [
        ("MONOCHROME2", None, None, False, None),
        ("MONOCHROME2", -1, None, False, None),
        ("MONOCHROME1", None, None, True, "I105"),
        ("MONOCHROME1", 1, "FOR PRESENTATION", True, "I105"),
        ("MONOCHROME2", 1, "FOR PRESENTATION", False, "I114"),
        ("MONOCHROME2", 1, "FOR PROCESSING", True, "I105"),
        ("MONOCHROME1", -1, "FOR PROCESSING", False, None),
    ],
)
def test_bone_is_bright(tmp_path, photometric, sign, intent, inverted, code):
    made = radiograph(
        PhotometricInterpretation=photometric,
        PixelIntensityRelationshipSign=sign,
        PresentationIntentType=intent,
        BitsStored=12,
        HighBit=11,
    )
    image = read_image(save(made, tmp_path / "a"))
    assert np.array_equal(image.pixels, 4095 - gradient() if inverted else gradient())
    assert (codes(image) & {"I105", "I114"}) == ({code} if code else set())


def test_hounsfield_units_are_never_inverted(tmp_path):
    made = slice_of_ct(0, PhotometricInterpretation="MONOCHROME1")
    image = read_image(save(made, tmp_path / "a"))
    assert image.pixels[0, 0] == -1024


def test_colour_becomes_luminance_and_is_flagged(tmp_path):
    rgb = np.zeros((4, 6, 3), np.uint8)
    rgb[..., 0], rgb[..., 1], rgb[..., 2] = 200, 100, 50
    luma = round(0.299 * 200 + 0.587 * 100 + 0.114 * 50)
    image = read_image(save(radiograph(rgb), tmp_path / "rgb"))
    assert set(image.pixels.ravel().tolist()) == {luma}
    assert "I106" in codes(image)
    planar = radiograph(rgb, PlanarConfiguration=1)
    planar.PixelData = np.moveaxis(rgb, 2, 0).tobytes()
    assert np.array_equal(read_image(save(planar, tmp_path / "planar")).pixels, image.pixels)
    ybr = radiograph(rgb, PhotometricInterpretation="YBR_FULL")
    assert set(read_image(save(ybr, tmp_path / "ybr")).pixels.ravel().tolist()) == {200}
    grey = np.repeat(gradient(high=250, dtype=np.uint8)[..., None], 3, axis=2)
    image = read_image(save(radiograph(grey), tmp_path / "grey"))
    assert np.array_equal(image.pixels, grey[..., 0])
    assert "I106" not in codes(image)


def test_a_palette_is_looked_up(tmp_path):
    pixels = np.array([[0, 1], [2, 3]], np.uint8)
    made = radiograph(pixels, PhotometricInterpretation="PALETTE COLOR")
    for colour, table in (("Red", [0, 255, 0, 0]), ("Green", [0, 0, 255, 0]),
                          ("Blue", [0, 0, 0, 255])):  # fmt: skip
        setattr(made, f"{colour}PaletteColorLookupTableDescriptor", [4, 0, 8])
        made[f"{colour}PaletteColorLookupTableDescriptor"].VR = "US"
        setattr(made, f"{colour}PaletteColorLookupTableData", bytes(table))
    assert read_image(save(made, tmp_path / "a")).pixels.tolist() == [[0, 76], [150, 29]]


def test_a_dxa_picture_is_no_bmd_map(tmp_path):
    made = radiograph(Manufacturer="GE Healthcare", ManufacturerModelName="Lunar iDXA",
                      PixelSpacing=None, ExposedArea=[40, 48], ProtocolName="Left Femur",
                      SoftwareVersions="16.00.158")  # fmt: skip
    image = read_image(save(made, tmp_path / "a"))
    assert image.kind == "dxa_picture"
    assert {"I107", "I110"} <= codes(image)
    assert image.spacing_mm == (48 / 48, 40 / 40)
    assert (image.side, image.body_part) == ("left", "Left Femur")
    assert (image.device, image.software) == ("GE Healthcare Lunar iDXA", "16.00.158")


@pytest.mark.parametrize(
    ("laterality", "named", "side", "flagged"),
    [("L", "", "left", False), ("R", "Right wrist", "right", False), ("L", "right", "", True),
     ("", "右侧前臂", "right", False), ("", "left and right", "", False), ("B", "", "", False)],
)  # fmt: skip
def test_the_side_is_known_or_empty(tmp_path, laterality, named, side, flagged):
    made = radiograph(Laterality=laterality, SpecificCharacterSet="ISO_IR 192")
    made.SeriesDescription = named
    image = read_image(save(made, tmp_path / "a"))
    assert image.side == side
    assert ("I115" in codes(image)) == flagged


@pytest.mark.parametrize(
    ("modality", "sop_class", "code"),
    [
        ("SEG", "1.2.840.10008.5.1.4.1.1.66.4", "I156"),
        ("SR", "1.2.840.10008.5.1.4.1.1.88.33", "I156"),
        ("RTSTRUCT", "1.2.840.10008.5.1.4.1.1.481.3", "I156"),
        ("RTDOSE", "1.2.840.10008.5.1.4.1.1.481.2", "I156"),
        ("DOC", "1.2.840.10008.5.1.4.1.1.104.1", "I157"),
        ("US", "1.2.840.10008.5.1.4.1.1.6.1", "I161"),
    ],
)
def test_what_is_no_image_to_measure_is_refused(tmp_path, modality, sop_class, code):
    made = radiograph(Modality=modality, SOPClassUID=sop_class, PixelSpacing=None)
    assert refusal(save(made, tmp_path / "a")) == code


def test_a_document_is_sent_to_the_report_reader(tmp_path):
    made = radiograph(Modality="DOC", SOPClassUID="1.2.840.10008.5.1.4.1.1.104.1")
    with pytest.raises(InputError, match="report"):
        read_image(save(made, tmp_path / "a"))


# --- pixel size


def spacing(tmp_path, **attributes):
    image = read_image(save(radiograph(**attributes), tmp_path / "s"))
    return image.spacing_mm, image.spacing_from, codes(image)


def test_sources_of_the_pixel_size(tmp_path):
    steps, source, found = spacing(tmp_path, PixelSpacing=None, ImagerPixelSpacing=[0.3, 0.4])
    assert (steps, source) == ((0.3, 0.4), "ImagerPixelSpacing")
    assert "I108" in found
    steps, source, found = spacing(tmp_path, PixelSpacing=None, ImagerPixelSpacing=[0.3, 0.3],
                                   EstimatedRadiographicMagnificationFactor=1.5)  # fmt: skip
    assert steps == pytest.approx((0.2, 0.2))
    assert "I108" not in found
    assert source.endswith("MagnificationFactor")
    steps, source, _ = spacing(tmp_path, PixelSpacing=None, NominalScannedPixelSpacing=[0.1, 0.1])
    assert (steps, source) == ((0.1, 0.1), "NominalScannedPixelSpacing")
    _, _, found = spacing(tmp_path, ImagerPixelSpacing=[0.3, 0.3])
    assert "I109" in found
    _, _, found = spacing(tmp_path, PixelSpacingCalibrationType="FIDUCIAL")
    assert not found & {"I108", "I109"}
    _, source, found = spacing(tmp_path, PixelSpacing=None, ExposedArea=[40, 48])
    assert source == "ExposedArea/matrix"
    assert "I111" in found


@pytest.mark.parametrize(
    ("value", "code"),
    [(None, "I158"), ([0, 0], "I159"), ([-0.1, 0.1], "I159"), ([51, 51], "I159"),
     ([1e-4, 1e-4], "I159"), ([0.2, 0.2, 0.2], "I159")],
)  # fmt: skip
def test_an_unknown_or_impossible_pixel_size_is_refused(tmp_path, value, code):
    path = save(radiograph(PixelSpacing=value), tmp_path / "a")
    assert refusal(path) == code
    image = read_image(path, spacing_mm=(0.3, 0.4))
    assert (image.spacing_mm, image.spacing_from) == ((0.3, 0.4), "given")


def test_an_exposed_area_that_is_not_the_pictures_is_not_used(tmp_path):
    made = radiograph(PixelSpacing=None, ExposedArea=[400, 48])
    assert refusal(save(made, tmp_path / "a")) == "I158"


def test_a_given_size_that_differs_from_the_files_is_flagged(tmp_path):
    path = save(radiograph(), tmp_path / "a")
    assert "I112" in codes(read_image(path, spacing_mm=0.5))
    assert "I112" not in codes(read_image(path, spacing_mm=(0.2, 0.1)))
    for wrong in (0, -1, 51, (1, 2, 3, 4), float("nan"), (0.1, 0)):
        with pytest.raises(ValueError, match="spacing_mm"):
            read_image(path, spacing_mm=wrong)


# --- persons and dates


@pytest.mark.parametrize(
    ("charset", "raw", "name", "code"),
    [
        ("GB18030", "王^小东".encode("gb18030"), "王小东", None),
        ("GBK", "王^小东".encode("gbk"), "王小东", None),
        ("ISO_IR 192", "Wang^XiaoDong=王^小东".encode(), "王小东", None),
        ("GB18030", "㐀^𠀀".encode("gb18030"), "㐀𠀀", None),
        ("", "喆^小东".encode("gbk"), "喆小东", "I102"),
        ("", "王^小东".encode(), "王小东", "I102"),
        ("ISO_IR 100", "王^小东".encode("gbk"), "王小东", "I102"),
        ("ISO_IR 192", "王^小东".encode("gbk"), "王小东", "I102"),
        ("ISO_IR 100", "Müller^Jörg".encode("latin-1"), "Müller Jörg", None),
        ("ISO_IR 144", "Иванов^Иван".encode("iso8859_5"), "Иванов Иван", None),
        (
            "\\ISO 2022 IR 58",
            b"Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab=",
            "张小东",
            None,
        ),
        ("\\ISO 2022 IR 58", "张^小东".encode("gbk"), "张小东", "I102"),
        ("GB18030", b"\xcd\xf5^\xff\xff", None, "I103"),
    ],
)
def test_chinese_names(tmp_path, charset, raw, name, code):
    made = radiograph(PatientName=None)
    path = save(made, tmp_path / "a", ImplicitVRLittleEndian)
    data = path.read_bytes()
    for tag, value in ((b"\x08\x00\x05\x00", charset.encode()), (b"\x10\x00\x10\x00", raw)):
        padded = value + b" " * (len(value) % 2)
        element = tag + struct.pack("<I", len(padded)) + padded
        following = {8: b"\x08\x00\x16\x00", 16: b"\x10\x00\x20\x00"}[tag[0]]
        at = data.index(following, 200)
        data = data[:at] + element + data[at:]
    path.write_bytes(data)
    image = read_image(path)
    if name is not None:
        assert image.subject.name == name
    assert codes(image) & {"I102", "I103"} == ({code} if code else set())


def test_who_and_when(tmp_path):
    image = read_image(save(radiograph(AcquisitionDateTime="20240306093000.5+0800"),
                            tmp_path / "a"))  # fmt: skip
    assert image.subject.name == "Muster Erika"
    assert image.subject.person_id == "T-0001"
    assert image.subject.born_on == date(1950, 1, 2)
    assert image.subject.sex == "female"
    assert image.taken_at == datetime(2024, 3, 6, 9, 30, 0, 500000)


@pytest.mark.parametrize("bad", ["19501399", "unknown", "00000000", "1950", "195O0102"])
def test_a_bad_date_is_unknown_and_flagged(tmp_path, bad):
    made = radiograph(AcquisitionDate="20240305", AcquisitionTime="101530")
    path = save(made, tmp_path / "a", ImplicitVRLittleEndian)
    data = path.read_bytes()
    raw = bad.encode().ljust(8)
    path.write_bytes(data.replace(b"19500102", raw).replace(b"20240305", raw))
    image = read_image(path)
    assert image.subject.born_on is None
    assert image.taken_at is None
    assert [found.code for found in image.findings].count("I104") == 2


def test_no_value_of_a_patient_is_warned_or_logged(tmp_path, caplog, capfd):
    path = save(radiograph(), tmp_path / "a", ImplicitVRLittleEndian)
    data = path.read_bytes().replace(b"Muster^Erika", b"CANARYNAME\xff\xfe")
    data = data.replace(b"19500102", b"CANARYDA").replace(b"101530", b"CANARY")
    data = data.replace(b"0.2\\0.1 ", b"CANARYNU").replace(b"Maker ", b"CANA\x07\\")
    data = data.replace(b"1.2.3.4\0", b"CANARY.\0").replace(b"1.2.3.1\0", b"CANARY!\0")
    path.write_bytes(data)
    with warnings.catch_warnings(record=True) as caught, caplog.at_level(logging.DEBUG):
        warnings.simplefilter("always")
        (read,) = read_images(path)
        assert isinstance(read, Refusal)
        image = read_image(path, spacing_mm=1)
    said = "".join(str(warning.message) for warning in caught) + caplog.text
    said += "".join(capfd.readouterr()) + read.problem + read.remedy
    said += "".join(found.value + found.detail for found in image.findings)
    assert "CANA" not in said
    assert caught == []
    assert "I101" in codes(image)
    assert "CANARYNAME" in image.subject.name


# --- limits and damage


def test_a_huge_header_with_little_data_is_refused_before_memory_is_taken(tmp_path):
    path = save(radiograph(Rows=14_000, Columns=14_000), tmp_path / "a")
    assert refusal(path) == "I154"
    path = save(radiograph(Rows=65_535, Columns=65_535), tmp_path / "b")
    assert refusal(path) == "I153"
    path = save(radiograph(NumberOfFrames=100_000_000), tmp_path / "c")
    assert refusal(path) == "I153"
    path = save(radiograph(), tmp_path / "d")
    assert refusal(path, limits=Limits(file_bytes=1000)) == "I152"
    assert refusal(path, limits=Limits(pixels=1000)) == "I153"


@pytest.mark.parametrize(
    "changed",
    [{"BitsAllocated": 12}, {"BitsStored": 20}, {"SamplesPerPixel": 2}, {"RescaleSlope": 0},
     {"NumberOfFrames": -1}, {"HighBit": 3}],
)  # fmt: skip
def test_a_header_that_contradicts_itself_is_refused(tmp_path, changed):
    assert refusal(save(radiograph(**changed), tmp_path / "a")) == "I174"


def test_compressed_pixels_of_another_size_are_refused(tmp_path):
    for syntax in LOSSLESS[1:]:
        path = save(radiograph(), tmp_path / "a", syntax)
        data = path.read_bytes()
        at = data.index(b"\x28\x00\x10\x00US\x02\x00") + 8
        path.write_bytes(data[:at] + struct.pack("<H", 49) + data[at + 2 :])
        assert refusal(path) == "I174"


def test_a_deflated_bomb_is_refused(tmp_path):
    path = save(radiograph(np.zeros((2000, 2000), np.uint16)), tmp_path / "a", NATIVE[3])
    assert refusal(path, limits=Limits(file_bytes=1_000_000)) == "I152"


def test_trailing_pixel_data_are_flagged(tmp_path):
    made = radiograph()
    made.PixelData += bytes(100)
    assert "I130" in codes(read_image(save(made, tmp_path / "a")))


def test_missing_pixels_are_refused(tmp_path):
    made = radiograph()
    made.PixelData = made.PixelData[:-2]
    assert refusal(save(made, tmp_path / "a")) == "I154"
    del made.PixelData
    assert refusal(save(made, tmp_path / "b")) == "I155"
