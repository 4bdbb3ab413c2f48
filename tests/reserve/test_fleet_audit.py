"""Each step of a fleet, worked out once more asset by asset: bids, what is held, called and delivered, and the money.

Only parameters, prices and calls are read from the package; the laws are written again here in plain Python, for both
readings of a bid: delivered in full, and held back and called.
"""

from __future__ import annotations

import math
from typing import Any

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest

import energy_gym
from energy_gym import Battery, Scenario
from energy_gym.reserve import ActivationSeries, Fleet, FullActivation, NoActivation, RandomActivation, Reserve, Trade

ID = "energy_gym/FleetReserve-v1"


class Side:
    """One direction of a market, as a fleet sells it."""

    def __init__(self, name: str, market: Reserve | Trade, place: int, way: str, hours: float) -> None:
        trade = isinstance(market, Trade)
        self.market, self.way, self.place = market, way, place
        self.name = name + {"up": ".sell", "down": ".buy"}[way] if trade else name
        self.wish = -1.0 if trade and way == "up" else 1.0
        self.lasts = hours if isinstance(market, Trade) else market.duration_hours
        self.energy_price = market.price if isinstance(market, Trade) else market.energy_price
        self.least, self.tick = (0.0, 0.0) if isinstance(market, Trade) else (market.minimum_kw, market.tick_kw)

    def held_price(self, row: Any) -> float:
        return 0.0 if isinstance(self.market, Trade) else float(row[self.market.price]) * self.market.price_share

    def fine(self, row: Any) -> float:
        if isinstance(self.market, Trade):
            return 0.0
        return self.market.penalty_per_mwh + self.market.penalty_factor * self.held_price(row)


class Ledger:
    """A fleet's episode, from prices, calls and actions."""

    def __init__(self, fleet: Scenario, hours: float, direct: bool) -> None:
        self.names, self.hours, self.direct = list(fleet.entities), hours, direct
        self.cells: dict[str, Any] = dict(fleet.entities)
        self.sides: list[Side] = []
        for place, (name, market) in enumerate(fleet.contracts.items()):
            assert isinstance(market, Reserve | Trade)
            ways = ("down", "up") if isinstance(market, Trade) else (market.direction,)
            self.sides += [Side(name, market, place, way, hours) for way in ways]
        self.energy = {name: cell.soc_initial * cell.capacity_kwh for name, cell in self.cells.items()}

    def step(self, action: np.ndarray, row: Any, shares: dict[str, float]) -> dict[str, float]:
        """Play a step; return the figures of ``info`` and the money."""
        held = {name: self._held(number, name, action) for number, name in enumerate(self.names)}
        for side in self.sides:
            total = sum(held[name][side.name] for name in self.names)
            kept = total if total >= side.least else 0.0
            kept = math.floor(kept / side.tick + 1e-6) * side.tick if side.tick else kept
            for name in self.names:
                held[name][side.name] *= min(kept / total, 1.0) if total else 0.0
        told = {f"held_kw.{side.name}.{name}": held[name][side.name] for side in self.sides for name in self.names}
        money = grid = 0.0
        asked, given = (dict.fromkeys((side.name for side in self.sides), 0.0) for _ in range(2))
        for name in self.names:
            flows, wear = self._delivered(name, held[name], shares)
            money -= wear
            for side in self.sides:
                asked[side.name] += held[name][side.name] * shares[side.name] * self.hours
                given[side.name] += flows[side.name]
                grid += flows[side.name] if side.way == "down" else -flows[side.name]
        for side in self.sides:
            sold = sum(held[name][side.name] for name in self.names)
            money += sold * side.held_price(row) * self.hours / 1000.0
            money -= (asked[side.name] - given[side.name]) * side.fine(row) / 1000.0
            if side.energy_price is not None:
                money += given[side.name] * row[side.energy_price] / 1000.0 * (1.0 if side.way == "up" else -1.0)
            told[f"called_kwh.{side.name}"] = asked[side.name]
            told[f"delivered_kwh.{side.name}"] = given[side.name]
        told |= {f"energy_kwh.{name}": self.energy[name] for name in self.names}
        return {**told, "grid_kw": grid / self.hours, "money": money}

    def _held(self, number: int, name: str, action: np.ndarray) -> dict[str, float]:
        """What an asset holds for each side: in their order as far as it can last, one direction only."""
        cell = self.cells[name]
        kept = self.energy[name] * (1.0 - cell.self_discharge_per_day) ** (self.hours / 24.0)
        power = {"up": cell.discharge_kw, "down": cell.charge_kw}
        store = {
            "up": max(kept - cell.soc_min * cell.capacity_kwh, 0.0),
            "down": max(cell.soc_max * cell.capacity_kwh - kept, 0.0),
        }
        found: dict[str, float] = {}
        for side in self.sides:
            bid = action[side.place * len(self.names) + number] if self.direct else action[side.place]
            wish = min(max(side.wish * min(max(bid, -1.0), 1.0), 0.0), 1.0)
            wish *= side.market.prequalified_kw[number]
            loss = 1.0 / cell.efficiency_discharge if side.way == "up" else cell.efficiency_charge
            lasting = side.lasts * loss
            size = min(wish, power[side.way], store[side.way] / lasting)
            power[side.way] -= size
            store[side.way] -= size * lasting
            found[side.name] = size
        net = sum(size if side.way == "up" else -size for side, size in zip(self.sides, found.values(), strict=True))
        left = {"up": max(net, 0.0), "down": max(-net, 0.0)}
        for side in self.sides:
            found[side.name] = min(found[side.name], left[side.way])
            left[side.way] -= found[side.name]
        return found

    def _delivered(self, name: str, held: dict[str, float], shares: dict[str, float]) -> tuple[dict[str, float], float]:
        """What an asset gives or takes of what is called, as far as its energy lasts, and its wear."""
        cell = self.cells[name]
        kept = self.energy[name] * (1.0 - cell.self_discharge_per_day) ** (self.hours / 24.0)
        out = max(kept - cell.soc_min * cell.capacity_kwh, 0.0) * cell.efficiency_discharge
        into = max(cell.soc_max * cell.capacity_kwh - kept, 0.0) / cell.efficiency_charge
        left, flows = {"up": out, "down": into}, {}
        for side in self.sides:
            size = min(held[side.name] * shares[side.name] * self.hours, left[side.way] + 1e-9)
            left[side.way] -= size
            flows[side.name] = size
        given, drawn = (sum(flows[side.name] for side in self.sides if side.way == way) for way in ("up", "down"))
        self.energy[name] = kept - given / cell.efficiency_discharge + drawn * cell.efficiency_charge
        return flows, given * cell.wear_per_kwh


def audit(env: Any, direct: bool, steps: int, seed: int = 0) -> None:
    """Play random bids and compare every figure of every step."""
    random, base = np.random.default_rng(seed), env.unwrapped
    env.reset(seed=seed, options={"steps": steps})
    setup, fleet = base.setup, base.scenario
    ledger, unit = Ledger(fleet, setup.feed.step_hours, direct), setup.unit
    start, total, called = sum(ledger.energy.values()), 0.0, 0.0
    mean = setup.feed.statistics["price_per_mwh"].mean
    for number in range(steps):
        t = base.steps_left[0]
        row = {name: series[setup.feed.first + t] for name, series in setup.feed.values.items()}
        shares = {side.name: unit.shares[place, t] for place, side in enumerate(ledger.sides)}
        action = random.uniform(-1.1, 1.1, env.action_space.shape[0]) * random.choice([0.2, 1.0])
        _, reward, _, _, info = env.step(action)
        expected = ledger.step(action, row, shares)
        money = expected.pop("money")
        if number + 1 == steps:
            money += (sum(ledger.energy.values()) - start) * mean / 1000.0
        for name, value in expected.items():
            assert info[name] == pytest.approx(value, rel=1e-9, abs=1e-6), (number, name)
        assert reward == pytest.approx(money, rel=1e-9, abs=1e-6), number
        called += sum(expected[f"called_kwh.{side.name}"] for side in ledger.sides)
        total += abs(money)
    assert total > 0.0 and called > 0.0


@pytest.mark.parametrize("dispatch", ["proportional", "direct"])
@pytest.mark.parametrize("preset", ["delivered", "synthetic"])
def test_presets_on_synthetic_prices(preset: str, dispatch: str) -> None:
    audit(gym.make(ID, fleet=preset, dispatch=dispatch), dispatch == "direct", 60)


@pytest.mark.parametrize("dispatch", ["proportional", "direct"])
@pytest.mark.parametrize(("dataset", "steps"), [("dk2-2021", 60), ("nem-nsw1", 100)])
def test_presets_on_real_prices(dataset: str, steps: int, dispatch: str, real_data: Any) -> None:
    env = gym.make(ID, dataset=dataset, dispatch=dispatch, split="test")
    raw = energy_gym.load(dataset).frame
    values, first = env.unwrapped.setup.feed.values, env.unwrapped.setup.feed.first
    for market in env.unwrapped.scenario.contracts.values():
        np.testing.assert_allclose(values[market.price][first : first + 50], raw[market.price].iloc[first : first + 50])
    audit(env, dispatch == "direct", steps)


@pytest.mark.parametrize("dispatch", ["proportional", "direct"])
@pytest.mark.parametrize("seed", range(3))
def test_calls_that_outlast_what_is_held(seed: int, dispatch: str) -> None:
    """Short products, a leak, a smallest bid, ticks, and prices below 0."""
    random = np.random.default_rng(seed)
    index = pd.date_range("2024-01-01", periods=80, freq="30min", tz="UTC")
    columns = {
        name: random.normal(20.0, 30.0, 80)
        for name in ("fast_per_mw_h", "slow_per_mw_h", "down_per_mw_h", "price_per_mwh")
    }
    data = pd.DataFrame({**columns, "called_share": random.uniform(0.0, 1.0, 80)}, index)
    batteries = {
        "a": Battery(400.0, 100.0, 150.0, 0.9, 0.95, 0.2, 0.9, 0.21, self_discharge_per_day=0.4, wear_per_kwh=0.01),
        "b": Battery(90.0, 80.0, 60.0, 0.97, 0.92, 0.0, 1.0, 0.6),
    }
    often = RandomActivation(0.5, 1.0, 0.2, 1.0)
    fined = {"energy_price": "price_per_mwh", "penalty_per_mwh": 150.0, "penalty_factor": 2.0}
    markets = (
        Reserve(
            "fast", "fast_per_mw_h", "up", (100.0, 40.0), 0.1, activation=ActivationSeries("called_share"), **fined
        ),  # type: ignore[arg-type]
        Reserve("slow", "slow_per_mw_h", "up", (50.0, 60.0), 1.0, 20.0, 5.0, often, **fined),  # type: ignore[arg-type]
        Reserve("down", "down_per_mw_h", "down", (70.0, 0.0), 0.25, activation=FullActivation(), price_share=0.5),
        Reserve("idle", "down_per_mw_h", "down", (30.0, 60.0), 0.5, activation=NoActivation(), tick_kw=10.0),
        Trade("spot", "price_per_mwh", (60.0, 80.0)),
    )
    env = gym.make(ID, data=data, fleet=Fleet(batteries=batteries, markets=markets), dispatch=dispatch)
    audit(env, dispatch == "direct", 70, seed)
