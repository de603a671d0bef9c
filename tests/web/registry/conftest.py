"""Places and users of the registry's tests; the programme is made ready once a process."""

from __future__ import annotations

import pytest

from careloop.web.registry.national_id import check_character

from .. import factory


@pytest.fixture
def tree(db):
    return factory.Tree()


@pytest.fixture
def nurse(tree):
    return factory.user("nurse", tree.centre)


@pytest.fixture
def page(client, nurse):
    """A browser in which a nurse of the centre is logged in."""
    client.force_login(nurse)
    return client


@pytest.fixture
def number():
    """A valid national id of a place that does not exist: born and order."""

    def make(born: str = "19500501", order: int = 2) -> str:
        digits = f"990000{born}{order:03d}"
        return digits + check_character(digits)

    return make


@pytest.fixture(autouse=True)
def quick_passwords(settings):
    """Logins stand beside these tests: a slow hash would take most of their time."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
