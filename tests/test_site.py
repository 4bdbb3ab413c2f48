"""The documentation site, as far as it is made without Sphinx: pages, links, and what is made from the code."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer

from energy_gym.agents import agent_ids
from energy_gym.cli import app as cli
from energy_gym.data import card_ids
from energy_gym.scenarios.registration import SCENARIOS

DOCS = Path(__file__).resolve().parents[1] / "docs"
PARTS = ("commands", "environments", "indexes", "links", "llms", "reference", "staging")

pytestmark = pytest.mark.skipif(not (DOCS / "making").is_dir(), reason="not a checkout")


@pytest.fixture(scope="module")
def making() -> Iterator[Any]:
    """The modules that make the site, found as its build finds them."""
    sys.path.insert(0, str(DOCS))
    yield SimpleNamespace(**{part: importlib.import_module(f"making.{part}") for part in PARTS})
    sys.path.remove(str(DOCS))


@pytest.fixture(scope="module")
def pages(making: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pages that are written by hand, and those of the reference."""
    folder = tmp_path_factory.mktemp("pages")
    making.staging.stage(folder)
    for name, text in making.reference.pages():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def test_links_lead_to_pages_of_the_site_and_files_come_along(pages: Path) -> None:
    for page in pages.rglob("*.md"):
        for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", page.read_text(encoding="utf-8")):
            # The list of environments is made with their pictures, when the site is built.
            made = target.endswith("environments.md")
            assert made or (page.parent / target).is_file(), f"{page.relative_to(pages)}: {target}"


def test_a_link_to_nothing_is_refused(making: Any, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"docs/index\.md links to nowhere\.md"):
        making.staging._link(DOCS / "index.md", "index.md", "nowhere.md", tmp_path)


def test_every_guide_is_in_the_contents_where_nobody_put_it_too(making: Any) -> None:
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    guides = {place.removesuffix(".md") for place in making.staging.places().values() if "/" not in place}
    for text in (index, index.replace("\nforecasts\n", "\n")):
        listed = re.findall(r"^[\w/-]+$", making.staging.with_all(text), re.MULTILINE)
        assert guides - {"index"} <= set(listed)
        assert len(listed) == len(set(listed))


def test_every_command_and_every_option_has_its_place(making: Any) -> None:
    page = making.commands.page()
    for name, command in typer.main.get_command(cli.app).commands.items():
        assert f"\n## {name}" in page
        options = [param for param in command.params if param.param_type_name == "option" and param.name != "help"]
        assert all(f"`{param.opts[0]}`" in page or f"`{param.opts[0]}, " in page for param in options)
    assert "| `--time-limit` | Seconds; the answer is then a proven bracket |  |" in page
    assert "energy-gym data verify [ID] [OPTIONS]" in page


def test_the_reference_names_all_agents_data_sets_and_public_names(making: Any, pages: Path) -> None:
    agents, sets = ((pages / "reference" / f"{name}.md").read_text(encoding="utf-8") for name in ("agents", "data"))
    assert all(f"| `{name}` |" in agents for name in agent_ids())
    assert all(f"| `{name}` |" in sets for name in card_ids())
    # A class that two modules name has its description on one page, and a link on the other.
    page = (pages / "reference" / "energy_gym.entities.md").read_text(encoding="utf-8")
    assert "{py:obj}`Battery <energy_gym.Battery>`" in page
    assert ":exclude-members: Battery" in page


def test_every_id_has_an_episode_to_show(making: Any) -> None:
    assert list(making.environments.SHOWN) == list(SCENARIOS)


def test_a_broken_link_of_the_built_site_is_found(making: Any, tmp_path: Path) -> None:
    (tmp_path / "one.html").write_text('<a href="two.html#here">x</a><a href="two.html#there">y</a><img src="a.png">')
    (tmp_path / "two.html").write_text('<p id="here"><a href="https://example.org/">z</a></p>')
    found = making.links.broken(tmp_path)
    assert found == ["one.html: two.html#there leads nowhere", "one.html: a.png leads nowhere"]


def test_a_program_can_read_what_each_page_is(making: Any, pages: Path) -> None:
    text = making.llms.text(pages)
    assert text.startswith("# energy_gym\n\n> ")
    assert "- [Forecasts](forecasts.html): What an agent knows of the hours to come is the forecast's business" in text


def test_each_tutorial_ends_with_a_figure_in_money() -> None:
    scripts = sorted(DOCS.glob("tutorials/plot_*.py"))
    assert len(scripts) >= 4
    for script in scripts:
        last = script.read_text(encoding="utf-8").strip().splitlines()[-1]
        assert re.match(r'print\(f".*(USD|EUR|GBP|AUD|CRC)', last), script.name


@pytest.mark.slow
def test_the_site_is_built_without_a_warning_and_no_link_in_it_is_broken(tmp_path: Path) -> None:
    pytest.importorskip("sphinx_gallery")
    out = tmp_path / "site"
    words = [sys.executable, str(DOCS / "build.py"), "--out", str(out)]
    built = subprocess.run(words, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    assert (out / "llms.txt").is_file()
    for name in SCENARIOS:
        page = out / "environments" / f"{name.partition('/')[2].partition('-v')[0].lower()}.html"
        assert "proven optimum" in page.read_text(encoding="utf-8")
