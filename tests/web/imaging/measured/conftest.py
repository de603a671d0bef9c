"""A woman, her nurse, and a way to send, measure and confirm an image of her arm."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.test import Client
from django.urls import reverse

from careloop.web.imaging import keeping
from careloop.web.imaging.measured import order, working
from careloop.web.imaging.models import Image

from ... import factory
from . import film


@pytest.fixture(autouse=True)
def var(settings, tmp_path):
    settings.CONFIGURATION = replace(settings.CONFIGURATION, var=tmp_path)
    return tmp_path


@pytest.fixture(autouse=True)
def _quick_passwords(settings):
    """Nobody logs in by password here: hash them quickly."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def tree(db):
    return factory.Tree()


@pytest.fixture
def woman(tree):
    return factory.resident(tree.clinic)


@pytest.fixture
def gate(tree):
    return factory.gate("nurse", tree.centre)


@pytest.fixture
def client(gate):
    client = Client()
    client.force_login(gate.user)
    return client


@pytest.fixture
def detector():
    """What finds text in the pictures: nothing, unless a test says so."""
    return lambda _picture: []


@pytest.fixture(autouse=True)
def _here(monkeypatch, detector):
    """Images are measured in this process, at once."""
    monkeypatch.setattr(order, "start", lambda folder: working.measure(folder, detector=detector))


@pytest.fixture(autouse=True)
def _at_commit(monkeypatch):
    """A test's transaction is never committed: what waits for that is done at once."""
    monkeypatch.setattr(transaction, "on_commit", lambda then: then())


@pytest.fixture
def arm():
    return film.arm()


@pytest.fixture
def send(client, woman):
    """A function: send an image (DICOM of a left forearm, where none is given)."""

    def post(image=None, *, mask=None, name="a.dcm", resident=None, **told):
        files = {"image": film.dicom(film.arm()[0]) if image is None else image, "mask": mask}
        sent = {
            key: SimpleUploadedFile(name, data) for key, data in files.items() if data is not None
        }
        address = reverse("imaging:image_add", args=[(resident or woman).public_id])
        return client.post(address, {"part": "forearm", "side": ""} | told | sent)

    return post


@pytest.fixture
def the_image(gate, woman):
    """A function: the woman's newest image."""
    return lambda: gate.about(woman, Image).latest("pk")


@pytest.fixture
def kept(client, send, the_image, woman):
    """A function: send an image and keep it; the row."""

    def keep(image=None, *, mask=None, answers=None, **told):
        assert send(image, mask=mask, **told).status_code == 302
        row = the_image()
        assert keeping.is_there(row.folder)
        address = reverse("imaging:image", args=[woman.public_id, row.public_id])
        saved = client.post(address, {"do": "keep"} | (answers or {}))
        assert saved.status_code == 302, saved.content.decode()
        row.refresh_from_db()
        return row

    return keep
