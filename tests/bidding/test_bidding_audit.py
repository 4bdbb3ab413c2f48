"""Each step's money, meter, storage and refusals, worked out once more from the words of the documentation.

Only parameters are read from the package: gates, clearing, penalties, the supply contract and the storage are written
again here with pandas and plain Python, for every preset, penalty, kind of bid and price impact.
"""

from __future__ import annotations

import math
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest

import energy_gym
from energy_gym.contracts import Supply
from energy_gym.contracts.banded import Banded
from energy_gym.contracts.clearing import LinearImpact
from energy_gym.contracts.deviation import DualPrice, LinearPenalty, SinglePrice
from energy_gym.contracts.market import Limits, LocalDay, Market
from energy_gym.contracts.market_presets import eu_day_ahead
from energy_gym.data import iex
from energy_gym.entities import Battery
from energy_gym.objective import Objective

ID = "energy_gym/Bidding-v1"
UTC = ZoneInfo("UTC")


def midnight(day: date, zone: str) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)


def auctions(market: Market, index: pd.DatetimeIndex) -> dict[pd.Timestamp, list[pd.Timestamp]]:
    """Return by gate the starts of the slots it commits; of daily gates, and of those every hour or half hour."""
    slot, found = pd.Timedelta(minutes=market.slot_minutes), {}
    minute, hour = market.deadline.split()[:2]
    if isinstance(market.delivers, LocalDay):
        first = index[0].tz_convert(market.zone).date()
        for number in range((index[-1] - index[0]).days + 2):
            today = first + timedelta(days=number)
            gate = datetime.combine(today, time(int(hour), int(minute)), ZoneInfo(market.zone)).astimezone(UTC)
            begin, end = (midnight(today + timedelta(days=days), market.zone) for days in (1, 2))
            found[pd.Timestamp(gate)] = list(pd.date_range(begin, end, freq=slot, inclusive="left"))
        return found
    minutes = {"0": (0,), "*/30": (0, 30)}[minute]
    for moment in index[np.isin(index.tz_convert(market.zone).minute, minutes)]:
        begin = moment + pd.Timedelta(minutes=market.delivers.minutes)
        found[moment] = [begin + k * slot for k in range(market.delivers.slots)]
    return found


def entries(market: Market) -> int:
    """Return how many bids an action has for a market: as many as its longest day, or its gate, has slots."""
    if not isinstance(market.delivers, LocalDay):
        return market.delivers.slots
    days = [midnight(date(2024, 1, 1) + timedelta(days=day), market.zone) for day in range(367)]
    return max(round((end - begin) / timedelta(minutes=market.slot_minutes)) for begin, end in pairwise(days))


def wished(share: float, sell_kw: float, buy_kw: float, limits: Limits) -> float:
    """A bid's volume: cut to the largest, down to the tick, nothing below the smallest."""
    share = min(max(share, -1.0), 1.0)
    size = min(abs(share) * (buy_kw if share > 0.0 else sell_kw), limits.maximum_kw)
    size = math.floor(size / limits.tick_kw + 1e-9) * limits.tick_kw if limits.tick_kw else size
    return math.copysign(size, share) if size >= limits.minimum_kw and size else 0.0


def taken(volume: float, limit: float, price: float, impact: Any) -> tuple[float, float]:
    """What a market takes of a bid and at which price: all or nothing, or as far as the price it moves allows."""
    if not isinstance(impact, LinearImpact):
        good = limit >= price if volume > 0.0 else limit <= price
        return (volume if good else 0.0), price
    slope = impact.per_mwh_per_mw / 1000.0
    most = max((limit - price) if volume > 0.0 else (price - limit), 0.0) / slope
    volume = math.copysign(min(abs(volume), most), volume)
    return volume, price + slope * volume


def penalty(contract: Any, surplus: float, row: Any, hours: float) -> float:
    """Money paid for a surplus of committed over metered energy [kWh]."""
    short, over = max(-surplus, 0.0) / 1000.0, max(surplus, 0.0) / 1000.0
    if isinstance(contract, LinearPenalty):
        return short * contract.short_per_mwh + over * contract.surplus_per_mwh
    if isinstance(contract, SinglePrice):
        return float((short - over) * row[contract.price])
    if isinstance(contract, DualPrice):
        return float(short * row[contract.short] - over * row[contract.surplus])
    if isinstance(contract, Banded):
        cost, begin = 0.0, 0.0
        rate = row[contract.rate] if isinstance(contract.rate, str) else contract.rate
        for up_to, short_factor, surplus_factor in contract.bands:
            end = up_to * contract.capacity_kw * hours / 1000.0
            inside = [min(size, end) - min(size, begin) for size in (short, over)]
            cost, begin = cost + rate * (inside[0] * short_factor - inside[1] * surplus_factor), end
        return float(cost)
    edges = [-math.inf, *contract.kinks_kwh, math.inf]
    low, high = min(surplus, 0.0), max(surplus, 0.0)
    spans = [max(min(end, high) - max(begin, low), 0.0) for begin, end in pairwise(edges)]
    cost = sum(span * slope for span, slope in zip(spans, contract.slopes_per_mwh, strict=True))
    return math.copysign(1.0, surplus) * cost / 1000.0


class Ledger:
    """An episode of a producer, from its raw series and the actions alone."""

    def __init__(self, data: pd.DataFrame, scenario: Any, zone: str, mean_per_mwh: float) -> None:
        self.data, self.zone, self.mean = data, zone, mean_per_mwh
        self.trading = scenario.contracts["trading"]
        self.supply: Supply = scenario.contracts["supply"]
        self.scales = {name: getattr(scenario.entities[name], "scale", 1.0) for name in ("solar", "wind", "consumer")}
        storage = scenario.entities["storage"]
        self.store: Battery = storage if isinstance(storage, Battery) else storage.battery()
        self.hours = (data.index[1] - data.index[0]) / pd.Timedelta(hours=1)

    def play(self, actions: np.ndarray) -> pd.DataFrame:
        """Return by step: reward, meter, what was committed, what is stored, and how many bids were refused."""
        refused = self._bid(actions)
        energy, owed, rows = self.store.soc_initial * self.store.capacity_kwh, 0.0, []
        for place, (moment, row) in enumerate(self.data.iloc[: len(actions)].to_dict("index").items()):
            energy, flow, wear = self._stored(energy, actions[place, 0])
            wanted, supplied = self._supplied(row, actions[place, 1])
            made = row["pv_kw"] * self.scales["solar"] + row["wind_kw"] * self.scales["wind"]
            net = (supplied - made) * self.hours + flow
            committed, spent = self._cleared(place, row)
            owed += (supplied - wanted) * self.hours
            spent += penalty(self.trading.deviation, committed - net, row, self.hours) + wear
            spent -= supplied * self.hours / 1000.0 * self.supply.price_per_mwh
            last = place + 1 == len(actions)
            if last or self._closes(moment):
                spent += max(-owed, 0.0) / 1000.0 * self.supply.shortfall_per_mwh
                extra = self.supply.surplus_per_mwh
                spent += max(owed, 0.0) / 1000.0 * (self.supply.price_per_mwh if extra is None else extra)
                owed = 0.0
            if last:
                spent -= (energy - self.store.soc_initial * self.store.capacity_kwh) / 1000.0 * self.mean
            rows.append((-spent, net / self.hours, committed / self.hours, energy, refused[place]))
        columns = ["reward", "grid_kw", "committed_kw", "energy_kwh", "rejected"]
        return pd.DataFrame(rows, self.data.index[: len(actions)], columns)

    def _bid(self, actions: np.ndarray) -> list[int]:
        """Write down what is offered for each step; return how many bids each action makes in vain."""
        steps, priced = len(self.data), self.trading.bids == "price-volume"
        self.offers = [np.zeros((2, steps)) for _ in self.trading.markets]
        refused, places, first = [0] * len(actions), {t: k for k, t in enumerate(self.data.index)}, 2
        for market, offer in zip(self.trading.markets, self.offers, strict=True):
            size, gates = entries(market), auctions(market, self.data.index)
            for place, action in enumerate(actions):
                slots = [slot for slot in gates.get(self.data.index[place], []) if slot in places]
                bids = action[first : first + size]
                refused[place] += np.count_nonzero(bids[len(slots) :])
                for number, slot in enumerate(slots):
                    volume = wished(bids[number], self.trading.sell_kw, self.trading.buy_kw, market.limits)
                    refused[place] += bool(bids[number]) and not volume
                    low, high = market.limits.floor_per_mwh, market.limits.cap_per_mwh
                    limit = high if volume > 0.0 else low
                    if priced:
                        share = min(max(action[first + size + number], -1.0), 1.0)
                        limit = low + (share + 1.0) / 2.0 * (high - low)
                    begin = places[slot]
                    offer[:, begin : begin + round(market.slot_minutes / 60.0 / self.hours)] = [[volume], [limit]]
            first += size * (2 if priced else 1)
        assert first == actions.shape[1]
        return refused

    def _cleared(self, place: int, row: Any) -> tuple[float, float]:
        committed = spent = 0.0
        for market, offer in zip(self.trading.markets, self.offers, strict=True):
            volume, limit = offer[:, place]
            price = row[market.price]
            if self.trading.bids == "price-volume" or isinstance(self.trading.impact, LinearImpact):
                volume, price = taken(volume, limit, price, self.trading.impact)
            committed += volume * self.hours
            spent += volume * self.hours * price / 1000.0
        return committed, spent

    def _stored(self, energy: float, share: float) -> tuple[float, float, float]:
        store, share = self.store, min(max(share, -1.0), 1.0)
        kept = energy * (1.0 - store.self_discharge_per_day) ** (self.hours / 24.0)
        low, high = store.soc_min * store.capacity_kwh, store.soc_max * store.capacity_kwh
        if share > 0.0:
            drawn = min(share * store.charge_kw * self.hours, max(high - kept, 0.0) / store.efficiency_charge)
            return kept + drawn * store.efficiency_charge, drawn, 0.0
        given = min(-share * store.discharge_kw * self.hours, max(kept - low, 0.0) * store.efficiency_discharge)
        return kept - given / store.efficiency_discharge, -given, given * store.wear_per_kwh

    def _supplied(self, row: Any, share: float) -> tuple[float, float]:
        least, most, share = self.supply.min_kw, self.supply.max_kw, min(max(share, -1.0), 1.0)
        wanted = min(max(row["load_kw"] * self.scales["consumer"], least), most)
        return wanted, wanted + share * ((most - wanted) if share > 0.0 else (wanted - least))

    def _closes(self, moment: pd.Timestamp) -> bool:
        after = moment + pd.Timedelta(hours=self.hours)
        days = [stamp.tz_convert(self.zone).date() for stamp in (moment, after)]
        return self.supply.matching == "step" or days[0] != days[1]


def audit(env: Any, data: pd.DataFrame, zone: str, mean: float, start: Any, steps: int, seed: int = 0) -> None:
    """Play random actions, a third of them storage and supply alone, and compare every step with the ledger's."""
    random, base = np.random.default_rng(seed), env.unwrapped
    actions = random.uniform(-1.1, 1.1, (steps, env.action_space.shape[0]))
    actions[random.random(steps) < 0.3, 2:] = 0.0
    env.reset(seed=seed, options={"start": start, "steps": steps})
    told = [env.step(action) for action in actions]
    first = base.setup.feed.first + base.window[0]
    future = data.tz_convert("UTC").iloc[first : first + steps + 200]
    expected = Ledger(future, base.scenario, zone, mean).play(actions)
    for name in ("grid_kw", "committed_kw", "energy_kwh", "rejected"):
        found = [info[name] for *_, info in told]
        np.testing.assert_allclose(found, expected[name], rtol=1e-9, atol=1e-6, err_msg=name)
    np.testing.assert_allclose([step[1] for step in told], expected["reward"], rtol=1e-9, atol=1e-6)
    assert expected["committed_kw"].abs().max() > 0.0
    assert math.fsum(step[1] for step in told) == pytest.approx(expected["reward"].sum(), rel=1e-9, abs=1e-6)


NAMES = ("linear", "single", "dual", "banded", "convex", "concave", "steps")


@pytest.mark.parametrize("impact", [None, LinearImpact(8.0)], ids=["taker", "impact"])
@pytest.mark.parametrize("bids", ["volume", "price-volume"])
@pytest.mark.parametrize("name", NAMES)
def test_every_penalty(producers: Any, name: str, bids: str, impact: Any) -> None:
    zone = "Europe/Copenhagen"
    data = producers.series(5 * 96, seed=len(name), minutes=15, start="2024-10-25", zone=zone)
    real = producers.hourly_market(zone, minimum_kw=200.0, tick_kw=50.0, floor_per_mwh=-60.0, cap_per_mwh=160.0)
    real = Market("real_time", "real_time_per_mwh", "0 * * * *", zone, real.delivers, 60, limits=real.limits)
    ahead = eu_day_ahead(zone, slot_minutes=15)
    supply = Supply(55.0, 300.0, 1800.0, 210.0, None if bids == "volume" else 15.0)
    more = {} if impact is None else {"impact": impact}
    markets = (ahead, real)
    chosen = producers.scenario(producers.PENALTIES[name], markets, supply=supply, bids=bids, **more)
    env = gym.make(ID, data=data, scenario=chosen)
    audit(env, data, zone, data["price_per_mwh"].mean(), data.index[30], 380)


@pytest.mark.parametrize("bids", ["volume", "price-volume"])
@pytest.mark.parametrize(
    ("preset", "dataset", "split", "start", "steps"),
    [
        ("eu-hourly", "synthetic-dk2", "all", "2023-10-27T03:00Z", 90),
        ("india-15min", "synthetic-india", "test", None, 200),
        ("eu-hourly", "dk2-2021", "all", "2021-10-29T03:00Z", 100),
        ("eu-hourly", "dk2-2024", "test", None, 100),
        ("eu-hourly", "belgium", "all", "2024-10-25T03:00Z", 300),
    ],
)
def test_presets(preset: str, dataset: str, split: str, start: str | None, steps: int, bids: str, request: Any) -> None:
    if not dataset.startswith("synthetic"):
        request.getfixturevalue("real_data")
    env = gym.make(ID, preset=preset, dataset=dataset, bids=bids, split=split)
    feed = env.unwrapped.setup.feed
    raw = energy_gym.load(dataset)
    data = raw.frame.reindex(feed.times).fillna(0.0)
    site = pd.DataFrame(dict(feed.values), feed.times)
    prices = [name for name in raw.frame if name.endswith("_per_mwh")]
    np.testing.assert_array_equal(site[prices][~feed.filled], data[prices][~feed.filled])
    mean = raw.card.columns["price_per_mwh"].statistics.mean
    audit(env, site, feed.zone, mean, start or feed.times[feed.first + 40], steps)


@pytest.mark.parametrize("bids", ["volume", "price-volume"])
def test_a_file_of_the_indian_exchange(real_data: Any, bids: str) -> None:
    frame = iex.with_real_time(iex.read(real_data / "iex" / "DAM__IND.csv"))
    env = gym.make(ID, preset="india-15min", data=frame, bids=bids)
    feed = env.unwrapped.setup.feed
    site = pd.DataFrame(dict(feed.values), feed.times)
    np.testing.assert_array_equal(site["price_per_mwh"], frame["price_per_mwh"].tz_convert("UTC"))
    audit(env, site, "Asia/Kolkata", frame["price_per_mwh"].mean(), feed.times[100], 200)


@pytest.mark.parametrize("matching", ["day", "step"])
def test_storage_that_leaks_and_demand_matched_by_the_step(producers: Any, matching: str) -> None:
    data = producers.series(120, seed=4)
    leaky = Battery(8000.0, 1000.0, 1500.0, 0.9, 0.95, self_discharge_per_day=0.2, wear_per_kwh=0.002)
    supply = Supply(60.0, 400.0, 2000.0, 250.0, 0.0, matching=matching)
    chosen = producers.scenario(
        producers.PENALTIES["dual"], storage=leaky, supply=supply, objective=Objective(terminal="settle")
    )
    env = gym.make(ID, data=data, scenario=chosen)
    audit(env, data, "UTC", data["price_per_mwh"].mean(), data.index[5], 80)
