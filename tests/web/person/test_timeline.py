"""The timeline: every fact with its source; what was withdrawn is struck and said."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from careloop.dictionary.catalogue import load
from careloop.records.fact import FACT_SCHEMA
from careloop.records.snapshot import snapshot
from careloop.web.care.person.fact import fingerprint, standing, with_withdrawals
from careloop.web.care.person.timeline import PAGE
from careloop.web.care.person.word import groups as titles
from careloop.web.care.recording import Contact, correct_visit, record_visit
from careloop.web.registry.models import Fact

from .. import factory
from . import case


def test_facts_stand_with_file_row_and_sender(opened, doctor, woman):
    text = opened(doctor, "timeline", woman)
    assert "2024-05-01" in text
    assert "脆性骨折史 <b>是</b>" in text
    assert "东街.csv · 示范医院" in text
    assert "第 3 行" in text
    assert "参考数据库 GE Lunar v113（iDXA，女性）" in text
    assert "0.950 g/cm²" in text


def test_withdrawn_facts_are_struck_and_said(opened, doctor, woman):
    from uuid import uuid4  # noqa: PLC0415

    gate = factory.Gate(doctor)
    day = date.fromisoformat(case.days_ago(3))
    visit = record_visit(
        gate, woman, Contact("home", day, {"weight_kg": 94.0}), request_key=uuid4()
    )
    correct_visit(gate, woman, visit, Contact("home", day, {"weight_kg": 49.0}), version=1)
    text = opened(doctor, "timeline", woman)
    assert "<s>体重 <b>94 kg</b></s>" in text
    assert "撤销 · 李医生" in text
    assert "体重 <b>49 kg</b>" in text
    assert "<s>体重 <b>49 kg</b></s>" not in text
    assert "家庭随访" in text
    assert text.count("94 kg") == 1  # the withdrawal itself is no second fact


def test_what_the_timeline_calls_standing_is_what_a_snapshot_uses():
    rows = [
        case.fact("weight_kg", 50, "2020-01-01", recorded="2020-01-01"),
        case.fact("weight_kg", 50, "2020-01-01", recorded="2020-02-01", status="entered_in_error"),
        case.fact("weight_kg", 50, "2020-01-01", recorded="2020-03-01"),  # told again later
        case.fact("height_cm", 150, "2020-01-01"),
        case.fact("height_cm", 150, "2020-01-01", recorded="2020-02-01", status="entered_in_error"),
        case.fact("tug_s", 11, "2020-01-01", status="entered_in_error"),  # withdraws nothing
    ]
    facts = pl.DataFrame([{"person_id": "P", "source": "s"} | row for row in rows], FACT_SCHEMA)
    stands = standing(facts)
    used = snapshot(facts, date(2026, 1, 1), load()).frame
    assert stands["variable"].to_list() == ["weight_kg"]
    assert "weight_kg" in used.columns
    assert not {"height_cm", "tug_s"} & set(used.columns)
    marked = with_withdrawals(facts)
    assert marked.filter(pl.col("withdrawn_at").is_not_null())["variable"].sort().to_list() == [
        "height_cm",
        "tug_s",
        "weight_kg",
    ]
    assert fingerprint(facts) != fingerprint(facts.head(5))


def test_group_and_day_filter(opened, doctor, woman):
    text = opened(doctor, "timeline", woman, query="?group=dxa")
    assert "T值" in text
    assert "体重 <b>" not in text
    day = opened(doctor, "timeline", woman, query="?on=2024-05-01")
    assert "共 1 条资料" in day
    assert "脆性骨折史" in day


@pytest.mark.parametrize("query", ["?group=nothing&page=9", "?on=never", "?page=-1", "?page=²"])
def test_nonsense_in_the_address_is_harmless(opened, doctor, woman, query):
    opened(doctor, "timeline", woman, query=query)


def test_five_hundred_facts_are_paged_and_none_is_lost(opened, tree, doctor):
    resident = factory.resident(tree.centre)
    values = [40 + number / 10 for number in range(500)]
    case.tell(
        resident,
        *(case.fact("weight_kg", v, case.days_ago(n // 7)) for n, v in enumerate(values)),
    )
    assert Fact.objects.filter(person=resident.person_id).count() == 500
    seen = 0
    for page in range(1, 500 // PAGE + 1):
        text = opened(doctor, "timeline", resident, query=f"?page={page}")
        seen += text.count("<b>")
        assert f"第 {page} / 10 页" in text
    assert seen == 500


def test_an_identity_number_is_masked(opened, tree, doctor):
    resident = factory.resident(tree.centre)
    number = case.fact("national_id", "990000195005011234", "2020-01-01")
    case.tell(resident, number | {"raw": " 990000 19500501 1234 "})
    text = opened(doctor, "timeline", resident)
    assert "••••1234" in text
    assert "990000" not in text


def test_a_measurement_is_shown_as_it_was_recorded(opened, tree, doctor):
    resident = factory.resident(tree.centre)
    device = {"device": "ge_lunar"}
    case.tell(
        resident,
        case.fact("height_cm", 149.5, "2026-01-01"),
        case.fact("bmd_total_hip_g_cm2", 0.7, "2026-01-01", **device),
    )
    text = opened(doctor, "timeline", resident)
    assert "149.5 cm" in text
    assert "GE Lunar" in text
    assert "ge_lunar" not in text


def test_textures_of_an_image_do_not_bury_what_was_found(opened, tree, doctor):
    """An image brings hundreds: they are counted, and their group lists every one."""
    resident = factory.resident(tree.centre)
    texture = [key for key in load() if key.startswith(("radiomics_glcm", "texture_"))][:60]
    case.tell(
        resident,
        *(case.fact(key, 1.5, "2026-01-01", region="radius") for key in texture),
        case.fact("weight_kg", 48, "2025-01-01"),
        case.fact("bone_cortical_thickness_mm", 2.5, "2026-01-01"),
    )
    text = opened(doctor, "timeline", resident)
    assert "共 2 条资料" in text
    assert "体重 <b>48 kg</b>" in text
    assert "灰度共生矩阵" not in text
    assert f"影像的灰度和纹理 {len(texture)} 项未在此列出" in text
    day = opened(doctor, "timeline", resident, query="?on=2026-01-01")
    assert "?group=image&amp;on=2026-01-01" in day
    shown = opened(doctor, "timeline", resident, query="?group=image")
    assert f"共 {len(texture) + 1} 条资料" in shown
    assert "灰度共生矩阵" in shown
    assert "未在此列出" not in shown


def test_every_group_of_the_dictionary_has_words():
    groups = {load()[key].group for key in load()}
    assert groups - set(titles()) <= {"diabetes"}  # another programme's: shown as other facts
