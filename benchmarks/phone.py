"""A village doctor's telephone: how long until a form can be used, and until a follow-up is saved.

    ./run                              in one terminal
    python benchmarks/phone.py         in another [ADDRESS [FOLDER OF THE SITE]]

Chromium with a line of 1.6 Mbit/s and 150 ms and a processor four times slower; every page is
opened with an empty cache. "Usable": the page is read (DOMContentLoaded) and its form is drawn. The
follow-up is written at a hand's pace: 0.15 s a key, 0.6 s before each tap.
"""

from __future__ import annotations

import re
import shutil
import statistics
import sys
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import CDPSession, Page, sync_playwright

RUNS = 5
USABLE_S, ENTERED_S = 1.5, 16.0
KEY_MS, TAP_S = 150, 0.6
LINE = {
    "offline": False,
    "latency": 150,
    "downloadThroughput": 1.6e6 / 8,
    "uploadThroughput": 1.6e6 / 8,
}
FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
DRAWN = """() => new Promise(done => requestAnimationFrame(() => done(
  performance.timeOrigin + performance.now())))"""


def throttled(page: Page) -> CDPSession:
    """Make the page's line and processor slow, its cache empty."""
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.setCacheDisabled", {"cacheDisabled": True})
    session.send("Network.emulateNetworkConditions", LINE)
    session.send("Emulation.setCPUThrottlingRate", {"rate": 4})
    return session


def usable_after(page: Page, address: str) -> float:
    """Seconds from the tap on a link until the form is there."""
    start = time.perf_counter()
    page.goto(address, wait_until="domcontentloaded")
    page.locator("main form button").last.wait_for(state="visible")
    page.evaluate(DRAWN)
    return time.perf_counter() - start


def follow_up(page: Page, person: str) -> tuple[float, int]:
    """Seconds and taps of a home visit in which nothing happened, from opening to saved."""
    start, taps = time.perf_counter(), 0
    page.goto(f"{person}/visit/home", wait_until="domcontentloaded")
    for name, value in {"height_cm": "150.5", "weight_kg": "47", "tug_s": "12"}.items():
        page.locator(f"[name={name}]").press_sequentially(value, delay=KEY_MS)
    wanted = [
        page.locator("label", has=page.locator('[name=falls_12m][value="0"]')),
        page.locator("label", has=page.locator("[name=sure-since_last]")),
    ]
    treated = page.locator("[type=radio][name=osteoporosis_treatment_current]")
    if not page.locator("[name=osteoporosis_treatment_current]:checked").count():
        wanted.append(page.locator("label", has=treated.locator("xpath=self::*[@value='no']")))
    for tap in [*wanted, page.locator("form.visit .save button")]:
        time.sleep(TAP_S)
        tap.click()
        taps += 1
    page.wait_for_url(re.compile("/saved"), wait_until="domcontentloaded")
    return time.perf_counter() - start, taps


def somebody(page: Page) -> str:
    """The address of somebody on today's lists."""
    page.goto("/")
    links = page.locator('main a[href^="/people/"]').evaluate_all(
        "all => all.map(a => a.getAttribute('href'))"
    )
    found = [link for link in links if re.fullmatch("/people/[0-9a-f-]{36}", link)]
    if not found:
        sys.exit("nobody is on today's lists of the village doctor")
    return str(found[0])


def main() -> None:
    url = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000"
    var = Path(sys.argv[2] if len(sys.argv) > 2 else "var")
    rows = [line.split("\t") for line in (var / "demo-logins").read_text("utf-8").splitlines()]
    username, password = next((row[1], row[3]) for row in rows if row[0] == "village_doctor")
    chromium = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        view: Any = {"width": 360, "height": 740}
        page = browser.new_page(base_url=url, viewport=view, has_touch=True)
        page.goto("/login")
        page.locator("[name=username]").fill(username)
        page.locator("[name=password]").fill(password)
        page.locator("main form button").click()
        page.wait_for_url(lambda address: "/login" not in address)
        person = somebody(page)
        throttled(page)
        forms = {
            "find": "/people",
            "register": "/people/new",
            "screening": f"{person}/visit/screening",
            "home visit": f"{person}/visit/home",
            "outcome": f"{person}/visit/outcome",
            "dxa": f"{person}/dxa",
        }
        for name, address in forms.items():
            times = [usable_after(page, address) for _ in range(RUNS)]
            mark = "" if statistics.median(times) <= USABLE_S else f"  > {USABLE_S} s"
            print(
                f"{name:12} usable: median {statistics.median(times):.2f} s, "
                f"worst {max(times):.2f} s{mark}"
            )
        took = [follow_up(page, person) for _ in range(3)]
        print(
            f"{'follow-up':12} saved:  median {statistics.median(each[0] for each in took):.1f} s, "
            f"{took[0][1]} taps (at most {ENTERED_S:.0f} s, 6 taps)"
        )
        browser.close()


if __name__ == "__main__":
    main()
