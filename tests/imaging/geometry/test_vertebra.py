"""Vertebral heights of drawn bodies, and of a real CT with heights measured by others."""

from __future__ import annotations

import json

import numpy as np
import pytest

from careloop.imaging.geometry.finding import NotMeasurable
from careloop.imaging.geometry.vertebra import vertebral_heights
from careloop.imaging.phantom.section import polygon


def _body(anterior, posterior, spacing=(0.5, 0.5), tilt=0.0):
    """A wedge 35 mm deep, its front on the left."""
    corners = np.array(
        [[-anterior / 2, -17.5], [anterior / 2, -17.5], [posterior / 2, 17.5],
         [-posterior / 2, 17.5]]
    )  # fmt: skip
    shape = (round(60 / spacing[0]), round(60 / spacing[1]))
    return polygon(shape, corners, spacing=spacing, tilt_deg=tilt)


@pytest.mark.parametrize("tilt", [0.0, 12.0, -25.0])
@pytest.mark.parametrize("spacing", [(0.5, 0.5), (0.7, 0.4)])
def test_drawn_wedge(tilt, spacing):
    heights = vertebral_heights(_body(20.0, 28.0, spacing, tilt), spacing=spacing, anterior="left")
    assert heights.anterior_mm == pytest.approx(20.0 + 0.8, abs=0.8)  # median of the front fifth
    assert heights.middle_mm == pytest.approx(24.0, abs=0.6)
    assert heights.posterior_mm == pytest.approx(28.0 - 0.8, abs=0.8)
    assert heights.depth_mm == pytest.approx(35.0, abs=0.8)
    assert heights.measurements()["vertebra_wedge_ratio"] == pytest.approx(20.8 / 27.2, abs=0.04)


def test_front_and_back_change_places():
    mask = _body(20.0, 28.0)
    left = vertebral_heights(mask, spacing=(0.5, 0.5), anterior="left")
    right = vertebral_heights(mask, spacing=(0.5, 0.5), anterior="right")
    above = vertebral_heights(np.rot90(mask, -1), spacing=(0.5, 0.5), anterior="up")
    assert (right.anterior_mm, right.posterior_mm) == (left.posterior_mm, left.anterior_mm)
    assert above.anterior_mm == pytest.approx(left.anterior_mm, abs=0.3)


def test_a_body_at_the_edge_is_refused():
    mask = _body(20.0, 28.0)
    with pytest.raises(NotMeasurable, match="I423"):
        vertebral_heights(mask[45:], spacing=(0.5, 0.5), anterior="left")
    with pytest.raises(NotMeasurable, match="I421"):
        vertebral_heights(np.zeros_like(mask), spacing=(0.5, 0.5), anterior="left")


@pytest.mark.realdata
def test_heights_of_a_real_spine(data_dir):
    """Within two voxels of heights measured by others on the same 3 mm labels."""
    nibabel = pytest.importorskip("nibabel")
    folder = data_dir / "ct_vertebrae" / "spine_report" / "example_ct_report"
    body = nibabel.load(folder / "totalseg_vertebrae_body.nii.gz")
    label = np.asarray(nibabel.load(folder / "totalseg.nii.gz").dataobj)
    reference = json.loads((folder / "spine_report.json").read_text())["results"]
    inside = np.asarray(body.dataobj) == 1
    step = tuple(float(each) for each in body.header.get_zooms())
    off = []
    for number, name in zip(range(27, 32), ("L5", "L4", "L3", "L2", "L1"), strict=True):
        vertebra = (label == number) & inside
        middle = round(np.average(np.arange(len(vertebra)), weights=vertebra.sum(axis=(1, 2))))
        sagittal = np.pad(vertebra[middle].T[::-1], 3)
        heights = vertebral_heights(sagittal, spacing=(step[2], step[1]), anterior="right")
        off += [
            getattr(heights, f"{part}_mm") - reference[f"vertebrae_{name}_height_{part}_mm"]
            for part in ("anterior", "middle", "posterior")
        ]
    assert np.abs(off).max() < 2 * step[2]
    assert np.median(np.abs(off)) < step[2]
