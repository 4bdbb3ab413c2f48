"""Demonstrations from the log of a real battery: what it did, laid into an environment over the same prices.

The log says power and state of charge step by step. Its power is played through the laws of the environment; where the
state of charge that these laws come to parts from the one that was logged, a new episode begins at the logged one, so
that every step that is learnt from is one that the environment agrees with.

One rule: nothing of a log is guessed or repaired; what does not fit the battery is told with the figures of both.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pandas as pd

from energy_gym.agents.records.experts import marks, recorded
from energy_gym.agents.records.keywords import environment_id, plain_keywords
from energy_gym.agents.records.trajectories import Episode, Trajectories
from energy_gym.arrays import Floats
from energy_gym.data.own_check import read_frame
from energy_gym.data.validation import numbers
from energy_gym.entities import Battery
from energy_gym.envs.env import EnergyEnv
from energy_gym.errors import ConfigurationError, DataError, MissingColumnError, NonFiniteError

POWER, SOC = "battery_kw", "soc"
LOG = "log"
# How far state of charge and laws may part before a new episode begins [fraction], and the shortest one worth keeping.
PARTING, SHORTEST = 0.05, 4
# Meters and inverters overshoot the rated power by a little.
ABOVE_RATED = 1.05


def read_log(
    path: str | Path, id: str = "energy_gym/Arbitrage-v1", *, zone: str | None = None, **keywords: Any
) -> Trajectories:
    """Return what a battery did, from a CSV or Parquet file with its power, its state of charge and the prices.

    Args:
        path: The file: a column of time stamps; ``battery_kw`` (power at the terminals, charging positive), ``soc``
            (state of charge as each step begins, from 0 to 1), and the columns that the id wants, such as
            ``price_per_mwh``, ``load_kw``, ``pv_kw``.
        id: The environment that the battery was in.
        zone: Zone of the place or market, for stamps without one.
        keywords: Keywords of ``gym.make``, ``battery=`` or ``scenario=`` among them.

    Raises:
        RawFileError: The file cannot be read.
        MissingColumnError: It lacks power, state of charge or what the id wants.
        DataError: See `record_log`.
    """
    frame = read_frame(Path(path), zone)
    _check_columns(frame, str(path))
    series = frame.drop(columns=[POWER, SOC])
    usual = {"split": "all", "episode_steps": None, **({} if zone is None else {"zone": zone})}
    env = gym.make(id, data=series, disable_env_checker=True, **{**usual, **keywords})
    return record_log(env, frame[[POWER, SOC]])


def record_log(env: Any, log: pd.DataFrame) -> Trajectories:
    """Return what a battery did as demonstrations in an environment over the same time.

    Args:
        env: An environment whose only storage is that battery, over data that cover the log, in no wrappers that change
            what is seen, done or earned.
        log: Columns ``battery_kw`` and ``soc`` over a time-zone-aware index with the step of the environment. Rows may
            be missing or NaN: what was before and what came after are episodes of their own.

    Raises:
        ConfigurationError: Not such an environment.
        MissingColumnError: The log lacks a column.
        NonFiniteError: No row of the log is complete.
        DataError: No numbers, states that are no fractions or beyond the battery's limits, power beyond the rating,
            signs the other way round, stamps that are not those of the environment's steps, or a battery whose losses
            are not those of the log.

    Example:
        >>> env = gym.make("energy_gym/Arbitrage-v1", episode_steps=48)
        >>> observation, info = env.reset(options={"start": "2021-07-01T05:00Z"})
        >>> times, rows = [], []
        >>> for step in range(48):
        ...     times.append(env.unwrapped.time)
        ...     rows.append((3.0 if step % 24 < 3 else 0.0, env.unwrapped.energy_kwh / 10.0))
        ...     _ = env.step([rows[-1][0] / env.unwrapped.scenario.battery.charge_kw])
        >>> log = pd.DataFrame(rows, pd.DatetimeIndex(times), columns=["battery_kw", "soc"])
        >>> found = record_log(env, log)
        >>> len(found), found.policy, bool(abs(found.episodes[0].actions[0, 0] * 5.0 - 3.0) < 1e-6)
        (48, 'log', True)
    """
    base = _checked(env)
    _check_columns(log, "the log")
    known = pd.DataFrame({name: numbers(log, name) for name in (POWER, SOC)}, log.index).dropna()
    if known.empty:
        raise NonFiniteError("the log", "has no row with both power and state of charge", f"fill {POWER} and {SOC}")
    _check_figures(known, base.scenario.battery)
    runs = list(_runs(base, known))
    longest = max(len(run.power) for run in runs)
    if longest < SHORTEST:
        rule = f"are fewer than the {SHORTEST} that an episode takes"
        raise DataError(f"{longest} steps in a row at most", rule, "give a longer log, or fill its gaps")
    episodes = tuple(episode for run in runs for episode in _episodes(base, run))
    if not episodes:
        battery = base.scenario.battery
        told = f"capacity {battery.capacity_kwh:g} kWh, efficiency {battery.efficiency_charge:g} in, "
        told += f"{battery.efficiency_discharge:g} out"
        rule = f"parts from the logged state of charge by more than {PARTING:.0%} within {SHORTEST} steps, everywhere"
        raise DataError(f"a battery of {told}", rule, "give the figures of the battery that was logged, battery=")
    setup = base.setup
    return Trajectories(
        episodes, environment_id(base), plain_keywords(base), setup.layout, setup.levels, LOG, noise=0.0
    )


def _checked(env: Any) -> EnergyEnv:
    base = recorded(env)
    if base.setup.controls != 1 or base.setup.control != "power" or base.decision != "power":
        found = f"scenario {base.scenario.name!r} (control={base.setup.control!r})"
        raise ConfigurationError(found, "decides on more or other than the power of one battery", "use another")
    _ = base.scenario.battery
    return base


def _check_columns(frame: pd.DataFrame, told: str) -> None:
    """Raise MissingColumnError where power or state of charge is missing, with what stands there in its place."""
    meant = {POWER: "power at the terminals [kW], charging positive", SOC: "state of charge as a step begins, 0 to 1"}
    for name, what in meant.items():
        if name not in frame:
            found = f"{told} with columns {', '.join(map(str, frame.columns))}"
            raise MissingColumnError(found, f"has no column {name!r} ({what})", "add or rename it")


def _check_figures(log: pd.DataFrame, battery: Battery) -> None:
    power, soc = (log[name].to_numpy(dtype=float) for name in (POWER, SOC))
    if soc.min() < 0.0 or soc.max() > 1.0:
        found = f"{SOC} from {soc.min():g} to {soc.max():g}"
        raise DataError(found, "must be fractions from 0 to 1", "divide percentages by 100")
    least, most_soc = battery.soc_min - PARTING, battery.soc_max + PARTING
    outside = (soc < least) | (soc > most_soc)
    if outside.any():
        first = int(outside.argmax())
        found = f"{SOC} of {soc[first]:g} at {log.index[first]} and {outside.sum() - 1} more"
        rule = f"lie outside soc_min={battery.soc_min:g} to soc_max={battery.soc_max:g} by more than {PARTING:.0%}"
        raise DataError(found, rule, "give the battery its limits, battery=; where a reading failed, leave it empty")
    for most, rated, told in ((power.max(), battery.charge_kw, "charge"), (-power.min(), battery.discharge_kw, "dis")):
        if most > rated * ABOVE_RATED:
            name = "charge_kw" if told == "charge" else "discharge_kw"
            raise DataError(f"{POWER} of {most:g} kW", f"is above {name}={rated:g}", f"give the battery its {name}")
    change = np.diff(soc)
    moved = (power[:-1] != 0.0) & (change != 0.0)
    if moved.sum() >= SHORTEST and (np.sign(power[:-1]) == np.sign(change))[moved].mean() < 0.5:
        rule = "rises mostly where the state of charge falls; charging is positive"
        raise DataError(f"{POWER}", rule, f"multiply {POWER} by -1, or shift {SOC} to the beginning of each step")


@dataclass(frozen=True)
class _Run:
    """Steps of a log without a gap: the number of the first in the environment's split, power and state of charge."""

    first: int
    power: Floats
    soc: Floats


def _runs(env: EnergyEnv, log: pd.DataFrame) -> Iterator[_Run]:
    """Yield the parts of a log without a gap."""
    setup = env.setup
    times = setup.feed.span(setup.feed.first, setup.feed.first + setup.steps)
    utc = log.index.tz_convert("UTC") if getattr(log.index, "tz", None) is not None else None
    places = None if utc is None else times.get_indexer(utc)
    if utc is None or places is None or (places < 0).any():
        odd = log.index[0] if utc is None or places is None else utc[places < 0][0]
        rule = f"is no step of the environment ({times[0]} to {times[-1]}, every {setup.feed.step_hours:g} h)"
        raise DataError(f"stamp {odd}", rule, "resample the log, and give stamps a zone")
    if len(np.unique(places)) < len(places) or (np.diff(places) < 0).any():
        raise DataError("stamps of the log", "repeat or run backwards", "sort them and drop the repeated ones")
    for part in np.split(np.arange(len(places)), np.flatnonzero(np.diff(places) != 1) + 1):
        rows = log.iloc[part]
        yield _Run(int(places[part[0]]), rows[POWER].to_numpy(dtype=float), rows[SOC].to_numpy(dtype=float))


def _episodes(env: EnergyEnv, run: _Run) -> Iterator[Episode]:
    """Yield a run as episodes: each goes on for as long as the laws come to the logged state of charge."""
    begin = 0
    while begin < len(run.power):
        steps = _agreed(env, run, begin)
        if steps >= SHORTEST:
            yield _episode(env, run, begin, steps)
        begin += max(steps, 1)


def _agreed(env: EnergyEnv, run: _Run, begin: int) -> int:
    """Return for how many steps from a place in a run the laws come to the logged state of charge."""
    capacity = env.scenario.battery.capacity_kwh
    _restart(env, run, begin, len(run.power) - begin)
    for step in range(begin, len(run.power)):
        if abs(env.energy_kwh / capacity - run.soc[step]) > PARTING:
            return step - begin
        env.step(_action(env, run.power[step]))
    return len(run.power) - begin


def _restart(env: EnergyEnv, run: _Run, begin: int, steps: int) -> Any:
    """Begin at a place in a run, with the state of charge logged there, or the limit that it is a little beyond."""
    start, battery = env.setup.time(run.first + begin), env.scenario.battery
    soc = min(max(float(run.soc[begin]), battery.soc_min), battery.soc_max)
    return env.reset(seed=0, options={"start": start, "steps": steps, "soc_initial": soc})[0]


def _action(env: EnergyEnv, power: float) -> Any:
    """Return the action for a power [kW]: a share of what is rated, or the nearest level."""
    battery, levels = env.scenario.battery, env.setup.levels
    share = float(np.clip(power / (battery.charge_kw if power > 0.0 else battery.discharge_kw), -1.0, 1.0))
    if levels is None:
        return np.array([share], dtype=np.float32)
    return int(np.argmin(np.abs(np.array(levels) - share)))


def _episode(env: EnergyEnv, run: _Run, begin: int, steps: int) -> Episode:
    seen = [_restart(env, run, begin, steps)]
    first, known = env.setup.time(run.first + begin), marks(env)
    actions, rewards = [], []
    for power in run.power[begin : begin + steps]:
        actions.append(_action(env, power))
        observation, reward, _, _, _ = env.step(actions[-1])
        seen.append(observation)
        rewards.append(reward)
    played = np.array(actions, dtype=np.float32 if env.setup.levels is None else np.int64)
    return Episode(np.array(seen), played, played.copy(), np.array(rewards), 0, first.isoformat(), **known)
