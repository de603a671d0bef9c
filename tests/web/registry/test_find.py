"""Finding somebody: by every key, within reach only, from indexes, in so many queries."""

from __future__ import annotations

import random
from datetime import date, datetime

import polars as pl
import pytest
from django.db import connection
from django.utils import timezone

from careloop.records.fact import FACT_SCHEMA
from careloop.web.audit.models import Concerned, Entry
from careloop.web.care.models import Referral, Standing
from careloop.web.registry import registration, search
from careloop.web.registry.pinyin import spelt
from careloop.web.registry.resident import Resident

from .. import factory

FIND = "/people"


def _resident(place, name="单秀英", **fields):
    pinyin, initials = spelt(name)
    national_id = fields.pop("national_id", "")
    return factory.resident(
        place,
        name=name,
        pinyin=pinyin,
        initials=initials,
        national_id=national_id,
        national_id_tail=national_id[-6:],
        **fields,
    )


@pytest.fixture
def wanted(tree, number):
    return _resident(
        tree.clinic, national_id=number(), phone="12011112222", person_id="9900000010017"
    )


@pytest.fixture
def others(tree, number):
    """Somebody else near, and the very same person's twin out of reach."""
    _resident(tree.clinic, "李桂兰", national_id=number("19620101", 4), phone="12033334444")
    return _resident(tree.other_centre, national_id=number(), phone="12011112222")


@pytest.mark.parametrize(
    "told",
    [
        "单秀英",
        "单秀",
        "秀英",
        "单 秀英",
        "sxy",
        "SXY",
        "shanxiuying",
        "shan xiu ying",
        "xiuying",
        "{id4}",
        "{id5}",
        "{id6}",
        "{id}",
        "{id_small}",
        "12011112222",
        "+86 120 1111 2222",
        "120-1111-2222",
        "2222",
        "11112222",
        "１２０１１１１２２２２",
        "9900000010017",
    ],
)
def test_each_key_finds_the_one_meant_and_nobody_out_of_reach(page, wanted, others, told):
    whole = wanted.national_id
    told = told.format(
        id4=whole[-4:], id5=whole[-5:], id6=whole[-6:], id=whole, id_small=whole.lower()
    )
    text = page.get(FIND, {"q": told}).content.decode()
    assert str(wanted.public_id) in text
    assert str(others.public_id) not in text
    assert "李桂兰" not in text


@pytest.mark.parametrize(
    "told", ["", " ", "%", "_", "王_英", "'; DROP", "\\", "a" * 500, "\x01", "１"]
)
def test_strange_words_find_nobody_and_break_nothing(page, wanted, told):
    answer = page.get(FIND, {"q": told, "page": "x", "place": "none"})
    assert answer.status_code == 200
    assert "单秀英" not in answer.content.decode()


def test_what_is_shown_is_masked_and_escaped(page, tree, number):
    evil = '<script>alert("x")</script>'
    known = _resident(tree.clinic, national_id=number(), birth_date=date(1950, 5, 1))
    Resident.gated.filter(pk=known.pk).update(name=evil)
    text = page.get(FIND, {"q": number()[-4:]}).content.decode()
    assert number() not in text
    assert f"…{number()[-4:]}" in text
    assert evil not in text
    assert "&lt;script&gt;" in text
    assert evil not in page.get(FIND, {"q": evil}).content.decode()


def test_the_level_stands_beside_the_name(page, wanted):
    Standing.gated.create(
        resident=wanted,
        organisation=wanted.organisation,
        programme="osteoporosis",
        as_of=timezone.localdate(),
        level=3,
    )
    page.cookies["careloop_language"] = "en"
    text = page.get(FIND, {"q": "sxy"}).content.decode()
    assert '<span class="tag stop">high: treatment assessment</span>' in text


def test_a_place_narrows_and_alone_lists_its_people(page, tree, wanted):
    beside = _resident(tree.other_clinic)
    for told in ("sxy", ""):
        text = page.get(FIND, {"q": told, "place": tree.clinic.public_id}).content.decode()
        assert str(wanted.public_id) in text
        assert str(beside.public_id) not in text
    text = page.get(FIND, {"q": "sxy", "place": tree.other_centre.public_id}).content.decode()
    assert str(beside.public_id) in text  # a place out of reach is no place: nothing is narrowed


def test_merged_registrations_are_not_found(page, wanted, tree):
    Resident.gated.filter(pk=wanted.pk).update(state="merged")
    assert str(wanted.public_id) not in page.get(FIND, {"q": "sxy"}).content.decode()


def test_somebody_referred_here_is_found(page, tree, nurse, others):
    assert str(others.public_id) not in page.get(FIND, {"q": "sxy"}).content.decode()
    Referral.gated.create(
        request_key=others.public_id,
        resident=others,
        organisation=others.organisation,
        from_organisation=tree.other_centre,
        to_organisation=tree.centre,
        reason="x",
        author=nurse,
    )
    assert str(others.public_id) in page.get(FIND, {"q": "sxy"}).content.decode()


def test_with_htmx_the_list_alone_comes(page, wanted):
    answer = page.get(FIND, {"q": "sxy"}, headers={"HX-Request": "true"})
    text = answer.content.decode()
    assert str(wanted.public_id) in text
    assert "<html" not in text
    assert "HX-Request" in answer.headers["Vary"]


def test_whose_names_were_shown_is_written_down(page, wanted):
    page.get(FIND, {"q": "sxy"})
    entry = Entry.objects.get(action="list")
    assert entry.detail == {"page": "registry:find"}
    assert Concerned.objects.get(entry=entry).resident_public_id == wanted.public_id


@pytest.mark.parametrize("role", ["manager", "researcher", "patient"])
def test_others_find_nobody(client, tree, wanted, role):
    assert client.get(FIND).status_code == 302
    account = factory.user(role, tree.bureau, resident=wanted if role == "patient" else None)
    client.force_login(account)
    assert client.get(FIND, {"q": "sxy"}).status_code == 403


def test_pages_of_fifty(page, tree):
    for _ in range(60):
        _resident(tree.clinic)
    first = page.get(FIND, {"q": "单"}).content.decode()
    second = page.get(FIND, {"q": "单", "page": 2}).content.decode()
    assert (first.count('class="whole"'), second.count('class="whole"')) == (50, 10)
    assert 'rel="next"' in first
    assert 'rel="next"' not in second
    assert 'rel="prev"' in second


@pytest.mark.parametrize("count", [1, 40])
def test_queries_do_not_grow_with_what_is_found(page, tree, count, django_assert_max_num_queries):
    for _ in range(count):
        _resident(tree.clinic)
    with django_assert_max_num_queries(18):
        assert page.get(FIND, {"q": "单"}).content.decode().count('class="whole"') == count


def test_too_many_are_cut_off_with_a_word(page, tree):
    pinyin, initials = spelt("单秀英")
    Resident.gated.bulk_create(
        Resident(
            person_id=f"97{at:08d}",
            name="单秀英",
            pinyin=pinyin,
            initials=initials,
            organisation=tree.clinic,
        )
        for at in range(search.MOST + 1)
    )
    page.cookies["careloop_language"] = "en"
    last = page.get(FIND, {"q": "单", "page": 4}).content.decode()
    assert "More than 200 fit" in last
    assert last.count('class="whole"') == 50
    assert 'rel="next"' not in last
    Resident.gated.filter(person_id="9700000000").delete()
    assert "More than 200 fit" not in page.get(FIND, {"q": "单"}).content.decode()


# --- twenty thousand people


@pytest.fixture
def many(tree):
    draw = random.Random(1)
    names = "".join(chr(each) for each in range(0x5F20, 0x5F60))
    rows = []
    for at in range(20_000):
        name = draw.choice("王李张刘") + draw.choice(names) + draw.choice(names)
        pinyin, initials = spelt(name)
        number = f"990000195001{at:05d}X"
        rows.append(
            Resident(
                person_id=f"98{at:08d}",
                name=name,
                pinyin=pinyin,
                initials=initials,
                national_id=number,
                national_id_tail=number[-6:],
                phone=f"120{at:08d}",
                organisation=draw.choice(
                    [tree.centre, tree.clinic, tree.other_clinic, tree.hospital]
                ),
            )
        )
    Resident.gated.bulk_create(rows, batch_size=1000)
    return rows


def test_every_way_of_finding_seeks_in_an_index(tree, many):
    if connection.vendor != "sqlite":
        pytest.skip("reads SQLite's plans")
    gate = factory.gate("doctor", tree.hospital)
    known = many[4711]
    merged = "=?)"  # two seeks: the number of the other, the row of the one who stands
    expected = {
        known.name: ("resident_place", "resident_place"),
        "zxy": ("sqlite_autoindex", "resident_initials", "resident_pinyin", merged),
        known.pinyin: (
            "sqlite_autoindex",
            "resident_initials",
            "resident_pinyin",
            "resident_pinyin",
            merged,
        ),
        known.national_id: ("sqlite_autoindex", "resident_national_id", merged, merged),
        known.national_id[-6:]: ("sqlite_autoindex", "resident_id_tail", merged),
        known.national_id[-5:]: ("sqlite_autoindex", "resident_id_last4", merged),
        known.phone: ("sqlite_autoindex", "resident_phone", merged, merged),
        known.phone[-4:]: (
            "sqlite_autoindex",
            "resident_id_last4",
            "resident_phone_last4",
            "resident_phone",
            merged,
        ),
    }
    for told, indexes in expected.items():
        ways = search.lookups(told)
        assert len(ways) == len(indexes), told
        for way, index in zip(ways, indexes, strict=True):
            (part,) = search.within(gate, None)
            plan = part.filter(way.where).order_by(*way.order).values_list("pk").explain()
            reading = [line for line in plan.splitlines() if "registry_resident" in line]
            assert reading, plan
            assert all("SEARCH" in line and index in line for line in reading), (told, plan)
        if told != "zxy":
            found = [row.resident.person_id for row in search.find(gate, told).rows]
            assert known.person_id in found or len(found) == 50, told
    plan = gate.residents().filter(gate.having(known.national_id)).explain()
    reading = [line for line in plan.splitlines() if "registry_resident" in line]
    assert all("SEARCH" in line for line in reading), plan
    names = [row.resident.name for row in search.find(gate, "", place=tree.clinic).rows]
    assert names == sorted(each.name for each in many if each.organisation == tree.clinic)[:50]
    (part,) = search.within(gate, tree.clinic)
    assert "resident_place" in part.order_by("name", "pk").values_list("pk").explain()


# --- in step with imports


def test_what_an_import_changes_is_found_at_once(tree):
    gate = factory.gate("doctor", tree.hospital)

    def told(day, **details):
        at = datetime(2026, 1, day)
        rows = [
            {
                "person_id": "99000000000000001",
                "variable": variable,
                "text": text,
                "effective_at": at,
                "recorded_at": at,
                "status": "final",
                "source": "x",
            }
            for variable, text in details.items()
        ]
        return pl.DataFrame(rows, schema=FACT_SCHEMA)

    def found(text):
        return [row.resident.name for row in search.find(gate, text).rows]

    first = told(
        1,
        name="单秀英",
        phone="12011112222",
        national_id="99000019500501002X",
        organisation="东一村卫生室",
    )
    assert registration.register(first)[0] == 1
    assert [found(text) for text in ("2222", "002X", "sxy", "秀英")] == [["单秀英"]] * 4
    later = pl.concat([first, told(2, name="单秀瑛", phone="12033334444")])
    assert registration.register(later) == (0, 1)
    assert [found(text) for text in ("4444", "33334444", "秀瑛")] == [["单秀瑛"]] * 3
    assert [found(text) for text in ("2222", "秀英")] == [[], []]
