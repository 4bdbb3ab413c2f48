"""Markets whose law is known: what is drawn from it, and its best policy, against every policy of small cases."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest

import energy_gym
from energy_gym import Battery
from energy_gym.agents import make_agent
from energy_gym.data.price_law import PriceLaw, law_ids, price_law
from energy_gym.errors import ConfigurationError, DataError, UnknownIdError
from energy_gym.oracle.marginal import EnergyGrid

STORE = Battery(1000.0, 500.0, 500.0, 0.9, 0.9, soc_min=0.0, soc_max=1.0, wear_per_kwh=0.01)
SMALL = Battery(4.0, 2.0, 1.8, 1.0, 0.9, soc_min=0.0, soc_max=1.0, wear_per_kwh=0.005)


def small_law(seed: int, low: float = 20.0) -> PriceLaw:
    """Return a law of three prices, another in each hour."""
    random = np.random.default_rng(seed)
    levels = np.sort(random.uniform(low, 90.0, (24, 3)), axis=1)
    matrices = random.dirichlet(np.ones(3), (24, 3))
    return PriceLaw(f"small-{seed}", 60, levels, matrices)


def small(law: PriceLaw, steps: int = 6, **keywords: Any) -> Any:
    chosen = {"battery": SMALL, "terminal": "settle", **keywords}
    env = gym.make(
        "energy_gym/Arbitrage-v1", data=law.draw(5, 1), published="at-start", episode_steps=steps, split="all", **chosen
    )
    env.reset(options={"start": "2024-01-02T07:00"})
    return env


def best_of_all(law: PriceLaw, env: Any) -> float:
    """Return what the best of all policies earns on average: each move by whole cells, on each path of prices."""
    base = env.unwrapped
    cell, closing = base.setup.flexibles[0].cell, base.setup.closings[0]
    grid = EnergyGrid.fitting(cell)
    assert grid is not None
    first, stop = base.steps_left
    hours = [base.setup.time(step).tz_convert(law.zone).hour for step in range(first, stop)]

    def worth(step: int, energy: float, state: int) -> float:
        price = float(law.levels[hours[step]][state]) / 1000.0
        found = []
        for move in range(-int(grid.down), int(grid.up) + 1):
            end = energy + move * grid.size_kwh
            if not -1e-9 <= end <= cell.energy_max + 1e-9:
                continue
            stored = end - energy
            flow = stored / cell.efficiency_charge if stored > 0.0 else stored * cell.efficiency_discharge
            earned = -price * flow - cell.wear_per_kwh * max(-flow, 0.0)
            if step + 1 == len(hours):
                owed = base.setup.flexibles[0].initial - end
                earned -= (closing.missing * max(owed, 0.0) - closing.left * max(-owed, 0.0)) / 1000.0
            else:
                chances = law.matrices[hours[step + 1]][state]
                earned += sum(chance * worth(step + 1, end, to) for to, chance in enumerate(chances))
            found.append(earned)
        return max(found)

    return worth(0, base.energy_kwh, law.state_of(float(base.setup.price[first]), hours[0]))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("terminal", ["settle", "free", "buyback"])
def test_three_prices_in_six_hours_are_solved_as_well_as_by_trying_every_policy(seed: int, terminal: str) -> None:
    law = small_law(seed)
    env = small(law, terminal=terminal)
    solution = energy_gym.solve(env, information=law)
    assert solution.exact
    assert solution.value == pytest.approx(best_of_all(law, env), abs=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_what_is_promised_is_earned_on_average(seed: int) -> None:
    law = small_law(seed)
    solution = energy_gym.solve(small(law, 48), information=law)
    earned = solution.simulate(10_000, seed=seed)
    assert abs(earned.mean() - solution.value) < 4.0 * earned.std() / 100.0


def test_a_week_of_new_york_is_solved_and_earned() -> None:
    frame = price_law("markov-nyc-rt").draw(8, seed=3)
    env = gym.make(
        "energy_gym/Arbitrage-v1", data=frame, published="at-start", battery=STORE, episode_steps=288, split="all"
    )
    env.reset(seed=0)
    solution = energy_gym.solve(env, information="law")
    earned = solution.simulate(10_000, seed=1)
    assert solution.exact
    assert "optimal" in solution.status
    assert abs(earned.mean() - solution.value) < 4.0 * earned.std() / 100.0
    assert energy_gym.solve(env).value > 0.0


def test_its_actions_earn_its_mean_and_no_agent_that_cannot_see_the_future_has_a_higher_one() -> None:
    law, days = small_law(7), range(1, 199)
    frame = law.draw(200, seed=2)
    env = gym.make(
        "energy_gym/Arbitrage-v1", data=frame, published="at-start", episode_steps=24, battery=SMALL, split="all"
    )
    best, ahead = [], {"law": [], "threshold": [], "sdp": []}
    agents = {"threshold": make_agent("threshold", env).fit(), "sdp": _sdp(env)}
    for day in days:
        start = {"start": str(frame.index[day * 24])}
        env.reset(options=start)
        solution = energy_gym.solve(env, information=law)
        best.append(solution.value)
        ahead["law"].append(_earned(env, start, lambda observation, info, plan=solution: plan.action(env)) - best[-1])
        for name, agent in agents.items():
            agent.reset()
            ahead[name].append(_earned(env, start, agent.act) - best[-1])
    for name, gaps in ahead.items():
        interval = 3.0 * np.std(gaps) / np.sqrt(len(gaps))
        assert np.mean(gaps) < interval, name
    assert abs(np.mean(ahead["law"])) < 3.0 * np.std(ahead["law"]) / np.sqrt(len(days))
    assert np.mean(ahead["threshold"]) < np.mean(ahead["sdp"])


def _earned(env: Any, start: dict[str, Any], act: Any) -> float:
    observation, info = env.reset(options=start)
    total, done = 0.0, False
    while not done:
        observation, reward, _, done, info = env.step(act(observation, info))
        total += reward
    return total


def _sdp(env: Any) -> Any:
    from energy_gym.agents.sdp.agent import SDP
    from energy_gym.forecast.error_chain import Bins

    return SDP(env, bins=Bins(now=3, tails=(), slow=1, pooled=0)).fit()


def test_an_action_is_short_of_the_best_by_its_advantage() -> None:
    law = small_law(1)
    env = small(law)
    solution = energy_gym.solve(env, information=law)
    short = solution.advantages(np.linspace(-1.0, 1.0, 201))
    assert short.max() == pytest.approx(0.0, abs=1e-9)
    best = float(solution.action(env)[0])
    assert solution.advantages(np.array([best])) == pytest.approx(0.0, abs=1e-12)


def test_where_burning_pays_value_and_bound_bracket() -> None:
    law = small_law(3, low=-400.0)
    env = small(law)
    solution = energy_gym.solve(env, information=law)
    assert solution.value <= best_of_all(law, env) + 1e-9 <= solution.bound + 2e-9
    assert "bracketed" in solution.status or solution.exact


def test_drawn_years_follow_their_law_and_differ_by_seed() -> None:
    law = price_law("markov-west-rt")
    one, other = (law.draw(30, seed)["price_per_mwh"] for seed in (1, 2))
    pd.testing.assert_series_equal(one, law.draw(30, 1)["price_per_mwh"])
    assert (one != other).any()
    for stamp, price in one.iloc[::997].items():
        law.state_of(price, stamp.hour)
    assert len(law_ids()) == 4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"published": "after"}, "known when its step begins"),
        ({"battery": Battery(self_discharge_per_day=0.1)}, "the battery"),
        ({"battery": Battery(4.0, 2.0, 1.8777, 0.93331, 0.91, soc_min=0.0, soc_max=1.0)}, "whole cells"),
        ({"actions": "discrete-3"}, "continuous power"),
        ({"data": price_law("markov-nyc-rt").draw(2)}, "steps of 60 min"),
    ],
)
def test_what_is_not_solved_is_refused(change: dict[str, Any], message: str) -> None:
    law = small_law(0)
    keywords = {"data": law.draw(5), "published": "at-start", "split": "all", "battery": SMALL, "episode_steps": 6}
    env = gym.make("energy_gym/Arbitrage-v1", **{**keywords, **change})
    env.reset(seed=0)
    with pytest.raises(ConfigurationError, match=message):
        energy_gym.solve(env, information=law)


def test_wear_counts_as_the_objective_weighs_it() -> None:
    """Half of a wear of 0.04 is a wear of 0.02, to the law and to what is attainable as to the environment."""
    law, found = small_law(0), []
    for wear, weight in ((0.04, 0.5), (0.02, 1.0), (0.04, 1.0)):
        env = small(law, battery=replace(SMALL, wear_per_kwh=wear), wear_weight=weight)
        best = energy_gym.solve(env, information=law)
        earned = best.simulate(episodes=2_000, seed=1)
        assert abs(earned.mean() - best.value) < 4.0 * earned.std() / 2_000**0.5
        assert energy_gym.attainable(env, law=law, paths=5).bound == pytest.approx(best.value)
        found.append(best.value)
    assert found[0] == pytest.approx(found[1])
    assert found[0] > found[2] + 1e-3


def test_what_is_no_law_is_refused() -> None:
    law = small_law(0)
    with pytest.raises(DataError, match=r"sums to 1\.1"):
        PriceLaw("wrong", 60, law.levels, law.matrices + 0.1 / 3)
    with pytest.raises(DataError, match="rise along"):
        PriceLaw("wrong", 60, law.levels[:, ::-1], law.matrices)
    with pytest.raises(DataError, match=r"4 states from 10 steps in hour 0.*which is 80"):
        PriceLaw.fit("short", np.arange(240.0), np.arange(240) % 24, 4, 60)
    with pytest.raises(DataError, match="is none that law"):
        law.state_of(1e6, 3)
    with pytest.raises(UnknownIdError, match="did you mean 'markov-nyc-rt'"):
        price_law("markov-nyc")
    env = small(law)
    with pytest.raises(ConfigurationError, match="not drawn from a law of the package"):
        energy_gym.solve(env, information="law")
    with pytest.raises(UnknownIdError, match="did you mean 'law'"):
        energy_gym.solve(env, information="laws")
