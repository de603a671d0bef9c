"""Slices to stacks: order, step, and what is missing, double or uneven."""

from __future__ import annotations

import random
import shutil
import zipfile

import nibabel
import numpy as np
import pytest
from dicom_file import gradient, radiograph, save, slice_of_ct
from pydicom import Dataset
from pydicom.sequence import Sequence

from careloop.error import InputError
from careloop.imaging.image import Image
from careloop.imaging.reading import Refusal, read_image, read_images


def write(folder, slices):
    folder.mkdir(exist_ok=True)
    names = [f"{name:03}" for name in range(len(slices))]
    random.Random(1).shuffle(names)
    for name, made in zip(names, slices, strict=True):
        save(made, folder / name)
    return folder


def codes(image):
    return {found.code for found in image.findings}


def test_slices_are_sorted_along_the_normal(tmp_path):
    folder = write(tmp_path / "s", [slice_of_ct(n) for n in range(7)])
    image = read_image(folder)
    expected = np.stack([gradient(16, 12, high=3000).astype(int) + n - 1024 for n in range(7)])
    assert np.array_equal(image.pixels, expected)
    assert image.pixels.dtype == np.int16
    assert image.spacing_mm == (2.0, 0.5, 0.6)
    assert image.kind == "ct"
    assert image.origin.series_instance_uid == "1.2.3.5"
    assert not codes(image) & {"I120", "I121", "I122", "I132"}


def test_oblique_slices_have_the_true_distance(tmp_path):
    turn = [0, 1, 0, 0, 0, -1]  # sagittal: the normal is −x
    slices = [
        slice_of_ct(n, ImageOrientationPatient=turn, ImagePositionPatient=[-3.0 * n, 5, 5])
        for n in range(4)
    ]
    image = read_image(write(tmp_path / "s", slices))
    assert image.spacing_mm[0] == pytest.approx(3.0)
    assert [int(plane[0, 0]) for plane in image.pixels] == [-1024, -1023, -1022, -1021]


def refusal(folder):
    (read,) = read_images(folder)
    assert isinstance(read, Refusal)
    return read.code


def test_a_missing_slice_is_refused_and_a_complete_series_is_not(tmp_path):
    slices = [slice_of_ct(n) for n in range(8)]
    assert isinstance(read_image(write(tmp_path / "all", slices)), Image)
    assert refusal(write(tmp_path / "gap", slices[:3] + slices[4:])) == "I166"
    halves = [slice_of_ct(n, SpacingBetweenSlices=2.0) for n in range(0, 8, 2)]
    assert refusal(write(tmp_path / "half", halves)) == "I166"


def test_unequal_slices_are_flagged_or_refused(tmp_path):
    def moved(by):
        return [slice_of_ct(n, ImagePositionPatient=[0, 0, 2.0 * n + by * (n == 3)])
                for n in range(8)]  # fmt: skip

    image = read_image(write(tmp_path / "little", moved(0.05)))
    assert "I121" in codes(image)
    assert image.spacing_mm[0] == pytest.approx(2.0)
    assert refusal(write(tmp_path / "much", moved(0.7))) == "I167"


def test_gantry_tilt_is_flagged(tmp_path):
    slices = [slice_of_ct(n, ImagePositionPatient=[0, 0.8 * n, 2.0 * n]) for n in range(5)]
    image = read_image(write(tmp_path / "s", slices))
    assert "I122" in codes(image)
    assert image.spacing_mm[0] == 2.0


def test_slices_that_came_twice_are_taken_once(tmp_path):
    folder = write(tmp_path / "s", [slice_of_ct(n) for n in range(5)])
    shutil.copy(folder / "001", folder / "copy")
    image = read_image(folder)
    assert image.pixels.shape == (5, 16, 12)
    assert "I120" in codes(image)


def test_different_slices_at_one_place_are_parted_or_refused(tmp_path):
    first = [slice_of_ct(n, AcquisitionNumber=1) for n in range(4)]
    second = [slice_of_ct(n, AcquisitionNumber=2, SOPInstanceUID=f"1.2.4.{n}") for n in range(4)]
    found = list(read_images(write(tmp_path / "two", first + second)))
    assert [image.pixels.shape for image in found] == [(4, 16, 12)] * 2
    assert all("I131" in codes(image) for image in found)
    for made in second:
        made.AcquisitionNumber = 1
        made.PixelData = bytes(len(made.PixelData))
    assert refusal(write(tmp_path / "clash", first + second)) == "I168"


def test_series_are_kept_apart_and_localizers_alone(tmp_path):
    other = [slice_of_ct(n, SeriesInstanceUID="1.2.9", SOPInstanceUID=f"1.2.9.{n + 1}")
             for n in range(3)]  # fmt: skip
    scout = slice_of_ct(0, ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"], SOPInstanceUID="1.2.8")
    folder = write(tmp_path / "s", [*[slice_of_ct(n) for n in range(4)], *other, scout])
    found = list(read_images(folder))
    assert sorted(image.pixels.shape for image in found) == [(3, 16, 12), (4, 16, 12), (16, 12)]
    assert [image.kind for image in found if image.pixels.ndim == 2] == ["other"]
    with pytest.raises(InputError, match="several"):
        read_image(folder)


def test_slices_without_series_or_position(tmp_path):
    slices = [slice_of_ct(n, SeriesInstanceUID="", FrameOfReferenceUID="1.2.7") for n in range(3)]
    assert "I132" in codes(read_image(write(tmp_path / "anonymous", slices)))
    lost = [slice_of_ct(n, ImagePositionPatient=None) for n in range(2)]
    found = list(read_images(write(tmp_path / "lost", lost)))
    assert [image.pixels.ndim for image in found] == [2, 2]
    assert all("I123" in codes(image) for image in found)


def test_a_zip_gives_the_same_stack_as_its_folder(tmp_path):
    folder = write(tmp_path / "s", [slice_of_ct(n) for n in range(4)])
    with zipfile.ZipFile(tmp_path / "s.zip", "w") as archive:
        for file in folder.iterdir():
            archive.write(file, f"deep/{file.name}")
        archive.writestr("notes.txt", "hello")
    found = list(read_images(tmp_path / "s.zip"))
    (stack,) = [read for read in found if isinstance(read, Image)]
    assert [read.code for read in found if isinstance(read, Refusal)] == ["I150"]
    assert np.array_equal(stack.pixels, read_image(folder).pixels)
    assert stack.origin.name.startswith("s.zip › deep/")


def test_a_given_slice_step_goes_first(tmp_path):
    folder = write(tmp_path / "s", [slice_of_ct(n) for n in range(4)])
    image = read_image(folder, spacing_mm=(2.5, 0.5, 0.6))
    assert image.spacing_mm == (2.5, 0.5, 0.6)
    assert "I112" in codes(image)


# --- several frames in one file


def enhanced(places, **attributes):
    frames = np.stack([gradient(16, 12) + 100 * n for n in range(len(places))])
    made = radiograph(frames[0], Modality="CT", SOPClassUID="1.2.840.10008.5.1.4.1.1.2.1",
                      NumberOfFrames=len(places), PixelSpacing=None, **attributes)  # fmt: skip
    made.PixelData = frames.tobytes()
    shared, own = Dataset(), []
    measures, turn, values = Dataset(), Dataset(), Dataset()
    measures.PixelSpacing, turn.ImageOrientationPatient = [0.5, 0.6], [1, 0, 0, 0, 1, 0]
    values.RescaleSlope, values.RescaleIntercept, values.RescaleType = 1, -1000, "HU"
    shared.PixelMeasuresSequence = Sequence([measures])
    shared.PlaneOrientationSequence = Sequence([turn])
    shared.PixelValueTransformationSequence = Sequence([values])
    for place in places:
        item, position = Dataset(), Dataset()
        position.ImagePositionPatient = [0, 0, place]
        item.PlanePositionSequence = Sequence([position])
        own.append(item)
    made.SharedFunctionalGroupsSequence = Sequence([shared])
    made.PerFrameFunctionalGroupsSequence = Sequence(own)
    return made


def test_frames_of_an_enhanced_ct_become_a_volume(tmp_path):
    image = read_image(save(enhanced([6.0, 0.0, 3.0]), tmp_path / "a"))
    assert image.kind == "ct"
    assert image.spacing_mm == (3.0, 0.5, 0.6)
    assert [int(plane[0, 0]) for plane in image.pixels] == [-900, -800, -1000]
    assert "PixelMeasuresSequence" in image.spacing_from


def test_frames_that_are_no_volume_come_one_by_one(tmp_path):
    path = save(enhanced([0.0, 0.0, 3.0]), tmp_path / "a")
    found = list(read_images(path))
    assert [image.origin.frame for image in found] == [0, 1, 2]
    with pytest.raises(InputError, match="several"):
        read_image(path)
    assert read_image(path, spacing_mm=(1.0, 0.5, 0.6)).pixels.shape == (3, 16, 12)


# --- real data


@pytest.mark.realdata
def test_the_real_series_equals_the_nifti_of_its_makers(data_dir):
    image = read_image(data_dir / "ct_vertebrae" / "example_ct_dicom")
    assert image.pixels.shape == (20, 512, 512)
    assert image.spacing_mm == pytest.approx((2.0, 0.9765625, 0.9765625))
    labels = read_image(data_dir / "ct_vertebrae" / "example_seg_dicom.nii.gz")
    assert labels.spacing_mm == pytest.approx(image.spacing_mm)
    assert labels.pixels.shape == image.pixels.shape
    bone = image.pixels[np.isin(labels.pixels, range(25, 51))]  # vertebrae of TotalSegmentator
    flipped = image.pixels[::-1][np.isin(labels.pixels, range(25, 51))]
    assert bone.size > 100
    assert bone.mean() > flipped.mean()
    assert bone.mean() > 100


@pytest.mark.realdata
def test_nifti_axes_against_nibabel(data_dir):
    path = data_dir / "ct_vertebrae" / "example_ct_sm.nii.gz"
    image = read_image(path)
    reoriented = nibabel.as_closest_canonical(nibabel.load(path))  # right, anterior, superior
    expected = np.asarray(reoriented.dataobj)[::-1, ::-1].transpose(2, 1, 0)
    assert np.array_equal(image.pixels, expected)
    assert image.kind == "ct"
