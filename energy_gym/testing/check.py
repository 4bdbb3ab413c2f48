"""``check_scenario``: everything the suite promises of a scenario, tried on one.

One rule: it may be called on any composition of any kinds of entities and contracts, ours or not.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from energy_gym.conversions import SECONDS_PER_HOUR
from energy_gym.data import load
from energy_gym.data.feed import DEFAULT_DATASET
from energy_gym.envs.env import EnergyEnv
from energy_gym.envs.keywords import check_count
from energy_gym.errors import BrokenPromiseError
from energy_gym.scenario import Scenario
from energy_gym.scenarios.composed import ScenarioEnv
from energy_gym.testing.episodes import check_episodes, check_gymnasium
from energy_gym.testing.foresight import check_foresight
from energy_gym.testing.laws import check_laws
from energy_gym.testing.optimum import Earned, check_models, check_optimum
from energy_gym.testing.report import Report

SEQUENCES = 32
ROLLOUTS = 600
FORESIGHT_TRIALS = 5
FORESIGHT_DAYS = 30


def check_scenario(
    scenario: Scenario | str | Path,
    data: pd.DataFrame | None = None,
    dataset: str | None = None,
    *,
    episodes: int = 3,
    steps: int = 48,
    seed: int = 0,
    torch: bool | None = None,
    control: str = "power",
) -> Report:
    """Hold a scenario to all that the suite promises, and return what was seen.

    It is written to YAML and read back; Gymnasium's checker finds nothing; floats, NumPy arrays and torch tensors give
    the same bits; rewards are the sum of their parts; the same seed gives the same trajectory; a batch does as single
    environments do; the future does not show; the array model and the Pyomo model have one optimum; the oracle's plan
    earns its value, and no random rollout and no agent more than its bound.

    Args:
        scenario: A scenario, or the path of its YAML file.
        data: Frame with the series it needs.
        dataset: Or the id of a data set; with neither, the default one.
        episodes: Episodes to play.
        steps: Steps of an episode.
        seed: Seed of the first episode, and of whatever is drawn.
        torch: Whether tensors are tried; None where torch is installed.
        control: What the wishes of batteries name: a share of their rated ``"power"``, or a power at the ``"meter"``.

    Raises:
        BrokenPromiseError: A promise does not hold; the first step and figure that differ are named.
        ConfigurationError: The scenario or the data cannot be used at all.

    Example:
        >>> import numpy as np, pandas as pd
        >>> from energy_gym import Battery, Scenario
        >>> from energy_gym.contracts import Tariff
        >>> from energy_gym.entities import Consumer, Solar
        >>> site = Scenario(
        ...     "home", {"battery": Battery(), "pv": Solar(), "load": Consumer()}, {"supply": Tariff(300.0, 90.0)}
        ... )
        >>> hours = pd.date_range("2024-06-01", periods=240, freq="h", tz="UTC")
        >>> sun = np.clip(np.sin((hours.hour - 6) * np.pi / 12.0), 0.0, None)
        >>> series = pd.DataFrame({"pv_kw": 4.0 * sun, "load_kw": 1.0 + 0.5 * np.cos(hours.hour)}, index=hours)
        >>> report = check_scenario(site, series, episodes=1, steps=24)
        >>> report.exact, report.controls, report.best_random < 1e-6
        (True, 1, True)
    """
    for name, count in (("episodes", episodes), ("steps", steps)):
        check_count(name, count)
    chosen, random = Scenario.read(scenario), np.random.default_rng(seed)
    check_round_trip(chosen)
    source = {"dataset": dataset} if data is None else {"data": data}
    named: dict[str, Any] = {"scenario": chosen} | ({} if control == "power" else {"control": control})
    keywords: dict[str, Any] = {**named, "episode_steps": steps, **source}
    env = ScenarioEnv(**keywords)
    check_gymnasium(ScenarioEnv(**keywords))
    backends = check_laws(env.setup, steps, SEQUENCES, random, torch)
    check_episodes(keywords, episodes, steps, seed, random)
    frame = _frame(data, dataset, steps)
    for _ in range(FORESIGHT_TRIALS):
        check_foresight(named, frame, steps, random)
    env.reset(seed=seed)
    gap = check_models(env)
    earned = [check_optimum(keywords, seed + index, ROLLOUTS, random) for index in range(episodes)]
    return _report(env, backends, gap, earned, steps)


def check_round_trip(scenario: Scenario) -> None:
    """Hold a scenario to be the same after it was written to YAML and read back.

    Raises:
        BrokenPromiseError: It is not; the part that differs is named.
    """
    again = Scenario.from_yaml(scenario.to_yaml())
    for part in ("name", "entities", "contracts", "clock", "objective"):
        one, two = getattr(scenario, part), getattr(again, part)
        if one != two or (isinstance(one, dict) and list(one) != list(two)):
            raise BrokenPromiseError(
                f"{part}: {one!r} is read back as {two!r}",
                "a scenario survives YAML unchanged",
                "let to_tree and from_tree of the kind state all fields",
            )


def _frame(data: pd.DataFrame | None, dataset: str | None, steps: int) -> pd.DataFrame:
    """Return the series in which the future is changed: of a data set, its first days."""
    if data is not None:
        return data
    loaded = load(dataset or DEFAULT_DATASET)
    hours = (loaded.frame.index[1] - loaded.frame.index[0]).total_seconds() / SECONDS_PER_HOUR
    first, stop = loaded.bounds("train")
    frame = loaded.frame.iloc[first : min(stop, first + max(round(FORESIGHT_DAYS * 24.0 / hours), 2 * steps))]
    return frame.tz_convert(loaded.card.zone)


def _report(env: EnergyEnv, backends: list[str], gap: float, earned: list[Earned], steps: int) -> Report:
    count, setup = len(earned), env.setup
    exact = all(one.solution.exact for one in earned)
    best = max(one.best_random - one.solution.bound for one in earned)
    checks = (
        "read back from YAML it is the same",
        "Gymnasium's checker finds nothing",
        f"{', '.join(backends)} agree bit for bit",
        "rewards are the sum of their parts, and the same seed gives the same trajectory",
        "a batch does as single environments do",
        "what is not known yet does not show",
        f"array model and Pyomo model have one optimum (gap {gap:.1e})",
        f"the oracle's plan earns its value, {'proven the best' if exact else 'bracketed by its bound'}",
        f"no agent and no random rollout beats the bound (the best rollout ends {max(-best, 0.0):.3g} below it)",
    )
    return Report(
        scenario=env.scenario.name,
        controls=setup.controls,
        states=len(setup.initial),
        episodes=count,
        steps=steps,
        backends=tuple(backends),
        rollouts=ROLLOUTS * count,
        exact=exact,
        oracle=sum(one.solution.value for one in earned) / count,
        returns={name: sum(one.agents[name] for one in earned) / count for name in earned[0].agents},
        best_random=best,
        checks=checks,
    )
