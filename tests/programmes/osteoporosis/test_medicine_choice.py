"""Choosing: the guideline's order, what is taken already, what must follow a course."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from careloop.guidance.advice import advise
from careloop.guidance.choice import choose, taken_now
from careloop.guidance.interaction import interaction_alerts
from careloop.guidance.medicine import BLOCKED
from careloop.guidance.reading import read_guidelines
from careloop.guidance.timer import to_follow
from careloop.programmes.osteoporosis.guidance_assembly import _FOLDER

AS_OF = date(2025, 6, 30)


def ago(days):
    return AS_OF - timedelta(days=days)


@pytest.fixture(scope="module")
def person(tables):
    """A function: facts, risk class and treatment in; what is chosen out."""
    guidelines = read_guidelines(_FOLDER / "guidelines", first="china_2022")
    china = guidelines[0]
    assert china.key == "china_2022"

    def chosen(risk_class="high", treatment="treat", **facts):
        row = tables.row([china], china_2022_risk_class=risk_class, **facts)
        row["china_2022_treatment"] = treatment
        made = choose(
            row, china, tables.medicines, interactions=tables.interactions, timers=tables.timers
        )
        alarms = [*advise(row, tables.timers, AS_OF)]
        alarms += interaction_alerts(row, tables.interactions, tables.medicines)
        return made, {item.key: item for item in alarms}

    return chosen


def keys(items):
    return [item.key.removeprefix("medicine.") for item in items]


def test_high_risk_begins_by_mouth(person):
    chosen, _ = person()
    assert keys(chosen.items) == ["alendronate", "risedronate", "zoledronate", "denosumab"]
    assert chosen.withheld == ()
    first = chosen.items[0]
    assert first.details["atc"] == ["M05BA04", "M05BB03"]
    assert first.details["interval_days"] == 7
    assert first.after_checking == ()
    assert first.mark == "B"  # the choice is not confirmed, though the label is


def test_very_high_risk_begins_stronger_and_hip_fracture_by_vein(person):
    chosen, _ = person("very_high")
    assert keys(chosen.items)[:3] == ["zoledronate", "denosumab", "teriparatide"]
    chosen, _ = person("high", fragility_fracture_hip=True, fragility_fracture=True)
    assert keys(chosen.items)[:2] == ["zoledronate", "denosumab"]
    assert chosen.items[0].because


def test_nothing_is_begun_unless_treatment_is_decided(person):
    for treatment in ("do_not_treat", None):
        chosen, _ = person(treatment=treatment)
        assert chosen.items == ()


def test_blocked_ones_are_withheld_with_their_stops(person):
    chosen, _ = person("very_high", crcl_ml_min=33.0, breast_radiotherapy=True)
    assert keys(chosen.items)[0] == "denosumab"
    said = {each.key: [reason.key for reason in each.because] for each in chosen.withheld}
    assert said == {"medicine.zoledronate": ["crcl_35"], "medicine.teriparatide": ["radiotherapy"]}


def test_unknown_stops_are_to_be_checked_first(person):
    chosen, _ = person(crcl_ml_min=None)
    by_key = {item.details["medicine"]: item for item in chosen.items}
    assert by_key["alendronate"].after_checking == ("crcl_35",)
    assert by_key["risedronate"].after_checking == ("crcl_30",)
    assert by_key["denosumab"].after_checking == ()


def test_whether_treated_already_must_be_known(person):
    chosen, _ = person(osteoporosis_treatment_current=None)
    assert chosen.items[0].after_checking == ("osteoporosis_treatment_current",)
    chosen, _ = person(osteoporosis_treatment_current=True)
    assert keys(chosen.items) == ["test.current_medicine"]


def test_a_short_course_does_not_hide_an_unnamed_treatment(person):
    treated = {"osteoporosis_treatment_current": True}
    chosen, _ = person(**treated, calcitonin_current=True)
    assert keys(chosen.items)[0] == "alendronate"  # calcitonin explains it, and is for pain
    for unexplained in ({"calcitriol_current": True}, {"bisphosphonate_current": True}):
        chosen, _ = person(**treated, **unexplained)
        assert keys(chosen.items) == ["test.current_medicine"]


def test_when_nothing_is_left_a_specialist_is_asked(person):
    chosen, _ = person(calcium_corrected_mmol_l=2.0)
    assert keys(chosen.items) == ["referral.no_medicine_left"]
    assert {each.key for each in chosen.withheld} == {
        "medicine.alendronate",
        "medicine.risedronate",
        "medicine.zoledronate",
        "medicine.denosumab",
    }


# --- what is taken already


def test_no_second_antiresorptive(person):
    chosen, _ = person("very_high", alendronate_current=True, osteoporosis_treatment_current=True)
    assert keys(chosen.items) == ["alendronate"]
    assert chosen.items[0].details["current"] is True


@pytest.mark.parametrize(("days", "begun"), [(365, ["zoledronate"]), (366, None)])
def test_an_infusion_covers_its_interval(person, days, begun):
    chosen, _ = person(zoledronate_last_on=ago(days))
    assert keys(chosen.items) == (
        begun or ["alendronate", "risedronate", "zoledronate", "denosumab"]
    )


def test_a_stop_of_what_is_taken_raises_an_alarm(person):
    chosen, _ = person(alendronate_current=True, oesophageal_disorder=True)
    assert keys(chosen.items) == ["alert.stop.alendronate", "zoledronate", "denosumab"]


@pytest.mark.parametrize(
    ("months", "risk_class", "timer"),
    [
        (59.9, "high", None),
        (60.0, "high", "bisphosphonate_continue"),
        (60.0, "moderate", "bisphosphonate_holiday"),
        (119.9, "very_high", "bisphosphonate_continue"),
        (120.0, "very_high", "bisphosphonate_longest"),
    ],
)
def test_oral_bisphosphonate_for_years(person, months, risk_class, timer):
    chosen, alarms = person(risk_class, alendronate_current=True, oral_bisphosphonate_months=months)
    assert [key for key in alarms if key.startswith("bisphosphonate")] == ([timer] if timer else [])
    resting = timer in {"bisphosphonate_holiday", "bisphosphonate_longest"}
    assert keys(chosen.items) == ([] if resting else ["alendronate"])


@pytest.mark.parametrize(
    ("months", "risk_class", "timer"),
    [
        (35.9, "high", "zoledronate_next"),
        (36.0, "high", "zoledronate_continue"),
        (36.0, "low", "zoledronate_holiday"),
        (72.0, "high", "zoledronate_longest"),
    ],
)
def test_zoledronate_for_years(person, months, risk_class, timer):
    _, alarms = person(
        risk_class,
        zoledronate_current=True,
        zoledronate_last_on=ago(300),
        zoledronate_months=months,
    )
    assert [key for key in alarms if key.startswith("zoledronate")] == [timer]
    if timer == "zoledronate_next":
        assert alarms[timer].due_on == AS_OF + timedelta(days=65)


# --- denosumab


@pytest.mark.parametrize(
    ("days", "timer"),
    [
        (183, "denosumab_next"),
        (184, "denosumab_due"),
        (213, "denosumab_due"),
        (214, "denosumab_overdue"),
        (240, "denosumab_overdue"),  # eight months: the red alert of the decision cases
    ],
)
def test_denosumab_clock(person, days, timer):
    chosen, alarms = person(denosumab_current=True, denosumab_last_on=ago(days))
    assert [key for key in alarms if key.startswith("denosumab")] == [timer]
    assert keys(chosen.items) == ["denosumab"]
    assert alarms[timer].kind == ("follow_up" if timer == "denosumab_next" else "alert")
    if timer == "denosumab_overdue":
        assert alarms[timer].priority == 1


def test_denosumab_that_lapsed_must_be_followed(person):
    chosen, alarms = person("very_high", denosumab_last_on=ago(240))
    assert "denosumab_overdue" in alarms
    assert keys(chosen.items) == ["denosumab", "zoledronate", "alendronate"]
    assert {each.key: each.because[0].key for each in chosen.withheld} == {
        "medicine.teriparatide": "sequence",
        "medicine.romosozumab": "sequence",
    }
    # even where the guideline would not begin anything
    assert keys(person(treatment="do_not_treat", denosumab_last_on=ago(240))[0].items)
    # an infusion afterwards is the follow-on
    _, alarms = person(denosumab_last_on=ago(400), zoledronate_last_on=ago(200))
    assert "denosumab_overdue" not in alarms


def test_denosumab_without_a_date(person):
    _, alarms = person(denosumab_current=True)
    assert [key for key in alarms if key.startswith("denosumab")] == ["denosumab_date_unknown"]
    assert not person()[1]


@pytest.mark.parametrize(
    ("months", "timer", "follow"),
    [
        (29.9, "denosumab_stop_short", ["alendronate", "zoledronate"]),
        (30.0, "denosumab_stop_long", ["zoledronate"]),
        (None, "denosumab_stop_unknown", ["denosumab"]),
    ],
)
def test_stopping_denosumab(person, months, timer, follow):
    facts = {} if months is None else {"denosumab_course_months": months}
    chosen, alarms = person(
        denosumab_current=True, denosumab_stop_planned=True, denosumab_last_on=ago(100), **facts
    )
    assert timer in alarms
    assert keys(chosen.items) == follow


@pytest.mark.parametrize(("months", "said"), [(59.9, False), (60.0, True)])
def test_denosumab_is_reassessed(person, months, said):
    _, alarms = person(
        denosumab_current=True, denosumab_last_on=ago(100), denosumab_course_months=months
    )
    assert ("denosumab_reassess" in alarms) is said


# --- anabolic medicines


@pytest.mark.parametrize(("months", "ended"), [(23.9, False), (24.0, True)])
@pytest.mark.parametrize("drug", ["teriparatide", "abaloparatide"])
def test_anabolic_for_two_years(person, drug, months, ended):
    chosen, alarms = person("very_high", **{f"{drug}_current": True, f"{drug}_months": months})
    assert (f"{drug}_finished" in alarms) is ended
    assert keys(chosen.items) == (["zoledronate", "denosumab", *REST] if ended else [drug])


REST = ["alendronate", "risedronate"]


@pytest.mark.parametrize(("doses", "ended"), [(11.0, False), (12.0, True)])
def test_romosozumab_twelve_doses(person, doses, ended):
    chosen, alarms = person(
        "very_high",
        romosozumab_current=True,
        romosozumab_doses=doses,
        romosozumab_last_on=ago(20),
    )
    assert ("romosozumab_finished" in alarms) is ended
    assert ("romosozumab_next" in alarms) is not ended
    assert keys(chosen.items) == (["zoledronate", "denosumab", *REST] if ended else ["romosozumab"])


@pytest.mark.parametrize("drug", ["teriparatide", "abaloparatide", "romosozumab"])
def test_what_was_stopped_must_be_followed(person, drug):
    facts = {f"{drug}_last_on": ago(100), f"{drug}_current": False}
    chosen, alarms = person(treatment=None, **facts)
    assert f"{drug}_stopped" in alarms
    assert keys(chosen.items)[:2] == ["alendronate", "risedronate"]
    _, alarms = person(**facts, alendronate_current=True)
    assert f"{drug}_stopped" not in alarms


def test_event_on_romosozumab(person):
    chosen, alarms = person("very_high", romosozumab_current=True, stroke=True, stroke_on=ago(10))
    assert alarms["romosozumab_event"].priority == 1
    assert "romosozumab" not in keys(chosen.items)
    assert keys(chosen.items)[0] == "zoledronate"


# --- others


@pytest.mark.parametrize(("months", "said"), [(2.9, False), (3.0, True)])
def test_calcitonin_three_months(person, months, said):
    _, alarms = person(calcitonin_current=True, calcitonin_months=months)
    assert ("calcitonin_over" in alarms) is said


def test_thigh_pain_and_immobilisation(person):
    _, alarms = person(thigh_or_groin_pain=True, alendronate_current=True)
    assert "thigh_pain_on_antiresorptive" in alarms
    assert "thigh_pain_on_antiresorptive" not in person(thigh_or_groin_pain=True)[1]
    _, alarms = person(prolonged_immobilisation=True, raloxifene_current=True)
    assert "immobilisation_on_raloxifene" in alarms


def test_interactions_show_with_the_medicine_and_as_alerts(person):
    chosen, alarms = person(ppi_current=True, calcium_supplement=True)
    cautions = [reason.key for reason in chosen.items[0].cautions]
    assert "interaction.ppi_bisphosphonate" in cautions
    assert "interaction.calcium_oral_bisphosphonate" in cautions
    assert alarms == {}
    _, alarms = person(warfarin_current=True, menatetrenone_current=True)
    assert alarms["alert.interaction.warfarin_menatetrenone"].kind == "alert"
    _, alarms = person(
        denosumab_current=True, denosumab_last_on=ago(9), bisphosphonate_current=True
    )
    assert "alert.interaction.antiresorptive_with_bisphosphonate" in alarms


def test_a_stop_of_any_other_medicine_taken(person):
    chosen, _ = person(treatment=None, calcitriol_current=True, hypercalcaemia=True)
    assert keys(chosen.items) == ["alert.stop.calcitriol"]
    chosen, alarms = person(treatment=None, warfarin_current=True, menatetrenone_current=True)
    assert keys(chosen.items) == []  # the interaction has said it
    assert "alert.interaction.warfarin_menatetrenone" in alarms
    assert keys(person(treatment=None, calcitriol_current=True)[0].items) == []


def test_an_infusion_given_is_the_follow_on(person):
    chosen, _ = person(
        "very_high",
        teriparatide_current=True,
        teriparatide_months=24.0,
        zoledronate_last_on=ago(90),
    )
    assert keys(chosen.items) == ["zoledronate", "alert.stop.teriparatide"]


def test_nobody_is_offered_what_a_stop_forbids(tables):
    """2,000 people at random through every guideline: the last word before a plan."""
    rng = np.random.default_rng(4)
    guidelines = read_guidelines(_FOLDER / "guidelines", first="china_2022")
    booleans = [name for name, value in tables.safe().items() if isinstance(value, bool)]
    people = []
    for _ in range(2_000):
        drawn = rng.random((2, len(booleans)))
        person = {
            name: None if unknown < 0.2 else bool(yes < 0.04)
            for name, yes, unknown in zip(booleans, *drawn, strict=True)
        }
        person |= {
            "sex": "female" if rng.random() < 0.7 else "male",
            "age_y": float(rng.integers(45, 95)),
            "calcium_corrected_mmol_l": float(rng.uniform(2.0, 2.6)),
            "crcl_ml_min": float(rng.uniform(20, 90)) if rng.random() < 0.8 else None,
            "denosumab_last_on": ago(int(rng.integers(0, 400))) if rng.random() < 0.1 else None,
            "romosozumab_doses": 12.0 if rng.random() < 0.05 else None,
        }
        people.append(person)
    offered = 0
    for row in tables.guided(people, guidelines).iter_rows(named=True):
        risk_class = ("high", "very_high", "moderate", None)[rng.integers(4)]
        for guideline in guidelines:
            row[guideline.risk_class.key] = risk_class
            row[guideline.treatment.key] = "treat"
            chosen = choose(
                row,
                guideline,
                tables.medicines,
                interactions=tables.interactions,
                timers=tables.timers,
            )
            begun = [item for item in chosen.items if item.kind == "medicine"]
            offered += len(begun)
            for item in begun:
                key = item.details["medicine"]
                assert row[f"{key}_status"] != BLOCKED
                assert tables.by_key[key].proposed
                unknown = set(row[f"{key}_unknown"].split())
                assert unknown <= set(item.after_checking)
            taken = {each.key for each in taken_now(row, tables.medicines)}
            new = {item.details["medicine"] for item in begun} - taken
            if taken and not to_follow(row, tables.timers, taken) and new:
                assert all(row[f"{key}_status"] == BLOCKED for key in taken)
    assert offered > 1_000
