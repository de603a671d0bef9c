"""The tables of the registry. The pure layer sees them only as `FACT_SCHEMA` (`store.py`)."""

from __future__ import annotations

from typing import Any, NoReturn

from django.db import models

from careloop.error import CareloopError
from careloop.web.registry.clock import WallClockField
from careloop.web.registry.resident import Resident

__all__ = ["Fact", "FactStandsError", "Person", "Resident", "Source", "StandingFacts"]


class FactStandsError(CareloopError):
    """Somebody tried to change or delete a fact."""

    def __init__(self) -> None:
        super().__init__(
            "facts are never changed or deleted\n"
            "  → record a new fact; one with status entered_in_error withdraws a wrong one"
        )


class Source(models.Model):
    """A file or message as it was received, with the account of its import."""

    source_id = models.CharField(max_length=128, unique=True)
    kind = models.CharField(max_length=32)
    name = models.TextField()
    sha256 = models.CharField(max_length=64)
    sender = models.TextField()
    read_at = models.DateTimeField()
    mapping = models.CharField(max_length=64, blank=True)
    software = models.TextField(blank=True)
    imported_at = models.DateTimeField(auto_now_add=True)
    facts_told = models.BigIntegerField(default=0)
    facts_new = models.BigIntegerField(default=0)
    import_report = models.JSONField(default=dict)

    class Meta:
        """Oldest first."""

        ordering = ("read_at", "pk")

    def __str__(self) -> str:
        return str(self.name)


class Person(models.Model):
    """Somebody about whom there are facts; known by the id that the sources spell."""

    person_id = models.CharField(max_length=200, primary_key=True)
    registered_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return str(self.person_id)


class StandingFacts(models.QuerySet):
    """Facts to be read and added to, nothing else."""

    def update(self, **_: Any) -> NoReturn:
        """Refuse."""
        raise FactStandsError

    def delete(self) -> NoReturn:
        """Refuse."""
        raise FactStandsError

    def bulk_update(self, *_: Any, **__: Any) -> NoReturn:
        """Refuse."""
        raise FactStandsError

    def bulk_create(self, objs: Any, *args: Any, **options: Any) -> Any:
        """Add facts; an upsert would change others and is refused."""
        if options.get("update_conflicts"):
            raise FactStandsError
        return super().bulk_create(objs, *args, **options)

    # As in Django's own query set: never called from a template.
    delete.alters_data = True  # type: ignore[attr-defined]
    delete.queryset_only = True  # type: ignore[attr-defined]


class Fact(models.Model):
    """What somebody stated about a person; columns as in `careloop.records.fact.FACT_SCHEMA`.

    Never changed, never deleted. `fact_key` (BLAKE2b, 16 bytes) is the same for the same person,
    variable, value, unit, times, status, context and sender, and so keeps a fact from being
    entered twice, whichever file carries it.
    """

    fact_key = models.BinaryField(max_length=16, unique=True, editable=False)
    person = models.ForeignKey(
        Person, on_delete=models.PROTECT, related_name="facts", db_index=False
    )
    variable = models.CharField(max_length=100)
    number = models.FloatField(null=True)
    text = models.TextField(null=True)  # null: not a text
    unit = models.CharField(max_length=64, null=True)
    effective_at = WallClockField()
    until = WallClockField(null=True)
    recorded_at = WallClockField()
    status = models.CharField(max_length=20)
    context = models.TextField(null=True)
    raw = models.TextField(null=True)
    source = models.ForeignKey(
        Source, on_delete=models.PROTECT, related_name="facts", db_index=False
    )
    row = models.BigIntegerField(null=True)
    field = models.TextField(null=True)

    objects = StandingFacts.as_manager()

    class Meta:
        """One index, for what is asked on every page: what is known about a person."""

        indexes = (
            models.Index(
                fields=("person", "variable", "effective_at"), name="fact_person_variable"
            ),
        )
        base_manager_name = "objects"

    def __str__(self) -> str:
        return f"{self.variable} {self.effective_at:%Y-%m-%d}"

    def save(self, *args: Any, **options: Any) -> None:
        """Add the fact; refuse to change one."""
        if not self._state.adding or options.get("force_update") or options.get("update_fields"):
            raise FactStandsError
        super().save(*args, **options)

    def delete(self, *_: Any, **__: Any) -> NoReturn:
        """Refuse."""
        raise FactStandsError
