"""The second factor: a code from the telephone (TOTP, RFC 6238), or a recovery code once.

A code counts once: the step it belongs to is kept, and no code of that step or an earlier one is
taken again. The secret is kept sealed.
"""

from __future__ import annotations

from datetime import datetime

import pyotp
import segno
from django.db import transaction
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from markupsafe import Markup

from careloop.web.accounts import readable
from careloop.web.accounts.models import RecoveryCode, User
from careloop.web.accounts.seal import digests, is_fresh, seal, unseal

CODES = 10
_STEP_S = 30
_ISSUER = "careloop"


def new_secret() -> str:
    """A secret of 160 bits, as RFC 4226 recommends, in base 32."""
    return pyotp.random_base32()


def uri(user: User, secret: str) -> str:
    """What the telephone's app reads."""
    return pyotp.TOTP(secret).provisioning_uri(name=user.username, issuer_name=_ISSUER)


def picture(user: User, secret: str) -> Markup:
    """The same as a picture (SVG)."""
    drawn = segno.make(uri(user, secret), error="m").svg_inline(scale=5, border=4, light="#fff")
    return Markup(drawn)  # noqa: S704 — drawn by segno: paths and numbers only


def step_of(secret: str, code: str, *, at: datetime | None = None) -> int | None:
    """The time step a code belongs to, one before or after now included; None if it is wrong."""
    now = int((at or timezone.now()).timestamp()) // _STEP_S
    totp = pyotp.TOTP(secret)
    found = None
    for step in (now - 1, now, now + 1):  # all three, always
        if constant_time_compare(totp.generate_otp(step), code):
            found = step
    return found


def accept(user: User, typed: str) -> bool:
    """Whether what was typed is a code of now or a recovery code, neither used before."""
    code = readable.plain(typed)
    if code.isdigit() and len(code) == 6:
        secret = unseal(user.totp_secret)
        step = step_of(secret, code) if secret else None
        if step is None:
            return False
        fresh = user.totp_secret if is_fresh(user.totp_secret) else seal(secret)
        return bool(
            User.objects.filter(pk=user.pk, totp_last_step__lt=step).update(
                totp_last_step=step, totp_secret=fresh
            )
        )
    unused = RecoveryCode.objects.filter(user=user, digest__in=_digests(user, code), used_at=None)
    return bool(unused.update(used_at=timezone.now()))


def turn_on(user: User, secret: str, step: int) -> list[str]:
    """Keep a secret that was confirmed by a code of `step`; gives the recovery codes."""
    with transaction.atomic():
        user.totp_secret, user.totp_last_step = seal(secret), step
        user.save(update_fields=["totp_secret", "totp_last_step"])
        return new_codes(user)


def turn_off(user: User) -> None:
    """Forget the secret and the recovery codes."""
    with transaction.atomic():
        user.totp_secret = ""
        user.save(update_fields=["totp_secret"])
        RecoveryCode.objects.filter(user=user).delete()


def new_codes(user: User) -> list[str]:
    """Ten new recovery codes, about 59 bits each, in place of those before; shown this once."""
    codes = [readable.letters() for _ in range(CODES)]
    with transaction.atomic():
        RecoveryCode.objects.filter(user=user).delete()
        RecoveryCode.objects.bulk_create(
            RecoveryCode(user=user, digest=_digests(user, readable.plain(code))[0])
            for code in codes
        )
    return codes


def codes_left(user: User) -> int:
    """How many recovery codes are unused."""
    return RecoveryCode.objects.filter(user=user, used_at=None).count()


def _digests(user: User, code: str) -> list[str]:
    return digests(f"recovery.{user.pk}", code)
