"""Images that are sent, measured, confirmed, kept without a name, shown and withdrawn."""

from __future__ import annotations

import io
import json

import numpy as np
import polars as pl
import pytest
from django.urls import reverse
from PIL import Image as Picture

from careloop.imaging.deidentification import Box
from careloop.imaging.measuring.batch import measure_files
from careloop.web.audit.models import Entry
from careloop.web.imaging import keeping
from careloop.web.imaging.measured import filing, order
from careloop.web.imaging.models import Image
from careloop.web.registry.models import Source

from ... import factory
from . import film
from .record import address_of, standing


def numbers(facts):
    return {
        (json.loads(fact["context"])["region"], fact["variable"]): fact["number"]
        for fact in facts.to_dicts()
    }


# --- from the file to the facts


def test_facts_are_the_numbers_of_the_command_line(kept, gate, woman, arm, tmp_path):
    """The same file, the same regions: bit by bit what `careloop image measure` gives."""
    pixels, labels = arm
    file, mask = tmp_path / "arm.dcm", tmp_path / "mask.png"
    file.write_bytes(film.dicom(pixels))
    mask.write_bytes(film.png(labels))
    expected = {
        (one.region, each.variable): each.value
        for one in measure_files([file], masks=mask, processes=1)
        for each in one.measurements()
    }
    row = kept(
        file.read_bytes(),
        mask=mask.read_bytes(),
        answers={"region-label_1": "-", "region-label_2": "-"},
    )
    facts = gate.facts(woman).filter(pl.col("source") == row.source)
    assert numbers(facts) == expected
    assert len(expected) > 200
    told = json.loads(facts["context"][0])
    assert (told["side"], told["kind"], told["mask"]) == ("left", "radiograph", "drawn")
    assert len(told["settings"]) == 16
    assert facts["effective_at"][0].isoformat() == "2024-05-06T07:08:09"
    source = Source.objects.get(source_id=row.source)
    assert (source.kind, source.sha256) == ("image", row.sha256)
    actions = Entry.objects.filter(action="image.write").order_by("pk")
    assert [each.detail["did"] for each in actions] == ["send", "keep"]


def test_nothing_is_saved_before_somebody_confirmed_it(send, client, gate, woman, the_image):
    answer = send()
    page = client.get(answer.url).content.decode()
    assert "确认" in page
    assert the_image().state == "measured"
    assert standing(gate, woman).is_empty()
    client.post(answer.url, {"do": "discard"})
    row = the_image()
    assert row.state == "withdrawn"
    assert not keeping.place(row.folder).exists()
    assert standing(gate, woman).is_empty()


def test_what_the_file_does_not_say_is_asked_and_never_guessed(
    send, client, gate, woman, arm, the_image
):
    pixels, labels = arm
    grey = film.png((pixels // 16).astype(np.uint8))
    answer = send(grey, mask=film.png(labels), spacing="0.5")
    page = client.get(answer.url).content.decode()
    assert 'name="taken_on"' in page
    assert 'name="side"' in page
    assert 'name="region-label_2"' in page
    right = {
        "do": "keep",
        "taken_on": "2024-05-06",
        "side": "right",
        "region-label_1": "radius",
        "region-label_2": "ulna",
    }
    for wrong in (
        {"taken_on": ""},
        {"taken_on": "2999-01-01"},
        {"taken_on": "1949-01-01"},
        {"side": ""},
        {"side": "both"},
        {"region-label_1": ""},
        {"region-label_1": "<b>"},
        {"region-label_1": "ulna"},
    ):
        refused = client.post(answer.url, right | wrong)
        assert refused.status_code == 422
        assert "aria-invalid" in refused.content.decode() or "error" in refused.content.decode()
    assert standing(gate, woman).is_empty()
    assert client.post(answer.url, right).status_code == 302
    told = [json.loads(context) for context in standing(gate, woman)["context"].unique()]
    assert {(each["region"], each["side"]) for each in told} == {
        ("radius", "right"),
        ("ulna", "right"),
    }
    row = the_image()
    assert row.taken_at.date().isoformat() == "2024-05-06"
    assert not keeping.place(row.folder).exists()  # the file that was sent is gone


def test_a_file_of_the_other_side_is_refused(send, client):
    page = client.get(send(side="right").url).content.decode()
    assert "另一侧" in page


def test_the_same_file_is_one_image(kept, send, client, gate, woman):
    row = kept()
    count = standing(gate, woman).height
    again = send()
    assert again.url == address_of(row)
    assert gate.about(woman, Image).count() == 1
    assert client.post(again.url, {"do": "keep"}).status_code == 302
    assert standing(gate, woman).height == count


def test_an_image_that_fails_a_check_is_refused_with_its_reason(send, client, gate, woman):
    page = client.get(send(film.dicom(np.full((64, 64), 7, np.uint16))).url).content.decode()
    assert "未测量" in page
    assert 'role="alert"' in page
    assert standing(gate, woman).is_empty()
    assert not list(gate.about(woman, Image).filter(state="measured"))


@pytest.mark.parametrize("kind", ["other size", "empty", "pickle"])
def test_regions_that_do_not_fit_are_told(send, client, arm, kind):
    labels = {"other size": arm[1][:50], "empty": arm[1] * 0}.get(kind)
    out = io.BytesIO()
    np.save(out, np.array([{"a": 1}], object) if labels is None else labels)
    answer = send(mask=out.getvalue())
    assert "未测量" in client.get(answer.url).content.decode()


# --- whose image it is


@pytest.mark.parametrize(
    "who", [{"PatientBirthDate": "19510501"}, {"PatientName": "Li^Gui Lan"}, {"PatientSex": "M"}]
)
def test_another_persons_image_is_told_loudly(send, client, gate, woman, arm, who):
    answer = send(film.dicom(arm[0], **who))
    assert 'class="alarm"' in client.get(answer.url).content.decode()
    assert client.post(answer.url, {"do": "keep"}).status_code == 422
    assert standing(gate, woman).is_empty()
    assert client.post(answer.url, {"do": "keep", "same_person": "1"}).status_code == 302
    assert not standing(gate, woman).is_empty()


def test_a_file_kept_for_another_resident_is_doubted(kept, send, client, gate, tree):
    """A namesake's, or a file without a name: nothing else tells them apart."""
    kept()
    namesake = factory.resident(tree.clinic)
    address = send(resident=namesake).url
    assert "另一位居民" in client.get(address).content.decode()
    assert client.post(address, {"do": "keep"}).status_code == 422
    assert not gate.about(namesake, Image).filter(state="kept").exists()


def test_the_right_persons_image_is_not_doubted(send, client):
    assert 'class="alarm"' not in client.get(send().url).content.decode()


# --- what is kept names nobody


CANARIES = (b"CANARY", b"Xiuying", b"19500501", b"secret-name")


def test_what_is_kept_names_nobody(kept, client, var):
    row = kept(name="secret-name.dcm")
    folder = filing.place(row.folder)
    assert {file.name for file in folder.iterdir()} == {order.PICTURE, order.THUMB}
    assert folder.stat().st_mode & 0o077 == 0
    assert all(file.stat().st_mode & 0o077 == 0 for file in folder.iterdir())
    for file in [file for file in var.rglob("*") if file.is_file()]:
        assert not any(word in file.read_bytes() for word in CANARIES), file
    with Picture.open(folder / order.PICTURE) as picture:
        assert picture.mode == "L"
        assert max(picture.size) <= 1200
        assert picture.info == {}
    written = json.dumps(row.told) + str(Source.objects.filter(kind="image").values())
    assert not any(word.decode() in written for word in CANARIES)


class TestTextInThePicture:
    """A name burned into the pixels is blackened where it is found, or a person has to look."""

    @pytest.fixture
    def detector(self):
        return lambda picture: [Box(0, 0, 20, picture.shape[1])]

    def test_it_is_blackened(self, kept, client, arm):
        assert np.ptp(arm[0][:20]) > 0
        row = kept()
        with Picture.open(filing.place(row.folder) / order.PICTURE) as opened:
            picture = np.asarray(opened)
        assert (picture[:20] == picture.min()).all()
        assert picture[20:].max() > picture.min()
        assert "遮盖" in client.get(address_of(row)).content.decode()


class TestNobodyLooksForText:
    """Without the extra `ocr` the picture is not kept before a person has looked."""

    @pytest.fixture
    def detector(self):
        return None

    def test_a_person_has_to_look(self, send, client, gate, woman):
        address = send().url
        assert client.post(address, {"do": "keep"}).status_code == 422
        assert standing(gate, woman).is_empty()
        assert client.post(address, {"do": "keep", "looked": "1"}).status_code == 302


EVIL = "<script>alert(1)</script>"


def test_words_of_the_file_are_never_markup(kept, send, client, arm, woman):
    """Names of files and texts of DICOM stand in pages as they are, escaped."""
    evil = {
        "Manufacturer": EVIL,
        "ManufacturerModelName": '"><img src=x onerror=alert(1)>',
        "BodyPartExamined": EVIL[:16],
        "SeriesDescription": EVIL,
        "PatientName": EVIL,
    }
    answer = send(film.dicom(arm[0], **evil), name=f"{EVIL}.dcm")
    pages = [client.get(answer.url).content.decode()]
    assert "&lt;script&gt;" in pages[0]
    assert client.post(answer.url, {"do": "keep", "same_person": "1"}).status_code == 302
    pages.append(client.get(answer.url).content.decode())
    others = [reverse(f"person:{name}", args=[woman.public_id]) for name in ("page", "timeline")]
    pages += [client.get(each).content.decode() for each in others]
    for page in pages:
        assert "<script>alert" not in page
        assert "<img src=x" not in page
    reason = client.post(answer.url, {"do": "withdraw", "reason": EVIL})
    assert "<script>alert" not in client.get(reason.url).content.decode()
