"""Key figures of an episode, as energy people read them: self-consumption, peaks, cycles, money per kW and year.

One rule: all are worked out from what crossed the meter, what was stored at the ends of steps, and the reward's parts;
of several meters, from all of them together, as a district.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from energy_gym.arrays import Floats
from energy_gym.conversions import HOURS_PER_YEAR
from energy_gym.dynamics import FIGURES
from energy_gym.entities import Consumer
from energy_gym.entities.solar import Source
from energy_gym.envs.env import EnergyEnv
from energy_gym.envs.setup import Setup
from energy_gym.errors import ConfigurationError, ResetNeededError
from energy_gym.evaluation.kept import TOLERANCE, stores_of, totals
from energy_gym.oracle.solution import Plan, Solution, replay

KPIS = (
    "load_kwh",
    "generation_kwh",
    "imported_kwh",
    "exported_kwh",
    "curtailed_kwh",
    "self_consumption",
    "self_sufficiency",
    "peak_kw",
    "daily_peak_kw",
    "load_factor",
    "ramping_kwh",
    "full_cycles",
    "life_years",
    "net_cost",
    "gained",
    "gained_per_kw_year",
    "gained_per_kwh",
    "carbon_kg",
    "at_storage_limit",
    "at_grid_limit",
    "refused_kwh",
)
"""Names of the key figures, each with its unit (shares, factors and counts have none; money is the data's currency)."""
MONEY = ("energy_cost", "wear", "penalty", "demand_charge")
CYCLE_LIFE = 6000.0


@dataclass(frozen=True)
class Played:
    """An episode as it was played, T steps of a setup.

    Args:
        setup: What was played.
        first: The first step, counted from the start of the split.
        states: States at the start and at the end of each step, shape (T + 1, states).
        figures: The figures named in `energy_gym.dynamics.FIGURES`, each of shape (T,).
    """

    setup: Setup
    first: int
    states: Floats
    figures: Mapping[str, Floats]

    @classmethod
    def of_plan(cls, plan: Plan) -> Played:
        """Return what a plan of the oracle plays."""
        figures = {name: plan.steps[:, 1 + place] for place, name in enumerate(FIGURES)}
        return cls(plan.setup, plan.first, np.vstack([plan.start, plan.states]), figures)

    @classmethod
    def of_infos(
        cls, setup: Setup, first: int, states: Sequence[Sequence[float]], infos: Sequence[Mapping[str, float]]
    ) -> Played:
        """Return an episode from its states, T + 1 of them, and the ``info`` of its T steps."""
        hours = setup.feed.step_hours
        figures = {name: np.array([info[name] for info in infos]) for name in ("carbon_kg", *MONEY)}
        figures["grid_kwh"] = np.array([info["grid_kw"] for info in infos]) * hours
        figures["refused_kwh"] = np.array([info["cost"] for info in infos])
        figures["curtailed_kwh"] = np.array([info.get("curtailed_kw", 0.0) for info in infos]) * hours
        return cls(setup, first, np.array(states, dtype=float), figures)

    @property
    def net_cost(self) -> float:
        """Money spent minus money earned [currency]."""
        return float(sum(self.figures[name].sum() for name in MONEY))

    def __len__(self) -> int:
        return len(self.figures["grid_kwh"])


def kpis(episode: Any, actions: Iterable[Any] | None = None, *, cycle_life: float = CYCLE_LIFE) -> dict[str, float]:
    """Return the key figures of an episode, by name; NaN where one has no meaning.

    - ``load_kwh``, ``generation_kwh``: what loads ask for as they come, and what sun, wind and rivers would make uncut;
      ``imported_kwh``, ``exported_kwh``, ``curtailed_kwh``: through the meter, and cut.
    - ``self_consumption``: share of the generation that is not exported, (generation - cut - exported) / (generation -
      cut); ``self_sufficiency``: share of the load served that is not imported, 1 - imported / served. Where a battery
      trades with the grid both may fall below 0.
    - ``peak_kw``: largest mean net import of a step; ``daily_peak_kw``: mean over local days of the largest;
      ``load_factor``: mean net import over its peak; ``ramping_kwh``: sum of the changes of the net import of a step to
      the next, up and down.
    - ``full_cycles``: what went into the stores and what was taken out of them, halved, over their capacity when new;
      ``life_years``: years in which that makes ``cycle_life`` cycles. A vehicle, which comes and goes, is none of them.
    - ``net_cost``: money spent minus earned; ``gained``: how much less that is than where nothing is done;
      ``gained_per_kw_year`` and ``gained_per_kwh``: that per rated kW of all stores and year, and per kWh given out.
    - ``carbon_kg`` caused. ``at_storage_limit``, ``at_grid_limit``: share of the steps that end with a store at its
      lowest or highest allowed level, or that import or export all that the connection lets through.
      ``refused_kwh``: what of the actions was not possible.

    Args:
        episode: A `Solution` or its plan, a `Played`, or an environment. Of an agent's episode they are
            ``evaluate(agent, env).kpis``.
        actions: Of an environment: the actions to play from where it stands, one for each step to the end.
        cycle_life: Full cycles that a store lives for.

    Raises:
        ConfigurationError: It is none of these, actions are missing, too few or too many, or a cycle life is not
            positive.
        ResetNeededError: The environment has no episode running.

    Source:
        Self-consumption, ramping, peaks, load factor and cycles as CityLearn has them (its ``kpis_reference.md`` and
        ``cost_function.py``; load factor over one window, ramps both ways, throughput halved), with what is cut left
        out of the generation; self-sufficiency by the energies of the episode, after Luthander et al., Applied Energy
        142 (2015).

    Example:
        >>> import gymnasium as gym
        >>> from energy_gym import solve
        >>> env = gym.make("energy_gym/Arbitrage-v1", episode_steps=48)
        >>> observation, info = env.reset(seed=1)
        >>> found = kpis(solve(env))
        >>> found["full_cycles"] > 1.0, found["gained"] == -found["net_cost"], found["self_consumption"]
        (True, True, nan)
    """
    if not cycle_life > 0.0:
        raise ConfigurationError(f"cycle_life={cycle_life}", "must be above 0", "pass full cycles, such as 6000")
    played = _played(episode, actions)
    net, hours = played.figures["grid_kwh"], played.setup.feed.step_hours
    found = {**_energies(played, net), **_shape(played, net / hours)}
    found |= _storage(played, cycle_life, len(played) * hours / HOURS_PER_YEAR)
    found["carbon_kg"] = float(played.figures["carbon_kg"].sum())
    found["at_grid_limit"] = _at_grid_limit(played, net)
    found["refused_kwh"] = float(played.figures["refused_kwh"].sum())
    return {name: found[name] for name in KPIS}


def _played(episode: Any, actions: Iterable[Any] | None) -> Played:
    """Return what is asked about as an episode that was played."""
    if isinstance(episode, Played):
        return episode
    if isinstance(episode, Solution | Plan):
        return Played.of_plan(episode.plan if isinstance(episode, Solution) else episode)
    base = getattr(episode, "unwrapped", None)
    if not isinstance(base, EnergyEnv):
        found = f"kpis of a {type(episode).__name__}"
        raise ConfigurationError(found, "must be of a solution, a plan or an environment", "pass solve(env)")
    if actions is None:
        rule = "must be given with an environment, which keeps no record of its episode"
        raise ConfigurationError("actions=None", rule, "pass a list of actions, or see evaluate(agent, env).kpis")
    return _play(episode, base, actions)


def _play(env: Any, base: EnergyEnv, actions: Iterable[Any]) -> Played:
    """Play actions from where an environment stands to the end of its episode."""
    first, stop = base.steps_left
    if first >= stop:
        raise ResetNeededError("kpis()", "no episode is running", "call reset() first")
    states, infos, coming = [base.states], [], list(actions)
    if len(coming) != stop - first:
        found = f"{len(coming)} actions for {stop - first} steps"
        raise ConfigurationError(found, "must be one for each step to the end", "play the whole episode")
    for action in coming:
        infos.append(env.step(action)[-1])
        states.append(base.states)
    return Played.of_infos(base.setup, first, states, infos)


def _energies(played: Played, net: Floats) -> dict[str, float]:
    """Return energies, and the shares of them that stay behind the meter."""
    cut, (load, made) = float(played.figures["curtailed_kwh"].sum()), _load_and_generation(played)
    imported, exported = float(net.clip(min=0.0).sum()), float(-net.clip(max=0.0).sum())
    return {
        "load_kwh": load,
        "generation_kwh": made,
        "imported_kwh": imported,
        "exported_kwh": exported,
        "curtailed_kwh": cut,
        "self_consumption": 1.0 - _share(exported, made - cut),
        "self_sufficiency": 1.0 - _share(imported, load - _unserved_kwh(played)),
    }


def _share(part: float, whole: float) -> float:
    return part / whole if whole > 0.0 else math.nan


def _load_and_generation(played: Played) -> tuple[float, float]:
    """Return what loads ask for and what follows the weather would make [kWh]."""
    feed = played.setup.feed
    window = slice(feed.first + played.first, feed.first + played.first + len(played))
    values = {name: column[window] for name, column in feed.values.items()}
    entities = list(played.setup.scenario.entities.values())
    load = [item.scale * values[item.column].sum() for item in entities if isinstance(item, Consumer)]
    made = [item.made_kw(values).sum() for item in entities if isinstance(item, Source)]
    return float(sum(load)) * feed.step_hours, float(sum(made)) * feed.step_hours


def _unserved_kwh(played: Played) -> float:
    """Return the load that was not served [kWh]."""
    places = [place for name, place in played.setup.told if name.endswith("unserved_kwh")]
    return float(played.states[1:, places].sum())


def _shape(played: Played, net_kw: Floats) -> dict[str, float]:
    """Return how even the import is."""
    feed = played.setup.feed
    begin = feed.first + played.first
    days = feed.times[begin : begin + len(net_kw)].tz_convert(feed.zone).tz_localize(None).to_numpy()
    numbers = np.unique(days.astype("datetime64[D]"), return_inverse=True)[1]
    peaks = np.full(numbers[-1] + 1, -np.inf)
    np.maximum.at(peaks, numbers, net_kw)
    peak = float(net_kw.max())
    return {
        "peak_kw": peak,
        "daily_peak_kw": float(peaks.mean()),
        "load_factor": _share(float(net_kw.mean()), peak),
        "ramping_kwh": float(np.abs(np.diff(net_kw)).sum()) * feed.step_hours,
    }


def _storage(played: Played, cycle_life: float, years: float) -> dict[str, float]:
    """Return what the stores did, and what that gained."""
    stores, before, after = stores_of(played.setup), played.states[:-1], played.states[1:]
    moved, given = totals(stores, before, after)
    capacity, rated = sum(store.capacity_kwh for store in stores), sum(store.rated_kw for store in stores)
    cycles, limited = _share(moved / 2.0, capacity), [store.limited(after) for store in stores]
    gained = _idle_cost(played) - played.net_cost
    return {
        "full_cycles": cycles,
        "life_years": _share(cycle_life * years, cycles),
        "net_cost": played.net_cost,
        "gained": gained,
        "gained_per_kw_year": _share(gained, rated * years),
        "gained_per_kwh": _share(gained, given),
        "at_storage_limit": float(np.any(limited, axis=0).mean()) if stores else math.nan,
    }


def _idle_cost(played: Played) -> float:
    """Return the net cost of the same episode where nothing is done [currency]."""
    wishes = np.zeros((len(played), played.setup.controls))
    stop = played.first + len(played)
    return Played.of_plan(replay(played.setup.by_power, played.first, stop, played.states[0].tolist(), wishes)).net_cost


def _at_grid_limit(played: Played, net: Floats) -> float:
    """Return the share of steps in which the connection lets no more through; NaN for several connections or none."""
    units = played.setup.units
    if len(units) != 1 or not units[0].limited:
        return math.nan
    unit = units[0].window(played.first, played.first + len(played))
    slack = TOLERANCE * max(1.0, float(np.abs(net).max()))
    full = (net >= unit.import_kwh - slack) | (net <= slack - unit.export_kwh)
    return float(full.mean())
