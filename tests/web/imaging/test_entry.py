"""Bone density by hand: what is typed becomes facts with their qualifiers, and decides."""

from __future__ import annotations

import json
from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from careloop.web.audit.models import Entry as AuditEntry
from careloop.web.care.models import Standing, Visit
from careloop.web.care.recording import Contact, record_visit
from careloop.web.care.standing import today

from .. import factory


@pytest.fixture
def tree(db):
    return factory.Tree()


@pytest.fixture
def woman(tree):
    resident = factory.resident(tree.clinic)
    known = Contact(
        "screening", today(), {"sex": "female", "birth_date": resident.birth_date, "weight_kg": 52}
    )
    record_visit(factory.gate("nurse", tree.clinic), resident, known, request_key=uuid4())
    return resident


def examined(gate, resident):
    return gate.about(resident, Visit).filter(kind="dxa")


def measured(gate, resident):
    """Facts of examinations by variable."""
    rows = gate.facts(resident).iter_rows(named=True)
    return {row["variable"]: row for row in rows if row["variable"].startswith(("bmd", "t_", "z_"))}


@pytest.fixture
def doctor(tree, client):
    user = factory.user("doctor", tree.centre)
    client.force_login(user)
    return client, factory.Gate(user)


def form(**values):
    return {
        "request_key": str(uuid4()),
        "happened_on": today().isoformat(),
        "device": "ge_lunar",
        "reference_db": "china_women_2007",
        "side-hip": "left",
        **values,
    }


HIP = {"bmd_femoral_neck_g_cm2": "0.615", "t_femoral_neck": "-2.6", "z_femoral_neck": "-0.9"}


def test_values_become_facts_with_qualifiers_and_decide(woman, doctor):
    client, gate = doctor
    answer = client.post(reverse("imaging:dxa", args=[woman.public_id]), form(**HIP))
    visit = examined(gate, woman).get()
    assert answer.status_code == 302
    assert answer.url == reverse("visit:saved", args=[visit.public_id])
    assert (visit.kind, visit.happened_on) == ("dxa", today())
    facts = measured(gate, woman)
    assert {key: row["number"] for key, row in facts.items()} == {
        "bmd_femoral_neck_g_cm2": 0.615,
        "t_femoral_neck": -2.6,
        "z_femoral_neck": -0.9,
    }
    assert json.loads(facts["t_femoral_neck"]["context"]) == {
        "device": "ge_lunar",
        "reference_db": "china_women_2007",
        "side": "left",
    }
    standing = gate.about(woman, Standing).get()
    assert standing.answers["diagnosis"] == "osteoporosis"
    assert standing.answers["t_min"] == -2.6
    assert AuditEntry.objects.filter(action="visit.write").count() == 2


def test_t_is_computed_from_bmd_by_the_reference_that_was_named(woman, doctor):
    client, gate = doctor
    only = form(bmd_femoral_neck_g_cm2="0.615")
    client.post(reverse("imaging:dxa", args=[woman.public_id]), only)
    assert gate.about(woman, Standing).get().answers["t_min"] == -2.6  # (0.615 − 0.927) / 0.12


def test_the_same_form_twice_is_one_examination(woman, doctor):
    client, gate = doctor
    sent = form(**HIP)
    first, again = (
        client.post(reverse("imaging:dxa", args=[woman.public_id]), sent) for _ in range(2)
    )
    assert first.url == again.url
    assert examined(gate, woman).count() == 1


def test_a_doubt_is_shown_once_and_then_saved_as_it_stands(woman, doctor):
    client, gate = doctor
    sent = form(**HIP | {"t_femoral_neck": "2.6"})
    address = reverse("imaging:dxa", args=[woman.public_id])
    asked = client.post(address, sent)
    assert asked.status_code == 422
    assert "是否漏写负号" in asked.content.decode()
    assert not examined(gate, woman).exists()
    mark = asked.content.decode().split('name="sure" value="')[1].split('"')[0]
    changed = client.post(address, sent | {"sure": mark, "t_femoral_neck": "2.7"})
    assert changed.status_code == 422  # other values than those that were compared
    assert client.post(address, sent | {"sure": mark}).status_code == 302
    assert measured(gate, woman)["t_femoral_neck"]["number"] == 2.6


@pytest.mark.parametrize(
    ("values", "where"),
    [
        ({"t_femoral_neck": "abc"}, "f-t_femoral_neck"),
        ({"t_femoral_neck": "-25"}, "f-t_femoral_neck"),
        ({"bmd_lumbar_spine_g_cm2": "850"}, "f-bmd_lumbar_spine_g_cm2"),
        ({"t_femoral_neck": "-2.5", "side-hip": ""}, "f-side-hip"),
        ({"t_lumbar_spine": "-2.5", "happened_on": "2999-01-01"}, "f-happened_on"),
        ({"t_lumbar_spine": "-2.5", "happened_on": "1949-01-01"}, "f-happened_on"),
        ({"t_lumbar_spine": "-2.5", "device": "toaster"}, "f-device"),
        ({}, "f-values"),
    ],
)
def test_a_fault_is_told_beside_its_field_and_nothing_is_saved(woman, doctor, values, where):
    client, gate = doctor
    answer = client.post(reverse("imaging:dxa", args=[woman.public_id]), form(**values))
    assert answer.status_code == 422
    assert f'href="#{where}"' in answer.content.decode()
    assert not examined(gate, woman).exists()
    assert measured(gate, woman) == {}


@pytest.mark.parametrize(
    ("values", "asked"),
    [
        ({"t_lumbar_spine": "2.6"}, True),
        ({"t_lumbar_spine": "0"}, False),
        ({"t_l2_l4": "0.3"}, True),  # no reference tells of this site
        ({"t_femoral_neck": "0.4", "bmd_femoral_neck_g_cm2": "0.975"}, False),  # (0.975−0.927)/0.12
        ({"z_lumbar_spine": "0.8"}, False),
    ],
)
def test_a_score_above_zero_that_nothing_vouches_for_is_asked_about(woman, doctor, values, asked):
    client, gate = doctor
    answer = client.post(reverse("imaging:dxa", args=[woman.public_id]), form(**values))
    assert ("漏了负号" in answer.content.decode()) is asked
    assert examined(gate, woman).exists() is not asked


def test_the_day_of_the_scan_is_never_guessed(woman, doctor):
    client, gate = doctor
    address = reverse("imaging:dxa", args=[woman.public_id])
    page = client.get(address).content.decode()
    assert 'name="happened_on" value=""' in page
    answer = client.post(address, form(**HIP) | {"happened_on": ""})
    assert 'href="#f-happened_on"' in answer.content.decode()
    assert not examined(gate, woman).exists()


def test_typed_as_people_type(woman, doctor):
    client, gate = doctor
    sent = form(t_lumbar_spine="－２．７", happened_on=(today() - timedelta(days=3)).isoformat())
    assert client.post(reverse("imaging:dxa", args=[woman.public_id]), sent).status_code == 302
    assert measured(gate, woman)["t_lumbar_spine"]["number"] == -2.7


def test_a_village_is_asked_for_the_forearm_first(tree, woman):
    order = {}
    for place in (tree.clinic, tree.hospital):
        client = Client()
        client.force_login(
            factory.user("nurse" if place == tree.hospital else "village_doctor", place)
        )
        page = client.get(reverse("imaging:dxa", args=[woman.public_id])).content.decode()
        order[place] = page.index("t-radius_33") < page.index("t-lumbar_spine")
    assert order == {tree.clinic: True, tree.hospital: False}


def test_who_may_enter(tree, woman, client):
    address = reverse("imaging:dxa", args=[woman.public_id])
    assert client.get(address).status_code == 302  # to the log-in
    for role, place, status in (
        ("manager", tree.bureau, 403),
        ("researcher", tree.bureau, 403),
        ("village_doctor", tree.other_clinic, 404),
        ("nurse", tree.other_centre, 404),
        ("village_doctor", tree.clinic, 200),
    ):
        client = Client()
        client.force_login(factory.user(role, place))
        assert client.get(address).status_code == status
        if status != 200:
            assert client.post(address, form(**HIP)).status_code == status


def test_what_was_typed_comes_back_as_text(woman, doctor):
    client, _ = doctor
    sent = form(t_lumbar_spine='"><script>alert(1)</script>')
    page = client.post(reverse("imaging:dxa", args=[woman.public_id]), sent).content.decode()
    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page


# --- correcting


def test_a_correction_withdraws_the_old_value_and_keeps_its_qualifiers(woman, doctor):
    client, gate = doctor
    address = reverse("imaging:dxa", args=[woman.public_id])
    client.post(address, form(**HIP))
    visit = examined(gate, woman).get()
    here = f"{address}?visit={visit.public_id}"
    page = client.get(here).content.decode()
    assert 'value="-2.6"' in page
    assert 'value="left" checked' in page
    assert '<option value="china_women_2007" selected>' in page
    saved = client.post(here, form(**HIP | {"t_femoral_neck": "-2.5"}) | {"version": "1"})
    assert saved.url == reverse("visit:saved", args=[visit.public_id])
    standing = gate.about(woman, Standing).get()
    assert standing.answers["t_min"] == -2.5
    page = client.get(saved.url).content.decode()
    assert "-2.5" in page or "−2.5" in page
    assert here in page  # and can be corrected again


def test_two_who_correct_at_once(woman, doctor):
    client, gate = doctor
    address = reverse("imaging:dxa", args=[woman.public_id])
    client.post(address, form(**HIP))
    here = f"{address}?visit={examined(gate, woman).get().public_id}"
    client.post(here, form(**HIP | {"t_femoral_neck": "-2.5"}) | {"version": "1"})
    second = client.post(here, form(**HIP | {"t_femoral_neck": "-2.7"}) | {"version": "1"})
    told = second.content.decode()
    assert second.status_code == 422
    assert 'value="-2.7"' in told  # what was typed is not lost
    assert "现为：-2.5" in told
    assert 'name="version" value="2"' in told
    again = client.post(here, form(**HIP | {"t_femoral_neck": "-2.7"}) | {"version": "2"})
    assert again.status_code == 302
    assert gate.about(woman, Standing).get().answers["t_min"] == -2.7


def test_only_an_examination_of_this_resident_is_corrected(tree, woman, doctor):
    client, gate = doctor
    other = factory.resident(tree.clinic)
    client.post(reverse("imaging:dxa", args=[woman.public_id]), form(**HIP))
    visit = examined(gate, woman).get()
    screening = gate.about(woman, Visit).get(kind="screening")
    for resident, named in ((other, visit.public_id), (woman, screening.public_id), (woman, "x")):
        address = reverse("imaging:dxa", args=[resident.public_id])
        assert client.get(f"{address}?visit={named}").status_code == 404
