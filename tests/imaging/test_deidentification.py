"""De-identification: planted canaries are gone, the picture is the same, text in it is blanked."""

from __future__ import annotations

import csv
import random
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Picture
from PIL import ImageDraw, ImageFont
from pydicom import DataElement, Dataset, dcmread
from pydicom.datadict import dictionary_VR, keyword_for_tag
from pydicom.sequence import Sequence
from pydicom.tag import Tag
from pydicom.uid import (
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
    RLELossless,
)

from careloop.error import InputError
from careloop.imaging.deidentification import Box, deidentify, deidentify_file, find_text
from careloop.imaging.deidentification.profile import rules
from careloop.imaging.reading import read_image, read_images

sys.path.insert(0, str(Path(__file__).parent / "reading"))

import dicom_file
from dicom_file import gradient, radiograph, save, slice_of_ct

KEY = b"sixteen secret bytes"
CANARY = "Zyxwvut"
CANARIES = {
    "PN": f"{CANARY}^Erika",
    "DA": "19471123",
    "DT": "19471123101010",
    "TM": "235917",
    "AS": "087Y",
    "UI": "1.3.19471123.4711",
    **dict.fromkeys(("LO", "LT", "SH", "ST", "UC", "UR", "UT", "CS", "AE"), CANARY.upper()),
}
TRACES = [b"ZYXWVUT", b"Zyxwvut", b"19471123", b"235917", b"4711", "王小东".encode("gb18030"),
          "王小东".encode(), "王^小东".encode("gb18030"), b"087Y"]  # fmt: skip


def plant(dataset: Dataset) -> int:
    """Put a canary into every attribute of the table and count them."""
    planted = 0
    for tag in rules():
        if Tag(tag).group in {0x0000, 0x0002, 0x0004} or tag == 0x00420011:  # a document
            continue
        vr = dictionary_VR(tag)
        value = CANARIES.get(vr)
        if vr == "SQ":
            item = Dataset()
            item.PatientName, item.PersonAddress = CANARIES["PN"], CANARY
            item.CodeMeaning, item.TextValue, item.DateTime = CANARY, CANARY, CANARIES["DT"]
            item.ReferencedSOPInstanceUID = CANARIES["UI"]
            value = Sequence([item])
        elif vr.startswith(("OB", "UN", "OW")):
            value = CANARY.encode() + b"\0"
        if value is not None:
            dataset[tag] = DataElement(tag, vr.split(" or ", maxsplit=1)[0], value)
            planted += 1
    return planted


def with_everything() -> Dataset:
    made = radiograph()
    assert plant(made) > 450
    made.PatientName, made.PatientID = CANARIES["PN"], CANARY
    made.SeriesDescription = f"forearm of {CANARY}"
    made.ManufacturerModelName = f"Scanner of {CANARY}"  # the table is silent on it
    made.BodyPartExamined = "FOREARM"
    block = made.private_block(0x0011, f"{CANARY}'S BLOCK", create=True)
    block.add_new(0x01, "LO", CANARY)
    block.add_new(0x02, "UN", CANARY.encode())
    inner = Dataset()
    inner.PatientName = CANARIES["PN"]
    inner.private_block(0x0013, "X", create=True).add_new(0x01, "LO", CANARY)
    deep = Dataset()
    deep.ReferencedSOPSequence = Sequence([inner])
    made.ReferencedSeriesSequence = Sequence([deep])
    made.add_new(0x60000010, "US", 4)
    made.add_new(0x60003000, "OW", CANARY.encode() + b"\0")
    made.add_new(0x60004000, "LT", CANARY)
    made.add_new(0x50003000, "OW", CANARY.encode() + b"\0")
    made.add_new(0x00080067, "LO", CANARY)  # in no dictionary
    made.add_new(0xFFFCFFFC, "OB", CANARY.encode() + b"\0")
    return made


def written(made: Dataset, folder: Path, syntax=ExplicitVRLittleEndian, **options):
    source = save(made, folder / "source", syntax)
    options = {"regions": [], **options}
    done = deidentify_file(source, folder / "target", key=KEY, **options)
    return done, folder / "target"


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_no_canary_survives(tmp_path, syntax):
    made = with_everything()
    source = save(made, tmp_path / "source", syntax)
    data = bytearray(source.read_bytes())
    data[: len(CANARY)] = CANARY.encode()  # the preamble is free for all
    data = data.replace(b"PYDICOM", b"ZYXWVUT")  # the file meta group
    source.write_bytes(data)
    assert sum(data.count(trace) for trace in TRACES) > 500
    done = deidentify_file(source, tmp_path / "target", key=KEY, regions=[])
    out = (tmp_path / "target").read_bytes()
    assert [trace for trace in TRACES if trace in out] == []
    assert done.done["removed: private"] >= 3
    assert done.done["removed: overlay or curve"] == 4
    clean = dcmread(tmp_path / "target")
    assert clean.BodyPartExamined == "FOREARM"
    assert clean.ManufacturerModelName == ""
    assert not [element.tag for element in clean.iterall() if element.tag.is_private]


@pytest.mark.parametrize("charset", ["GB18030", "ISO_IR 192", ""])
def test_names_in_other_character_sets_are_gone(tmp_path, charset):
    made = radiograph(PatientName=None)
    made.SpecificCharacterSet = charset or "ISO_IR 100"
    codec = "utf-8" if charset == "ISO_IR 192" else "gb18030"
    made.InstitutionalDepartmentName = "骨科"
    source = save(made, tmp_path / "source", ImplicitVRLittleEndian) if charset else None
    if source is None:
        made.InstitutionalDepartmentName = ""
        source = save(made, tmp_path / "source", ImplicitVRLittleEndian)
    data = source.read_bytes()
    name = "王^小东".encode(codec)
    name += b" " * (len(name) % 2)
    told = "王小东 forearm ".encode(codec)
    told += b" " * (len(told) % 2)
    elements = {
        b"\x10\x00\x20\x00": b"\x10\x00\x10\x00" + len(name).to_bytes(4, "little") + name,
        b"\x18\x00\x15\x00": b"",
    }
    model = b"\x08\x00\x90\x10" + len(told).to_bytes(4, "little") + told
    at = data.index(b"\x10\x00\x20\x00", 200)
    data = data[:at] + elements[b"\x10\x00\x20\x00"] + data[at:]
    at = data.index(b"\x10\x00\x10\x00", 200)
    data = data[:at] + model + data[at:]
    source.write_bytes(data)
    assert read_image(source).subject.name == "王小东"
    deidentify_file(source, tmp_path / "target", key=KEY, regions=[])
    out = (tmp_path / "target").read_bytes()
    for part in ("王", "小东"):
        assert part.encode(codec) not in out
        assert part.encode() not in out


def test_the_picture_is_the_same_outside_the_boxes(tmp_path):
    made = slice_of_ct(0)
    before = read_image(save(made, tmp_path / "before"))
    done, target = written(made, tmp_path, regions=[Box(0, 0, 4, 5), Box(10, 6, 16, 12)])
    after = read_image(target)
    changed = np.zeros((16, 12), bool)
    changed[:4, :5] = changed[10:, 6:] = True
    assert np.array_equal(after.pixels[~changed], before.pixels[~changed])
    assert set(after.pixels[changed].tolist()) == {int(before.pixels.min())}
    assert done.blanked_pixels == changed.sum()
    assert after.spacing_mm == before.spacing_mm
    assert (after.kind, after.modality) == ("ct", "CT")


@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL"])
def test_colour_pictures_and_boxes_of_single_frames(tmp_path, photometric):
    frames = np.random.default_rng(1).integers(20, 255, (3, 8, 6, 3), dtype=np.uint8)
    made = radiograph(frames[0], NumberOfFrames=3, PhotometricInterpretation=photometric)
    made.PixelData = frames.tobytes()
    source = save(made, tmp_path / "source")
    before = [image.pixels for image in read_images(source)]
    deidentify_file(source, tmp_path / "target", key=KEY, regions=[Box(0, 0, 2, 3, frame=1)])
    after = [image.pixels for image in read_images(tmp_path / "target")]
    assert np.array_equal(before[0], after[0])
    assert np.array_equal(before[2], after[2])
    assert not after[1][:2, :3].any()
    assert np.array_equal(before[1][2:], after[1][2:])
    assert np.array_equal(before[1][:, 3:], after[1][:, 3:])


@pytest.mark.parametrize("syntax", [RLELossless, JPEGBaseline8Bit, dicom_file.JPEGLSLossless])
def test_compressed_pictures_are_written_anew(tmp_path, syntax):
    pixels = gradient(high=250, dtype=np.uint8)
    source = save(radiograph(pixels), tmp_path / "source", syntax)
    before = read_image(source)
    if syntax == JPEGBaseline8Bit:  # a comment in the compressed stream
        data = source.read_bytes()
        comment = b"\xff\xfe\x00\x10" + b"ZYXWVUT" * 2
        at = data.index(b"\xff\xd8\xff") + 2
        length = int.from_bytes(data[at - 6 : at - 2], "little") + len(comment)
        data = data[: at - 6] + length.to_bytes(4, "little") + b"\xff\xd8" + comment + data[at:]
        source.write_bytes(data)
        assert b"ZYXWVUT" in data
    deidentify_file(source, tmp_path / "target", key=KEY, regions=[])
    assert np.array_equal(read_image(tmp_path / "target").pixels, before.pixels)
    assert b"ZYXWVUT" not in (tmp_path / "target").read_bytes()
    assert dcmread(tmp_path / "target").file_meta.TransferSyntaxUID == ExplicitVRLittleEndian


def test_what_hides_in_unused_bits_or_behind_the_picture_is_gone(tmp_path):
    made = radiograph(gradient(high=1000) | np.uint16(0x5000), BitsStored=12, HighBit=11)
    made.PixelData += CANARY.encode() + b"\0"
    _, target = written(made, tmp_path)
    assert CANARY.encode() not in target.read_bytes()
    stored = np.frombuffer(dcmread(target).PixelData, "<u2")
    assert np.array_equal(stored.reshape(48, 40), gradient(high=1000))


def test_uids_are_replaced_alike_in_all_files(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    _, first = written(slice_of_ct(0), tmp_path / "a")
    _, second = written(slice_of_ct(1), tmp_path / "b")
    one, two = dcmread(first), dcmread(second)
    assert one.SeriesInstanceUID == two.SeriesInstanceUID != "1.2.3.5"
    assert one.SOPInstanceUID != two.SOPInstanceUID
    assert one.SOPInstanceUID == one.file_meta.MediaStorageSOPInstanceUID
    assert one.SeriesInstanceUID.startswith("2.25.")
    assert len(one.SeriesInstanceUID) <= 64
    assert one.SOPClassUID == slice_of_ct(0).SOPClassUID
    assert one.PatientID == two.PatientID
    other = deidentify(slice_of_ct(0), key=b"another secret key", regions=[]).dataset
    assert other.SeriesInstanceUID != one.SeriesInstanceUID
    assert other.PatientID != one.PatientID


def test_the_file_says_what_was_done(tmp_path):
    done, target = written(radiograph(), tmp_path, options=["patient_characteristics"])
    clean = dcmread(target)
    assert clean.PatientIdentityRemoved == "YES"
    assert clean.BurnedInAnnotation == "NO"
    assert clean.LongitudinalTemporalInformationModified == "REMOVED"
    codes = [item.CodeValue for item in clean.DeidentificationMethodCodeSequence]
    assert codes == ["113100", "113101", "113108"]
    assert clean.PatientName == clean.PatientID == done.person_id
    assert clean.PatientSex == "F"
    assert clean.StudyDate == ""
    assert done.text_checked_by == "regions given"
    assert deidentify(radiograph(), key=KEY, regions=[]).dataset.PatientSex == ""


def test_characteristics_and_dates_on_request(tmp_path):
    made = radiograph(PatientAge="093Y", PatientSize=1.6, AcquisitionDateTime="20240305101500",
                      SeriesDate="20240310", PatientBirthDate="19310101")  # fmt: skip
    options = ["patient_characteristics", "modified_dates"]
    clean = deidentify(made, key=KEY, regions=[], options=options).dataset
    assert clean.PatientAge == "090Y"
    assert clean.PatientSize == 1.6
    assert clean.PatientBirthDate == ""
    assert clean.LongitudinalTemporalInformationModified == "MODIFIED"
    assert clean.StudyDate < "20240305"
    assert clean.AcquisitionDateTime == f"{clean.StudyDate}101500"
    days = [np.datetime64(f"{d[:4]}-{d[4:6]}-{d[6:]}") for d in (clean.StudyDate, clean.SeriesDate)]
    assert (days[1] - days[0]).astype(int) == 5
    assert deidentify(made, key=KEY, regions=[], person_id="P7").dataset.PatientID == "P7"


def test_a_picture_nobody_has_checked_for_text_is_refused(tmp_path):
    with pytest.raises(InputError, match="burned"):
        deidentify(radiograph(), key=KEY)
    with pytest.raises(InputError, match="burned"):
        deidentify(radiograph(BurnedInAnnotation="YES"), key=KEY)
    done = deidentify(radiograph(BurnedInAnnotation="NO"), key=KEY)
    assert done.text_checked_by == "BurnedInAnnotation NO"
    codes = [item.CodeValue for item in done.dataset.DeidentificationMethodCodeSequence]
    assert codes == ["113100"]
    with pytest.raises(ValueError, match="16 bytes"):
        deidentify(radiograph(), key=b"short")


def test_objects_that_are_no_images_and_existing_files_are_refused(tmp_path):
    report = radiograph(Modality="SR", SOPClassUID="1.2.840.10008.5.1.4.1.1.88.33")
    with pytest.raises(InputError, match="not an image"):
        deidentify(report, key=KEY, regions=[])
    source = save(radiograph(), tmp_path / "a")
    with pytest.raises(InputError, match="exists"):
        deidentify_file(source, source, key=KEY, regions=[])
    (tmp_path / "noise").write_bytes(b"noise" * 100)
    with pytest.raises(InputError):
        deidentify_file(tmp_path / "noise", tmp_path / "b", key=KEY, regions=[])
    assert not (tmp_path / "b").exists()


def test_damaged_files_are_deidentified_or_refused(tmp_path):
    source = save(with_everything(), tmp_path / "source", ImplicitVRLittleEndian).read_bytes()
    rng, outcomes = random.Random(5), set()
    for number in range(40):
        data = bytearray(source)
        for _ in range(rng.choice((1, 10, 100))):
            data[rng.randrange(132, len(data) - 3000)] = rng.randrange(256)
        (tmp_path / "damaged").write_bytes(data)
        target = tmp_path / f"target{number}"
        try:
            deidentify_file(tmp_path / "damaged", target, key=KEY, regions=[])
        except InputError:
            outcomes.add("refused")
            assert not target.exists()
        else:
            outcomes.add("done")
            assert CANARY.encode() not in target.read_bytes()
    assert outcomes == {"done", "refused"}


def test_the_input_is_not_changed():
    made = radiograph()
    before = made.to_json()
    deidentify(made, key=KEY, regions=[Box(0, 0, 9, 9)])
    assert made.to_json() == before


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_a_detector_given_is_used_and_black_is_black(photometric):
    def detector(picture):
        assert picture.dtype == np.uint8
        assert picture.shape == (48, 40)
        return [Box(2, 3, 10, 20)]

    made = radiograph(PhotometricInterpretation=photometric)
    done = deidentify(made, key=KEY, detector=detector)
    stored = np.frombuffer(done.dataset.PixelData, "<u2").reshape(48, 40)
    black = gradient().max() if photometric == "MONOCHROME1" else gradient().min()
    assert set(stored[2:10, 3:20].ravel().tolist()) == {int(black)}
    assert done.text_checked_by == "detector"
    assert done.boxes == (Box(2, 3, 10, 20),)


def with_text(text, *, height=22, size=(300, 420)):
    """A smooth picture with letters burned in; and where they are."""
    pixels = (gradient(*size, high=120, dtype=np.uint8) + 20).astype(np.uint8)
    picture = Picture.fromarray(pixels)
    draw = ImageDraw.Draw(picture)
    font = ImageFont.load_default(size=height)
    draw.text((30, 40), text, fill=255, font=font)
    return pixels, np.asarray(picture)


def test_burned_in_text_is_found_and_blanked(tmp_path):
    pytest.importorskip("rapidocr")
    plain, pixels = with_text("Muster Erika 1950-01-02")
    done, target = written(radiograph(pixels), tmp_path, regions=None, detector=find_text)
    after = read_image(target).pixels
    letters = pixels != plain
    assert letters.sum() > 300
    assert (after[letters] == 255).sum() == 0
    inside = np.zeros(pixels.shape, bool)
    for box in done.boxes:
        inside[box.top : box.bottom, box.left : box.right] = True
    assert np.array_equal(after[~inside], pixels[~inside])
    assert inside.mean() < 0.2


def test_the_table_is_complete_and_known():
    path = Path(sys.modules["careloop.imaging.deidentification"].__file__).with_name("profile.csv")
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    rows = list(csv.DictReader(lines))
    assert len(rows) == 621  # edition 2024b
    assert len(rules()) == 621 - 4  # without 50xx, 60xx and private
    for tag, rule in rules().items():
        assert keyword_for_tag(tag) == rule.keyword or not keyword_for_tag(tag)
    spots = {"PatientName": "Z", "PatientID": "D", "PatientBirthDate": "Z", "StudyInstanceUID": "U",
             "InstitutionName": "D", "PatientAddress": "X", "StudyDate": "Z",
             "SeriesDescription": "X", "AccessionNumber": "Z"}  # fmt: skip
    actions = {rule.keyword: rule.action for rule in rules().values()}
    assert {keyword: actions[keyword] for keyword in spots} == spots


@pytest.mark.realdata
def test_real_idxa_files(data_dir, tmp_path):
    for number, source in enumerate(sorted((data_dir / "dxa" / "idxa_dicom").iterdir())):
        target = tmp_path / str(number)
        original = dcmread(source)
        deidentify_file(source, target, key=KEY, regions=[])
        before, after = read_image(source), read_image(target)
        assert np.array_equal(before.pixels, after.pixels)
        assert before.spacing_mm == after.spacing_mm
        assert after.kind == "dxa_picture"
        head = target.read_bytes()[:6000]
        for keyword in ("PatientName", "PatientID", "PatientBirthDate", "SOPInstanceUID",
                        "StationName", "DeviceSerialNumber", "StudyInstanceUID"):  # fmt: skip
            assert str(original[keyword].value).encode() not in head


@pytest.mark.slow
@pytest.mark.realdata
def test_no_text_is_found_in_real_pictures_without_text(data_dir):
    pytest.importorskip("rapidocr")
    for source in sorted((data_dir / "dxa" / "idxa_dicom").iterdir())[:3]:
        pixels = dcmread(source).pixel_array
        covered = np.zeros(pixels.shape, bool)
        for box in find_text(pixels):
            covered[box.top : box.bottom, box.left : box.right] = True
        assert covered.mean() < 0.02
