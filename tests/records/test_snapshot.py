"""The snapshot equals a slow, obvious twin, and never looks past its date."""

from __future__ import annotations

import json
from datetime import date, datetime, time, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from careloop.dictionary.catalogue import Dictionary
from careloop.dictionary.variable import Text, Variable
from careloop.error import ConfigError, InputError
from careloop.records.fact import FACT_SCHEMA, empty_facts
from careloop.records.snapshot import snapshot, snapshot_batches

LABEL = Text("名", "name")


def variable(key, kind="boolean", **more):
    more.setdefault("unit", "1" if kind == "number" else "")
    return Variable(key, kind, LABEL, "test", **more)


WORDS = Dictionary(
    [
        variable("birth_date", "date", identifying=True),
        variable("age_y", "number", unit="a"),
        variable("weight_kg", "number", unit="kg"),
        variable("height_cm", "number", unit="cm"),
        variable("smoking", "code", values={"never": LABEL, "current": LABEL}),
        variable("t_hip", "number", context=("device", "side")),
        variable("hip_fracture", memory="ever"),
        variable("drug", memory="period"),
        variable("heavy", derive="weight_kg > 80"),
        variable("fracture", memory="ever", derive="hip_fracture OR heavy"),
        variable("bmi", "number", derive="weight_kg / (height_cm * height_cm) * 10000"),
    ]
)
AS_OF = date(2020, 6, 15)


def fact(variable, value, effective="2020-01-01", *, person="P1", **more):
    """One fact as a dict; `value` goes where its kind goes."""
    effective = datetime.fromisoformat(effective)
    return {
        **dict.fromkeys(FACT_SCHEMA),
        "person_id": person,
        "variable": variable,
        "number": None if isinstance(value, str) else float(value),
        "text": value if isinstance(value, str) else None,
        "effective_at": effective,
        "recorded_at": datetime.fromisoformat(more.pop("recorded"))
        if "recorded" in more
        else effective,
        "until": datetime.fromisoformat(more.pop("until")) if more.get("until") else None,
        "status": "final",
        "source": "s1",
        "row": 1,
        "field": "f",
        **more,
    }


def table(facts):
    return pl.DataFrame(facts, schema=FACT_SCHEMA) if facts else empty_facts()


def taken(*facts, as_of=AS_OF, **more):
    return snapshot(table(list(facts)), as_of, WORDS, **more)


def value(key, *facts, **more):
    frame = taken(*facts, **more).with_columns_for([key]).frame
    return frame[key].item()


# ---------------------------------------------------------------- the twin, one person at a time


def twin(facts, as_of, dictionary):
    """{person: {column: value}} the obvious way; keys without a value are left out."""
    people = {}
    known = [
        f for f in facts if f["effective_at"].date() <= as_of and f["recorded_at"].date() <= as_of
    ]
    mistakes = [f for f in known if f["status"] == "entered_in_error"]
    known = [
        f
        for f in known
        if f["status"] != "entered_in_error"
        and not any(
            m["recorded_at"] >= f["recorded_at"]
            and all(
                m[k] == f[k] for k in ("person_id", "variable", "number", "text", "effective_at")
            )
            for m in mistakes
        )
    ]
    for f in known:
        row = people.setdefault(f["person_id"], {})
    for person, row in people.items():
        for key, word in dictionary.items():
            mine = [f for f in known if f["person_id"] == person and f["variable"] == key]
            mine = [f for f in mine if typed(f, word.kind) is not None]
            if any(f["status"] == "final" for f in mine):
                mine = [f for f in mine if f["status"] == "final"]
            if mine:
                tell(row, word, mine, as_of)
        derive(row, as_of)
    return people


def typed(f, kind):
    if kind == "number":
        return f["number"]
    if kind == "boolean":
        return None if f["number"] is None else f["number"] != 0
    if kind == "date":
        try:
            return date.fromisoformat(f["text"][:10]) if f["text"] else None
        except ValueError:
            return None
    return f["text"] or None


def order(f):
    """Later is larger; what ties goes by content."""
    until = f["until"] or datetime.max
    return (
        f["effective_at"],
        f["recorded_at"],
        f["row"],
        f["source"],
        -1e9 if f["number"] is None else f["number"],
        f["text"] or "",
        f["until"] is not None,
        until,
        f["context"] or "",
    )


def tell(row, word, mine, as_of):
    if word.memory == "latest":
        chosen = max(mine, key=order)
        answer, at = typed(chosen, word.kind), chosen["effective_at"]
    elif word.memory == "ever":
        yes = [f for f in mine if f["number"]]
        chosen = max(yes or mine, key=order)
        answer, at = bool(yes), chosen["effective_at"]
    else:
        answer, at, chosen = period(mine, as_of)
    row[word.key] = answer
    row[f"{word.key}__age_d"] = (as_of - at.date()).days
    row[f"{word.key}__assumed"] = chosen["status"] == "assumed"
    for name in word.context:
        qualifiers = json.loads(chosen["context"] or "{}")
        if name in qualifiers:
            row[f"{word.key}__{name}"] = qualifiers[name]


def period(mine, as_of):
    nos = [f for f in mine if not f["number"]]
    yeses = [f for f in mine if f["number"]]
    last_no = max(nos, key=order, default=None)
    active, words = [], [(no["effective_at"], order(no), no) for no in nos]
    for yes in yeses:
        end = end_of(yes, yeses)
        if end is None:
            if last_no is None or order(yes)[:3] >= order(last_no)[:3]:
                active.append(yes)
        elif end.date() > as_of:
            active.append(yes)
        else:
            words.append((max(end, yes["effective_at"]), order(yes), yes))
    if active:
        chosen = max(active, key=order)
        return True, chosen["effective_at"], chosen
    at, _, chosen = max(words, key=lambda word: (word[0], word[1][1:]))
    return False, at, chosen


def end_of(yes, yeses):
    """The end as the newest source of the same statement has it."""
    same = [f for f in yeses if all(f[k] == yes[k] for k in ("effective_at", "field"))]
    if len({f["source"] for f in yeses}) == 1:
        return yes["until"]
    told = {}
    for f in same:
        recorded, end = told.get(f["source"], (datetime.min, datetime.min))
        told[f["source"]] = max(recorded, f["recorded_at"]), max(end, f["until"] or datetime.max)
    newest = max(recorded for recorded, _ in told.values())
    end = min(end for recorded, end in told.values() if recorded == newest)
    return None if end == datetime.max else end


def derive(row, as_of):
    def years(on):
        return as_of.year - on.year - ((as_of.month, as_of.day) < (on.month, on.day))

    if "age_y" in row:
        row["age_y"] += years(as_of - timedelta(days=row["age_y__age_d"]))
    if "birth_date" in row and row["birth_date"] <= as_of:
        row["age_y"], row["age_y__age_d"] = float(years(row["birth_date"])), 0
        row["age_y__assumed"] = row["birth_date__assumed"]

    def put(key, answer, inputs, *, over=False):
        if answer is None or (key in row and not (over and answer and not row[key])):
            return
        row[key] = answer
        row[f"{key}__age_d"] = max(row[f"{i}__age_d"] for i in inputs if i in row)
        row[f"{key}__assumed"] = any(row[f"{i}__assumed"] for i in inputs if i in row)

    weight, height = row.get("weight_kg"), row.get("height_cm")
    put("heavy", None if weight is None else weight > 80, ["weight_kg"])
    hip, heavy = row.get("hip_fracture"), row.get("heavy")
    either = True if hip or heavy else None if None in (hip, heavy) else False
    put("fracture", either, ["hip_fracture", "heavy"], over=True)
    if weight is not None and height is not None:
        put("bmi", weight / (height * height) * 10000, ["weight_kg", "height_cm"])


# ---------------------------------------------------------------- properties

DAYS = st.integers(-40, 12).map(
    lambda days: datetime.combine(AS_OF, time()) + timedelta(hours=9 * days)
)
VALUES = {
    "birth_date": st.sampled_from(["1950-02-28", "1952-02-29", "1960-06-15", "1960-06-16", "bad"]),
    "age_y": st.sampled_from([60.0, 61.0]),
    "weight_kg": st.sampled_from([50.0, 90.0, None]),
    "height_cm": st.sampled_from([150.0, 160.0]),
    "smoking": st.sampled_from(["never", "current", ""]),
    "t_hip": st.sampled_from([-2.5, -1.0]),
}
BOOLEANS = st.sampled_from([0.0, 1.0])


@st.composite
def some_facts(draw):
    facts = []
    for _ in range(draw(st.integers(0, 12))):
        key = draw(st.sampled_from([*WORDS, "drug", "drug", "hip_fracture", "strange"]))
        told = draw(VALUES.get(key, BOOLEANS))
        started = draw(DAYS)
        facts.append(
            {
                **dict.fromkeys(FACT_SCHEMA),
                "person_id": draw(st.sampled_from(["P1", "P2"])),
                "variable": key,
                "number": None if isinstance(told, str) else told,
                "text": told if isinstance(told, str) else None,
                "effective_at": started,
                "recorded_at": draw(st.sampled_from([started, started + timedelta(days=3)])),
                "until": draw(st.one_of(st.none(), DAYS)) if key == "drug" else None,
                "status": draw(st.sampled_from(["final"] * 5 + ["assumed", "entered_in_error"])),
                "context": draw(
                    st.sampled_from([None, '{"device":"hologic"}', '{"device":"ge","side":"left"}'])
                )
                if key == "t_hip"
                else None,
                "source": draw(st.sampled_from(["s1", "s2"])),
                "row": draw(st.integers(1, 3)),
                "field": draw(st.sampled_from(["f", "g"])),
            }
        )
    return facts


def as_people(frame):
    """The frame in the form of the twin's answer: nulls and `assumed` = false left out."""
    return {
        row.pop("person_id"): {
            k: v for k, v in row.items() if v is not None and (v or not k.endswith("__assumed"))
        }
        for row in frame.rows(named=True)
    }


@settings(max_examples=400, deadline=None)
@given(some_facts())
def test_snapshot_against_slow_twin(facts):
    expected = {
        person: {k: v for k, v in row.items() if v or not k.endswith("__assumed")}
        for person, row in twin(facts, AS_OF, WORDS).items()
    }
    assert as_people(snapshot(table(facts), AS_OF, WORDS).frame) == expected


@settings(max_examples=100, deadline=None)
@given(some_facts())
def test_nothing_effective_or_recorded_later_is_used(facts):
    past = [f for f in facts if max(f["effective_at"], f["recorded_at"]).date() <= AS_OF]
    assert_frame_equal(
        snapshot(table(facts), AS_OF, WORDS).frame, snapshot(table(past), AS_OF, WORDS).frame
    )


@settings(max_examples=100, deadline=None)
@given(some_facts().flatmap(lambda facts: st.tuples(st.just(facts), st.permutations(facts))))
def test_order_and_repetition_of_facts_do_not_matter(both):
    facts, shuffled = both
    one, other = (snapshot(table(f), AS_OF, WORDS).frame for f in (facts, shuffled + facts[:3]))
    assert one.columns == other.columns
    assert_frame_equal(one.sort("person_id"), other.sort("person_id"))


@settings(max_examples=50, deadline=None)
@given(some_facts(), st.lists(st.sampled_from(list(WORDS)), max_size=3, unique=True))
def test_chosen_variables_are_those_of_the_whole_snapshot(facts, keys):
    whole = snapshot(table(facts), AS_OF, WORDS).with_columns_for(keys).frame
    some = snapshot(table(facts), AS_OF, WORDS, variables=keys).frame
    assert {name.partition("__")[0] for name in some.columns} == {"person_id", *keys}
    assert_frame_equal(whole.select(some.columns), some)
