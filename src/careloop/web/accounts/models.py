"""Organisations as a tree, and the people who log in."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.utils import timezone

from careloop.web.accounts.readable import login_name
from careloop.web.accounts.role import ROLE_NAMES, Action, may

if TYPE_CHECKING:
    from careloop.web.registry.resident import Resident

BREAK_GLASS_FOR = timedelta(hours=1)


class Organisation(models.Model):
    """A place of work. `path` is the way down the tree (`0001.0004.`): a subtree is a prefix."""

    KINDS = (
        ("bureau", "卫生健康局"),
        ("hospital", "医院"),
        ("centre", "社区卫生服务中心"),
        ("clinic", "村卫生室"),
    )
    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=16, choices=KINDS)
    parent = models.ForeignKey("self", models.PROTECT, null=True, related_name="children")
    path = models.CharField(max_length=120, unique=True, editable=False)

    class Meta:
        """In the order of the tree."""

        ordering = ("path",)

    def __str__(self) -> str:
        return str(self.name)

    def save(self, *args: Any, **options: Any) -> None:
        """Keep `path` right: a new place takes the next number below its parent."""
        if not self.path:
            places = Organisation.objects.using(options.get("using"))
            siblings = places.filter(parent=self.parent).order_by("-path")
            last = siblings.values_list("path", flat=True).first()
            number = int(last.rstrip(".").rpartition(".")[2]) + 1 if last else 1
            self.path = f"{self.parent.path if self.parent else ''}{number:04d}."
        super().save(*args, **options)

    def subtree(self) -> models.QuerySet[Organisation]:
        """The place itself and all below it."""
        return Organisation.objects.filter(path__startswith=self.path)


class Users(BaseUserManager):
    """Finds and makes users; the name is compared without regard to case."""

    def get_by_natural_key(self, username: str | None) -> User:
        """The user of this login name."""
        found: User = self.get(username=login_name(username or ""))
        return found

    def create_user(self, username: str, password: str, **fields: Any) -> User:
        """Make a user with a hashed password."""
        user: User = self.model(username=login_name(username), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user


class User(AbstractBaseUser):
    """Somebody who logs in: one role at one place. A patient's account leads to one resident."""

    LANGUAGES = (("zh", "中文"), ("en", "English"))

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    username = models.CharField(max_length=60, unique=True)
    name = models.CharField(max_length=60)
    role = models.CharField(
        max_length=16, choices=[(key, name.zh) for key, name in ROLE_NAMES.items()]
    )
    organisation = models.ForeignKey(Organisation, models.PROTECT, null=True, related_name="users")
    resident = models.OneToOneField(
        "registry.Resident", models.PROTECT, null=True, blank=True, related_name="+"
    )
    language = models.CharField(max_length=2, default="zh", choices=LANGUAGES)
    is_active = models.BooleanField(default=True)
    must_change_password = models.BooleanField(default=False)
    totp_secret = models.CharField(max_length=255, blank=True)  # sealed, see `seal`
    totp_last_step = models.BigIntegerField(default=0)

    USERNAME_FIELD = "username"
    objects = Users()

    def __str__(self) -> str:
        return str(self.username)

    @property
    def record(self) -> Resident | None:
        """The resident to whom a patient's account leads; of a merged one, whom it stands for."""
        own: Resident | None = self.resident
        return own and (own.merged_into or own)

    @property
    def in_use(self) -> bool:
        """Whether it opens anything; a resident's account closes with their death."""
        return self.is_active and (self.record is None or self.record.state != "dead")

    def may(self, action: Action) -> bool:
        """Whether the role allows this anywhere at all."""
        return bool(self.is_active) and may(self.role, action)


class Activation(models.Model):
    """A number with which a resident sets up their own login, once; only its digest is kept.

    `wrong` counts all attempts that failed to prove who they are; see `resident_login`.
    """

    user = models.OneToOneField(User, models.CASCADE, related_name="activation")
    digest = models.CharField(max_length=64, unique=True)
    given_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    given_at = models.DateTimeField(default=timezone.now)
    until = models.DateTimeField()
    wrong = models.PositiveSmallIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.user_id}"


class BreakGlass(models.Model):
    """Emergency access to one person outside one's region: reason given, time limited, audited."""

    user = models.ForeignKey(User, models.PROTECT, related_name="+")
    resident = models.ForeignKey("registry.Resident", models.PROTECT, related_name="+")
    reason = models.TextField()
    granted_at = models.DateTimeField(default=timezone.now)
    until = models.DateTimeField()

    class Meta:
        """Asked for at every opening of somebody outside one's region."""

        indexes = (models.Index(fields=("user", "resident", "until"), name="break_glass_open"),)

    def __str__(self) -> str:
        return f"{self.user} → {self.resident_id}"


class Attempts(models.Model):
    """Wrong attempts that count against one name, address or account; see `attempt`.

    `key` is a keyed digest: somebody who types a password into the field for the name leaves
    nothing readable here, and a name counts the same whether it exists or not.
    """

    key = models.CharField(max_length=64, unique=True)
    failures = models.PositiveIntegerField(default=0)
    since = models.DateTimeField(default=timezone.now)
    locked_until = models.DateTimeField(null=True)

    class Meta:
        """Old ones are cleared away."""

        indexes = (models.Index(fields=("since",), name="attempts_since"),)

    def __str__(self) -> str:
        return f"{self.failures}"


class RecoveryCode(models.Model):
    """A way in when the telephone is lost, once. Only its digest is kept."""

    user = models.ForeignKey(User, models.CASCADE, related_name="recovery_codes")
    digest = models.CharField(max_length=64)
    used_at = models.DateTimeField(null=True)

    class Meta:
        """Each once."""

        constraints = (
            models.UniqueConstraint(fields=("user", "digest"), name="recovery_code_once"),
        )

    def __str__(self) -> str:
        return f"{self.user_id}"


class LoginSession(models.Model):
    """Where somebody is logged in, as their account page lists it."""

    user = models.ForeignKey(User, models.CASCADE, related_name="login_sessions")
    session_key = models.CharField(max_length=40, unique=True)
    address = models.CharField(max_length=45, blank=True)
    agent = models.CharField(max_length=200, blank=True)
    started_at = models.DateTimeField(default=timezone.now)
    seen_at = models.DateTimeField(default=timezone.now)

    class Meta:
        """The one used last comes first."""

        ordering = ("-seen_at", "-pk")

    def __str__(self) -> str:
        return f"{self.user_id} {self.started_at:%Y-%m-%d}"
