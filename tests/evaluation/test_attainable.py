"""How much can be attained without seeing the future: the dual bound against every policy, and what refuses it."""

from __future__ import annotations

import inspect
from dataclasses import replace
from itertools import product
from typing import Any

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest

import energy_gym
from energy_gym import Battery, attainable
from energy_gym.agents.sdp.agent import SDP
from energy_gym.data.price_law import PriceLaw, price_law
from energy_gym.errors import ConfigurationError, DataError, NonPositiveError, UnsuitableAgentError
from energy_gym.evaluation.regret import decompose
from energy_gym.forecast.error_chain import Bins
from energy_gym.oracle.chain import Paths, Penalty, PriceChain, backward, best_on, between
from energy_gym.oracle.law import chain_of, checked_grid

SMALL = Battery(4.0, 2.0, 1.8, 1.0, 0.9, soc_min=0.0, soc_max=1.0, wear_per_kwh=0.005)
BINS = Bins(now=3, tails=(), slow=1, pooled=0)


def small_law(seed: int, low: float = 20.0) -> PriceLaw:
    """Return a law of three prices, another in each hour."""
    random = np.random.default_rng(seed)
    levels = np.sort(random.uniform(low, 90.0, (24, 3)), axis=1)
    return PriceLaw(f"small-{seed}", 60, levels, random.dirichlet(np.ones(3), (24, 3)))


def small(law: PriceLaw, steps: int = 24, **keywords: Any) -> Any:
    chosen = {"battery": SMALL, "terminal": "settle", "published": "at-start", "split": "all", **keywords}
    env = gym.make("energy_gym/Arbitrage-v1", data=law.draw(60, 1), episode_steps=steps, **chosen)
    env.reset(options={"start": "2024-02-02T07:00"})
    return env


def real(**keywords: Any) -> Any:
    """Return prices around a published profile, of which nobody knows the law."""
    index = pd.date_range("2024-01-01", periods=24 * 150, freq="h", tz="Etc/GMT+5")
    published = 40.0 + 20.0 * np.sin((index.hour.to_numpy() - 9.0) / 24.0 * 2.0 * np.pi)
    actual = published + np.random.default_rng(0).normal(0.0, 15.0, len(index))
    frame = pd.DataFrame({"price_per_mwh": actual, "forecast_price_per_mwh": published}, index)
    chosen = {
        "published": {"price_per_mwh": "at-start", "forecast_price_per_mwh": "day-ahead 11:00"},
        "splits": {"train": ("2024-01-01", "2024-04-01"), "test": ("2024-04-01", "2024-05-27")},
        "split": "test",
        "battery": SMALL,
        **keywords,
    }
    env = gym.make("energy_gym/Arbitrage-v1", data=frame, **chosen)
    env.reset(options={"start": "2024-04-01T00:00"})
    return env


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("terminal", ["settle", "free", "buyback"])
def test_with_the_values_of_the_law_the_bound_is_the_optimum_on_every_path(seed: int, terminal: str) -> None:
    law = small_law(seed)
    env = small(law, terminal=terminal)
    found = attainable(env, law=law, paths=20)
    assert found.bound == pytest.approx(energy_gym.solve(env, information=law).value, abs=1e-9)
    assert found.high - found.low < 1e-9
    assert found.known
    assert found.value == energy_gym.solve(env, information=law).value


@pytest.mark.parametrize("seed", range(3))
def test_with_poor_values_the_bound_lies_above_the_optimum(seed: int) -> None:
    law = small_law(seed)
    env, poor = small(law, 48), replace(small_law(seed), name="poor", matrices=small_law(seed + 50).matrices)
    for worse in ({"cost_to_go": poor}, {"penalty": 0.5}, {"penalty": 0.0}):
        found = attainable(env, law=law, paths=200, **worse)
        assert found.low > found.value, worse


def test_without_a_penalty_each_path_is_played_with_foresight() -> None:
    law = small_law(4, low=-60.0)
    env = small(law).unwrapped
    grid = checked_grid(env, law)
    chain, place = chain_of(env, law, grid), grid.place(env.states[0])
    first, stop = env.steps_left
    prices = env.setup.price[first:stop]
    states = np.array([law.state_of(price, hour) for price, hour in zip(prices, chain.hours, strict=True)])
    ends = np.concatenate([[0.0], np.cumsum(chain.closing) * grid.size_kwh]) + chain.empty
    paths = Paths(prices[:, None] / 1000.0, states[:, None], ends, grid)
    best = between(best_on(paths, chain, Penalty(np.zeros(1)))[0], place)
    assert float(best[0]) == pytest.approx(energy_gym.solve(env).value, abs=1e-9)


def test_the_best_on_a_path_is_that_of_trying_every_plan() -> None:
    random, grid = np.random.default_rng(0), checked_grid(small(small_law(0)).unwrapped, small_law(0))
    matrices = random.dirichlet(np.ones(2), (24, 2))
    prices, steps = random.uniform(-0.1, 0.3, (4, 2)), 4
    chain = PriceChain(grid, matrices, [0, 1, 2, 3], lambda step: prices[step], np.full(grid.cells, 0.05), -0.1)
    states = random.integers(2, size=(steps, 1))
    path = np.array([[prices[step, state]] for step, state in enumerate(states[:, 0])])
    ends = 0.05 * grid.size_kwh * np.arange(grid.cells + 1) - 0.1
    found = best_on(Paths(path, states, ends, grid), chain, Penalty(np.array([0.7])))[0]
    stages = {stage.step: stage for stage in _stages(chain)}
    plans = list(product(range(-int(grid.down), int(grid.up) + 1), repeat=steps))
    for start in (0, grid.cells // 2):
        assert float(found[0, start]) == pytest.approx(
            max(_earned(plan, start, grid, path, states, stages) for plan in plans)
        )


def _stages(chain: PriceChain) -> Any:
    return backward(chain, chain.grid.back)


def _earned(plan: Any, at: int, grid: Any, path: Any, states: Any, stages: Any) -> float:
    total = 0.0
    for step, move in enumerate(plan):
        after = at + move
        if not 0 <= after <= grid.cells:
            return -np.inf
        stored, price = move * grid.size_kwh, float(path[step, 0])
        gain = (price - grid.wear_per_kwh) * grid.efficiency_discharge
        total -= stored * (price / grid.efficiency_charge if stored > 0.0 else gain)
        at = after
        if step + 1 < len(plan):
            now, then, size = int(states[step, 0]), int(states[step + 1, 0]), grid.size_kwh
            stage = stages[step]
            total += 0.7 * float(stage.after.values(size)[now, at] - stage.reached.values(size)[then, at])
    return total + 0.05 * grid.size_kwh * at - 0.1


def test_on_a_real_series_it_is_foresight_without_a_penalty_and_what_sdp_earns_from_below() -> None:
    env = real(episode_steps=24 * 14)
    agent = SDP(env, bins=BINS).fit()
    before = env.unwrapped.states, env.unwrapped.steps_left
    sure = attainable(env, law=agent, penalty=0.0)
    best = energy_gym.solve(env).value
    assert sure.bound == pytest.approx(best, abs=1e-9)
    assert (env.unwrapped.states, env.unwrapped.steps_left) == before
    found = attainable(env, law=agent)
    assert not found.known
    assert found.seed is None
    assert found.low < found.bound < found.high
    assert sum(found.daily.values()) == pytest.approx(found.bound)
    assert len(found.daily) == 14
    played = energy_gym.evaluate(agent, env, options={"start": "2024-04-01T00:00"})
    assert found.value == pytest.approx(played.return_, abs=1e-9)
    assert found.value < found.bound < best


@pytest.mark.parametrize("terminal", ["cyclic", "buyback", "free"])
def test_on_a_real_series_every_end_is_that_of_the_environment(terminal: str) -> None:
    env = real(episode_steps=48, terminal=terminal)
    agent = SDP(env, bins=BINS).fit()
    assert attainable(env, law=agent, penalty=0.0).bound == pytest.approx(energy_gym.solve(env).value, abs=1e-9)


def test_powers_that_fit_no_grid_are_taken_a_little_larger() -> None:
    env = real(episode_steps=48, battery=Battery(4.0, 2.0, 1.8777, 0.93331, 0.91, soc_min=0.0, soc_max=1.0))
    agent, best = SDP(env, bins=BINS).fit(), energy_gym.solve(env).value
    assert best <= attainable(env, law=agent, penalty=0.0).bound < best * 1.01


def test_weeks_are_told_apart_once_there_are_eight() -> None:
    env = real(episode_steps=None)
    agent = SDP(env, bins=BINS).fit()
    found = attainable(env, law=agent)
    half = found.share(found.bound / 2.0, 0.0, {day: part / 2.0 for day, part in found.daily.items()})
    assert half.value == pytest.approx(0.5)
    assert half.high - half.low < 1e-9
    other = found.share(found.bound / 2.0, 0.0, dict.fromkeys(found.daily, found.bound / 2.0 / len(found.daily)))
    assert other.low < 0.5 < other.high


@pytest.mark.parametrize("zone", ["nyc", "longil", "north", "west"])
def test_no_controller_beats_the_bound_on_a_known_market(zone: str) -> None:
    """Ten windows of three hours; what each is short of the bound is printed with ``-s``."""
    from energy_gym.agents import make_agent

    store = Battery(1000.0, 500.0, 500.0, 0.9, 0.9, soc_min=0.0, soc_max=1.0, wear_per_kwh=0.01)
    splits = {"train": ("2024-01-01", "2024-02-20"), "test": ("2024-02-20", "2024-03-01")}
    env = gym.make(
        "energy_gym/Arbitrage-v1",
        data=price_law(f"markov-{zone}-rt").draw(60, seed=5),
        published="at-start",
        battery=store,
        episode_steps=36,
        splits=splits,
        split="test",
        horizon=36,
        forecast="yesterday",
    )
    names = ("sdp", "threshold", "mpc", "uniform", "greedy")
    agents = {"sdp": SDP(env, bins=Bins(now=4, tails=(), slow=1)).fit(), "greedy": _Greedy(env)}
    agents |= {name: make_agent(name, env).fit() for name in names if name not in agents}
    gaps: dict[str, list[float]] = {name: [] for name in agents}
    for day in range(10):
        start = {"start": f"2024-02-{20 + day}T{2 * day + 1:02d}:00"}
        env.reset(options=start)
        bound = attainable(env, paths=10).high
        for name, agent in agents.items():
            gaps[name].append(bound - energy_gym.evaluate(agent, env, options=start).return_)
    for name, gap in gaps.items():
        error = float(np.std(gap, ddof=1)) / np.sqrt(len(gap))
        print(f"{zone}: {name} {np.mean(gap):.2f} +- {error:.2f} USD below the bound")
        assert np.mean(gap) > -2.0 * error, name


class _Greedy:
    """Charges below 20 USD/MWh and discharges above 35, whatever comes."""

    def __init__(self, env: Any) -> None:
        self.env = env.unwrapped

    def act(self, observation: Any, info: Any) -> Any:
        price = self.env.setup.price[self.env.steps_left[0]]
        return np.array([1.0 if price < 20.0 else -1.0 if price > 35.0 else 0.0])


@pytest.mark.parametrize(
    ("change", "keywords", "error", "message"),
    [
        ({}, {"paths": 10}, ConfigurationError, "paths=10: .*the path that came"),
        ({}, {"seed": 1}, ConfigurationError, "seed=1: .*the path that came"),
        (
            {},
            {"cost_to_go": price_law("markov-nyc-rt")},
            ConfigurationError,
            "cost_to_go=markov-nyc-rt: .*the path that came",
        ),
        ({}, {"penalty": 1.5}, ConfigurationError, r"penalty=1\.5: must be a share"),
        ({}, {"penalty": "half"}, ConfigurationError, "penalty='half': must be a finite number"),
        ({"published": "after"}, {}, ConfigurationError, "not yet known when its step begins"),
        ({"published": "day-ahead 11:00"}, {}, ConfigurationError, "is known in advance"),
        ({"battery": Battery(self_discharge_per_day=0.1)}, {}, UnsuitableAgentError, "without standby losses"),
    ],
)
def test_what_is_not_bounded_is_refused(change: Any, keywords: Any, error: type, message: str) -> None:
    env = real(**change, episode_steps=24)
    with pytest.raises(error, match=message):
        attainable(env, law=None if "battery" in change else SDP(env, bins=BINS).fit(), **keywords)


@pytest.mark.parametrize("keyword", [{"law": "markov-nyc-rt"}, {"law": 3}, {"cost_to_go": "markov-nyc-rt"}])
def test_the_name_of_a_law_is_no_law(keyword: dict[str, Any]) -> None:
    """It was left out of account before: the bound was that of a law fitted to the series."""
    with pytest.raises(ConfigurationError, match=r"must be a law itself; pass energy_gym\.price_law"):
        attainable(small(small_law(0)), **keyword)


def test_what_is_no_known_law_is_refused() -> None:
    law = small_law(0)
    with pytest.raises(NonPositiveError, match="paths"):
        attainable(small(law), law=law, paths=0)
    with pytest.raises(ConfigurationError, match="must have the prices of law"):
        attainable(small(law), law=law, cost_to_go=small_law(1))


def test_a_course_loses_nothing_by_the_best_actions_and_its_advantage_by_others() -> None:
    law = small_law(2)
    env = small(law, 12, terminal="buyback")
    solution = energy_gym.solve(env, information=law)
    first, stop = env.unwrapped.steps_left
    start = env.unwrapped.energy_kwh
    for best in (True, False):
        env.reset(options={"start": "2024-02-02T07:00"})
        energies, rewards = [start], []
        for _ in range(stop - first):
            action = solution.action(env) if best else np.array([0.35])
            rewards.append(env.step(action)[1])
            energies.append(env.unwrapped.energy_kwh)
        lost = solution.losses(np.array(energies), np.array(rewards))
        assert lost.min() >= 0.0
        if best:
            assert lost.max() < 1e-9
        else:
            assert lost[0] == pytest.approx(-solution.advantages(np.array([0.35]))[0])
            assert lost.sum() > 0.0


def test_scores_carry_both_yardsticks_where_the_law_is_known() -> None:
    law, start = price_law("markov-west-rt"), {"start": "2024-01-02T07:00"}
    store = Battery(1000.0, 500.0, 500.0, 0.9, 0.9, soc_min=0.0, soc_max=1.0, wear_per_kwh=0.01)
    env = gym.make(
        "energy_gym/Arbitrage-v1",
        data=law.draw(4, 1),
        published="at-start",
        split="all",
        battery=store,
        episode_steps=24,
        actions="discrete-3",
    )
    env.reset(options=start)
    best = energy_gym.solve(env, continuous=True, information="law")
    shares = []
    for action in (0, 1, 2):
        found = energy_gym.evaluate(_Always(action), env, options=start, attainable=True)
        lost, idle = (
            energy_gym.step_regret(_reset(env, start), [always] * 24, information="law").sum() for always in (action, 1)
        )
        assert found.attainable_share == pytest.approx(1.0 - lost / idle)
        assert found.attainable_bound == pytest.approx(best.value)
        shares.append(found.attainable_share)
    assert shares[1] == pytest.approx(0.0, abs=1e-9)
    assert max(shares) <= 1.0
    parts = decompose(_Always(0), env, options=start, attainable=True)
    assert parts.attainable_share == pytest.approx(shares[0])
    foresight = energy_gym.solve(_reset(env, start), continuous=True).bound
    assert parts.unforeseeable == pytest.approx(foresight - best.value)


def test_scores_carry_both_yardsticks_on_a_real_series() -> None:
    env, start = real(episode_steps=24 * 14), {"start": "2024-04-01T00:00"}
    agent = SDP(env, bins=BINS).fit()
    within = attainable(env, law=agent)
    found = energy_gym.evaluate(agent, env, options=start, attainable=within)
    share = (found.return_ - found.idle) / (within.bound - found.idle)
    assert found.attainable_share == pytest.approx(share)
    assert found.attainable_low < share < found.attainable_high < share + 0.2
    assert found.score < found.attainable_share
    with pytest.raises(DataError, match="longer training split"):
        energy_gym.evaluate(lambda observation: [0.0], real(published="after"), attainable=True)


def test_where_nothing_was_asked_nothing_is_told() -> None:
    found = energy_gym.evaluate(_Always(0), small(small_law(0), actions="discrete-3"), seed=1)
    assert np.isnan([found.attainable_bound, found.attainable_share, found.attainable_low, found.attainable_high]).all()


class _Always:
    def __init__(self, action: int) -> None:
        self.action = action

    def reset(self) -> None:
        pass

    def act(self, observation: Any, info: Any) -> int:
        return self.action


def _reset(env: Any, options: Any) -> Any:
    env.reset(options=options)
    return env


def other(name: str, law: PriceLaw) -> dict[str, Any]:
    """Return a value other than the default for each keyword."""
    return {
        "law": replace(law, name="mixed", matrices=np.full((24, 3, 3), 1.0 / 3.0)),
        "cost_to_go": replace(law, name="mixed", matrices=np.full((24, 3, 3), 1.0 / 3.0)),
        "penalty": 0.25,
        "paths": 7,
        "seed": 3,
        "continuous": True,
        "time_limit": 1.0,
        "solver": "glpk",
    }[name]


@pytest.mark.parametrize("name", [name for name in inspect.signature(attainable).parameters if name != "env"])
def test_every_keyword_of_attainable_has_an_effect(name: str) -> None:
    law = small_law(0)
    usual: dict[str, Any] = {"law": law, "penalty": 0.75}
    one = attainable(small(law), **usual)
    changed = attainable(small(law), **{**usual, name: other(name, law)})
    assert (one.bound, one.value) != (changed.bound, changed.value)


@pytest.mark.parametrize("name", sorted({*inspect.signature(energy_gym.solve).parameters} - {"env", "information"}))
def test_every_keyword_of_solve_has_an_effect_under_a_law_or_is_refused(name: str) -> None:
    law = small_law(0)
    env = small(law, actions="discrete-3")
    value = other(name, law)
    if name == "continuous":
        with pytest.raises(ConfigurationError, match="continuous=True"):
            energy_gym.solve(env, information=law)
        assert energy_gym.solve(env, continuous=True, information=law).exact
    else:
        with pytest.raises(ConfigurationError, match=f"{name}={value!r}.*no effect under a law"):
            energy_gym.solve(env, continuous=True, information=law, **{name: value})


@pytest.mark.parametrize("name", sorted({*inspect.signature(PriceLaw.draw).parameters} - {"self"}))
def test_every_keyword_of_a_draw_has_an_effect_and_wrong_ones_are_refused(name: str) -> None:
    law, changed = small_law(0), {"days": 3, "seed": 9, "start": "2023-05-01"}[name]
    usual = {"days": 2, "seed": 1}
    assert not law.draw(**usual).equals(law.draw(**{**usual, name: changed}))
    with pytest.raises(NonPositiveError, match="days=0"):
        law.draw(days=0)
    with pytest.raises(DataError, match="must divide an hour"):
        replace(law, step_minutes=7)
    with pytest.raises(NonPositiveError, match="episodes"):
        energy_gym.solve(small(law), information=law).simulate(0)
