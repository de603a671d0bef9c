"""Reports that were uploaded, until somebody has confirmed what was read; and measured images."""

from __future__ import annotations

import secrets
import uuid

from django.db import models

from careloop.web.accounts.guard import PersonData
from careloop.web.registry.clock import WallClockField


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


class Image(PersonData):
    """A measured image. Its picture stands in `CARELOOP_VAR/images/<folder>` and names nobody.

    The file that was sent waits in `CARELOOP_VAR/uploads/<folder>` and goes when somebody has
    confirmed the image or thrown it away, or after a day. `told` holds what the page shows beside
    the numbers, which are facts of `source`: outlines, checks, settings. `saliency_of` names the
    released model whose map `saliency.png`, as large as the picture, stands beside it; whoever
    predicts keeps both, and where it is empty no model looked.
    """

    STATES = (
        ("measuring", "测量中"),
        ("measured", "待确认"),
        ("refused", "未测量"),
        ("kept", "已保存"),
        ("withdrawn", "已撤回"),
    )
    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    resident = models.ForeignKey("registry.Resident", models.CASCADE, related_name="images")
    author = models.ForeignKey("accounts.User", models.PROTECT, related_name="+")
    folder = models.CharField(max_length=32, default=random_name, unique=True, editable=False)
    sha256 = models.CharField(max_length=64)
    state = models.CharField(max_length=9, choices=STATES, default="measuring")
    part = models.CharField(max_length=16)
    side = models.CharField(max_length=7, blank=True)
    taken_at = WallClockField(null=True)
    quality = models.CharField(max_length=11, blank=True)
    source = models.CharField(max_length=128, blank=True)
    told = models.JSONField(default=dict)
    saliency_of = models.CharField(max_length=120, blank=True)
    reason = models.TextField(blank=True)
    uploaded_at = models.DateTimeField(auto_now_add=True)

    class Meta(PersonData.Meta):
        """Newest first for one person."""

        abstract = False
        indexes = (models.Index(fields=("resident", "state", "-taken_at"), name="image_of_person"),)

    def __str__(self) -> str:
        return f"{self.part} {self.state} {self.uploaded_at:%Y-%m-%d}"
