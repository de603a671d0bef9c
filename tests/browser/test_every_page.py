"""Every page, as everybody who may open it: accessible, narrow enough, small enough."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from uuid import UUID

import pytest
from axe_playwright_python.sync_playwright import Axe

from careloop.web.accounts.role import ROLES

from .address import pages_of
from .conftest import DESK, PHONE, Visitor

HEAVIEST = 100 * 1024
"""Bytes over the line of a page with its style and scripts."""
SHEET = Path(__file__).parent.parent / "web" / "imaging" / "sheet.py"
"""Prints a made-up report."""
GRAVE = ("serious", "critical")
ENOUGH = {"resultTypes": ["violations"]}


@pytest.fixture(scope="module")
def ids(site, chromium):
    """Somebody in the nurse's village with something of everything."""
    return known_ids(site, Visitor(site, chromium))


def known_ids(site, visitor):
    """Ids for every address; a visit and a report waiting to be confirmed are made."""
    report = runpy.run_path(str(SHEET))["report"]
    known = site.own_id()
    page = visitor.as_role("nurse")
    page.goto(f"/people/{known}/visit/community")
    page.locator("[name=weight_kg]").fill("47")
    page.locator("form.visit .save button").click()
    page.wait_for_url(re.compile("/saved"))
    seen = page.url.split("/")[-2]
    page.goto(f"/people/{known}/dxa/report")
    sheet = {"name": "report.pdf", "mimeType": "application/pdf", "buffer": report()}
    page.locator("[name=report]").set_input_files(sheet)
    page.locator("main form .actions button").click()
    page.locator("ul.values").first.wait_for(timeout=120_000)  # read, and shown to be confirmed
    page.context.close()

    def one(sql):
        return str(UUID(site.rows(sql)[0][0]))

    return {
        "public_id": known,
        "visit_id": seen,
        "upload_id": page.url.split("/")[-1],
        "referral_id": one(
            "SELECT public_id FROM care_referral ORDER BY answered_at IS NULL, id LIMIT 1"
        ),
        "image_id": one("SELECT public_id FROM imaging_image WHERE state = 'kept'"),
        "user_id": one("SELECT public_id FROM accounts_user WHERE username = 'nurse'"),
    }


def faults(page, *, axe=True):
    """What is wrong with a page that is open."""
    found = []
    if (extra := page.evaluate(WIDER)) > 0:
        found.append(f"{extra} px wider than the screen: {page.evaluate(WIDEST)}")
    for told in Axe().run(page, options=ENOUGH).response["violations"] if axe else ():
        if told["impact"] in GRAVE:
            where = [node["target"] for node in told["nodes"]][:3]
            found.append(f"{told['id']} ({told['impact']}): {where}")
    if page.locator("h1").count() != 1:
        found.append(f"{page.locator('h1').count()} h1")
    return found


class Scale:
    """Weighs what comes over the line for a page opened with an empty cache, charts left out."""

    def __init__(self, page):
        self.weights, self.addresses = {}, {}
        session = page.context.new_cdp_session(page)
        session.send("Network.enable")
        session.send("Network.setCacheDisabled", {"cacheDisabled": True})
        session.on("Network.responseReceived", self._response)
        session.on("Network.loadingFinished", self._finished)

    def _response(self, told):
        self.addresses[told["requestId"]] = told["response"]["url"]

    def _finished(self, told):
        self.weights[told["requestId"]] = told["encodedDataLength"]

    def taken_off(self):
        """Bytes since it was last asked."""
        bytes_ = sum(
            weight
            for request, weight in self.weights.items()
            if not self.addresses.get(request, "data:").startswith("data:")
            and not self.addresses[request].endswith("/risk")
        )
        self.weights.clear()
        return bytes_


WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
WIDEST = """() => [...document.querySelectorAll('main *')]
  .filter(e => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest('.scroll'))
  .slice(0, 3).map(e => e.outerHTML.slice(0, 80))"""


@pytest.mark.parametrize("role", ["", *ROLES])
def test_every_page_opens_fits_a_phone_and_is_accessible_and_light(visit, ids, role):
    page = visit.as_role(role) if role else visit.page()
    assert faults_of(page, role, ids) == []


@pytest.mark.parametrize(("language", "size"), [("en", PHONE), ("zh", DESK)])
@pytest.mark.parametrize("role", ["doctor", "manager", "patient"])
def test_every_page_fits_in_english_and_on_a_desk(visit, ids, role, language, size):
    page = visit.as_role(role, size=size, language=language)
    assert faults_of(page, role, ids, axe=False) == []


TWICE = "html { font-size: 200% !important }"


@pytest.mark.parametrize("role", ["doctor", "manager", "patient"])
def test_every_page_fits_a_phone_with_text_of_twice_the_size(visit, ids, role):
    """Old eyes set large text: nothing may leave the screen sideways."""
    page = visit.as_role(role)
    found = []
    for name, path in pages_of(role, ids):
        page.goto(path)
        page.add_style_tag(content=TWICE)
        if (extra := page.evaluate(WIDER)) > 0:
            found.append(f"{name} {path}: {extra} px: {page.evaluate(WIDEST)}")
    assert found == []


def faults_of(page, role, ids, *, axe=True):
    """What is wrong with the pages that a role may open, said by page."""
    said, found, scale = [], [], Scale(page)
    page.on("console", lambda told: said.append(told.text) if told.type == "error" else None)
    page.on("pageerror", lambda told: said.append(str(told)))
    for name, path in pages_of(role, ids):
        answer = page.goto(path)
        weight = scale.taken_off()
        assert weight, "nothing was weighed"
        wrong = [f"answers {answer.status}"] if answer.status != 200 else faults(page, axe=axe)
        if weight >= HEAVIEST:
            wrong.append(f"{weight:,} bytes")
        found += [f"{name} {path}: {each}" for each in [*wrong, *said]]
        said.clear()
    return found
