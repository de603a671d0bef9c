"""Every address × every role × own and other region × anonymous gives exactly what is allowed.

What is expected follows from each view's own mark (`@for_action`), from `role.MAY`, and from where
the object is. The list of addresses is the site's own: a new one without an entry in `LEADS_TO`
fails here until somebody says what it leads to.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import transaction
from django.test import override_settings
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.urls.converters import IntConverter, StringConverter, UUIDConverter
from django.utils import timezone
from django.utils.http import urlencode

from careloop.web.accounts.access import action_of
from careloop.web.accounts.models import BreakGlass, Organisation, User
from careloop.web.accounts.role import ROLES, Action, may
from careloop.web.audit.models import Concerned
from careloop.web.care.models import Call, Message, PlanDecision, Referral
from careloop.web.care.standing import worklists
from careloop.web.registry.resident import Resident

from .world import World

Arguments = Callable[[Any], dict[str, Any]]


def nothing(_):
    return {}


def person(of):
    return {"public_id": of.resident.public_id}


def visit(of):
    return {"visit_id": of.visit.public_id}


LEADS_TO: dict[str, Arguments] = {
    "accounts:login": nothing,
    "accounts:second_factor": nothing,
    "accounts:logout": nothing,
    "accounts:activate": nothing,
    "accounts:choose": nothing,
    "accounts:resident_login": person,
    "accounts:account": nothing,
    "accounts:password": nothing,
    "accounts:enrol": nothing,
    "accounts:users": nothing,
    "accounts:user_new": nothing,
    "accounts:emergencies": nothing,
    "accounts:user": lambda of: {"public_id": of.author.public_id},
    "accounts:emergency": nothing,
    "accounts:break_glass": person,
    "registry:find": nothing,
    "registry:register": nothing,
    "registry:alike": nothing,
    "registry:cards": nothing,
    "registry:details": person,
    "registry:card": person,
    "registry:duplicates": person,
    "registry:unmerge": lambda of: {"pk": of.merge.pk},
    "person:page": person,
    "person:risk": person,
    "person:timeline": person,
    "person:plan": person,
    "person:messages": person,
    "person:consents": person,
    "worklist:lists": nothing,
    "worklist:list": lambda _: {"key": worklists().lists[0].key},
    "worklist:call": person,
    "worklist:referrals": nothing,
    "worklist:refer": person,
    "worklist:referral": lambda of: {"referral_id": of.referral.public_id},
    "worklist:numbers": nothing,
    "visit:new": lambda of: person(of) | {"kind": "home"},
    "visit:edit": visit,
    "visit:saved": visit,
    "imaging:dxa": person,
    "imaging:upload": person,
    "imaging:confirm": lambda of: person(of) | {"upload_id": of.upload.public_id},
    "imaging:image_add": person,
    "imaging:image": lambda of: person(of) | {"image_id": of.image.public_id},
    "report:slip": person,
    "report:patient": person,
    "report:patient_pdf": person,
    "report:doctor": person,
    "report:doctor_pdf": person,
    "report:batch": nothing,
    "audit:entries": nothing,
    "audit:person": person,
    "portal:home": nothing,
    "portal:report": nothing,
    "portal:report_pdf": nothing,
    "site:home": nothing,
    "site:language": nothing,
    "site:health": nothing,
}
"""What the arguments of each address are, for a region of the world."""

SENDS: dict[str, Arguments] = {
    "registry:duplicates": lambda of: {"with": str(of.twin.public_id)},
    "visit:edit": lambda _: {"version": "1"},
    "worklist:referral": lambda _: {"step": "acknowledge"},
}
"""What the form of an address sends, where an empty one would be answered by "not found"."""

WRITES: dict[str, Action] = {
    "imaging:image": "image.write",
    "person:plan": "plan.decide",
    "worklist:referral": "referral.write",
}
"""Addresses whose form needs more than reading the page does."""

OUTSIDE_IS_ANSWERED = {
    "accounts:break_glass": "is there for residents of other regions, and names nobody",
}
"""Addresses of a person that answer for other regions too, each with the reason."""

NUMBERED = {
    "registry:unmerge": "a merge has no public id; out of reach it is not found, as any other",
}
"""Addresses with a number that could be counted through, each with the reason."""

UNGUESSABLE = (UUIDConverter,)
WORDS = {"key", "kind"}
"""Parameters that name a list or a kind of form, the same for everybody."""


@dataclass(frozen=True)
class Address:
    """One named address of the site."""

    name: str
    view: Any
    converters: dict[str, Any]


def addresses(resolver: URLResolver | None = None, space: str = "") -> Iterator[Address]:
    for entry in (resolver or get_resolver()).url_patterns:
        if isinstance(entry, URLResolver):
            inner = f"{space}{entry.namespace}:" if entry.namespace else space
            yield from addresses(entry, inner)
        elif isinstance(entry, URLPattern):
            yield Address(f"{space}{entry.name}", entry.callback, entry.pattern.converters)


ALL = sorted(addresses(), key=lambda address: address.name)


def test_every_address_is_accounted_for():
    names = [address.name for address in ALL]
    assert len(names) == len(set(names))
    assert set(names) == set(LEADS_TO)
    assert len(names) > 40


def test_addresses_of_persons_cannot_be_guessed():
    for address in ALL:
        for parameter, converter in address.converters.items():
            if parameter in WORDS:
                assert isinstance(converter, StringConverter)
            elif isinstance(converter, IntConverter):
                assert address.name in NUMBERED
            else:
                assert isinstance(converter, UNGUESSABLE), (address.name, parameter)


@pytest.fixture(scope="module")
def whole_world(django_db_setup, django_db_blocker):
    """Made once; what a test changes in it is undone after the test."""
    quick = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    with django_db_blocker.unblock(), transaction.atomic():
        with override_settings(PASSWORD_HASHERS=quick):
            made = World()
        yield made
        transaction.set_rollback(True)


@pytest.fixture
def world(whole_world, db):
    return whole_world


ANSWERED = {"GET": {200, 302}, "POST": {200, 204, 302, 400, 409, 422}}
"""What an address may say to somebody who may: an empty form is refused, never by 403 or 404."""


def needs(address, method):
    """The action without which an address answers 403."""
    own = action_of(address.view)
    return own if method == "GET" else WRITES.get(address.name, own)


def where_of(address, region):
    return reverse(address.name, kwargs=LEADS_TO[address.name](region))


def to_login(response):
    return response.status_code == 302 and response.url.split("?")[0] == "/login"


@pytest.mark.parametrize("address", ALL, ids=lambda address: address.name)
def test_each_role_gets_exactly_what_it_may(world, address):
    action, where = action_of(address.view), where_of(address, world.own)
    sends = SENDS.get(address.name, nothing)(world.own)
    wrong = []
    for role in ROLES:
        said = {}
        with transaction.atomic():
            for method in ("GET", "POST"):
                response = world.ask(role, method, where, sends=sends)
                said[method] = status = response.status_code
                if not may(role, needs(address, method)):
                    right = status == 403
                else:
                    allowed = ANSWERED[method] | {405}
                    right = status in allowed and (action == "public" or not to_login(response))
                if not right:
                    wrong.append((role, method, status))
            transaction.set_rollback(True)  # the next role finds everything as it was
        if set(said.values()) == {405}:
            wrong.append((role, "neither GET nor POST"))
    assert wrong == []


@pytest.mark.parametrize("address", ALL, ids=lambda address: address.name)
def test_anonymous_gets_nothing(world, address):
    where = where_of(address, world.own)
    for method in ("GET", "POST"):
        response = world.ask(None, method, where)
        if action_of(address.view) == "public":
            assert response.status_code in ANSWERED[method] | {405}
        else:
            assert to_login(response)
        assert world.own.resident.name.encode() not in response.content


OF_A_PERSON = [
    address
    for address in ALL
    if set(address.converters) - WORDS and address.name not in OUTSIDE_IS_ANSWERED
]


@pytest.mark.parametrize("address", OF_A_PERSON, ids=lambda address: address.name)
def test_other_regions_look_like_nothing_at_all(world, address):
    own, sends = where_of(address, world.own), SENDS.get(address.name, nothing)
    wrong = []
    for role in ROLES:
        pages = set()
        for name, region in world.others.items():
            where = where_of(address, region)
            for method in ("GET", "POST"):
                response = world.ask(role, method, where, sends=sends(region))
                # Below the page's own action 403 comes first; within it, nothing is told.
                first = {403} if not may(role, action_of(address.view)) else {404}
                first |= set() if may(role, needs(address, method)) else {403}
                if response.status_code == 405 == world.ask(role, method, own).status_code:
                    continue
                if response.status_code not in first:
                    wrong.append((role, name, method, response.status_code))
                pages.add((method, _without_ids(response, where)))
        if len(pages) > len({method for method, _ in pages}):
            wrong.append((role, "known and unknown look different"))
    assert wrong == []
    far = [region.resident.public_id for region in world.others.values()]
    seen = Concerned.objects.filter(resident_public_id__in=far, entry__gt=world.begins)
    assert {*seen.values_list("entry__action", flat=True)} <= {"refused"}


def _without_ids(response, where):
    """A page without its own address and its form's tokens."""
    body = response.content.decode().replace(where, "")
    return "".join(part.partition('">')[2] for part in body.split('name="csrfmiddlewaretoken"'))


def test_somebody_elsewhere_is_not_reached_through_ones_own(world):
    """An address with two ids: the second must belong to the first."""
    far = world.others["beside"]
    seconds = {
        "imaging:confirm": {"upload_id": far.upload.public_id},
        "imaging:image": {"image_id": far.image.public_id},
    }
    for name, second in seconds.items():
        where = reverse(name, kwargs={"public_id": world.own.resident.public_id} | second)
        for method in ("GET", "POST"):
            assert world.ask("doctor", method, where).status_code == 404


@pytest.mark.parametrize("name", sorted(OUTSIDE_IS_ANSWERED))
def test_what_answers_for_other_regions_names_nobody(world, name):
    for region in world.others.values():
        where = reverse(name, kwargs=LEADS_TO[name](region))
        for role in ROLES:
            response = world.ask(role, "GET", where)
            assert response.status_code == (200 if may(role, "person.break_glass") else 403)
            assert "区内居民".encode() not in response.content


@pytest.mark.parametrize("address", ALL, ids=lambda address: address.name)
def test_nothing_is_changed_without_the_forms_token(world, address):
    where = where_of(address, world.own)
    for role in (None, *ROLES):
        response = world.ask(role, "POST", where, strict=True)
        assert response.status_code == 403
        assert response.headers["Content-Security-Policy"]


HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


@pytest.mark.parametrize("address", ALL, ids=lambda address: address.name)
def test_every_page_is_protected_and_kept_by_no_cache(world, address):
    for role in (None, "doctor", "manager"):
        for region in (world.own, world.others["beside"]):
            response = world.ask(role, "GET", where_of(address, region))
            assert {name: response.headers.get(name) for name in HEADERS} == HEADERS
            assert "no-store" in response.headers["Cache-Control"]
            policy = response.headers["Content-Security-Policy"]
            assert "frame-ancestors 'none'" in policy
            assert "default-src 'none'" in policy
            script = policy.split("script-src ")[1].split(";")[0]
            assert script == "'self'"


@pytest.mark.parametrize("address", ALL, ids=lambda address: address.name)
def test_pages_bring_no_scripts_of_their_own(world, address):
    """What the policy would refuse does not stand in a page in the first place."""
    where = where_of(address, world.own)
    for role in ("doctor", "manager", "patient"):
        response = world.ask(role, "GET", where)
        if not response.headers.get("Content-Type", "").startswith("text/html"):
            continue
        body = b"".join(response) if response.streaming else response.content
        text = body.decode()
        assert not re.search(r"<script(?![^>]*\bsrc=)", text)
        assert not re.search(r"<[^>]+\son[a-z]+\s*=", text)
        assert "javascript:" not in text


@pytest.mark.parametrize("address", ALL, ids=lambda address: address.name)
def test_what_no_text_holds_is_refused_before_any_database_sees_it(world, address):
    """PostgreSQL keeps no NUL in a text: it would be a failure of ours, wherever it is typed."""
    where = where_of(address, world.own)
    for role in (None, "doctor", "manager", "patient"):
        assert world.ask(role, "GET", f"{where}?any=a%00b").status_code == 400
        assert world.ask(role, "POST", where, sends={"any": "a\0b"}).status_code == 400


XSS = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>{{7*7}}#panic()"


def plant(world):
    """Hostile text wherever somebody can type it."""
    own = world.own
    of_resident = {"resident": own.resident, "organisation": own.place}
    author = {"author": own.author}
    Resident.gated.filter(pk=own.resident.pk).update(name=XSS, address=XSS, phone=XSS)
    Resident.gated.filter(pk=own.twin.pk).update(name=XSS, address=XSS)
    Organisation.objects.filter(pk=own.place.pk).update(name=XSS)
    User.objects.filter(pk__in=[own.author.pk, world.users["doctor"].pk]).update(name=XSS)
    Referral.gated.filter(pk=own.referral.pk).update(reason=XSS, answer=XSS, state="answered")
    Message.gated.create(**of_resident, **author, text=XSS)
    Call.gated.create(**of_resident, **author, worklist="overdue", result="later", note=XSS)
    PlanDecision.gated.create(
        **of_resident,
        **author,
        programme="osteoporosis",
        guideline="x",
        item="x",
        decision="edited",
        proposed=XSS,
        text=XSS,
        reason=XSS,
    )
    BreakGlass.objects.create(
        user=own.author, resident=own.resident, reason=XSS, until=timezone.now()
    )


def test_what_anybody_typed_is_never_markup_on_any_page(world):
    plant(world)
    shown, wrong = set(), []
    for address in ALL:
        where = where_of(address, world.own)
        for role in ("doctor", "manager", "patient"):
            response = world.ask(role, "GET", f"{where}?{urlencode({'q': XSS, 'next': XSS})}")
            if not response.headers.get("Content-Type", "").startswith("text/html"):
                continue
            text = response.content.decode()
            if "<script>alert" in text or "<img src=x" in text or "49#panic" in text:
                wrong.append((address.name, role))
            if "&lt;script&gt;alert(1)" in text:
                shown.add(address.name)
    assert wrong == []
    # It was there to be shown: on these pages at least.
    assert shown >= {"accounts:user", "accounts:users", "accounts:emergencies", "person:page"}
    assert shown >= {"registry:find", "registry:details", "worklist:referral", "person:messages"}
