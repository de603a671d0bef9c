"""Reviews: a reason where one is needed, an exact record, and a log that is only added to."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from threading import Thread

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from careloop.dictionary.variable import Text
from careloop.error import InputError
from careloop.guidance import serial
from careloop.guidance.plan import KINDS, Plan, PlanItem, Reason, Withheld
from careloop.guidance.review import (
    accepted_plan,
    append_review,
    from_json,
    item_hash,
    read_reviews,
    review,
    reviewed,
    to_json,
)

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
ITEM = PlanItem("alendronate", "medicine", Text("阿仑膦酸", "alendronate"))
CALCIUM = PlanItem("calcium", "supplement", Text("补钙", "calcium"))
PLAN = Plan("P1", date(2026, 6, 30), "osteoporosis", "china_2022", "high", (ITEM, CALCIUM))


def said(decision="accept", key="alendronate", **rest):
    return review(PLAN, key, decision, **{"reviewer": "dr_wang", "reviewed_at": NOW, **rest})


def test_editing_and_rejecting_need_a_reason_and_accepting_does_not():
    assert said().reason == ""
    assert said("reject", reason="吞咽困难").decision == "reject"
    assert said("edit", reason="剂量", text=Text("甲", "a")).text == Text("甲", "a")
    for wrong in (
        {"decision": "reject"},
        {"decision": "reject", "reason": "  "},
        {"decision": "edit", "text": Text("甲", "a")},
        {"decision": "edit", "reason": "剂量"},
        {"text": Text("甲", "a")},
        {"decision": "order"},
        {"reviewer": ""},
        {"reviewed_at": NOW.replace(tzinfo=None)},
        {"key": "not there"},
    ):
        with pytest.raises(InputError):
            said(**wrong)


def test_a_reviewed_plan_knows_what_stands_what_waits_and_what_is_out_of_date():
    edited = said("edit", reason="换剂型", text=Text("10 mg 每日", "10 mg daily"))
    found = reviewed(PLAN, [said(), replace(edited, reviewed_at=NOW + timedelta(hours=1))])
    assert found.items[0].text == Text("10 mg 每日", "10 mg daily")
    assert found.pending == (CALCIUM,)
    assert not found.complete
    assert [each.key for each in accepted_plan(found).items] == ["alendronate"]
    assert found.plan is PLAN
    changed = replace(PLAN, items=(replace(ITEM, after_checking=("crcl_35",)), CALCIUM))
    again = reviewed(changed, [said()])
    assert again.pending == changed.items, "what was said of another item does not count"
    assert again.stale == (said(),)
    rejected = reviewed(PLAN, [said(), replace(said("reject", reason="x"), reviewed_at=NOW)])
    assert rejected.accepted == ()
    assert reviewed(replace(PLAN, person_id="P2"), [said()]).items[0].review is None


def test_log_is_only_added_to(tmp_path):
    path = tmp_path / "reviews" / "log.ndjson"
    first = said()
    append_review(first, path)
    before = path.read_bytes()
    second = said("reject", key="calcium", reason="换行\n也行")
    append_review(second, path)
    assert path.read_bytes().startswith(before)
    assert list(read_reviews(path)) == [first, second]
    assert path.stat().st_mode & 0o077 == 0, "patients' data are nobody else's"


def test_many_writers_lose_nothing(tmp_path):
    path = tmp_path / "log.ndjson"
    writers = [
        Thread(target=lambda: [append_review(said(), path) for _ in range(20)]) for _ in range(4)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert len(list(read_reviews(path))) == 80


def test_a_torn_line_is_named_without_its_values_and_the_next_is_whole(tmp_path):
    path = tmp_path / "log.ndjson"
    append_review(said(), path)
    path.write_bytes(path.read_bytes() + to_json(said())[:60].encode())
    append_review(said("reject", reason="x"), path)
    lines = path.read_bytes().splitlines()
    assert from_json(lines[-1]).decision == "reject"
    with pytest.raises(InputError, match=r"log\.ndjson, line 2") as caught:
        list(read_reviews(path))
    assert "P1" not in str(caught.value)


TEXTS = st.builds(Text, st.text(), st.text())


@given(st.text(), st.text(min_size=1).filter(str.strip), TEXTS, st.datetimes())
@settings(max_examples=100, deadline=None)
def test_review_round_trip_is_exact(person, reason, text, at):
    plan = replace(PLAN, person_id=person)
    one = review(
        plan,
        "calcium",
        "edit",
        reviewer="李医生",
        reviewed_at=at.replace(tzinfo=UTC),
        reason=reason,
        text=text,
    )
    assert from_json(to_json(one)) == one


REASONS = st.lists(
    st.builds(Reason, st.text(), TEXTS, st.text(), st.sampled_from("ABC")), max_size=2
).map(tuple)
DAYS = st.dates()
DETAILS = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.text()
    | DAYS
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.lists(inner, max_size=2).map(tuple)
        | st.dictionaries(st.text(min_size=1), inner, max_size=2)
    ),
    max_leaves=4,
)
ITEMS = st.builds(
    PlanItem,
    key=st.text(),
    kind=st.sampled_from(KINDS),
    text=TEXTS,
    patient=st.none() | TEXTS,
    because=REASONS,
    after_checking=st.lists(st.text(), max_size=2).map(tuple),
    checks=st.lists(TEXTS, max_size=2).map(tuple),
    cautions=REASONS,
    guideline=st.text(),
    section=st.text(),
    strength=st.text(),
    mark=st.sampled_from("ABC"),
    due_on=st.none() | DAYS,
    priority=st.integers(0, 100),
    excludes=st.lists(st.text(), max_size=2).map(tuple),
    details=st.none() | st.dictionaries(st.text(min_size=1), DETAILS, max_size=2),
)
PLANS = st.builds(
    Plan,
    person_id=st.text(),
    as_of=DAYS,
    programme=st.text(),
    guideline=st.text(),
    risk_class=st.none() | st.text(),
    items=st.lists(ITEMS, max_size=2).map(tuple),
    withheld=st.lists(st.builds(Withheld, st.text(), TEXTS, REASONS), max_size=2).map(tuple),
    missing=st.lists(st.text(), max_size=2).map(tuple),
    flags=REASONS,
)


@given(PLANS)
@settings(max_examples=150, deadline=None)
def test_plan_round_trip_is_exact(plan):
    again = serial.from_json(serial.to_json(plan))
    assert again == plan
    assert [item_hash(item) for item in again.items] == [item_hash(item) for item in plan.items]


@pytest.mark.parametrize("line", [b"", b"[]", b"{}", b'{"person_id": "P1"}', b"\xff", b"null"])
def test_what_is_no_plan_or_review_is_refused(line):
    with pytest.raises(InputError):
        serial.from_json(line)
    with pytest.raises(InputError):
        from_json(line)
