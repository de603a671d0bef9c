"""Numbers by place: right, defined, without people, and none that gives a small one away."""

from __future__ import annotations

import re

import pytest
from django.core.exceptions import PermissionDenied
from hypothesis import given
from hypothesis import strategies as st

from careloop.web.accounts.models import Organisation
from careloop.web.care.models import Standing
from careloop.web.care.standing import today, worklists
from careloop.web.care.worklist import numbers, reason
from careloop.web.registry.resident import Resident

from .. import factory

STEPS = [each.key for each in worklists().measures]


def counted(*keys):
    return sum(1 << STEPS.index(key) for key in keys)


def person(people, place, *keys):
    who = factory.resident(place)
    people.standing(who, counted=counted(*keys))
    return who


def fill(tree, people):
    for _ in range(6):
        person(people, tree.clinic, "screened", "at_risk")
    for _ in range(7):
        person(people, tree.other_clinic, "screened")
    person(people, tree.other_clinic, "screened", "at_risk", "measured")
    for _ in range(9):
        person(people, tree.other_centre, "screened")


# --- right


def test_each_place_counts_itself_and_all_below(tree, people):
    fill(tree, people)
    top = numbers.tree(factory.gate("doctor", tree.bureau), today())
    assert top.shown("screened") == 23
    assert top.shown("at_risk") == 7
    centre = numbers.find(top, str(tree.centre.public_id))
    assert (centre.shown("screened"), centre.shown_own("screened")) == (14, 0)
    assert numbers.find(top, str(tree.clinic.public_id)).share("at_risk", "screened") == 1


def test_one_sees_from_ones_own_place_downwards(tree, people):
    fill(tree, people)
    top = numbers.tree(factory.gate("manager", tree.centre), today())
    assert top.shown("screened") == 14
    assert numbers.find(top, str(tree.other_centre.public_id)) is top


def test_nobody_who_is_gone_is_registered(tree, people):
    person(people, tree.clinic, "screened")
    Resident.gated.update(state="dead")
    top = numbers.tree(factory.gate("manager", tree.centre), today())
    assert top.shown("registered") == 0


# --- no people


@pytest.mark.parametrize("role", ["manager", "researcher", "doctor"])
def test_the_page_names_nobody_and_defines_everything(role, tree, people, login):
    who = people.listed(tree.clinic, name="王不可见", phone="12345678901")
    response = login(role, tree.bureau).get("/numbers")
    text = response.content.decode()
    assert who.name not in text
    assert who.phone not in text
    assert str(who.public_id) not in text
    for measure in worklists().measures:
        assert measure.definition.en in text.replace("&gt;", ">").replace("&#39;", "'")
    for each in worklists().lists:
        assert f"<dt>{reason.label(each.key, 'en')}</dt>" in text


@pytest.mark.parametrize("role", ["nurse", "village_doctor"])
def test_others_are_refused(role, tree, login):
    assert login(role, tree.centre).get("/numbers").status_code == 403
    with pytest.raises(PermissionDenied):
        factory.gate(role, tree.centre).numbers(Standing)


def test_nothing_is_counted_by_what_leads_to_a_person(tree):
    counts = factory.gate("researcher", tree.bureau).numbers(Standing)
    for field in ("resident", "pk", "resident__name", "answers"):
        with pytest.raises(ValueError, match="not counted by"):
            counts.count([field])


def test_a_share_is_whole_only_where_it_is_whole(tree, people, login):
    for number in range(300):
        person(people, tree.clinic, "screened", *(["at_risk"] if number else []))
    text = login("manager", tree.bureau).get("/numbers").content.decode()
    assert "> 99%<" in text.replace("&gt;", ">")
    assert ">100%<" in text  # all are screened


def test_home_leads_managers_and_researchers_to_numbers(tree, login):
    for role in ("manager", "researcher"):
        assert login(role, tree.bureau).get("/").headers["Location"] == "/numbers"


def test_a_list_is_defined_by_who_is_on_it(tree, login):
    text = login("researcher", tree.bureau).get("/numbers").content.decode()
    for each in worklists().lists:
        for one in each.reasons:
            assert one.label["en"] in text
        if not each.reasons:
            assert each.hint["en"] in text


def test_queries_do_not_grow(tree, people, login, django_assert_max_num_queries):
    client = login("researcher", tree.bureau)
    fill(tree, people)
    with django_assert_max_num_queries(20) as taken:
        client.get("/numbers")
    few = len(taken)
    fill(tree, people)
    Organisation.objects.create(name="新村卫生室", kind="clinic", parent=tree.centre)
    with django_assert_max_num_queries(few):
        client.get("/numbers")


# --- small numbers


def test_researchers_see_no_small_number(tree, people, login):
    fill(tree, people)
    top = numbers.tree(factory.gate("researcher", tree.bureau), today())
    assert top.shown("screened") == 23
    assert top.shown("measured") is None  # 1
    clinic, other = (
        numbers.find(top, str(one.public_id)) for one in (tree.clinic, tree.other_clinic)
    )
    assert other.shown("at_risk") is None  # 1
    assert clinic.shown("at_risk") is None  # 6, but 7 − 6 = 1
    text = login("researcher", tree.bureau).get("/numbers").content.decode()
    assert "&lt; 5 *" in text
    shown = [int(one) for one in re.findall(r'<td class="number">(\d+)', text)]
    assert not [one for one in shown if 0 < one < numbers.LEAST]


def test_managers_and_doctors_see_all(tree, people):
    fill(tree, people)
    for role in ("manager", "doctor"):
        top = numbers.tree(factory.gate(role, tree.bureau), today())
        assert top.shown("measured") == 1


def places(sizes):
    """A hospital, centres, and clinics; `sizes` are the people at each clinic and the centres."""
    made = numbers.Place(Organisation(name="h"))
    for centre in sizes:
        child = numbers.Place(Organisation(name="c"), own={"x": centre[0], "registered": 9})
        child.children = [
            numbers.Place(Organisation(name="v"), own={"x": one, "registered": 9})
            for one in centre[1:]
        ]
        made.children.append(child)
    numbers._add_up(made)
    numbers.hide(made, "x")
    return made


@given(st.lists(st.lists(st.integers(0, 12), min_size=1, max_size=4), min_size=1, max_size=4))
def test_no_table_gives_a_hidden_number_away(sizes):
    """Of every place, hidden parts are none, or at least two that make the least shown number."""
    made = places(sizes)
    for place in numbers.below(made):
        if place.all["x"] < numbers.LEAST:
            assert place.shown("x") is None
        if not place.children:
            assert (place.shown("x") is None) == (place.shown_own("x") is None)
            continue
        parts = [(one.all["x"], one.shown("x")) for one in place.children]
        if place.own.get("registered"):
            parts.append((place.own["x"], place.shown_own("x")))
        hidden = [number for number, shown in parts if shown is None]
        assert all(shown is None for number, shown in parts if number < numbers.LEAST)
        if place.shown("x") is not None and hidden:
            assert len(hidden) > 1 or len(parts) == 1
            assert sum(hidden) >= numbers.LEAST
        if place.shown("x") is None:
            assert hidden  # the parts do not add up to the hidden whole
