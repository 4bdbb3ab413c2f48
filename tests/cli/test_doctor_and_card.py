"""``energy-gym doctor`` says what is missing and how it comes; ``energy-gym card`` writes what the Hub can read."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import gymnasium as gym
import pytest
import yaml
from typer.testing import CliRunner

from energy_gym import doctor
from energy_gym.agents import make_agent
from energy_gym.cli import app as cli
from energy_gym.data import card, card_ids
from energy_gym.errors import ConfigurationError, install_command
from energy_gym.evaluation.hub_cards import data_card, write_cards

PYPROJECT = Path(__file__).resolve().parents[2] / "pyproject.toml"
REQUIRED = [
    "gymnasium<2,>=0.29.1",
    'matplotlib>=3.8; extra == "plot"',
    'no-such-package>=5.20; extra == "plot"',
    "energy-gym[plot]; extra == 'all'",
    'pytest>=8; extra == "test"',
]


def head(path: Path) -> dict[str, Any]:
    """Return the YAML between the first two rules of a card."""
    _, found, _ = path.read_text(encoding="utf-8").split("---\n", 2)
    return dict(yaml.safe_load(found))


@pytest.fixture
def _required(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "requires", lambda _: REQUIRED)
    monkeypatch.setenv("COLUMNS", "80")


@pytest.mark.usefixtures("_required")
def test_the_doctor_names_what_is_missing_and_the_line_that_brings_it() -> None:
    (plot,) = doctor.extras()
    assert (plot.name, plot.missing, plot.complete) == ("plot", ("no-such-package",), False)
    assert plot.found == {"matplotlib": doctor.installed("matplotlib")}
    result = CliRunner().invoke(cli.app, ["doctor"])
    assert result.exit_code == 0
    assert install_command("plot") in result.output
    assert "no-such-package" in result.output


def test_the_doctor_says_when_the_core_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "requires", lambda _: ["no-such-package>=1"])
    result = CliRunner().invoke(cli.app, ["doctor"])
    assert result.exit_code == 1
    assert "MISSING" in result.output


def test_every_extra_that_has_a_size_is_one_of_the_project() -> None:
    if not PYPROJECT.is_file():
        pytest.skip("not a checkout")
    known = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    assert set(doctor.MEGABYTES) <= set(known)
    assert set(doctor.NOT_SHOWN) <= set(known)


def test_a_card_tells_what_was_saved_and_what_was_earned(tmp_path: Path) -> None:
    env = gym.make("energy_gym/Arbitrage-v1", actions="discrete-3")
    make_agent("threshold", env).fit().save(tmp_path)
    words = ["card", str(tmp_path), "--licence", "mit", "--id", "energy_gym/Arbitrage-v1", "--split", "validation"]
    result = CliRunner().invoke(cli.app, words)
    assert result.exit_code == 0, result.output
    told = head(tmp_path / "README.md")
    assert (told["license"], told["library_name"]) == ("mit", "energy-gym")
    (entry,) = told["model-index"][0]["results"]
    figures = {metric["type"]: metric["value"] for metric in entry["metrics"]}
    assert entry["dataset"]["type"] == "ercot-2021-2022"
    assert 0.0 < figures["score"] < 1.0 < figures["regret"]
    assert head(tmp_path / "data-card.md")["license"] == "cc-by-4.0"
    text = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert "| `price_per_mwh` | USD/MWh | 24 |" in text
    # Written again over its own, without the figures that are not asked for.
    write_cards(tmp_path)
    assert "model-index" not in head(tmp_path / "README.md")


def test_a_page_that_someone_wrote_is_not_written_over(tmp_path: Path) -> None:
    make_agent("threshold", gym.make("energy_gym/Arbitrage-v1")).fit().save(tmp_path)
    (tmp_path / "data-card.md").write_text("mine", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="was not written by this command"):
        write_cards(tmp_path)
    assert not (tmp_path / "README.md").exists()


def test_an_agent_of_a_frame_has_no_data_card(tmp_path: Path, series: Any) -> None:
    env = gym.make("energy_gym/Arbitrage-v1", data=series, zone="UTC")
    make_agent("threshold", env).fit().save(tmp_path)
    assert [path.name for path in write_cards(tmp_path)] == ["README.md"]


@pytest.mark.parametrize("name", card_ids())
def test_every_data_set_has_a_card_for_the_hub(name: str) -> None:
    _, found, text = data_card(card(name)).split("---\n", 2)
    assert yaml.safe_load(found)["pretty_name"] == card(name).title
    assert all(f"`{column}`" in text for column in card(name).columns)
