"""Kinds of task are read off the environment; what a learner starts from on one are settings of its own."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import pytest
import yaml

from energy_gym.agents.default_settings import DEFAULTS, changed_defaults, defaults
from energy_gym.agents.learner import chosen_settings
from energy_gym.agents.registry import agent_class, learner_ids
from energy_gym.agents.task_kinds import KINDS, task_kind

FILES = [(agent, kind) for agent in learner_ids() for kind in KINDS if (DEFAULTS / f"{agent}-{kind}.yaml").is_file()]


@pytest.mark.parametrize(
    ("name", "keywords", "kind"),
    [
        ("Arbitrage", {}, "day-ahead"),
        ("Arbitrage", {"dataset": "synthetic-real-time"}, "real-time"),
        ("HomeSolar", {}, "site"),
        ("Microgrid", {}, "site"),
        ("Commercial", {}, "demand-charge"),
        ("Bidding", {}, "bidding"),
        ("FleetReserve", {}, "fleet"),
    ],
)
def test_the_kind_of_a_task(name: str, keywords: dict[str, Any], kind: str) -> None:
    env: Any = gym.make(f"energy_gym/{name}-v1", **keywords)
    assert task_kind(env.unwrapped) == kind


@pytest.mark.parametrize(("agent", "kind"), FILES)
def test_settings_of_a_kind_are_settings_of_the_agent(agent: str, kind: str) -> None:
    given = changed_defaults(agent, kind)
    found = chosen_settings(agent, defaults(agent), given)
    assert {name: found[name] for name in given} == given


def test_a_learner_starts_from_what_its_kind_says_and_takes_what_is_given() -> None:
    pytest.importorskip("imitation")
    running: Any = gym.make("energy_gym/Arbitrage-v1", dataset="synthetic-real-time")
    made = agent_class("bc")
    assert made(running).settings["expert"] == changed_defaults("bc", "real-time")["expert"]  # type: ignore[attr-defined]
    own = {"policy": "mpc", "noise": 0.0}
    assert made(running, expert=own).settings["expert"] == own  # type: ignore[attr-defined, call-arg]
    known: Any = gym.make("energy_gym/Arbitrage-v1")
    assert made(known).settings == yaml.safe_load((DEFAULTS / "bc.yaml").read_text())  # type: ignore[attr-defined]
