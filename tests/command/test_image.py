"""`careloop image …` end to end: files in, table, page, refusals and facts out."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
import zipfile
from datetime import date

import numpy as np
import polars as pl
import pytest
from PIL import Image as Picture
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian
from typer.testing import CliRunner

from careloop.cli import app
from careloop.dictionary.catalogue import load
from careloop.error import InputError
from careloop.imaging.measurement import Settings
from careloop.records.parquet import ParquetStore
from careloop.records.snapshot import snapshot

FEW = ["--families", "glcm,intensity_statistics", "--bins", "16", "--processes", "1"]


def run(*words):
    return CliRunner().invoke(app, ["image", *map(str, words)])


def pixels(seed):
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:96, :72]
    mask = ((y - 48) / 38) ** 2 + ((x - 36) / 18) ** 2 <= 1
    bright = np.clip(150 + 25 * rng.normal(size=(96, 72)), 90, 250)
    return np.where(mask, bright, 25 + 5 * rng.normal(size=(96, 72))).clip(1, 250).astype(np.uint8)


def dicom(path, seed, *, person="P1", day="20240506"):
    header = Dataset()
    header.SOPClassUID = "1.2.840.10008.5.1.4.1.1.1"
    header.SOPInstanceUID, header.SeriesInstanceUID = f"1.2.3.{seed + 1}", f"1.2.4.{seed + 1}"
    header.StudyInstanceUID = f"1.2.5.{seed + 1}"
    header.Modality = "CR"
    header.PatientName, header.PatientID = "Canary^Secret", person
    if day:
        header.StudyDate = header.AcquisitionDate = day
    header.Rows, header.Columns = 96, 72
    header.BitsAllocated = header.BitsStored = 8
    header.HighBit, header.PixelRepresentation, header.SamplesPerPixel = 7, 0, 1
    header.PhotometricInterpretation = "MONOCHROME2"
    header.PixelSpacing = [0.5, 0.5]
    header.PixelData = pixels(seed).tobytes()
    header.file_meta = FileMetaDataset()
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    header.save_as(path, enforce_file_format=True)
    return path


@pytest.fixture
def folder(tmp_path):
    """Two people's images, one packed, noise, and a PNG without pixel size."""
    home = tmp_path / "in"
    home.mkdir()
    dicom(home / "a.dcm", 0)
    dicom(home / "b.dcm", 1, person="P2")
    (home / "noise.dcm").write_bytes(b"DICM" * 99)
    Picture.fromarray(pixels(3)).save(home / "unsized.png")
    with zipfile.ZipFile(home / "packed.zip", "w") as archive:
        archive.write(dicom(tmp_path / "c.dcm", 2), "c.dcm")
    return home


def test_a_folder_becomes_table_page_refusals_and_facts(folder, tmp_path):
    out, db = tmp_path / "out" / "t.parquet", tmp_path / "store"
    done = run("measure", folder, "--out", out, "--db", db, "--lang", "en", *FEW)
    assert done.exit_code == 0, done.output
    assert "measured 3 regions of 3 images; refused 2" in done.output
    frame = pl.read_parquet(out)
    assert frame.height == 3
    assert sorted(frame["person_id"]) == ["P1", "P1", "P2"]
    settings = Settings.from_json(out.with_suffix(".settings.json").read_text())
    assert frame["settings"].unique().to_list() == [settings.id]
    rows = pl.read_csv(out.with_suffix(".refused.csv"))
    assert sorted(rows["file"]) == ["noise.dcm", "unsized.png"]
    assert rows["remedy"].null_count() == 0
    page = out.with_suffix(".html").read_text(encoding="utf-8")
    assert "Canary" not in page
    assert "a.dcm" not in page
    assert page.count("<img") == 3
    assert "Canary" not in done.output

    store = ParquetStore(db)
    facts = store.facts(distinct=False).collect()
    assert facts.height == 3 * (25 + 18)
    seen = snapshot(facts, date(2024, 12, 31), load()).frame
    assert set(seen["person_id"]) == {"P1", "P2"}
    row = frame.filter(pl.col("person_id") == "P2").row(0, named=True)
    mine = seen.filter(pl.col("person_id") == "P2").row(0, named=True)
    for key in ("radiomics_glcm_contrast", "radiomics_intensity_mean"):
        assert mine[key] == row[key]
        assert mine[f"{key}__region"] == "foreground"
    again = run("measure", folder, "--out", out, "--db", db, "--lang", "en", *FEW)
    assert "stored 0 facts" in again.output
    assert ParquetStore(db).facts(distinct=False).collect().height == facts.height


def test_in_a_process_of_its_own(folder, tmp_path):
    out = tmp_path / "t.parquet"
    words = ["image", "measure", folder / "packed.zip", folder / "noise.dcm", "--out", out]
    done = subprocess.run(
        [sys.executable, "-c", "from careloop.cli import main; main()", *words,
         "--families", "glcm", "--processes", "2"],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert "已测量 1 幅图像" in done.stdout
    assert pl.read_parquet(out).height == 1


def test_drawn_regions_have_a_row_each(folder, tmp_path):
    masks = tmp_path / "masks"
    masks.mkdir()
    drawn = np.zeros((96, 72), np.uint8)
    drawn[20:40, 25:45], drawn[50:75, 25:45] = 1, 2
    Picture.fromarray(drawn).save(masks / "a.png")
    (masks / "regions.toml").write_text('1 = "upper"\n2 = "lower"\n')
    out = tmp_path / "t.csv"
    done = run("measure", folder / "a.dcm", folder / "b.dcm", "--out", out, "--masks", masks, *FEW)
    assert done.exit_code == 0, done.output
    frame = pl.read_csv(out)
    assert frame["region"].to_list() == ["upper", "lower"]
    assert frame["region_pixels"].to_list() == [400, 500]
    assert pl.read_csv(out.with_suffix(".refused.csv"))["code"].to_list() == ["I505"]


def test_person_and_date_decide_what_is_stored(tmp_path):
    nobody = dicom(tmp_path / "n.dcm", 0, person="")
    undated = dicom(tmp_path / "u.dcm", 1, day="")
    one, other = dicom(tmp_path / "1.dcm", 2), dicom(tmp_path / "2.dcm", 3, person="P2")
    out = tmp_path / "t.parquet"

    def stored(*words):
        home = tmp_path / f"store{len(list(tmp_path.iterdir()))}"
        done = run("measure", *words, "--out", out, "--db", home, "--lang", "en", *FEW)
        assert done.exit_code == 0, done.output
        return done.output, ParquetStore(home).facts().collect()

    said, facts = stored(nobody, undated)
    assert "I511" in said
    assert "I512" in said
    assert facts.is_empty()
    said, facts = stored(nobody, one, "--person", "HIS-7")
    assert set(facts["person_id"]) == {"HIS-7"}
    said, facts = stored(one, other, "--person", "HIS-7")
    assert "I513" in said
    assert facts.is_empty()
    alone = run("measure", one, "--person", "HIS-7", "--out", out)
    assert isinstance(alone.exception, InputError)


def test_what_cannot_be_done_is_said_with_its_exit_code(folder, tmp_path):
    out = tmp_path / "t.parquet"
    for words, said in (
        ((tmp_path / "nowhere", "--out", out), "no such file"),
        ((folder, "--out", tmp_path / "t.xlsx"), "no table ends in"),
        ((folder, "--out", out, "--families", "glmc"), "no family"),
        ((folder, "--out", out, "--spacing", "a"), "not numbers"),
        ((folder, "--out", out, "--side", "up"), "side 'up'"),
        ((folder / "noise.dcm", "--out", out), "no image was measured"),
    ):
        done = run("measure", *words)
        assert isinstance(done.exception, InputError), words
        assert said in str(done.exception)
        assert done.exception.exit_code == 3


def test_check_says_what_may_be_measured(folder):
    done = run("check", folder / "a.dcm", "--lang", "en")
    assert done.exit_code == 0, done.output
    assert "1 / 1 may be measured" in done.output
    done = run("check", folder, "--lang", "en")
    assert isinstance(done.exception, InputError)
    assert "3 / 5 may be measured" in done.output


def test_features_are_listed_with_their_ids():
    done = run("features", "--csv", "--lang", "en")
    rows = list(csv.DictReader(io.StringIO(done.output)))
    contrast = next(row for row in rows if row["ibsi"] == "ACUI")
    assert contrast["variable"] == "radiomics_glcm_contrast"
    assert len(rows) == len({row["variable"] for row in rows}) > 200
    assert "骨几何" in run("features").output


def test_deidentified_files_name_nobody_and_stay_together(folder, tmp_path):
    key, out = tmp_path / "key", tmp_path / "clean"
    done = run("deidentify", folder / "a.dcm", folder / "b.dcm", "--out", out, "--key", key,
               "--blank", "2,3,30,9")  # fmt: skip
    assert done.exit_code == 0, done.output
    first, second = sorted(out.iterdir(), key=lambda file: file.name[-9:])
    for file in (first, second):
        assert b"Canary" not in file.read_bytes()
        assert (dcmread(file).pixel_array[3:9, 2:30] == dcmread(file).pixel_array[3, 2]).all()
    assert first.name[:17] != second.name[:17]
    assert key.stat().st_mode & 0o077 == 0
    run(
        "deidentify", folder / "a.dcm", "--out", tmp_path / "again", "--key", key, "--blank", "none"
    )
    (same,) = (tmp_path / "again").iterdir()
    assert same.name[:17] == first.name[:17]
    refused = run("deidentify", folder / "noise.dcm", "--out", out, "--key", key, "--blank", "none")
    assert isinstance(refused.exception, InputError)
    assert len(list(out.iterdir())) == 2
    wrong = run("deidentify", folder / "a.dcm", "--out", out, "--key", key, "--blank", "1,2,3")
    assert "not a rectangle" in str(wrong.exception)


def test_a_report_that_is_none_is_said_for_each_file(tmp_path):
    (tmp_path / "noise.pdf").write_bytes(b"%PDF-1.7 noise")
    done = run("report", tmp_path / "noise.pdf", "--lang", "en")
    assert isinstance(done.exception, InputError)
    assert "1 of 1 documents could not be read" in str(done.exception)
    assert "noise.pdf" in done.output
    done = run("report", tmp_path / "nowhere.pdf")
    assert "no such file" in str(done.exception)
    (tmp_path / "empty").mkdir()
    assert "no document" in str(run("report", tmp_path / "empty").exception)


@pytest.mark.realdata
def test_the_idxa_files_are_measured_with_the_right_pixel_size(data_dir, tmp_path):
    out = tmp_path / "t.parquet"
    done = run("measure", data_dir / "dxa" / "idxa_dicom", "--out", out, *FEW)
    assert done.exit_code == 0, done.output
    frame = pl.read_parquet(out)
    assert frame.height == 8
    assert set(frame["kind"]) == {"dxa_picture"}
    fine = frame.filter(pl.col("spacing_row_mm") < 1)
    assert fine.height == 6
    assert fine["spacing_row_mm"].is_between(0.24, 0.26).all()
    assert json.loads(out.with_suffix(".settings.json").read_text())["bins"] == 16
