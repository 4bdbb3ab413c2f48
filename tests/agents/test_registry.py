"""Agents and ids are found in the files that state them: no list beside them has to be kept."""

from __future__ import annotations

import importlib
from pathlib import Path

import energy_gym.agents
from energy_gym.agents import Agent
from energy_gym.agents.registry import AGENTS, _declared
from energy_gym.scenarios import registration

AGENTS_FOLDER = Path(energy_gym.agents.__file__).parent


def subclasses(kind: type) -> set[type]:
    return {kind}.union(*(subclasses(child) for child in kind.__subclasses__()))


def test_every_class_that_has_a_name_is_found_under_it() -> None:
    for path in [*AGENTS_FOLDER.glob("*.py"), *AGENTS_FOLDER.glob("*/agent.py")]:
        importlib.import_module(".".join(("energy_gym.agents", *path.relative_to(AGENTS_FOLDER).with_suffix("").parts)))
    own = {kind for kind in subclasses(Agent) if kind.__module__.startswith("energy_gym.agents.")}
    named = {
        vars(kind)["name"]: f"{kind.__module__}:{kind.__name__}"
        for kind in own
        if "name" in vars(kind) and ".records." not in kind.__module__
    }
    assert named == AGENTS


def test_a_name_belongs_to_the_class_that_states_it(tmp_path: Path) -> None:
    text = (
        "class Planned(Agent):\n    x = 1\n\n"
        'class Bold(Planned):\n    """Its name: ClassVar[str] = "no"."""\n    name: ClassVar[str] = "bold"\n'
        "class Last(Bold):\n    pass\n"
    )
    (tmp_path / "bold").mkdir()
    (tmp_path / "bold" / "agent.py").write_text(text, encoding="utf-8")
    found = dict(_declared(tmp_path / "bold" / "agent.py", tmp_path))
    assert found == {"bold": "energy_gym.agents.bold.agent:Bold"}


def test_every_file_of_a_scenario_states_its_id_and_has_the_classes() -> None:
    folder = Path(registration.__file__).parent
    files = {path.stem for path in folder.glob("*.py") if "VectorEnv(" in path.read_text(encoding="utf-8")}
    assert {module.rpartition(".")[2] for module, _, _ in registration.SCENARIOS.values()} == files
    for name, (module, single, batch) in registration.SCENARIOS.items():
        made = importlib.import_module(module)
        assert made.__doc__ is not None
        assert made.__doc__.startswith(f"``{name}``: ")
        assert issubclass(getattr(made, single).batch_class(), object)
        assert hasattr(made, batch)
