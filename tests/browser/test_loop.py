"""The loop, as each role walks it: registered, screened, measured, decided, visited, told.

Walked twice: with JavaScript on, and with JavaScript off.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, timedelta

import pypdfium2
import pytest
from playwright.sync_api import Locator, Page

from careloop.web.registry.national_id import check_character

from .conftest import DESK, PHONE

VILLAGE = "白石村卫生室"
MOST_TAPS = 6


@dataclass
class Hand:
    """A nurse's hand on a telephone: what is typed, and how often the screen is tapped."""

    page: Page
    taps: int = 0
    typed: list[str] = field(default_factory=list)

    def tap(self, label: Locator) -> None:
        label.click()
        self.taps += 1

    def choose(self, name: str, value: str) -> None:
        """An answer among those offered: one tap; from a list: one opens it, one chooses."""
        radio = self.page.locator(f'[type=radio][name="{name}"][value="{value}"]')
        if radio.count():
            self.tap(self.page.locator("label", has=radio))
        else:
            self.page.select_option(f"select[name={name}]", value)
            self.taps += 2

    def sure(self, section: str) -> None:
        self.tap(self.page.locator("label", has=self.page.locator(f"[name=sure-{section}]")))

    def write(self, **values: object) -> None:
        for name, value in values.items():
            self.page.locator(f"[name={name}]").fill(str(value))

    def save(self) -> None:
        self.tap(self.page.locator("form.visit .save button"))
        self.page.wait_for_url(re.compile("/saved"))


def national_id(born: date, order: int) -> str:
    """A number of a woman of a place that does not exist."""
    known = f"990101{born:%Y%m%d}{order:03d}"
    return known + check_character(known)


@pytest.fixture(params=[True, False], ids=["javascript", "no_javascript"])
def javascript(request):
    return request.param


def test_the_loop_from_registration_to_report(visit, javascript, picture):
    def shoot(page, name):
        if javascript:
            picture(page, name)

    name = "孙秀兰" if javascript else "周玉珍"
    born = date(1949, 3, 8) if javascript else date(1948, 11, 2)

    # The nurse registers her
    page = visit.page(size=PHONE, javascript=javascript, touch=True)
    shoot_login(visit, page, shoot)
    visit.log_in(page, "nurse")
    assert page.locator("h1").inner_text().startswith("今日")
    shoot(page, "today")
    page.get_by_role("link", name="登记", exact=True).click()
    page.locator("[name=name]").fill(name)
    page.locator("[name=national_id]").fill(national_id(born, 902 if javascript else 904))
    page.locator("[name=phone]").fill("12900000001" if javascript else "12900000002")
    page.select_option("[name=organisation]", label=VILLAGE)
    for box in page.locator(".consents input[type=checkbox]").all():
        box.check()
    shoot(page, "register")
    page.locator("main form .actions button").last.click()
    page.wait_for_url(re.compile(r"/people/[0-9a-f-]{36}$"))
    assert name in page.locator("h1").inner_text()
    record = page.url

    # … and screens her: six taps after measuring
    page.locator("main").get_by_role("link", name="筛查").first.click()
    hand = Hand(page)
    hand.write(height_cm=152, weight_kg=43)
    hand.choose("ethnic_group", "chinese")
    hand.choose("postmenopausal", "yes")
    hand.choose("falls_12m", "0")
    hand.sure("fractures")
    hand.sure("risks")
    shoot(page, "screening")
    hand.save()
    assert hand.taps <= MOST_TAPS
    result = page.locator("main").inner_text()
    assert "骨密度" in result
    assert "还缺以下资料" not in result
    shoot(page, "screened")

    # The examination's values come in
    page.goto(record)
    page.locator("main").get_by_role("link", name="录入骨密度").first.click()
    hand = Hand(page)
    page.fill("[name=happened_on]", page.get_attribute("[name=happened_on]", "max"))
    page.select_option("[name=device]", "ge_lunar")
    page.select_option("[name=reference_db]", label="中国多中心女性（Zhang 2007）")
    hand.write(t_lumbar_spine="-3.1", t_femoral_neck="-2.9", t_total_hip="-2.7")
    hand.choose("side-hip", "left")
    shoot(page, "dxa")
    hand.tap(page.locator("form.visit .save button"))
    page.wait_for_url(re.compile("/saved"))
    assert "评估治疗" in page.locator("main").inner_text()
    shoot(page, "measured")

    # The doctor finds her on the list and decides
    desk = visit.log_in(visit.page(size=DESK, javascript=javascript), "doctor")
    desk.locator("main").get_by_role("link", name=re.compile("待定治疗")).first.click()
    shoot(desk, "list")
    row = found_on(desk, name)
    row.click()
    shoot(desk, "person")
    desk.locator("main").get_by_role("link", name=re.compile("方案")).first.click()
    accept = desk.locator("main button[value=accepted]")
    before = accept.count()
    assert before
    accept.first.click()
    desk.wait_for_load_state()
    assert "已采纳" in desk.locator("main").inner_text()
    shoot(desk, "plan")
    for _ in range(40):  # whatever needs no check and no choice
        at_once = desk.locator("form:has(input[name=decision][value=all]) button")
        if not at_once.count():
            break
        at_once.first.click()
        desk.wait_for_load_state()
    assert desk.locator("main .tag.good").count() > 1

    # The village doctor visits her at home
    phone = visit.log_in(
        visit.page(size=PHONE, javascript=javascript, touch=True), "village_doctor"
    )
    phone.get_by_role("link", name="查找", exact=True).click()
    phone.locator("[name=q]").fill(name)
    phone.locator("[name=q]").press("Enter")
    phone.locator("#found").get_by_role("link", name=re.compile(name)).first.click()
    phone.locator("main").get_by_role("link", name=re.compile("家庭随访")).first.click()
    hand = Hand(phone)
    hand.write(height_cm="151.5", weight_kg="43.2", tug_s="13", chair_stand_30s="9")
    hand.choose("falls_12m", "1")
    hand.choose("fall_injurious", "no")
    hand.sure("since_last")
    hand.choose("osteoporosis_treatment_current", "no")
    shoot(phone, "home_visit")
    hand.save()
    assert hand.taps <= MOST_TAPS
    assert "下次" in phone.locator("main").inner_text()
    shoot(phone, "home_visit_saved")

    # … and reports that she broke her wrist
    phone.goto(record)
    phone.locator("main").get_by_role("link", name="重要事件报告").first.click()
    hand = Hand(phone)
    hand.choose("outcome_reported", "fracture")
    hand.choose("fracture_site", "forearm")
    hand.choose("fracture_mechanism", "standing_fall")
    hand.write(fracture_on=(date.today() - timedelta(days=3)).isoformat())
    shoot(phone, "fracture")
    hand.save()
    phone.goto(record)
    assert "骨折" in phone.locator("main").inner_text()

    # She gets a page she can read, also on paper
    phone.locator("main").get_by_role("link", name="居民报告").first.click()
    assert name in phone.locator("main").inner_text()
    shoot(phone, "report")
    text = of_pdf(phone, phone.get_by_role("link", name=re.compile("PDF")).get_attribute("href"))
    assert name in text
    assert len(text) > 200

    # Everything stands in the audit, for a manager; nobody else sees it
    manager = visit.log_in(visit.page(size=DESK, javascript=javascript), "manager")
    shoot(manager, "numbers")
    assert manager.locator("table").count()
    assert name not in manager.locator("body").inner_text()
    manager.get_by_role("link", name="审计", exact=True).click()
    assert "护士" in manager.locator("main").inner_text()
    shoot(manager, "audit")


def shoot_login(visit, page, shoot):
    page.goto("/login")
    shoot(page, "login")


def found_on(page: Page, name: str) -> Locator:
    """Her name on a list, however many pages it has."""
    while not page.get_by_role("link", name=name, exact=True).count():
        page.locator("nav.pages a[rel=next]").click()
    return page.get_by_role("link", name=name, exact=True).first


def of_pdf(page: Page, address: str) -> str:
    """The text of a PDF, as somebody selects it."""
    answer = page.context.request.get(address)
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/pdf"
    with pypdfium2.PdfDocument(answer.body()) as document:
        return "".join(page.get_textpage().get_text_range() for page in document)


def test_a_resident_sees_their_own_page_and_no_other(visit, site, picture):
    page = visit.log_in(visit.page(), "patient")
    assert page.url.endswith("/me")
    own = page.locator("h1").inner_text()
    assert own
    picture(page, "own_page")
    for path in ("/people", "/lists", "/numbers", f"/people/{site.somebody_on('dxa_wanted')}"):
        assert page.goto(path).status == 403, path


def test_a_researcher_sees_numbers_only(visit, site):
    page = visit.log_in(visit.page(size=DESK), "researcher")
    assert page.locator("main table").count()
    known = {name for (name,) in site.rows("SELECT name FROM registry_resident WHERE name <> ''")}
    text = page.locator("body").inner_text()
    assert not [name for name in known if name in text]
    for path in ("/people", "/lists", "/audit", f"/people/{site.somebody_on('dxa_wanted')}"):
        assert page.goto(path).status == 403, path
