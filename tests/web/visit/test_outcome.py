"""Fractures, deaths and moves as facts; tasks made, done and brought back."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import uuid4

import pytest

from careloop.care.schedule import months_after
from careloop.dictionary.catalogue import load
from careloop.records.snapshot import snapshot
from careloop.web.care.models import Call, Listed, Task
from careloop.web.care.recording import Contact
from careloop.web.care.standing import today
from careloop.web.imaging import writing
from careloop.web.registry.merge import merge
from careloop.web.registry.registration import refresh_standings

from .conftest import registered


def row(gate, resident):
    return snapshot(gate.facts(resident), today(), load()).frame.row(0, named=True)


def tasks(gate, resident, state="open"):
    found = gate.about(resident, Task).filter(state=state).order_by("due_on")
    return [(task.kind, task.due_on) for task in found]


# --- fractures


@pytest.mark.parametrize("kind", ["home", "outcome"])
def test_a_fracture_has_site_mechanism_and_what_follows(kind, save, told, gate, woman):
    told(osteoporosis_treatment_current=True)
    says = {"fracture_new": "yes"} if kind == "home" else {"outcome_reported": "fracture"}
    save(
        kind,
        **says,
        fracture_site="hip",
        fracture_mechanism="standing_fall",
        fracture_on="2026-10-03",
        fracture_side="left",
    )
    known = row(gate, woman)
    assert (known["fracture_site"], known["fracture_mechanism"]) == ("hip", "standing_fall")
    assert known["fracture_on"] == known["fracture_last_on"] == date(2026, 10, 3)
    assert known["fragility_fracture_hip"] is True
    assert known["fragility_fracture"] is True
    assert known["fracture_prior"] is True
    assert known["fracture_on_treatment"] is True
    assert known["fracture_hip_any"] is True
    assert "fracture_hip_traumatic" not in known


def test_a_traffic_accident_is_no_fragility_fracture(save, gate, woman):
    save(
        "outcome",
        outcome_reported="fracture",
        fracture_site="hip",
        fracture_mechanism="traffic",
        fracture_on="2026-10-03",
    )
    known = row(gate, woman)
    assert known["fracture_hip_traumatic"] is True
    assert known.get("fragility_fracture_hip") is None
    assert known.get("fracture_last_on") is None


def test_a_fracture_of_unknown_mechanism_stays_unknown(save, gate, woman):
    save("outcome", outcome_reported="fracture", fracture_site="hip")
    known = row(gate, woman)
    assert known["fracture_hip_any"] is True
    assert known.get("fragility_fracture_hip") is None


def test_an_old_fracture_does_not_colour_a_new_one(save, gate, woman):
    save(
        "outcome",
        outcome_reported="fracture",
        fracture_site="hip",
        fracture_mechanism="traffic",
        happened_on="2026-01-01",
    )
    save("outcome", outcome_reported="fracture", fracture_mechanism="standing_fall")
    assert row(gate, woman).get("fragility_fracture_hip") is None


def test_a_second_fracture_leaves_the_first_standing(save, gate, woman):
    for site, day in (("hip", "2026-01-01"), ("forearm", "2026-06-01")):
        save(
            "outcome",
            outcome_reported="fracture",
            fracture_site=site,
            fracture_mechanism="standing_fall",
            happened_on=day,
            fracture_on=day,
        )
    known = row(gate, woman)
    assert known["fragility_fracture_hip"] is True
    assert known["fragility_fracture_forearm"] is True
    assert known["fracture_last_on"] == date(2026, 6, 1)


# --- leaving, and coming back by correction


@pytest.mark.parametrize(
    ("says", "state"),
    [
        ({"outcome_reported": "death", "death_date": "2026-11-01"}, "dead"),
        ({"outcome_reported": "death"}, "dead"),
        ({"outcome_reported": "moved", "moved_on": "2026-11-01"}, "moved"),
    ],
)
def test_an_outcome_changes_the_state_and_a_correction_undoes_it(
    says, state, save, gate, woman, client
):
    save("screening", weight_kg="45", postmenopausal="yes", ethnic_group="chinese")
    before = tasks(gate, woman)
    assert before
    assert gate.about(woman, Listed).exists()
    visit = save("outcome", **says)
    woman.refresh_from_db()
    assert woman.state == state
    assert tasks(gate, woman) == []
    assert not gate.about(woman, Listed).exists()
    page = client.get(f"/visits/{visit.public_id}/saved").content.decode()
    assert ("已登记死亡" if state == "dead" else "已登记迁出") in page

    answer = client.post(
        f"/visits/{visit.public_id}",
        {"version": "1", "outcome_reported": "fracture", "fracture_site": "rib"},
    )
    assert answer.status_code == 302
    woman.refresh_from_db()
    assert woman.state == "active"
    assert tasks(gate, woman) == before
    assert gate.about(woman, Listed).exists()
    assert row(gate, woman).get("death_date") is None


def test_somebody_who_moved_away_comes_back(save, gate, woman):
    save("outcome", outcome_reported="moved", happened_on="2026-01-01")
    woman.refresh_from_db()
    assert woman.state == "moved"
    save("outcome", outcome_reported="returned", happened_on="2026-06-01")
    woman.refresh_from_db()
    assert woman.state == "active"


def test_whoever_is_visited_is_not_lost_by_a_merge_with_a_registration_that_moved(
    save, gate, woman, tree
):
    save("outcome", outcome_reported="moved", happened_on="2026-01-01")
    stays = registered(gate, tree.clinic, birth_date=woman.birth_date)
    merge(gate, stays, woman)
    save("phone", resident=stays, falls_12m="0")
    stays.refresh_from_db()
    assert stays.state == "active"
    save("outcome", resident=stays, outcome_reported="death", death_date="2026-11-01")
    stays.refresh_from_db()
    assert stays.state == "dead"


def test_a_visit_that_speaks_of_neither_leaves_the_registers_state(save, woman):
    woman.state = "moved"
    woman.save()
    save("phone", falls_12m="0")
    woman.refresh_from_db()
    assert woman.state == "moved"


# --- tasks


def test_a_screening_asks_for_the_next_in_a_year(save, gate, woman):
    save("screening", weight_kg="50")
    assert tasks(gate, woman) == [("review_12m", months_after(today(), 12))]


def test_a_treatment_begins_the_chain_of_visits(save, gate, woman):
    start = today() - timedelta(days=5)
    save("hospital", osteoporosis_treatment_current="yes", bone_treatment_started_on=f"{start}")
    assert tasks(gate, woman) == [
        ("treatment_1m", months_after(start, 1)),
        ("dxa_12m", months_after(start, 12)),
    ]


def test_a_visit_closes_its_task_and_opens_the_next(save, gate, woman):
    start = months_after(today(), -3)
    begun = {"osteoporosis_treatment_current": "yes", "bone_treatment_started_on": f"{start}"}
    save("hospital", **begun, happened_on=f"{start}")
    assert tasks(gate, woman)[0] == ("treatment_1m", months_after(start, 1))
    assert tasks(gate, woman)[0][1] < today()  # overdue
    visit = save("phone", falls_12m="0", **begun)
    assert tasks(gate, woman)[0] == ("treatment_6m", months_after(start, 6))
    done = gate.about(woman, Task).get(state="done")
    assert (done.kind, done.visit) == ("treatment_1m", visit)
    assert done.closed_at is not None


def test_an_agreed_day_comes_before_the_schedule(save, gate, woman):
    agreed = today() + timedelta(days=20)
    save("home", weight_kg="50", follow_up_next_on=f"{agreed}")
    assert tasks(gate, woman) == [("review_12m", agreed)]
    save("home", weight_kg="50", follow_up_next_on=f"{agreed + timedelta(days=5)}")
    assert tasks(gate, woman) == [("review_12m", agreed + timedelta(days=5))]


def test_a_task_called_off_with_a_reason_stays_off(save, gate, woman, nurse):
    save("screening", weight_kg="50")
    task = gate.about(woman, Task).get(state="open")
    task.state = "removed"
    task.save()
    Call(
        resident=woman,
        organisation=woman.organisation,
        task=task,
        result="removed",
        reason="refused",
        author=nurse,
    ).save()
    save("outcome", outcome_reported="fracture")
    later = [("review_12m", months_after(today(), 24))]  # nobody is lost for good by it
    assert tasks(gate, woman) == later
    refresh_standings()
    assert tasks(gate, woman) == later
    assert gate.about(woman, Task).get(due_on=task.due_on).state == "removed"


def test_whoever_was_not_reached_is_called_at_the_next_step(save, gate, woman, client):
    start = months_after(today(), -5)
    begun = {"osteoporosis_treatment_current": "yes", "bone_treatment_started_on": f"{start}"}
    save("hospital", **begun, happened_on=f"{start}")
    first, step = tasks(gate, woman)[0], gate.about(woman, Task).get(kind="treatment_1m")
    told = {"about": [f"{step.public_id}"], "result": "removed", "reason": "unreachable"}
    address = f"/people/{woman.public_id}/call"
    client.post(address, told | {"request_key": f"{uuid4()}"})
    refresh_standings()
    assert tasks(gate, woman)[0] == ("treatment_3m", months_after(start, 3))  # overdue as well
    client.post(address, {"undo": gate.about(woman, Call).get().pk})
    refresh_standings()
    assert tasks(gate, woman)[0] == first
    assert len(tasks(gate, woman)) == 2  # with the bone density


def test_a_failed_save_leaves_no_task(send, gate, woman, monkeypatch):
    from careloop.web.care import recording  # noqa: PLC0415

    def broken(*_, **__):
        raise ZeroDivisionError

    monkeypatch.setattr(recording, "refresh", broken)
    with pytest.raises(ZeroDivisionError):
        send("screening", weight_kg="50", request_key=str(uuid4()))
    assert tasks(gate, woman) == []
    assert set(gate.facts(woman)["variable"]) == {"sex", "birth_date"}


def test_a_task_set_by_hand_is_fulfilled_by_a_contact_and_by_no_outcome(save, gate, woman):
    near = by_hand(woman, today() + timedelta(days=5))
    far = by_hand(woman, today() + timedelta(days=60))
    save("outcome", outcome_reported="fracture")
    assert states(near, far) == ["open", "open"]
    visit = save("phone", falls_12m="0")
    assert states(near, far) == ["done", "open"]
    assert near.visit == visit


def test_whoever_agreed_to_come_and_was_examined_has_come(gate, woman):
    agreed, set_by_hand = by_hand(woman, today(), kind="agreed"), by_hand(woman, today())
    examined = Contact("dxa", today(), {"t_total_hip": -1.0})
    writing.save(gate, woman, [examined], uuid4())
    assert states(agreed, set_by_hand) == ["done", "open"]


def test_a_task_set_by_hand_ends_with_the_person_and_comes_back_with_them(
    save, client, gate, woman
):
    task = by_hand(woman, today() + timedelta(days=5))
    visit = save("outcome", outcome_reported="death")
    assert states(task) == ["removed"]
    client.post(f"/visits/{visit.public_id}", {"version": "1", "outcome_reported": "unknown"})
    assert states(task) == ["open"]


def by_hand(woman, on, kind="assigned"):
    task = Task(
        resident=woman,
        organisation=woman.organisation,
        programme="osteoporosis",
        kind=kind,
        due_on=on,
    )
    task.save()
    return task


def states(*tasks):
    for task in tasks:
        task.refresh_from_db()
    return [task.state for task in tasks]
