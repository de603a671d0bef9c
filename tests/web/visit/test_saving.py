"""Saving once, whatever arrives how often; how long it takes; how many queries it makes."""

from __future__ import annotations

import statistics
import time
from datetime import date
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from careloop.dictionary.catalogue import load
from careloop.records.snapshot import snapshot
from careloop.web.care.models import Visit
from careloop.web.care.recording import Contact, correct_visit, record_visit
from careloop.web.care.standing import today

from .. import factory


def test_the_same_form_twice_is_one_visit(save, gate, woman):
    key = str(uuid4())
    first = save("home", request_key=key, weight_kg="50")
    second = save("home", request_key=key, weight_kg="50.0")
    assert first == second
    assert gate.about(woman, Visit).get().answers == {"weight_kg": 50.0}
    assert gate.facts(woman).filter(variable="weight_kg").height == 1


def test_the_key_of_somebody_elses_visit_saves_nothing(send, save, gate, woman, tree):
    other = factory.resident(tree.clinic)
    key = str(save("home", other, weight_kg="60").request_key)
    answer = send("home", request_key=key, weight_kg="50")
    assert answer.status_code == 422
    assert not gate.about(woman, Visit).exists()


@pytest.mark.parametrize("withdrawn", [True, False])
def test_somebody_of_whom_nothing_is_known_has_forms(withdrawn, client, save, tree):
    person = factory.resident(tree.clinic, sex="", birth_date=None)
    if withdrawn:
        visit = save("phone", person, falls_12m="0")
        client.post(f"/visits/{visit.public_id}", {"version": "1"})
        assert client.get(f"/visits/{visit.public_id}/saved").status_code == 200
    save("phone", person, falls_12m="1")


# --- the facts of a visit are its last answers

ANSWERS = st.fixed_dictionaries(
    {},
    optional={
        "weight_kg": st.sampled_from([None, 48.0, 50.0, 51.5]),
        "height_cm": st.sampled_from([None, 150.0, 151.0]),
        "back_pain": st.sampled_from([None, True, False]),
        "fragility_fracture_hip": st.sampled_from([None, True, False]),
        "osteoporosis_treatment_current": st.sampled_from([None, True, False]),
        "smoking_status": st.sampled_from([None, "never", "current"]),
        "fracture_last_on": st.sampled_from([None, date(2025, 1, 1), date(2026, 1, 1)]),
        "follow_up_note": st.sampled_from([None, "甲", "乙"]),
    },
)
DAYS = st.sampled_from([date(2026, 3, 1), date(2026, 3, 2), date(2026, 11, 1)])


@settings(
    max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(steps=st.lists(st.tuples(DAYS, ANSWERS), min_size=1, max_size=4))
def test_any_corrections_leave_exactly_the_last_answers(steps, gate, tree):
    person = factory.resident(tree.clinic, sex="", birth_date=None)
    first, *rest = [Contact("home", day, answers) for day, answers in steps]
    visit = record_visit(gate, person, first, request_key=uuid4())
    for number, contact in enumerate(rest, start=1):
        visit = correct_visit(gate, person, visit, contact, version=number)
    last = {key: value for key, value in steps[-1][1].items() if value is not None}
    facts = gate.facts(person)
    rows = snapshot(facts, today(), load()).frame.to_dicts()
    known = rows[0] if rows else {}
    asked = {"weight_kg", "height_cm", "back_pain", "fragility_fracture_hip", "smoking_status"}
    asked |= {"osteoporosis_treatment_current", "fracture_last_on", "follow_up_note"}
    assert {key: known[key] for key in asked if known.get(key) is not None} == last
    ages = {known[f"{key}__age_d"] for key in last}
    assert ages <= {(today() - steps[-1][0]).days}


# --- queries and time


def test_pages_make_a_constant_number_of_queries(
    client, save, told, woman, django_assert_max_num_queries
):
    visit = save("home", weight_kg="50", height_cm="150", osteoporosis_treatment_current="yes")
    pages = [
        (f"/people/{woman.public_id}/visit/home", 16),
        (f"/visits/{visit.public_id}", 16),
        (f"/visits/{visit.public_id}/saved", 18),
    ]
    for address, most in pages:
        with django_assert_max_num_queries(most):
            assert client.get(address).status_code == 200
    for number in range(1, 13):
        told(on=date(2025, number, 1), weight_kg=50 + number / 10, falls_12m=1.0)
    for address, most in pages:
        with django_assert_max_num_queries(most):
            assert client.get(address).status_code == 200


def test_a_save_makes_a_constant_number_of_queries(send, told, django_assert_max_num_queries):
    answers = {"weight_kg": "50", "falls_12m": "0", "sure-since_last": "yes"}
    send("home", **answers)
    with django_assert_max_num_queries(60) as few:
        send("home", **answers)
    for number in range(1, 13):
        told(on=date(2025, number, 1), weight_kg=50 + number / 10)
    with django_assert_max_num_queries(60) as many:
        send("home", **answers)
    assert len(many) == len(few)


def test_a_save_is_quick(send, told, capsys):
    for number in range(1, 13):
        told(on=date(2025, number, 1), weight_kg=50 + number / 10, height_cm=150.0, falls_12m=1.0)
    times = []
    for number in range(12):
        begun = time.perf_counter()
        response = send("home", weight_kg=f"5{number % 10}", **{"sure-since_last": "yes"})
        times.append(1000 * (time.perf_counter() - begun))
        assert response.status_code == 302
    with capsys.disabled():
        print(f"\nvisit save p50 {statistics.median(times):.0f} ms, worst {max(times):.0f} ms")
    assert statistics.median(times) < 1500  # on a laden machine; the benchmark holds the target


def test_a_form_is_light(client, nurse, woman):
    client.force_login(nurse)
    for kind in ("screening", "home", "community", "hospital", "phone", "outcome"):
        page = client.get(f"/people/{woman.public_id}/visit/{kind}").content
        assert len(page) < 60_000, kind


def test_request_keys_are_new_each_time(page):
    keys = {UUID(page("home").fields["request_key"]) for _ in range(3)}
    assert len(keys) == 3
