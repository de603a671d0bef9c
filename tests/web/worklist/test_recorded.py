"""From what was recorded to the lists, by the programme itself: no row is made by hand."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import uuid4

from careloop.web.care.models import Listed, Standing
from careloop.web.care.recording import Contact, record_visit
from careloop.web.care.standing import today, worklists
from careloop.web.registry.registration import refresh_standings

from .. import factory
from .test_call import on_list, tell


def test_what_is_recorded_moves_a_person_through_the_lists(tree, login):
    nurse, doctor = login("nurse", tree.centre), login("doctor", tree.hospital)
    gate = factory.Gate(nurse.user)
    who = factory.resident(tree.clinic, name="周桂兰", birth_date=date(1955, 5, 1))

    def record(days_ago, **answers):
        contact = Contact("screening", today() - timedelta(days=days_ago), answers)
        record_visit(gate, who, contact, request_key=uuid4())

    record(
        20,
        sex="female",
        birth_date=date(1955, 5, 1),
        ethnic_group="chinese",
        postmenopausal=True,
        weight_kg=48.0,
        height_cm=155.0,
    )
    assert on_list(nurse) == ["周桂兰"]
    text = nurse.get("/lists/dxa_wanted").content.decode()
    assert "OSTA ≤ −1" in text
    assert "woman of 65 or over" in text
    steps = [each.key for each in worklists().measures]
    assert Standing.gated.get().counted == 1 << steps.index("screened") | 1 << steps.index(
        "at_risk"
    )

    tell(nurse, who, ["dxa_wanted"], "removed", reason="refused")
    assert on_list(nurse) == []
    refresh_standings()  # as at night: nothing new
    assert on_list(nurse) == []
    record(12, fall_12m=True)  # something new: back on the list
    assert on_list(nurse) == ["周桂兰"]

    record(10, t_femoral_neck=-2.7)
    assert on_list(nurse) == []
    assert on_list(nurse, "treatment_undecided") == ["周桂兰"]
    row = Listed.gated.get(worklist="treatment_undecided")
    assert row.since == today() - timedelta(days=10)
    assert row.because["values"] == {"t_lowest": -2.7}
    assert "−2.7" in nurse.get("/lists/treatment_undecided").content.decode()

    last = today() - timedelta(days=220)
    record(5, denosumab_current=True, denosumab_last_on=last, osteoporosis_treatment_current=True)
    assert on_list(nurse, "treatment_undecided") == []
    text = doctor.get("/").content.decode()
    assert "Denosumab due · alarms: 1" in text
    assert "more than a month late" in text
    row = Listed.gated.get(worklist="injection_due")
    assert (row.due_on, row.because["reasons"]) == (last + timedelta(days=183), ["overdue"])
