"""The page in a browser: what is clicked or typed, and what is then seen; nothing is asked of anywhere else."""

from __future__ import annotations

import re
import shutil
import sys
from contextlib import ExitStack

import pytest

pytest.importorskip("fastapi", reason="the extra serve is not installed")
pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")

from playwright.sync_api import expect, sync_playwright
from serve_asking import served

from energy_gym.dashboard.results import read_folders
from energy_gym.leaderboard import run_suite
from energy_gym.leaderboard.suites import Suite, Task
from energy_gym.serve.security import new_key
from energy_gym.serve.simulation import serving
from energy_gym.serve.viewing import viewer

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SECONDS = 20
PATIENCE = 1000.0 * SECONDS
TASK = Task("days", "energy_gym/Arbitrage-v1", {"episode_steps": 72})
VIEWS = ("#/live", "#/scenario", "#/results?from=folder:tiny", "#/data?set=commercial")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")
expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="module")
def site():
    """Return a site at which intervals have passed."""
    with served() as found:
        found.play(4)
        yield found


@pytest.fixture(scope="module")
def url(site, tmp_path_factory):
    """Return where the page shows the site and a folder of results."""
    folder = tmp_path_factory.mktemp("results")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "plotly", None)
        run_suite(Suite("tiny", "Tiny", "Three days.", ("idle", "mpc"), (TASK,)), folder, workers=1)
    with serving(viewer(read_folders([folder]), site.url)) as found:
        yield found


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield found
        found.close()


@pytest.fixture
def opened(browser, url):
    """Return a function that opens a place of the page; nothing may go wrong in it, or be asked of elsewhere."""
    amiss = []
    with ExitStack() as stack:

        def made(place="", base=url, **context):
            told = browser.new_context(**context)
            stack.callback(told.close)
            told.set_default_timeout(PATIENCE)
            page = told.new_page()
            page.on("pageerror", lambda error: amiss.append(str(error)))
            page.on("console", lambda line: amiss.append(line.text) if line.type in ("error", "warning") else None)
            page.on("request", lambda asked: None if asked.url.startswith(base) else amiss.append(asked.url))
            page.goto(f"{base}/{place}")
            return page

        yield made
    assert [line for line in amiss if "401" not in line] == []


def test_the_live_view_follows_the_site(site, opened):
    page = opened()
    expect(page.get_by_role("heading", name="site", exact=True)).to_be_visible()
    expect(page.locator("#connection")).to_have_text("live")
    expect(page.get_by_text("Nothing is amiss.")).to_be_visible()
    tile = page.locator(".tile", has_text="Plan").locator("b")
    before = tile.inner_text()
    expect(page.locator(".chart canvas")).to_have_count(4)
    site.play(1)
    expect(tile).not_to_have_text(before)
    site.plant.fail("reporter", "outage")
    site.play(2)
    expect(page.get_by_role("list", name="Alarms")).to_contain_text("forecast of load_kw is late")
    page.get_by_text("Plans that were not as they should be").click()
    expect(page.get_by_role("region", name="What was amiss")).to_contain_text("no new forecast of load_kw")
    site.plant.fail("reporter", "")
    site.play(1)
    expect(page.get_by_text("Nothing is amiss.")).to_be_visible()


def test_an_earlier_plan_is_laid_over_and_its_link_can_be_shared(opened):
    page = opened()
    expect(page.locator(".chart canvas")).to_have_count(4)
    page.get_by_role("button", name="Earlier").click()
    expect(page).to_have_url(re.compile(r"#/live\?plan=2017-06-05T"))
    expect(page.locator(".u-legend").last).to_contain_text("plan of 05 Jun")
    before = page.get_by_label("Compare with the plan of").input_value()
    page.get_by_role("button", name="Earlier").click()
    expect(page.get_by_label("Compare with the plan of")).not_to_have_value(before)
    chosen = page.get_by_label("Compare with the plan of").input_value()
    again = opened(page.url[page.url.index("#") :])
    expect(again.get_by_label("Compare with the plan of")).to_have_value(chosen)
    again.get_by_text("The schedule in figures").click()
    expect(again.get_by_role("region", name="Schedule").get_by_role("row")).to_have_count(25)


def test_the_scenario_is_walked_by_keyboard(opened):
    page = opened("#/scenario")
    node = page.get_by_role("button", name="battery, battery")
    node.focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"#/scenario\?node=battery$"))
    expect(page.locator(".chosen")).to_contain_text("capacity [kWh]")
    expect(page.get_by_role("button", name="battery, battery")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press(" ")
    expect(page.locator(".chosen")).to_contain_text("price [per MWh]")
    page.get_by_label("Scenario of").select_option("task:tiny:days")
    expect(page.get_by_role("button", name="spot, spot")).to_be_visible()


def test_agents_stand_side_by_side_over_a_period(opened):
    page = opened("#/results?from=folder:tiny")
    table = page.get_by_role("region", name="Agents over the period")
    expect(table.get_by_role("row")).to_have_count(3)
    whole = table.get_by_role("row", name="mpc").get_by_role("cell").first.inner_text()
    expect(page.locator(".chart canvas").first).to_be_visible()
    page.get_by_label("idle", exact=True).uncheck()
    expect(table.get_by_role("row")).to_have_count(2)
    first = page.get_by_label("From").input_value()
    page.get_by_label("Up to and with").fill(first)
    expect(page).to_have_url(re.compile(rf"until={first}"))
    expect(table.get_by_role("row", name="mpc").get_by_role("cell").first).not_to_have_text(whole)
    expect(page.get_by_role("region", name="Mean power into the stores by hour of the day")).to_be_visible()
    page.get_by_label("Results of").select_option("service")
    expect(page.get_by_role("heading", name="Sites of the service")).to_be_visible()
    expect(page.get_by_role("region", name="What rewards are made of")).to_contain_text("idle")


def test_data_are_checked_when_asked(opened):
    page = opened("#/data?set=commercial")
    expect(page.get_by_role("region", name="Columns")).to_contain_text("load_kw")
    page.get_by_role("button", name="Check series and files").click()
    expect(page.get_by_text("Passed.")).to_be_visible()
    expect(page.get_by_role("region", name="Files")).to_contain_text("ok")


def test_every_view_fits_a_telephone_in_the_dark(opened):
    page = opened(viewport={"width": 400, "height": 800}, color_scheme="dark")
    for view in VIEWS:
        page.goto(page.url.split("#")[0] + view)
        expect(page.get_by_role("link", name=re.compile(view[2:4], re.IGNORECASE))).to_have_attribute(
            "aria-current", "page"
        )
        expect(page.locator("main h1")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 27)"


def test_a_key_is_asked_for_and_never_stands_in_an_address(opened):
    reads = new_key("read")
    with served(api_keys={reads.hashed: "read"}) as site:
        site.play(1)
        asked = []
        page = opened(base=site.url)
        page.on("request", lambda request: asked.append(request.url))
        page.locator("#ask-key").fill("eg-read-guessed")
        with page.expect_response(lambda answer: answer.status == 401):
            page.get_by_role("button", name="Use it").click()
        expect(page.locator("dialog")).to_be_visible()
        page.locator("#ask-key").fill(reads.key)
        page.keyboard.press("Enter")
        expect(page.locator("#connection")).to_have_text("live")
        assert asked and not [address for address in asked if reads.key in address]
        assert page.evaluate("document.cookie + JSON.stringify(localStorage)") == "{}"
