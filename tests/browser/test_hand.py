"""By hand: keyboard, skip link, focus, print, weight, few taps; with and without JavaScript."""

from __future__ import annotations

import io
import re

import pypdfium2
import pytest

from .conftest import DESK, PHONE
from .test_loop import MOST_TAPS, VILLAGE, Hand

TABBABLE = """() => [...document.querySelectorAll(
    'a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex="0"]')]
  .filter(e => e.checkVisibility({visibilityProperty: true}) && !e.disabled && e.tabIndex >= 0)
  .filter(e => e.type !== 'radio' || e === (document.querySelector(`[name="${e.name}"]:checked`)
     || document.querySelector(`[name="${e.name}"]`)))
  .map((e, n) => (e.dataset.tab = n, e.outerHTML.slice(0, 90)))"""
FOCUSED = """() => { const e = document.activeElement, s = getComputedStyle(e);
  const lit = s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2;
  return [e.dataset.tab ?? null, lit]; }"""


def paths(site):
    known = site.somebody_on("dxa_wanted", VILLAGE)
    return {
        "today": "/",
        "find": "/people?q=w",
        "register": "/people/new",
        "list": "/lists/dxa_wanted?text=w",
        "call": f"/people/{known}/call?list=dxa_wanted",
        "person": f"/people/{known}",
        "screening": f"/people/{known}/visit/screening",
        "outcome": f"/people/{known}/visit/outcome",
        "dxa": f"/people/{known}/dxa",
    }


@pytest.mark.parametrize(
    "name", ["today", "find", "register", "call", "person", "screening", "dxa"]
)
def test_the_keyboard_reaches_everything_and_shows_where_it_is(visit, site, name):
    page = visit.as_role("nurse", size=DESK)
    page.goto(paths(site)[name])
    page.wait_for_load_state("networkidle")  # what is fetched after the page stands in it
    page.evaluate("document.activeElement.blur()")
    wanted = page.evaluate(TABBABLE)
    reached, lit = set(), set()  # a date is several stops: its first is lit, its parts inside
    parts_of_dates = 3 * page.locator("[type=date]").count()
    for _ in range(len(wanted) + parts_of_dates + 5):
        page.keyboard.press("Tab")
        tab, shows = page.evaluate(FOCUSED)
        if tab is not None:
            reached.add(int(tab))
            lit |= {int(tab)} if shows else set()
    assert [what for n, what in enumerate(wanted) if n not in reached] == []
    assert [what for n, what in enumerate(wanted) if n not in lit] == []


def test_the_skip_link_comes_first_and_leads_to_the_content(visit):
    page = visit.as_role("nurse")
    page.goto("/lists")
    page.keyboard.press("Tab")
    skip = page.locator("a.skip")
    assert skip.evaluate("e => e === document.activeElement")
    assert skip.evaluate("e => e.getBoundingClientRect().left >= 0")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('main') !== null")


def test_pages_print_without_what_is_only_for_the_screen(visit, site):
    page = visit.as_role("nurse")
    known = site.somebody_on("dxa_wanted", VILLAGE)
    for path in (f"/people/{known}/slip", f"/people/{known}/report", f"/people/{known}", "/lists"):
        page.goto(path)
        assert page.locator("header.top").is_visible()
        page.emulate_media(media="print")
        assert not page.locator("header.top, footer, .skip, main .actions >> visible=true").count()
        assert page.locator("h1").is_visible()
        page.emulate_media(media="screen")
    for path in ("/", f"/people/{known}", "/lists/dxa_wanted"):
        page.goto(path)
        page.emulate_media(media="print")
        assert not page.locator("main button >> visible=true").count(), path
        assert not page.locator("main input >> visible=true").count(), path
        numbers = page.locator("main a[href^='tel:'] >> visible=true").count()
        assert numbers or path == "/", path
        page.emulate_media(media="screen")
    page.goto(f"/people/{known}/slip")
    name = page.locator("main h1").inner_text()
    with pypdfium2.PdfDocument(io.BytesIO(page.pdf(prefer_css_page_size=True))) as printed:
        assert len(printed) == 1
        assert name in printed[0].get_textpage().get_text_range()


@pytest.mark.parametrize("javascript", [True, False])
def test_a_call_and_what_came_of_it(visit, site, javascript):
    known = site.somebody_on("dxa_wanted" if javascript else "treatment_undecided", VILLAGE)
    key = "dxa_wanted" if javascript else "treatment_undecided"
    page = visit.as_role("village_doctor", javascript=javascript, touch=True)
    page.goto(f"/people/{known}/call?list={key}")
    hand = Hand(page)
    page.locator("[name=note]").fill("下周三来测骨密度")
    hand.choose("result", "agreed")
    hand.tap(page.locator("main form .actions button").first)
    page.wait_for_url(re.compile(rf"/lists/{key}|/people/"))
    assert hand.taps <= MOST_TAPS
    page.goto(f"/people/{known}/call?list={key}")
    assert "下周三来测骨密度" in page.locator("main").inner_text()


def test_the_language_is_chosen_and_said(visit):
    page = visit.as_role("nurse")
    for path in ("/", "/people/new"):
        answer = page.goto(path)
        assert page.locator("html").get_attribute("lang") == "zh-CN"
        assert answer.headers["content-language"] == "zh-CN"
    button = page.get_by_role("button", name="English")
    assert button.get_attribute("lang") == "en"
    button.click()
    page.wait_for_url(re.compile("/people/new$"))
    assert page.locator("html").get_attribute("lang") == "en"
    assert page.locator("h1").inner_text() == "Register somebody"
    page.get_by_role("button", name="中文").click()
    page.wait_for_url(re.compile("/people/new$"))
    assert page.locator("html").get_attribute("lang") == "zh-CN"


@pytest.mark.parametrize("kind", ["home", "phone"])
def test_a_follow_up_in_which_nothing_happened_takes_six_taps(visit, site, kind):
    known = site.somebody_on("treatment_undecided", VILLAGE)
    page = visit.as_role("village_doctor", size=PHONE, touch=True)
    page.goto(f"/people/{known}/visit/{kind}")
    hand = Hand(page)
    if kind == "home":
        hand.write(height_cm="150.5", weight_kg="47", tug_s="12", chair_stand_30s="8")
    hand.choose("falls_12m", "0")
    hand.sure("since_last")
    hand.choose("osteoporosis_treatment_current", "no")
    hand.save()
    assert hand.taps <= MOST_TAPS
    page.goto(f"/people/{known}/timeline")
    assert "否" in page.locator("main").inner_text()
