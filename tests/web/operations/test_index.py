"""No page goes through a whole table of persons' data: every query is answered from an index."""

from __future__ import annotations

import re

import pytest
from django.db import connection

from careloop.web.audit.chain import append
from careloop.web.care.standing import worklists
from careloop.web.registry.registration import after_import
from careloop.web.registry.resident import Resident

from .. import factory
from .test_registration import WANG, person, tell

LARGE = {
    "registry_fact",
    "registry_person",
    "registry_resident",
    "care_standing",
    "care_listed",
    "care_visit",
    "care_visitversion",
    "care_task",
    "care_call",
    "care_plandecision",
    "care_consent",
    "care_message",
    "audit_entry",
    "audit_concerned",
    "django_session",
}
"""Tables that grow with the number of people, or with the years."""


def scans(sql: str, values: object) -> list[str]:
    """Large tables that SQLite would go through from end to end for a query."""
    names = {name: name for name in LARGE}
    names |= {alias: table for table, alias in re.findall(r'"(\w+)" ([A-Z]\d+)\b', sql)}
    with connection.cursor() as cursor:
        plan = cursor.execute(f"EXPLAIN QUERY PLAN {sql}", values).fetchall()
    found = (re.match(r"SCAN (\w+)(.*)", row[3]) for row in plan)
    return [
        f"{match[0]}  ←  {sql[:300]}"
        for match in found
        if match and names.get(match[1]) in LARGE and not _bounded(match[1], sql)
    ]


def _bounded(table: str, sql: str) -> bool:
    """The audit is walked from its newest entry until a page is full."""
    newest = 'ORDER BY "audit_entry"."number" DESC LIMIT'
    return table == "audit_entry" and (newest in sql or "ORDER BY 1 DESC LIMIT 1" in sql)


@pytest.fixture
def asked():
    """The queries of a block, with their values."""

    class Asked(list):
        def __call__(self, execute, sql, values, many, context):
            if sql.lstrip().startswith("SELECT"):
                self.append((sql, values))
            return execute(sql, values, many, context)

    return Asked()


@pytest.fixture
def tree(db):
    made = factory.Tree()
    tell(
        *person("P1", **WANG, weight_kg=40, fragility_fracture_hip=1),
        *person("P2", **WANG | {"name": "王兰", "phone": "12900000002"}, weight_kg=50),
    )
    after_import()
    with connection.cursor() as cursor:  # else it knows that two people are not many
        cursor.execute("DELETE FROM sqlite_stat1")
        cursor.execute("ANALYZE sqlite_schema")
    return made


PAGES = {
    "nurse": (
        "/",
        "/people?q=单秀英",
        "/people?q=sxy",
        "/people?q=010023",
        "/people?q=12900000001",
        "/people?q=0001",
        "/people/{id}",
        "/people/{id}/timeline",
        "/people/{id}/messages",
        "/people/{id}/consents",
        "/people/{id}/audit",
        "/people/{id}/visit/community",
        "/people/{id}/details",
        "/referrals",
        *(f"/lists/{each.key}" for each in worklists().lists),
    ),
    "manager": ("/audit", "/audit?user=li", "/audit?action=read", "/numbers"),
}


@pytest.mark.parametrize(("role", "page"), [(r, p) for r, pages in PAGES.items() for p in pages])
def test_no_page_goes_through_a_large_table(client, tree, asked, role, page):
    one = Resident.gated.get(person_id="P1")
    place = tree.bureau if role == "manager" else tree.centre
    somebody = factory.user(role, place)
    client.force_login(somebody)
    append(factory.Gate(somebody).actor, "read", [one.public_id])
    with connection.execute_wrapper(asked):
        response = client.get(page.format(id=one.public_id))
    assert response.status_code == 200, page
    assert asked
    found = [each for sql, values in asked for each in scans(sql, values)]
    assert found == []


def test_a_scan_is_found(tree):
    assert scans('SELECT * FROM "registry_resident" WHERE "address" = %s', ["x"])
    assert scans('SELECT * FROM "care_listed" U0 WHERE U0."due_on" IS NULL', [])
    assert not scans('SELECT * FROM "registry_resident" WHERE "person_id" = %s', ["x"])
