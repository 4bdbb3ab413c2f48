"""A French household in February 2025, as EMHASS studied it: ``python benchmarks/emhass.py`` writes EMHASS.md.

Half-hourly load without PV, a battery of 5 kWh and a tariff of two prices, for two weeks. What an agent believes of the
load is a forecast of the suite; ``--agents`` and ``--forecasts`` name others. The series lies in the folder ``emhass``
below ``ENERGY_GYM_DATA``.

One rule: every figure is a bill that the environment has settled, or the proven optimum of the same environment.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np
import pandas as pd

import energy_gym
from energy_gym import Battery, Scenario
from energy_gym.agents import make_agent
from energy_gym.agents.mpc import MPC, StepPlanner, expected_units, first_action, robust
from energy_gym.contracts import Tariff, TimeOfUse
from energy_gym.contracts.time_of_use import Band
from energy_gym.entities import Consumer
from energy_gym.entities.grid import Grid
from energy_gym.errors import UnsuitableAgentError

PAGE = Path(__file__).resolve().with_name("EMHASS.md")
ZONE, DAY, TILT = "Europe/Paris", 48, 1e-4
PLAIN = "mpc-plain"
BEGIN, DAYS = "2025-02-14", 14
SPLITS = {"train": ("2024-02-29", "2025-01-17"), "validation": ("2025-01-17", BEGIN), "test": (BEGIN, "2025-02-28")}
DEAR, CHEAP = ((3.0, 15.5), (17.5, 20.5)), ((0.0, 3.0), (15.5, 17.5), (20.5, 24.0))
"""Hours of the two prices. A half hour counts by its start; the tariff changes at 02:54, 15:24, 17:24 and 20:24."""
PUBLISHED = {"no battery": 81.8763, "perfect foresight": 79.7017}
THEIRS = (
    ("Gaussian Transformer", 764.13, 757.58, 80.0007, 79.7017),
    ("EMA ensemble", 729.17, 715.12, 79.9642, 79.7018),
    ("Gradient Boosting", 735.36, 591.61, 80.0804, 79.7091),
    ("FlowState", 700.33, 564.58, 79.9507, 79.7122),
)
"""Forecaster, root mean square error at midnight and of the next half hour [W], bill once a day and rolling [EUR]."""


def series(folder: Path) -> pd.DataFrame:
    """Return the load [kW]; what is missing, all of it before the two weeks, is interpolated, as in the study."""
    table = pd.read_csv(folder / "household_load.csv")
    index = pd.DatetimeIndex(pd.to_datetime(table["time_utc"], utc=True)).as_unit("ns")
    load = pd.Series(table["load_w"].to_numpy() / 1000.0, index).asfreq("30min")
    return pd.DataFrame({"load_kw": load.interpolate()})


def household() -> Scenario:
    """Return the household: it may not export, and its battery starts and ends at 0.6."""
    bands = (Band("dear", 190.7, hours=DEAR), Band("cheap", 141.9, hours=CHEAP))
    store = Battery(5.0, 1.0, 1.0, 0.95, 0.95, soc_min=0.3, soc_max=0.9, soc_initial=0.6)
    entities = {"battery": store, "load": Consumer(), "grid": Grid(import_kw=9.0, export_kw=0.0)}
    return Scenario("household", entities, {"supply": Tariff(TimeOfUse(bands), 0.0)})


def make(data: pd.DataFrame, forecast: Any = "yesterday", **keywords: Any) -> Any:
    """Return the two weeks as an environment.

    What the battery lacks at the end of an episode is bought at the dearer price, and what it has over earns nothing,
    so that no plan ends anywhere but at 0.6.
    """
    told = {"zone": ZONE, "splits": SPLITS, "split": "test", "terminal": "buyback", "episode_steps": None}
    site = {"scenario": household(), "data": data, "forecast": forecast, "horizon": DAY}
    return gym.make("energy_gym/Scenario-v1", **{**site, **told, **keywords})


def bill(env: Any, agent: Any, day_by_day: bool) -> float:
    """Return what an agent's two weeks cost [EUR]: one episode, or a day at a time, each from 0.6 and back to it."""
    starts = [pd.Timestamp(BEGIN, tz=ZONE) + pd.Timedelta(days=day) for day in range(DAYS if day_by_day else 1)]
    steps = DAY if day_by_day else DAY * DAYS
    total = 0.0
    for start in starts:
        observation, info = env.reset(seed=0, options={"start": start, "steps": steps})
        if agent is not None:
            agent.reset()
        for _ in range(steps):
            action = np.zeros(1, np.float32) if agent is None else agent.act(observation, info)
            observation, reward, _, _, info = env.step(action)
            total -= float(reward)
    return total


def optimum(env: Any, day_by_day: bool) -> float:
    """Return the least that two weeks, or their days one by one, can cost [EUR], proven."""
    starts = [pd.Timestamp(BEGIN, tz=ZONE) + pd.Timedelta(days=day) for day in range(DAYS if day_by_day else 1)]
    total = 0.0
    for start in starts:
        env.reset(seed=0, options={"start": start, "steps": DAY if day_by_day else DAY * DAYS})
        total -= energy_gym.solve(env).value
    return total


class Sooner(MPC):
    """`MPC` that of plans worth the same takes the one that acts sooner: what waits may find less load than believed.

    Prices fall by a ten-thousandth of a EUR/MWh from step to step of its plan, and are otherwise as they are.
    """

    name = "mpc-sooner"

    def reset(self) -> None:
        """Forget the plan."""
        self._planner = SoonerPlanner(self.env)


@dataclass(frozen=True)
class SoonerPlanner(StepPlanner):
    """The best plan over the look-ahead at each step, with prices that fall ever so slightly."""

    def action(self, _info: Mapping[str, Any]) -> Any:
        """Return the action for the coming step."""
        now, stop = self.env.steps_left
        size = min(self.env.setup.tape.horizon, stop - now)
        units = [replace(unit, buy=unit.buy - TILT * np.arange(size)) for unit in expected_units(self.env, size)]
        return first_action(self.env, units, ends=now + size == stop, best=robust)


def player(name: str, env: Any) -> Any:
    """Return an agent by its name, ready to act: it learns on the four weeks before the two, if it learns at all.

    ``mpc-plain`` and ``mpc-sooner`` plan on the forecast as it is.
    """
    if name in (PLAIN, Sooner.name):
        return MPC(env) if name == PLAIN else Sooner(env)
    return make_agent(name, env).fit(env.unwrapped.variant(split="validation"))


def forecasts(names: Sequence[str], data: pd.DataFrame) -> Iterator[tuple[str, Any]]:
    """Yield forecasts by name; one that learns is fitted on the training split, four weeks before the test."""
    for name in names:
        made: Any = name
        if name == "lightgbm":
            if importlib.util.find_spec("lightgbm") is None:
                print("lightgbm is not installed, and left out")
                continue
            from energy_gym.forecast.lightgbm import LightGBM

            made = LightGBM().fit(make(data, split="train").unwrapped.setup.feed)
        yield name, made


def errors_w(env: Any) -> tuple[float, float]:
    """Return the root mean square errors of the days' forecasts made at midnight, and of the next half hour [W]."""
    tape = env.unwrapped.setup.tape
    actual = tape.feed.values["load_kw"][tape.feed.first : tape.feed.stop]
    rows = tape.ahead["load_kw"][:-1]
    midnight, next_one = rows[::DAY] - actual.reshape(DAYS, DAY), rows[:, 0] - actual
    return 1000.0 * float(np.sqrt(np.mean(midnight**2))), 1000.0 * float(np.sqrt(np.mean(next_one**2)))


class Row(NamedTuple):
    """What an agent's two weeks cost with a forecast [EUR]: its days one by one, and in one piece."""

    agent: str
    forecast: str
    days: float
    fortnight: float


class Errors(NamedTuple):
    """Root mean square errors of a forecast [W]."""

    forecast: str
    midnight: float
    next_half_hour: float


def play(data: pd.DataFrame, agents: Sequence[str], names: Sequence[str]) -> tuple[list[Row], list[Errors]]:
    """Return the bills of agents with forecasts, and the forecasts' errors; who cannot play says so."""
    rows, wrong = [], []
    for name, forecast in forecasts(names, data):
        env = make(data, forecast)
        wrong.append(Errors(name, *errors_w(env)))
        for agent in agents:
            try:
                acting = player(agent, env)
            except UnsuitableAgentError as error:
                print(error)
                continue
            rows.append(Row(agent, name, bill(env, acting, True), bill(env, acting, False)))
            print(*rows[-1], flush=True)
    return rows, wrong


HEAD = """\
# A household of EMHASS

Written by `python benchmarks/emhass.py`. EMHASS, a home energy manager, published a study of one French household
("From load forecasting to chance-constrained MPC", in its documentation, version 0.18): 672 half hours of load from
2025-02-14 to 02-27, a battery of 5 kWh and 1 kW with 0.95 each way between 0.3 and 0.9 of its capacity, two prices
(0.1419 and 0.1907 EUR/kWh), no PV, no export. Each day starts and ends at 0.6. Its bills are found again here by this
package's environment, oracle and `mpc`; the load is what nobody knows beforehand.

"""
NOTE = """
`days` plays each day as an episode of its own, from 0.6 and back to it, as the study does; `two weeks` is one episode
whose look-ahead slides over 24 h. What is missing at the end of an episode is bought at the dearer price, what is over
earns nothing. `mpc` plans at every half hour, `milp` at midnight (for the whole day, which it then follows),
`tariff-clock` is a rule. `mpc` learns on the four weeks before how its forecast errs; `mpc-plain` takes the forecast as
it is, and `mpc-sooner` besides takes, of plans worth the same, the one that acts sooner.

- The optimum is the same for the days one by one as for the two weeks, and the study's to the cent; so is the bill
  without a battery.
- The study's rolling planner cost 79.7017 to 79.7122 EUR with four forecasters that learn. {found}
- All hours of one price are worth the same to a plan, so that it is left open when within them the battery gives out.
  The solver may leave it for the end, where the real load may be smaller than the one believed, and the energy is not
  sold in time. With the tie broken the forecast hardly matters here: the mean of the days before does as well as the
  study's best, a network, and ends at the optimum.
- A plan made at midnight and followed through the day (`milp`) costs more than the study's (79.95 to 80.08 EUR): theirs
  lets days end where they end and values what is left at the lower price, ours buys at the dearer price what is missing
  each midnight. Over the two weeks in one piece ours costs {milp}.
- Their forecasters were fitted up to the day before the test, `lightgbm` up to four weeks before it.

## Theirs [EUR]

| forecaster | error at midnight [W] | of the next half hour [W] | once a day | rolling |
| --- | ---: | ---: | ---: | ---: |
"""


def page(rows: Sequence[Row], wrong: Sequence[Errors], marks: Mapping[str, tuple[float, float]]) -> str:
    """Return the page."""
    lines = ["| what | theirs [EUR] | ours, days [EUR] | ours, two weeks [EUR] |", "| --- | ---: | ---: | ---: |"]
    lines += [f"| {name} | {PUBLISHED[name]:.4f} | {days:.6f} | {whole:.6f} |" for name, (days, whole) in marks.items()]
    lines += ["", "| agent | forecast | days [EUR] | two weeks [EUR] |", "| --- | --- | ---: | ---: |"]
    lines += [f"| {row.agent} | {row.forecast} | {row.days:.4f} | {row.fortnight:.4f} |" for row in rows]
    lines += ["", "| forecast | error at midnight [W] | of the next half hour [W] |", "| --- | ---: | ---: |"]
    lines += [f"| {one.forecast} | {one.midnight:.2f} | {one.next_half_hour:.2f} |" for one in wrong]
    note = NOTE.format(found=_found(rows), milp=_range([row.fortnight for row in _blind(rows) if row.agent == "milp"]))
    theirs = [f"| {name} | {a:.2f} | {b:.2f} | {once:.4f} | {rolling:.4f} |" for name, a, b, once, rolling in THEIRS]
    return HEAD + "\n".join(lines) + "\n" + note + "\n".join(theirs) + "\n"


def _found(rows: Sequence[Row]) -> str:
    figures = {name: _range([row.days for row in _blind(rows) if row.agent == name]) for name in (PLAIN, Sooner.name)}
    return f"`{PLAIN}` costs {figures[PLAIN]}, `{Sooner.name}` {figures[Sooner.name]}."


def _blind(rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if row.forecast != "perfect"]


def _range(figures: Sequence[float]) -> str:
    return f"{min(figures):.4f} to {max(figures):.4f} EUR" if figures else "not played"


def main(arguments: Sequence[str] | None = None) -> None:
    """Play, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    agents, names = ["mpc", PLAIN, Sooner.name, "milp", "tariff-clock"], ["perfect", "yesterday", "mean", "lightgbm"]
    parser.add_argument("--agents", nargs="+", default=agents, help="Agents by name, or module:class")
    parser.add_argument("--forecasts", nargs="+", default=names, help="Forecasts by name")
    parser.add_argument("--out", type=Path, default=PAGE, help="Where the page goes")
    chosen = parser.parse_args(arguments)
    data = series(Path(os.environ["ENERGY_GYM_DATA"]) / "emhass")
    env = make(data)
    marks = {
        "no battery": (bill(env, None, True), bill(env, None, False)),
        "perfect foresight": (optimum(env, True), optimum(env, False)),
    }
    chosen.out.write_text(page(*play(data, chosen.agents, chosen.forecasts), marks), encoding="utf-8")
    print(chosen.out)


if __name__ == "__main__":
    main()
