"""What answers mean on the day they are about, and that they reach the lists at once."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from careloop.web.care.models import Listed
from careloop.web.care.standing import today

from . import form_page
from .test_outcome import row

NONE = {"sure-since_last": "yes", "sure-adverse": "yes"}


def ago(days: int) -> str:
    return (today() - timedelta(days=days)).isoformat()


def reasons(gate, resident, worklist):
    found = gate.about(resident, Listed).filter(worklist=worklist).first()
    return found.because["reasons"] if found else None


def broken(on, site="vertebral", **more):
    says = {"outcome_reported": "fracture", "fracture_mechanism": "standing_fall"}
    return says | {"fracture_site": site, "fracture_on": on} | more


# --- fractures in time


def test_an_older_fracture_told_of_later_leaves_the_date_of_the_newest(save, gate, woman):
    save("outcome", **broken(ago(100)))
    save("outcome", **broken(ago(2000)))
    known = row(gate, woman)
    assert known["fracture_on"].isoformat() == ago(2000)  # what was told of last
    assert known["fracture_last_on"].isoformat() == ago(100)
    assert known["fracture_vertebral_last_on"].isoformat() == ago(100)
    save("outcome", **broken(ago(10)))
    assert row(gate, woman)["fracture_last_on"].isoformat() == ago(10)


def test_a_fracture_before_the_treatment_is_no_failure_of_it(save, told, gate, woman):
    start = date.fromisoformat(ago(400))
    told(osteoporosis_treatment_current=True, bone_treatment_started_on=start)
    save("outcome", **broken(ago(401)))
    assert row(gate, woman).get("fracture_on_treatment") is None
    save("outcome", **broken(ago(400)))
    assert row(gate, woman)["fracture_on_treatment"] is True


def test_a_visit_entered_late_means_what_it_meant_then(save, told, gate, woman):
    told(on=date.fromisoformat(ago(50)), osteoporosis_treatment_current=True, height_cm=160.0)
    told(on=date.fromisoformat(ago(200)), osteoporosis_treatment_current=False)
    save("outcome", **broken(ago(100)), happened_on=ago(90))
    assert row(gate, woman).get("fracture_on_treatment") is None
    visit = save("home", height_cm="157", happened_on=ago(300))  # before she was first measured
    assert "height_loss_prospective_cm" not in visit.answers


def test_a_correction_compares_with_what_was_measured_before(save, client, gate, woman):
    first = save("home", height_cm="158", happened_on=ago(300))
    last = save("home", height_cm="160", weight_kg="50")
    answer = client.post(
        f"/visits/{first.public_id}",
        {"version": "1", "happened_on": ago(300), "height_cm": "168"},
    )
    assert answer.status_code == 302
    first.refresh_from_db()
    assert first.answers == {"height_cm": 168.0}
    last.refresh_from_db()
    assert (last.version, last.answers["height_loss_prospective_cm"]) == (2, 8.0)
    known = row(gate, woman)
    assert known["height_loss_prospective_cm"] == 8
    assert known["height_loss_prospective_cm__age_d"] == 0
    save("home", height_cm="170", happened_on=ago(400))  # earlier still, entered late
    assert row(gate, woman)["height_loss_prospective_cm"] == 10
    client.post(f"/visits/{last.public_id}", {"version": "3", "height_cm": "161"})
    assert row(gate, woman)["height_loss_prospective_cm"] == 9


# --- abnormal answers


@pytest.mark.parametrize("kind", ["home", "community", "hospital", "phone"])
def test_abnormal_answers_are_on_the_list_until_a_later_visit_denies_them(kind, save, gate, woman):
    on = {"osteoporosis_treatment_current": "yes"}
    said = {"fracture_new": "yes", "adverse_effect_jaw": "yes", "adverse_effect_other": "头晕"}
    save(kind, **on, **said, happened_on=ago(3))
    assert reasons(gate, woman, "alert") == [
        "new_fracture",
        "adverse_effect_jaw",
        "adverse_effect_other",
    ]
    save(kind, falls_12m="0", happened_on=ago(2))  # asked about something else: unknown is not no
    assert reasons(gate, woman, "alert")
    save(kind, **on, **NONE, happened_on=ago(4))  # of the day before, entered late
    assert reasons(gate, woman, "alert")
    save(kind, **on, **NONE)
    assert reasons(gate, woman, "alert") is None


def test_a_fracture_reported_as_an_outcome_is_on_the_list(save, client, gate, woman):
    visit = save("outcome", outcome_reported="fracture")
    assert reasons(gate, woman, "alert") == ["new_fracture"]
    client.post(f"/visits/{visit.public_id}", {"version": "1", "outcome_reported": "unknown"})
    assert reasons(gate, woman, "alert") is None


@pytest.mark.parametrize(
    ("told", "listed"),
    [
        ("satisfactory", False),
        ("unsatisfactory", True),
        ("adverse_effect", True),
        ("complication", True),
        ("unknown", False),
    ],
)
def test_the_class_of_a_follow_up_reaches_the_doctor(told, listed, save, gate, woman):
    save("home", follow_up_class=told)
    assert reasons(gate, woman, "alert") == (["follow_up_class"] if listed else None)


# --- what every kind of follow-up records


@pytest.mark.parametrize("kind", ["home", "community", "hospital", "phone"])
def test_an_injection_is_recorded_wherever_it_was_given_or_told_of(kind, save, told, gate, woman):
    last = today() - timedelta(days=220)
    told(denosumab_current=True, denosumab_last_on=last)
    assert reasons(gate, woman, "injection_due") == ["overdue"]
    save(kind, denosumab_current="yes", denosumab_last_on=ago(0))
    assert reasons(gate, woman, "injection_due") is None


@pytest.mark.parametrize("kind", ["home", "community", "hospital"])
def test_a_visit_asks_what_a_public_health_record_holds(kind, page):
    asked = page(kind)
    names = {*asked.written, *asked.radios, *asked.selects}
    assert names >= {
        "happened_on",
        *("height_cm", "weight_kg", "sbp_mmhg", "dbp_mmhg"),
        *("smoking_status", "alcohol_units_per_day", "activity_min_per_day"),
        *("medicine_adherence", "adverse_effect_jaw", "denosumab_current"),
        *("follow_up_class", "follow_up_next_on"),
    }


# --- faults


def test_no_treatment_and_a_medicine_taken_contradict_each_other(send, save):
    answer = send("home", osteoporosis_treatment_current="no", denosumab_current="yes")
    assert answer.status_code == 422
    assert "矛盾" in form_page.read(answer.content.decode()).text
    save("home", osteoporosis_treatment_current="unknown", denosumab_current="yes")
    save("home", osteoporosis_treatment_current="no", denosumab_current="no")


def test_a_next_visit_in_a_wrong_century_is_refused(send, save):
    far = today() + timedelta(days=732)
    assert send("home", follow_up_next_on=f"{far}").status_code == 422
    save("home", follow_up_next_on=f"{far - timedelta(days=1)}")


def test_what_somebody_else_has_just_recorded_is_not_confirmed_away(send, page, told, gate, woman):
    """A form opened before, whose "unchanged since last time" would be about another answer."""
    told(on=date.fromisoformat(ago(30)), osteoporosis_treatment_current=False)
    opened = page("home").fields
    assert opened["osteoporosis_treatment_current-carried"] == "no"
    told(on=today(), osteoporosis_treatment_current=True, weight_kg=50.0)
    answer = send("home", **opened, **{"sure-medicine": "yes"})
    assert answer.status_code == 422
    assert row(gate, woman)["osteoporosis_treatment_current"] is True
    again = form_page.read(answer.content.decode())
    assert "刚有人更新" in again.text
    assert again.fields["osteoporosis_treatment_current"] == "no"
    done = send("home", **again.fields)  # she means it
    assert done.status_code == 302
    assert row(gate, woman)["osteoporosis_treatment_current"] is False
