"""The way in: whoever is not logged in comes to the login, and from there to where they wanted."""

from __future__ import annotations

import re

import pytest

PAGE = "docs/how-to/a-working-day.md"


@pytest.mark.parametrize("path", ["/", "/people/new", "/lists"])
def test_the_login_leads_to_where_one_wanted(visit, site, path):
    page = visit.page()
    page.goto(path)
    assert page.url.startswith(f"{site.url}/login?next=")
    assert page.locator("html").get_attribute("lang") == "zh-CN"
    assert page.locator("nav").count() == 0
    username, password = site.logins["nurse"]
    page.locator("[name=username]").fill(username)
    page.locator("[name=password]").fill("not it")
    page.locator("main form button").click()
    assert page.locator("[role=alert]").count()
    page.locator("[name=username]").fill(username)
    page.locator("[name=password]").fill(password)
    page.locator("main form button").click()
    page.wait_for_url(f"{site.url}{path}")
    page.get_by_role("button", name="退出登录").click()
    page.wait_for_url(re.compile("/login"))
    page.goto("/people")
    assert "/login" in page.url


def test_what_does_not_exist_or_is_not_allowed_is_said_in_words(visit):
    page = visit.as_role("village_doctor")
    for path, status in (
        ("/people/00000000-0000-4000-8000-000000000000", 404),
        ("/no-such-page", 404),
        ("/users", 403),
    ):
        answer = page.goto(path)
        assert answer.status == status
        assert page.locator("h1").inner_text().strip()
        assert page.locator("main a").count()  # a way on


def test_the_pictures_of_the_working_day_are_there(repository):
    text = (repository / PAGE).read_text(encoding="utf-8")
    named = set(re.findall(r"pictures/site/(\w+)\.png", text))
    assert named == {file.stem for file in (repository / "docs/pictures/site").glob("*.png")}
