"""Tables through a mapping: facts, the account, and every kind of bad input the issue names."""

from __future__ import annotations

import contextlib
import gzip
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from careloop.dictionary.catalogue import Dictionary, load
from careloop.error import CareloopError, ConfigError, InputError
from careloop.records.fact import FACT_SCHEMA
from careloop.records.finding import FINDINGS
from careloop.records.mapping import read_mapping
from careloop.records.sources import text as text_module
from careloop.records.sources.tables import TableReading, read_table

MAPPING = """
[source]
sender = "东湖"
[person]
id = "编号"
[dates]
effective = "日期"
[columns."身高"]
variable = "height_cm"
unit = "cm"
[columns."体重"]
variable = "weight_kg"
unit = "kg"
"""
HEADER = "编号,日期,身高,体重"


def facts_of(reading: TableReading) -> pl.DataFrame:
    batches = list(reading.batches())
    for batch in batches:
        assert batch.schema == pl.Schema(FACT_SCHEMA)
    check_account(reading)
    return pl.concat(batches) if batches else pl.DataFrame(schema=FACT_SCHEMA)


def check_account(reading: TableReading) -> None:
    """Nothing is lost: every column's cells add up to the records, every count to another."""
    report = reading.report
    for one in report.columns.values():
        parts = (one.taken, one.converted, one.missing, one.unknown, one.out_of_range, one.other)
        assert one.rows == sum(parts) == report.records, one
        assert min(parts) >= 0
    assert reading.rejected().height == report.rejected_records
    assert reading.rejected()["reason"].null_count() == 0
    assert all(finding.code in FINDINGS for finding in report.findings)


def values(facts: pl.DataFrame, key: str) -> list[tuple[str, float | str]]:
    some = facts.filter(variable=key)
    return list(zip(some["person_id"], some["number"].fill_null(-1) if some["text"].is_null().all()
                    else some["text"], strict=True))  # fmt: skip


def codes(reading: TableReading) -> dict[str, int]:
    found: dict[str, int] = {}
    for finding in reading.report.findings:
        found[finding.code] = found.get(finding.code, 0) + finding.count
    return found


def only_errors(reading: TableReading) -> dict[str, int]:
    return {
        code: count for code, count in codes(reading).items() if FINDINGS[code].severity == "error"
    }


# --- what becomes a fact


def test_a_fact_says_everything_about_itself(read_as_table):
    mapping = MAPPING.replace('unit = "kg"', 'unit = "g"').replace(
        'effective = "日期"', 'effective = "日期"\nrecorded = "录入"'
    )
    reading = read_as_table(f"{HEADER},录入,备注\nA1,2020-01-02,160,60000,2020-02-03,x\n", mapping)
    facts = facts_of(reading)
    weight = facts.filter(variable="weight_kg").row(0, named=True)
    assert weight == {
        "person_id": "A1",
        "variable": "weight_kg",
        "number": 60.0,
        "text": None,
        "unit": "kg",
        "effective_at": datetime(2020, 1, 2),
        "until": None,
        "recorded_at": datetime(2020, 2, 3),
        "status": "final",
        "context": None,
        "raw": "60000",
        "source": reading.source.source_id,
        "row": 1,
        "field": "体重",
    }
    assert facts.filter(variable="height_cm")["raw"].to_list() == [None]
    assert reading.source.sender == "东湖"
    assert reading.source.name == "table.csv"
    assert reading.report.ignored_columns == ["备注"]
    assert (reading.report.records, reading.report.persons, reading.report.facts) == (1, 1, 2)
    assert reading.report.columns["体重"].converted == 1
    assert reading.report.columns["身高"].taken == 1
    assert codes(reading) == {"T100": 1, "T104": 1}


def test_source_id_is_content_and_mapping(read_as_table):
    table = f"{HEADER}\nA1,2020-01-02,160,60\n"
    first = read_as_table(table, MAPPING).source
    assert read_as_table(table, MAPPING).source.source_id == first.source_id
    assert read_as_table(table, MAPPING, as_of=date(2020, 1, 1)).source.source_id == first.source_id
    assert read_as_table(table + "\n", MAPPING).source.source_id != first.source_id
    assert read_as_table(table, MAPPING + "\n").source.source_id != first.source_id
    undated = MAPPING.replace('"日期"', "{ as_of = true }")
    on_two_days = {
        read_as_table(table, undated, as_of=date(2020, 1, day)).source.source_id for day in (1, 2)
    }
    assert len(on_two_days) == 2


def test_when_a_value_held(read_as_table):
    table = (
        "编号,日期,身高,体重,DXA日期,骨密度\n"
        "A,2020-01-02 08:30,160,60,2019-12-01,0.7\nB,2020-01-03,,,,0.8\n"
    )
    own = (
        MAPPING + '[columns."骨密度"]\nvariable = "bmd_femoral_neck_g_cm2"\neffective = "DXA日期"\n'
    )
    reading = read_as_table(table, own)
    facts = facts_of(reading)
    assert facts.filter(variable="weight_kg")["effective_at"][0] == datetime(2020, 1, 2, 8, 30)
    (bone,) = facts.filter(variable="bmd_femoral_neck_g_cm2").rows(named=True)
    assert bone["effective_at"] == bone["recorded_at"] == datetime(2019, 12, 1)
    assert only_errors(reading) == {"T141": 1}  # B's bone density has no date
    assert reading.report.columns["骨密度"].other == 1
    undated = MAPPING.replace('"日期"', "{ as_of = true }")
    with pytest.raises(ConfigError, match="--as-of"):
        read_as_table(table, undated)
    facts = facts_of(read_as_table(table, undated, as_of=date(2021, 5, 6)))
    assert facts["effective_at"].unique().to_list() == [datetime(2021, 5, 6)]
    constant = MAPPING.replace('"日期"', "{ constant = 2019-06-30 }")
    facts = facts_of(read_as_table(table, constant))
    assert facts["effective_at"].unique().to_list() == [datetime(2019, 6, 30)]


def test_combined_columns_follow_kleene(read_as_table):
    mapping = MAPPING + (
        '[combined.parent_hip_fracture]\nany_of = ["父", "母"]\n'
        'values = { "1" = true, "2" = false }\nmissing = ["9"]\n'
    )
    pairs = [("1", "2"), ("2", "2"), ("2", "9"), ("9", "1"), ("", ""), ("1", "?"), ("2", "?")]
    table = f"{HEADER},父,母\n" + "".join(
        f"P{at},2020-01-02,160,60,{father},{mother}\n" for at, (father, mother) in enumerate(pairs)
    )
    reading = read_as_table(table, mapping)
    facts = facts_of(reading)
    assert values(facts, "parent_hip_fracture") == [("P0", 1), ("P1", 0), ("P3", 1), ("P5", 1)]
    assert facts.filter(variable="parent_hip_fracture")["raw"].to_list()[0] == "1 | 2"
    account = reading.report.columns["父 + 母"]
    assert (account.converted, account.missing, account.unknown) == (4, 2, 1)
    assert only_errors(reading) == {"T111": 1}


def test_assumptions_once_a_person_and_not_about_the_other_sex(read_as_table, monkeypatch):
    monkeypatch.setattr(text_module, "PIECE_BYTES", 40)
    mapping = MAPPING + (
        '[columns."性别"]\nvariable = "sex"\n[assumed]\noestrogen_current = false\n'
        'smoking_status = "never"\n'
    )
    table = f"{HEADER},性别\n" + "".join(
        f"P{at % 3},2020-01-0{1 + at},160,60,{'男' if at % 3 == 1 else '女'}\n" for at in range(9)
    )
    reading = read_as_table(table, mapping)
    assumed = facts_of(reading).filter(status="assumed")
    assert values(assumed, "oestrogen_current") == [("P0", 0), ("P2", 0)]
    assert values(assumed, "smoking_status") == [(f"P{at}", "never") for at in range(3)]
    assert assumed["field"].unique().to_list() == ["[assumed]"]
    assert assumed["row"].to_list() == sorted(assumed["row"].to_list()) or assumed.height == 5
    assert reading.report.assumptions == {"oestrogen_current": "false", "smoking_status": "never"}
    assert reading.report.persons == 3


def test_a_column_may_feed_several_variables_and_a_variable_several_columns(read_as_table):
    mapping = (
        MAPPING
        + """
[[columns.S1]]
variable = "smoking_status"
values = { "2" = "never" }
missing = ["1"]
[[columns.S1]]
variable = "fracture_prior"
values = { "1" = true, "2" = false }
[columns.S2]
variable = "smoking_status"
values = { "1" = "current", "3" = "former" }
"""
    )
    table = f"{HEADER},S1,S2\nA,2020-01-02,,,2,\nB,2020-01-02,,,1,3\nC,2020-01-02,,,2,1\n"
    reading = read_as_table(table, mapping)
    facts = facts_of(reading)
    assert sorted(values(facts, "smoking_status")) == [("A", "never"), ("B", "former")]
    assert values(facts, "fracture_prior") == [("A", 0), ("B", 1), ("C", 0)]
    assert set(reading.report.columns) == {
        "身高", "体重", "S1 → smoking_status", "S1 → fracture_prior", "S2"
    }  # fmt: skip
    assert only_errors(reading) == {"T153": 2}  # C never smoked, and smokes


# --- what is refused, and how it is told


def test_one_bad_cell_keeps_the_good_ones_and_sends_the_row_back(read_as_table):
    reading = read_as_table(
        f"{HEADER},备注\nA,2020-01-02,1650,60,见附页\nB,2020-01-02,160,61,\n", MAPPING
    )
    facts = facts_of(reading)
    assert values(facts, "weight_kg") == [("A", 60), ("B", 61)]
    assert values(facts, "height_cm") == [("B", 160)]
    (row,) = reading.rejected().rows(named=True)
    assert {name: row[name] for name in ("编号", "身高", "备注")} == {
        "编号": "A", "身高": "1650", "备注": "见附页",
    }  # fmt: skip
    for words in ("第 1 行", "“身高” = “1650”", "100–220 cm", "核对", "Data row 1", "check"):
        assert words in row["reason"]


def test_a_mended_rejected_file_gives_the_missing_fact(read_as_table, tmp_path):
    reading = read_as_table(f"{HEADER}\nA,2020-01-02,1650,60\n", MAPPING)
    facts_of(reading)
    mended = reading.rejected().with_columns(pl.lit("165").alias("身高"))
    again = read_as_table(mended.write_csv(), MAPPING, name="mended.csv")
    assert values(facts_of(again), "height_cm") == [("A", 165)]
    assert again.report.ignored_columns == []
    assert codes(again) == {}


def test_rejected_rows_beyond_the_limit_are_counted(read_as_table, monkeypatch):
    monkeypatch.setattr("careloop.records.sources.account.ROWS_BACK", 5)
    monkeypatch.setattr("careloop.records.sources.tables.ROWS_BACK", 5)
    monkeypatch.setattr(text_module, "PIECE_BYTES", 60)
    reading = read_as_table(f"{HEADER}\n" + "A,2020-01-02,1650,60\n" * 12, MAPPING)
    assert sum(batch.height for batch in reading.batches()) == 12
    assert reading.report.rejected_records == 12
    assert reading.rejected().height == 5
    assert only_errors(reading) == {"T130": 12, "T145": 7}


REJECTED = {
    "no person": (f"{HEADER}\n,2020-01-02,160,60\n", "T140"),
    "person not known": (f"{HEADER}\nNA,2020-01-02,160,60\n", "T140"),
    "no date": (f"{HEADER}\nA,,160,60\n", "T141"),
    "ambiguous date": (f"{HEADER}\nA,03/04/2020,160,60\n", "T120"),
    "short year": (f"{HEADER}\nA,20-03-04,160,60\n", "T121"),
    "no date at all": (f"{HEADER}\nA,soon,160,60\n", "T122"),
    "future": (f"{HEADER}\nA,2024-07-01,160,60\n", "T142"),
    "too many fields": (f"{HEADER}\nA,2020-01-02,160,60,7\n", "T144"),
    "too few fields": (f"{HEADER}\nA,2020-01-02,160\n", "T144"),
}


@pytest.mark.parametrize("fault", REJECTED)
def test_rows_rejected_whole(read_as_table, fault):
    table, code = REJECTED[fault]
    reading = read_as_table(table + "B,2020-01-02,161,61\n", MAPPING)
    facts = facts_of(reading)
    assert facts["person_id"].unique().to_list() == ["B"]
    assert only_errors(reading) == {code: 1}
    assert reading.report.rejected_records == reading.rejected().height == 1
    assert reading.report.columns["身高"].other == 1
    assert reading.report.persons == 1
    assert FINDINGS[code].zh in reading.rejected()["reason"][0] or code == "T144"


def test_today_is_not_the_future(read_as_table):
    reading = read_as_table(f"{HEADER}\nA,2024-06-30 23:59,160,60\n", MAPPING)
    assert facts_of(reading).height == 2


def test_duplicate_people(read_as_table, monkeypatch):
    monkeypatch.setattr(text_module, "PIECE_BYTES", 30)
    table = f"{HEADER}\n" + "".join(f"P{at % 4},2020-01-02,160,6{at}\n" for at in range(9))
    person = MAPPING.replace("[source]", '[source]\nrows = "person"')
    reading = read_as_table(table, person)
    facts = facts_of(reading)
    assert values(facts, "weight_kg") == [(f"P{at}", 60 + at) for at in range(4)]
    assert only_errors(reading) == {"T143": 5}
    assert reading.report.persons == 4
    assert facts_of(read_as_table(table, MAPPING)).height == 18
    undated = read_as_table(f"{HEADER}\nA,,160,60\nA,2020-01-02,160,61\n", person)
    assert facts_of(undated).height == 0  # the first row of A comes back to be mended, so does this
    assert only_errors(undated) == {"T141": 1, "T143": 1}


def test_height_and_weight_exchanged(read_as_table):
    pairs = ["A,2020-01-02,60,165", "B,2020-01-02,165,60", "C,2020-01-02,150,149"]
    table = "\n".join([HEADER, *pairs, "D,2020-01-02,60,"])
    reading = read_as_table(table, MAPPING)
    facts = facts_of(reading)
    assert values(facts, "weight_kg") == [("B", 60), ("C", 149)]
    assert values(facts, "height_cm") == [("B", 165), ("C", 150)]
    assert only_errors(reading) == {"T150": 2, "T130": 1}
    assert "exchange the two cells" in reading.rejected()["reason"][0]
    in_metres = MAPPING.replace('unit = "cm"', 'unit = "m"')
    reading = read_as_table(f"{HEADER}\nA,2020-01-02,60,1.65\nB,2020-01-02,1.65,60\n", in_metres)
    assert values(facts_of(reading), "height_cm") == [("B", 165)]
    assert only_errors(reading) == {"T150": 2}


def test_what_applies_to_the_other_sex(read_as_table):
    mapping = MAPPING + (
        '[columns."性别"]\nvariable = "sex"\n[columns."绝经年龄"]\nvariable = "menopause_age_y"\n'
        '[columns."绝经"]\nvariable = "postmenopausal"\n'
    )
    table = (
        f"{HEADER},性别,绝经年龄,绝经\nA,2020-01-02,,,男,50,是\nB,2020-01-02,,,女,50,是\n"
        "C,2020-01-02,,,男,,否\nD,2020-01-02,,,,50,\n"
    )
    reading = read_as_table(table, mapping)
    facts = facts_of(reading)
    assert values(facts, "menopause_age_y") == [("B", 50), ("D", 50)]
    assert values(facts, "postmenopausal") == [("B", 1)]
    assert only_errors(reading) == {"T151": 2}  # A's two cells; C's "no" is as if not asked
    assert reading.report.columns["绝经"].missing == 2
    assert reading.report.rejected_records == 1


def test_dates_against_birth(read_as_table):
    mapping = MAPPING + (
        '[columns."出生"]\nvariable = "birth_date"\n[columns."年龄"]\nvariable = "age_y"\n'
        '[columns."骨折"]\nvariable = "fracture_last_on"\n'
    )
    table = f"{HEADER},出生,年龄,骨折\n" + "".join(
        f"{person},2020-06-30,160,60,{birth},{age},{fracture}\n"
        for person, birth, age, fracture in [
            ("A", "1950-06-30", 70, "2019-01-01"),
            ("B", "1950-07-01", 71, ""),  # 虚岁
            ("C", "1950-07-01", 80, ""),
            ("D", "1950-01-01", 70, "1949-01-01"),
            ("E", "2030-01-01", 70, "2025-01-01"),
        ]
    )
    reading = read_as_table(table, mapping)
    facts = facts_of(reading)
    assert values(facts, "age_y") == [("A", 70), ("B", 71), ("D", 70), ("E", 70)]
    assert values(facts, "birth_date") == [
        ("A", "1950-06-30"), ("B", "1950-07-01"), ("D", "1950-01-01")
    ]  # fmt: skip
    assert values(facts, "fracture_last_on") == [("A", "2019-01-01")]
    assert only_errors(reading) == {"T152": 2, "T154": 1, "T142": 2}


def test_mixed_dates_and_units_are_read_and_reported(read_as_table):
    table = f"{HEADER}\nA,2020-01-02,160,60kg\nB,2020/1/3,1.61m,122斤\nC,2020年1月4日,162,62\n"
    reading = read_as_table(table, MAPPING)
    facts = facts_of(reading)
    assert values(facts, "weight_kg") == [("A", 60), ("B", 61), ("C", 62)]
    assert values(facts, "height_cm") == [("A", 160), ("B", 161), ("C", 162)]
    assert facts["effective_at"].dt.day().unique().sort().to_list() == [2, 3, 4]
    mixed = next(one for one in reading.report.findings if one.code == "T103")
    assert "Y-m-d ×1" in mixed.detail
    assert "Y年m月d日 ×1" in mixed.detail
    assert codes(reading) == {"T101": 3, "T103": 1}
    assert reading.report.rejected_records == 0


# --- the header


def test_header_faults(read_as_table):
    with pytest.raises(InputError, match=r"(?s)no column '体重'.*did you mean 体重kg") as caught:
        read_as_table("编号,日期,身高,体重kg\n", MAPPING)
    assert "table.csv" in str(caught.value)
    with pytest.raises(InputError, match="'身高' stands in the header 2 times"):
        read_as_table("编号,日期,身高,身高,体重\n", MAPPING)
    with pytest.raises(InputError, match="empty"):
        read_as_table("", MAPPING)
    with pytest.raises(InputError, match="no such file"):
        read_table(
            Path("nowhere.csv"), read_as_table(f"{HEADER}\n", MAPPING)._mapping, dictionary={}
        )


def test_header_only_gives_nothing(read_as_table):
    reading = read_as_table(f"{HEADER}\n", MAPPING)
    assert facts_of(reading).height == 0
    assert reading.report.records == 0


def test_names_in_other_case_or_width_are_found_and_told(read_as_table):
    mapping = (
        '[person]\nid = "sub_id"\n[dates]\neffective = "Date"\n'
        '[columns.weight]\nvariable = "weight_kg"'
    )
    reading = read_as_table("SUB_ID,ＤＡＴＥ,WEIGHT \n1,2020-01-02,60\n", mapping)
    facts = facts_of(reading)
    assert facts["field"].to_list() == ["WEIGHT"]
    assert codes(reading) == {"T105": 3, "T108": 1}


def test_titles_above_the_header_and_empty_rows_below_the_last(read_as_table):
    table = (
        f"东湖社区体检表,,,\n制表：李,,,2020年\n\n{HEADER}\nA,2020-01-02,160,60\n,,,\n,,,,,,\n,,\n"
    )
    reading = read_as_table(table, MAPPING)
    assert values(facts_of(reading), "weight_kg") == [("A", 60)]
    assert (reading.report.records, reading.report.rejected_records) == (1, 0)
    assert codes(reading) == {"T106": 3}
    with pytest.raises(InputError, match="no column '编号'"):
        read_as_table("a,b\n" * 30 + table, MAPPING)


def test_unmapped_columns_may_repeat_and_be_nameless(read_as_table):
    reading = read_as_table(f"{HEADER},x,x,,\nA,2020-01-02,999,60,1,2,3,4\n", MAPPING)
    facts_of(reading)
    assert reading.rejected().columns == [
        "编号", "日期", "身高", "体重", "x", "x (2)", "column 7", "column 8", "reason"
    ]  # fmt: skip
    assert codes(reading)["T107"] == 2
    declared = MAPPING + '[ignored]\ncolumns = ["x"]\n'
    reading = read_as_table(f"{HEADER},x\nA,2020-01-02,160,60,1\n", declared)
    facts_of(reading)
    assert reading.report.ignored_columns == ["x"]
    assert codes(reading) == {}


# --- robustness


def test_chunks_give_the_same_as_the_whole(read_as_table, monkeypatch):
    table = f"{HEADER}\n" + "".join(
        f"P{at % 50},2020-01-{1 + at % 28:02},{150 + at % 40},"
        f"{'x' if at % 37 == 0 else 50 + at % 60}\n" + ("\n" if at % 41 == 0 else "")
        for at in range(400)
    )
    whole = read_as_table(table, MAPPING)
    expected = facts_of(whole).sort("row", "variable")
    monkeypatch.setattr(text_module, "PIECE_BYTES", 333)
    cut = read_as_table(table, MAPPING)
    assert facts_of(cut).sort("row", "variable").equals(expected)
    assert cut.report.columns == whole.report.columns
    assert [one.count for one in cut.report.findings] == [
        one.count for one in whole.report.findings
    ]
    assert cut.rejected().equals(whole.rejected())
    packed = read_as_table(gzip.compress(table.encode("gb18030")), MAPPING, name="t.csv.gz")
    assert facts_of(packed).drop("source").sort("row", "variable").equals(
        expected.drop("source")
    )  # fmt: skip


def test_nothing_is_given_out_of_a_file_that_breaks_off(read_as_table):
    content = (f"{HEADER}\nA,2020-01-02,160,60\n" * 3).encode() + b'B,2020-01-02,"160,60\n'
    with pytest.raises(InputError, match=r"row 6, column 3 \('身高'\) never closes"):
        list(read_as_table(content, MAPPING).batches())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(st.text(max_size=8), min_size=1, max_size=6), max_size=8))
def test_noise_never_raises_anything_else(read_as_table, cells):
    lines = "\n".join(",".join(row) for row in cells)
    with contextlib.suppress(CareloopError):
        facts_of(read_as_table(f"{HEADER}\n{lines}", MAPPING))


_CELL = st.sampled_from(
    ["", "160", "60", "1.6m", "x", "2020-01-02", "2020/1/3", "2099-01-01", "A", "B", "男", "女"]
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(*[_CELL] * 6), max_size=12))
def test_every_cell_is_accounted_for(read_as_table, rows):
    mapping = MAPPING + (
        '[columns."性别"]\nvariable = "sex"\n[columns."绝经"]\nvariable = "menopause_age_y"\n'
        '[assumed]\nsmoking_status = "never"\n'
    )
    table = f"{HEADER},性别,绝经\n" + "".join(",".join(row) + "\n" for row in rows)
    reading = read_as_table(table, mapping)
    facts = facts_of(reading)
    assert facts.height == reading.report.facts
    assert facts.filter(status="final").height == sum(
        one.taken + one.converted for one in reading.report.columns.values()
    )
    assert facts["person_id"].n_unique() <= reading.report.persons


# --- the real files


@pytest.fixture(scope="module")
def real(data_dir: Path, repository: Path) -> Iterator[object]:
    dictionary: Dictionary = load()

    def read(mapping: str, table: str) -> TableReading:
        rules = read_mapping(repository / "examples" / mapping, dictionary)
        return read_table(data_dir / table, rules, dictionary=dictionary, as_of=date(2020, 3, 1))

    return read


@pytest.mark.realdata
def test_nhanes_is_read_without_loss(real):
    reading = real("nhanes_2017_2020.toml", "nhanes_2017_2020/nhanes_50plus.csv.gz")
    facts = facts_of(reading)
    assert (reading.report.records, reading.report.persons) == (4987, 4987)
    assert reading.report.findings == []
    assert reading.report.rejected_records == 0
    counts = dict(facts.group_by("variable").len().iter_rows())
    assert counts["bmd_femoral_neck_g_cm2"] == 3545
    assert counts["weight_kg"] == 4496
    assert counts["oestrogen_current"] == 2522  # assumed, about the women
    context = '{"device":"hologic","reference_db":"nhanes3_white_female"}'
    assert facts.filter(variable="bmd_total_hip_g_cm2")["context"].unique().to_list() == [context]


@pytest.mark.realdata
def test_glow_is_read_without_loss(real):
    reading = real("glow500.toml", "glow/GLOW500.txt")
    facts = facts_of(reading)
    assert (reading.report.records, reading.report.persons) == (500, 500)
    assert reading.report.findings == []
    assert facts.filter(variable="fracture_prior")["number"].sum() == 126
    assert facts.filter(variable="sex")["status"].unique().to_list() == ["assumed"]
