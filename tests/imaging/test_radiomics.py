"""The radiomics function: against slow twins that follow the definitions, and its limits."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from careloop.error import InputError
from careloop.imaging.discretisation import MOST_LEVELS, discretise
from careloop.imaging.matrix.counting import (
    AGGREGATIONS,
    cooccurrence,
    dependences,
    run_lengths,
    zones,
)
from careloop.imaging.matrix.region import frame_region
from careloop.imaging.radiomics import FAMILIES, extract, extract_each, feature_table

AVERAGED, MERGED = AGGREGATIONS["2d_averaged"], AGGREGATIONS["2.5d_merged"]
DIRECTIONS = [(0, 1), (1, 1), (1, 0), (1, -1)]
EIGHT = [step for step in product((-1, 0, 1), repeat=2) if step != (0, 0)]


@st.composite
def discretised(draw):
    """A small image of grey levels with a mask that has a pixel."""
    shape = draw(hnp.array_shapes(min_dims=2, max_dims=2, max_side=7))
    levels = draw(hnp.arrays(np.int32, shape, elements=st.integers(1, 4)))
    mask = draw(hnp.arrays(np.bool_, shape))
    mask[draw(st.integers(0, shape[0] - 1)), draw(st.integers(0, shape[1] - 1))] = True
    return levels, mask


def _region(levels, mask):
    return frame_region(levels[mask].astype(np.int32), mask[None])


def _inside(levels, mask):
    return {(y, x): int(levels[y, x]) for y, x in np.argwhere(mask)}


# --- matrices against their definitions


@given(discretised())
def test_cooccurrence_counts_each_pair_of_neighbours(case):
    pixels = _inside(*case)
    expected = []
    for dy, dx in DIRECTIONS:
        pairs = Counter(
            (level, pixels[y + dy, x + dx])
            for (y, x), level in pixels.items()
            if (y + dy, x + dx) in pixels
        )
        if pairs:
            expected.append(pairs)
    counts = cooccurrence(_region(*case), AVERAGED)
    found = [
        Counter({(i + 1, j + 1): int(matrix[i, j]) for i, j in np.argwhere(matrix)})
        for matrix in counts
    ]
    assert found == expected


@given(discretised())
def test_runs_are_the_longest_stretches_of_one_level(case):
    pixels = _inside(*case)
    found = run_lengths(_region(*case), AVERAGED)
    for matrix, (dy, dx) in zip(found.counts, DIRECTIONS, strict=True):
        expected = Counter()
        for (y, x), level in pixels.items():
            if pixels.get((y - dy, x - dx)) != level:
                length = 1
                while pixels.get((y + length * dy, x + length * dx)) == level:
                    length += 1
                expected[level, length] += 1
        got = {(i + 1, int(found.extents[j])): int(matrix[i, j]) for i, j in np.argwhere(matrix)}
        assert got == expected
    assert found.pixels.tolist() == [len(pixels)] * 4


@given(discretised())
def test_zones_and_their_distance_to_the_edge(case):
    pixels = _inside(*case)
    left, sizes, distances = set(pixels), Counter(), Counter()
    outside = {(y, x) for y, x in product(range(-8, 16), repeat=2) if (y, x) not in pixels}
    while left:
        waiting = [left.pop()]
        zone = set(waiting)
        level = pixels[waiting[0]]
        while waiting:
            y, x = waiting.pop()
            for dy, dx in EIGHT:
                there = y + dy, x + dx
                if there in left and pixels[there] == level:
                    left.remove(there)
                    zone.add(there)
                    waiting.append(there)
        sizes[level, len(zone)] += 1
        nearest = min(abs(y - v) + abs(x - u) for y, x in zone for v, u in outside)
        distances[level, nearest] += 1
    for found, expected in zip(zones(_region(*case), AVERAGED), (sizes, distances), strict=True):
        (matrix,) = found.counts
        got = {(i + 1, int(found.extents[j])): int(matrix[i, j]) for i, j in np.argwhere(matrix)}
        assert got == expected


@given(discretised(), st.integers(0, 2))
def test_neighbourhoods(case, alpha):
    pixels = _inside(*case)
    alike, with_neighbours, difference = Counter(), Counter(), Counter()
    for (y, x), level in pixels.items():
        around = [pixels[y + dy, x + dx] for dy, dx in EIGHT if (y + dy, x + dx) in pixels]
        alike[level, 1 + sum(abs(level - other) <= alpha for other in around)] += 1
        if around:
            with_neighbours[level] += 1
            difference[level] += abs(level - sum(around) / len(around))
    counts, number, far = dependences(_region(*case), AVERAGED, alpha=alpha)
    (matrix,) = counts.counts
    assert {(i + 1, j + 1): int(matrix[i, j]) for i, j in np.argwhere(matrix)} == alike
    assert {i + 1: int(n) for i, n in enumerate(number[0]) if n} == with_neighbours
    assert far[0] == pytest.approx([difference[i + 1] for i in range(far.shape[1])])


def test_merging_adds_counts_over_slices_and_directions():
    rng = np.random.default_rng(1)
    levels = rng.integers(1, 5, (3, 6, 5)).astype(np.int32)
    mask = rng.random((3, 6, 5)) < 0.8
    region = frame_region(levels[mask], mask)
    assert np.array_equal(
        cooccurrence(region, MERGED)[0], cooccurrence(region, AVERAGED).sum(axis=0)
    )
    assert run_lengths(region, MERGED).pixels.tolist() == [4 * mask.sum()]


# --- features


def _joint(counts, grey_levels):
    """The co-occurrence features of one matrix from the sums in the IBSI's manual."""
    both = counts + counts.T
    p = both / both.sum()
    n = len(p)
    i, j = np.meshgrid(np.arange(1, n + 1), np.arange(1, n + 1), indexing="ij")
    px = p.sum(axis=1)
    mu = (i * p).sum()
    sigma2 = ((i - mu) ** 2 * p).sum()

    def bits(q):
        return -sum(x * np.log2(x) for x in np.ravel(q) if x > 0)

    d = np.array([p[abs(i - j) == k].sum() for k in range(n)])
    s = np.array([p[i + j == k].sum() for k in range(2, 2 * n + 1)])
    k, t = np.arange(n), np.arange(2, 2 * n + 1)
    da, sa = (k * d).sum(), (t * s).sum()
    hx, hxy = bits(px), bits(p)
    outer = np.outer(px, px)
    hxy1 = -sum(p[a, b] * np.log2(outer[a, b]) for a, b in np.argwhere(p > 0))
    hxy2 = -sum(outer[a, b] * np.log2(outer[a, b]) for a, b in np.argwhere(outer > 0))
    off = i < j
    return [
        p.max(), mu, sigma2, hxy, da, ((k - da) ** 2 * d).sum(), bits(d),
        sa, ((t - sa) ** 2 * s).sum(), bits(s), (p**2).sum(), ((i - j) ** 2 * p).sum(),
        (abs(i - j) * p).sum(), (p / (1 + abs(i - j))).sum(),
        (p / (1 + abs(i - j) / grey_levels)).sum(), (p / (1 + (i - j) ** 2)).sum(),
        (p / (1 + (i - j) ** 2 / grey_levels**2)).sum(),
        2 * (p[off] / (i - j)[off] ** 2).sum(),
        ((i - mu) * (j - mu) * p).sum() / sigma2 if sigma2 > 1e-12 else 1.0,
        (i * j * p).sum(), ((i + j - 2 * mu) ** 2 * p).sum(),
        ((i + j - 2 * mu) ** 3 * p).sum(), ((i + j - 2 * mu) ** 4 * p).sum(),
        (hxy - hxy1) / hx if hx > 1e-12 else 0.0,
        np.sqrt(max(0.0, 1 - np.exp(-2 * (hxy2 - hxy)))),
    ]  # fmt: skip


@given(discretised())
def test_glcm_features_against_the_manuals_sums(case):
    levels, mask = case
    region = _region(levels, mask)
    counts = cooccurrence(region, AVERAGED)
    got = extract(levels, mask, bins=None, families=["glcm"])
    if not len(counts):
        assert np.isnan(list(got.values())).all()
        return
    expected = np.mean([_joint(matrix, region.grey_levels) for matrix in counts], axis=0)
    assert list(got.values()) == pytest.approx(expected.tolist(), rel=1e-9, abs=1e-6)


@given(discretised())
def test_runs_zones_and_dependences_against_sums_over_single_ones(case):
    levels, mask = case
    region = _region(levels, mask)
    tables = {
        "glrlm": run_lengths(region, MERGED),
        "glszm": zones(region, MERGED)[0],
        "gldzm": zones(region, MERGED)[1],
        "ngldm": dependences(region, MERGED)[0],
    }
    got = extract(levels, mask, bins=None, aggregation="2.5d_merged")
    for family, (counts, extents, pixels) in tables.items():
        single = [
            (i + 1, int(extents[j]))
            for i, j in np.argwhere(counts[0])
            for _ in range(int(counts[0, i, j]))
        ]
        i, j = np.array(single, dtype=float).T
        n = len(single)
        share = np.array(list(Counter(single).values())) / n
        rows = np.array(list(Counter(i).values()))
        columns = np.array(list(Counter(j).values()))
        expected = [
            (1 / j**2).mean(), (j**2).mean(), (1 / i**2).mean(), (i**2).mean(),
            (1 / (i * j) ** 2).mean(), (i**2 / j**2).mean(), (j**2 / i**2).mean(),
            (i**2 * j**2).mean(), (rows**2).sum() / n, (rows**2).sum() / n**2,
            (columns**2).sum() / n, (columns**2).sum() / n**2, n / pixels[0],
            i.var(), j.var(), -(share * np.log2(share)).sum(),
        ]  # fmt: skip
        if family == "ngldm":
            expected.append((share**2).sum())
        found = [got[f.key] for f in feature_table() if f.family == family]
        assert found == pytest.approx(expected, rel=1e-9, abs=1e-9), family


@given(
    hnp.arrays(
        np.float64, st.integers(2, 60), elements=st.floats(-1e3, 1e3).map(lambda x: round(x, 2))
    )
)
def test_statistics_against_numpy(values):
    got = extract(values[None], np.ones((1, len(values))), families=["intensity_statistics"])
    p10, p25, p75, p90 = np.percentile(values, [10, 25, 75, 90])
    assert got["intensity_mean"] == pytest.approx(values.mean(), abs=1e-9)
    assert got["intensity_variance"] == pytest.approx(values.var(), abs=1e-6)
    assert got["intensity_median"] == pytest.approx(np.median(values), abs=1e-9)
    assert got["intensity_p10"] == pytest.approx(p10, abs=1e-9)
    assert got["intensity_p90"] == pytest.approx(p90, abs=1e-9)
    assert got["intensity_interquartile_range"] == pytest.approx(p75 - p25, abs=1e-9)
    assert got["intensity_root_mean_square"] == pytest.approx(np.sqrt((values**2).mean()))


@given(discretised())
def test_histogram_of_levels_equals_statistics_of_levels(case):
    levels, mask = case
    got = extract(levels, mask, bins=None, families=["intensity_statistics", "intensity_histogram"])
    for key, value in got.items():
        if key.startswith("intensity_") and (twin := key.replace("intensity", "histogram")) in got:
            assert got[twin] == pytest.approx(value, abs=1e-9, nan_ok=True), key


# --- the same region, seen otherwise


@given(discretised(), st.sampled_from(["2d_averaged", "2.5d_merged"]))
def test_a_quarter_turn_or_mirror_changes_nothing(case, aggregation):
    levels, mask = case
    here = extract(levels, mask, bins=None, aggregation=aggregation)
    for turned in (np.rot90, np.fliplr, np.transpose):
        there = extract(turned(levels), turned(mask), bins=None, aggregation=aggregation)
        assert there == pytest.approx(here, rel=1e-9, abs=1e-9, nan_ok=True)


@given(discretised(), st.integers(0, 9))
def test_what_lies_outside_the_mask_changes_nothing(case, margin):
    levels, mask = case
    wide = np.pad(levels, margin, constant_values=999)
    got = extract(wide, np.pad(mask, margin), bins=None)
    assert got == pytest.approx(extract(levels, mask, bins=None), nan_ok=True)


@given(st.floats(0.1, 50), st.floats(-100, 100))
def test_texture_of_fixed_bins_does_not_know_the_scale(factor, offset):
    image = np.random.default_rng(3).integers(0, 200, (20, 15)).astype(float)
    texture = [family for family in FAMILIES if family != "intensity_statistics"]
    mask = np.ones(image.shape)
    here = extract(image, mask, families=texture, bins=8)
    there = extract(image * 2.0 ** round(factor), mask, families=texture, bins=8)
    assert there == here
    shifted = extract(image + round(offset), mask, families=texture, bins=8)
    assert shifted == here


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "int64", "float32", "float64"])
def test_every_numeric_type_gives_the_same(dtype):
    image = np.random.default_rng(4).integers(0, 120, (24, 18))
    mask = np.ones(image.shape, dtype="uint8")
    here = extract(image, mask, bins=16)
    assert extract(image.astype(dtype), mask, bins=16) == pytest.approx(here, rel=1e-12)


# --- discretisation


def test_fixed_number_and_fixed_width():
    values = np.array([0.0, 9.99, 10.0, 25.0, 40.0])
    assert discretise(values, bins=4).tolist() == [1, 1, 2, 3, 4]
    assert discretise(values, bin_width=10).tolist() == [1, 1, 2, 3, 5]
    assert discretise(np.full(3, 7.5), bins=32).tolist() == [1, 1, 1]


def test_bin_width_takes_the_place_of_the_default_number():
    image = np.arange(100.0).reshape(10, 10)
    got = extract(image, np.ones((10, 10)), bin_width=25, families=["intensity_histogram"])
    assert got["histogram_maximum"] == 4
    with pytest.raises(InputError, match="exclude each other"):
        extract(image, np.ones((10, 10)), bins=8, bin_width=25)


# --- names, subsets, several images


def test_names_are_our_keys_or_the_ibsis_ids():
    image, mask = np.arange(25).reshape(5, 5), np.ones((5, 5))
    by_name = extract(image, mask, bins=5)
    by_id = extract(image, mask, bins=5, names="ibsi", aggregation="BTW3")
    assert list(by_name) == [feature.key for feature in feature_table()]
    assert list(by_id.values()) == list(by_name.values())
    assert by_id["ACUI.BTW3"] == by_name["glcm_contrast"]
    assert by_id["QCDE.8QNN"] == by_name["ngtdm_coarseness"]
    assert by_id["Q4LE"] == by_name["intensity_mean"] == 12
    assert len(set(by_id)) == len(by_id) == 136


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_alone_is_the_same_as_among_all(family):
    rng = np.random.default_rng(6)
    image, mask = rng.normal(size=(2, 30, 20)), rng.random((2, 30, 20)) < 0.7
    alone, everything = extract(image, mask, families=[family]), extract(image, mask)
    among = {f.key: everything[f.key] for f in feature_table() if f.family == family}
    assert alone == pytest.approx(among, rel=1e-12)


def test_several_images_of_one_region():
    rng = np.random.default_rng(7)
    images = {"original": rng.normal(size=(9, 9)), "smooth": rng.normal(size=(9, 9))}
    got = extract_each(images, np.ones((9, 9)), families=["ngtdm"])
    alone = extract(images["smooth"], np.ones((9, 9)), families=["ngtdm"])
    assert got["smooth.ngtdm_contrast"] == alone["ngtdm_contrast"]
    assert len(got) == 10


# --- the edges of the definitions


def test_one_pixel_has_no_neighbours():
    got = extract([[5.0]], [[1]])
    assert got["intensity_mean"] == 5
    assert got["glszm_zone_percentage"] == 1
    unknown = {key for key, value in got.items() if np.isnan(value)}
    assert unknown == {f.key for f in feature_table() if f.family in {"glcm", "ngtdm"}}


def test_a_flat_region():
    got = extract(np.full((6, 6), 3.0), np.ones((6, 6)))
    assert got["glcm_correlation"] == 1
    assert got["glcm_joint_entropy"] == 0
    assert got["intensity_skewness"] == 0
    assert got["ngtdm_coarseness"] == 1e6
    assert not np.isnan(list(got.values())).any()


def test_slices_without_the_region_are_left_out():
    rng = np.random.default_rng(8)
    image, mask = rng.normal(size=(3, 8, 8)), np.zeros((3, 8, 8))
    mask[1] = 1
    assert extract(image, mask) == pytest.approx(extract(image[1], mask[1]))


def test_a_region_that_fills_the_image_or_touches_its_edges():
    image = np.random.default_rng(9).normal(size=(12, 12))
    assert not np.isnan(list(extract(image, np.ones((12, 12))).values())).any()


# --- refused


@pytest.mark.parametrize(
    ("image", "mask", "settings", "said"),
    [
        (np.zeros((3, 3)), np.zeros((3, 3)), {}, "the mask is empty"),
        (np.zeros((3, 3)), np.ones((3, 4)), {}, "3 × 3 and the mask 3 × 4"),
        (np.zeros(3), np.ones(3), {}, "1 axes"),
        (np.zeros((2, 3, 3, 3)), np.ones((2, 3, 3, 3)), {}, "4 axes"),
        (np.full((3, 3), np.nan), np.ones((3, 3)), {}, "9 pixels inside the mask are not"),
        (np.full((3, 3), "a"), np.ones((3, 3)), {}, "not numbers"),
        (np.zeros((3, 3)), np.ones((3, 3)), {"bins": 0}, "bins is 0"),
        (np.zeros((3, 3)), np.ones((3, 3)), {"bins": MOST_LEVELS + 1}, "bins is 1025"),
        (np.zeros((3, 3)), np.ones((3, 3)), {"bins": None}, "grey levels: whole numbers from 1"),
        (np.full((3, 3), 1.5), np.ones((3, 3)), {"bins": None}, "whole numbers"),
        (np.full((3, 3), 5000), np.ones((3, 3)), {"bins": None}, "too many"),
        (np.arange(9.0).reshape(3, 3), np.ones((3, 3)), {"bin_width": 1e-6}, "too many"),
        (np.zeros((3, 3)), np.ones((3, 3)), {"bin_width": -1}, "bin_width is -1"),
        (np.zeros((3, 3)), np.ones((3, 3)), {"families": ["glmc"]}, "no feature family glmc"),
        (np.zeros((3, 3)), np.ones((3, 3)), {"families": []}, "no feature family"),
        (np.zeros((3, 3)), np.ones((3, 3)), {"aggregation": "3d"}, "no aggregation '3d'"),
        (np.zeros((3, 3)), np.ones((3, 3)), {"spacing": (0.6, 1.05)}, "not square"),
        (np.zeros((3, 3)), np.ones((3, 3)), {"spacing": (0, 1)}, "positive lengths"),
    ],
)  # fmt: skip
def test_refused(image, mask, settings, said):
    with pytest.raises(InputError, match=said) as caught:
        extract(image, mask, **settings)
    assert caught.value.remedy


def test_import_brings_no_compiler():
    program = (
        "import sys, careloop.imaging.radiomics\n"
        "print({'numba', 'scipy', 'skimage', 'pydicom'} & {*sys.modules})"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"
