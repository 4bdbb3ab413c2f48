"""EMSx, 70 industrial sites by the quarter hour: ``python benchmarks/emsx.py`` writes EMSX.md.

It plays the test weeks of every site whose series are in the mirror or the cache, and else the four weeks of site 1
that others have published; ``--agents`` and ``--forecasts`` name what acts and what it believes, ``mpc/meter`` an agent
whose wishes name powers at the meter.

One rule: a bill is what the environment has settled; a score is a share of what perfect foresight would have gained.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np
import pandas as pd
from emsx_page import Bills, page

import energy_gym
from energy_gym import Battery, Scenario
from energy_gym.agents import make_agent
from energy_gym.contracts import Tariff
from energy_gym.data import emsx
from energy_gym.data.emsx_card import facts, fetched, shared_file
from energy_gym.data.feed import Feed
from energy_gym.entities import Consumer, Solar
from energy_gym.errors import EnergyGymError
from energy_gym.forecast import get_forecast
from energy_gym.forecast.past import past_rows

PAGE = Path(__file__).resolve().with_name("EMSX.md")
DAY, WEEK, STEP = 96, 672, pd.Timedelta(minutes=15)
MONDAY = pd.Timestamp("2024-01-01", tz="UTC")
"""Where the first week is laid: EMSx hides its dates, and a week begins on a Monday at midnight."""
PRICES = ("buy_per_mwh", "sell_per_mwh")
ISSUED, PERSISTS = "issued", "persists"
LEARNERS = (
    "sdp",
    "rollout",
    "mpc",
    "mpc-stochastic",
    "self-consumption",
    "sdp/meter",
    "mpc/meter",
)


class Week(NamedTuple):
    """A test week of a site.

    Args:
        site: Number of the site.
        number: Number of the week at the site.
        before: What was measured before it, and what may be learnt from: load and PV [kW].
        demand: Load and PV of its 672 steps [kW], and the prices of energy bought and sold [EUR/MWh].
        issued: Forecasts by column as they came with the data, shape (672, 96) [kW]; empty where there are none.
    """

    site: int
    number: int
    before: pd.DataFrame
    demand: pd.DataFrame
    issued: Mapping[str, Any]


def tariff() -> pd.DataFrame:
    """Return the prices of a week, bought and sold [EUR/MWh]."""
    table = pd.read_csv(shared_file("edf_prices.csv"))
    return pd.DataFrame({name: 1000.0 * table[name.split("_")[0]] for name in PRICES})


def published_weeks(folder: Path) -> Iterator[Week]:
    """Yield the four weeks of site 1 of which others have published load, PV and net energy [kWh].

    The net energies are those of the week. Load and PV begin a day earlier: the net energy of step k is load less PV of
    row k + 97, so that the first 97 rows are what was known when the week began. Net energy is load where it is
    positive and PV where it is negative; a bill asks for no more.
    """
    table, prices = pd.read_csv(folder / "site1_weeks.csv"), tariff()
    for number, rows in table.groupby("period"):
        early = 4.0 * rows[["load", "pv"]].iloc[: DAY + 1].set_axis(["load_kw", "pv_kw"], axis=1)
        net = 4.0 * rows["net"].to_numpy()
        week = pd.DataFrame({"load_kw": np.maximum(net, 0.0), "pv_kw": np.maximum(-net, 0.0)})
        yield Week(1, int(number), early, pd.concat([week, prices], axis=1), {})


def mirrored_weeks(site: int) -> Iterator[Week]:
    """Yield the test weeks of a site whose series are here; all weeks that are not for tests may be learnt from.

    As in EMSx, the last step of a week repeats the demand of the one before it.
    """
    data, prices = energy_gym.load(f"emsx-{site}"), tariff()
    frame, tests = data.frame[["load_kw", "pv_kw"]], emsx.test_weeks(site)
    places = {number: int(frame.index.searchsorted(pd.Timestamp(begin))) for number, begin, _ in facts(site).weeks}
    others = [at for number, at in places.items() if number not in tests and at + WEEK <= len(frame)]
    learnt = [frame.iloc[at : at + WEEK] for at in others]
    for number in tests:
        at = places[number]
        rows = frame.iloc[at : at + WEEK].reset_index(drop=True)
        rows.iloc[-1] = rows.iloc[-2]
        issued = {name: table[at : at + WEEK] for name, table in data.issued.items()}
        before = pd.concat([*learnt, frame.iloc[max(at - DAY, 0) : at]])
        yield Week(site, number, before, pd.concat([rows, prices], axis=1), issued)


@dataclass(frozen=True)
class AsIssued:
    """The forecasts that came with the data; beyond them, and where there are none, yesterday's values."""

    tables: Mapping[str, Any] = field(repr=False)

    def rows(self, feed: Feed, column: str, first: int, stop: int, horizon: int) -> Any:
        """See `energy_gym.forecast.Forecast.rows`."""
        rows = get_forecast("published").rows(feed, column, first, stop, horizon)
        table, begin = self.tables.get(column), len(feed) - len(self.tables.get(column, ()))
        for step in range(max(first, begin), min(stop, len(feed))) if table is not None else ():
            told = table[step - begin][:horizon]
            rows[step - first, : len(told)] = np.where(np.isfinite(told), told, rows[step - first, : len(told)])
        return rows


@dataclass(frozen=True)
class Persists:
    """The last known value, for all that comes."""

    def rows(self, feed: Feed, column: str, first: int, stop: int, horizon: int) -> Any:
        """See `energy_gym.forecast.Forecast.rows`."""
        if feed.published[column] == "always":
            return get_forecast("published").rows(feed, column, first, stop, horizon)
        return np.repeat(past_rows(feed, column, first, stop, 1), horizon, axis=1)


def believed(name: str, weeks: Sequence[Week]) -> Any:
    """Return a forecast by its name."""
    if name == ISSUED:
        return AsIssued({part: np.concatenate([week.issued[part] for week in weeks]) for part in weeks[0].issued})
    return Persists() if name == PERSISTS else name


def make(weeks: Sequence[Week], forecast: str, **keywords: Any) -> Any:
    """Return weeks of a site, one behind the other, as one environment that begins with an empty battery.

    What is left in the battery at its end is worth nothing.
    """
    first = weeks[0]
    series = pd.concat([first.before, *(week.demand[["load_kw", "pv_kw"]] for week in weeks)], ignore_index=True)
    prices = pd.concat([week.demand[list(PRICES)] for week in weeks], ignore_index=True)
    early = np.resize(tariff().to_numpy(), (len(first.before) + WEEK, 2))[-len(first.before) :]
    series[list(PRICES)] = np.concatenate([early, prices.to_numpy()])
    series.index = pd.date_range(MONDAY - len(first.before) * STEP, periods=len(series), freq=STEP)
    store = Battery(**emsx.battery(first.site))
    site = {"battery": store, "roof": Solar(), "load": Consumer()}
    told = {
        "scenario": Scenario("emsx", site, {"supply": Tariff(*PRICES)}),
        "data": series,
        "zone": "UTC",
        "published": dict.fromkeys(PRICES, "always"),
        "splits": {"train": (series.index[0], MONDAY), "test": (MONDAY, series.index[-1] + STEP)},
        "split": "test",
        "forecast": believed(forecast, weeks),
    }
    fixed = {"horizon": DAY, "terminal": "free", "episode_steps": None}
    return gym.make("energy_gym/Scenario-v1", **{**told, **fixed, **keywords})


def bill(env: Any, agent: Any) -> float:
    """Return what an agent pays [EUR]; None does nothing."""
    observation, info = env.reset(seed=0)
    if agent is not None:
        agent.reset()
    total, done = 0.0, False
    while not done:
        action = np.zeros(1, np.float32) if agent is None else agent.act(observation, info)
        observation, reward, _, done, info = env.step(action)
        total -= float(reward)
    return total


def acting(name: str, weeks: Sequence[Week], forecast: str) -> float:
    """Return what an agent pays for weeks one behind the other [EUR]; ``/meter`` behind its name is its control.

    Where there is too little to learn from it plays as it is, which is told.

    Raises:
        EnergyGymError: It cannot play there.
    """
    plain, _, control = name.partition("/")
    env = make(weeks, forecast, **({"control": control} if control else {}))
    agent = make_agent(plain, env)
    try:
        agent.fit()
    except EnergyGymError as error:
        print(f"{name}, {forecast} plays without having learnt: {error}")
    return bill(env, agent)


def foresight(weeks: Sequence[Week]) -> float:
    """Return the least that can be paid [EUR], proven."""
    env = make(weeks, "perfect")
    env.reset(seed=0)
    return -energy_gym.solve(env).value


def play(weeks: Sequence[Week], agents: Sequence[str], forecasts: Sequence[str]) -> Bills:
    """Return the bills of weeks one behind the other; who cannot play is told and left out."""
    played = {}
    for forecast in forecasts:
        if forecast == ISSUED and not weeks[0].issued:
            continue
        for agent in agents:
            try:
                played[agent, forecast] = acting(agent, weeks, forecast)
            except EnergyGymError as error:
                print(f"{agent}, {forecast}: {error}")
    what = f"week {weeks[0].number}" if len(weeks) == 1 else f"{len(weeks)} weeks, carried"
    found = Bills(weeks[0].site, what, bill(make(weeks, "yesterday"), None), foresight(weeks), played)
    print(found, flush=True)
    return found


def from_others(weeks: Sequence[Week]) -> list[Week]:
    """Return weeks of a site, each of which may be learnt from with all others.

    The day that was measured before a week stands at the end of the last of the others, so that days keep their place.
    """
    found = []
    for week in weeks:
        others = [other.demand[["load_kw", "pv_kw"]] for other in weeks if other is not week]
        before = pd.concat(others, ignore_index=True).iloc[: -len(week.before)] if others else week.before[:0]
        found.append(week._replace(before=pd.concat([before, week.before], ignore_index=True)))
    return found


def sites_here(most_weeks: int | None) -> tuple[dict[int, list[Week]], str]:
    """Return the weeks that can be played, by site, and what they are in words."""
    here = [site for site in emsx.SITES if fetched(site)]
    if here:
        weeks = {site: list(mirrored_weeks(site))[:most_weeks] for site in here}
        return weeks, f"the test weeks of the sites whose series are here: {', '.join(map(str, here))}"
    folder = Path(os.environ.get("ENERGY_GYM_DATA", "")) / "emsx-published"
    found = list(published_weeks(folder))[:most_weeks]
    return {1: found}, "four weeks of site 1, without the forecasts that EMSx issues and without weeks to learn from"


def main(arguments: Sequence[str] | None = None) -> None:
    """Play, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    agents = ["mpc", "self-consumption", "mpc/meter", "self-consumption/meter"]
    forecasts = [ISSUED, PERSISTS, "yesterday", "mean"]
    parser.add_argument("--agents", nargs="+", default=agents, help="Agents by name, or module:class; /meter behind it")
    parser.add_argument("--forecasts", nargs="+", default=forecasts, help="Forecasts by name")
    told = "Agents that learn from the other weeks of a site, where it has none for that alone"
    parser.add_argument("--learners", nargs="*", default=LEARNERS, help=told)
    parser.add_argument("--learners-believe", nargs="+", default=[PERSISTS], help="What these believe")
    parser.add_argument("--weeks", type=int, help="At most so many weeks of each site")
    parser.add_argument("--out", type=Path, default=PAGE, help="Where the page goes")
    chosen = parser.parse_args(arguments)
    weeks, what = sites_here(chosen.weeks)
    single = [play([week], chosen.agents, chosen.forecasts) for own in weeks.values() for week in own]
    carried = [play(own, chosen.agents, chosen.forecasts) for own in weeks.values()]
    # A week that brings no more than the day before it has nothing to learn from.
    bare = [own for own in weeks.values() if len(own) > 1 and len(own[0].before) < WEEK and chosen.learners]
    taught = [play([week], chosen.learners, chosen.learners_believe) for own in bare for week in from_others(own)]
    chosen.out.write_text(page(single, carried, taught, what), encoding="utf-8")
    print(chosen.out)


if __name__ == "__main__":
    main()
