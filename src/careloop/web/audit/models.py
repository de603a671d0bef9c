"""The audit's one table."""

from __future__ import annotations

from typing import Any, NoReturn

from django.db import models

from careloop.error import CareloopError


class AuditStandsError(CareloopError):
    """Somebody tried to change or delete an entry of the audit."""

    def __init__(self) -> None:
        super().__init__("entries of the audit are never changed or deleted")


class Standing(models.QuerySet):
    """Entries to be read, nothing else; `chain.append` adds them."""

    def update(self, **_: Any) -> NoReturn:
        """Refuse."""
        raise AuditStandsError

    def delete(self) -> NoReturn:
        """Refuse."""
        raise AuditStandsError

    delete.alters_data = True  # type: ignore[attr-defined]
    delete.queryset_only = True  # type: ignore[attr-defined]


class Entry(models.Model):
    """One thing somebody did. The database itself refuses to change or delete it (migration 0001).

    `residents` lists the public ids of the persons concerned, `,`-framed so that one can be found.
    """

    number = models.BigIntegerField(primary_key=True)
    at = models.DateTimeField(db_index=True)
    username = models.CharField(max_length=60)
    role = models.CharField(max_length=16)
    organisation_path = models.CharField(max_length=120)
    action = models.CharField(max_length=40)
    residents = models.TextField(blank=True)
    detail = models.JSONField(default=dict)
    address = models.CharField(max_length=45, blank=True)
    previous = models.CharField(max_length=64)
    digest = models.CharField(max_length=64, unique=True)

    objects = Standing.as_manager()

    class Meta:
        """In the order of the chain; an index for each way of filtering it."""

        ordering = ("number",)
        base_manager_name = "objects"
        indexes = (
            models.Index(fields=("username", "-number"), name="audit_of_user"),
            models.Index(fields=("action", "-number"), name="audit_of_action"),
        )

    def __str__(self) -> str:
        return f"{self.number} {self.username} {self.action}"

    def save(self, *_: Any, **__: Any) -> NoReturn:
        """Refuse; `chain.append` adds entries."""
        raise AuditStandsError

    def delete(self, *_: Any, **__: Any) -> NoReturn:
        """Refuse."""
        raise AuditStandsError


class Concerned(models.Model):
    """Which person an entry concerns: the index by which "who looked at this person" is asked."""

    entry = models.ForeignKey(Entry, models.PROTECT, related_name="+")
    resident_public_id = models.UUIDField()

    class Meta:
        """Newest first for one person."""

        indexes = (models.Index(fields=("resident_public_id", "-entry"), name="audit_of_resident"),)

    def __str__(self) -> str:
        return str(self.resident_public_id)
