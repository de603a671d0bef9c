"""Residents: the people of the registry as the site finds and shows them.

What is known of a person stands in facts. This table repeats who they are (name, birth date, sex,
telephone, place), so that they are found in milliseconds; `registration` keeps both in step.
"""

from __future__ import annotations

import uuid
from datetime import date

from django.db import models
from django.db.models.functions import Right

from careloop.web.accounts.guard import PersonData

_BEGINS = ("int8_ops", "varchar_pattern_ops", "varchar_ops")
"""For PostgreSQL: "begins with" is answered from the index in any language; SQLite needs none."""


class Resident(PersonData):
    """Somebody registered. `public_id` is what addresses hold: it cannot be guessed.

    `person_id` is the id by which facts know the person (no foreign key: facts of a merged
    registration keep their own id, see `alias_of`).
    """

    STATES = (("active", "在管"), ("moved", "迁出"), ("dead", "死亡"), ("merged", "已合并"))

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    person_id = models.CharField(max_length=200, unique=True)
    name = models.CharField(max_length=60, blank=True)
    pinyin = models.CharField(max_length=120, blank=True)
    initials = models.CharField(max_length=12, blank=True)
    sex = models.CharField(max_length=6, blank=True)
    birth_date = models.DateField(null=True)
    national_id = models.CharField(max_length=18, blank=True)
    national_id_tail = models.CharField(max_length=6, blank=True)
    phone = models.CharField(max_length=20, blank=True)
    national_id_last4 = models.GeneratedField(
        expression=Right("national_id", 4),
        output_field=models.CharField(max_length=4),
        db_persist=True,
    )
    phone_last4 = models.GeneratedField(
        expression=Right("phone", 4), output_field=models.CharField(max_length=4), db_persist=True
    )
    address = models.CharField(max_length=200, blank=True)
    state = models.CharField(max_length=8, choices=STATES, default="active")
    merged_into = models.ForeignKey("self", models.PROTECT, null=True, related_name="merged")
    registered_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta(PersonData.Meta):
        """One index for each way of finding somebody."""

        abstract = False
        indexes = (
            # Names begin with the place: a search seeks once in each place within reach.
            models.Index(
                fields=("organisation", "name", "state"), opclasses=_BEGINS, name="resident_place"
            ),
            models.Index(
                fields=("organisation", "pinyin", "state"),
                opclasses=_BEGINS,
                name="resident_pinyin",
            ),
            models.Index(
                fields=("organisation", "initials", "state"),
                opclasses=_BEGINS,
                name="resident_initials",
            ),
            models.Index(fields=("national_id",), name="resident_national_id"),
            models.Index(fields=("national_id_tail",), name="resident_id_tail"),
            models.Index(fields=("national_id_last4",), name="resident_id_last4"),
            models.Index(fields=("phone",), name="resident_phone"),
            models.Index(fields=("phone_last4",), name="resident_phone_last4"),
        )

    def __str__(self) -> str:
        return str(self.public_id)

    def age_on(self, day: date) -> int | None:
        """Whole years of age on a day; unknown without a birth date."""
        born = self.birth_date
        if born is None:
            return None
        return day.year - born.year - ((day.month, day.day) < (born.month, born.day))
