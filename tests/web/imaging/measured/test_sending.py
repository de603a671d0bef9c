"""What is taken as an image, what is not, and that measuring it happens apart."""

from __future__ import annotations

import gzip
import io
import subprocess
import sys
import time
from datetime import timedelta

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from PIL import Image as Picture

from careloop.imaging.measuring import finding as measuring
from careloop.imaging.quality import CHECKS, alignment, artefact, intensity, movement
from careloop.imaging.reading import finding as remark
from careloop.imaging.reading import reason
from careloop.records.finding import FINDINGS
from careloop.web.imaging import isolation, keeping
from careloop.web.imaging.measured import order, sending, word
from careloop.web.imaging.models import Image

from ... import factory
from .. import hostile
from . import film


def jpeg():
    out = io.BytesIO()
    Picture.new("L", (400, 400), 9).save(out, "JPEG")
    return out.getvalue()


NO_IMAGE = {
    "empty": b"",
    "text": b"hello",
    "html": b"<html><script>alert(1)</script></html>",
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
    "zip": b"PK\x03\x04" + b"0" * 500,
    "pdf": b"%PDF-1.7" + b"0" * 500,
    "gif": b"GIF89a" + b"0" * 500,
    "photograph": jpeg(),
}


@pytest.mark.parametrize("kind", NO_IMAGE)
def test_what_is_no_image_is_refused_and_not_kept(send, gate, woman, var, kind):
    answer = send(NO_IMAGE[kind], spacing="0.5")
    assert answer.status_code == 422
    assert 'role="alert"' in answer.content.decode()
    assert not gate.about(woman, Image).exists()
    assert not list(var.rglob("document"))


def test_what_is_too_large_is_refused(send, gate, woman, monkeypatch):
    monkeypatch.setattr(sending, "MOST_BYTES", 1000)
    assert send().status_code == 422
    monkeypatch.setattr(sending, "MOST_BYTES", 10**6)
    assert send().status_code == 302


BROKEN = {
    "bomb": hostile.bomb(),
    "cut off": film.png(np.zeros((400, 400), np.uint8))[:120],
    "one pixel": film.png(np.zeros((1, 1), np.uint8)),
    "all alike": film.png(np.full((300, 200), 5, np.uint8)),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_what_cannot_be_measured_says_why_and_leaves_nothing(send, client, var, the_image, kind):
    answer = send(BROKEN[kind], spacing="0.5")
    page = client.get(answer.url).content.decode()
    assert 'role="alert"' in page
    assert the_image().state == "refused"
    assert not list(var.rglob("document"))
    assert send(BROKEN[kind], spacing="0.5").url != answer.url  # may be sent again


def test_a_file_without_a_pixel_size_is_told_what_to_do_here(send, client, arm):
    page = client.get(send(film.dicom(arm[0], PixelSpacing=None)).url).content.decode()
    assert "像素尺寸未知" in page
    assert "重新上传" in page
    assert "--spacing" not in page


def test_a_file_of_several_images_is_refused(send, client):
    out = io.BytesIO()
    pages = [Picture.fromarray(film.arm()[0].astype(np.uint16) + n) for n in range(2)]
    pages[0].save(out, "TIFF", save_all=True, append_images=pages[1:])
    page = client.get(send(out.getvalue(), spacing="0.5").url).content.decode()
    assert "多幅" in page


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"spacing": ""}, "像素大小"),
        ({"spacing": "abc"}, "abc"),
        ({"spacing": "0"}, "mm"),
        ({"spacing": "-1"}, "mm"),
        ({"spacing": "nan"}, "mm"),
        ({"spacing": "1,2,3"}, "mm"),
        ({"part": ""}, "部位"),
        ({"part": "<b>"}, "部位"),
        ({"side": "both"}, "选择一项"),
    ],
)
def test_what_is_missing_is_told_beside_its_field(send, gate, woman, told, words):
    grey = film.png((film.arm()[0] // 16).astype(np.uint8))
    answer = send(grey, **{"spacing": "0.5"} | told)
    assert answer.status_code == 422
    page = answer.content.decode()
    assert words in page[page.index('class="error"') :]
    assert not gate.about(woman, Image).exists()


def test_a_pixel_size_that_is_told_counts_only_where_the_file_knows_none(send, the_image, arm):
    send(film.dicom(arm[0]), spacing="0.1")
    row = the_image()
    assert keeping.read_result(row.folder)["spacing_mm"] == [0.5, 0.5]
    send(film.dicom(film.arm(1)[0], PixelSpacing=None), spacing="0.4, 0.3")
    assert keeping.read_result(the_image().folder)["spacing_mm"] == [0.4, 0.3]


MASKS = {
    "png": film.png,
    "npy": lambda labels: _saved(np.save, labels),
    "tiff": lambda labels: _saved(
        lambda out, told: Picture.fromarray(told).save(out, "TIFF"), labels
    ),
}


def _saved(save, labels):
    out = io.BytesIO()
    save(out, labels)
    return out.getvalue()


@pytest.mark.parametrize("kind", MASKS)
def test_regions_come_in_several_formats(send, the_image, arm, kind):
    assert send(mask=MASKS[kind](arm[1])).status_code == 302
    regions = keeping.read_result(the_image().folder)["regions"]
    assert [one["name"] for one in regions] == ["label_1", "label_2"]


@pytest.mark.parametrize("data", [b"hello", b"\x1f\x8b" + b"0" * 99, gzip.compress(b"0" * 10**7)])
def test_what_are_no_regions_is_refused(send, data):
    answer = send(mask=data)
    assert answer.status_code == 422
    assert 'id="e-mask"' in answer.content.decode()


def test_nobody_fills_the_disk(send, gate, woman, var):
    rows = {"resident": woman, "organisation_id": woman.organisation_id, "author": gate.user}
    for number in range(10):
        Image(**rows, sha256=f"{number:064x}", part="hip").save()
    assert send().status_code == 422
    assert not list(var.rglob("document"))


def test_after_a_day_it_is_gone_and_may_be_sent_again(send, client, gate, woman, the_image):
    answer = send()
    keeping.remove(the_image().folder)
    assert "一天" in client.get(answer.url).content.decode()
    assert client.post(answer.url, {"do": "keep"}).status_code == 302
    assert gate.facts(woman).is_empty()
    assert send().url != answer.url


def test_what_lapsed_unseen_does_not_keep_the_file_out(send, the_image):
    first = send().url
    assert send().url == first
    keeping.remove(the_image().folder)
    assert send().url != first


def test_what_never_ends_is_given_up(send, client, the_image, monkeypatch):
    monkeypatch.setattr(order, "start", lambda _folder: None)
    answer = send()
    assert 'http-equiv="refresh"' in client.get(answer.url).content.decode()
    row = the_image()
    row.uploaded_at = timezone.now() - timedelta(minutes=16)
    row.save(update_fields=["uploaded_at"])
    assert 'http-equiv="refresh"' not in client.get(answer.url).content.decode()
    assert the_image().state == "refused"


# --- in words


def test_the_site_knows_every_finding_and_check_without_measuring():
    """In a process that has measured nothing, as the site's."""
    asked = (
        "from careloop.web.imaging.measured import word; import sys;"
        "print(*word.FINDINGS); assert 'scipy' not in sys.modules"
    )
    told = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    rooms = (measuring, alignment, artefact, intensity, movement, remark, reason)
    codes = {code for room in rooms for code in vars(room).values() if str(code) in FINDINGS}
    assert len(codes) > 50
    assert codes <= set(told.stdout.split())
    assert set(word.CHECKS) == {check.__name__ for check in CHECKS}
    assert word.finding("I999")[0]


# --- apart


@pytest.fixture
def apart(monkeypatch):
    """Images are measured in a process of their own, as on a site."""

    def start(folder):
        isolation.start("careloop.web.imaging.measured.working", folder)

    monkeypatch.setattr(order, "start", start)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_an_image_is_measured_apart(apart, var):
    tree = factory.Tree()
    woman = factory.resident(tree.clinic)
    client = Client()
    client.force_login(factory.user("doctor", tree.centre))
    data = io.BytesIO(film.dicom(film.arm()[0]))
    data.name = "../../evil.dcm"
    address = reverse("imaging:image_add", args=[woman.public_id])
    answer = client.post(address, {"image": data, "part": "forearm", "side": "left"})
    assert not list(var.rglob("*evil*"))
    ends = time.monotonic() + 120
    while b"http-equiv" in (fetched := client.get(answer.url)).content:
        assert time.monotonic() < ends
        time.sleep(0.3)
    assert "<polygon" in fetched.content.decode()
    assert client.get(answer.url + "?picture=grey")["Content-Type"] == "image/png"


@pytest.mark.parametrize(("code", "failed"), [("raise SystemExit(3)", "crashed"), ("0", None)])
def test_a_process_that_dies_says_so(tmp_path, monkeypatch, code, failed):
    folder = tmp_path / "0123456789abcdef0123456789abcdef"
    folder.mkdir()
    (tmp_path / "dying.py").write_text(code)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    isolation.start("dying", folder).join(60)
    told = folder / keeping.RESULT
    assert told.exists() == (failed is not None)
    if failed:
        assert f'"{failed}"' in told.read_text()
