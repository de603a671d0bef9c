"""A kept image: its page, picture, course and table; withdrawing it; who may look."""

from __future__ import annotations

import io
import math

import numpy as np
import polars as pl
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from careloop.records import withdrawal
from careloop.web.audit.models import Entry
from careloop.web.imaging.measured import filing, order, recording
from careloop.web.imaging.measured.demonstration import add_forearm
from careloop.web.imaging.models import Image
from careloop.web.registry.merge import merge, undo
from careloop.web.registry.models import Source

from ... import factory
from . import film
from .record import NAMED, address_of, standing

# --- looking at it


def test_the_page_shows_outlines_areas_checks_and_numbers(kept, client, gate, woman, arm):
    pixels, labels = arm
    row = kept(
        film.dicom(pixels),
        mask=film.png(labels),
        answers=NAMED,
    )
    page = client.get(address_of(row)).content.decode()
    assert page.count("<polygon") == sum(len(one["lines"]) for one in row.told["regions"])
    area = (labels == 1).sum() * film.SPACING_MM**2
    assert f"{area:,.0f}" in page
    inside = pixels[labels == 1].astype(float)
    for number in (inside.mean(), math.sqrt(inside.var())):
        assert f"{number:.4g}" in page
    assert "桡骨" in page
    assert "移动" in page  # which checks could not be made is told
    assert "saliency" not in page
    assert len(page.encode()) < 100_000


def test_outlines_lie_on_the_regions(kept, arm):
    row = kept(mask=film.png(arm[1]), answers={"region-label_1": "-", "region-label_2": "-"})
    width, height = row.told["size"]
    line = row.told["regions"][0]["lines"][0]
    points = np.array([[float(part) for part in point.split(",")] for point in line.split(" ")])
    rows, columns = np.nonzero(arm[1] == 1)
    assert points.min(axis=0) == pytest.approx([columns.min(), rows.min()], abs=1)
    assert points.max(axis=0) == pytest.approx([columns.max() + 1, rows.max() + 1], abs=1)
    assert (points >= 0).all()
    assert (points <= [width, height]).all()


def test_the_picture_comes_through_the_gate_and_is_kept_by_no_cache(kept, client):
    row = kept()
    before = Entry.objects.count()
    answer = client.get(address_of(row) + "?picture=grey")
    assert answer["Content-Type"] == "image/png"
    assert "private" in answer["Cache-Control"]
    assert "no-store" in answer["Cache-Control"]
    assert Entry.objects.count() == before + 1
    for wrong in ("saliency", "document", "../../secret", "result.json", ""):
        assert client.get(address_of(row) + f"?picture={wrong}").status_code == 404


def test_what_a_model_looked_at_is_shown_where_there_is_one(kept, client):
    row = kept()
    (filing.place(row.folder) / order.SALIENCY).write_bytes(film.png(np.zeros((4, 4), np.uint8)))
    row.saliency_of = "模拟模型 1.0"
    row.save()
    assert "模拟模型 1.0" in client.get(address_of(row)).content.decode()
    assert client.get(address_of(row) + "?picture=saliency").status_code == 200


def test_all_numbers_as_csv(kept, client, gate, woman):
    row = kept()
    answer = client.get(address_of(row) + "?csv")
    table = pl.read_csv(io.BytesIO(answer.content))
    facts = standing(gate, woman)
    assert dict(table.select("variable", "value").rows()) == dict(
        facts.select("variable", "number").rows()
    )
    assert set(table["region"]) == {"foreground"}


def test_the_same_region_on_several_days_stands_in_one_table(kept, client):
    kept()
    later = film.arm(1)[0]
    row = kept(film.dicom(later, AcquisitionDate="20250506", StudyDate="20250506"))
    page = client.get(address_of(row)).content.decode()
    table = page[page.index("其他日期") :]
    assert "2024-05-06" in table
    assert "2025-05-06" in table
    right = film.dicom(film.arm(2)[0], ImageLaterality="R", AcquisitionDate="20250507")
    assert "其他日期" not in client.get(address_of(kept(right))).content.decode()


def test_the_residents_page_shows_small_pictures_and_stays_small(kept, client, woman):
    address = reverse("person:page", args=[woman.public_id])
    kept()
    client.get(address)
    with CaptureQueriesContext(connection) as one:
        page = client.get(address).content.decode()
    assert page.count("data:image/jpeg;base64,") == 1
    assert reverse("imaging:image_add", args=[woman.public_id]) in page
    for seed in range(1, 7):
        kept(film.dicom(film.arm(seed)[0], AcquisitionDate=f"2024060{seed}"))
    with CaptureQueriesContext(connection) as many:
        page = client.get(address).content.decode()
    assert len(many) == len(one)
    assert page.count("data:image/jpeg;base64,") == 4
    assert page.index("2024-06-06") < page.index("2024-05-06")
    assert len(page.encode()) < 100_000


def test_the_timeline_says_who_added_it_and_leads_to_it(kept, client, gate, woman):
    row = kept(mask=film.png(film.arm()[1]), answers=NAMED)
    address = reverse("person:timeline", args=[woman.public_id]) + "?group=image"
    page = client.get(address).content.decode()
    assert f'href="{address_of(row)}"' in page
    assert gate.user.name in page
    assert "区域 桡骨" in page
    assert "careloop:" not in page
    client.post(address_of(row), {"do": "withdraw", "reason": "重复"})
    assert "撤回" in client.get(address).content.decode()


# --- taking it back


def test_a_withdrawn_image_leaves_no_picture_and_no_standing_fact(kept, client, gate, woman):
    row = kept()
    assert client.post(address_of(row), {"do": "withdraw", "reason": " "}).status_code == 422
    assert filing.place(row.folder).exists()
    told = client.post(address_of(row), {"do": "withdraw", "reason": "拍错了手"})
    assert not filing.place(row.folder).exists()
    assert standing(gate, woman).is_empty()
    facts = gate.facts(woman)
    assert (facts["status"] == "entered_in_error").sum() * 2 == facts.filter(
        pl.col("variable").str.starts_with("radiomics_")
    ).height
    assert "拍错了手" in client.get(told.url).content.decode()
    for what in ("?picture=grey", "?csv"):
        assert client.get(address_of(row) + what).status_code == 404
    again = kept()
    assert again.pk != row.pk
    assert not standing(gate, woman).is_empty()


def test_withdrawing_one_image_leaves_the_others(kept, client, gate, woman, arm):
    """Two pictures of one day have numbers in common; only one picture's are withdrawn."""
    grey = (arm[0] // 16).astype(np.uint8)
    answers = {"taken_on": "2024-05-06", "side": "left"}
    first = kept(film.png(grey), spacing="0.5", answers=answers)
    other = grey.copy()
    other[0, 0] += 1
    second = kept(film.png(other), spacing="0.5", answers=answers)
    before = standing(gate, woman).filter(pl.col("source") == first.source)
    recording.withdraw(gate, woman, second, "重复")
    after = standing(gate, woman).filter(pl.col("source") == first.source)
    assert before.height == after.height > 0
    assert standing(gate, woman).height == after.height


def test_a_write_that_fails_leaves_nothing_behind(send, client, gate, woman, monkeypatch):
    address = send().url

    def fails(_name):
        raise OSError

    monkeypatch.setattr(filing, "take_over", fails)
    with pytest.raises(OSError):
        client.post(address, {"do": "keep"})
    assert standing(gate, woman).is_empty()
    assert not Source.objects.filter(kind="image").exists()
    assert gate.about(woman, Image).get().state == "measured"


# --- who


def test_a_village_doctor_looks_and_does_not_write(kept, send, tree, woman, client):
    row = kept()
    other = factory.user("village_doctor", tree.clinic)
    client.force_login(other)
    page = client.get(address_of(row)).content.decode()
    assert 'value="withdraw"' not in page
    assert client.post(address_of(row), {"do": "withdraw", "reason": "x"}).status_code == 403
    assert client.get(reverse("imaging:image_add", args=[woman.public_id])).status_code == 403
    person = client.get(reverse("person:page", args=[woman.public_id])).content.decode()
    assert reverse("imaging:image_add", args=[woman.public_id]) not in person
    assert address_of(row) in person


def test_images_of_other_regions_are_not_found(kept, tree, woman, client):
    row = kept()
    other_woman = factory.resident(tree.clinic)
    for role, place, status in (
        ("nurse", tree.other_centre, 404),
        ("village_doctor", tree.other_clinic, 404),
        ("manager", tree.bureau, 403),
        ("researcher", tree.bureau, 403),
    ):
        client.force_login(factory.user(role, place))
        for what in ("", "?picture=grey", "?csv"):
            assert client.get(address_of(row) + what).status_code == status
    client.force_login(factory.user("nurse", tree.centre))
    swapped = reverse("imaging:image", args=[other_woman.public_id, row.public_id])
    assert client.get(swapped).status_code == 404


# --- the demo's


def test_the_demo_has_one_simulated_forearm_by_the_same_doors(gate, woman, client):
    for _ in range(2):
        add_forearm(gate, woman)
    row = gate.about(woman, Image).get()
    assert row.state == "kept"
    assert [one["name"] for one in row.told["regions"]] == [
        "ultradistal_radius",
        "one_third_radius",
    ]
    assert not standing(gate, woman).is_empty()
    assert "模拟" in client.get(address_of(row)).content.decode()


# --- between a merge and its undoing


def _stands(gate, resident):
    """How many numbers of images stand."""
    facts = withdrawal.standing(gate.facts(resident))
    return facts.filter(pl.col("source").str.contains("image|registration")).height


def test_an_image_withdrawn_during_a_merge_stays_withdrawn(kept, client, gate, woman, tree):
    row = kept()
    assert _stands(gate, woman)
    stays = factory.resident(tree.clinic)
    done = merge(gate, stays, woman)
    address = reverse("imaging:image", args=[stays.public_id, row.public_id])
    assert client.post(address, {"do": "withdraw", "reason": "不是她的片子"}).status_code == 302
    undo(gate, done)
    row.refresh_from_db()
    assert (row.state, row.resident) == ("withdrawn", woman)
    for each in (woman, stays):
        each.refresh_from_db()
        assert not _stands(gate, each)


def test_an_image_kept_during_a_merge_goes_back_with_its_numbers(
    client, send, the_image, gate, woman, tree
):
    assert send().status_code == 302
    row = the_image()
    stays = factory.resident(tree.clinic)
    done = merge(gate, stays, woman)
    address = reverse("imaging:image", args=[stays.public_id, row.public_id])
    assert client.post(address, {"do": "keep"}).status_code == 302
    count = _stands(gate, stays)
    assert count
    undo(gate, done)
    row.refresh_from_db()
    assert (row.state, row.resident) == ("kept", woman)
    woman.refresh_from_db()
    assert (_stands(gate, woman), _stands(gate, stays)) == (count, 0)
