"""Registering: one form, everything or nothing; twins are met; nothing leaks from elsewhere."""

from __future__ import annotations

import re
from datetime import date, timedelta
from uuid import uuid4

import polars as pl
import pytest
import segno
from django.test import Client
from django.utils import timezone

from careloop.dictionary.catalogue import load
from careloop.records.snapshot import snapshot
from careloop.web.audit.models import Concerned, Entry
from careloop.web.care.models import Consent, Standing
from careloop.web.care.person.consent import VERSION
from careloop.web.registry import card
from careloop.web.registry.models import Fact, Person, Source
from careloop.web.registry.pinyin import spelt
from careloop.web.registry.resident import Resident

from .. import factory

NEW = "/people/new"
ALIKE = "/people/new/duplicates"
AGREED = {"consent_care": "1", "consent_sensitive": "1"}


def _form(**fields):
    return {"request_key": str(uuid4()), "name": "单秀英", **AGREED, **fields}


def _known(place, name="单秀英", **fields):
    pinyin, initials = spelt(name)
    return factory.resident(place, name=name, pinyin=pinyin, initials=initials, **fields)


def _nobody():
    return not (Person.objects.exists() or Fact.objects.exists() or Consent.gated.exists())


@pytest.fixture(autouse=True)
def english(request):
    if "page" in request.fixturenames:
        request.getfixturevalue("page").cookies["careloop_language"] = "en"


def test_one_form_registers_with_facts_consent_standing_and_audit(page, tree, number, nurse):
    told = _form(
        national_id=number().lower(),
        phone="+86 120 1111 2222",
        address="东一村3号",
        organisation=str(tree.clinic.public_id),
    )
    answer = page.post(NEW, told)
    resident = Resident.gated.get()
    assert answer.headers["Location"] == f"/people/{resident.public_id}"
    assert (resident.name, resident.national_id, resident.sex) == ("单秀英", number(), "female")
    assert (resident.birth_date, resident.phone) == (date(1950, 5, 1), "12011112222")
    assert (resident.pinyin, resident.initials) == ("shanxiuying", "sxy")
    assert resident.national_id_tail == number()[-6:]
    assert resident.organisation == tree.clinic
    facts = factory.Gate(nurse).facts(resident)
    assert dict(facts.select("variable", "text").iter_rows()) == {
        "name": "单秀英",
        "national_id": number(),
        "birth_date": "1950-05-01",
        "sex": "female",
        "phone": "12011112222",
        "address": "东一村3号",
        "organisation": "示范区卫生健康局·示范医院·东街社区卫生服务中心·东一村卫生室",
    }
    assert {*facts["source"]} == {Source.objects.get(kind="registration").source_id}
    consents = Consent.gated.filter(resident=resident, recorded_by=nurse, withdrawn_at=None)
    assert {*consents.values_list("scope", "text_version")} == {
        ("care", VERSION),
        ("sensitive", VERSION),
    }
    assert Standing.gated.get().resident == resident
    entry = Entry.objects.get(action="person.register")
    assert Concerned.objects.get(entry=entry).resident_public_id == resident.public_id


def test_without_an_id_birth_date_and_sex_are_enough(page):
    page.post(NEW, _form(birth_date="19500501", sex="male"))
    resident = Resident.gated.get()
    assert (resident.birth_date, resident.sex, resident.national_id) == (
        date(1950, 5, 1),
        "male",
        "",
    )


def test_an_id_of_fifteen_digits_is_written_out(page):
    page.post(NEW, _form(national_id="990000500501002"))
    assert Resident.gated.get().national_id[:17] == "99000019500501002"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"name": " "}, "Write the name"),
        ({"name": "x" * 61}, "too long"),
        ({"national_id": "99000019500501002"}, "18 characters"),
        ({"national_id": "990000195005010020"}, "does not fit"),
        ({"national_id": "", "sex": "female"}, "write the birth date"),
        ({"national_id": "", "birth_date": "19500501"}, "choose the sex"),
        ({"national_id": "", "birth_date": "1950-13-01", "sex": "male"}, "Write the date"),
        ({"national_id": "", "birth_date": "2099-01-01", "sex": "male"}, "in the future"),
        ({"national_id": "", "birth_date": "1850-01-01", "sex": "male"}, "120 years"),
        ({"birth_date": "1950-05-02"}, "another birth date"),
        ({"sex": "male"}, "another sex"),
        ({"phone": "12"}, "7 to 15 digits"),
        ({"consent_sensitive": ""}, "both agreements"),
        ({"consent_care": ""}, "both agreements"),
        ({"organisation": "far"}, "one of the places"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_saved(page, tree, number, fields, words):
    told = _form(national_id=number()) | fields
    if told.get("organisation") == "far":
        told["organisation"] = str(tree.other_centre.public_id)
    answer = page.post(NEW, told)
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert _nobody()


def test_the_same_form_twice_registers_once(page, number):
    told = _form(national_id=number())
    first, second = page.post(NEW, told), page.post(NEW, told)
    assert first.headers["Location"] == second.headers["Location"]
    assert Resident.gated.count() == 1
    assert Consent.gated.count() == 2
    assert Entry.objects.filter(action="person.register").count() == 1


def test_a_form_gone_back_to_does_not_swallow_the_next_person(page, number):
    told = _form(national_id=number())
    page.post(NEW, told)
    answer = page.post(NEW, told | {"name": "李桂兰", "national_id": number("19600101", 4)})
    assert answer.status_code == 422
    text = answer.content.decode()
    assert "has registered somebody else" in text
    assert told["request_key"] not in text  # saved again, it is another form
    assert Resident.gated.count() == 1


@pytest.mark.parametrize(
    ("known", "told", "words"),
    [
        ({"national_id": "{id}"}, {"name": "李桂兰", "national_id": "{id}"}, "same ID"),
        (
            {"birth_date": date(1950, 5, 1), "sex": "female"},
            {"national_id": "{id}"},
            "same name and birth date",
        ),
        (
            {"birth_date": date(1949, 1, 1), "phone": "12011112222"},
            {"national_id": "{id}", "phone": "12011112222"},
            "same name and telephone",
        ),
    ],
)
def test_a_strong_twin_must_be_denied_explicitly(page, tree, number, known, told, words):
    def filled(fields):
        return {
            key: value.format(id=number()) if isinstance(value, str) else value
            for key, value in fields.items()
        }

    _known(tree.clinic, **filled(known))
    form = _form(**filled(told))
    answer = page.post(NEW, form)
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert Resident.gated.count() == 1
    assert not Fact.objects.exists()
    assert page.post(NEW, form | {"different": "1"}).status_code == 302
    assert Resident.gated.count() == 2


@pytest.mark.parametrize(
    ("known", "words"),
    [
        ({"name": "珊秀英", "birth_date": date(1950, 5, 1)}, "sounds alike"),
        ({"birth_date": date(1950, 5, 1), "national_id": "990000195005010999"}, "another ID"),
    ],
)
def test_a_weak_twin_is_shown_and_does_not_stop(page, tree, number, known, words):
    _known(tree.clinic, **{"name": "单秀英", **known})
    form = _form(national_id=number())
    assert words in page.post(ALIKE, form).content.decode()
    assert page.post(NEW, form).status_code == 302


def test_an_id_known_elsewhere_is_all_that_is_told(page, tree, number):
    far = _known(tree.other_centre, "赵春梅", national_id=number(), phone="12099998888")
    form = _form(national_id=number())
    for answer in (page.post(ALIKE, form), page.post(NEW, form)):
        text = answer.content.decode()
        assert "registered elsewhere" in text
        for secret in ("赵春梅", "12099998888", str(far.public_id), far.person_id, "西街"):
            assert secret not in text
    assert Resident.gated.count() == 1
    asked = Entry.objects.filter(action="person.elsewhere", residents=str(far.public_id))
    assert asked.count() == 2  # who asked is known to whoever looks after the person
    assert page.post(NEW, form | {"different": "1"}).status_code == 302


def test_a_name_elsewhere_is_not_told(page, tree):
    _known(tree.other_centre, birth_date=date(1950, 5, 1), phone="12011112222")
    form = _form(birth_date="1950-05-01", sex="female", phone="12011112222")
    assert "registered" not in page.post(ALIKE, form).content.decode()
    assert page.post(NEW, form).status_code == 302


def test_while_typing_the_number_tells_birth_date_and_sex(page, number):
    text = page.post(ALIKE, {"national_id": number(), "name": ""}).content.decode()
    assert "Born 1950-05-01, Female" in text
    assert "<html" not in text
    wrong = number()[:-1] + ("0" if number()[-1] != "0" else "1")
    assert "does not fit" in page.post(ALIKE, {"national_id": wrong}).content.decode()
    assert page.post(ALIKE, {"national_id": "9900"}).content.decode().strip() == ""


def test_what_is_typed_comes_back_as_text(page):
    evil = '"><script>alert(1)</script>'
    told = _form(name=evil, national_id=evil, birth_date=evil, phone=evil, address=evil)
    for path in (NEW, ALIKE):
        assert evil not in page.post(path, told).content.decode()
    assert evil not in page.get(NEW, {"name": evil}).content.decode()


def test_a_form_from_another_site_is_refused(nurse, number):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(nurse)
    for path in (NEW, ALIKE):
        assert strict.post(path, _form(national_id=number())).status_code == 403
    assert _nobody()


@pytest.mark.parametrize("role", ["manager", "researcher"])
def test_other_roles_register_nobody(client, tree, number, role):
    client.force_login(factory.user(role, tree.bureau))
    for path in (NEW, ALIKE):
        assert client.post(path, _form(national_id=number())).status_code == 403
    assert _nobody()


@pytest.mark.parametrize("count", [1, 15])
def test_queries_while_typing_do_not_grow(page, tree, count, django_assert_max_num_queries):
    for _ in range(count):
        _known(tree.clinic, birth_date=date(1950, 5, 1), sex="female")
    form = _form(birth_date="19500501", sex="female")
    with django_assert_max_num_queries(16):
        assert page.post(ALIKE, form).content.decode().count("<li>") == count


# --- correcting


@pytest.fixture
def registered(page, tree, number):
    page.post(
        NEW,
        _form(national_id=number(), phone="12011112222", organisation=str(tree.clinic.public_id)),
    )
    return Resident.gated.get()


def _details(page, resident, **fields):
    path = f"/people/{resident.public_id}/details"
    text = page.get(path).content.decode()
    told = dict(re.findall(r'<input[^>]* name="(\w+)"(?: type="\w+")? value="([^"]*)"', text))
    told["sex"] = "".join(re.findall(r'name="sex" value="(\w+)" checked', text))
    told["organisation"] = "".join(re.findall(r'<option value="([^"]+)" selected', text))
    assert {"seen", "name", "national_id", "birth_date", "phone", "address"} <= {*told}
    return path, told | fields


def _stands(nurse, resident, variable):
    """Values of a variable that no later fact withdraws, the newest last."""
    rows = factory.Gate(nurse).facts(resident).filter(pl.col("variable") == variable)
    wrong = {*rows.filter(pl.col("status") == "entered_in_error")["text"]}
    return [text for text in rows.sort("effective_at")["text"] if text not in wrong]


def test_a_correction_withdraws_what_was_wrong_and_keeps_what_was_true(
    page, registered, nurse, tree, number
):
    path, told = _details(
        page,
        registered,
        name="单秀瑛",
        national_id=number("19510501", 2),
        phone="12033334444",
        organisation=str(tree.other_clinic.public_id),
    )
    assert page.post(path, told).status_code == 302
    now = Resident.gated.get()
    assert (now.name, now.birth_date, now.phone) == ("单秀瑛", date(1951, 5, 1), "12033334444")
    assert now.organisation == tree.other_clinic
    assert _stands(nurse, now, "name") == ["单秀瑛"]
    assert _stands(nurse, now, "birth_date") == ["1951-05-01"]
    assert _stands(nurse, now, "phone") == ["12011112222", "12033334444"]
    assert _stands(nurse, now, "sex") == ["female"]
    for model in (Standing, Consent):
        assert {*model.gated.values_list("organisation", flat=True)} == {tree.other_clinic.pk}


def test_corrected_back_and_forth_the_last_word_stands(page, registered, nurse):
    for name in ("单秀瑛", "单秀英", "单秀瑛", "单秀英"):
        path, told = _details(page, registered, name=name)
        assert page.post(path, told).status_code == 302
    facts = factory.Gate(nurse).facts(registered)
    taken = snapshot(facts.lazy(), timezone.localdate() + timedelta(days=1), load())
    assert taken.frame["name"].to_list() == ["单秀英"]


def test_a_detail_can_be_taken_away(page, registered, nurse):
    path, told = _details(page, registered, phone="")
    page.post(path, told)
    assert Resident.gated.get().phone == ""
    assert _stands(nurse, registered, "phone") == []


def test_an_imported_id_that_is_wrong_does_not_stop_other_corrections(page, tree):
    known = _known(tree.clinic, national_id="990000195005010000", national_id_tail="010000")
    path, told = _details(page, known, phone="12055556666")
    assert told["birth_date"] == "1950-05-01"  # shown, as the number does not tell it
    assert page.post(path, told).status_code == 302
    known.refresh_from_db()
    assert (known.phone, known.national_id) == ("12055556666", "990000195005010000")
    assert (known.birth_date, known.sex) == (date(1950, 5, 1), "female")
    path, told = _details(page, known, national_id="990000195005010001")
    assert page.post(path, told).status_code == 422


def test_nothing_different_saves_nothing(page, registered):
    before = Fact.objects.count()
    path, told = _details(page, registered)
    assert page.post(path, told).status_code == 302
    assert Fact.objects.count() == before


def test_the_second_of_two_sees_the_conflict_and_loses_nothing(page, registered):
    path, told = _details(page, registered, phone="12055556666")
    assert page.post(path, _details(page, registered, phone="12077778888")[1]).status_code == 302
    answer = page.post(path, told)
    assert answer.status_code == 409
    text = answer.content.decode()
    assert "12077778888" in text  # what stands
    assert "12055556666" in text  # what was typed
    assert Resident.gated.get().phone == "12077778888"
    fresh = text.partition('name="seen" value="')[2].partition('"')[0]
    assert page.post(path, told | {"seen": fresh}).status_code == 302
    assert Resident.gated.get().phone == "12055556666"


def test_a_correction_into_somebody_else_is_asked_about(page, registered, tree, number):
    _known(tree.clinic, "赵春梅", national_id=number("19600101", 4))
    path, told = _details(page, registered, national_id=number("19600101", 4))
    assert page.post(path, told).status_code == 422
    assert page.post(path, told | {"different": "1"}).status_code == 302


def test_out_of_reach_there_is_nothing_to_correct(page, tree):
    far = _known(tree.other_centre)
    path = f"/people/{far.public_id}/details"
    assert page.get(path).status_code == 404
    assert page.post(path, {"name": "x"}).status_code == 404


# --- the card


def test_a_card_shows_little_and_its_code_less(page, registered, number):
    text = page.get(f"/people/{registered.public_id}/card").content.decode()
    assert "单秀英" in text
    assert "<svg" in text
    assert number() not in text
    assert registered.person_id not in text


def test_the_code_holds_the_address_and_nothing_else(rf, tree, monkeypatch):
    held = []
    make = segno.make
    monkeypatch.setattr(segno, "make", lambda told, **how: held.append(told) or make(told, **how))
    known = _known(tree.clinic)
    card.card(rf.get("/"), known)
    assert held == [f"http://testserver/people/{known.public_id}"]


def test_cards_of_a_place(page, tree):
    near = [_known(tree.clinic, name) for name in ("赵春梅", "李桂兰")]
    _known(tree.other_clinic, "王玉珍")
    text = page.get("/people/cards", {"place": tree.clinic.public_id}).content.decode()
    assert text.count('class="id-card"') == 2
    assert all(each.name in text for each in near)
    assert "王玉珍" not in text
    assert Entry.objects.filter(detail__page="registry:cards").exists()
