"""Imports go one way, nothing heavy comes with the package, and no folder beside it can be imported."""

from __future__ import annotations

import ast
import functools
import importlib
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import energy_gym

PACKAGE = Path(energy_gym.__file__).parent
CHECKOUT = Path(__file__).resolve().parents[1]
HEAVY = (
    "torch",
    "jax",
    "pyomo",
    "pandas",
    "scipy",
    "matplotlib",
    "stable_baselines3",
    "d3rlpy",
    "sqlalchemy",
    "highspy",
    "pooch",
    "mlflow",
    "wandb",
)

# The floors of the house, from the ground up, and the rooms on each: a module may import from its own room and from the
# floors below, at its top or inside a function. ARCHITECTURE.md shows the same table.
FLOORS = (
    ("arrays", "conversions", "errors", "files", "paths", "version"),
    ("backends", "doctor", "lookahead", "modelling", "screen", "trees", "yaml_files"),
    ("data", "tracing"),
    ("entities", "forecast", "machine"),
    ("contracts", "tape"),
    ("objective", "site"),
    ("scenario",),
    ("units",),
    ("closing", "connection", "following"),
    ("dynamics",),
    ("envs",),
    ("conventions", "jax", "oracle"),
    ("bidding", "reserve"),
    ("scenarios",),
    ("agents",),
    ("evaluation", "testing"),
    ("tracking",),
    ("leaderboard", "recipes"),
    ("dashboard", "entries", "sweeps", "suites"),
    ("replaying", "serve"),
    ("cli",),
    ("__main__",),
)
FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
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


def module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def for_type_checkers(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)


@functools.cache
def text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def statements(path: Path, typing: bool) -> Iterator[ast.AST]:
    """Yield the nodes of a module, those inside functions too; those for type checkers only on demand."""
    stack: list[ast.AST] = [ast.parse(text(path))]
    while stack:
        node = stack.pop()
        yield node
        stack += node.orelse if for_type_checkers(node) and not typing else ast.iter_child_nodes(node)  # type: ignore[attr-defined]


@functools.cache
def named(path: Path, *, typing: bool = True) -> frozenset[str]:
    """Return the names within the package that a module imports, inside functions too."""
    found = set()
    for node in statements(path, typing):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return frozenset(name for name in found if name.split(".")[0] == "energy_gym")


def module_of(name: str) -> str:
    """Return the module that an imported name is, or is taken from."""
    return name if name in MODULES else name.rpartition(".")[0]


def exists(name: str) -> bool:
    """Return whether a dotted name is a module, or something that its longest module speaks of."""
    parts = name.split(".")
    module = next(start for end in range(len(parts), 0, -1) if (start := ".".join(parts[:end])) in MODULES)
    rest = parts[module.count(".") + 1 :]
    return not rest or re.search(rf"\b{rest[0]}\b", text(MODULES[module])) is not None


def imported(path: Path) -> set[str]:
    """Return the rooms of the package that a module imports from, for type checkers too."""
    return {(name.split(".") + [""])[1] for name in named(path)}


def needs() -> dict[str, set[str]]:
    """Return for each module the modules that running it can import, whether at once or later."""
    return {
        module: {module_of(name) for name in named(path, typing=False)} - {module} for module, path in MODULES.items()
    }


def reached(start: str, graph: dict[str, set[str]]) -> set[str]:
    """Return the modules that a module leads to."""
    found: set[str] = set()
    waiting = list(graph[start])
    while waiting:
        module = waiting.pop()
        if module not in found:
            found.add(module)
            waiting += graph[module]
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_down_the_floors(path: Path) -> None:
    own = home(path)
    assert own in FLOOR, f"{own} has no floor yet: give it one in this test and in ARCHITECTURE.md"
    for room in {(name.split(".") + [""])[1] for name in named(path, typing=False)} - {own}:
        assert room in FLOOR, f"{own} imports {room or 'the face of the package'}, which has no floor below it"
        assert FLOOR[room] < FLOOR[own], f"{own} imports {room}, which does not stand below it"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_even_types_are_not_taken_from_above(path: Path) -> None:
    for room in imported(path) - {home(path)}:
        assert FLOOR[room] <= FLOOR[home(path)], f"{home(path)} takes types from {room}, which stands above it"


def test_the_architecture_shows_the_same_floors() -> None:
    shown = re.findall(r"^\| (\d+) \| ([^|]+) \|", text(CHECKOUT / "ARCHITECTURE.md"), re.MULTILINE)
    assert [(int(floor), *rooms.split(", ")) for floor, rooms in shown] == [
        (floor, *rooms) for floor, rooms in enumerate(FLOORS)
    ]


def test_every_module_that_is_imported_exists() -> None:
    missing = {
        f"{module}: {name}"
        for module, path in MODULES.items()
        for name in named(path)
        if module_of(name) not in MODULES
    }
    assert not missing


def test_every_module_that_is_named_in_text_exists() -> None:
    """Registries and faces name what they import later: ``"energy_gym.agents.mpc:MPC"``."""
    missing = {
        f"{module}: {name}"
        for module, path in MODULES.items()
        for name in re.findall(r"[\"`](energy_gym(?:\.\w+)+)(?=[:\"`])", text(path))
        if not exists(name)
    }
    assert not missing


def test_no_two_modules_need_each_other() -> None:
    graph = needs()
    leads_to = {module: reached(module, graph) for module in graph}
    circles = {
        tuple(sorted({module, *(other for other in leads_to[module] if module in leads_to[other])}))
        for module in graph
        if module in leads_to[module]
    }
    assert not circles, "\n".join(f"{len(circle)} modules: {', '.join(circle)}" for circle in sorted(circles))


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


@pytest.mark.parametrize("module", ["energy_gym", "energy_gym.cli"])
def test_nothing_heavy_comes_with_the_package(module: str) -> None:
    loaded = run(f"import sys, {module}; print(*{{name.split('.')[0] for name in sys.modules}})").split()
    assert not set(loaded) & set(HEAVY)
    assert "numpy" in loaded


def test_making_and_playing_needs_no_torch_and_no_solver() -> None:
    code = (
        "import sys, gymnasium, energy_gym\n"
        "env = gymnasium.make('energy_gym/Arbitrage-v1'); env.reset(seed=1); env.step(env.action_space.sample())\n"
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
