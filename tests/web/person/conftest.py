"""What tests of a resident's pages share."""

from __future__ import annotations

import pytest
from django.urls import reverse

from careloop.web.care.person.considered import known
from careloop.web.care.standing import today

from .. import factory
from . import case


@pytest.fixture(autouse=True)
def _quick_passwords(settings):
    """Nobody logs in by password here: hash them quickly."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def tree(db):
    return factory.Tree()


@pytest.fixture
def doctor(tree):
    return factory.user("doctor", tree.centre, name="李医生")


@pytest.fixture
def woman(tree):
    """A resident with osteoporosis."""
    resident = factory.resident(tree.centre, national_id_tail="011234")
    case.tell(resident, *case.osteoporosis())
    return resident


@pytest.fixture
def found():
    """A function: everything known of a resident whom a gate reaches."""
    return lambda gate, resident: known(gate.facts(resident), today())


@pytest.fixture
def opened(client):
    """A function: the text of a resident's page as somebody sees it."""

    def open_page(user, name, resident, *, status=200, query="", **headers):
        client.force_login(user)
        address = reverse(f"person:{name}", args=[resident.public_id]) + query
        answer = client.get(address, headers=headers)
        assert answer.status_code == status
        return answer.content.decode()

    return open_page
