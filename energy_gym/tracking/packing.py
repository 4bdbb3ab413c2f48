"""An agent and its environment as what a tracker keeps of them: files, a signature, the splits of the data.

One rule: it is packed where it was trained, as bytes, so that workers of a cluster need share no folder.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from energy_gym.agents.base import FILE, read_saved
from energy_gym.agents.records.keywords import environment_id, plain_keywords
from energy_gym.data.fingerprint import feed_hash
from energy_gym.data.splitting import PARTS
from energy_gym.errors import EnergyGymError
from energy_gym.evaluation.hub_cards import write_cards
from energy_gym.tracking.protocol import Input, Model

TASK = "task.json"


@dataclass(frozen=True)
class Packed:
    """What is kept of a run's agent and data.

    Args:
        files: Content of the agent's folder, by file name; none where it cannot be saved.
        settings: What it was trained with, by name.
        inputs: The splits of its data.
        scenario: The scenario, as YAML.
        slots: Figures of an observation.
        actions: Figures of an action.
        discrete: Whether an action is the number of a level.
    """

    files: dict[str, bytes]
    settings: dict[str, Any]
    inputs: tuple[Input, ...]
    scenario: str
    slots: int
    actions: int
    discrete: bool

    def model(self, name: str, score: float, task: str) -> Model | None:
        """Return what is registered; None where the agent cannot be saved."""
        if not self.files:
            return None
        plain = re.sub(r"[^\w.-]+", "-", name)
        return Model(plain, self.files, self.slots, self.actions, self.discrete, score, task)


def packed(agent: Any, env: Any) -> Packed:
    """Return what is kept of an agent and its environment.

    Example:
        >>> import gymnasium as gym
        >>> from energy_gym.agents import make_agent
        >>> env = gym.make("energy_gym/Arbitrage-v1", split="test")
        >>> kept = packed(make_agent("threshold", env).fit(), env)
        >>> sorted(kept.files), [its.split for its in kept.inputs]
        (['README.md', 'agent.yaml', 'data-card.md', 'task.json'], ['train', 'validation', 'test'])
    """
    base = env.unwrapped
    files, settings = _saved(getattr(agent, "agent", agent), base)
    levels = base.setup.levels
    shape = len(base.layout), base.setup.controls, levels is not None
    return Packed(files, settings, inputs_of(base), base.scenario.to_yaml(), *shape)


def _saved(agent: Any, base: Any) -> tuple[dict[str, bytes], dict[str, Any]]:
    if not hasattr(agent, "save"):
        return {}, {}
    with TemporaryDirectory() as folder:
        home = Path(folder)
        try:
            agent.save(home)
        except EnergyGymError:
            return {}, {}
        if (home / FILE).is_file():
            write_cards(home)
        task = {"id": environment_id(base), "keywords": plain_keywords(base)}
        (home / TASK).write_text(json.dumps(task, indent=1), encoding="utf-8")
        files = {path.relative_to(home).as_posix(): path.read_bytes() for path in home.rglob("*") if path.is_file()}
        return dict(sorted(files.items())), _settings(home)


def _settings(home: Path) -> dict[str, Any]:
    """Return the single figures and words that a saved agent states as its parameters."""
    if not (home / FILE).is_file():
        return {}
    told: Mapping[str, Any] = read_saved(home / FILE)["parameters"]
    flat = {**told, **(told.get("settings") or {})}
    return {key: value for key, value in flat.items() if isinstance(value, str | int | float)}


def inputs_of(base: Any) -> tuple[Input, ...]:
    """Return the splits that the environment's data have; those of a frame that nobody split are one."""
    own = base.setup.feed.own and base.keywords.get("split") is None and base.keywords.get("splits") is None
    if own:
        return (_input("all", base),)
    found = []
    for split in PARTS:
        try:
            found.append(_input(split, base.variant(split=split)))
        except EnergyGymError:
            continue  # the data have no such part
    return tuple(found)


def _input(split: str, base: Any) -> Input:
    setup = base.setup
    ends = setup.time(0), setup.time(setup.steps - 1)
    first, last = (moment.tz_convert("UTC") for moment in ends)
    return Input(setup.feed.title, split, feed_hash(setup.feed), first.isoformat(), last.isoformat(), int(setup.steps))
