"""What help texts list is what is accepted: an option that names values names every value that works."""

from __future__ import annotations

import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from energy_gym.agents.registry import learner_ids
from energy_gym.cli import app as cli
from energy_gym.cli.recipes import RECIPES
from energy_gym.data.feed import SPLITS
from energy_gym.leaderboard.engines import ENGINES
from energy_gym.leaderboard.suites import suite_ids
from energy_gym.objective import OBJECTIVES, TERMINALS
from energy_gym.recipes import CARRIERS
from energy_gym.reserve.presets import PRESETS
from energy_gym.sweeps.drawing import KINDS

ROOT = Path(__file__).resolve().parents[2]
LISTED = {
    "split": SPLITS,
    "objective": OBJECTIVES,
    "terminal": TERMINALS,
    "engine": ENGINES,
    "fleet": PRESETS,
    "suite": suite_ids(),
    "kind": KINDS,
    "actions": ("continuous", "discrete-3", "discrete-5"),
}


def commands(group: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the name and the command of every command, those of groups included, recipes as their files state them."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{name} ")
        elif name in RECIPES and not before:
            app = typer.Typer()
            app.command()(runpy.run_path(str(ROOT / "agents" / f"{name}.py"))["main"])
            yield name, typer.main.get_command(app)
        else:
            yield before + name, command


def options() -> Iterator[tuple[str, str, str]]:
    for name, command in commands(typer.main.get_command(cli.app)):
        for option in command.params:
            yield name, option.name, getattr(option, "help", None) or ""


def test_every_option_says_what_it_is() -> None:
    assert [(command, name) for command, name, told in options() if not told and name != "help"] == []


def test_an_option_that_lists_values_lists_all() -> None:
    found = [(command, name, told) for command, name, told in options() if name in LISTED]
    assert {name for _, name, _ in found} == set(LISTED)
    for command, name, told in found:
        assert [value for value in LISTED[name] if value not in told] == [], f"{command} --{name}: {told}"


@pytest.mark.parametrize(
    ("recipe", "names"), [("train", learner_ids()), ("pretrain", CARRIERS), ("synthetic", CARRIERS)]
)
def test_a_recipe_lists_the_agents_that_it_trains(recipe: str, names: tuple[str, ...]) -> None:
    (told,) = [told for command, name, told in options() if (command, name) == (recipe, "agent")]
    assert told.split(", ") == list(names)
