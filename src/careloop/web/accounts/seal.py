"""What must not be read from a copy of the database: sealed by, or digested with, the secret key.

The key that seals is derived from the site's secret key (HKDF, SHA-256) and never used for anything
else. A secret key that was replaced still opens what it sealed while the settings name it among
`SECRET_KEY_FALLBACKS`; what is sealed anew is sealed by the newest.
"""

from __future__ import annotations

import base64

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.utils.crypto import salted_hmac

_SEALED = "sealed:"
_PURPOSE = b"careloop.seal.1"


def seal(text: str) -> str:
    """A text that only this site's secret key opens."""
    return _SEALED + _fernets()[0].encrypt(text.encode()).decode("ascii")


def unseal(kept: str) -> str:
    """The text again; "" where no key of this site opens it.

    What was kept before there were seals is given as it stands.
    """
    if not kept.startswith(_SEALED):
        return kept
    try:
        return MultiFernet(_fernets()).decrypt(kept.removeprefix(_SEALED)).decode()
    except InvalidToken:
        return ""


def is_fresh(kept: str) -> bool:
    """Whether the newest secret key has sealed it."""
    try:
        _fernets()[0].decrypt(kept.removeprefix(_SEALED))
    except InvalidToken:
        return False
    return True


def digests(purpose: str, value: str) -> list[str]:
    """Keyed digests of a value, one for each secret key, the newest first."""
    return [
        salted_hmac(f"careloop.{purpose}", value, secret=key, algorithm="sha256").hexdigest()
        for key in _keys()
    ]


def _keys() -> list[str]:
    return [str(settings.SECRET_KEY), *settings.SECRET_KEY_FALLBACKS]


def _fernets() -> list[Fernet]:
    return [Fernet(base64.urlsafe_b64encode(_derived(key))) for key in _keys()]


def _derived(key: str) -> bytes:
    return HKDF(SHA256(), length=32, salt=None, info=_PURPOSE).derive(key.encode())
