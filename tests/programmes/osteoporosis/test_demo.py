"""The demo community: the same bytes, plausible people, and every planted mistake found."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from fhir.resources.R4B import get_fhir_model_class

from careloop.dictionary.catalogue import load
from careloop.programmes.osteoporosis.demo import DemoFile, write_demo
from careloop.programmes.osteoporosis.demo.assumption import assumptions, places, unmarked
from careloop.programmes.osteoporosis.demo.community import (
    SITES,
    general_population,
    osteoporosis,
    simulate,
)
from careloop.programmes.osteoporosis.demo.identity import national_id
from careloop.programmes.osteoporosis.demo.writing import PEOPLE, SEED, make_community
from careloop.programmes.osteoporosis.dxa import references
from careloop.records.mapping import read_mapping
from careloop.records.reading import Reading
from careloop.records.sources.fhir import read_fhir
from careloop.records.sources.tables import read_table

AS_OF = date(2026, 6, 30)
SECOND_REGISTRATIONS = 6
FOUND_AS = {  # the finding that each planted mistake must lead to; "" where it is understood
    "swapped": "T150",
    "metres": "T130",
    "out_of_range": "T130",
    "unit_in_cell": "",
    "full_width": "",
    "unknown_word": "T11",
    "man_with_menopause": "T151",
    "future_date": "T142",
    "no_date": "T141",
    "other_date_form": "",
    "impossible_date": "T122",
    "no_id": "T140",
}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> list[DemoFile]:
    return write_demo(tmp_path_factory.mktemp("demo"))


@pytest.fixture(scope="module")
def readings(demo: list[DemoFile]) -> dict[str, tuple[DemoFile, Reading, pl.DataFrame]]:
    """Every file read to its end: by name the file, its reading and its facts."""
    dictionary, done = load(), {}
    for file in demo:
        reading: Reading
        if file.mapping is None:
            reading = read_fhir(file.path, dictionary=dictionary, today=AS_OF)
        else:
            mapping = read_mapping(file.mapping, dictionary)
            reading = read_table(file.path, mapping, dictionary=dictionary, today=AS_OF)
        done[file.path.name] = (file, reading, pl.concat(list(reading.batches())))
    return done


@pytest.fixture(scope="module")
def facts(readings: dict[str, tuple[DemoFile, Reading, pl.DataFrame]]) -> pl.DataFrame:
    return pl.concat([found for _, _, found in readings.values()])


# --- the files


def test_same_seed_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    def digest(folder: str, seed: int) -> dict[str, bytes]:
        files = write_demo(tmp_path / folder, seed=seed, people=200)
        return {file.path.name: file.path.read_bytes() for file in files}

    first = digest("a", SEED)
    assert first == digest("b", SEED)
    other = digest("c", SEED + 1)
    assert all(first[name] != other[name] for name in first)


def test_files_are_what_a_centre_would_send(demo: list[DemoFile]) -> None:
    kinds = [file.kind for file in demo]
    assert kinds == ["csv", "csv", "excel", "fhir", "csv", "csv"]
    assert "健康档案编号" in demo[0].path.read_bytes().decode("gb18030").splitlines()[0]
    assert demo[1].path.read_bytes().startswith("\ufeff流水号".encode())
    for file in demo:
        assert (file.mapping is None) == (file.kind == "fhir")
        assert file.mapping is None or file.mapping.parent == file.path.parent


def test_every_column_is_mapped_or_left_out_on_purpose(
    readings: dict[str, tuple[DemoFile, Reading, pl.DataFrame]],
) -> None:
    dictionary = load()
    for file, reading, found in readings.values():
        if file.mapping is not None:
            mapping = read_mapping(file.mapping, dictionary)
            assert set(reading.report.ignored_columns) == set(mapping.ignored)
            mapped = {rule.variable.key for rule in mapping.rules}
            assert mapped == set(found["variable"])


# --- the people


def test_everybody_is_registered_once_but_for_the_second_registrations(
    facts: pl.DataFrame,
) -> None:
    assert facts["person_id"].n_unique() == PEOPLE + SECOND_REGISTRATIONS
    numbers = facts.filter(pl.col("variable") == "national_id").unique(["person_id", "text"])
    twice = numbers.group_by("text").len().filter(pl.col("len") > 1)
    assert 0 < len(twice) <= SECOND_REGISTRATIONS
    assert set(twice["len"]) == {2}


def test_numbers_can_never_be_a_real_persons(facts: pl.DataFrame) -> None:
    def texts(variable: str) -> list[str]:
        return facts.filter(pl.col("variable") == variable)["text"].to_list()

    for number in texts("national_id"):
        assert number.startswith("990000")  # no province has the digits 99
        assert number == national_id(number[:6], number[6:14], int(number[14:17]))
    for phone in texts("phone"):
        assert len(phone) == 11
        assert phone.startswith("129")  # mobile numbers begin with 13 to 19
    assert all(one.startswith("99") and len(one) == 17 for one in facts["person_id"].unique())
    assert all("示例" in address for address in texts("address"))


def test_national_id_against_a_worked_example() -> None:
    # the example of GB 11643-1999
    assert national_id("110105", "19491231", 2) == "11010519491231002X"


@pytest.mark.parametrize("sex", ["female", "male"])
def test_osteoporosis_prevalence_against_the_guideline(sex: str) -> None:
    people = simulate(np.random.default_rng(5), 200_000, share=general_population())
    mine = people.female == (sex == "female")
    sick, target = osteoporosis(people), assumptions()["prevalence"]
    assert sick[mine].mean() == pytest.approx(target["from_50"][sex], rel=0.04)
    old = mine & (people.age_y >= 65)
    assert sick[old].mean() == pytest.approx(target["from_65"][sex], rel=0.04)


def test_women_by_site_against_the_reference_study() -> None:
    # Zhang 2007: of women of 50 and older 28 % at the spine, 15 % at any femur site
    people = simulate(np.random.default_rng(6), 200_000, share=general_population())
    low = {site: people[f"t_{site}"][people.female] <= -2.5 for site in SITES}
    assert low["lumbar_spine"].mean() == pytest.approx(0.28, abs=0.04)
    assert (low["femoral_neck"] | low["total_hip"]).mean() == pytest.approx(0.15, abs=0.05)


def test_community_is_old_and_its_traits_hang_together() -> None:
    community = make_community(np.random.default_rng(SEED), PEOPLE)
    people, visits = community.people, community.visits
    assert len(people) == PEOPLE
    assert (people.age_y >= 50).all()
    assert (people.age_y >= 60).mean() > 0.85
    assert np.corrcoef(people["weight_kg"], people["t_total_hip"])[0, 1] > 0.2
    sick = osteoporosis(people)
    broken = people["fragility_fracture_count"] > 0
    assert broken[sick].mean() > 1.3 * broken[~sick].mean()
    assert not people["stroke"][~people["cardiovascular_disease"]].any()
    assert (
        people["menopause_age_y"][people["postmenopausal"]]
        <= people.age_y[people["postmenopausal"]]
    ).all()
    assert visits.on.max() < np.datetime64(AS_OF)
    screened = visits.on[visits.first]
    assert (community.scans.on > screened[community.scans.person]).all()
    assert len(community.scans) == pytest.approx(0.18 * PEOPLE, rel=0.2)
    chosen = np.isin(np.arange(PEOPLE), community.scans.person)
    assert sick[chosen].mean() > 1.2 * sick.mean()


def test_answers_are_mostly_known_and_no_is_recorded(facts: pl.DataFrame) -> None:
    by = {key[0]: part for key, part in facts.group_by("variable")}
    everybody = facts["person_id"].n_unique()
    for key in ("stroke", "parkinsons_disease", "glucocorticoid_current", "falls_12m"):
        assert 0.93 < by[key]["person_id"].n_unique() / everybody < 1
    assert by["parkinsons_disease"]["number"].mean() < 0.1
    assert by["tug_s"]["person_id"].n_unique() < 0.5 * everybody


# --- the mistakes


def test_every_rate_says_where_it_comes_from() -> None:
    assert unmarked(assumptions()) == []
    assert places()["simulated"] is True
    # and the check itself finds a bare table
    assert unmarked({"a": {"simulated": True}, "b": {"rate": 1}}) == ["b"]


def test_import_finds_the_planted_mistakes_and_nothing_else(
    readings: dict[str, tuple[DemoFile, Reading, pl.DataFrame]],
) -> None:
    for file, reading, _ in readings.values():
        if file.kind == "fhir":
            continue
        severe = Counter[str]()
        for found in reading.report.findings:
            if found.code[:3] in ("T11", "T12", "T13", "T14", "T15"):
                severe["T11" if found.code.startswith("T11") else found.code] += found.count
        expected = Counter[str]()
        for mistake in file.mistakes:
            if mistake.kind == "repeated_row":
                code = "T143" if file.kind == "excel" else ""
            else:
                code = FOUND_AS[mistake.kind]
            if code:
                expected[code] += 2 if code == "T150" else 1  # both cells of a pair
        assert severe == expected, file.path.name
        rows = sum(expected.values()) - expected["T150"] // 2
        assert reading.report.rejected_records == rows == len(reading.rejected())


def test_fhir_mistakes_are_rejected_and_nothing_else(
    readings: dict[str, tuple[DemoFile, Reading, pl.DataFrame]],
) -> None:
    file, reading, _ = readings["centre4_jinghu.ndjson.gz"]
    assert len(file.mistakes) == 4
    rejected = reading.rejected()
    assert sorted(rejected["reference"]) == sorted(one.column for one in file.mistakes)
    unread = {what for (_, what) in reading.report.outcomes if what.startswith("not")}
    assert unread == {"not read"}  # Encounters
    assert reading.report.resources["Encounter"] == reading.report.outcomes["Encounter", "not read"]
    assert not reading.report.unmapped_codes


def test_understood_spellings_give_the_true_weight(
    readings: dict[str, tuple[DemoFile, Reading, pl.DataFrame]],
) -> None:
    for name in ("centre1_yunxi.csv", "centre2_qinghe.csv", "centre3_songfeng.xlsx"):
        file, _, found = readings[name]
        rows = [one.row for one in file.mistakes if one.kind in ("unit_in_cell", "full_width")]
        assert rows
        weight = found.filter((pl.col("variable") == "weight_kg") & pl.col("row").is_in(rows))[
            "number"
        ]
        assert weight.is_between(30, 130).all()


# --- densitometry


def test_t_scores_refer_to_the_database_they_name(facts: pl.DataFrame) -> None:
    keys = [f"{kind}_{site}{end}" for site in SITES for kind, end in (("bmd", "_g_cm2"), ("t", ""))]
    known = {(row.database, row.site): row for rows in references().values() for row in rows}
    context = pl.col("context").str.json_path_match("$.reference_db").alias("reference_db")
    table = facts.filter(pl.col("variable").is_in(keys)).with_columns(context)
    for site in SITES:
        bmd = table.filter(pl.col("variable") == f"bmd_{site}_g_cm2")
        t = table.filter(pl.col("variable") == f"t_{site}")
        both = bmd.join(t, on=["person_id", "effective_at"], suffix="_t")
        assert len(both) == len(bmd) > 500
        for measured, printed, name in both.select(
            "number", "number_t", "reference_db_t"
        ).iter_rows():
            row = known[name, site]
            assert printed == pytest.approx((measured - row.mean) / row.sd, abs=0.0501)


# --- FHIR


def _lines(file: Path) -> Iterator[dict[str, object]]:
    with gzip.open(file, "rt", encoding="utf-8") as stream:
        for line in stream:
            yield json.loads(line)


def test_fhir_is_valid_r4(demo: list[DemoFile]) -> None:
    seen = Counter[str]()
    for resource in _lines(demo[3].path):
        kind = str(resource["resourceType"])
        seen[kind] += 1
        if seen[kind] % 40 == 1:
            get_fhir_model_class(kind).model_validate(resource)
    assert set(seen) == {
        "Patient",
        "Encounter",
        "Observation",
        "Condition",
        "MedicationStatement",
        "FamilyMemberHistory",
    }


def test_fhir_dates_are_real_and_past_but_for_the_planted_one(demo: list[DemoFile]) -> None:
    late = [
        resource["id"]
        for resource in _lines(demo[3].path)
        if datetime.fromisoformat(str(resource.get("effectiveDateTime", "2026-01-01"))).date()
        > AS_OF
    ]
    assert late == ["faulty-future-visit"]
