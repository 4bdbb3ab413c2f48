"""Two-stage bids: one set of bids, best on average over the scenarios; scenarios are errors that were known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest
from answers import answers

import energy_gym
from energy_gym.agents import bid_stochastic, load_agent
from energy_gym.agents.bid_deviations import Deviations, distances
from energy_gym.agents.bid_planning import BidPlanner
from energy_gym.agents.bid_stochastic import BidStochastic, StochasticPlanner
from energy_gym.bidding.outlook import hedged_window, past_errors, planned_steps
from energy_gym.bidding.statement import state_window
from energy_gym.errors import ConfigurationError
from energy_gym.forecast.recent import DAYS, FEATURES, RECENT, USUAL
from energy_gym.oracle.model import ArrayModel

ID = "energy_gym/Bidding-v1"


@pytest.fixture(scope="module")
def env() -> Any:
    return gym.make(ID, split="test", episode_steps=72).unwrapped


def at_noon(env: Any) -> Any:
    """Bring the environment to a gate of the day-ahead market."""
    env.reset(options={"start": "2023-05-10T10:00Z"})
    return env


def earned(env: Any, entries: Any, error: Any) -> float:
    """Return what a scenario earns with the bids and the first hour's power and supply given."""
    window = hedged_window(env, StochasticPlanner(env).premium, error)
    model = ArrayModel(len(window.unit))
    bids = state_window(model, window, whole=False)
    book, trading = env.setup.timetable.books[0], env.setup.trading
    shares = entries[book.entries][: int(book.count[env.steps_left[0]])]
    volumes = np.where(shares > 0.0, shares * trading.buy_kw, shares * trading.sell_kw)
    model.equal(bids.volumes[0].bid[np.arange(len(volumes))], volumes)
    first, flexible = np.array([0]), window.unit.flexibles[0]
    power = max(entries[0], 0.0) * flexible.draw_kwh + min(entries[0], 0.0) * flexible.give_kwh
    model.equal(bids.stated.drawn[0][first] - bids.stated.given[0][first], power)
    room = window.terms.more_kwh[0] if entries[1] > 0.0 else window.terms.less_kwh[0]
    model.equal(bids.shift[first], entries[1] * room)
    return model.solve().bound


def test_no_other_first_stage_earns_more_on_average(env: Any) -> None:
    at_noon(env)
    errors: list[Any] = [None, *past_errors(env, planned_steps(env), bid_stochastic.DAYS)]
    chosen = StochasticPlanner(env).plan()[0]
    best = np.mean([earned(env, chosen, error) for error in errors])
    single = BidPlanner(env).plan()[0]
    tick_mwh = env.setup.trading.markets[0].limits.tick_kw * 24.0 / 1000.0
    rounding = StochasticPlanner(env).premium * tick_mwh
    assert best > np.mean([earned(env, single, error) for error in errors])
    assert earned(env, single, None) >= earned(env, chosen, None)
    for moved in (0.9, 1.1):
        other = chosen.copy()
        other[2:] *= moved
        assert best >= np.mean([earned(env, other, error) for error in errors]) - rounding


def test_without_errors_it_is_the_plan_on_the_forecast(env: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    at_noon(env)
    nothing = {name: np.zeros(planned_steps(env)) for name in env.outlook()}
    monkeypatch.setattr(bid_stochastic, "past_errors", lambda *_: [nothing, nothing])
    one, two = StochasticPlanner(env).plan()[0], BidPlanner(env).plan()[0]
    assert earned(env, one, None) == pytest.approx(earned(env, two, None))


def test_errors_are_those_of_days_that_have_passed(env: Any) -> None:
    at_noon(env)
    now, size = env.steps_left[0], 37
    found = past_errors(env, size, 4)
    assert len(found) == 4
    for back, errors in enumerate(found, start=2):
        made = now - 24 * back
        assert made + size <= now
        for name, error in errors.items():
            actual = env.setup.column(name)[made : made + size]
            np.testing.assert_array_equal(error, actual - env.setup.tape.ahead[name][made, :size])
    env.reset(options={"start": env.setup.time(30)})
    assert past_errors(env, size, 4) == []


def test_it_plays_an_episode_and_does_not_beat_the_oracle(env: Any) -> None:
    agent = BidStochastic(env)
    results = [energy_gym.evaluate(agent, env, options={"start": "2023-05-10T08:00Z"}) for _ in range(2)]
    assert results[0].return_ == results[1].return_
    assert results[0].regret >= 0.0
    assert results[0].score > 0.2


def market(moment: int | None = None, usual: float = 0.0, level: float = 60.0) -> Any:
    """Return a producer on 60 days whose imbalance price lasts; what comes from a moment on is another.

    Each day it is off by what is usual, up from noon to midnight, down from then on; ``level`` is the mean price.
    """
    random, steps = np.random.default_rng(5), 24 * 60
    index = pd.date_range("2024-01-01", periods=steps, freq="h", tz="UTC")
    hour = index.hour.to_numpy()
    lasting = np.zeros(steps)
    for step in range(1, steps):
        lasting[step] = 0.8 * lasting[step - 1] + random.normal(0.0, 60.0)
    price = level + 20.0 * np.sin((hour - 9) / 24.0 * 2.0 * np.pi)
    frame = pd.DataFrame(
        {
            "price_per_mwh": price,
            "imbalance_per_mwh": price + lasting + np.where(hour >= 12, usual, -usual),
            "load_kw": 1000.0 + 100.0 * random.random(steps),
            "pv_kw": 800.0 * np.clip(np.sin((hour - 6) / 24.0 * 2.0 * np.pi), 0.0, None),
            "wind_kw": 900.0 * random.random(steps),
        },
        index,
    )
    if moment is not None:
        open_columns = ["imbalance_per_mwh", "load_kw", "pv_kw", "wind_kw"]
        frame.iloc[moment:, [frame.columns.get_loc(name) for name in open_columns]] *= 1.7
    splits = {"train": ("2024-01-01", "2024-02-15"), "test": ("2024-02-15", "2024-03-01")}
    return gym.make(ID, data=frame, splits=splits, split="test", zone="UTC", published=PUBLISHED, episode_steps=72)


PUBLISHED = {
    "price_per_mwh": "day-ahead 13:00",
    **dict.fromkeys(("imbalance_per_mwh", "load_kw", "pv_kw", "wind_kw"), "after"),
}


def test_a_deviations_price_that_lasts_is_learnt_and_pays() -> None:
    env = market()
    agent = BidStochastic(env).fit()
    options = {"start": env.unwrapped.setup.time(48)}
    fitted, plain = (energy_gym.evaluate(each, env, options=options) for each in (agent, BidStochastic(env)))
    assert fitted.return_ > plain.return_
    assert fitted.regret >= 0.0


def test_what_is_learnt_of_deviations_reads_nothing_that_is_not_known() -> None:
    actions = []
    for env in (market(), market(24 * 47 + 20)):
        agent = BidStochastic(env).fit()
        actions.append(answers(agent, env, env.unwrapped.setup.time(48), 21))
    assert np.array_equal(*actions)


def test_what_is_learnt_of_deviations_is_saved(tmp_path: Path) -> None:
    env = market()
    BidStochastic(env).fit().save(tmp_path)
    loaded = load_agent(tmp_path, env)
    results = [energy_gym.evaluate(each, env, seed=1).return_ for each in (loaded, BidStochastic(env).fit())]
    assert results[0] == results[1]


def test_the_last_steps_and_days_are_those_that_are_known() -> None:
    """Features against the same told step by step: means of what was known, and at the time of day of late."""
    env = market().unwrapped
    env.reset(seed=0, options={"start": env.setup.time(30)})
    law, lead = Deviations.learnt(env), np.array([0, 5, 40])
    at = env.setup.feed.first + np.array([30, 31, 100])
    found = law._past(env, 0, at).features(at + lead)
    off = np.clip(distances(env, "imbalance_per_mwh"), *law.limits[0])

    def usual(step: int, known: int, days: int) -> float:
        before = [off[past] for past in range(step - 24, -1, -24) if past < known]
        return float(np.mean(before[:days])) if before else 0.0

    for row, (now, ahead) in enumerate(zip(at.tolist(), lead.tolist(), strict=True)):
        missed = [off[step] - usual(step, step, USUAL) for step in range(now)]
        told = [np.mean(missed[-size:]) for size in RECENT]
        told += [usual(now + ahead, now, days) for days in DAYS]
        np.testing.assert_allclose(found[row], [*told, 1.0], atol=1e-9)


def test_what_is_usual_at_a_time_of_day_is_foreseen_a_day_ahead() -> None:
    env = market(usual=40.0).unwrapped
    env.reset(options={"start": env.setup.time(24 * 5)})
    off = Deviations.learnt(env).expected(env, 36)["imbalance_per_mwh"][12:]
    assert off[:12].mean() > 20.0 > -20.0 > off[12:].mean()


def test_a_plan_keeps_rules_that_need_a_binary_where_it_is_played(monkeypatch: pytest.MonkeyPatch) -> None:
    """At prices below zero a store would burn energy in and out at once; only the coming step is told not to."""
    env = market(level=-50.0)
    env.reset(options={"start": env.unwrapped.setup.time(48)})
    binaries: list[int] = []
    stated = ArrayModel._stated_choices
    planner = StochasticPlanner(env.unwrapped, Deviations.learnt(env.unwrapped))

    def counted(model: ArrayModel) -> Any:
        found = stated(model)
        binaries.append(found[0])
        return found

    monkeypatch.setattr(ArrayModel, "_stated_choices", counted)
    for _ in range(30):
        env.step(planner.action())
    # Of ten scenarios the store's one rule each, in one step.
    assert 0 < max(binaries) <= bid_stochastic.DAYS + 1


def test_weights_of_other_features_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="fit the agent again"):
        Deviations(np.zeros((1, 37, FEATURES - 1)), np.zeros((1, 2)))
