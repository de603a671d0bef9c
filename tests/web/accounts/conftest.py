"""Places, and a password hasher that does not take a third of a second."""

from __future__ import annotations

import pytest

from .. import factory


@pytest.fixture(autouse=True)
def _quick_hasher(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def tree(db):
    return factory.Tree()
