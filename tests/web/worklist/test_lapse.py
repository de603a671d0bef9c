"""A call is about what was known then: something worse, or the next time, is called about again."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import polars as pl
import pytest
from django.utils import timezone

from careloop.records.reading import ImportReport, Source
from careloop.web.care.models import Call, Listed
from careloop.web.care.recording import Contact, facts_from
from careloop.web.care.standing import today
from careloop.web.care.worklist import call as calling
from careloop.web.registry.registration import refresh_standings
from careloop.web.registry.store import DatabaseStore

from .. import factory
from .test_call import in_days, on_list, tell

LIST = "injection_due"
NAME = "周桂兰"


class Reading:
    """The facts of an import, as a store takes them."""

    def __init__(self, facts: pl.DataFrame) -> None:
        name = f"import-{uuid4()}"
        self.frame = facts.with_columns(source=pl.lit(name))
        at = datetime(2026, 1, 1, tzinfo=UTC)
        self.source = Source(name, "csv", "", "0" * 64, name, at)
        self.report = ImportReport(records=1, facts=facts.height, persons=1)

    def batches(self):
        yield self.frame

    def rejected(self):
        return pl.DataFrame()


@pytest.fixture
def nurse(tree, login):
    return login("nurse", tree.centre)


@pytest.fixture
def who(tree):
    return factory.resident(tree.clinic, name=NAME, birth_date=date(1950, 5, 1))


@pytest.fixture
def told(who):
    """What an import tells of her on a day, and the night after it: no contact is recorded."""
    days = iter(range(40, 0, -1))

    def imported(**answers):
        at = datetime.combine(today(), datetime.min.time()) - timedelta(days=next(days))
        contact = Contact("import", at.date(), answers)
        facts = facts_from(who.person_id, contact, effective_at=at, recorded_at=at)
        DatabaseStore().add(Reading(facts))
        refresh_standings()

    return imported


def ago(days: int) -> date:
    return today() - timedelta(days=days)


def row() -> Listed:
    return Listed.gated.get(worklist=LIST)


@pytest.mark.parametrize(
    ("result", "fields"),
    [
        ("removed", {"reason": "refused"}),
        ("later", {"later_on": in_days(60)}),
        ("agreed", {"agreed_on": in_days(60)}),
    ],
)
def test_an_alarm_brings_back_whoever_was_put_off_before_it(result, fields, told, nurse, who):
    told(sex="female", denosumab_current=True, denosumab_last_on=ago(160))
    assert row().because["reasons"] == ["soon"]
    tell(nurse, who, [LIST], result, **fields)
    assert on_list(nurse, LIST) == []
    refresh_standings()  # a night in which nothing changed
    assert on_list(nurse, LIST) == []
    told(denosumab_last_on=ago(220))
    assert row().because["alarm"]
    assert on_list(nurse, LIST) == [NAME]
    refresh_standings()
    assert on_list(nurse, LIST) == [NAME]


def test_a_call_about_the_alarm_itself_holds(told, nurse, who):
    told(sex="female", denosumab_current=True, denosumab_last_on=ago(220))
    tell(nurse, who, [LIST], "agreed", agreed_on=in_days(3))
    refresh_standings()
    assert on_list(nurse, LIST) == []


def test_a_further_reason_brings_back_whoever_has_no_day(told, nurse, who):
    told(sex="female", denosumab_current=True, denosumab_last_on=ago(160))
    tell(nurse, who, [LIST], "agreed", agreed_on=in_days(3))
    told(denosumab_last_on=ago(190))
    assert row().because["reasons"] == ["due"]
    assert on_list(nurse, LIST) == []  # comes in three days
    nurse.post(f"/people/{who.public_id}/call", {"undo": Call.gated.get().pk})
    told(denosumab_last_on=ago(160))
    tell(nurse, who, [LIST], "removed", reason="already_done")
    assert on_list(nurse, LIST) == []
    told(denosumab_last_on=ago(190))
    assert on_list(nurse, LIST) == [NAME]


def test_the_next_injection_is_called_for_although_the_last_one_was_refused(told, nurse, who):
    told(sex="female", denosumab_current=True, denosumab_last_on=ago(160))
    tell(nurse, who, [LIST], "removed", reason="already_done")
    told(denosumab_last_on=ago(1))  # the hospital sends the date
    assert not Listed.gated.filter(worklist=LIST).exists()
    assert not Call.gated.get().holds
    told(denosumab_last_on=ago(160))  # as half a year later
    assert on_list(nurse, LIST) == [NAME]


@pytest.mark.parametrize(("days", "back"), [(365, False), (367, True)])
def test_whoever_was_not_reached_is_tried_again_after_a_year(days, back, told, nurse, who):
    told(sex="female", denosumab_current=True, denosumab_last_on=ago(220))
    tell(nurse, who, [LIST], "removed", reason="unreachable")
    Call.gated.update(called_at=timezone.now() - timedelta(days=days))
    refresh_standings()
    assert on_list(nurse, LIST) == ([NAME] if back else [])


def test_undoing_a_call_does_not_hide_an_alarm_behind_an_older_one(told, nurse, who):
    told(sex="female", denosumab_current=True, denosumab_last_on=ago(160))
    tell(nurse, who, [LIST], "removed", reason="refused")
    told(denosumab_last_on=ago(220))
    tell(nurse, who, [LIST], "later", later_on=in_days(5))
    assert on_list(nurse, LIST) == []
    nurse.post(f"/people/{who.public_id}/call", {"undo": Call.gated.get(result="later").pk})
    assert on_list(nurse, LIST) == [NAME]


@pytest.mark.parametrize("result", ["agreed", "later"])
def test_a_wrong_year_takes_nobody_off_a_list(result, told, nurse, who):
    told(sex="female", denosumab_current=True, denosumab_last_on=ago(220))
    far = (today() + calling.FURTHEST + timedelta(days=1)).isoformat()
    response = tell(nurse, who, [LIST], result, agreed_on=far, later_on=far)
    assert response.status_code == 422
    assert "Choose a day within a year." in response.content.decode()
    assert on_list(nurse, LIST) == [NAME]


def test_undoing_a_removal_calls_nobody_who_has_died(tree, people, nurse):
    task = people.due(tree.clinic, -4)
    who = task.resident
    tell(nurse, who, [str(task.public_id)], "removed", reason="died")
    who.state = "dead"
    who.save()
    nurse.post(f"/people/{who.public_id}/call", {"undo": Call.gated.get().pk})
    assert on_list(nurse, "overdue") == []
