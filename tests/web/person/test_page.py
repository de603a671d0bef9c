"""A resident's page: what it says of whom, and with how many queries."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from careloop.web.care.models import Consent, Message, Referral, Task, Visit
from careloop.web.care.person.considered import step_of
from careloop.web.care.person.head import way
from careloop.web.care.person.page import actions
from careloop.web.care.standing import PROGRAMME, refresh, the_programme

from .. import factory
from . import case

QUERIES = 36


def test_page_says_who_it_is_and_what_to_do(opened, doctor, woman):
    text = opened(doctor, "page", woman)
    assert "王秀英" in text
    assert "76 岁" in text or "75 岁" in text
    assert "••••1234" in text
    assert f'href="tel:{woman.phone}"' in text
    assert "您的骨骼" not in text  # words for the resident stand on their own page
    assert "转诊评估治疗" in text
    assert "已符合骨质疏松症诊断" in text
    assert reverse("worklist:refer", args=[woman.public_id]) in text


def test_reasons_name_the_fact_and_its_day(opened, doctor, woman):
    text = opened(doctor, "page", woman)
    address = reverse("person:timeline", args=[woman.public_id])
    assert f'腰椎(L1–L4)T值 <b>−2.9</b> <a href="{address}?on=2024-03-01">2024-03-01</a>' in text
    assert f'脆性骨折史 <b>是</b> <a href="{address}?on=2024-05-01">2024-05-01</a>' in text


def test_alarms_stand_before_everything_else(opened, doctor, woman):
    late = case.days_ago(250)
    case.tell(
        woman, case.fact("denosumab_current", 1, late), case.fact("denosumab_last_on", late, late)
    )
    text = opened(doctor, "page", woman)
    assert 0 < text.index('role="alert"') < text.index('id="now"')
    assert "红色警报" in text
    assert "已在治疗" in text  # not: refer to decide about a treatment


def test_page_of_somebody_of_whom_nothing_is_known(opened, tree, doctor):
    empty = factory.resident(
        tree.centre, name="", phone="", birth_date=None, sex="", national_id_tail=""
    )
    for name in ("page", "risk", "timeline", "plan", "messages", "consents"):
        opened(doctor, name, empty)
    text = opened(doctor, "page", empty)
    assert "（无姓名）" in text
    assert "年龄未知" in text
    assert "风险未知" in text
    assert "请先做筛查" in text
    assert reverse("visit:new", args=[empty.public_id, "screening"]) in text
    assert "tel:" not in text


def test_page_in_english(opened, doctor, woman, client):
    client.cookies["careloop_language"] = "en"
    for name in ("page", "risk", "timeline", "plan", "consents", "messages"):
        text = opened(doctor, name, woman)
        assert '<html lang="en">' in text
        assert "目前" not in text
        assert "骨质" not in text
    assert "refer for treatment assessment" in opened(doctor, "page", woman)


def test_page_names_what_is_missing_and_that_there_is_no_interval(opened, doctor, woman):
    text = opened(doctor, "page", woman)
    assert "缺少：FRAX" in text
    assert "不显示区间" in text
    assert "无法判断是否适用" in text  # OSTA: nobody recorded whether she is Asian


def test_buttons_lead_only_where_the_role_may_go(tree, woman, doctor):
    nurse = factory.user("nurse", tree.centre)
    manager = factory.user("manager", tree.bureau)
    for user, may in ((doctor, True), (nurse, True), (manager, False)):
        assert bool(way(user, "person:page", woman.public_id)) is may


def test_a_hospital_acts_before_it_refers(tree, woman, doctor):
    at_hospital = factory.user("doctor", tree.hospital)
    for user, first in ((doctor, "worklist:refer"), (at_hospital, "person:plan")):
        ways = actions(user, woman, ("refer", "plan", "report"))
        assert ways[0].address == way(user, first, woman.public_id)


def test_page_shows_what_is_under_way(opened, tree, doctor, woman):
    day = timezone.localdate()
    Task.gated.create(
        resident=woman,
        organisation=tree.centre,
        programme=PROGRAMME,
        kind="treatment_6m",
        due_on=day - timedelta(days=20),
    )
    Visit.gated.create(
        request_key="0" * 32,
        resident=woman,
        organisation=tree.centre,
        programme=PROGRAMME,
        kind="home",
        happened_on=day,
        author=doctor,
        answers={"weight_kg": 48.0},
        version=2,
    )
    Referral.gated.create(
        request_key="1" * 32,
        resident=woman,
        organisation=tree.centre,
        from_organisation=tree.centre,
        to_organisation=tree.hospital,
        urgent=True,
        reason="评估",
        author=doctor,
    )
    Message.gated.create(
        resident=woman, organisation=tree.centre, author=doctor, from_resident=True, text="背痛"
    )
    Consent.gated.create(
        resident=woman,
        organisation=tree.centre,
        scope="care",
        text_version="1",
        given_at=timezone.now(),
        recorded_by=doctor,
    )
    factory.Gate(factory.user("nurse", tree.centre, name="张护士")).open(woman.public_id)
    text = opened(doctor, "page", woman)
    assert "逾期 20 天" in text
    assert "治疗6个月随访" in text
    assert "家庭随访" in text
    assert "示范医院" in text
    assert "1 条新消息" in text
    assert "已同意" in text
    assert "张护士" in text
    assert "有更正" in text


def test_a_merged_registration_leads_to_the_one_that_is_kept(client, opened, tree, doctor, woman):
    other = factory.resident(tree.centre, state="merged", merged_into=woman)
    case.tell(other, case.fact("tug_s", 14.5, "2025-01-01"))
    kept = reverse("person:page", args=[woman.public_id])
    client.force_login(doctor)
    answer = client.get(reverse("person:page", args=[other.public_id]), follow=True)
    assert answer.redirect_chain == [(kept, 302)]
    assert "这份登记已与另一份合并" in answer.content.decode()
    for each in (woman, other):  # a page that stood open shows all that is known of both
        text = opened(doctor, "timeline", each)
        assert "14.5" in text
        assert "2024-05-01" in text


def test_what_is_written_on_a_page_that_stood_open_goes_to_the_one_that_is_kept(
    client, tree, doctor, woman
):
    other = factory.resident(tree.centre, state="merged", merged_into=woman)
    client.force_login(doctor)
    for name, told in (
        ("messages", {"text": "请来复查"}),
        ("consents", {"do": "give", "scope": "care"}),
    ):
        answer = client.post(reverse(f"person:{name}", args=[other.public_id]), told)
        assert answer.status_code == 302
    assert Message.gated.get().resident == woman
    assert Consent.gated.get().resident == woman


@pytest.mark.parametrize(("state", "words"), [("dead", "居民已去世"), ("moved", "居民已迁出")])
def test_nothing_is_due_for_who_is_gone(opened, doctor, woman, state, words):
    late = case.days_ago(250)
    case.tell(
        woman, case.fact("denosumab_current", 1, late), case.fact("denosumab_last_on", late, late)
    )
    assert "红色警报" in opened(doctor, "page", woman)
    woman.state = state
    woman.save()
    text = opened(doctor, "page", woman)
    assert words in text
    assert 'role="alert"' not in text
    assert reverse("worklist:refer", args=[woman.public_id]) not in text


def test_level_comes_from_the_standing(opened, doctor, woman):
    assert "风险未知" in opened(doctor, "page", woman)
    gate = factory.Gate(doctor)
    refresh(woman, gate.facts(woman))
    text = opened(doctor, "page", woman)
    assert "高：需评估治疗" in text
    assert "已有骨密度，待定治疗" in text


def test_the_number_of_queries_does_not_grow(
    client, tree, doctor, woman, django_assert_max_num_queries
):
    client.force_login(doctor)
    address = reverse("person:page", args=[woman.public_id])
    client.get(address)
    with django_assert_max_num_queries(QUERIES) as few:
        client.get(address)
    day = timezone.localdate()
    for number in range(30):
        Task.gated.create(
            resident=woman,
            organisation=tree.centre,
            programme=PROGRAMME,
            kind="treatment_6m",
            due_on=day + timedelta(days=number),
        )
        Visit.gated.create(
            request_key=f"{number:032x}",
            resident=woman,
            organisation=tree.centre,
            programme=PROGRAMME,
            kind="home",
            happened_on=day,
            author=factory.user("nurse", tree.centre),
        )
    case.tell(
        woman,
        *(
            case.fact("weight_kg", 45 + number / 100, case.days_ago(number))
            for number in range(500)
        ),
    )
    with django_assert_max_num_queries(QUERIES) as many:
        client.get(address)
    assert len(many) == len(few)


@pytest.mark.parametrize("name", ["page", "risk", "timeline", "plan", "messages", "consents"])
def test_no_page_asks_more_for_more_facts(
    client, doctor, woman, name, django_assert_max_num_queries
):
    client.force_login(doctor)
    address = reverse(f"person:{name}", args=[woman.public_id])
    client.get(address)
    with django_assert_max_num_queries(QUERIES) as few:
        client.get(address)
    case.tell(woman, *(case.fact("weight_kg", 45 + n / 100, case.days_ago(n)) for n in range(100)))
    with django_assert_max_num_queries(QUERIES) as many:
        client.get(address)
    assert len(many) == len(few)


def test_text_of_others_is_never_markup(opened, tree, doctor):
    evil = "<script>alert(1)</script>"
    resident = factory.resident(tree.centre, name=evil, address=evil, phone='1"><script>')
    case.tell(
        resident,
        *case.osteoporosis(),
        case.fact("name", evil, "2020-01-01"),
        case.fact("t_femoral_neck", -2.0, "2020-01-01", device=evil, reference_db=evil),
        name=f"{evil}.csv",
    )
    Message.gated.create(resident=resident, organisation=tree.centre, author=doctor, text=evil)
    for name in ("page", "risk", "timeline", "plan", "messages", "consents"):
        text = opened(doctor, name, resident)
        assert "<script>alert" not in text
        assert '"><script>' not in text
        assert "&lt;script&gt;alert(1)" in text


def test_every_step_of_the_programme_is_explained():
    decision = the_programme().decisions[-1]
    keys = [outcome.key for outcome in decision.outcomes] + [decision.undecided]
    for key in keys:
        step = step_of({decision.key: key})
        assert step is not None
        assert step.patient.zh
        assert step.patient.en
    assert step_of({}) is None
