"""Regions: drawn in label files of several formats, or found as the bright foreground."""

from __future__ import annotations

from dataclasses import replace

import nibabel
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image as Picture

from careloop.error import InputError
from careloop.imaging.measuring.mask import (
    FOREGROUND,
    Masks,
    RegionError,
    foreground,
    otsu,
    read_labels,
    regions_of,
)
from careloop.imaging.reading import read_image

from .conftest import bone, image


def slow_otsu(values):
    """The definition: the split of sorted distinct values of least variance within its halves."""
    levels = np.unique(values)
    best = min(
        levels[:-1],
        key=lambda level: sum(
            part.size * part.var() for part in (values[values <= level], values[values > level])
        ),
    )
    return values > best


@given(hnp.arrays(np.uint8, (12, 10), elements=st.integers(0, 255)))
def test_otsu_against_its_definition(pixels):
    threshold = otsu(pixels)
    if (pixels == pixels.flat[0]).all():
        assert threshold is None
        return
    mine, least = pixels > threshold, slow_otsu(pixels.astype(float))

    def within(split):
        return sum(pixels[part].astype(float).var() * part.sum() for part in (split, ~split))

    assert within(mine) == pytest.approx(within(least), abs=1e-6)


def test_foreground_is_the_drawn_ellipse():
    mask = bone(3)[1]
    region = foreground(image(3))
    both = (region.mask & mask).sum() / (region.mask | mask).sum()
    assert region.name == FOREGROUND
    assert both > 0.97
    assert [each.code for each in region.findings] == ["I503"]


def test_an_image_without_contrast_has_no_foreground():
    flat = image(0)
    object.__setattr__(flat, "pixels", np.full((20, 20), 7, np.uint8))
    with pytest.raises(RegionError) as caught:
        foreground(flat)
    assert caught.value.code == "I504"


def labels(shape=(96, 72)):
    drawn = np.zeros(shape, np.uint8)
    drawn[10:30, 10:40], drawn[50:80, 20:60] = 1, 2
    return drawn


def nifti(path, drawn):
    # the reader's axes: rows run along y, columns along x
    affine = np.diag([0.5, 0.5, 1.0, 1.0])
    nibabel.save(nibabel.Nifti1Image(drawn.T[:, :, None], affine), path)


@pytest.mark.parametrize("suffix", [".png", ".tif", ".npy"])
def test_a_mask_is_found_by_name_in_every_format(tmp_path, suffix):
    drawn, file = labels(), tmp_path / f"image0{suffix}"
    if suffix == ".npy":
        np.save(file, drawn)
    else:
        Picture.fromarray(drawn).save(file)
    (tmp_path / "regions.toml").write_text('1 = "ultradistal_radius"\n2 = "shaft"\n')
    found = Masks(tmp_path)(image(0))
    assert [each.name for each in found] == ["ultradistal_radius", "shaft"]
    assert all((each.mask == (drawn == at)).all() for at, each in enumerate(found, 1))


def test_a_nifti_mask_lies_as_the_reader_lays_its_image(tmp_path):
    drawn = labels()
    nifti(tmp_path / "image0.nii.gz", drawn)
    assert (
        read_labels(tmp_path / "image0.nii.gz") == read_image(tmp_path / "image0.nii.gz").pixels
    ).all()
    assert sorted(np.unique(read_labels(tmp_path / "image0.nii.gz"))) == [0, 1, 2]


def test_names_without_a_file_of_names(tmp_path):
    Picture.fromarray(labels()).save(tmp_path / "image0.png")
    assert [each.name for each in Masks(tmp_path)(image(0))] == ["label_1", "label_2"]
    Picture.fromarray((labels() > 0).astype(np.uint8) * 255).save(tmp_path / "image1.png")
    (one,) = Masks(tmp_path)(image(1))
    assert one.name == "region"


def test_one_file_is_for_every_image_and_a_frame_has_its_own(tmp_path):
    Picture.fromarray(labels()).save(tmp_path / "all.png")
    assert len(Masks(tmp_path / "all.png")(image(5))) == 2
    Picture.fromarray((labels() == 2).astype(np.uint8)).save(tmp_path / "image0_1.png")
    Picture.fromarray((labels() == 1).astype(np.uint8)).save(tmp_path / "image0.png")
    first, second = (
        replace(image(0), origin=replace(image(0).origin, frame=frame)) for frame in (0, 1)
    )
    assert Masks(tmp_path)(first)[0].mask[15, 20]
    assert Masks(tmp_path)(second)[0].mask[60, 30]


def test_masks_that_do_not_fit_are_refused_with_their_reason(tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (96, 72, 3), np.uint8)
    Picture.fromarray(noise).save(tmp_path / "image1.png")
    Picture.fromarray(labels((50, 50))).save(tmp_path / "image2.png")
    Picture.fromarray(np.zeros((96, 72), np.uint8)).save(tmp_path / "image3.png")
    np.save(tmp_path / "image4.npy", np.full((96, 72), 0.5))
    (tmp_path / "image5.png").write_bytes(b"noise")
    Picture.fromarray(noise[..., 0]).save(tmp_path / "image6.png")
    np.save(tmp_path / "image7.npy", np.array([{}]), allow_pickle=True)
    masks = Masks(tmp_path)
    for seed, code, said in (
        (0, "I505", "no mask"),
        (1, "I506", "coloured"),
        (2, "I506", "50×50 ≠ 96×72"),
        (3, "I506", "every label is 0"),
        (4, "I506", "fractions"),
        (5, "I506", "UnidentifiedImageError"),
        (6, "I506", "labels"),
        (7, "I506", "ValueError"),
    ):
        with pytest.raises(RegionError, match=said) as caught:
            masks(image(seed))
        assert caught.value.code == code


def test_wrong_folders_of_masks_are_refused_at_once(tmp_path):
    with pytest.raises(InputError, match="no such mask"):
        Masks(tmp_path / "nowhere")
    Picture.fromarray(labels()).save(tmp_path / "a.png")
    np.save(tmp_path / "a.npy", labels())
    with pytest.raises(InputError, match="two masks of one name"):
        Masks(tmp_path)
    (tmp_path / "a.npy").unlink()
    for text in ('1 = "x"\n2 = "x"', "x = 1", "1 = ", "1 = 2"):
        (tmp_path / "regions.toml").write_text(text)
        with pytest.raises(InputError):
            Masks(tmp_path)


@given(hnp.arrays(np.uint8, (6, 5), elements=st.integers(0, 4)))
def test_regions_part_the_labels(drawn):
    if not drawn.any():
        return
    found = regions_of(drawn, {1: "one", 3: "three"}, where="")
    assert (np.sum([each.mask for each in found], axis=0) == (drawn > 0)).all()
    assert len({each.name for each in found}) == len(found)
