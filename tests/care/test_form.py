"""Forms: reading their file, reading what was filled in, and what follows."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from careloop.care.clause import answer, holds
from careloop.care.entry import parse_number, raw, read_entry
from careloop.care.form import Forms, forms_of, read_forms
from careloop.dictionary.catalogue import load
from careloop.dictionary.condition import names_in
from careloop.error import ConfigError
from careloop.programmes.programme import programme

TODAY = date(2026, 11, 22)


@pytest.fixture(scope="module")
def forms():
    return programme("osteoporosis").forms()


def words(text):
    return {"zh": text, "en": text}


def declared(**changed):
    """A small form, changed in one place."""
    section = {"key": "one", "title": words("一"), "question": [{"variable": "weight_kg"}]}
    section |= changed.pop("section", {})
    form = {"key": "home", "label": words("家访"), "sections": ["one"]} | changed.pop("form", {})
    return {"form": [form], "section": [section]} | changed


def entry(forms, kind, posted, **known):
    return read_entry(forms, forms[kind], posted, known=known, today=TODAY)


# --- the file


def test_a_form_is_made_of_the_dictionarys_variables():
    made = forms_of(declared(), load(), where="test")
    question = made["home"].question("weight_kg")
    assert question.variable is load()["weight_kg"]
    assert "home" in made
    assert "dance" not in made


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"form": {"colour": "red"}}, "no settings"),
        ({"form": {"label": {"zh": "家访"}}}, "not in both languages"),
        ({"form": {"sections": ["two"]}}, "no sections"),
        ({"form": {"required": ["height_cm"]}}, "required, not asked"),
        ({"form": {"key": ""}}, "no key"),
        ({"section": {"question": [{"variable": "wieght_kg"}]}}, "no variable"),
        ({"section": {"question": []}}, "no question"),
        ({"section": {"question": [{"variable": "weight_kg", "range": 3}]}}, "no settings"),
        (
            {"section": {"question": [{"variable": "weight_kg", "quick": [500]}]}},
            "not all plausible",
        ),
        ({"section": {"question": [{"variable": "sex", "quick": [1]}]}}, "only numbers"),
        ({"section": {"question": [{"variable": "weight_kg"}] * 2}}, "declared twice"),
        ({"section": {"none": words("无")}}, "without yes/no"),
        ({"section": {"show": "sex IN ('male')"}}, "takes unknown for no"),
        ({"section": {"show": "sex = 'female"}}, "not a SQL condition"),
        ({"section": {"show": "gender = 'female'"}}, "no variable"),
        ({"follows": [{"variable": "weight_kg", "when": "sex = 'male'"}]}, "no value"),
        (
            {"follows": [{"variable": "weight_kg", "when": "sex__first = 1", "value": "1"}]},
            "only numbers",
        ),
        ({"state": {"asleep": "sex = 'male'"}}, "no settings"),
    ],
)
def test_a_mistake_in_the_file_is_named(changed, problem):
    with pytest.raises(ConfigError, match=problem):
        forms_of(declared(**changed), load(), where="test")


def test_a_section_that_no_form_uses_is_a_mistake():
    content = declared()
    content["section"].append(content["section"][0] | {"key": "two"})
    with pytest.raises(ConfigError, match="in no form"):
        forms_of(content, load(), where="test")


def test_broken_toml_is_named(tmp_path):
    file = tmp_path / "form.toml"
    file.write_text("[[form]\n")
    with pytest.raises(ConfigError, match=r"form\.toml"):
        read_forms(file, load())


# --- contract: every programme's forms


def test_every_condition_is_answered_for_a_row_that_is_not_known(forms):
    for form in forms.forms:
        for sql in form.shown_by():
            assert holds(sql, {}) in {None, True}, sql
    for each in forms.follows:
        assert not holds(each.when, {}), each.variable.key  # nothing follows from nothing
    assert all(holds(sql, {}) in {None, False} for sql in forms.state.values())


def test_follows_value_is_of_the_variables_kind(forms):
    dictionary = load()
    sample = {"number": 150.0, "date": date(2026, 1, 1), "boolean": True, "code": "x", "text": "x"}
    for each in forms.follows:
        row = {
            name: sample[dictionary[name.removesuffix("__first")].kind]
            for name in names_in(each.value)
        }
        value = answer(each.value, row)
        kinds = {"number": float, "date": date, "boolean": bool}
        assert isinstance(value, kinds[each.variable.kind]), each.variable.key


def test_every_form_can_be_filled_in_with_every_answer_offered(forms):
    for form in forms.forms:
        for _section, question in form.questions():
            variable = question.variable
            for value in {"boolean": [True, False], "code": [*variable.values]}.get(
                variable.kind, []
            ):
                posted = {question.key: raw(value)}
                read = entry(forms, form.key, posted, sex="female")
                assert question.key not in read.errors
                shown = read.answers.get(question.key, value)
                assert shown == value


# --- what was filled in


@given(
    st.dictionaries(
        st.sampled_from(
            [
                "weight_kg",
                "falls_12m",
                "back_pain",
                "happened_on",
                "smoking_status",
                "fracture_on",
                "follow_up_note",
                "sure-since_last",
                "falls_12m-other",
                "weight_kg-carried",
            ]
        ),
        st.text(max_size=30),
    )
)
def test_reading_never_raises_on_noise(posted):
    forms = programme("osteoporosis").forms()
    read = entry(forms, "home", posted)
    for key, value in read.answers.items():
        assert key not in read.errors
        if load()[key].kind == "number" and value is not None:
            assert load()[key].low <= value <= load()[key].high


@given(
    st.one_of(st.none(), st.booleans(), st.floats(0, 1e6).map(lambda x: round(x, 2)), st.dates())
)
def test_raw_is_the_reverse_of_reading(value):
    told = raw(value)
    if isinstance(value, float):
        assert parse_number(told) == value
    elif isinstance(value, date):
        assert date.fromisoformat(told) == value
    else:
        assert told == {None: "unknown", True: "yes", False: "no"}[value]


@pytest.mark.parametrize(
    "text", ["", "1e3", "inf", "nan", "--1", "1.2.3", "1,2,3", "0x10", "٣", "12 34", "9" * 20]
)
def test_what_is_no_number_is_none(text):
    assert parse_number(text) is None


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("48.5", 48.5),
        ("４８．５", 48.5),
        ("48,5", 48.5),
        ("48。5", 48.5),
        (" 7 ", 7),
        ("-2", -2),
        ("−2.5", -2.5),
        (".5", 0.5),
        ("5.", 5),
    ],
)
def test_numbers_as_people_type_them(text, number):
    assert parse_number(text) == number


def test_unknown_is_never_no(forms):
    assert entry(forms, "home", {}).answers == {}
    assert entry(forms, "home", {"back_pain": "unknown"}).answers == {"back_pain": None}
    ticked = entry(forms, "home", {"sure-since_last": "yes", "back_pain": "unknown"}).answers
    assert ticked["back_pain"] is None
    assert ticked["fracture_new"] is False


def test_a_form_that_asks_nothing_follows_nothing(forms):
    known = {
        "fracture_site": "hip",
        "fracture_mechanism": "standing_fall",
        "outcome_reported": "death",
    }
    assert entry(forms, "phone", {"falls_12m": "0"}, **known).follows == {}
    assert entry(forms, "outcome", {"outcome_reported": "unknown"}, **known).follows == {}


def test_a_consequence_outside_what_is_plausible_is_left_out(forms):
    low = entry(forms, "home", {"height_cm": "101"}, height_cm__first=200.0)
    assert "height_loss_prospective_cm" not in low.follows
    fine = entry(forms, "home", {"height_cm": "150"}, height_cm__first=153.4)
    assert fine.follows["height_loss_prospective_cm"] == 3.4


def test_an_answer_given_outweighs_what_would_follow(forms):
    posted = {"denosumab_current": "yes", "osteoporosis_treatment_current": "no"}
    read = entry(forms, "hospital", posted)
    assert read.recorded()["osteoporosis_treatment_current"] is False
    read = entry(forms, "hospital", {"denosumab_current": "yes"})
    assert read.recorded()["osteoporosis_treatment_current"] is True


def test_a_day_agreed_on_lies_ahead(forms):
    assert "follow_up_next_on" in entry(forms, "home", {"follow_up_next_on": "2026-11-21"}).errors
    read = entry(forms, "home", {"follow_up_next_on": "2026-12-21"})
    assert read.answers["follow_up_next_on"] == date(2026, 12, 21)
    assert (
        "fracture_on"
        in entry(forms, "home", {"fracture_on": "2026-12-21"}, fracture_new=True).errors
    )


def test_forms_without_anything_are_empty():
    assert Forms(()).forms == ()
