"""What follows from a decided plan: the tasks of the programme's schedule."""

from __future__ import annotations

import polars as pl

from careloop.web.accounts.gate import Gate
from careloop.web.care.models import Visit
from careloop.web.care.standing import today
from careloop.web.care.visit.due import contacts
from careloop.web.care.visit.known import known, schedule
from careloop.web.care.visit.task import bring_tasks
from careloop.web.registry.resident import Resident


def up(gate: Gate, resident: Resident, facts: pl.DataFrame) -> None:
    """Bring the resident's tasks in step; call it inside the transaction of the decision."""
    row = known(resident, facts, schedule().reads(), as_of=today())
    told = contacts(gate.about(resident, Visit)).values_list("kind", "happened_on")
    bring_tasks(gate, resident, row, list(told))
