"""Agents under stress: what they learnt goes with them, every circumstance has its own optimum, nobody is dropped."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest

import energy_gym
from energy_gym.agents import make_agent, validation
from energy_gym.errors import ConfigurationError, UnknownIdError
from energy_gym.forecast.disturbed import Missing, Worse
from energy_gym.leaderboard.runs import Run
from energy_gym.leaderboard.stress import STRESSES, carried, stressed
from energy_gym.leaderboard.stress_board import run_stress
from energy_gym.leaderboard.suites import Suite, Task
from energy_gym.scenarios.registration import SCENARIOS

ID = "energy_gym/Arbitrage-v1"
DAY = {"split": "test", "episode_steps": 24}
OWN = """
class Learns:
    learns = True

    def __init__(self, env, seed):
        self.env = env

    def fit(self, **_):
        return self

    def act(self, observation, info):
        return [0.5]

    def reset(self):
        pass


class Breaks:
    def __init__(self, env, seed):
        self.much = env.unwrapped.scenario.battery.capacity_kwh

    def act(self, observation, info):
        if self.much < 10.0:
            raise RuntimeError("never saw such a battery")
        return [0.5]

    def reset(self):
        pass
"""


# Circumstances that an id, as it is made by default, knows nothing of.
NOWHERE = {
    "energy_gym/Bidding-v1": ("other-zone", "worn-battery"),
    "energy_gym/Commercial-v1": ("other-zone", "crisis"),
    "energy_gym/FleetReserve-v1": ("other-zone", "worn-battery"),
    "energy_gym/HomeSolar-v1": ("other-zone", "crisis"),
    "energy_gym/Microgrid-v1": ("other-zone", "crisis"),
    "energy_gym/Scenario-v1": ("other-zone", "crisis"),
}
# The others take seconds each to be made anew.
SLOW = pytest.mark.slow
QUICK = ("energy_gym/Arbitrage-v1", "energy_gym/Microgrid-v1")
EACH = [name if name in QUICK else pytest.param(name, marks=SLOW) for name in sorted(SCENARIOS)]


def suite_of(*agents: str, id: str = ID, **keywords: Any) -> Suite:
    return Suite("tiny", "Tiny", "A day.", agents, (Task("day", id, {**DAY, **keywords}),))


def made(id: str = ID, **keywords: Any) -> Any:
    return gym.make(id, **{**DAY, **keywords}).unwrapped


def test_each_circumstance_is_what_it_says() -> None:
    env = made()
    swung, worn, other = (stressed(env, name) for name in ("crisis", "worn-battery", "other-zone"))
    mean = env.setup.feed.statistics["price_per_mwh"].mean
    np.testing.assert_allclose(swung.setup.price - mean, 3.0 * (env.setup.price - mean), rtol=1e-9, atol=1e-9)
    assert swung.layout == env.layout
    assert worn.scenario.battery.capacity_kwh == 0.7 * env.scenario.battery.capacity_kwh
    assert worn.setup.price.tolist() == env.setup.price.tolist()
    assert other.setup.feed.dataset == "synthetic"
    for name in ("missing-data", "bad-forecast"):
        there = stressed(env, name)
        assert there.setup.price.tolist() == env.setup.price.tolist()
        assert there.layout == env.layout
    with pytest.raises(UnknownIdError, match="stress 'drought'"):
        stressed(env, "drought")


@pytest.mark.parametrize(
    "id", [name if name in QUICK else pytest.param(name, marks=SLOW) for name in sorted(SCENARIOS)]
)
@pytest.mark.parametrize("name", STRESSES)
def test_every_id_is_stressed_or_says_why_not(id: str, name: str) -> None:
    env = made(id, split="train", episode_steps=4)
    if name in NOWHERE.get(id, ()):
        with pytest.raises(ConfigurationError, match=r"choose another stress|play one as a task"):
            stressed(env, name)
        return
    there = stressed(env, name)
    there.reset(seed=0)
    while there.steps_left[0] < there.steps_left[1]:
        observation, *_ = there.step(there.action_space.sample() * 0.0)
        assert there.observation_space.contains(observation)


def test_what_was_learnt_goes_along(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("stable_baselines3")
    from energy_gym.agents.sb3 import DQN

    monkeypatch.setattr(validation, "MOST_WEEKS", 1)
    env = made(actions="discrete-3")
    agent = DQN(env, seed=0, hidden=[8], num_envs=4).fit(budget=100)
    run = Run(Task("day", ID, {**DAY, "actions": "discrete-3"}), "dqn", 0)
    for name in STRESSES:
        there = stressed(env, name)
        moved = carried(run, agent, there)
        assert moved.env is there
        assert agent.actor is not None
        assert moved.actor.to_bytes() == agent.actor.to_bytes()


def test_a_table_with_everybody(tmp_path: Path) -> None:
    frame = run_stress(suite_of("idle", "threshold", "mpc"), tmp_path, workers=1)
    assert len(frame) == 3 * len(STRESSES)
    assert (frame["error"] == "").all()
    assert (frame["regret"] >= 0.0).all()
    np.testing.assert_allclose(frame["distance"], frame["score"] - frame["own"])
    idle = frame[frame["agent"] == "idle"]
    assert idle["score"].tolist() == idle["distance"].tolist() == [0.0] * len(STRESSES)
    # A plan on prices that did not arrive is worse than one on those that were published.
    mpc = frame[frame["agent"] == "mpc"].set_index("stress")
    assert mpc.loc["crisis", "own"] == mpc.loc["worn-battery", "own"]
    # The figures are those of an episode that is played by hand.
    there = stressed(made(), "worn-battery")
    by_hand = energy_gym.evaluate(make_agent("mpc", there).fit(), there, seed=0)
    assert mpc.loc["worn-battery", "score"] == pytest.approx(by_hand.score, abs=1e-9)
    kept = json.loads((tmp_path / "stress.json").read_text(encoding="utf-8"))
    assert set(kept["stresses"]) == set(STRESSES)
    assert len(kept["rows"]) == len(frame)
    page = (tmp_path / "STRESS.md").read_text(encoding="utf-8")
    assert "| mpc |" in page
    assert "Without a figure" not in page


def test_who_breaks_under_stress_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "strained.py").write_text(OWN, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    agents = ("idle", "strained:Learns", "strained:Breaks")
    frame = run_stress(suite_of(*agents), tmp_path / "out", workers=1)
    told = frame.set_index(["agent", "stress"])["error"]
    assert len(told) == 3 * len(STRESSES)
    assert (told["idle"] == "").all()
    assert told["strained:Learns"].str.contains("has no save").all()
    assert "never saw such a battery" in told["strained:Breaks", "worn-battery"]
    assert told["strained:Breaks", "crisis"] == ""
    page = (tmp_path / "out" / "STRESS.md").read_text(encoding="utf-8")
    assert "day, worn-battery: strained:Breaks: RuntimeError: never saw such a battery" in page


def test_circumstances_that_do_not_exist_are_told(tmp_path: Path) -> None:
    frame = run_stress(suite_of("idle", id="energy_gym/FleetReserve-v1"), tmp_path, workers=1)
    told = frame.set_index("stress")["error"]
    assert set(told.index) == set(STRESSES)
    assert "has not one battery alone" in told["worn-battery"]


def test_a_missing_extra_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "d3rlpy", None)
    frame = run_stress(suite_of("idle", "cql"), tmp_path, workers=1)
    assert frame[frame["agent"] == "cql"]["error"].str.contains("d3rlpy").all()
    assert len(frame) == 2 * len(STRESSES)


@pytest.mark.parametrize("forecast", [Missing(share=0.4, hours=5.0), Worse(factor=10.0)], ids=["missing", "worse"])
def test_a_disturbed_forecast_knows_no_more_of_the_future(forecast: Any, site: pd.DataFrame) -> None:
    changed = site.copy()
    changed.iloc[150:] = changed.iloc[150:].to_numpy()[::-1]
    own, other = (_rows_of(data, forecast, site) for data in (site, changed))
    if isinstance(forecast, Missing):
        np.testing.assert_array_equal(own[:150], other[:150])
        return
    # The size of the errors is one figure, measured over all data; when they are how large is not told by any.
    ours, theirs = own - _rows_of(site, "published", site), other - _rows_of(changed, "published", site)
    kept = ours[:138] != 0.0
    shares = ours[:138][kept] / theirs[:138][kept]
    assert kept.mean() > 0.9
    np.testing.assert_allclose(shares, shares[0], rtol=1e-6)


def _rows_of(data: pd.DataFrame, forecast: Any, reference: pd.DataFrame) -> Any:
    given = {"split": "all", "episode_steps": None, "horizon": 12, "reference": reference, "published": "after"}
    env: Any = gym.make("energy_gym/Microgrid-v1", data=data, forecast=forecast, **given)
    return env.unwrapped.setup.tape.ahead["load_kw"]


@pytest.mark.parametrize("wrong", [{"share": 1.0}, {"share": -0.1}, {"hours": 0.0}, {"hours": 25.0}])
def test_what_cannot_be_missing(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(wrong))):
        Missing(**wrong)


@pytest.mark.parametrize("factor", [-1.0, float("nan"), float("inf")])
def test_what_cannot_be_worse(factor: float) -> None:
    with pytest.raises(ConfigurationError, match="factor"):
        Worse(factor=factor)
