"""Imports go one way, nothing heavy comes with the package, and no folder beside it can be imported."""

from __future__ import annotations

import ast
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
    ("errors", "backends", "paths", "files", "trees", "version", "screen"),
    ("entities", "contracts", "data", "forecast"),
    ("objective", "scenario"),
    ("units",),
    ("dynamics", "tape"),
    ("envs", "oracle", "bidding", "reserve", "scenarios"),
    ("agents",),
    ("evaluation", "regret", "scoring", "testing"),
    (
        "leaderboard",
        "recipes",
        "suites",
        "results",
        "tables",
        "tasks",
        "runs",
        "workers",
        "statistics",
        "engines",
        "clusters",
        "plots",
        "page",
        "judging",
        "merging",
        "recommendation",
        "trials",
    ),
    ("sweeps",),
    (
        "cli",
        "data_cli",
        "experts_cli",
        "fleet_cli",
        "forecasts_cli",
        "leaderboard_cli",
        "recipes_cli",
        "recommend_cli",
        "sweep_cli",
    ),
)
RANK = {name: storey for storey, names in enumerate(STOREYS) for name in names}
FILES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def home(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def imported(path: Path) -> set[str]:
    """Return the parts of the package that a module imports, inside functions and for type checkers too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    inside = {name for name in found if name.split(".")[0] == "energy_gym"}
    return {(name.split(".") + [""])[1] for name in inside}


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
