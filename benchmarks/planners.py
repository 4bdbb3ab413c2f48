"""The planners of an unknown future in the speed script: how long a fit takes, and a decision.

One rule: a decision is timed in an episode that is played. Some begin with a new plan, as ``sdp`` makes one a day: the
row is the median, its note has the mean with these.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gymnasium as gym
import numpy as np
import pandas as pd
from measuring import Row, Sizes, decisions, seconds

from energy_gym import Battery, Scenario
from energy_gym.agents import make_agent
from energy_gym.agents.stochastic.agent import MPCStochastic
from energy_gym.contracts import DemandCharge, DemandWindow, Tariff
from energy_gym.entities import Consumer, Solar

QUARTERS, WEEK = 96, 672
LONGEST_FIT, LONGEST_DECISION, LONGEST_TREE = 60.0, 1.0, 50.0
PATHS, AHEAD = 20, 192


def planners(sizes: Sizes) -> Iterator[Row]:
    """Yield the rows of ``sdp`` at a site of a year with a demand window, and of ``mpc-stochastic`` under three."""
    days = 365 if sizes.turns > 1 else 8
    env = site(days)
    agent = make_agent("sdp", env)
    taken = seconds(agent.fit)
    what = f"sdp, a site of {days} days by the quarter hour, a demand window"
    yield Row(f"{what}: fit", taken, "s", target=f"<= {LONGEST_FIT:.0f} s", met=taken <= LONGEST_FIT)
    yield decided(f"{what}: a decision", agent, env, sizes, LONGEST_DECISION)
    tree = gym.make("energy_gym/Commercial-v1", split="test", horizon=AHEAD, control="meter", episode_steps=WEEK)
    paths = PATHS if sizes.turns > 1 else 2
    planner = MPCStochastic(tree, paths=paths).fit()
    name = f"mpc-stochastic, {paths} scenarios of 48 h by the quarter hour"
    yield decided(name, planner, tree, sizes, LONGEST_TREE)


def site(days: int) -> Any:
    """Return a site with a year of load and sun to learn from, and two weeks to play."""
    hours = pd.date_range("2023-01-01", periods=QUARTERS * (days + 14), freq="15min", tz="UTC")
    random, hour = np.random.default_rng(0), hours.hour.to_numpy() + hours.minute.to_numpy() / 60.0
    noise = pd.Series(random.normal(size=len(hours))).ewm(span=8).mean().to_numpy()
    load = np.maximum(60.0 + 40.0 * np.sin((hour - 9.0) * np.pi / 12.0) + 15.0 * noise, 5.0)
    sun = 80.0 * np.clip(np.sin((hour - 6.0) * np.pi / 12.0), 0.0, None) * random.uniform(0.3, 1.0, len(hours))
    parties = ("battery", "pv", "load")
    scenario = Scenario(
        "quarters",
        {"battery": Battery(200.0, 80.0, 80.0, 0.95, 0.95), "pv": Solar(), "load": Consumer()},
        {
            "supply": Tariff(buy=180.0, sell=40.0, parties=parties),
            "peak": DemandCharge((DemandWindow("day", 12.0, hours=((8.0, 20.0),)),), parties=parties),
        },
    )
    first, end = hours[0], hours[days * QUARTERS]
    return gym.make(
        "energy_gym/Scenario-v1",
        scenario=scenario,
        data=pd.DataFrame({"load_kw": load, "pv_kw": sun}, hours),
        splits={"train": (str(first), str(end)), "test": (str(end), str(hours[-1]))},
        split="test",
        zone="UTC",
        episode_steps=WEEK,
    )


def decided(name: str, agent: Any, env: Any, sizes: Sizes, longest: float) -> Row:
    """Return the row of what a decision takes in the median [ms]; its note has the mean and the longest."""
    agent.reset()
    taken = 1e3 * np.array(decisions(agent, env, 2 * sizes.decisions, seed=0))
    median, most = map(float, np.quantile(taken, [0.5, 0.95]))
    note = f"median of {len(taken)}; 95th percentile {most:.3g} ms, mean {taken.mean():.3g}, longest {taken.max():.0f}"
    return Row(name, median, "ms/decision", target=f"<= {longest:.0f} ms", met=median <= longest, note=note)
