"""A nurse at a centre, a woman of 76 who lives there, and a way to post forms."""

from __future__ import annotations

from datetime import UTC, date, datetime
from uuid import uuid4

import polars as pl
import pytest

from careloop.records.reading import ImportReport, Source
from careloop.web.care.models import Visit
from careloop.web.care.recording import Contact, facts_from, record_visit
from careloop.web.registry.store import DatabaseStore

from .. import factory
from . import form_page


def registered(gate, place, **fields):
    """A resident with the facts that a registration leaves."""
    resident = factory.resident(place, **fields)
    told = {"sex": resident.sex, "birth_date": resident.birth_date}
    at = datetime(2020, 1, 1)
    contact = Contact("registration", at.date(), told)
    facts = facts_from(resident.person_id, contact, effective_at=at, recorded_at=at)
    source = f"registration-{resident.person_id}"
    DatabaseStore().add(Registration(facts.with_columns(source=pl.lit(source)), source))
    return resident


class Registration:
    """The facts of one registration, as a reading that a store takes."""

    def __init__(self, frame, source_id):
        self.frame = frame
        self.source = Source(
            source_id, "registration", "", "0" * 64, "test", datetime(2020, 1, 1, tzinfo=UTC)
        )
        self.report = ImportReport(records=1, facts=frame.height, persons=1)

    def batches(self):
        yield self.frame

    def rejected(self):
        return pl.DataFrame()


@pytest.fixture(autouse=True)
def _static_files(settings, tmp_path):
    settings.STATIC_ROOT = tmp_path  # WhiteNoise warns where it is missing


@pytest.fixture
def tree(db):
    return factory.Tree()


@pytest.fixture
def nurse(tree):
    return factory.user("nurse", tree.centre)


@pytest.fixture
def gate(nurse):
    return factory.Gate(nurse)


@pytest.fixture
def woman(tree, gate):
    return registered(gate, tree.clinic, birth_date=date(1950, 5, 1))


@pytest.fixture
def page(client, nurse, woman):
    """The page of a form, read."""
    client.force_login(nurse)

    def get(kind, resident=woman):
        response = client.get(f"/people/{resident.public_id}/visit/{kind}")
        assert response.status_code == 200
        return form_page.read(response.content.decode())

    return get


@pytest.fixture
def send(client, nurse, woman):
    """Post a form of a kind; the answer of the site, not followed."""
    client.force_login(nurse)

    def post(kind, resident=woman, **answers):
        answers.setdefault("request_key", str(uuid4()))
        return client.post(f"/people/{resident.public_id}/visit/{kind}", answers)

    return post


@pytest.fixture
def save(send, gate, woman):
    """Post a form that is saved; the visit."""

    def post(kind, resident=woman, **answers):
        response = send(kind, resident, **answers)
        assert response.status_code == 302, form_page.read(response.content.decode()).text
        public_id = response["Location"].split("/")[2]
        return gate.about(resident, Visit).get(public_id=public_id)

    return post


@pytest.fixture
def told(gate, woman):
    """Record a contact directly, as an import or an earlier visit would."""

    def record(kind="home", on=date(2026, 5, 1), resident=woman, **answers):
        contact = Contact(kind, on, answers)
        return record_visit(gate, resident, contact, request_key=uuid4())

    return record
