"""The commercial site's two test months through the service: ``python benchmarks/served_month.py --agent sdp``.

Forecasts, battery and meter are served over HTTP by a site of the suite, as in ``energy-gym serve --simulate``, and the
clock goes on when a cycle is done. What the service did is kept in its database: a run that was ended goes on from
there, and one that is over is told from it. Each month's bill is put beside the one without a battery, and the whole
beside the same agent in the environment, as the leaderboard plays it.

One rule: the service's bills come from its own database, the others from the environment.
"""

from __future__ import annotations

import argparse
from contextlib import ExitStack
from typing import Any

import gymnasium as gym
import numpy as np
import pandas as pd

import energy_gym
from energy_gym.agents.registry import agent_factory
from energy_gym.envs.env import EnergyEnv
from energy_gym.serve.logs import log_at
from energy_gym.serve.service import Service
from energy_gym.serve.settings import SiteSettings, read_settings
from energy_gym.serve.simulation import Plant, serving_plant

SITE = "site"


def months(control: str) -> EnergyEnv:
    """Return the test months as one episode."""
    told: dict[str, Any] = {"split": "test", "episode_steps": None, "control": control, "disable_env_checker": True}
    env: Any = gym.make("energy_gym/Commercial-v1", **told)
    found: EnergyEnv = env.unwrapped
    return found


def span_of(env: EnergyEnv) -> dict[str, Any]:
    """Return the first moment of the split, and the moment after its last."""
    return {"since": env.setup.time(0).isoformat(), "until": env.setup.time(env.setup.steps).isoformat()}


def went_on(plant: Plant, service: Service) -> None:
    """Let the site do again what was kept, so that it stands where the service ended."""
    for share in kept(service, plant.env).get("share", pd.Series(dtype=float)):
        _, gain, _, _, _ = plant.env.step([float(share)])
        plant.rewards.append(gain)
        plant.returned += gain


def kept(service: Service, env: EnergyEnv) -> pd.DataFrame:
    """Return what the service kept of the intervals."""
    return service.store.intervals(SITE, env.setup.time(0), env.setup.time(env.setup.steps))


def served(agent: str, control: str, database: str, intervals: int | None) -> np.ndarray[Any, Any]:
    """Return what each interval earned through the service [CRC], and tell where it was not as it should be."""
    plant = Plant(months(control))
    with ExitStack() as stack:
        urls = stack.enter_context(serving_plant(plant))
        settings = read_settings(_env_file=None, **urls, database_url=database)
        site = SiteSettings.model_validate({"id": SITE, "agent": agent, "control": control, "span": span_of(plant.env)})
        service = Service(settings, [site], now=lambda: plant.now)
        stack.callback(service.stop)
        went_on(plant, service)
        while not plant.over and (intervals is None or len(plant.rewards) < intervals):
            plan = service.cycle(SITE)
            if plan is None or plan.status != "optimal":
                print(f"{plant.now}: {service.errors if plan is None else plan.reason}", flush=True)
            plant.advance()
            if len(plant.rewards) % 96 == 0:
                print(f"{plant.now:%Y-%m-%d %H:%M}: {-plant.returned:,.0f}", flush=True)
        told = kept(service, plant.env)["reward"].to_numpy(dtype=float)
    own = np.array(plant.rewards)
    print(f"the service's own bill differs from the meter's by at most {np.abs(own[: len(told)] - told).max():.2g} CRC")
    return own


def played(agent: str, control: str, steps: int) -> np.ndarray[Any, Any]:
    """Return what each interval earns in the environment [CRC]."""
    env = months(control)
    observation, info = env.reset(seed=0)
    decides = None if agent == "idle" else agent_factory(agent).make(env, 0).fit()
    if decides is not None:
        decides.reset()
    rewards = []
    for _ in range(steps):
        action = env.setup.action(0.0) if decides is None else decides.act(observation, info)
        observation, reward, _, _, info = env.step(action)
        rewards.append(reward)
    return np.array(rewards)


def told(env: EnergyEnv, rows: dict[str, np.ndarray[Any, Any]]) -> None:
    """Print each month's bills."""
    size = len(rows["service"])
    local = env.setup.feed.span(env.setup.feed.first, env.setup.feed.first + size).tz_convert(env.setup.feed.zone)
    table = pd.DataFrame(rows, index=local)
    bills = -table.groupby(table.index.strftime("%Y-%m")).sum()
    bills["saved"] = 1.0 - bills["service"] / bills["without a battery"]
    print(bills.to_string(float_format=lambda value: f"{value:,.6f}"))
    apart = table["service"] - table["environment"]
    print(f"intervals {size}, service and environment differ by at most {apart.abs().max():.3g} CRC an interval")


def main() -> None:
    """Play the months, and print their bills."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--agent", default="sdp")
    parser.add_argument("--control", default="power", choices=("power", "meter"))
    parser.add_argument("--database", default="sqlite:///served-month.db")
    parser.add_argument("--intervals", type=int, default=None, help="end after so many; default: the two months")
    asked = parser.parse_args()
    log_at("ERROR")
    earned = served(asked.agent, asked.control, asked.database, asked.intervals)
    env, size = months(asked.control), len(earned)
    without = played("idle", "power", size)
    told(
        env, {"service": earned, "environment": played(asked.agent, asked.control, size), "without a battery": without}
    )
    if size == env.setup.steps:
        env.reset(seed=0)
        best = energy_gym.solve(env).value
        print(f"score {(earned.sum() - without.sum()) / (best - without.sum()):.6f} of the optimum {-best:,.2f} CRC")


if __name__ == "__main__":
    main()
