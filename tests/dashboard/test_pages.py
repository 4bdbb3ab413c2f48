"""The page and its files: who is shown them, what their headers allow, and that nothing else is asked for."""

from __future__ import annotations

import hashlib
import re

import pytest

pytest.importorskip("fastapi", reason="the extra serve is not installed")

from served_page import looking

from energy_gym.dashboard.pages import POLICY, STATIC, assets, wants_page

CHROMIUM = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"


@pytest.fixture(scope="module")
def client():
    with looking({}) as found:
        yield found


@pytest.mark.parametrize(
    ("accept", "page"),
    [
        (CHROMIUM, True),
        ("text/html", True),
        ("TEXT/HTML;level=1", True),
        ("", False),
        ("*/*", False),
        ("text/*", False),
        ("application/json", False),
        ("application/json, text/html;q=0.9", False),
        ("text/html;q=0", False),
        ("text/html;q=much", False),
    ],
)
def test_a_page_is_for_who_asks_for_html(accept, page):
    assert wants_page(accept) is page


def test_the_page_and_its_files_are_there_and_forbid_all_else(client):
    answer = client.get("/", headers={"Accept": CHROMIUM})
    assert answer.headers["Content-Security-Policy"] == POLICY
    assert "unsafe" not in POLICY and "http" not in POLICY
    named = re.findall(r'(?:src|href)="(assets/[^"]+)"', answer.text)
    assert len(named) >= 4
    for path in named:
        found = client.get(f"/{path}")
        assert (found.status_code, found.headers["X-Content-Type-Options"]) == (200, "nosniff")


def test_scripts_import_files_that_are_there():
    for path in STATIC.glob("*.js"):
        for name in re.findall(r'from "\./([^"]+)"', path.read_text(encoding="utf-8")):
            assert (STATIC / name).is_file()


def test_nothing_names_another_address():
    own = "".join(path.read_text(encoding="utf-8") for path in STATIC.glob("*.*"))
    assert set(re.findall(r"https?://[^\s\"']+", own)) == {"http://www.w3.org/2000/svg"}
    assert not re.search(r"innerHTML|insertAdjacent|eval\(|style=\"|onclick=\"", own)


def test_the_library_of_charts_is_as_it_was_published_with_its_licence():
    found = hashlib.sha256((STATIC / "vendor" / "uPlot.iife.min.js").read_bytes()).hexdigest()
    assert found == "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f"
    assert "MIT" in (STATIC / "vendor" / "uPlot.LICENSE").read_text(encoding="utf-8")


def test_a_file_that_has_not_changed_is_not_sent_again(client):
    first = client.get("/assets/app.js")
    again = client.get("/assets/app.js", headers={"If-None-Match": first.headers["ETag"]})
    assert (first.status_code, again.status_code, again.content) == (200, 304, b"")


@pytest.mark.parametrize("path", ["nothing.js", "../pages.py", "..%2fpages.py", "", "vendor"])
def test_no_other_file_can_be_had(client, path):
    assert client.get(f"/assets/{path}").status_code == 404


def test_another_name_for_this_machine_is_refused(client):
    assert client.get("/v1/dashboard").json()["live"] is False
    assert client.get("/v1/dashboard", headers={"Host": "elsewhere.example"}).status_code == 400


def test_files_are_read_once():
    assert assets() is assets()
    assert {"index.html", "app.js", "vendor/uPlot.iife.min.js"} <= set(assets())
