"""Every episode's money, worked out again with pandas from bids, clearing and meters, is the sum of the rewards."""

from __future__ import annotations

import itertools
from typing import Any

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest

from energy_gym.contracts import Supply
from energy_gym.contracts.clearing import LinearImpact
from energy_gym.contracts.market import Limits
from energy_gym.contracts.market_presets import eu_day_ahead

ID = "energy_gym/Bidding-v1"
NAMES = ("linear", "single", "dual", "banded", "convex", "concave", "steps")


def played(env: Any, seed: int, steps: int) -> tuple[pd.DataFrame, list[np.ndarray], list[np.ndarray]]:
    """Play random actions; return the figures by step, the actions and the masks."""
    random = np.random.default_rng(seed)
    _, info = env.reset(seed=seed)
    rows, actions, masks = [], [], []
    for _ in range(steps):
        masks.append(info["due"].copy())
        action = random.uniform(-1.1, 1.1, env.action_space.shape)
        _, reward, _, _, info = env.step(action)
        actions.append(action)
        rows.append({**{key: value for key, value in info.items() if key != "due"}, "reward": reward})
    first, _ = env.unwrapped.window
    times = env.unwrapped.setup.feed.times[env.unwrapped.setup.feed.first + first :][:steps]
    return pd.DataFrame(rows, index=times), actions, masks


def wished(share: float, trading: Any, limits: Limits) -> float:
    """A bid's volume, from the words of the documentation."""
    share = min(max(share, -1.0), 1.0)
    size = abs(share) * (trading.buy_kw if share > 0.0 else trading.sell_kw)
    size = min(size, limits.maximum_kw)
    size = np.floor(size / limits.tick_kw + 1e-9) * limits.tick_kw if limits.tick_kw else size
    return float(np.sign(share) * (size if size >= limits.minimum_kw else 0.0))


def committed(env: Any, frame: pd.DataFrame, actions: list[np.ndarray], masks: list[np.ndarray]) -> pd.DataFrame:
    """What each market took for each step [kW], from the actions at its deadlines."""
    setup = env.unwrapped.setup
    found = pd.DataFrame(0.0, frame.index, [market.name for market in setup.trading.markets])
    limits = found.copy()
    for moment, action, mask in zip(frame.index, actions, masks, strict=True):
        for market in setup.trading.markets:
            local = moment.tz_convert(market.zone)
            places = [k for k, name in enumerate(setup.entries) if name.startswith(f"{market.name}.volume")]
            if not mask[places[0]]:
                continue
            if hasattr(market.delivers, "days"):
                begin = (local.normalize() + pd.DateOffset(days=1)).tz_convert("UTC")
                end = (local.normalize() + pd.DateOffset(days=2)).tz_convert("UTC")
            else:
                begin = moment + pd.Timedelta(minutes=market.delivers.minutes)
                end = begin + pd.Timedelta(minutes=market.delivers.slots * market.slot_minutes)
            slot = pd.Timedelta(minutes=market.slot_minutes)
            for number in range(int((end - begin) / slot)):
                window = (found.index >= begin + number * slot) & (found.index < begin + (number + 1) * slot)
                found.loc[window, market.name] = wished(action[places[number]], setup.trading, market.limits)
                if setup.trading.priced:
                    share = min(max(action[places[number] + len(places)], -1.0), 1.0)
                    low, high = market.limits.floor_per_mwh, market.limits.cap_per_mwh
                    limits.loc[window, market.name] = low + (share + 1.0) / 2.0 * (high - low)
    for market in setup.trading.markets if setup.trading.priced else ():
        price = setup.feed.values[market.price][setup.feed.times.get_indexer(frame.index)]
        volume, limit = found[market.name], limits[market.name]
        taken = ((volume > 0.0) & (limit >= price)) | ((volume < 0.0) & (limit <= price))
        found[market.name] = volume.where(taken, 0.0)
    return found


def settled(env: Any, frame: pd.DataFrame, volumes: pd.DataFrame, data: pd.DataFrame) -> float:
    """Money earned over an episode, from volumes, meters and prices alone."""
    setup = env.unwrapped.setup
    hours = setup.feed.step_hours
    data = data.tz_convert("UTC").loc[frame.index]
    sales = sum((volumes[market.name] * data[market.price]).sum() for market in setup.trading.markets) * hours / 1000.0
    surplus = (volumes.sum(axis=1) - frame["grid_kw"]) * hours
    penalty = 0.0
    for moment, value in surplus.items():
        prices = {name: float(data.at[moment, name]) for name in setup.trading.deviation.columns}
        pieces = setup.trading.deviation.pieces(prices, hours)
        edges = [*(kink for kink in pieces.kinks_kwh if min(value, 0.0) < kink < max(value, 0.0)), 0.0, value]
        edges = sorted(edges)
        for left, right in itertools.pairwise(edges):
            middle = (left + right) / 2.0
            slope = pieces.slopes_per_mwh[int(np.searchsorted(pieces.kinks_kwh, middle))]
            penalty += np.sign(value) * slope * (right - left) / 1000.0
    supply = setup.supply
    wanted = data["load_kw"].clip(supply.min_kw, supply.max_kw)
    income = frame["supplied_kw"].sum() * hours * supply.price_per_mwh / 1000.0
    days = frame.index.tz_convert(setup.feed.zone).date if supply.matching == "day" else frame.index
    balance = ((frame["supplied_kw"] - wanted) * hours).groupby(days).sum()
    unmatched = (
        balance.clip(upper=0.0).abs().sum() * supply.shortfall_per_mwh + balance.clip(0.0).sum() * supply.surplus
    )
    energy = frame["energy_kwh"].iloc[-1] - setup.units[0].flexibles[0].initial
    kept = energy * data_mean(setup) / 1000.0
    return float(income - sales - penalty - unmatched / 1000.0 + kept - frame["wear"].sum())


def data_mean(setup: Any) -> float:
    return float(setup.feed.statistics[setup.trading.markets[0].price].mean)


@pytest.mark.parametrize("bids", ["volume", "price-volume"])
@pytest.mark.parametrize("name", NAMES)
def test_hourly_bids(producers: Any, name: str, bids: str) -> None:
    data = producers.series(80, seed=len(name), start="2024-10-26")
    markets = (producers.hourly_market(minimum_kw=1000.0, floor_per_mwh=-50.0, cap_per_mwh=150.0),)
    chosen = producers.scenario(producers.PENALTIES[name], markets, bids=bids)
    env = gym.make(ID, data=data, scenario=chosen, episode_steps=70)
    check(env, data, 70)


@pytest.mark.parametrize("matching", ["day", "step"])
def test_two_markets_over_a_clock_change(producers: Any, matching: str) -> None:
    zone = "Europe/Copenhagen"
    data = producers.series(400, minutes=15, start="2024-10-25", zone=zone)
    real = producers.hourly_market(zone, tick_kw=100.0)
    real = type(real)(
        "real_time", "real_time_per_mwh", real.deadline, zone, real.delivers, real.slot_minutes, limits=real.limits
    )
    supply = Supply(50.0, 300.0, 1800.0, 200.0, 10.0, matching=matching)
    chosen = producers.scenario(producers.PENALTIES["dual"], (eu_day_ahead(zone), real), supply=supply)
    env = gym.make(ID, data=data, scenario=chosen, episode_steps=380)
    check(env, data, 380)


def check(env: Any, data: pd.DataFrame, steps: int) -> None:
    for seed in range(2):
        frame, actions, masks = played(env, seed, steps)
        volumes = committed(env, frame, actions, masks)
        np.testing.assert_allclose(volumes.sum(axis=1), frame["committed_kw"], atol=1e-6)
        assert volumes.abs().to_numpy().sum() > 0.0
        assert frame["reward"].sum() == pytest.approx(settled(env, frame, volumes, data), abs=1e-6)
        meter = data.tz_convert("UTC").loc[frame.index]
        supply = env.unwrapped.setup.supply
        assert frame["supplied_kw"].between(supply.min_kw - 1e-6, supply.max_kw + 1e-6).all()
        wanted = meter["load_kw"].clip(supply.min_kw, supply.max_kw)
        fixed = wanted - meter["pv_kw"] - meter["wind_kw"]
        stored = frame["energy_kwh"].diff().iloc[1:]
        flow = (frame["grid_kw"] - fixed - (frame["supplied_kw"] - wanted)).iloc[
            1:
        ] * env.unwrapped.setup.feed.step_hours
        cell = env.unwrapped.setup.units[0].flexibles[0].cell
        gained = np.where(flow > 0.0, flow * cell.efficiency_charge, flow / cell.efficiency_discharge)
        np.testing.assert_allclose(stored, gained, atol=1e-6)


@pytest.mark.parametrize(
    ("objective", "money", "carbon"), [("cost", 1.0, 0.0), ("carbon", 0.0, 1.0), ("joint", 1.0, 0.05)]
)
def test_parts_add_up_to_the_reward(producers: Any, objective: str, money: float, carbon: float) -> None:
    data = producers.series(60)
    chosen = producers.scenario(producers.PENALTIES["dual"])
    env = gym.make(ID, data=data, scenario=chosen, objective=objective, carbon_price=50.0, episode_steps=40)
    env.reset(seed=1)
    env.action_space.seed(1)
    truncated = False
    while not truncated:
        _, reward, terminated, truncated, info = env.step(env.action_space.sample())
        assert not terminated
        spent = info["energy_cost"] + info["wear"] + info["penalty"] + info["demand_charge"]
        assert reward == pytest.approx(-(money * spent + carbon * info["carbon_kg"]), abs=1e-9)
        assert info["energy_cost"] == pytest.approx(info["market_cost"] + info["supply_cost"] + info["closing_cost"])
        assert info["penalty"] == pytest.approx(info["deviation_cost"] + info["unmatched_cost"])
        assert all(type(value) is float for name, value in info.items() if name != "due")


def test_bids_that_move_the_price_sell_for_less(producers: Any) -> None:
    data = producers.series(30)
    moved = producers.scenario(producers.PENALTIES["linear"], impact=LinearImpact(5.0))
    earned = []
    for chosen in (producers.scenario(producers.PENALTIES["linear"]), moved):
        env = gym.make(ID, data=data, scenario=chosen, episode_steps=10)
        env.reset(options={"start": data.index[3]})
        action = np.zeros(env.action_space.shape)
        action[2] = -0.5
        env.step(action)
        earned.append(env.step(action)[4]["market_cost"])
    assert earned[1] - earned[0] == pytest.approx(5.0 * 2.0 * 2.0)
