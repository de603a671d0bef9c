"""Many images: as one at a time, in any number of processes, whatever lies among them."""

from __future__ import annotations

import os
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from PIL import Image as Picture

from careloop.error import InputError
from careloop.imaging.measurement import Settings
from careloop.imaging.measuring import batch
from careloop.imaging.measuring.batch import measure_files
from careloop.imaging.measuring.mask import Region
from careloop.imaging.measuring.result import Measured, Refused
from careloop.imaging.measuring.single import Task, measured_image
from careloop.imaging.measuring.table import (
    PROVENANCE,
    TableWriter,
    radiomics_table,
    refusals,
    table,
)
from careloop.imaging.reading import read_image

from .conftest import bone, image

FEW = Settings(families=("intensity_statistics", "glrlm"), bins=16, spacing_mm=(0.5, 0.5))


@pytest.fixture
def folder(tmp_path, write_dicom):
    """DICOM, PNG and an archive; among them noise, a truncated file and one without pixel size."""
    home = tmp_path / "images"
    home.mkdir()
    for seed in range(3):
        write_dicom(home / f"d{seed}.dcm", seed)
    (home / "noise.dcm").write_bytes(np.random.default_rng(0).bytes(3000))
    whole = write_dicom(tmp_path / "whole.dcm", 7).read_bytes()
    (home / "short.dcm").write_bytes(whole[: len(whole) // 2])
    with zipfile.ZipFile(home / "packed.zip", "w") as archive:
        archive.write(write_dicom(tmp_path / "inside.dcm", 8), "sub/inside.dcm")
        archive.writestr("notes.txt", "nothing to see")
    return home


def told(results):
    return [
        (each.image.origin, each.region, dict(each.values), each.findings)
        if isinstance(each, Measured)
        else (each.name, each.code, each.problem)
        for each in results
    ]


def test_good_files_are_measured_and_bad_ones_refused(folder):
    results = list(measure_files([folder], settings=FEW, processes=1))
    good = [each for each in results if isinstance(each, Measured)]
    bad = [each for each in results if isinstance(each, Refused)]
    assert [Path(each.image.origin.name).name for each in good][:3] == [
        "d0.dcm",
        "d1.dcm",
        "d2.dcm",
    ]
    assert any("inside.dcm" in each.image.origin.name for each in good)
    assert len(good) == 4
    assert {each.name.rpartition("/")[2] for each in bad} >= {"noise.dcm", "short.dcm"}
    assert all(each.code and each.problem and each.remedy for each in bad)


def test_two_processes_are_as_one(folder):
    one = list(measure_files([folder], settings=FEW, processes=1))
    two = list(measure_files([folder], settings=FEW, processes=2))
    assert told(one) == told(two)


def test_the_batch_is_as_one_at_a_time(folder):
    found = {
        each.image.origin.name: each.values
        for each in measure_files([folder], settings=FEW, processes=1)
        if isinstance(each, Measured)
    }
    for seed in range(3):
        (alone,) = measured_image(read_image(folder / f"d{seed}.dcm"), Task(FEW))
        assert found[f"d{seed}.dcm"] == alone.values


def test_pictures_are_read_where_they_are_measured(tmp_path):
    names = []
    for seed in range(4):
        Picture.fromarray(bone(seed)[0]).save(tmp_path / f"p{seed}.png")
        names.append(f"p{seed}.png")
    (tmp_path / "p9.png").write_bytes(b"\x89PNG\r\n\x1a\n noise")
    seen = []
    results = list(
        measure_files([tmp_path], settings=FEW, processes=2, pictures=2, begun=seen.append)
    )
    assert [each.image.origin.name for each in results[:4]] == names
    assert isinstance(results[4], Refused)
    assert [bool(each.picture) for each in results] == [True, True, False, False, False]
    assert seen == [1, 2, 3, 4, 5]
    unsized = list(measure_files([tmp_path], settings=replace(FEW, spacing_mm=None), processes=1))
    assert all(isinstance(each, Refused) for each in unsized)


class Deadly:
    """Masks that kill their process at one image: what a crash in a library looks like."""

    def __call__(self, one):
        if "d1" in one.origin.name:
            os._exit(9)
        return [Region("r", bone(int(one.origin.name[1]))[1])]


def test_a_file_that_kills_its_process_is_refused_and_the_others_go_on(tmp_path, write_dicom):
    paths = [write_dicom(tmp_path / f"d{seed}.dcm", seed) for seed in range(4)]
    task = Task(FEW, masks=Deadly())
    jobs = batch._jobs(paths, FEW, 0, lambda _: None)
    results = list(batch._elsewhere(jobs, task, 2))
    assert [isinstance(each, Measured) for each in results] == [True, False, True, True]
    assert (results[1].code, results[1].name) == ("I510", "d1.dcm")
    assert len(results[1].sha256) == 64


def test_wrong_input_is_refused_before_anything_is_measured(tmp_path):
    with pytest.raises(InputError, match="no such mask"):
        measure_files([tmp_path], masks=tmp_path / "nowhere", settings=FEW)


# --- tables


def test_a_table_has_a_row_a_region_and_says_where_it_comes_from(folder):
    results = [
        each
        for each in measure_files([folder], settings=FEW, processes=1)
        if isinstance(each, Measured)
    ]
    frame = table(results)
    assert frame.columns[: len(PROVENANCE)] == list(PROVENANCE)
    assert frame.height == len(results)
    first = frame.row(0, named=True)
    assert first["file"] == "d0.dcm"
    assert (first["spacing_row_mm"], first["spacing_from"]) == (0.5, results[0].image.spacing_from)
    assert (first["rows"], first["columns"], first["slices"]) == (96, 72, None)
    assert first["settings"] == FEW.id
    assert first["mask"] == "automatic"
    assert "I503" in first["findings"].split()
    assert first["radiomics_intensity_mean"] == results[0].values["radiomics_intensity_mean"]
    assert "Canary" not in str(frame.rows())


def test_an_undefined_number_is_null():
    (one,) = measured_image(image(0), Task(FEW))
    odd = replace(one, values={**one.values, "radiomics_glrlm_run_entropy": float("nan")})
    assert table([one, odd])["radiomics_glrlm_run_entropy"].null_count() == 1


@hypothesis_settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(0, 3), max_size=9), st.integers(1, 4))
def test_a_table_written_in_parts_is_the_table(tmp_path, monkeypatch, seeds, part):
    monkeypatch.setattr("careloop.imaging.measuring.table._PART", part)
    results = [MEASURED[seed] for seed in seeds]
    with TableWriter(tmp_path / "t.parquet") as writer:
        for number, one in enumerate(results, 1):
            writer.add(number, one)
    wanted = table(results)
    found = pl.read_parquet(tmp_path / "t.parquet")
    assert found.select(sorted(found.columns)).equals(wanted.select(sorted(wanted.columns)))
    assert [file.name for file in tmp_path.iterdir()] == ["t.parquet"]


MEASURED = [
    measured_image(image(seed), Task(replace(FEW, families=families)))[0]
    for seed, families in enumerate([("glrlm",), ("intensity_statistics",), ("glcm",), ("glrlm",)])
]


def test_a_broken_run_leaves_no_table(tmp_path):
    (tmp_path / "t.parquet").write_text("of an earlier run")

    def run():
        with TableWriter(tmp_path / "t.parquet") as writer:
            writer.add(1, MEASURED[0])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        run()
    assert [file.name for file in tmp_path.iterdir()] == ["t.parquet"]
    assert (tmp_path / "t.parquet").read_text() == "of an earlier run"


def test_a_table_can_be_csv(tmp_path):
    with TableWriter(tmp_path / "t.csv") as writer:
        writer.add(1, MEASURED[0])
    assert pl.read_csv(tmp_path / "t.csv").height == 1


def test_images_in_memory_make_a_table_with_a_row_each():
    images = [image(0), image(1), replace(image(2), pixels=np.full((96, 72), 9, np.uint8))]
    frame = radiomics_table(images, [bone(0)[1], None, bone(2)[1]], settings=FEW, region="ud")
    assert frame["region"].to_list()[:2] == ["ud", "foreground"]
    assert frame["mask"].to_list()[:2] == ["drawn", "automatic"]
    assert frame["radiomics_intensity_mean"].null_count() == 1
    assert frame["quality"][2].startswith("refused I")
    with pytest.raises(ValueError, match="zip"):
        radiomics_table(images, [None])


def test_refusals_are_a_table():
    rows = refusals([(3, Refused("a.dcm", "I500", "why", "how"))])
    assert rows.row(0, named=True)["code"] == "I500"
    assert rows["number"].to_list() == [3]
