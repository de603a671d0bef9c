"""Reports that are uploaded: sniffed, read apart, confirmed by a person, and then deleted."""

from __future__ import annotations

import hashlib
import io
import json
import os
import time
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pypdfium2
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from PIL import Image

from careloop.web.care.models import Standing, Visit
from careloop.web.care.recording import Contact, record_visit
from careloop.web.care.standing import today
from careloop.web.imaging import keeping, reading
from careloop.web.imaging.models import Upload
from careloop.web.registry.models import Source

from .. import factory
from . import hostile, sheet


@pytest.fixture(autouse=True)
def var(settings, tmp_path):
    settings.CONFIGURATION = replace(settings.CONFIGURATION, var=tmp_path)
    return tmp_path


@pytest.fixture
def tree(db):
    return factory.Tree()


@pytest.fixture
def woman(tree):
    resident = factory.resident(tree.clinic)
    known = Contact("screening", today(), {"sex": "female", "birth_date": resident.birth_date})
    record_visit(factory.gate("nurse", tree.clinic), resident, known, request_key=uuid4())
    return resident


@pytest.fixture
def gate(tree):
    return factory.gate("nurse", tree.centre)


@pytest.fixture
def client(gate):
    client = Client()
    client.force_login(gate.user)
    return client


def read_already(gate, resident, data, *, state="reading"):
    """An upload whose document was read in this process."""
    row = Upload(
        resident=resident,
        organisation_id=resident.organisation_id,
        author=gate.user,
        sha256=hashlib.sha256(data).hexdigest(),
        state=state,
    )
    row.save()
    reading.read_document(keeping.keep(row.folder, data))
    return row, reverse("imaging:confirm", args=[resident.public_id, row.public_id])


def filled(page):
    """What a browser would send for a page as it stands."""
    from html.parser import HTMLParser  # noqa: PLC0415

    found = {}

    class Fields(HTMLParser):
        select = ""

        def handle_starttag(self, tag, attrs):
            told = dict(attrs)
            if tag == "select":
                self.select = told["name"]
                found[self.select] = ""
            elif tag == "option" and "selected" in told:
                found[self.select] = told["value"]
            elif tag == "input" and told.get("name"):
                kind = told.get("type", "text")
                if kind not in ("checkbox", "radio") or "checked" in told:
                    found[told["name"]] = told.get("value", "")

    Fields().feed(page[page.index('<form class="visit"') :])
    names = [name for name in found if name.endswith("-reference")]
    return found | dict.fromkeys(names, "china_women_2007")


def send(client, resident, data, name="report.pdf", kind="application/pdf"):
    file = SimpleUploadedFile(name, data, content_type=kind)
    return client.post(reverse("imaging:upload", args=[resident.public_id]), {"report": file})


def examined(gate, resident):
    return gate.about(resident, Visit).filter(kind="dxa")


# --- from the file to the facts


@pytest.mark.django_db(transaction=True)
def test_a_report_is_read_apart_confirmed_and_deleted(var):
    tree = factory.Tree()
    woman = factory.resident(tree.clinic)
    gate = factory.gate("village_doctor", tree.clinic)
    client = Client()
    client.force_login(gate.user)
    answer = send(client, woman, sheet.report(), name="../../evil.exe", kind="text/html")
    assert answer.status_code == 302
    folders = list((var / "uploads").iterdir())
    assert [file.stat().st_mode & 0o777 for file in (folders[0], folders[0] / "document")] == [
        0o700,
        0o600,
    ]
    assert not list(var.rglob("*evil*"))
    ends = time.monotonic() + 180
    while b"http-equiv" in (fetched := client.get(answer.url)).content:
        assert time.monotonic() < ends
        time.sleep(0.5)
    page = fetched.content.decode()
    assert "data:image/jpeg;base64," in page
    assert client.get(answer.url + "?page=1")["Content-Type"] == "image/jpeg"
    assert examined(gate, woman).count() == 0  # nothing is saved before somebody confirmed it
    sent = filled(page)
    saved = client.post(answer.url, sent)
    visit = examined(gate, woman).get()
    assert saved.url == reverse("visit:saved", args=[visit.public_id])
    assert not folders[0].exists()
    assert gate.about(woman, Upload).get().state == "confirmed"
    assert client.post(answer.url, sent).url == saved.url  # sent again: the same examination
    assert examined(gate, woman).count() == 1


def test_confirmed_values_are_facts_with_place_source_and_qualifiers(client, gate, woman):
    row, address = read_already(gate, woman, sheet.report())
    sent = filled(client.get(address).content.decode())
    assert sent["t0-happened_on"] == "2026-05-06"
    assert sent["t0-device"] == "ge_lunar"
    assert client.post(address, sent).status_code == 302
    facts = {
        fact["variable"]: fact for fact in gate.facts(woman).iter_rows(named=True) if fact["field"]
    }
    neck = facts["t_femoral_neck"]
    assert (neck["number"], neck["effective_at"].date().isoformat()) == (-2.6, "2026-05-06")
    assert neck["field"].startswith("page 1 (")
    assert json.loads(neck["context"]) == {
        "device": "ge_lunar",
        "reference_db": "china_women_2007",
        "side": "left",
    }
    assert Source.objects.get(source_id=neck["source"]).sha256 == row.sha256
    assert "bmd_trochanter_g_cm2" not in facts  # refused, and nobody typed it
    assert gate.about(woman, Standing).get().answers["diagnosis"] == "osteoporosis"


def test_a_corrected_value_keeps_what_was_read(client, gate, woman):
    _, address = read_already(gate, woman, sheet.report())
    page = client.get(address).content.decode()
    sent = filled(page)
    name = next(
        part.split('"')[0]
        for part in page.split('name="')[1:]
        if 'value="-2.6"' in part[:60] and part.startswith("v0")
    )
    refused = page.split('class="is-refused"')[1].split('name="')[1].split('"')[0]
    assert sent[refused] == ""
    sent |= {name: "-2.5", f"{name}-take": "1", refused: "0.580", f"{refused}-take": "1"}
    assert client.post(address, sent).status_code == 302
    rows = {fact["variable"]: fact for fact in gate.facts(woman).iter_rows(named=True)}
    assert (rows["t_femoral_neck"]["number"], rows["t_femoral_neck"]["raw"]) == (-2.5, "-2.6")
    assert (rows["bmd_trochanter_g_cm2"]["number"], rows["bmd_trochanter_g_cm2"]["raw"]) == (
        0.58,
        "0.980",
    )
    kept = gate.about(woman, Upload).get().result["taken"]
    assert kept["t_femoral_neck/left/page 1"]["taken"] == -2.5


@pytest.mark.parametrize(
    "who",
    [{"name": "李桂兰"}, {"born": "1951-05-01"}, {"sex": "男"}, {"age": "62"}],
)
def test_another_persons_report_is_told_loudly(client, gate, woman, who):
    _, address = read_already(gate, woman, sheet.report(**who))
    page = client.get(address).content.decode()
    assert 'class="alarm"' in page
    sent = filled(page)
    assert client.post(address, sent).status_code == 422
    assert not examined(gate, woman).exists()
    assert client.post(address, sent | {"same_person": "1"}).status_code == 302


@pytest.mark.parametrize("who", [{}, {"age": "76"}, {"age": "78"}])
def test_the_right_persons_report_is_not_doubted(client, gate, woman, who):
    """Born on 1 May 1950, she was 76 on 6 May 2026; as some count, 78."""
    _, address = read_already(gate, woman, sheet.report(**who))
    assert 'class="alarm"' not in client.get(address).content.decode()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"t0-happened_on": ""}, "检查日期"),
        ({"t0-happened_on": "2999-01-01"}, "将来"),
        ({"v0-0": "abc", "v0-0-take": "1"}, "abc"),
        ({"v0-0": "", "v0-0-take": "1"}, "空"),
        ("nothing", "至少"),
    ],
)
def test_what_cannot_be_saved_is_told(client, gate, woman, change, words):
    _, address = read_already(gate, woman, sheet.report())
    sent = filled(client.get(address).content.decode())
    if change == "nothing":
        sent = {key: value for key, value in sent.items() if not key.endswith("-take")}
    else:
        sent |= change
    answer = client.post(address, sent)
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not examined(gate, woman).exists()


def test_a_score_without_a_reference_is_asked_about(client, gate, woman):
    _, address = read_already(gate, woman, sheet.report())
    sent = filled(client.get(address).content.decode()) | {"t0-reference": ""}
    asked = client.post(address, sent)
    assert asked.status_code == 422
    mark = asked.content.decode().split('name="sure" value="')[1].split('"')[0]
    assert client.post(address, sent | {"sure": mark}).status_code == 302


@pytest.mark.parametrize("typed", ["0.580", "-2.4"])
def test_what_is_typed_and_not_ticked_is_not_lost_in_silence(client, gate, woman, typed):
    _, address = read_already(gate, woman, sheet.report())
    page = client.get(address).content.decode()
    refused = page.split('class="is-refused"')[1].split('name="')[1].split('"')[0]
    answer = client.post(address, filled(page) | {refused: typed})
    assert answer.status_code == 422
    assert "未勾选" in answer.content.decode()
    assert not examined(gate, woman).exists()


def test_a_minus_sign_that_was_not_read_is_asked_about(client, gate, woman):
    _, address = read_already(gate, woman, sheet.report())
    page = client.get(address).content.decode()
    sent = filled(page)
    name = next(name for name, told in sent.items() if told == "-2.6")
    kept = {each: told for each, told in sent.items() if not each.endswith("-take")}
    kept |= {name: "2.6", f"{name}-take": "1"}
    asked = client.post(address, kept)
    assert asked.status_code == 422
    assert "漏了负号" in asked.content.decode()
    assert client.post(address, kept | {name: "-2.6"}).status_code == 302


def test_the_same_file_is_one_examination(client, gate, tree, woman):
    """Sent again it leads to what stands, or waits; for another resident it is doubted."""
    data = sheet.report()
    _, address = read_already(gate, woman, data)
    assert send(client, woman, data).url == address
    assert gate.about(woman, Upload).count() == 1
    upload = reverse("imaging:upload", args=[woman.public_id])
    assert address in client.get(upload).content.decode()
    saved = client.post(address, filled(client.get(address).content.decode()))
    assert send(client, woman, data).url == saved.url
    assert examined(gate, woman).count() == gate.about(woman, Upload).count() == 1
    assert address not in client.get(upload).content.decode()
    namesake = factory.resident(tree.clinic)
    _, other = read_already(gate, namesake, data)
    page = client.get(other).content.decode()
    assert "另一位居民" in page
    assert client.post(other, filled(page)).status_code == 422
    assert not examined(gate, namesake).exists()


def test_a_report_that_nobody_reads_any_more_is_sent_anew(client, gate, woman, monkeypatch):
    begun, data = [], sheet.report()
    monkeypatch.setattr(reading, "start", begun.append)
    first = send(client, woman, data).url
    assert send(client, woman, data).url == first
    gate.about(woman, Upload).update(uploaded_at=timezone.now() - timedelta(minutes=4))
    assert send(client, woman, data).url != first
    assert len(begun) == 2


def test_of_a_document_about_two_people_only_the_residents_page_is_ticked(client, gate, woman):
    both = pypdfium2.PdfDocument.new()
    for told in (sheet.report(), sheet.report(name="李桂兰", born="1951-05-01", on="2025年5月6日")):
        page = pypdfium2.PdfDocument(told)
        both.import_pages(page)
        page.close()
    out = io.BytesIO()
    both.save(out)
    both.close()
    _, address = read_already(gate, woman, out.getvalue())
    page = client.get(address).content.decode()
    assert "报告第 2 页：文件上的姓名：李桂兰" in page
    assert "报告第 1 页：文件上的姓名" not in page
    sent = filled(page)
    assert {name[:2] for name in sent if name.endswith("-take")} == {"v0"}
    theirs = next(name for name, told in sent.items() if name.startswith("v1-") and told)
    assert client.post(address, sent | {f"{theirs}-take": "1"}).status_code == 422
    assert client.post(address, sent).status_code == 302
    assert examined(gate, woman).get().happened_on.isoformat() == "2026-05-06"


def test_pages_that_were_not_read_are_told(client, gate, woman, monkeypatch):
    monkeypatch.setattr(reading, "MOST_PAGES", 1)
    both = pypdfium2.PdfDocument.new()
    page = pypdfium2.PdfDocument(sheet.report())
    for _ in range(3):
        both.import_pages(page)
    page.close()
    out = io.BytesIO()
    both.save(out)
    both.close()
    _row, address = read_already(gate, woman, out.getvalue())
    assert "还有 2 页没有识别" in client.get(address).content.decode()


def test_a_report_is_thrown_away_at_once(client, gate, woman, django_capture_on_commit_callbacks):
    row, address = read_already(gate, woman, sheet.report(name="李桂兰"))
    assert 'value="discard"' in client.get(address).content.decode()
    with django_capture_on_commit_callbacks(execute=True):
        assert client.post(address, {"do": "discard"}).status_code == 302
    assert not keeping.place(row.folder).exists()
    assert client.get(f"{address}?page=1").status_code == 404
    assert not examined(gate, woman).exists()
    again = send(client, woman, sheet.report(name="李桂兰"))
    assert again.status_code == 302
    assert again.url != address


# --- what is not taken


def png(size=(800, 800), extra=b""):
    out = io.BytesIO()
    Image.new("RGB", size, "white").save(out, "PNG")
    return out.getvalue() + extra


REFUSED = {
    "empty": b"",
    "text": b"hello",
    "html": b"<html><script>alert(1)</script></html>",
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
    "zip": b"PK\x03\x04" + b"0" * 500,
    "gif": b"GIF89a" + b"0" * 500,
    "heic": b"\0\0\0\x18ftypheic" + b"0" * 500,
    "bomb": hostile.bomb(),
    "tiny": png((40, 40)),
    "cut off": png()[:300],
    "picture and PDF at once": png()[:60] + b"%PDF-1.7" + png()[60:],
    "PDF behind something": b"GIF89a %PDF-1.7" + b"0" * 500,
    "too large": b"%PDF-1.7" + b"0" * 15_000_001,
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_report_is_refused_and_not_kept(client, gate, woman, var, kind):
    answer = send(client, woman, REFUSED[kind])
    assert answer.status_code == 422
    assert 'role="alert"' in answer.content.decode()
    if kind == "heic":
        assert "HEIC" in answer.content.decode()
    assert not gate.about(woman, Upload).exists()
    assert not list(var.rglob("document"))


def test_nobody_fills_the_disk(client, gate, woman, var):
    for _ in range(10):
        Upload(resident=woman, organisation_id=woman.organisation_id, author=gate.user).save()
    assert send(client, woman, sheet.report()).status_code == 422
    assert not list(var.rglob("document"))


def test_a_locked_or_broken_pdf_fails_with_a_reason(client, gate, woman):
    row, address = read_already(gate, woman, b"%PDF-1.7\n" + os.urandom(2000))
    page = client.get(address).content.decode()
    assert "损坏" in page
    assert reverse("imaging:dxa", args=[woman.public_id]) in page
    row.refresh_from_db()
    assert row.state == "failed"
    assert not keeping.place(row.folder).exists()


def test_a_page_without_a_table_fails_with_a_reason(client, gate, woman):
    import typst  # noqa: PLC0415

    _, address = read_already(gate, woman, typst.compile(b"nothing here"))
    assert "没有找到" in client.get(address).content.decode()


def test_a_day_later_it_is_gone(client, gate, woman):
    row, address = read_already(gate, woman, sheet.report())
    folder = keeping.place(row.folder)
    sent = filled(client.get(address).content.decode())
    old = time.time() - keeping.KEPT_S - 60
    for file in (folder / "document", folder):
        os.utime(file, (old, old))
    page = client.get(address)
    assert page.status_code == 200
    assert "一天" in page.content.decode()
    client.post(address, sent)
    assert not examined(gate, woman).exists()
    assert keeping.purge() == 1
    assert not folder.exists()
    assert keeping.purge() == 0


# --- who


def test_reports_of_other_regions_are_not_found(client, gate, tree, woman):
    row, address = read_already(gate, woman, sheet.report())
    sent = filled(client.get(address).content.decode())
    other_woman = factory.resident(tree.clinic, name="赵梅")
    for role, place, status in (
        ("nurse", tree.other_centre, 404),
        ("village_doctor", tree.other_clinic, 404),
        ("manager", tree.bureau, 403),
        ("researcher", tree.bureau, 403),
    ):
        other = Client()
        other.force_login(factory.user(role, place))
        for answer in (
            other.get(address),
            other.get(address + "?page=1"),
            other.post(address, sent),
            other.get(reverse("imaging:upload", args=[woman.public_id])),
            send(other, woman, b"%PDF-1.7"),
        ):
            assert answer.status_code == status
    swapped = reverse("imaging:confirm", args=[other_woman.public_id, row.public_id])
    assert client.get(swapped).status_code == 404
    assert Client().get(address).status_code == 302
    assert not examined(gate, woman).exists()


# --- by eye and OCR


@pytest.mark.slow
def test_a_photographed_page_is_read_and_must_be_ticked(client, gate, woman):
    pytest.importorskip("rapidocr")
    _, address = read_already(gate, woman, sheet.picture(sheet.report(), kind="JPEG"))
    page = client.get(address).content.decode()
    assert "is-to_confirm" in page
    assert "data:image/jpeg;base64," in page


def test_a_correction_keeps_what_only_the_report_told(client, gate, woman):
    row, address = read_already(gate, woman, sheet.report())
    page = client.get(address).content.decode()
    sent = filled(page)
    client.post(address, sent | dict.fromkeys(_ticks(page), "1"))
    visit = examined(gate, woman).get()
    here = reverse("imaging:dxa", args=[woman.public_id]) + f"?visit={visit.public_id}"
    changed = filled(client.get(here).content.decode()) | {
        "side-hip": "left",
        "t_femoral_neck": "-2.5",
    }
    assert client.post(here, changed).status_code == 302
    visit.refresh_from_db()
    facts = gate.facts(woman).filter(source=visit.source, status="final").to_dicts()
    told = {fact["variable"]: fact for fact in facts}
    assert (told["t_femoral_neck"]["number"], told["t_femoral_neck"]["raw"]) == (-2.5, "-2.6")
    assert told["bmc_total_hip_g"]["number"] == 19.19  # the form does not ask for it
    assert told["bmc_total_hip_g"]["field"].startswith("page 1 (")
    assert Source.objects.get(source_id=visit.source).sha256 == row.sha256


def _ticks(page):
    """The ticks of every value that was not refused."""
    parts = page.split('<li class="is-')[1:]
    names = [part.split('-take"')[0].rpartition('name="')[2] for part in parts]
    return [
        f"{name}-take"
        for part, name in zip(parts, names, strict=True)
        if not part.startswith("refused")
    ]
