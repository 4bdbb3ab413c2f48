"""Imports go one way, nothing heavy comes with the package, and no folder beside it can be imported."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import energy_gym

PACKAGE = Path(energy_gym.__file__).parent
CHECKOUT = Path(__file__).resolve().parents[1]
HEAVY = (
    "torch",
    "pyomo",
    "pandas",
    "scipy",
    "matplotlib",
    "stable_baselines3",
    "d3rlpy",
    "sqlalchemy",
    "highspy",
    "pooch",
)

# A module may import from its own storey and from lower ones.
STOREYS = (
    ("errors", "backends", "modelling", "paths", "files", "trees", "version", "screen"),
    ("entities", "contracts", "data", "forecast"),
    ("objective", "scenario"),
    ("units",),
    ("dynamics", "tape"),
    ("envs", "oracle", "bidding", "reserve", "scenarios"),
    ("agents",),
    ("evaluation", "testing"),
    ("leaderboard", "recipes", "suites"),
    ("sweeps",),
    ("cli",),
)
RANK = {name: storey for storey, names in enumerate(STOREYS) for name in names}
# What is built on the score and the regret of an episode, in its own wing: those know nothing of it.
BUILT_ON_EPISODES = ("forecast_value", "recommendation", "statistics", "trials")
# Documented places of names that live deeper in the package.
DOCUMENTED = {
    "energy_gym.agents.behaviour:Behaviour": "energy_gym.agents.records.behaviour",
    "energy_gym.agents.experts:record_expert": "energy_gym.agents.records.experts",
    "energy_gym.agents.l2o:L2O": "energy_gym.agents.l2o.agent",
    "energy_gym.cli:main": "energy_gym.cli.app",
    "energy_gym.data.storage:open_backend": "energy_gym.data.storage.frames",
    "energy_gym.evaluation:evaluate": "energy_gym.evaluation.episode",
    "energy_gym.leaderboard:run_suite": "energy_gym.leaderboard.board",
    "energy_gym.suites:Suite": "energy_gym.leaderboard.suites",
    "energy_gym.suites:Task": "energy_gym.leaderboard.suites",
}
FILES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def home(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def named(path: Path) -> set[str]:
    """Return the names within the package that a module imports, inside functions and for type checkers too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in found if name.split(".")[0] == "energy_gym"}


def imported(path: Path) -> set[str]:
    """Return the parts of the package that a module imports."""
    return {(name.split(".") + [""])[1] for name in named(path)}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_one_way(path: Path) -> None:
    own = home(path)
    assert own in RANK, f"{own} has no storey yet: give it one in this test"
    top = RANK["leaderboard"]
    for name in imported(path):
        storey = RANK.get(name, top)
        assert storey <= RANK[own], f"{own} imports {name or 'the whole package'}, which stands above it"


def test_entities_contracts_and_laws_know_nothing_of_data() -> None:
    for path in FILES:
        if home(path) in ("entities", "contracts", "scenario", "backends"):
            assert not imported(path) & {"data", "forecast"}, path
        if home(path) in ("data",):
            assert not imported(path) & {"forecast", "entities", "contracts"}, path


@pytest.mark.parametrize("name", ["episode", "regret", "scoring"])
def test_the_regret_of_an_episode_knows_nothing_of_what_is_built_on_it(name: str) -> None:
    above = tuple(f"energy_gym.evaluation.{part}" for part in BUILT_ON_EPISODES)
    assert not [found for found in named(PACKAGE / "evaluation" / f"{name}.py") if found.startswith(above)]


@pytest.mark.parametrize("place", DOCUMENTED)
def test_documented_places_hand_on_what_lives_deeper(place: str) -> None:
    module, _, name = place.partition(":")
    handed = getattr(importlib.import_module(module), name)
    assert handed.__module__ == DOCUMENTED[place]
    assert handed is getattr(importlib.import_module(DOCUMENTED[place]), name)


def run(code: str) -> str:
    environment = {"PYTHONPATH": str(PACKAGE.parent), "PATH": ""}
    result = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True, timeout=120
    )
    return result.stdout


def test_nothing_heavy_comes_with_the_package() -> None:
    loaded = run("import sys, energy_gym; print(*{name.split('.')[0] for name in sys.modules})").split()
    assert not set(loaded) & set(HEAVY)
    assert "numpy" in loaded


def test_making_and_playing_needs_no_torch_and_no_solver() -> None:
    code = (
        "import sys, gymnasium, energy_gym\n"
        "env = gymnasium.make('energy_gym/Arbitrage-v0'); env.reset(seed=1); env.step(env.action_space.sample())\n"
        "print(*{name.split('.')[0] for name in sys.modules})"
    )
    assert not set(run(code).split()) & {"torch", "pyomo", "highspy", "matplotlib", "stable_baselines3", "sqlalchemy"}


def test_every_public_name_is_there_in_a_fresh_interpreter() -> None:
    run(
        "import importlib, sys\n"
        f"for name in {list(energy_gym.__all__)}:\n"
        "    for own in [module for module in sys.modules if module.partition('.')[0] == 'energy_gym']:\n"
        "        del sys.modules[own]\n"
        "    package = importlib.import_module('energy_gym')\n"
        "    assert getattr(package, name) is not None\n"
        "    assert name in dir(package)\n"
    )


def test_unknown_names_are_attribute_errors() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        energy_gym.nothing  # noqa: B018  # asking is the test


@pytest.mark.parametrize("folder", ["agents", "datasets", "benchmarks", "tests"])
def test_no_folder_beside_the_package_can_be_imported(folder: str) -> None:
    if not (CHECKOUT / "energy_gym").is_dir():
        pytest.skip("not a checkout")
    assert not list((CHECKOUT / folder).rglob("__init__.py"))
