"""Pages to hand over: what the doctor decided, on one sheet, in text that can be selected."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pypdfium2
import pytest
from django.test import Client
from django.urls import reverse

from careloop.dictionary.catalogue import load
from careloop.web.audit.models import Entry
from careloop.web.care.models import PlanDecision, Referral, Task, Visit
from careloop.web.care.person.considered import known
from careloop.web.care.person.decision import Answer, decide, proposals
from careloop.web.care.standing import PROGRAMME, refresh, today
from careloop.web.report.leaflet import slip
from careloop.web.report.record import record

from .. import factory
from ..person import case


@pytest.fixture
def tree(db):
    return factory.Tree()


@pytest.fixture
def woman(tree):
    resident = factory.resident(tree.clinic, name="欧阳秀英", phone="12000001234")
    case.tell(resident, *case.osteoporosis())
    return resident


@pytest.fixture
def doctor(tree):
    return factory.user("doctor", tree.centre, name="李医生")


@pytest.fixture
def client(doctor):
    client = Client()
    client.force_login(doctor)
    return client


def decisions(doctor, resident, **wanted):
    """Decide on proposals by key; returns their words as they were proposed."""
    gate = factory.Gate(doctor)
    found = known(gate.facts(resident), today())
    shown = proposals(gate, resident, found)
    for key, (decision, text) in wanted.items():
        each = shown.of(key)
        decide(
            gate, resident, found, Answer(key, decision, each.seen, text, "患者要求", checked=True)
        )
    return {each.item.key: each.item for each in shown.items}


def text_of(data):
    pdf = pypdfium2.PdfDocument(data)
    pages = []
    for page in pdf:
        reader = page.get_textpage()
        pages.append(reader.get_text_range())
        reader.close()
        page.close()
    pdf.close()
    return pages


def kinds(doctor, resident):
    gate = factory.Gate(doctor)
    found = known(gate.facts(resident), today())
    return proposals(gate, resident, found).items


def test_the_page_says_what_was_decided(client, doctor, woman):
    """Rejected: gone; edited: the doctor's words; undecided: as proposed."""
    chosen = [
        each.item for each in kinds(doctor, woman) if each.item.kind in ("nutrition", "falls")
    ]
    rejected, edited, left = chosen[:3]
    before = client.get(reverse("report:patient", args=[woman.public_id])).content.decode()
    assert rejected.patient.zh in before
    assert "医生尚未决定" in before
    decisions(
        doctor,
        woman,
        **{rejected.key: ("rejected", ""), edited.key: ("edited", "每天两杯酸奶，不喝牛奶")},
    )
    for name in ("report:patient", "report:patient_pdf"):
        answer = client.get(reverse(name, args=[woman.public_id]))
        told = (
            answer.content.decode()
            if name == "report:patient"
            else "".join(text_of(answer.content)).replace("\r\n", "")
        )
        assert rejected.patient.zh not in told
        assert "每天两杯酸奶，不喝牛奶" in told
        assert edited.patient.zh not in told
        assert left.patient.zh[:12] in told
        assert "医生尚未决定" not in told


def test_an_accepted_medicine_is_the_only_one(client, doctor, woman):
    options = [each.item for each in kinds(doctor, woman) if each.item.kind == "medicine"]
    assert len(options) > 1
    page = reverse("report:patient", args=[woman.public_id])
    assert "医生会和您一起选一种" in client.get(page).content.decode()
    decisions(doctor, woman, **{options[0].key: ("accepted", "")})
    told = client.get(page).content.decode()
    assert "医生会和您一起选一种" not in told
    assert options[0].patient.zh in told
    assert not any(each.patient.zh in told for each in options[1:] if each.patient)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_pdf_is_one_selectable_page_with_its_font(client, woman, language):
    client.cookies["careloop_language"] = language
    answer = client.get(reverse("report:patient_pdf", args=[woman.public_id]))
    assert answer["Content-Type"] == "application/pdf"
    assert woman.name not in answer["Content-Disposition"]
    pages = text_of(answer.content)
    assert len(pages) == 1
    assert "欧阳秀英" in pages[0]
    assert ("我的健康计划" if language == "zh" else "My health plan") in pages[0]
    assert b"NotoSansSC-Regular" in answer.content
    assert b"/FontFile2" in answer.content
    assert len(answer.content) < 200_000
    assert (
        answer.content == client.get(reverse("report:patient_pdf", args=[woman.public_id])).content
    )


def test_the_record_holds_values_plan_decisions_and_visits(client, doctor, woman):
    key = kinds(doctor, woman)[0].item.key
    decisions(doctor, woman, **{key: ("rejected", "")})
    page = client.get(reverse("report:doctor", args=[woman.public_id])).content.decode()
    answer = client.get(reverse("report:doctor_pdf", args=[woman.public_id]))
    told = "".join(text_of(answer.content))
    for words in ("欧阳秀英", "0.950", "2024-03-01", "东街.csv", "患者要求", "OSTA", "骨质疏松"):
        assert words in page
        assert words in told
    assert len(answer.content) < 200_000
    assert b"NotoSansSC-Regular" in answer.content


def test_days_in_the_record_are_of_this_sites_clock(client, tree, doctor, woman):
    """In China a decision of seven in the morning is one of that day, not of the day before."""
    key = kinds(doctor, woman)[0].item.key
    decisions(doctor, woman, **{key: ("rejected", "")})
    early = datetime(2026, 3, 4, 23, 30, tzinfo=UTC)  # 07:30 on the 5th
    gate = factory.Gate(doctor)
    gate.about(woman, PlanDecision).update(decided_at=early)
    sent = Referral(
        request_key=uuid4(),
        resident=woman,
        organisation_id=woman.organisation_id,
        from_organisation=tree.centre,
        to_organisation=tree.hospital,
        author=doctor,
        reason="看骨科",
    )
    sent.save()
    gate.about(woman, Referral).update(sent_at=early)
    page = client.get(reverse("report:doctor", args=[woman.public_id])).content.decode()
    assert "2026-03-05" in page
    assert "2026-03-04" not in page


def test_the_record_leaves_no_visit_out(client, doctor, woman):
    gate = factory.Gate(doctor)
    days = [today() - timedelta(days=n) for n in range(40)]
    for day in days:
        Visit(
            request_key=uuid4(),
            resident=woman,
            organisation_id=woman.organisation_id,
            programme=PROGRAMME,
            kind="phone",
            happened_on=day,
            author=doctor,
            answers={"weight_kg": 50},
            source=f"visit-{uuid4()}",
        ).save()
    assert len(record(gate, woman)["visits"]) == 40


def test_a_visit_that_is_overdue_is_no_appointment_in_the_past(client, tree, woman):
    gate = factory.gate("nurse", tree.centre)
    for days, kind in ((-40, "yearly"), (30, "dxa")):
        Task(
            resident=woman,
            organisation_id=woman.organisation_id,
            programme=PROGRAMME,
            kind=kind,
            due_on=today() + timedelta(days=days),
        ).save()
    late, coming = slip(gate, woman)["where"]
    assert late.startswith("请尽快来：")
    assert coming.startswith((today() + timedelta(days=30)).isoformat())


def test_the_record_counts_the_textures_of_an_image_and_says_sides_in_words(client, woman):
    texture = [key for key in load() if key.startswith("radiomics_")][:40]
    case.tell(
        woman,
        *(case.fact(key, 1.5, "2026-01-02", region="radius") for key in texture),
        case.fact("t_total_hip", -2.9, "2026-01-03", side="left", device="hologic"),
    )
    page = client.get(reverse("report:doctor", args=[woman.public_id])).content.decode()
    told = "".join(
        text_of(client.get(reverse("report:doctor_pdf", args=[woman.public_id])).content)
    )
    for text in (page, told):
        assert "灰度与纹理（研究用）" in text
        assert "40 项测量" in text
        assert "灰度统计" not in text
        assert "左侧" in text
        assert "；left" not in text


def test_somebody_without_facts_has_pages_too(client, tree):
    empty = factory.resident(tree.clinic, name="", birth_date=None, sex="", phone="")
    for name in ("slip", "patient", "patient_pdf", "doctor", "doctor_pdf"):
        assert client.get(reverse(f"report:{name}", args=[empty.public_id])).status_code == 200
    page = client.get(reverse("report:doctor", args=[empty.public_id])).content.decode()
    assert page.count("<dd>未知</dd>") == 3  # birth date, ID number, telephone


def test_the_slip_says_risk_step_and_where(client, tree, woman):
    gate = factory.gate("nurse", tree.centre)
    refresh(woman, gate.facts(woman))
    page = client.get(reverse("report:slip", args=[woman.public_id])).content.decode()
    answer = client.get(reverse("report:slip", args=[woman.public_id]) + "?as=pdf")
    (told,) = text_of(answer.content)
    for words in ("欧阳秀英", "您的骨骼比较脆弱", "东一村卫生室", "李医生"):
        assert words in page
        assert words in told.replace("\r\n", "")


NASTY = '#read("/etc/passwd") </p><script>alert(1)</script> *b* $x$ \\u{0} @ref'


def test_a_name_is_never_a_command(client, tree):
    nasty = factory.resident(tree.clinic, name=NASTY)
    case.tell(nasty, *case.osteoporosis())
    for name in ("patient", "doctor", "slip"):
        page = client.get(reverse(f"report:{name}", args=[nasty.public_id])).content.decode()
        assert "<script>alert" not in page
        address = reverse(
            f"report:{name}_pdf" if name != "slip" else "report:slip", args=[nasty.public_id]
        )
        told = "".join(text_of(client.get(address, {"as": "pdf"}).content)).replace("\r\n", " ")
        assert '#read("/etc/passwd")' in told
        assert "root:" not in told


def test_a_character_that_cannot_be_printed_is_told(client, tree):
    rare = factory.resident(tree.clinic, name="王𠮷\u202eevil\x07")
    (told,) = text_of(client.get(reverse("report:patient_pdf", args=[rare.public_id])).content)
    assert "王〔U+20BB7〕evil" in told
    assert "请手写" in told
    common = factory.resident(tree.clinic, name="䶮㛃堃喆昇")  # of the table of 8,105 characters
    (told,) = text_of(client.get(reverse("report:patient_pdf", args=[common.public_id])).content)
    assert "㛃" in told
    assert "U+" not in told.replace("U+6607", "")  # 昇 is in GB 18030 only


@pytest.mark.parametrize("name", ["\u200b", "\x07", "　", "王👩‍👧小", "محمد"])
def test_no_name_keeps_a_page_from_being_printed(client, tree, name):
    strange = factory.resident(tree.clinic, name=name)
    for page in ("patient_pdf", "doctor_pdf"):
        assert client.get(reverse(f"report:{page}", args=[strange.public_id])).status_code == 200


def test_every_page_is_audited_and_kept_from_others(client, tree, woman):
    names = ("slip", "patient", "patient_pdf", "doctor", "doctor_pdf")
    for name in names:
        client.get(reverse(f"report:{name}", args=[woman.public_id]))
    assert Entry.objects.filter(action="report.read").count() == len(names)
    for role, place, status in (
        ("manager", tree.bureau, 403),
        ("researcher", tree.bureau, 403),
        ("doctor", tree.other_centre, 404),
        ("village_doctor", tree.other_clinic, 404),
    ):
        other = Client()
        other.force_login(factory.user(role, place))
        for name in names:
            assert (
                other.get(reverse(f"report:{name}", args=[woman.public_id])).status_code == status
            )
    assert Client().get(reverse("report:doctor", args=[woman.public_id])).status_code == 302


def test_pages_ask_as_often_for_much_as_for_little(client, woman, django_assert_max_num_queries):
    for name, most in (("patient", 20), ("doctor", 30), ("slip", 20)):
        address = reverse(f"report:{name}", args=[woman.public_id])
        client.get(address)
        with django_assert_max_num_queries(most) as few:
            client.get(address)
        asked = len(few)
        case.tell(
            woman,
            *(case.fact("weight_kg", 50 + day / 10, case.days_ago(day)) for day in range(1, 60)),
        )
        client.get(address)
        with django_assert_max_num_queries(asked):
            client.get(address)
