"""What an installation needs: entry points, extras, bounds, and ids that can be registered twice."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
import tomllib
import warnings
from pathlib import Path
from typing import Any

import gymnasium as gym
import pytest
import yaml

import energy_gym
from energy_gym.scenarios.registration import SCENARIOS, register_envs

ROOT = Path(__file__).resolve().parents[1]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
HEAVY = ("torch", "pandas", "pyomo", "scipy", "matplotlib", "sqlalchemy", "pooch", "stable_baselines3")


def names(requirements: list[str]) -> set[str]:
    """Return the bare names of requirements; an extra of our own stands for what it holds."""
    found: set[str] = set()
    for requirement in requirements:
        own = re.fullmatch(r"energy-gym\[(.*)\]", requirement)
        if own:
            for extra in own[1].split(","):
                found |= names(PROJECT["project"]["optional-dependencies"][extra])
        else:
            found.add(re.split(r"[<>=!~\[; ]", requirement)[0])
    return found


def test_the_distribution_is_named_and_bounded() -> None:
    project = PROJECT["project"]
    assert project["name"] == "energy-gym"
    assert project["requires-python"] == ">=3.11"
    assert "gymnasium>=0.29.1,<2" in project["dependencies"]
    assert PROJECT["tool"]["hatch"]["version"]["path"] == "energy_gym/version.py"


def test_what_is_said_of_the_project_agrees() -> None:
    """The Python versions that are named are those that are checked; a citation is of this version."""
    named = [item.rpartition(" ")[2] for item in PROJECT["project"]["classifiers"] if re.search(r":: 3\.\d+$", item)]
    if not (ROOT / ".github").is_dir():
        pytest.skip("not a checkout")
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8"))
    assert workflow["jobs"]["check"]["strategy"]["matrix"]["python"] == named
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == energy_gym.__version__
    assert citation["license"] == PROJECT["project"]["license"]


def test_no_address_is_made_up() -> None:
    urls = list(PROJECT["project"].get("urls", {}).values())
    assert not [url for url in urls if re.search(r"example|your|localhost|TODO", url, re.IGNORECASE)]


PAGES = (
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    *sorted(f"docs/{path.name}" for path in ROOT.glob("docs/*.md")),
)


@pytest.mark.parametrize("page", PAGES)
def test_links_between_pages_lead_somewhere(page: str) -> None:
    place = ROOT / page
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)", place.read_text(encoding="utf-8"))
    assert not [target for target in targets if not (place.parent / target).exists()]


@pytest.mark.parametrize(
    "target",
    [PROJECT["project"]["scripts"]["energy-gym"], *PROJECT["project"]["entry-points"]["gymnasium.envs"].values()],
)
def test_an_entry_point_leads_to_a_function(target: str) -> None:
    module, _, attribute = target.partition(":")
    assert callable(getattr(importlib.import_module(module), attribute))


def test_gymnasium_finds_the_ids_by_the_entry_point() -> None:
    assert PROJECT["project"]["entry-points"]["gymnasium.envs"] == {
        "energy_gym": f"{register_envs.__module__}:{register_envs.__name__}"
    }


def test_extras() -> None:
    extras = PROJECT["project"]["optional-dependencies"]
    assert {"plot", "sql", "sb3", "offline", "imitation", "test", "all"} <= set(extras)
    assert "matplotlib" in names(extras["plot"])
    assert "sqlalchemy" in names(extras["sql"])
    assert {"pytest", "hypothesis", "matplotlib", "sqlalchemy"} <= names(extras["test"])
    assert {"matplotlib", "sqlalchemy", "stable-baselines3", "d3rlpy", "imitation"} <= names(extras["all"])


def test_nothing_of_an_extra_is_a_dependency() -> None:
    extras = PROJECT["project"]["optional-dependencies"]
    optional = names([f"energy-gym[{name}]" for name in extras if name not in ("test", "lint", "all")])
    assert not optional & names(PROJECT["project"]["dependencies"])


def test_what_an_error_tells_to_install_exists() -> None:
    told = {
        (package, extra)
        for path in (ROOT / "energy_gym").rglob("*.py")
        for package, extra in re.findall(r'MissingExtraError\.of\("([^"]+)", "([^"]+)"\)', path.read_text("utf-8"))
    }
    assert told
    for package, extra in told:
        assert package in names([f"energy-gym[{extra}]"])


def test_folders_that_are_data_are_no_packages() -> None:
    for folder in ("agents", "datasets", "benchmarks", "tests"):
        assert not list((ROOT / folder).glob("**/__init__.py"))
    assert (ROOT / "energy_gym" / "py.typed").is_file()


def test_the_wheel_is_told_to_carry_the_data() -> None:
    included = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    inside = {f"benchmarks/{name}": f"energy_gym/benchmarks/{name}" for name in ("suites", "studies")}
    assert included == {"datasets": "energy_gym/datasets", **inside, "agents": "energy_gym/recipe_files"}
    assert all((ROOT / folder).is_dir() for folder in included)


def test_registering_twice_warns_of_nothing_and_keeps_the_specs() -> None:
    before = {name: gym.spec(name) for name in SCENARIOS}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        register_envs()
    assert all(gym.spec(name) is spec for name, spec in before.items())


def test_every_id_leads_to_its_classes() -> None:
    for module, single, batch in SCENARIOS.values():
        home = importlib.import_module(module)
        assert all(getattr(home, name).__doc__ for name in (single, batch))


def test_every_public_name_can_be_had() -> None:
    assert set(energy_gym.__all__) <= set(dir(energy_gym))
    for name in energy_gym.__all__:
        assert getattr(energy_gym, name) is not None
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = energy_gym.no_such_name


def test_importing_loads_nothing_heavy() -> None:
    code = f"import sys, energy_gym; print([name for name in {HEAVY} if name in sys.modules])"
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert (result.stdout.strip(), result.stderr) == ("[]", "")


def test_the_page_of_the_dashboard_comes_with_its_licences() -> None:
    """What lies in the package is in the wheel, unless git ignores it; the licence of what is not ours is named."""
    static = ROOT / "energy_gym" / "dashboard" / "static"
    assert PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"] == ["energy_gym"]
    files = sorted(path for path in static.rglob("*") if path.is_file())
    assert {"index.html", "app.js", "uPlot.iife.min.js", "uPlot.min.css"} <= {path.name for path in files}
    assert "energy_gym/dashboard/static/vendor/uPlot.LICENSE" in PROJECT["project"]["license-files"]
    if (ROOT / ".git").exists():
        told = subprocess.run(["git", "check-ignore", *map(str, files)], cwd=ROOT, capture_output=True, check=False)
        assert told.returncode == 1, told.stdout
