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
NEVER, FOREVER = datetime.fromisoformat("0001-01-01"), datetime.fromisoformat("9999-12-31")


def fact(variable, value, effective="2020-01-01", *, person="P1", **more):
    """One fact as a dict; `value` goes where its kind goes, times are ISO."""
    more = {"recorded_at": effective, "until": None, "source": "s1", "row": 1} | more
    for name in ("recorded_at", "until"):
        more[name] = more[name] and datetime.fromisoformat(more[name])
    return {
        **dict.fromkeys(FACT_SCHEMA),
        "person_id": person,
        "variable": variable,
        "number": None if isinstance(value, str) else float(value),
        "text": value if isinstance(value, str) else None,
        "effective_at": datetime.fromisoformat(effective),
        "status": "final",
        "field": "f",
        **more,
    }


def table(facts):
    return pl.DataFrame(facts, schema=FACT_SCHEMA) if facts else empty_facts()


def taken(*facts, as_of=AS_OF, **more):
    return snapshot(table(list(facts)), as_of, WORDS, **more)


def value(key, *facts, **more):
    frame = taken(*facts, **more).with_columns_for([key]).frame
    return frame[key].item() if frame.height else None


SAME = ("person_id", "variable", "number", "text", "effective_at")


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
    until = f["until"] or FOREVER
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
        recorded, end = told.get(f["source"], (NEVER, NEVER))
        told[f["source"]] = max(recorded, f["recorded_at"]), max(end, f["until"] or FOREVER)
    newest = max(recorded for recorded, _ in told.values())
    end = min(end for recorded, end in told.values() if recorded == newest)
    return None if end == FOREVER else end


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


@settings(max_examples=300, deadline=None)
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


# ---------------------------------------------------------------- what the rules mean


def test_a_drug_counts_from_its_start_until_its_end():
    course = fact("drug", 1, "2020-03-01", until="2020-06-15")
    assert value("drug", course, as_of=date(2020, 2, 29)) is None
    assert value("drug", course, as_of=date(2020, 3, 1)) is True
    assert value("drug", course, as_of=date(2020, 6, 14)) is True
    assert value("drug", course) is False
    # Counted from its end, the last word on it.
    assert value("drug__age_d", course, as_of=date(2020, 6, 20)) == 5
    other = fact("drug", 1, "2020-03-01", row=2)
    assert value("drug", course, other) is True


def test_a_no_closes_what_was_left_open():
    open_ended, no = fact("drug", 1, "2020-03-01"), fact("drug", 0, "2020-04-01")
    assert value("drug", open_ended, no) is False
    assert (
        value("drug", open_ended, fact("drug", 0, "2020-03-01", recorded_at="2020-03-02")) is False
    )
    assert value("drug", open_ended, fact("drug", 0, "2020-02-28")) is True
    assert value("drug", no, fact("drug", 1, "2020-05-01")) is True
    # An end that was stated stands against a no before it.
    assert value("drug", fact("drug", 1, "2020-03-01", until="2020-07-01"), no) is True


def test_an_end_learned_from_a_later_file_counts():
    first = fact("drug", 1, "2020-03-01", source="march")
    again = fact("drug", 1, "2020-03-01", source="may", until="2020-04-30")
    assert value("drug", first) is True
    assert value("drug", again, first) is False
    # Another prescription that began the same day goes on.
    assert value("drug", first, again, fact("drug", 1, "2020-03-01", field="other")) is True
    # A renewed prescription, recorded later, moves the end.
    renewed = fact(
        "drug", 1, "2020-03-01", source="june", recorded_at="2020-06-01", until="2020-12-31"
    )
    assert value("drug", again, renewed) is True


def test_once_yes_yes_for_good():
    yes, no = fact("hip_fracture", 1, "2015-01-01"), fact("hip_fracture", 0, "2019-01-01")
    assert value("hip_fracture", yes, no) is True
    assert value("hip_fracture", no) is False
    mistake = fact("hip_fracture", 1, "2015-01-01", status="entered_in_error")
    assert value("hip_fracture", mistake) is None
    assert value("hip_fracture", yes, no, mistake) is False
    # Withdrawn only from the day it was recorded as a mistake.
    later = {**mistake, "recorded_at": datetime.fromisoformat("2020-06-16")}
    assert value("hip_fracture", yes, no, later) is True


def test_a_derived_yes_outweighs_a_recorded_no_only_where_yes_is_for_good():
    no = fact("fracture", 0, "2019-01-01")
    hip = fact("hip_fracture", 1, "2020-05-01")
    assert value("fracture", no, hip) is True
    assert value("fracture__age_d", no, hip) == 45
    assert value("heavy", fact("heavy", 0), fact("weight_kg", 90)) is False


def test_assumed_facts_count_only_where_nothing_else_does():
    assumed = fact("drug", 0, "2020-06-01", status="assumed")
    assert value("drug", assumed) is False
    assert value("drug__assumed", assumed) is True
    started = fact("drug", 1, "2018-01-01")
    assert value("drug", assumed, started) is True
    assert value("drug__assumed", assumed, started) is False
    weights = [fact("weight_kg", 90, status="assumed"), fact("weight_kg", 50, person="P2")]
    frame = taken(*weights).frame
    assert frame["heavy__assumed"].to_list() == [True, False]
    assert "hip_fracture__assumed" not in frame.columns


def test_qualifiers_are_those_of_the_very_fact():
    older = fact("t_hip", -2.6, "2019-01-01", context='{"device":"hologic","side":"left"}')
    newer = fact("t_hip", -2.4, context='{"device":"ge"}')
    frame = taken(older, newer).frame
    assert frame.select("t_hip", "t_hip__device", "t_hip__side").row(0) == (-2.4, "ge", None)


@pytest.mark.parametrize(
    ("birth", "as_of", "age"),
    [
        ("1950-06-15", date(2020, 6, 14), 69),
        ("1950-06-15", date(2020, 6, 15), 70),
        ("1952-02-29", date(2021, 2, 28), 68),
        ("1952-02-29", date(2021, 3, 1), 69),
        ("1952-02-29", date(2024, 2, 29), 72),
    ],
)
def test_age_is_completed_years(birth, as_of, age):
    facts = [fact("birth_date", birth), fact("age_y", 3)]
    assert value("age_y", *facts, as_of=as_of) == age
    assert value("age_y__age_d", *facts, as_of=as_of) == 0


def test_a_recorded_age_moves_on():
    assert value("age_y", fact("age_y", 70, "2015-06-15")) == 75
    assert value("age_y", fact("age_y", 70, "2015-06-16")) == 74


def test_nulls_are_typed_and_strange_variables_named():
    shot = taken(fact("weight_kg", 50), fact("nonsense", 1))
    assert shot.not_in_dictionary == ("nonsense",)
    full = shot.with_columns_for(["smoking", "t_hip__device", "drug__assumed", "age_y__age_d"])
    assert full.frame.schema["smoking"] == pl.String
    assert full.frame.schema["age_y__age_d"] == pl.Int32
    assert full.frame["drug__assumed"].to_list() == [False]
    assert full.with_columns_for(["smoking"]) is full
    with pytest.raises(ConfigError, match="no variable 'smokin'"):
        shot.with_columns_for(["smokin"])
    with pytest.raises(ConfigError, match="no qualifier"):
        shot.with_columns_for(["t_hip__lot"])
    with pytest.raises(InputError, match="lack the columns"):
        snapshot(pl.DataFrame({"person_id": []}), AS_OF, WORDS)


def test_people_stand_in_the_order_of_their_first_facts():
    facts = [fact("weight_kg", 50, person=p) for p in ("P9", "P1", "P5", "P1")]
    assert taken(*facts).frame["person_id"].to_list() == ["P9", "P1", "P5"]
    future = fact("weight_kg", 50, "2021-01-01", person="P0")
    assert taken(future, *facts).frame["person_id"].to_list() == ["P9", "P1", "P5"]


def test_batches_of_people_are_the_whole():
    people = [f"P{n}" for n in range(200)]
    facts = [fact("weight_kg", 50 + n, person=person) for n, person in enumerate(people)]
    whole = taken(*facts).frame
    shots = list(snapshot_batches(table(facts).lazy(), AS_OF, WORDS, persons_per_batch=60))
    assert len(shots) > 2
    assert_frame_equal(
        pl.concat([s.frame for s in shots]).sort("person_id"), whole.sort("person_id")
    )
