"""Printing for a whole village: everybody once, nobody of another region, in steps where many."""

from __future__ import annotations

import re
from dataclasses import replace

import pypdfium2
import pytest
import segno
from django.test import Client
from django.urls import reverse

from careloop.web.audit.models import Entry
from careloop.web.care.models import Listed
from careloop.web.care.standing import PROGRAMME, today, worklists
from careloop.web.registry.card import picture
from careloop.web.report import batch

from .. import factory
from ..person import case
from .test_leaflet import text_of


@pytest.fixture(autouse=True)
def var(settings, tmp_path):
    settings.CONFIGURATION = replace(settings.CONFIGURATION, var=tmp_path)
    return tmp_path


@pytest.fixture
def tree(db):
    return factory.Tree()


@pytest.fixture
def village(tree):
    """Four residents of the village, one gone; and one of the next village."""
    names = ("甲一", "乙二", "丙三", "丁四")
    known = [factory.resident(tree.clinic, name=name) for name in names]
    factory.resident(tree.clinic, name="已故人", state="dead")
    factory.resident(tree.other_clinic, name="邻村人")
    factory.resident(tree.other_centre, name="他区人")
    case.tell(known[0], *case.osteoporosis())
    return known


@pytest.fixture
def client(tree):
    client = Client()
    client.force_login(factory.user("nurse", tree.centre))
    return client


def test_the_page_says_for_which_place_it_counted(client, tree, village, monkeypatch):
    """Whoever chooses another place and prints at once must see what is printed."""
    address = reverse("report:batch")
    page = client.get(address, {"place": tree.clinic.public_id}).content.decode()
    assert f"{tree.clinic.name} · 共 4 人" in page
    assert 'hx-trigger="change"' in page  # and is counted anew where there is a script
    monkeypatch.setattr(batch, "MOST", 3)
    page = client.get(address, {"place": tree.clinic.public_id}).content.decode()
    assert f"{tree.clinic.name} · 超过 3 人" in page
    assert "共 3 人" not in page


def test_a_village_is_one_file_with_a_page_each(client, tree, village):
    address = reverse("report:batch")
    page = client.get(address, {"place": tree.clinic.public_id}).content.decode()
    assert "4 " in page
    for what in ("patient", "slip"):
        answer = client.post(address, {"what": what, "place": str(tree.clinic.public_id)})
        assert answer["Content-Type"] == "application/pdf"
        pages = text_of(answer.content)
        assert len(pages) == 4
        assert {
            name for name in ("甲一", "乙二", "丙三", "丁四") if any(name in one for one in pages)
        }
        assert not any("邻村人" in one or "已故人" in one for one in pages)
    assert Entry.objects.filter(action="report.read", detail={"page": "report.batch"}).count() == 2


def test_a_rare_character_is_told_of_on_its_own_page_alone(client, tree, village):
    factory.resident(tree.clinic, name="王𠮷")
    answer = client.post(
        reverse("report:batch"), {"what": "slip", "place": str(tree.clinic.public_id)}
    )
    pages = text_of(answer.content)
    assert [("U+20BB7" in page, "请手写" in page) for page in pages].count((True, True)) == 1
    assert [("U+20BB7" in page, "请手写" in page) for page in pages].count((False, False)) == 4


def test_cards_of_a_village_stand_on_one_sheet_and_their_codes_lead_home(client, tree, village):
    wanted = {"what": "card", "place": str(tree.clinic.public_id)}
    assert "4" in client.get(reverse("report:batch"), wanted).content.decode()
    answer = client.post(reverse("report:batch"), wanted)
    (sheet,) = text_of(answer.content)
    assert all(each.name in sheet for each in village)
    assert "邻村人" not in sheet
    svg = picture(village[0], "http://testserver/")
    address = reverse("person:page", args=[village[0].public_id])
    same = segno.make(f"http://testserver{address}", error="m", micro=False)
    assert re.search(r' d="[^"]+"', same.svg_inline(border=2))[0] in svg


def test_a_list_is_printed_in_its_order_without_those_off_it_after_a_call(client, tree, village):
    key = worklists().lists[0].key
    for rank, one in enumerate((village[2], village[1], village[0])):
        Listed.gated.create(
            resident=one,
            organisation=tree.clinic,
            programme=PROGRAMME,
            worklist=key,
            rank=rank,
            since=today(),
            off_until=today() if one == village[0] else None,
        )
    answer = client.post(reverse("report:batch"), {"what": "slip", "list": key})
    first, second = text_of(answer.content)
    assert "丙三" in first
    assert "乙二" in second


def test_ids_of_other_regions_and_places_are_left_out(client, tree, village):
    far = factory.resident(tree.other_centre, name="他区人二")
    near = village[0]
    ids = [str(far.public_id), str(near.public_id), "nonsense"]
    answer = client.post(reverse("report:batch"), {"what": "slip", "id": ids})
    assert len(text_of(answer.content)) == 1
    for place in (tree.other_centre.public_id, "nonsense"):
        answer = client.post(reverse("report:batch"), {"what": "slip", "place": str(place)})
        assert answer["Content-Type"].startswith("text/html")
    for role, status in (("manager", 403), ("researcher", 403)):
        other = Client()
        other.force_login(factory.user(role, tree.bureau))
        assert other.get(reverse("report:batch")).status_code == status


def test_many_are_made_step_by_step_by_their_own_user(client, tree, village, monkeypatch, var):
    monkeypatch.setattr(batch, "AT_ONCE", 2)
    monkeypatch.setattr(batch, "STEP_S", 0.0)
    monkeypatch.setattr(batch, "PART", 2)
    begun = client.post(
        reverse("report:batch"), {"what": "slip", "place": str(tree.clinic.public_id)}
    )
    assert re.search(r"job=[0-9a-f]{32}$", begun.url)
    waits = client.get(begun.url)
    assert "<progress" in waits.content.decode()
    stranger = Client()
    stranger.force_login(factory.user("nurse", tree.centre))
    assert stranger.get(begun.url).status_code == 404
    assert client.get(reverse("report:batch") + "?job=../../etc").status_code == 404
    monkeypatch.setattr(batch, "STEP_S", 60.0)
    village[2].state = "dead"  # since the work began
    village[2].save()
    made = client.get(begun.url)
    assert len(pypdfium2.PdfDocument(made.content)) == 3
    assert not list((var / "batches").iterdir())
    assert client.get(begun.url).status_code == 404


def test_no_more_than_the_limit(client, tree, village, monkeypatch):
    monkeypatch.setattr(batch, "MOST", 3)
    page = client.get(reverse("report:batch"), {"place": tree.clinic.public_id}).content.decode()
    assert 'class="notice warning"' in page
    answer = client.post(
        reverse("report:batch"), {"what": "slip", "place": str(tree.clinic.public_id)}
    )
    assert len(text_of(answer.content)) == 3


def test_those_beyond_the_limit_are_printed_next(client, tree, village, monkeypatch):
    """A place that has no smaller ones below it is printed part by part; nobody is left out."""
    monkeypatch.setattr(batch, "MOST", 3)
    address, wanted = reverse("report:batch"), {"what": "slip", "place": tree.clinic.public_id}
    first, second = client.get(address, wanted), client.get(address, wanted | {"part": 1})
    assert "part=1" in first.content.decode()
    assert "part=0" in second.content.decode()
    assert "part=2" not in second.content.decode()
    printed = [
        page.split("\r\n")[0]
        for part in (0, 1)
        for page in text_of(client.post(address, wanted | {"part": part}).content)
    ]
    assert sorted(printed) == sorted(each.name for each in village)
    for nonsense in ("-1", "x", "99999999999", "999"):
        assert client.get(address, wanted | {"part": nonsense}).status_code == 200


def test_the_page_asks_as_often_for_many_as_for_few(
    client, tree, village, django_assert_max_num_queries
):
    for number in range(20):
        factory.resident(tree.clinic, name=f"多{number}")
    with django_assert_max_num_queries(9):
        client.get(reverse("report:batch"), {"place": tree.clinic.public_id})
