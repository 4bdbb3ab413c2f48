"""An experiment: a task, its scenario, a forecast and an agent as one tree of fields, and which of them are varied.

One rule: the tree that a point is made of holds every field with its value, so that whatever may be varied has a name,
and what cannot be varied is refused.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gymnasium as gym
import yaml

from energy_gym.agents.registry import AGENTS, agent_factory
from energy_gym.envs.env import EnergyEnv
from energy_gym.envs.keywords import AIMS
from energy_gym.envs.setup import make_setup
from energy_gym.envs.written import FRAMES, from_words
from energy_gym.errors import ConfigurationError, UnknownIdError
from energy_gym.forecast import get_forecast
from energy_gym.paths import resource
from energy_gym.scenario import Scenario
from energy_gym.trees import build, check_keys, mapping
from energy_gym.yaml_files import parsed

STUDIES = ("benchmarks", "studies")
PARTS = ("task", "scenario", "forecast", "agent")
DEFAULT_ID = "energy_gym/Arbitrage-v1"
ORACLE = "oracle"
# What the scenario says, or a file of one's own, which has no default.
APART = ("data", "reference", "scenario", "battery", "objective", *AIMS, "forecast")
Tree = dict[str, Any]


@dataclass(frozen=True)
class Experiment:
    """What is played, which fields are varied, and what is drawn of it.

    Args:
        name: Its name: that of its file.
        title: What it asks, in a line.
        description: What it does.
        base: Fields that differ from their defaults, under ``task``, ``scenario``, ``forecast``, ``agent``.
        sweep: Values by field, as a list or in Hydra's words (``range(0, 100, 20)``, ``choice(a, b)``, ``1, 2``).
        plot: What is drawn; see `energy_gym.sweeps.drawing`.

    Example:
        >>> Experiment.read("carbon-price").title
        'What a tonne avoided costs'
    """

    name: str
    title: str
    description: str = ""
    base: Mapping[str, Any] = field(default_factory=dict)
    sweep: Mapping[str, Any] = field(default_factory=dict)
    plot: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, name: str | Path) -> Experiment:
        """Read a study that ships with the package by name, or an experiment by the path of its YAML file.

        Raises:
            UnknownIdError: No such study.
            ConfigurationError: The file is broken; the message names the field.
        """
        path = Path(name) if str(name).endswith((".yaml", ".yml")) else resource(*STUDIES) / f"{name}.yaml"
        if not path.is_file():
            raise UnknownIdError.of("study", str(name), study_ids())
        try:
            tree = parsed(path.read_text(encoding="utf-8")) or {}
            return cls.from_tree(path.stem, _with_places(tree, path.parent))
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"{path.name}", f"cannot be read ({error})", "correct the file") from error

    @classmethod
    def from_tree(cls, name: str, tree: Any) -> Experiment:
        """Return an experiment from what its file holds.

        Raises:
            ConfigurationError: An unknown key, or a part that is no mapping.

        Example:
            >>> Experiment.from_tree("mine", {"sweep": {"agent.name": ["idle", "mpc"]}}).title
            'mine'
        """
        top = mapping(tree, name)
        check_keys(top, ("title", "description", *PARTS, "sweep", "plot"), name)
        parts = {part: mapping(top.get(part, {}), part) for part in (*PARTS, "sweep", "plot")}
        texts = (str(top.get("title", name)), str(top.get("description", "")).strip())
        return cls(name, *texts, {part: parts[part] for part in PARTS}, parts["sweep"], parts["plot"])

    def selection(self) -> Tree:
        """Return the part of the tree that decides which other fields there are."""
        task = {"id": DEFAULT_ID, **task_defaults(), **self.base.get("task", {})}
        names = {part: self.base.get(part, {}).get("name", usual) for part, usual in USUAL.items()}
        return {"task": task, **{part: {"name": name} for part, name in names.items()}}

    def tree(self, selected: Tree) -> Tree:
        """Return the whole tree for what is selected: task, and the names of forecast and agent.

        Raises:
            ConfigurationError: A field of the file that is not known, or a bad value.
        """
        scenario = _overlaid(scenario_tree(json.dumps(selected["task"], sort_keys=True)), self.base.get("scenario", {}))
        made: Tree = {"task": dict(selected["task"]), "scenario": scenario}
        for part, known in (("forecast", forecast_fields), ("agent", agent_fields)):
            name, given = str(selected[part]["name"]), dict(self.base.get(part, {}))
            own = given.pop("name", USUAL[part]) == name
            fields = known(name)
            if own:
                check_keys(given, ("name", *fields), part)
            made[part] = {"name": name, **fields, **{key: given[key] for key in given if key in fields}}
        return made


USUAL = {"forecast": "published", "agent": "mpc"}


def study_ids() -> tuple[str, ...]:
    """Return the names of the studies that ship with the package.

    Example:
        >>> "carbon-price" in study_ids()
        True
    """
    return tuple(sorted(path.stem for path in resource(*STUDIES).glob("*.yaml")))


def task_defaults() -> Tree:
    """Return the keywords of an environment that a task may state, with their defaults.

    Example:
        >>> task_defaults()["actions"]
        'continuous'
    """
    parameters = inspect.signature(make_setup).parameters
    return {name: item.default for name, item in parameters.items() if name not in APART}


def forecast_fields(name: str) -> Tree:
    """Return the settings of a forecast.

    Example:
        >>> forecast_fields("noise")
        {'mae': 10.0, 'growing': False, 'seed': 0}
    """
    made: Any = get_forecast(name)
    if not dataclasses.is_dataclass(made):
        return {}
    values = {item.name: getattr(made, item.name) for item in dataclasses.fields(made) if item.init}
    return {key: list(value) if isinstance(value, tuple) else value for key, value in values.items()}


def agent_fields(name: str) -> Tree:
    """Return seed, budget and settings of an agent; ``oracle`` is the proven optimum, played.

    Example:
        >>> agent_fields("idle")
        {'seed': 0, 'budget': None}
    """
    if name == ORACLE:
        return {"seed": 0}
    if name not in AGENTS and ":" not in name:
        raise UnknownIdError.of("agent", name, (*AGENTS, ORACLE))
    factory = agent_factory(name)
    settings: Tree = {}
    if factory.learns and name in AGENTS:
        from energy_gym.agents.default_settings import defaults

        settings = {key: value for key, value in defaults(name).items() if key != "budget"}
    own = inspect.signature(factory.make).parameters.values()
    plain = (item for item in own if item.name not in ("env", "seed") and item.default is not item.empty)
    return {"seed": 0, "budget": None, **settings, **{item.name: item.default for item in plain}}


def _with_places(tree: Any, folder: Path) -> Any:
    """Return an experiment's tree in which the paths of a task's own data start in the folder of its file."""
    task = tree.get("task") if isinstance(tree, Mapping) else None
    if not isinstance(task, Mapping):
        return tree
    paths = {name: str(folder / task[name]) for name in FRAMES if isinstance(task.get(name), str)}
    return {**tree, "task": {**task, **paths}}


def environment_class(task: Mapping[str, Any]) -> type[EnergyEnv]:
    """Return the class of a task's environment.

    Raises:
        UnknownIdError: An unknown id.
        ConfigurationError: One that asks for bids.
    """
    from energy_gym.scenarios.registration import MARKETS, SCENARIOS, current_id

    name = current_id(str(task["id"]))
    if name not in SCENARIOS:
        raise UnknownIdError.of("environment", name, SCENARIOS)
    if name in MARKETS:
        raise ConfigurationError(
            f"task.id={name!r}",
            "asks for bids, and has no scenario of entities whose power is set, as a study varies",
            "choose another id",
        )
    entry: Any = gym.envs.registration.load_env_creator(str(gym.spec(name).entry_point))
    return entry


def keywords_of(task: Mapping[str, Any]) -> Tree:
    """Return a task's keywords, completed as its id does."""
    given = {name: value for name, value in task.items() if name != "id" and not _left(name, value)}
    return environment_class(task).complete(from_words(given))


def _left(name: str, value: Any) -> bool:
    """Return whether a keyword is left to its default; None means the whole split where it is the length."""
    return value is None and name != "episode_steps"


@functools.lru_cache(maxsize=64)
def _scenario_text(task: str) -> str:
    chosen = keywords_of(json.loads(task)).get("scenario")
    return (Scenario() if chosen is None else Scenario.read(chosen)).to_yaml()


def scenario_tree(task: str) -> Tree:
    """Return the scenario that a task, as JSON, brings with it: every field with its value."""
    tree: Tree = yaml.safe_load(_scenario_text(task))
    return tree


def _overlaid(base: Tree, given: Mapping[str, Any]) -> Tree:
    """Return a scenario's tree with what a file says in its place; all fields of what it adds are there."""
    check_keys(given, base, "scenario")
    plain, linked = _split(given)
    merged = {**base, **{key: value for key, value in plain.items() if not isinstance(value, Mapping)}}
    for part in ("entities", "contracts"):
        own = {name: _member(base[part], name, item) for name, item in plain.get(part, {}).items()}
        dropped = {name for name, item in given.get(part, {}).items() if item is None}
        merged[part] = {name: item for name, item in {**base[part], **own}.items() if name not in dropped}
    for part in ("clock", "objective"):
        merged[part] = {**base[part], **plain.get(part, {})}
    full: Tree = yaml.safe_load(read_scenario(merged).to_yaml())
    return _joined(full, linked)


def _member(members: Mapping[str, Any], name: str, item: Any) -> Any:
    """Return an entity or a contract with new figures; one of another kind starts from that kind's defaults."""
    old = members.get(name)
    if old is None or item is None or item.get("kind", name) != old.get("kind", name):
        return item
    return {**old, **item}


def _split(tree: Mapping[str, Any]) -> tuple[Tree, Tree]:
    """Return a tree apart from its references to other fields (``${...}``), and these alone."""
    plain: Tree = {}
    linked: Tree = {}
    for key, value in tree.items():
        if isinstance(value, Mapping):
            plain[key], inner = _split(value)
            if inner:
                linked[key] = inner
        elif isinstance(value, str) and "${" in value:
            linked[key] = value
        else:
            plain[key] = value
    return plain, linked


def _joined(tree: Tree, more: Mapping[str, Any]) -> Tree:
    merged = dict(tree)
    for key, value in more.items():
        merged[key] = _joined(merged.get(key, {}), value) if isinstance(value, Mapping) else value
    return merged


def read_scenario(tree: Mapping[str, Any]) -> Scenario:
    """Return the scenario of a tree.

    Raises:
        ConfigurationError: A bad field, with its path.
    """
    return Scenario.from_yaml(yaml.safe_dump(dict(tree), sort_keys=False))


def make_forecast(tree: Mapping[str, Any]) -> Any:
    """Return the forecast of a tree.

    Raises:
        ConfigurationError: A bad setting.

    Example:
        >>> make_forecast({"name": "mean", "days": 3})
        Mean(days=3)
    """
    kind: Any = type(get_forecast(str(tree["name"])))
    return build(kind, {key: value for key, value in tree.items() if key != "name"}, "forecast")
