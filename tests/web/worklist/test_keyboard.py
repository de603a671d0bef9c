"""A list worked through with the keyboard alone, in a real browser."""

from __future__ import annotations

import os
import shutil

import pytest

from .. import factory

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def page(monkeypatch):
    sync_api = pytest.importorskip("playwright.sync_api")
    # Playwright's own loop runs in this thread; Django's queries here are ordinary ones.
    monkeypatch.setitem(os.environ, "DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    browsers = ("chromium", "chromium-browser", "google-chrome")
    found = next(filter(None, map(shutil.which, browsers)))
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser.new_page(viewport={"width": 360, "height": 640})
        browser.close()


def test_keys_go_through_a_list(page, live_server, people, client):
    tree = factory.Tree()
    residents = [
        people.listed(tree.clinic, rank=number, name=name) for number, name in enumerate("甲乙丙")
    ]
    client.force_login(factory.user("nurse", tree.centre))
    cookie = {"name": "sessionid", "value": client.cookies["sessionid"].value}
    page.context.add_cookies([cookie | {"url": live_server.url}])
    page.goto(f"{live_server.url}/lists/dxa_wanted")

    def focused():
        return page.evaluate("document.activeElement.textContent")

    for key, name in (("j", "甲"), ("j", "乙"), ("j", "丙"), ("j", "丙"), ("k", "乙")):
        page.keyboard.press(key)
        assert focused() == name
    page.keyboard.press("x")
    ticked = page.locator("input[name=pick]:checked")
    assert ticked.evaluate_all("all => all.map(one => one.value)") == [str(residents[1].public_id)]
    page.click("[data-all]")
    assert ticked.count() == 3
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.keyboard.press("j")
    page.keyboard.press("c")
    page.wait_for_url(f"**/people/{residents[0].public_id}/call?list=dxa_wanted")
    page.check("input[name=result][value=later]")
    page.click("main form .actions button")
    page.wait_for_url("**/lists/dxa_wanted")
    assert page.locator("tr[data-row]").count() == 2
