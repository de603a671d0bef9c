"""Reports become facts: checked values only, with device, database, side and place."""

from __future__ import annotations

import json
from datetime import date, datetime

import polars as pl
import pytest

from careloop.dictionary.catalogue import load
from careloop.error import InputError
from careloop.imaging.report import finding, read_page_reports
from careloop.imaging.report.fact import DxaReportReading, report_facts
from careloop.imaging.report.report import variable_of
from careloop.records.fact import FACT_SCHEMA

HEADS = [["", "BMD", "YA", "AM"], ["Region", "(g/cm²)", "T-score", "Z-score"]]


@pytest.fixture
def words(text, table):
    return [
        *text(50, 20, "Patient ID: X-17"),
        *text(50, 40, "Measured: 02/14/2019"),
        *text(50, 60, "Left Femur Bone Density"),
        *text(50, 80, "Densitometry: USA (Combined NHANES/Lunar)"),
        *table(HEADS, [["Neck", "0.741", "-2.1", "0.3"], ["Wards", "0.597", "-2.4", "0.4"]]),
        *text(50, 400, "Female Reference Population (v113) GE Healthcare Lunar iDXA"),
    ]


def test_facts_of_a_text_layer(page, words):
    (report,) = read_page_reports([page(words)])
    facts = report_facts(report, source_id="s", person_id="p", dictionary=load())
    assert facts.schema == pl.Schema(FACT_SCHEMA)
    assert facts["variable"].to_list() == [
        "bmd_femoral_neck_g_cm2", "t_femoral_neck", "z_femoral_neck",
        "bmd_wards_g_cm2", "t_wards", "z_wards",
    ]  # fmt: skip
    first = facts.row(0, named=True)
    assert first["number"] == 0.741
    assert first["unit"] == "g/cm2"
    assert first["status"] == "final"
    assert first["effective_at"] == datetime(2019, 2, 14)
    assert json.loads(first["context"]) == {
        "device": "ge_lunar", "reference_db": "ge_lunar_v113", "side": "left",
    }  # fmt: skip
    assert first["field"] == report.values[0].place
    assert facts["raw"].to_list() == [None] * 6


def test_unproven_values_wait_for_a_person(page, words):
    (report,) = read_page_reports([page(words, ocr=True)])
    assert {each.status for each in report.values} == {"to_confirm"}
    settings = {"source_id": "s", "person_id": "p", "dictionary": load()}
    with pytest.raises(InputError, match="date of the scan"):
        report_facts(report, **settings)
    day = date(2019, 2, 14)
    assert report_facts(report, **settings, scanned_on=day).is_empty()
    bmd, score = report.values[:2]
    facts = report_facts(
        report, **settings, scanned_on=day, confirmed={bmd.key: 0.741, score.key: -2.7}
    )
    assert facts["number"].to_list() == [0.741, -2.7]  # the person's own reading counts
    assert facts["raw"].to_list() == [None, "-2.1"]
    outside = report_facts(report, **settings, scanned_on=day, confirmed={bmd.key: 7.41})
    assert outside.is_empty()


def test_every_region_has_its_variables():
    """What the reader can name is in the dictionary, with both languages and limits."""
    dictionary = load()
    sites = [
        "lumbar_spine", "l1", "l2", "l3", "l4", "l1_l2", "l1_l3", "l2_l3", "l2_l4", "l3_l4",
        "l1_and_l3", "l1_and_l4", "l2_and_l4", "l1_l2_and_l4", "l1_and_l3_l4",
        "femoral_neck", "total_hip", "trochanter", "wards", "intertrochanter", "femoral_shaft",
        *(f"{bone}_{part}" for bone in ("radius", "ulna") for part in ("ud", "mid", "33", "total")),
        *(f"forearm_combined_{part}" for part in ("ud", "mid", "33")), "forearm_combined",
        "total_body", "total_body_less_head",
    ]  # fmt: skip
    for site in sites:
        for quantity in ("area", "bmc", "bmd", "t", "z"):
            variable = dictionary[variable_of(site, quantity)]
            assert variable.label.zh
            assert variable.label.en
            assert variable.low < variable.high
            assert "device" in variable.context


# --- the reading of a file


@pytest.fixture
def reading(tmp_path, monkeypatch, page):
    """A `DxaReportReading` of a file whose pages are given as words."""

    def make(*pages, **settings):
        path = tmp_path / "report.pdf"
        path.write_bytes(b"%PDF-1.7")
        monkeypatch.setattr("careloop.imaging.report.page.read_pages", lambda _: list(pages))
        return DxaReportReading(path, dictionary=load(), **settings)

    return make


def test_reading_accounts_for_every_value(reading, page, words):
    source = reading(page(words), sender="ward 3")
    (facts,) = source.batches()
    assert facts["person_id"].unique().to_list() == ["X-17"]
    assert facts["source"].unique().to_list() == [source.source.source_id]
    assert source.source.kind == "dxa_report"
    assert source.report.facts == source.report.records == 6
    assert source.report.persons == 1
    assert source.rejected().is_empty()
    again = list(source.batches())
    assert again[0].equals(facts)


def test_an_id_read_by_ocr_is_nobody(reading, page, words):
    source = reading(page(words, ocr=True))
    assert list(source.batches()) == []
    assert source.rejected()["reason"].unique().to_list() == ["no person"]
    assert finding.NO_PERSON in {each.code for each in source.report.findings}
    dated = reading(page(words, ocr=True), person_id="p", scanned_on=date(2019, 2, 14))
    assert list(dated.batches()) == []
    assert dated.rejected()["reason"].unique().to_list() == ["to be confirmed"]
    keys = dict(zip(dated.rejected()["key"], (0.741, -2.1), strict=False))
    told = reading(
        page(words, ocr=True), person_id="p", scanned_on=date(2019, 2, 14), confirmed=keys
    )
    assert [facts.height for facts in told.batches()] == [2]
    assert told.source.source_id != dated.source.source_id


def test_one_id_is_not_given_to_two_people(reading, page, words, text):
    other = [*words[3:], *text(50, 20, "Patient ID: Y-18")]
    source = reading(page(words), page(other, number=2), person_id="p")
    assert list(source.batches()) == []
    mine = reading(page(words), page(other, number=2))
    people = pl.concat(list(mine.batches()))["person_id"].unique().to_list()
    assert sorted(people) == ["X-17", "Y-18"]


def test_a_summary_page_adds_nothing(reading, page, words):
    source = reading(page(words), page(words, number=2))
    assert [facts.height for facts in source.batches()] == [6]


def test_no_table_is_an_input_error(reading, page, text):
    with pytest.raises(InputError, match="No table"):
        list(reading(page(text(50, 50, "Dear colleague"))).batches())


def test_a_region_without_variable_is_told(reading, page, words, table):
    thoracic = table(HEADS, [["T12", "0.773", "-", "-"], ["L1", "0.886", "-2.0", "0.4"]])
    source = reading(page([*words[:8], *thoracic]))
    (facts,) = source.batches()
    assert facts["variable"].to_list() == ["bmd_l1_g_cm2", "t_l1", "z_l1"]
    assert [(each.code, each.detail) for each in source.report.findings] == [
        (finding.NO_VARIABLE, "t12")
    ]


def test_a_missing_file_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match="cannot be opened"):
        DxaReportReading(tmp_path / "none.pdf", dictionary=load())
