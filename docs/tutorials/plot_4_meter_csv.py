"""
From a CSV of my meter to a score
=================================

*I have a file of my meter and a price. What would a battery have saved me, and how good is a simple rule?*

The file is made up here as a meter's portal would write it: local time, kWh in each half hour, a price in pence per
kWh.
"""

import tempfile
from pathlib import Path

import gymnasium as gym
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import energy_gym
from energy_gym.agents import make_agent

half_hours = pd.date_range("2024-05-01", "2024-07-01", freq="30min", tz="Europe/London", inclusive="left")
hour = half_hours.hour + half_hours.minute / 60.0
random = np.random.default_rng(4)
used = 0.15 + 0.5 * np.exp(-(((hour - 18.5) / 1.5) ** 2)) + random.gamma(1.5, 0.05, len(hour))
pence = 19.0 + 9.0 * np.exp(-(((hour - 17.5) / 2.0) ** 2)) - 6.0 * (hour < 5) + random.normal(0.0, 1.5, len(hour))
file = Path(tempfile.mkdtemp()) / "meter.csv"
written = pd.DataFrame({"Start": half_hours.strftime("%Y-%m-%dT%H:%M%z"), "Used (kWh)": used, "Price (p/kWh)": pence})
written.round(3).to_csv(file, index=False)
print(file.read_text()[:120])

# %%
# Read it, and say what a file does not: units. 1 kWh in half an hour is 2 kW; 1 p/kWh is 10 GBP/MWh. The prices of
# tomorrow are published at four in the afternoon; the load is known when its half hour is over, which need not be said.

table = pd.read_csv(file)
frame = pd.DataFrame(
    {
        "load_kw": table["Used (kWh)"].to_numpy() * 2.0,
        "price_per_mwh": table["Price (p/kWh)"].to_numpy() * 10.0,
    },
    index=pd.DatetimeIndex(pd.to_datetime(table["Start"], utc=True)).tz_convert("Europe/London"),
)
SITE = """
name: home
entities:
  battery: {capacity_kwh: 5, charge_kw: 2.5, discharge_kw: 2.5}
  home: {kind: consumer}
contracts:
  supply: {kind: tariff, buy: price_per_mwh, sell: 0}
"""
env = gym.make(
    "energy_gym/Scenario-v1",
    scenario=energy_gym.Scenario.from_yaml(SITE),
    data=frame,
    published={"price_per_mwh": "day-ahead 16:00"},
    split="test",
    episode_steps=None,
)

# %%
# The test split is the last fifth of the file, which nothing was fitted to. A planner and doing nothing, against the
# optimum:

planner = energy_gym.evaluate(make_agent("mpc", env), env, seed=0)
print(f"score {planner.score:.3f}, regret {planner.regret:.2f} GBP over {planner.steps / 48:.0f} days")

# %%
# What was paid:

bills = {"no battery": -planner.idle, "mpc": -planner.return_, "optimum": -planner.oracle_bound}
figure, axes = plt.subplots(figsize=(7, 2.6), layout="constrained")
axes.barh(list(bills), list(bills.values()), color=["#9aa5b1", "#0b6e4f", "#d9a441"])
axes.set_xlabel(f"bill of {planner.steps / 48:.0f} days [GBP]")
plt.show()

possible = planner.oracle_bound - planner.idle
print(f"saved by the planner: {planner.return_ - planner.idle:.2f} GBP of {possible:.2f} GBP that were possible")
