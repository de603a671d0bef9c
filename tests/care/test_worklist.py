"""The osteoporosis lists against small tables: facts in, list and reason out; unknown is off it."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache

import polars as pl
import pytest

from careloop.care.worklist import Worklists, read_worklists
from careloop.dictionary.catalogue import load
from careloop.error import ConfigError
from careloop.guidance.guidance import Guidance
from careloop.programmes.bedside import Bedside
from careloop.programmes.programme import programme

AS_OF = date(2026, 6, 15)


@cache
def bedside() -> Bedside:
    return Bedside(programme("osteoporosis"), load())


@cache
def lists() -> Worklists:
    return programme("osteoporosis").worklists()


def judged(facts):
    """What the lists say of a person of whom only these facts are known."""
    ready = bedside()
    unknown = dict.fromkeys(ready.probes(1, 1)[0])
    unknown |= {name: False for name in unknown if name.endswith("__assumed")}
    row = ready.answered([unknown | facts | {"person_id": "p", "as_of": AS_OF}])[0]
    frame = pl.DataFrame([{name: row.get(name) for name in lists().reads()}])
    return row | frame.with_columns(lists().columns()).row(0, named=True)


def dose(drug, days, **more):
    return {f"{drug}_current": True, f"{drug}_last_on": AS_OF - timedelta(days=days)} | more


WOMAN = {
    "sex": "female",
    "ethnic_group": "chinese",
    "age_y": 70.0,
    "weight_kg": 50.0,
    "postmenopausal": True,
}
LOW_T = WOMAN | {"t_femoral_neck": -2.5, "t_femoral_neck__age_d": 12}

ON_DRUG = {"osteoporosis_treatment_current": True}
SAID = {"adverse_effect_other": "头晕", "adverse_effect_other__age_d": 8}

TABLE = [
    # list, facts, reasons (None: not on it), alarm
    ("injection_due", dose("denosumab", 152), None, False),
    ("injection_due", dose("denosumab", 153), "soon", False),
    ("injection_due", dose("denosumab", 183), "soon", False),
    ("injection_due", dose("denosumab", 184), "due", False),
    ("injection_due", dose("denosumab", 213), "due", False),
    ("injection_due", dose("denosumab", 214), "overdue", True),
    # stopped, and nothing after it: the most dangerous of all
    ("injection_due", dose("denosumab", 214, denosumab_current=False), "overdue", True),
    ("injection_due", dose("denosumab", 170, denosumab_current=False), None, False),
    # another antiresorptive has followed
    (
        "injection_due",
        dose("denosumab", 300, denosumab_current=False, alendronate_current=True),
        None,
        False,
    ),
    ("injection_due", dose("denosumab", 300) | dose("zoledronate", 100), None, False),
    ("injection_due", {"denosumab_current": True}, "date_unknown", False),
    ("injection_due", {"denosumab_current": False}, None, False),
    ("injection_due", {}, None, False),
    ("infusion_due", dose("zoledronate", 334), None, False),
    ("infusion_due", dose("zoledronate", 335), "soon", False),
    ("infusion_due", dose("zoledronate", 364), "soon", False),
    ("infusion_due", dose("zoledronate", 365), "due", False),
    ("infusion_due", dose("zoledronate", 365, zoledronate_current=False), None, False),
    (
        "infusion_due",  # three years are over: the doctor decides, nobody is called for a dose
        dose("zoledronate", 365, zoledronate_started_on=date(2023, 6, 15)),
        None,
        False,
    ),
    ("infusion_due", {"zoledronate_current": True}, "date_unknown", False),
    ("infusion_due", {}, None, False),
    ("alert", {"sex": "male", "pregnancy": True}, "contradiction", False),
    ("alert", {"sex": "female", "pregnancy": True}, None, False),
    ("alert", {"pregnancy": True}, None, False),
    (
        "alert",
        {"osteoporosis_treatment_current": True, "medicine_adherence": "not_taken"},
        "not_taken",
        False,
    ),
    (
        "alert",
        {"osteoporosis_treatment_current": True, "medicine_adherence": "interrupted"},
        "interrupted",
        False,
    ),
    (
        "alert",
        {"osteoporosis_treatment_current": True, "medicine_adherence": "regular"},
        None,
        False,
    ),
    ("alert", {"medicine_adherence": "not_taken"}, None, False),
    ("alert", {"thigh_or_groin_pain": True, "alendronate_current": True}, "thigh_pain", True),
    ("alert", {"thigh_or_groin_pain": True}, None, False),
    ("alert", {"fracture_new": True}, "new_fracture", False),
    ("alert", {"fracture_new": False}, None, False),
    ("alert", {"adverse_effect_jaw": True}, "adverse_effect_jaw", False),
    ("alert", ON_DRUG | {"adverse_effect_skin": True}, "adverse_effect_skin", False),
    ("alert", ON_DRUG | {"adverse_effect_skin": False}, None, False),
    ("alert", {"osteoporosis_treatment_current": False, "adverse_effect_skin": True}, None, False),
    ("alert", SAID | {"adverse_effect_upper_gi__age_d": 9}, "adverse_effect_other", False),
    ("alert", SAID | {"adverse_effect_upper_gi__age_d": 8}, "adverse_effect_other", False),
    ("alert", SAID | {"adverse_effect_upper_gi__age_d": 7}, None, False),
    ("alert", SAID, "adverse_effect_other", False),
    ("alert", {"follow_up_class": "unsatisfactory"}, "follow_up_class", False),
    ("alert", {"follow_up_class": "satisfactory"}, None, False),
    ("alert", {"alendronate_current": True}, None, False),
    ("treatment_undecided", LOW_T, "", False),
    ("treatment_undecided", LOW_T | {"osteoporosis_treatment_current": False}, "", False),
    ("treatment_undecided", LOW_T | {"osteoporosis_treatment_current": True}, None, False),
    ("treatment_undecided", LOW_T | {"t_femoral_neck": -2.4}, None, False),
    ("treatment_undecided", {}, None, False),
    ("dxa_wanted", WOMAN, "", False),
    ("dxa_wanted", WOMAN | {"age_y": 64.0, "weight_kg": 59.0}, "", False),  # OSTA −1.0
    ("dxa_wanted", WOMAN | {"age_y": 64.0, "weight_kg": 59.6}, None, False),  # OSTA −0.88
    ("dxa_wanted", LOW_T, None, False),
    ("dxa_wanted", {"sex": "female"}, None, False),
    ("frax_wanted", LOW_T | {"t_femoral_neck": -2.0, "fragility_fracture": False}, "", False),
    (
        "frax_wanted",
        LOW_T | {"t_femoral_neck": -2.0, "fragility_fracture": False, "frax_mof_pct": 5.0},
        None,
        False,
    ),
    ("data_wanted", {"sex": "female", "age_y": 60.0}, "", False),
    ("data_wanted", WOMAN, None, False),
]


@pytest.mark.parametrize(("key", "facts", "reasons", "alarm"), TABLE)
def test_lists_against_their_table(key, facts, reasons, alarm):
    row = judged(facts)
    column = lists()[key].column
    assert row[column] is (reasons is not None)
    if reasons is not None:
        assert row[f"{column}_why"] == reasons
    assert row[f"{column}_alarm"] is alarm


@pytest.mark.parametrize("key", [each.key for each in programme("osteoporosis").worklists().lists])
def test_every_list_has_a_row_on_it_and_one_off_it(key):
    seen = {reasons is not None for name, _facts, reasons, _alarm in TABLE if name == key}
    assert seen == {True, False}


@pytest.mark.parametrize(
    ("key", "facts", "due"),
    [
        ("injection_due", dose("denosumab", 153), 30),
        ("injection_due", dose("denosumab", 230), -47),
        ("infusion_due", dose("zoledronate", 365), 0),
    ],
)
def test_injections_are_due_by_their_interval(key, facts, due):
    row = judged(facts)
    assert row[f"{lists()[key].column}_due"] == due


def test_the_day_of_the_newest_measurement_counts():
    row = judged(LOW_T | {"t_total_hip": -2.0, "t_total_hip__age_d": 400})
    assert row["worklist_treatment_undecided_since"] == 12


STEPS = [
    ({}, []),
    ({"age_y": 70.0}, []),
    (WOMAN | {"weight_kg": 90.0, "age_y": 60.0}, ["screened"]),
    (WOMAN, ["screened", "at_risk"]),
    (LOW_T | {"t_femoral_neck": -1.0}, ["screened", "at_risk", "measured"]),
    (LOW_T, ["screened", "at_risk", "measured", "diagnosed"]),
    (
        LOW_T | {"osteoporosis_treatment_current": True},
        ["screened", "at_risk", "measured", "diagnosed", "treated"],
    ),
]
TREATED = LOW_T | {"osteoporosis_treatment_current": True}


@pytest.mark.parametrize(("facts", "steps"), STEPS)
def test_steps_of_the_cascade(facts, steps):
    row = judged(facts)
    assert [each.key for each in lists().measures if row[each.column]] == steps
    assert lists().counted(row) == (1 << len(steps)) - 1


@pytest.mark.parametrize(
    ("facts", "adherent"),
    [
        ({"medicine_covered_share": 0.8}, True),
        ({"medicine_covered_share": 0.79}, False),
        ({"medicine_covered_share": 0.79, "medicine_adherence": "regular"}, False),
        ({"medicine_adherence": "regular"}, True),
        ({"medicine_adherence": "interrupted"}, False),
        (dose("denosumab", 243), True),
        (dose("denosumab", 244), False),
        (dose("zoledronate", 455), True),
        (dose("zoledronate", 456), False),
        ({}, False),
    ],
)
def test_adherence_counts_from_its_limits(facts, adherent):
    assert judged(TREATED | facts)["measure_adherent"] is adherent


def test_each_step_is_part_of_the_one_before():
    for row in bedside().answered(bedside().probes(300, 11)):
        frame = pl.DataFrame([{name: row.get(name) for name in lists().reads()}])
        told = frame.with_columns(lists().columns()).row(0, named=True)
        steps = [told[each.column] for each in lists().measures]
        assert steps == sorted(steps, reverse=True)


def test_one_person_is_listed_as_everybody_at_once():
    """A single row, whose unknown columns have no type, against the whole table."""
    rows = bedside().answered(bedside().probes(60, 3))
    names = lists().reads()
    made = [each.meta.output_name() for each in lists().columns()]
    known = pl.DataFrame(
        [{name: row.get(name) for name in names} for row in rows], infer_schema_length=None
    )
    together = known.with_columns(lists().columns()).select(made)
    for row, expected in zip(rows, together.iter_rows(named=True), strict=True):
        alone = pl.DataFrame([{name: row.get(name) for name in names}])
        assert alone.with_columns(lists().columns()).select(made).row(0, named=True) == expected


def test_nothing_is_read_that_is_neither_answered_nor_declared():
    declared = {*load(), *(f"{key}__age_d" for key in load())}
    assert set(lists().reads()) - declared <= set(bedside().answered(bedside().probes(1, 1))[0])


def test_every_word_stands_in_both_languages():
    guidance: Guidance = programme("osteoporosis").guidance()
    assert guidance
    for each in lists().lists:
        for text in (each.label, each.hint, *(one.label for one in each.reasons)):
            assert text.zh
            assert text.en
    for measure in lists().measures:
        for text in (measure.label, measure.definition):
            assert text.zh
            assert text.en


# --- reading the file


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[[worklist]]\nkey="a"\nwhen="x"\nlabel={zh="一",en="a"}', "hint"),
        ('[[worklist]]\nkey="a"\nlabel={zh="一",en="a"}\nhint={zh="一",en="a"}', "nobody"),
        (
            '[[worklist]]\nkey="a"\nwhen="x IN (1)"\nlabel={zh="一",en="a"}\nhint={zh="一",en="a"}',
            "IN takes",
        ),
        (
            '[[worklist]]\nkey="a"\nwhen="x"\ncolour="red"\nlabel={zh="一",en="a"}\nhint={zh="一",en="a"}',
            "colour",
        ),
        (
            '[[worklist]]\nkey="a"\nwhen="x"\ndecided=true\nlabel={zh="一",en="a"}\nhint={zh="一",en="a"}',
            "since when",
        ),
        ('[[measure]]\nkey="a"\nwhen="x"\nlabel={zh="一",en="a"}', "definition"),
        ('[[strange]]\nkey="a"', "strange"),
    ],
)
def test_a_faulty_file_is_refused_with_its_fault(text, words, tmp_path):
    file = tmp_path / "worklist.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=words):
        read_worklists(file)
