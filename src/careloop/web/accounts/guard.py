"""Tables that hold a person's data open only to the gate.

A model with a person's data inherits `PersonData`. Its `objects` refuses every query; the gate asks
through `gated`. `tests/web/test_gate.py` finds any other module that names `gated`, a model's base
manager or raw SQL.
"""

from __future__ import annotations

from typing import Any, NoReturn

from django.db import models

from careloop.error import CareloopError


class UngatedError(CareloopError):
    """Somebody went for a person's data past the gate: a fault of the program."""

    def __init__(self, model: str) -> None:
        super().__init__(
            f"{model} holds data of persons: ask for it through the gate (request.gate)"
        )


class Ungated(models.Manager[Any]):
    """A manager that refuses."""

    use_in_migrations = False

    def get_queryset(self) -> NoReturn:
        """Refuse."""
        raise UngatedError(self.model.__name__)


class PersonData(models.Model):
    """A row about one person (`resident`), looked after at one place (`organisation`).

    `organisation` is the resident's own place at all times: lists of a region are read from one
    index without joining.
    """

    organisation = models.ForeignKey("accounts.Organisation", models.PROTECT, related_name="+")

    gated = models.Manager()
    objects = Ungated()

    class Meta:
        """No table of its own."""

        abstract = True
        base_manager_name = "gated"
        default_manager_name = "gated"
