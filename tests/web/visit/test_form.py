"""Filling in a form: every kind's walk, taps, what is carried over, faults shown all at once."""

from __future__ import annotations

import re
from datetime import date

import pytest

from careloop.dictionary.catalogue import load
from careloop.records.snapshot import snapshot
from careloop.web.care.models import Standing, Visit
from careloop.web.care.standing import today
from careloop.web.care.visit.known import forms

from . import conftest, form_page

KINDS = ["screening", "home", "community", "hospital", "phone", "outcome"]


def row(gate, resident):
    """What is known of a person now, one row."""
    return snapshot(gate.facts(resident), today(), load()).frame.row(0, named=True)


def facts(gate, resident, variable):
    return gate.facts(resident).filter(variable=variable).to_dicts()


# --- every kind's walk


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_opens_is_filled_in_saved_and_told(kind, client, page, send, gate, woman):
    opened = page(kind)
    assert set(opened.fields) >= {"request_key", "happened_on"}
    answers = dict(opened.fields)
    for _section, question in forms()[kind].questions():
        offered = opened.radios.get(question.key) or opened.selects.get(question.key)
        if question.variable.kind == "number" and not offered:
            answers[question.key] = f"{(question.variable.low + question.variable.high) / 2:.0f}"
        elif question.variable.kind == "date":
            answers[question.key] = today().isoformat()
        elif question.variable.kind == "text":
            answers[question.key] = "记事"
        elif offered:
            answers[question.key] = next(each for each in offered if each)
    response = client.post(f"/people/{woman.public_id}/visit/{kind}", answers)
    assert response.status_code == 302, form_page.read(response.content.decode()).text
    visit = gate.about(woman, Visit).get()
    assert visit.kind == kind
    shown = client.get(response["Location"])
    assert shown.status_code == 200
    again = client.get(f"/visits/{visit.public_id}")
    assert again.status_code == 200
    kept = form_page.read(again.content.decode()).fields
    for key, value in visit.answers.items():
        if key in answers and answers[key] and not isinstance(value, bool):
            assert kept.get(key) == answers[key] or kept.get(f"{key}-other") == answers[key], key


def test_an_unknown_kind_is_not_there(client, nurse, woman):
    client.force_login(nurse)
    assert client.get(f"/people/{woman.public_id}/visit/dance").status_code == 404


def test_answers_end_in_the_snapshot_with_their_units(save, gate, woman):
    save(
        "home",
        height_cm="150.5",
        weight_kg="４８．５",  # full-width digits, as a Chinese keyboard gives them
        tug_s="13,5",
        falls_12m="2",
        back_pain="yes",
        pain_nrs="4",
    )
    known = row(gate, woman)
    assert (known["height_cm"], known["weight_kg"], known["tug_s"]) == (150.5, 48.5, 13.5)
    assert (known["falls_12m"], known["fall_12m"], known["falls_recurrent"]) == (2, True, True)
    assert (known["back_pain"], known["pain_nrs"]) == (True, 4)
    units = {f["variable"]: f["unit"] for f in gate.facts(woman).to_dicts()}
    assert (units["height_cm"], units["weight_kg"], units["tug_s"]) == ("cm", "kg", "s")


def test_the_result_follows_at_once(save, client, woman, gate):
    visit = save("screening", weight_kg="45", postmenopausal="yes", ethnic_group="chinese")
    page = client.get(f"/visits/{visit.public_id}/saved").content.decode()
    standing = gate.about(woman, Standing).get()
    assert standing.next_step == "dxa"
    assert "建议双能 X 线骨密度检查" in page
    assert "OSTA ≤ −1 [Koh 2001；国内用法]" in page
    assert "请告诉居民：请去医院做一次骨密度检查" in " ".join(page.replace("</span>", "").split())
    assert page.index("/refer") < page.index("/dxa") < page.index("/slip")  # the step's own first
    for address in ("slip", "report", "refer", "dxa"):
        assert f"/people/{woman.public_id}/{address}" in page
    assert "体重" in page
    assert "45 kg" in page


def test_what_is_missing_to_decide_is_named(save, client, tree, gate):
    younger = conftest.registered(gate, tree.clinic, birth_date=date(1970, 1, 1))
    visit = save("phone", younger, falls_12m="0")
    page = client.get(f"/visits/{visit.public_id}/saved").content.decode()
    assert "还缺以下资料" in page
    assert "体重" in page
    assert "已绝经" in page


# --- taps


def test_screening_takes_at_most_six_taps_after_measuring(page):
    opened = page("screening")
    hidden = {"menopause_age_y", "fall_injurious"}
    assert form_page.taps(opened, hidden) <= 6


@pytest.mark.parametrize("treated", [True, False])
@pytest.mark.parametrize("kind", ["home", "community", "hospital", "phone"])
def test_a_follow_up_takes_at_most_six_taps_after_measuring(kind, treated, page, told):
    told(osteoporosis_treatment_current=treated)
    opened = page(kind)
    hidden = {"fall_injurious", "pain_nrs", "fracture_site", "fracture_mechanism"}
    hidden |= {"fracture_side", "fracture_evidence"}
    if not treated:
        hidden |= {"medicine_adherence", "sure-adverse"}
    assert form_page.taps(opened, hidden) <= 6


def test_the_taps_of_a_follow_up_say_all_that_they_should(page, save, told, gate, woman):
    told(osteoporosis_treatment_current=True)
    opened = page("home")
    tapped = {
        "falls_12m": "0",
        "sure-since_last": "yes",
        "sure-medicine": "yes",
        "medicine_adherence": "regular",
        "sure-adverse": "yes",
    }
    assert len(tapped) + 1 <= 6
    visit = save("home", **{**opened.fields, **tapped, "weight_kg": "50", "height_cm": "150"})
    assert visit.answers["fracture_new"] is False
    assert visit.answers["adverse_effect_jaw"] is False
    assert visit.answers["osteoporosis_treatment_current"] is True
    assert visit.answers["medicine_adherence"] == "regular"
    assert "fracture_site" not in visit.answers


# --- unknown is never no


def test_nothing_is_chosen_in_a_new_form(page):
    opened = page("screening")
    chosen = {name for name in opened.radios if opened.fields.get(name)}
    assert chosen == set()
    assert not any(opened.fields.get(name) for name in opened.ticks)


def test_a_question_left_open_is_no_fact_and_one_not_known_neither(save, gate, woman):
    visit = save("home", weight_kg="50", back_pain="unknown")
    assert visit.answers == {"weight_kg": 50.0, "back_pain": None}
    assert set(gate.facts(woman)["variable"]) == {"sex", "birth_date", "weight_kg"}


def test_none_of_these_says_no_to_what_is_not_marked(save):
    visit = save("home", fracture_new="unknown", back_pain="yes", **{"sure-since_last": "yes"})
    assert visit.answers["back_pain"] is True
    assert visit.answers["fracture_new"] is None
    assert visit.answers["unsteady"] is False
    assert "pain_nrs" not in visit.answers


# --- carried over


def test_the_last_answer_is_shown_with_its_day(page, told):
    told(weight_kg=48.5, smoking_status="never", height_cm=151.5)
    opened = page("home")
    assert "上次 151.5 cm（2026-05-01）" in " ".join(opened.text.split())  # as measured
    assert "上次 48.5 kg（2026-05-01）" in " ".join(opened.text.split())
    assert opened.fields["weight_kg"] == ""  # measured anew, never filled in
    assert opened.fields["smoking_status"] == "never"
    assert opened.fields["smoking_status-carried"] == "never"


def test_what_is_carried_over_is_saved_only_when_confirmed(page, save, told, gate, woman):
    told(smoking_status="never")
    opened = page("home").fields
    seen = save("home", **opened)
    assert "smoking_status" not in seen.answers
    sure = save("home", **{**page("home").fields, "sure-habits": "yes"})
    assert sure.answers["smoking_status"] == "never"
    changed = save("home", **{**page("home").fields, "smoking_status": "current"})
    assert changed.answers["smoking_status"] == "current"
    assert row(gate, woman)["smoking_status"] == "current"


def test_a_marked_yes_of_last_time_outlasts_none_of_the_others(page, save, told):
    told(fragility_fracture_hip=True)
    opened = page("screening")
    assert opened.fields["fragility_fracture_hip"] == "yes"
    assert "除已标记的外都没有" in opened.text
    visit = save("screening", **{**opened.fields, "weight_kg": "50", "sure-fractures": "yes"})
    assert visit.answers["fragility_fracture_hip"] is True
    assert visit.answers["fragility_fracture_rib"] is False


# --- faults


def test_all_faults_are_told_at_once_and_values_kept(send, gate, woman):
    response = send(
        "home",
        height_cm="15",
        weight_kg="abc",
        falls_12m="1.5",
        happened_on="2126-01-01",
        smoking_status="sometimes",
        back_pain="maybe",
        chair_stand_30s="11",
    )
    assert response.status_code == 422
    text = response.content.decode()
    for words in (
        "身高：15 cm 超出合理范围 100–220 cm，请重新测量或核对",
        "体重：“abc”不是数字，请只输入数字",
        "过去12个月跌倒次数：请输入整数",
        "日期：不能晚于今天",
        "吸烟状况：请选择所列答案之一",
        "腰背痛：请选择所列答案之一",
    ):
        assert text.count(words) >= 2, words  # above, and beside its field
    kept = form_page.read(text).fields
    assert kept["height_cm"] == "15"
    assert kept["weight_kg"] == "abc"
    assert kept["chair_stand_30s"] == "11"
    assert not gate.about(woman, Visit).exists()


def test_what_is_needed_is_asked_for(send):
    response = send("screening", height_cm="150")
    assert response.status_code == 422
    assert "体重：必填" in response.content.decode()


def test_who_must_choose_is_told_of_a_choice_that_is_there(send):
    text = send("outcome").content.decode()
    offered = re.search("必填（不清楚请选“(.+?)”）", text).group(1)
    assert f"> {offered}</label>" in text


def test_faults_in_english(send, client):
    client.cookies["careloop_language"] = "en"
    text = send("home", height_cm="15").content.decode()
    assert "Height: 15 cm is outside 100–220 cm; measure or read again" in text


@pytest.mark.parametrize("day", ["1850-01-01", "x", "2026-13-40"])
def test_an_impossible_day_is_refused(send, day):
    assert send("home", weight_kg="50", happened_on=day).status_code == 422


def test_an_answer_that_no_longer_applies_is_left_out(save):
    visit = save("home", fracture_new="no", fracture_site="hip", weight_kg="50")
    assert "fracture_site" not in visit.answers


def test_a_form_without_its_key_is_shown_again(client, nurse, woman, gate):
    client.force_login(nurse)
    address = f"/people/{woman.public_id}/visit/home"
    for key in ("", "no-uuid"):
        response = client.post(address, {"weight_kg": "50", "request_key": key})
        assert response.status_code == 422
    assert not gate.about(woman, Visit).exists()


# --- height


def test_height_loss_is_computed_from_both_ends(save, told, gate, woman, client):
    told(on=date(2020, 5, 1), height_cm=156.0, height_peak_cm=160.0)
    visit = save("home", height_cm="152.5", weight_kg="50")
    known = row(gate, woman)
    assert known["height_loss_prospective_cm"] == 3.5
    assert known["height_loss_cm"] == 7.5
    page = client.get(f"/visits/{visit.public_id}/saved").content.decode()
    assert "3.5" in page
    assert "7.5" in page


def test_a_first_height_that_was_withdrawn_does_not_count(save, told, gate, woman, client):
    first = save("home", height_cm="196", weight_kg="50", happened_on="2024-01-01")
    client.post(
        f"/visits/{first.public_id}",
        {"version": "1", "height_cm": "156", "weight_kg": "50", "happened_on": "2024-01-01"},
    )
    save("home", height_cm="155", weight_kg="50")
    assert row(gate, woman)["height_loss_prospective_cm"] == 1
