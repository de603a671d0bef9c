"""Deciding on a plan: kept with who, when and on which words; asked again when these change."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.urls import reverse

from careloop.error import InputError
from careloop.guidance.plan import Reason, Text
from careloop.programmes.patient_page import is_option
from careloop.web.audit.models import Entry
from careloop.web.care.models import PlanDecision, Task
from careloop.web.care.person import decision as module
from careloop.web.care.person.decision import (
    Answer,
    DecisionConflictError,
    accept_all,
    acceptable,
    decide,
    proposals,
)

from .. import factory
from . import case


@pytest.fixture
def gate(doctor):
    return factory.Gate(doctor)


@pytest.fixture
def plan(gate, woman, found):
    """A function: the plan of the woman as it stands now."""
    return lambda: proposals(gate, woman, found(gate, woman))


@pytest.fixture
def take(gate, woman, found):
    """A function: decide on a proposal, as the doctor or through another gate."""

    def decided(one, word="accepted", *, by=None, **more):
        by = by or gate
        answer = Answer(one.item.key, word, one.seen, checked=True, **more)
        return decide(by, woman, found(by, woman), answer)

    return decided


@pytest.fixture
def post(client, doctor, woman):
    """A function: send the form of an item."""

    def send(**form):
        client.force_login(doctor)
        return client.post(reverse("person:plan", args=[woman.public_id]), form)

    return send


def easy(shown):
    return next(each for each in acceptable(shown))


def test_accepting_keeps_who_when_and_the_words(plan, post, woman, doctor, opened):
    one = easy(plan())
    answer = post(item=one.item.key, decision="accepted", seen=one.seen)
    assert answer.status_code == 302
    assert answer.url.endswith(f"#item-{one.item.key}")
    kept = PlanDecision.gated.get()
    assert (kept.decision, kept.item, kept.author) == ("accepted", one.item.key, doctor)
    assert kept.proposed == one.item.text.zh
    assert plan().of(one.item.key).stands
    text = opened(doctor, "plan", woman)
    assert "✓ 已采纳" in text
    assert "李医生" in text
    assert Entry.objects.filter(action="plan.decide", detail__item=one.item.key).exists()
    assert one.item.text.zh in opened(doctor, "page", woman)


def test_rejecting_needs_a_reason(plan, post):
    one = easy(plan())
    form = {"item": one.item.key, "decision": "rejected", "seen": one.seen}
    answer = post(**form, reason="   ", text="改后天")
    assert answer.status_code == 422
    assert "请写明不采纳的理由" in answer.content.decode()
    assert "改后天" in answer.content.decode()  # nothing typed is lost
    assert not PlanDecision.gated.exists()
    assert post(**form, reason="患者拒绝").status_code == 302
    assert PlanDecision.gated.get().reason == "患者拒绝"


def test_editing_needs_words(plan, post, woman, opened, doctor):
    one = easy(plan())
    form = {"item": one.item.key, "decision": "edited", "seen": one.seen}
    assert post(**form).status_code == 422
    assert post(**form, text="两周后复查").status_code == 302
    assert "两周后复查" in opened(doctor, "page", woman)


@pytest.mark.parametrize("word", ["", "maybe", "ALL"])
def test_only_three_answers_are_known(plan, post, word):
    one = easy(plan())
    assert post(item=one.item.key, decision=word, seen=one.seen).status_code == 422
    assert not PlanDecision.gated.exists()


def test_too_long_a_text_is_refused(plan, post):
    one = easy(plan())
    form = {"item": one.item.key, "decision": "edited", "seen": one.seen}
    assert post(**form, text="长" * 501).status_code == 422
    assert post(**form, text="长" * 500).status_code == 302


def test_what_waits_for_a_check_is_accepted_only_with_the_check(plan, post):
    one = next(each for each in plan().items if each.blocked)
    form = {"item": one.item.key, "decision": "accepted", "seen": one.seen}
    assert post(**form).status_code == 422
    assert not PlanDecision.gated.exists()
    assert post(**form, checked="1").status_code == 302
    assert PlanDecision.gated.get().grounds["checked"] == list(one.item.after_checking)


def test_a_hard_stopped_item_cannot_be_accepted(gate, woman, found, plan, post):
    """Facts §3.5: corrected calcium below the limit stops every antiresorptive."""
    before = next(each for each in plan().items if each.item.key.startswith("medicine."))
    day = case.days_ago(1)
    case.tell(woman, case.fact("calcium_mmol_l", 1.9, day), case.fact("albumin_g_l", 40, day))
    shown = plan()
    assert shown.of(before.item.key) is None
    assert any(key in str(shown.plan.withheld) for key in [before.item.key])
    answer = post(item=before.item.key, decision="accepted", seen=before.seen, checked="1")
    assert answer.status_code == 409
    assert not PlanDecision.gated.exists()


def test_an_accepted_item_that_is_stopped_later_is_told(plan, post, woman, opened, doctor):
    one = next(each for each in plan().items if each.item.key.startswith("medicine."))
    post(item=one.item.key, decision="accepted", seen=one.seen, checked="1")
    day = case.days_ago(1)
    case.tell(woman, case.fact("calcium_mmol_l", 1.9, day), case.fact("albumin_g_l", 40, day))
    text = opened(doctor, "plan", woman)
    assert "已采纳，但现在不再建议" in text
    assert "不再建议" in opened(doctor, "page", woman)


def test_of_several_medicines_one_is_accepted(gate, woman, plan, take):
    options = [each for each in plan().items if is_option(each.item)]
    assert len(options) > 1
    first, second = options[:2]
    take(first)
    with pytest.raises(InputError, match="已采纳另一种药物"):
        take(second)
    assert PlanDecision.gated.count() == 1


def test_accept_all_takes_neither_blocked_items_nor_choices(gate, woman, found, plan):
    offered = acceptable(plan())
    assert offered
    count = accept_all(gate, woman, found(gate, woman), [each.seen for each in offered])
    assert count == len(offered) == PlanDecision.gated.count()
    for each in plan().items:
        taken = each.decision is not None
        assert taken is not (each.blocked or is_option(each.item))
    assert acceptable(plan()) == []


def test_accept_all_by_the_form(client, doctor, woman, opened):
    import re  # noqa: PLC0415

    text = opened(doctor, "plan", woman)
    batch = text[text.index('value="all"') : text.index("</form>", text.index('value="all"'))]
    marks = re.findall(r'name="seen" value="([^"]+)"', batch)
    address = reverse("person:plan", args=[woman.public_id])
    assert client.post(address, {"decision": "all", "seen": marks}).status_code == 302
    assert PlanDecision.gated.count() == len(marks)
    assert client.post(address, {"decision": "all", "seen": marks}).status_code == 409
    assert PlanDecision.gated.count() == len(marks)


def test_a_colleague_who_was_faster_is_a_conflict(gate, woman, plan, post, tree, take):
    one = easy(plan())
    other = factory.Gate(factory.user("doctor", tree.centre, name="赵医生"))
    take(one, "rejected", by=other, reason="已做")
    answer = post(item=one.item.key, decision="edited", seen=one.seen, text="我的修改")
    assert answer.status_code == 409
    text = answer.content.decode()
    assert "赵医生" in text
    assert "我的修改" in text
    assert PlanDecision.gated.get().decision == "rejected"
    assert not Entry.objects.filter(
        username=gate.user.username, action="plan.decide", detail__has_key="item"
    ).exists()


def test_the_same_answer_sent_twice_is_one_decision(plan, post):
    one = easy(plan())
    form = {"item": one.item.key, "decision": "rejected", "seen": one.seen, "reason": "已做"}
    assert [post(**form).status_code for _ in range(2)] == [302, 302]
    assert PlanDecision.gated.count() == 1
    assert post(**form | {"reason": "其他"}).status_code == 409


def test_another_proposal_is_asked_again(gate, woman, plan, take):
    """The dose in the words follows what is recorded: new words are a new proposal."""
    one = plan().of("protein")
    take(one)
    assert plan().of("protein").stands
    case.tell(woman, case.fact("weight_kg", 70, case.days_ago(1)))
    again = plan().of("protein")
    assert again.item.text != one.item.text
    assert again.changed
    assert not again.stands
    assert again not in acceptable(plan())  # decided one by one, never by "accept all"
    with pytest.raises(DecisionConflictError):
        take(one)
    take(again)
    assert plan().of("protein").stands


def test_a_new_caution_is_asked_again_but_the_passing_of_days_is_not(gate, woman, plan, take):
    one = easy(plan())
    kept = take(one)
    new = Reason("new", Text("新的慎用情况", "new caution"), "test", "B")
    assert module._new(replace(one.item, cautions=(new,)), kept)
    assert module._new(replace(one.item, after_checking=("egfr",)), kept)
    kept.proposed = "用药（已 90 天）满 3 个月复查"
    same = Text("用药（已 91 天）满 3 个月复查", "")
    assert not module._new(replace(one.item, text=same), kept)
    assert module._new(replace(one.item, text=Text("用药（已 91 天）满 6 个月复查", "")), kept)


def test_a_decision_holds_in_the_other_language(gate, woman, plan, doctor, client, take):
    one = easy(plan())
    take(one)
    client.force_login(doctor)
    client.cookies["careloop_language"] = "en"
    text = client.get(reverse("person:plan", args=[woman.public_id])).content.decode()
    assert "✓ accepted" in text
    assert "changed since" not in text


def test_reasons_of_doctors_are_never_markup(plan, post, woman, opened, doctor):
    one = easy(plan())
    evil = "<img src=x onerror=alert(1)>"
    post(item=one.item.key, decision="edited", seen=one.seen, text=evil, reason=evil)
    for name in ("plan", "page"):
        text = opened(doctor, name, woman)
        assert "<img" not in text
        assert "&lt;img src=x" in text


def test_tasks_of_the_schedule_follow_an_accepted_plan(gate, woman, plan, take):
    day = case.days_ago(10)
    case.tell(
        woman,
        case.fact("alendronate_current", 1, day),
        case.fact("bone_treatment_started_on", day, day),
    )
    one = easy(plan())
    assert not Task.gated.exists()
    take(one)
    assert "treatment_1m" in Task.gated.values_list("kind", flat=True)


def test_there_is_nothing_to_decide_without_facts(tree, doctor, client):
    empty = factory.resident(tree.centre)
    client.force_login(doctor)
    answer = client.post(
        reverse("person:plan", args=[empty.public_id]), {"item": "x", "decision": "accepted"}
    )
    assert answer.status_code == 409
