# ruff: noqa: E501 - tables of TOML
"""Reading medicine tables, interactions, timers and flags: what a faulty file is told."""

from __future__ import annotations

import polars as pl
import pytest

from careloop.dictionary.catalogue import load
from careloop.error import ConfigError
from careloop.guidance.flag import read_flags
from careloop.guidance.interaction import read_interactions
from careloop.guidance.medicine import ALLOWED, BLOCKED, CHECK_FIRST
from careloop.guidance.medicines import concern_columns, read_medicines
from careloop.guidance.timer import read_timers

TABLE = """
[group.kidney]
stop = [{ key = "crcl", when = "crcl_ml_min < 35", label = { zh = "清除率低", en = "low clearance" }, source = "label", mark = "A" }]
check = [{ key = "dental", when = "TRUE", label = { zh = "口腔", en = "dental" }, source = "label", mark = "A" }]

[[medicine]]
key = "alendronate"
name = { zh = "阿仑膦酸", en = "alendronate" }
atc = ["M05BA04"]
group = "antiresorptive"
shares = ["kidney"]
route = "po"
dose = { zh = "每周70毫克", en = "70 mg weekly" }
interval_days = 7
current = "alendronate_current"
stop = [{ key = "over_there", when = "dialysis", label = { zh = "透析", en = "dialysis" }, source = "label", mark = "B", jurisdiction = ["US"] }]
caution = [{ key = "ppi", when = "ppi_current", label = { zh = "抑酸药", en = "PPI" }, source = "label", mark = "B" }]
source = "label"
mark = "A"
"""
INTERACTION = """
[[interaction]]
key = "ppi"
medicines = ["alendronate"]
when = "ppi_current"
atc = ["A02BC"]
severity = "caution"
text = { zh = "注意", en = "watch" }
source = "label"
mark = "B"
"""
TIMER = """
[columns]
denosumab_days = { kind = "number" }
[[rule]]
key = "late"
kind = "alert"
clause = [{ key = "days", when = "denosumab_days > 213", label = { zh = "晚", en = "late" } }]
text = { zh = "晚了", en = "late" }
details = { of = "alendronate", follow_on = ["antiresorptive"] }
"""
FLAG = """
[[flag]]
key = "male_pregnancy"
when = "sex = 'male' AND pregnancy"
label = { zh = "男性妊娠", en = "pregnant man" }
source = "consistency"
mark = "A"
"""


@pytest.fixture
def write(tmp_path):
    def written(text):
        file = tmp_path / "table.toml"
        file.write_text(text, encoding="utf-8")
        return file

    return written


def test_groups_are_shared_and_statuses_three_valued(write):
    (medicine,) = read_medicines(write(TABLE), load())
    assert [stop.key for stop in medicine.stops] == ["crcl"]
    frame = pl.DataFrame({"crcl_ml_min": [34.9, 35.0, None], "ppi_current": [True, False, None]})
    said = frame.select(*medicine.columns(), *concern_columns([medicine])).to_dict(as_series=False)
    assert said == {
        "alendronate_status": [BLOCKED, ALLOWED, CHECK_FIRST],
        "alendronate_stops": ["crcl", "", ""],
        "alendronate_unknown": ["", "", "crcl"],
        "alendronate_cautions": ["ppi", "", ""],
        "alendronate_checks": ["dental"] * 3,
    }


def test_jurisdiction_chooses_clauses(write):
    (medicine,) = read_medicines(write(TABLE), load(), jurisdiction="US")
    assert [stop.key for stop in medicine.stops] == ["crcl", "over_there"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("dialysis", "COALESCE(dialysis, FALSE)", "takes unknown for no"),
        ('"M05BA04"', '"M5BA4"', "is not a WHO ATC code"),
        ('route = "po"', 'route = "mouth"', "no such group or route"),
        ('shares = ["kidney"]', 'shares = ["liver"]', "liver"),
        ('current = "alendronate_current"', 'current = "alendronat_current"', "did you mean"),
        ('current = "alendronate_current"', 'current = "weight_kg"', "is not boolean"),
        ("interval_days = 7", "interval = 7", "no setting"),
        ('mark = "B", jurisdiction', 'mark = "Z", jurisdiction', "mark 'Z'"),
        ('key = "over_there"', 'key = "crcl"', "stands twice"),
        ('key = "alendronate"', "", "key"),
        ("[[medicine]]", "[[medicine", "TOML"),
    ],
)
def test_a_faulty_table_is_refused(write, old, new, said):
    assert old in TABLE
    with pytest.raises(ConfigError) as caught:
        read_medicines(write(TABLE.replace(old, new)), load(), jurisdiction="US")
    assert said in str(caught.value)
    assert "table.toml" in str(caught.value) or "did you mean" in said or "takes" in said


def test_faulty_interactions_timers_and_flags(write):
    medicines = read_medicines(write(TABLE), load())
    assert len(read_interactions(write(INTERACTION), load(), medicines)) == 1
    assert len(read_timers(write(TIMER), load(), medicines)) == 1
    assert len(read_flags(write(FLAG))) == 1
    for text, reader in (
        (INTERACTION.replace('"alendronate"', '"aspirin"'), read_interactions),
        (INTERACTION.replace("ppi_current", "ppi_curent"), read_interactions),
        (INTERACTION.replace("A02BC", "A2BC"), read_interactions),
        (INTERACTION.replace('"caution"', '"awful"'), read_interactions),
        (INTERACTION + INTERACTION, read_interactions),
        (TIMER.replace('of = "alendronate"', 'of = "aspirin"'), read_timers),
        (TIMER.replace("follow_on", "follow"), read_timers),
    ):
        with pytest.raises(ConfigError):
            reader(write(text), load(), medicines)
    for text in (FLAG + FLAG, FLAG.replace('pregnancy"', 'CASE"'), FLAG.replace("source", "sorce")):
        with pytest.raises(ConfigError):
            read_flags(write(text))
