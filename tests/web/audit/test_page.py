"""The audit's pages: whose entries are seen by whom, filters, pages, and that looking is noted."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.urls import reverse
from django.utils import timezone

from careloop.web.audit import views
from careloop.web.audit.chain import Actor, append
from careloop.web.audit.models import Entry

from .. import factory


@pytest.fixture
def tree(db):
    return factory.Tree()


@pytest.fixture
def as_role(client, tree):
    def log_in(role, organisation=None, **fields):
        client.force_login(factory.user(role, organisation, **fields))
        return client

    return log_in


def actor(organisation, username="li", role="nurse"):
    return Actor(username, role, organisation.path, "10.0.0.7")


ENTRIES = reverse("audit:entries")


def shown(response):
    return [row["number"] for row in response.told["rows"]]


@pytest.fixture(autouse=True)
def _contexts(monkeypatch):
    """Jinja2 tells no contexts of its own: keep those that views give."""
    original = views.render

    def render(request, template, context=None):
        response = original(request, template, context)
        response.told = context
        return response

    monkeypatch.setattr(views, "render", render)


@pytest.mark.parametrize("role", ["doctor", "nurse", "village_doctor", "researcher", "patient"])
def test_only_managers_see_entries(as_role, tree, role):
    resident = factory.resident(tree.centre) if role == "patient" else None
    client = as_role(role, None if resident else tree.bureau, resident=resident)
    assert client.get(ENTRIES).status_code == 403
    assert as_role("manager", tree.bureau).get(ENTRIES).status_code == 200


def test_anonymous_is_sent_to_log_in(client, tree):
    resident = factory.resident(tree.centre)
    for address in (ENTRIES, reverse("audit:person", args=[resident.public_id])):
        response = client.get(address)
        assert response.status_code == 302
        assert response.url.startswith(reverse("accounts:login"))


def test_a_manager_sees_the_entries_of_their_own_places(as_role, tree):
    near = append(actor(tree.clinic), "read", [uuid4()])
    own = append(actor(tree.centre), "read", [uuid4()])
    append(actor(tree.other_centre), "read", [uuid4()])
    append(actor(tree.bureau), "read", [uuid4()])
    append(Actor("nobody", "", ""), "login.failed")
    assert shown(as_role("manager", tree.centre).get(ENTRIES)) == [own.number, near.number]


def test_a_manager_without_a_place_sees_nothing(as_role, tree):
    append(actor(tree.clinic), "read", [uuid4()])
    assert shown(as_role("manager").get(ENTRIES)) == []


def test_what_nobodys_place_did_is_seen_at_the_top(as_role, tree):
    """Names tried out, residents' own log-ins, exports at the console."""
    numbers = [
        append(Actor(*who), action).number
        for who, action in (
            (("", "", "", "192.0.2.1"), "login.failed"),
            (("12011112222", "patient", ""), "login"),
            (("console:root", "operator", ""), "audit.export"),
        )
    ]
    assert shown(as_role("manager", tree.bureau).get(ENTRIES)) == numbers[::-1]
    assert shown(as_role("manager", tree.hospital).get(ENTRIES)) == []
    factory.Tree()  # a second bureau beside the first: neither is above the other
    assert shown(as_role("manager", tree.bureau).get(ENTRIES)) == []


def test_each_filter_finds_what_it_asks_for_and_nothing_else(as_role, tree):
    person, other = uuid4(), uuid4()
    first = append(actor(tree.clinic), "read", [person])
    second = append(actor(tree.clinic, "zhang"), "visit.write", [other, person])
    third = append(actor(tree.clinic, "zhang"), "read", [other])
    client = as_role("manager", tree.bureau)
    today = timezone.localdate()
    everything = [third.number, second.number, first.number]
    for asked, expected in (
        ({}, everything),
        ({"user": "LI "}, [first.number]),
        ({"action": "read"}, [third.number, first.number]),
        ({"user": "zhang", "action": "visit.write"}, [second.number]),
        ({"from": today.isoformat(), "to": today.isoformat()}, everything),
        ({"from": (today + timedelta(days=1)).isoformat()}, []),
        ({"to": (today - timedelta(days=1)).isoformat()}, []),
        ({"person": str(person)}, [second.number, first.number]),
    ):
        assert shown(client.get(ENTRIES, asked)) == expected, asked


def test_asking_about_a_person_is_itself_written_down(as_role, tree):
    person = uuid4()
    append(actor(tree.clinic), "read", [person])
    as_role("manager", tree.bureau).get(ENTRIES, {"person": str(person)})
    last = Entry.objects.order_by("number").last()
    assert (last.action, last.residents, last.role) == ("audit.read", str(person), "manager")


@pytest.mark.parametrize(
    "asked",
    [
        {"person": "1 OR 1=1"},
        {"from": "gestern"},
        {"to": "2026-02-30"},
        {"person": "<script>alert(1)</script>"},
    ],
)
def test_what_cannot_be_understood_is_said_and_shows_nothing(as_role, tree, asked):
    append(actor(tree.clinic), "read", [uuid4()])
    response = as_role("manager", tree.bureau).get(ENTRIES, asked)
    assert response.status_code == 200
    assert shown(response) == []
    text = response.content.decode()
    assert 'role="alert"' in text
    assert "<script>alert" not in text


@pytest.mark.parametrize("before", ["-1", "x", "٣", "9" * 30, ""])
def test_a_strange_page_number_is_the_first_page(as_role, tree, before):
    entry = append(actor(tree.clinic), "read", [uuid4()])
    assert shown(as_role("manager", tree.bureau).get(ENTRIES, {"before": before})) == [entry.number]


def test_pages_hold_fifty_and_show_every_entry_once(as_role, tree):
    for _ in range(120):
        append(actor(tree.clinic), "read", [uuid4()])
    client, address, seen = as_role("manager", tree.bureau), ENTRIES, []
    for expected in (50, 50, 20):
        response = client.get(address)
        assert len(shown(response)) == expected
        seen += shown(response)
        append(actor(tree.clinic), "read", [uuid4()])  # in the meantime
        address = ENTRIES + response.told["older"]
    assert response.told["older"] == ""
    assert seen == list(range(120, 0, -1))


def test_a_page_is_a_constant_number_of_queries(as_role, tree, django_assert_max_num_queries):
    client = as_role("manager", tree.bureau)
    append(actor(tree.clinic), "read", [uuid4()])
    for _ in range(2):
        with django_assert_max_num_queries(6):
            client.get(ENTRIES)
        for number in range(60):
            append(actor(tree.clinic, f"user{number}"), "read", [uuid4()])


# --- who looked at this person


def test_everybody_who_looked_is_shown_from_whatever_place(as_role, tree):
    resident, other = factory.resident(tree.clinic), factory.resident(tree.clinic)
    factory.user("doctor", tree.other_centre, username="far", name="远处的医生")
    append(actor(tree.other_centre, "far", "doctor"), "break_glass", [resident.public_id],
           detail={"reason": "急诊 <b>"})  # fmt: skip
    append(actor(tree.clinic), "read", [other.public_id])
    response = as_role("nurse", tree.centre).get(reverse("audit:person", args=[resident.public_id]))
    text = response.content.decode()
    assert [row["action"] for row in response.told["rows"]] == ["read", "break_glass"]
    assert "远处的医生" in text
    assert "急诊 &lt;b&gt;" in text
    assert str(other.public_id) not in text


def test_a_manager_sees_what_others_did_with_residents_of_their_own_places(as_role, tree):
    """Who opened a resident in an emergency is told on another page: here, what they did then."""
    near, far = factory.resident(tree.clinic), factory.resident(tree.other_centre)
    for resident in (near, far):
        append(actor(tree.other_centre, "far"), "break_glass", [resident.public_id])
    client = as_role("manager", tree.centre)
    seen = [
        len(shown(client.get(ENTRIES, {"person": str(person)})))
        for person in (near.public_id, far.public_id, uuid4())
    ]
    assert seen == [1, 0, 0]
    assert near.name not in client.get(ENTRIES, {"person": str(near.public_id)}).content.decode()


def test_who_looked_at_a_merged_registration_is_told_too(as_role, tree):
    resident = factory.resident(tree.clinic)
    other = factory.resident(tree.clinic, state="merged", merged_into=resident)
    append(actor(tree.other_centre, "far"), "read", [other.public_id])
    append(actor(tree.centre), "person.merge", [resident.public_id, other.public_id])
    response = as_role("nurse", tree.centre).get(reverse("audit:person", args=[resident.public_id]))
    told = [row["action"] for row in response.told["rows"]]
    assert told == ["read", "person.merge", "read"]


@pytest.mark.parametrize(
    "asked",
    [
        {"from": "0001-01-01"},
        {"to": "9999-12-31"},
        {"from": "9999-12-31"},
    ],
)
def test_the_ends_of_the_calendar_break_nothing(as_role, tree, asked):
    append(actor(tree.clinic), "read", [uuid4()])
    assert as_role("manager", tree.bureau).get(ENTRIES, asked).status_code == 200


def test_out_of_reach_is_as_unknown(as_role, tree):
    far = factory.resident(tree.other_clinic)
    client = as_role("nurse", tree.clinic)
    assert client.get(reverse("audit:person", args=[far.public_id])).status_code == 404
    assert client.get(reverse("audit:person", args=[uuid4()])).status_code == 404
    assert as_role("manager", tree.bureau).get(
        reverse("audit:person", args=[far.public_id])
    ).status_code == 403  # fmt: skip


def test_a_persons_page_is_a_constant_number_of_queries(
    as_role, tree, django_assert_max_num_queries
):
    resident = factory.resident(tree.clinic)
    client = as_role("nurse", tree.centre)
    address = reverse("audit:person", args=[resident.public_id])
    for _ in range(2):
        with django_assert_max_num_queries(16):
            client.get(address)
        for number in range(60):
            append(actor(tree.clinic, f"user{number}"), "read", [resident.public_id])


def test_pages_are_read_only(as_role, tree):
    client = as_role("manager", tree.bureau)
    assert client.post(ENTRIES).status_code == 405


@pytest.mark.parametrize("language", ["zh", "en"])
def test_both_languages_have_all_words(as_role, tree, language):
    append(actor(tree.clinic), "break_glass", [uuid4()], detail={"reason": "x"})
    client = as_role("manager", tree.bureau, language=language)
    text = client.get(ENTRIES).content.decode()
    assert ("紧急查看" in text) is (language == "zh")
    assert ("Emergency access" in text) is (language == "en")
