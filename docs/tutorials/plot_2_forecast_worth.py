"""
Is my forecast worth anything?
==============================

*A better forecast costs effort. How much money does it bring?*

The same battery plans each hour anew for the next day (``mpc``), each time with another forecast of the price. Errors
in USD/MWh do not say what a forecast is worth: one that is close in every hour and has the hours in the wrong order
can earn less than a crude one that knows the shape of a day. What a plan earns with it does.
"""

import gymnasium as gym
import matplotlib.pyplot as plt

import energy_gym
from energy_gym.agents import make_agent
from energy_gym.forecast import Noise

FORECASTS = {
    "mean of the last week": "mean",
    "yesterday": "yesterday",
    "off by 20 USD/MWh": Noise(mae=20.0),
    "off by 5 USD/MWh": Noise(mae=5.0),
    "perfect": "perfect",
}
WEEKS = (1, 2, 3)

# %%
# Three weeks of the test split, the same for each forecast. ``perfect`` is not to be had; it is here to be measured
# against.

earned = {}
for name, forecast in FORECASTS.items():
    env = gym.make("energy_gym/Arbitrage-v1", split="test", forecast=forecast)
    weeks = [energy_gym.evaluate(make_agent("mpc", env), env, seed=week) for week in WEEKS]
    earned[name] = sum(week.return_ for week in weeks)
    best = sum(week.oracle_bound for week in weeks)
    print(f"{name}: {earned[name]:.2f} USD of {best:.2f}")

# %%
# What each adds to the simplest of them:

worth = {name: money - earned["mean of the last week"] for name, money in earned.items()}
figure, axes = plt.subplots(figsize=(7, 3), layout="constrained")
axes.barh(list(worth), list(worth.values()), color="#0b6e4f")
axes.set_xlabel("more than with the mean of the last week, three weeks [USD]")
plt.show()

saved = earned["off by 5 USD/MWh"] - earned["yesterday"]
print(f"a forecast that is off by 5 USD/MWh instead of yesterday's prices: {saved:+.2f} USD in three weeks")
