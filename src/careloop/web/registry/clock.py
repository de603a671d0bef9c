"""Times as the sender's clock showed them, without a time zone."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone

FORMAT = "%Y-%m-%d %H:%M:%S.%f"
"""How SQLite keeps them: always 26 characters, so that texts sort as times do."""


def wall_clock() -> datetime:
    """Now, as a clock on the site's wall shows it."""
    return timezone.localtime().replace(tzinfo=None)


class WallClockField(models.Field):
    """A `datetime` without time zone: what the sender's clock showed.

    Django's own `DateTimeField` converts to and from UTC, which moves the date of a fact wherever
    the sender's zone is not the site's, and cannot hold an hour that a zone skips. PostgreSQL keeps
    this as `timestamp`, SQLite as text in `FORMAT`.
    """

    description = "Time as the sender's clock showed it"

    def db_type(self, connection: Any) -> str:
        """Name the column's type."""
        return "timestamp" if connection.vendor == "postgresql" else "text"

    def to_python(self, value: Any) -> datetime | None:
        """Accept a naive `datetime` or ISO text."""
        if value is None or isinstance(value, datetime):
            told = value
        else:
            try:
                told = datetime.fromisoformat(str(value))
            except ValueError as error:
                raise ValidationError(f"{value!r} is not a time: write YYYY-MM-DD HH:MM") from error
        if told is not None and told.tzinfo is not None:
            raise ValidationError("a wall-clock time has no time zone")
        return told

    def from_db_value(self, value: Any, *_: Any) -> datetime | None:
        """Read what the database holds."""
        return datetime.fromisoformat(value) if isinstance(value, str) else value

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:  # noqa: FBT001, FBT002
        """Write what the database is to hold."""
        del prepared
        told = self.to_python(value)
        if told is None or connection.vendor == "postgresql":
            return told
        return told.isoformat(sep=" ", timespec="microseconds")

    def value_to_string(self, obj: models.Model) -> str:
        """Write it for a fixture."""
        told = self.value_from_object(obj)
        return "" if told is None else told.isoformat()
