"""Reports that were uploaded, until somebody has confirmed what was read in them."""

from __future__ import annotations

import secrets
import uuid

from django.db import models

from careloop.web.accounts.guard import PersonData


def random_name() -> str:
    """A file name that says nothing and cannot be guessed."""
    return secrets.token_hex(16)


class Upload(PersonData):
    """A photographed or printed report. Its file stands in `CARELOOP_VAR/uploads/<folder>`.

    The file, its pictures and what was read go when it is confirmed, or after a day. `result` then
    keeps what a person took over: by value what was read and what was taken.
    """

    STATES = (
        ("reading", "识别中"),
        ("read", "待确认"),
        ("failed", "未能识别"),
        ("confirmed", "已确认"),
    )
    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    resident = models.ForeignKey("registry.Resident", models.CASCADE, related_name="uploads")
    author = models.ForeignKey("accounts.User", models.PROTECT, related_name="+")
    folder = models.CharField(max_length=32, default=random_name, unique=True, editable=False)
    sha256 = models.CharField(max_length=64, blank=True)
    state = models.CharField(max_length=9, choices=STATES, default="reading")
    result = models.JSONField(default=dict)
    uploaded_at = models.DateTimeField(auto_now_add=True)

    class Meta(PersonData.Meta):
        """Newest first for one person."""

        abstract = False
        indexes = (models.Index(fields=("resident", "-uploaded_at"), name="upload_of_resident"),)

    def __str__(self) -> str:
        return f"{self.state} {self.uploaded_at:%Y-%m-%d}"
