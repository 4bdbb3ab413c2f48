"""What is served saves money: the commercial site's bill, month by month, with the recommended agent."""

from __future__ import annotations

import pandas as pd
import pytest
from serve_plant import commercial

from energy_gym.agents.registry import make_agent

pytestmark = pytest.mark.slow
AGENT, HORIZON, ZONE = "sdp", 192, "America/Costa_Rica"


def played(env, agent, options):
    """Return the rewards of an agent over a window."""
    observation, info = env.reset(seed=0, options=options)
    agent.reset()
    rewards, over = [], False
    while not over:
        observation, gain, _, over, info = env.step(agent.act(observation, info))
        rewards.append(gain)
    return rewards


def test_every_test_month_is_cheaper_with_the_battery_than_without():
    env = commercial(horizon=HORIZON)
    learnt, idle = make_agent(AGENT, env).fit(), make_agent("idle", env)
    times = env.setup.feed.times[env.setup.feed.first :][: env.setup.steps].tz_convert(ZONE)
    months = pd.Series(1, times).groupby([times.year, times.month]).count()
    found = {}
    for (year, month), steps in months.items():
        begun = pd.Timestamp(year=year, month=month, day=1, tz=ZONE)
        if steps == begun.days_in_month * 96:
            options = {"start": begun.tz_convert("UTC"), "steps": int(steps)}
            found[f"{year}-{month:02d}"] = tuple(-sum(played(env, agent, options)) for agent in (learnt, idle))
    for month, (paid, without) in found.items():
        print(f"{month}: {paid:,.2f} CRC with {AGENT}, {without:,.2f} without: {1 - paid / without:.2%} saved")
    assert found
    assert all(paid < without for paid, without in found.values())
