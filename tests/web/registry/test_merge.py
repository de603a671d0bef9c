"""Merging: everything moves, is read together, and undoing puts back every row exactly."""

from __future__ import annotations

import random
from datetime import date, timedelta
from uuid import uuid4

import pytest
from django.apps import apps
from django.test import Client
from django.utils import timezone

from careloop.dictionary.catalogue import load
from careloop.records.snapshot import snapshot
from careloop.web.accounts.guard import PersonData
from careloop.web.accounts.models import User
from careloop.web.audit.models import Concerned, Entry
from careloop.web.care.models import (
    Call,
    Consent,
    Merge,
    Message,
    PlanDecision,
    Referral,
    Standing,
    Task,
)
from careloop.web.care.recording import Contact, correct_visit, record_visit
from careloop.web.care.standing import refresh
from careloop.web.registry import search
from careloop.web.registry.form import Details, of_resident
from careloop.web.registry.likeness import alike
from careloop.web.registry.merge import COMPUTED, NotMergedError, merge, tables, undo
from careloop.web.registry.models import Fact
from careloop.web.registry.resident import Resident

from .. import factory

TODAY = date(2026, 11, 20)


@pytest.fixture
def gate(tree):
    return factory.gate("nurse", tree.hospital)


def _history(gate, resident, draw, size=2):
    """Some of everything that can point to a resident."""
    about = {"resident": resident, "organisation": resident.organisation}
    for _ in range(size):
        day = TODAY - timedelta(days=draw.randint(0, 400))
        answers = {
            "weight_kg": float(draw.randint(40, 80)),
            "height_cm": float(draw.randint(145, 175)),
        }
        visit = record_visit(gate, resident, Contact("home", day, answers), request_key=uuid4())
        task = Task.gated.create(
            **about,
            programme="osteoporosis",
            kind=draw.choice(["follow_up", "dxa"]),
            due_on=TODAY + timedelta(days=draw.randint(0, 400)),
            visit=draw.choice([visit, None]),
        )
        Call.gated.create(**about, task=task, result="later", author=gate.user)
        Message.gated.create(**about, author=gate.user, text=f"{draw.random()}")
        Consent.gated.create(
            **about, scope="care", text_version="1", given_at=timezone.now(), recorded_by=gate.user
        )
        PlanDecision.gated.create(
            **about,
            programme="osteoporosis",
            guideline="x",
            item=f"{draw.random()}",
            decision="accepted",
            proposed="x",
            author=gate.user,
        )
        Referral.gated.create(
            **about,
            request_key=uuid4(),
            from_organisation=resident.organisation,
            to_organisation=resident.organisation,
            reason="x",
            author=gate.user,
        )


def _details(draw):
    """Who somebody is, with gaps."""
    number = f"99000019500501{draw.randint(0, 9999):04d}"
    told = {
        "national_id": draw.choice(["", number]),
        "phone": draw.choice(["", "12011112222"]),
        "birth_date": draw.choice([None, date(1950, 5, 1)]),
        "address": draw.choice(["", "东街1号"]),
    }
    return told | {"national_id_tail": told["national_id"][-6:]}


def _state():
    """Every row of every table about persons, and who logs in as whom."""
    rows = {}
    for model in apps.get_models():
        if not issubclass(model, PersonData) or model is Merge:
            continue
        found = [dict(row) for row in model.gated.order_by("pk").values()]
        if model in COMPUTED:  # made anew: the same but for the row's own number and hour
            for row in found:
                row.pop("id")
                row.pop("made_at", None)
            found.sort(key=str)
        rows[model.__name__] = found
    rows["accounts"] = list(User.objects.order_by("pk").values_list("pk", "resident"))
    rows["facts"] = list(Fact.objects.order_by("pk").values_list("pk", "person"))
    return rows


@pytest.fixture
def pair(tree, gate):
    draw = random.Random(7)
    residents = [factory.resident(place) for place in (tree.clinic, tree.other_centre)]
    for each in residents:
        _history(gate, each, draw)
    return residents


def test_every_table_about_persons_moves_by_one_column(db):
    known = {each.__name__ for each in tables()}
    assert {"Visit", "VisitVersion", "Task", "Call", "Referral", "PlanDecision"} <= known
    assert {"Consent", "Message"} <= known
    for model in tables():
        pointing = [field.name for field in model._meta.fields if field.related_model is Resident]
        assert pointing == ["resident"], model


def test_a_merge_moves_everything_and_reads_both(gate, pair, tree):
    stays, goes = pair
    own = {each: gate.facts(each).height for each in pair}
    counts = {model: model.gated.count() for model in tables()}
    merge(gate, stays, goes)
    goes.refresh_from_db()
    assert (goes.state, goes.merged_into) == ("merged", stays)
    for model, count in counts.items():
        rows = model.gated.all()
        assert rows.count() == count
        assert {*rows.values_list("resident", "organisation")} <= {(stays.pk, tree.clinic.pk)}
    assert gate.facts(stays).height == own[stays] + own[goes]
    assert {*Fact.objects.values_list("person", flat=True)} == {stays.person_id, goes.person_id}
    assert {*Standing.gated.values_list("resident", flat=True)} == {stays.pk}
    assert goes not in gate.residents()


@pytest.mark.parametrize("seed", range(4))
def test_merging_and_undoing_is_the_identity_on_every_row(tree, gate, seed):
    draw = random.Random(seed)
    places = [tree.centre, tree.clinic, tree.other_centre]
    residents = [factory.resident(draw.choice(places), **_details(draw)) for _ in range(3)]
    for each in residents:
        _history(gate, each, draw, size=draw.randint(0, 2))
        if draw.random() < 0.5:
            factory.user("patient", resident=each)
        refresh(each, gate.facts(each))
    # The same task for two of them: only one may stay open.
    for each in residents[:2]:
        Task.gated.create(
            resident=each,
            organisation=each.organisation,
            programme="osteoporosis",
            kind="injection",
            due_on=TODAY,
        )
    residents[1].state = draw.choice(["active", "dead", "moved"])
    residents[1].save()
    refresh(residents[1], gate.facts(residents[1]))
    states, merges = [_state()], []
    order = draw.sample(residents, 3)
    for stays, goes in ((order[1], order[0]), (order[2], order[1])):
        merges.append(merge(gate, stays, goes))
        states.append(_state())
    assert states[0] != states[1] != states[2]
    assert gate.facts(order[2]).height == Fact.objects.count()
    with pytest.raises(NotMergedError):
        undo(gate, merges[0])  # the later one first
    assert _state() == states[2]
    for done, before in zip(reversed(merges), reversed(states[:-1]), strict=True):
        undo(gate, done)
        assert _state() == before


def test_of_a_task_that_both_have_one_stays_open(tree, gate):
    stays, goes = (factory.resident(tree.clinic) for _ in range(2))
    for each in (stays, goes):
        Task.gated.create(
            resident=each,
            organisation=tree.clinic,
            programme="osteoporosis",
            kind="injection",
            due_on=TODAY,
        )
    done = merge(gate, stays, goes)
    assert list(gate.rows(Task).filter(state="open").values_list("resident", flat=True)) == [
        stays.pk
    ]
    undo(gate, done)
    assert gate.rows(Task).filter(state="open").count() == 2


def test_what_was_written_since_stays_and_a_corrected_visit_goes_back(tree, gate):
    stays, goes = (factory.resident(tree.clinic) for _ in range(2))
    said = Contact("home", TODAY, {"weight_kg": 50.0})
    visit = record_visit(gate, goes, said, request_key=uuid4())
    done = merge(gate, stays, goes)
    later = record_visit(
        gate, stays, Contact("home", TODAY, {"height_cm": 150.0}), request_key=uuid4()
    )
    for version, weight in ((1, 51.0), (2, 52.0)):
        visit.refresh_from_db()
        right = Contact("home", TODAY, {"weight_kg": weight})
        visit = correct_visit(gate, stays, visit, right, version=version)
    undo(gate, done)
    later.refresh_from_db()
    visit.refresh_from_db()
    assert (later.resident, visit.resident) == (stays, goes)
    assert _known(gate, goes) == {"weight_kg": 52.0}
    assert _known(gate, stays) == {"height_cm": 150.0}


def _known(gate, resident):
    facts = gate.facts(resident)
    day = timezone.localdate() + timedelta(days=1)
    row = snapshot(facts.lazy(), day, load(), variables=("weight_kg", "height_cm")).frame
    return {key: row[key][0] for key in ("weight_kg", "height_cm") if row[key][0] is not None}


def test_one_cannot_be_merged_twice_or_into_oneself(tree, gate):
    one, two, three = (factory.resident(tree.clinic) for _ in range(3))
    with pytest.raises(NotMergedError):
        merge(gate, one, one)
    done = merge(gate, one, two)
    for stays, goes in ((three, two), (two, three)):
        with pytest.raises(NotMergedError):
            merge(gate, stays, goes)
    undo(gate, done)
    with pytest.raises(NotMergedError):
        undo(gate, done)
    assert Merge.gated.count() == 1


def test_who_stays_is_found_by_what_only_the_other_said(tree, gate):
    stays = factory.resident(tree.clinic, phone="")
    goes = factory.resident(tree.clinic, national_id="99000019500501002X", phone="12011112222")
    done = merge(gate, stays, goes)
    for told in ("99000019500501002x", "2222"):
        assert [row.resident for row in search.find(gate, told).rows] == [stays]
    assert [row.resident for row in search.find(gate, goes.person_id).rows] == [stays]
    Resident.gated.filter(pk=stays.pk).update(phone="12099998888")  # corrected since
    undo(gate, done)
    stays.refresh_from_db()
    assert (stays.national_id, stays.phone) == ("", "12099998888")


# --- the pages


@pytest.fixture
def page(client, gate):
    client.force_login(gate.user)
    client.cookies["careloop_language"] = "en"
    return client


def test_from_candidates_by_comparing_to_merged_and_back(page, tree, gate):
    stays, goes = factory.resident(tree.clinic), factory.resident(tree.other_centre)
    path = f"/people/{stays.public_id}/duplicates"
    assert f"?with={goes.public_id}" in page.get(path).content.decode()
    text = page.get(path, {"with": str(goes.public_id)}).content.decode()
    assert goes.person_id in text
    assert stays.phone in text
    told = {"with": str(goes.public_id), "keep": str(goes.public_id)}
    answer = page.post(path, told)
    assert answer.headers["Location"] == f"/people/{goes.public_id}/duplicates"
    stays.refresh_from_db()
    assert stays.merged_into == goes
    for name in ("details", "card", "duplicates"):
        moved = page.get(f"/people/{stays.public_id}/{name}")
        assert moved.headers["Location"] == f"/people/{goes.public_id}/{name}"
    assert page.post(path, told).status_code in (302, 404)
    done = Merge.gated.get()
    assert f"/merges/{done.pk}/undo" in page.get(answer.headers["Location"]).content.decode()
    assert page.get(f"/merges/{done.pk}/undo").status_code == 405
    assert page.post(f"/merges/{done.pk}/undo").status_code == 302
    stays.refresh_from_db()
    assert (stays.state, stays.merged_into) == ("active", None)
    assert "undone" in page.get(answer.headers["Location"]).content.decode()
    assert page.post(f"/merges/{done.pk}/undo").status_code == 302  # twice: a word, no harm
    assert Entry.objects.filter(action="person.merge").count() == 2


def test_nobody_out_of_reach_is_merged_or_shown(client, tree, gate):
    near, far = factory.resident(tree.clinic), factory.resident(tree.other_centre)
    client.force_login(factory.user("nurse", tree.centre))
    path = f"/people/{near.public_id}/duplicates"
    assert str(far.public_id) not in client.get(path, {"q": "王秀英"}).content.decode()
    assert client.get(path, {"with": str(far.public_id)}).status_code == 404
    assert client.post(path, {"with": str(far.public_id)}).status_code == 404
    assert client.get(path, {"with": "x"}).status_code == 404
    assert client.post(path, {}).status_code == 404
    other = factory.resident(tree.other_centre)
    done = merge(gate, far, other)
    assert client.post(f"/merges/{done.pk}/undo").status_code == 404
    far.refresh_from_db()
    assert Merge.gated.get().undone_at is None


@pytest.mark.parametrize("count", [1, 12])
def test_queries_do_not_grow_with_candidates(page, tree, count, django_assert_max_num_queries):
    one = factory.resident(tree.clinic)
    for _ in range(count):
        factory.resident(tree.clinic)
    with django_assert_max_num_queries(22):
        text = page.get(f"/people/{one.public_id}/duplicates", {"q": "王"}).content.decode()
    assert text.count("?with=") == 2 * count  # as candidates, and as found


def test_a_village_doctor_merges_nobody(client, tree, gate):
    one, two = (factory.resident(tree.clinic) for _ in range(2))
    client.force_login(factory.user("village_doctor", tree.clinic))
    path = f"/people/{one.public_id}/duplicates"
    assert client.get(path).status_code == 403
    assert client.post(path, {"with": str(two.public_id)}).status_code == 403
    assert not Merge.gated.exists()


def test_a_form_from_another_site_merges_nobody(gate, tree):
    one, two = (factory.resident(tree.clinic) for _ in range(2))
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(gate.user)
    told = {"with": str(two.public_id)}
    assert strict.post(f"/people/{one.public_id}/duplicates", told).status_code == 403
    assert not Merge.gated.exists()


def test_candidates_follow_the_rules_of_identity(tree, gate):
    def known(**fields):
        return factory.resident(tree.clinic, phone="", **fields)

    one = known(national_id="990000195005010027")
    same_id = known(name="李桂兰", birth_date=date(1960, 1, 1), national_id="990000195005010027")
    same = known()
    contradicted = known(national_id="990000195005019999")
    known(sex="male")
    known(birth_date=date(1950, 5, 2))
    found = alike(gate, of_resident(one).details, than=one)
    assert {each.resident: each.because for each in found.alike} == {
        same_id: "national_id",
        same: "name_birth",
        contradicted: "contradicted",
    }
    assert [each.strong for each in found.alike] == [True, True, False]


def test_the_card_of_the_one_that_went_finds_who_stays(tree, gate):
    """Merged because one number was mistyped: the card shows the other."""
    typo, right = "99000019500501019X", "990000195005010027"
    stays = factory.resident(tree.clinic, national_id=typo, phone="12011112222")
    goes = factory.resident(tree.clinic, national_id=right, phone="12099998888")
    done = merge(gate, stays, goes)
    for told in (right, "12099998888"):
        assert [row.resident for row in search.find(gate, told).rows] == [stays]
    card = Details(name="王秀瑛", national_id=right)
    (found,) = alike(gate, card).alike
    assert (found.resident, found.because) == (stays, "national_id")
    elsewhere = factory.gate("nurse", tree.other_centre)
    assert alike(elsewhere, card).elsewhere
    undo(gate, done)
    assert [each.resident for each in alike(gate, card).alike] == [goes]


# --- a death that only one of the two knows of


def _asks(resident, kind="injection"):
    return Task.gated.create(
        resident=resident,
        organisation=resident.organisation,
        programme="osteoporosis",
        kind=kind,
        due_on=TODAY,
    )


@pytest.mark.parametrize("dead", ["stays", "goes"])
def test_nobody_calls_for_somebody_whose_death_one_registration_knows(tree, gate, dead):
    stays, goes = (factory.resident(tree.clinic) for _ in range(2))
    for each in (stays, goes):
        _asks(each, "follow_up" if each is stays else "dxa")
    Resident.gated.filter(pk={"stays": stays, "goes": goes}[dead].pk).update(state="dead")
    done = merge(gate, stays, goes)
    stays.refresh_from_db()
    assert stays.state == "dead"
    assert not gate.about(stays, Task).filter(state="open").exists()
    undo(gate, done)
    for each in (stays, goes):
        each.refresh_from_db()
        assert gate.about(each, Task).filter(state="open").count() == 1
    assert [stays.state, goes.state] == [
        "dead" if dead == each else "active" for each in ("stays", "goes")
    ]


def test_whoever_is_looked_after_by_one_registration_is_looked_after(tree, gate):
    stays, goes = factory.resident(tree.clinic, state="moved"), factory.resident(tree.clinic)
    done = merge(gate, stays, goes)
    stays.refresh_from_db()
    assert stays.state == "active"
    undo(gate, done)
    stays.refresh_from_db()
    assert stays.state == "moved"


def test_a_death_corrected_since_the_merge_does_not_come_back(tree, gate):
    stays, goes = factory.resident(tree.clinic), factory.resident(tree.clinic, state="dead")
    done = merge(gate, stays, goes)
    Resident.gated.filter(pk=stays.pk).update(state="active")  # as a corrected visit does
    undo(gate, done)
    for each in (stays, goes):
        each.refresh_from_db()
        assert each.state == "active"


def test_both_registrations_tell_who_merged_them(page, tree, gate):
    stays, goes = factory.resident(tree.clinic), factory.resident(tree.clinic)
    done = merge(gate, stays, goes)
    undo(gate, done)
    for each in (stays, goes):
        found = Concerned.objects.filter(resident_public_id=each.public_id)
        assert found.filter(entry__action="person.merge").count() == 2
