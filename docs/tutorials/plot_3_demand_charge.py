"""
What does a demand charge cost?
===============================

*A shop pays for energy, and for its highest quarter of an hour in a month. What does that peak cost, and what is a
battery worth against it?*

The load is made up: a shop with a bakery oven that is switched on at six. The tariff charges 0.24 EUR/kWh, and 12 EUR
for each kW of the month's highest mean over a quarter of an hour.
"""

import gymnasium as gym
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import energy_gym

quarters = pd.date_range("2024-03-01", "2024-04-01", freq="15min", tz="Europe/Berlin", inclusive="left")
clock = quarters.hour + quarters.minute / 60.0
oven = np.where((clock >= 6) & (clock < 7.5) & (quarters.day_of_week < 6), 22.0, 0.0)
load = 4.0 + 6.0 * ((clock >= 7) & (clock < 19)) + oven + np.random.default_rng(1).gamma(2.0, 0.5, len(quarters))
frame = pd.DataFrame({"load_kw": load}, quarters)

# %%
# The site as YAML. A figure of ``demand_charge`` is a rate by window; here one window holds at all times.

SITE = """
name: shop
entities:
  battery: {capacity_kwh: 20, charge_kw: 10, discharge_kw: 10}
  shop: {kind: consumer}
contracts:
  supply: {kind: tariff, buy: 240, sell: 0}
  power: {kind: demand_charge, windows: [{name: any, rate_per_kw: 12}]}
"""
scenario = energy_gym.Scenario.from_yaml(SITE)
env = gym.make("energy_gym/Scenario-v1", scenario=scenario, data=frame, split="all", episode_steps=None, horizon=4)
observation, info = env.reset(seed=0)

# %%
# The bill without the battery, and the lowest bill that is possible with it. The optimum is proven for the whole month.

solution = energy_gym.solve(env)
idle = energy_gym.evaluate(lambda observation, info: [0.0], env, seed=0, oracle=solution)
demand, energy = idle.parts["demand_charge"], idle.parts["energy_cost"]
print(f"without the battery: {energy:.2f} EUR of energy and {demand:.2f} EUR for a peak of {demand / 12:.1f} kW")
print(f"with it, at best: {-solution.value:.2f} EUR in place of {-idle.return_:.2f} EUR")

# %%
# A day of that plan. The battery meets the oven's peak and is charged at night, slowly enough to raise no peak of its
# own.

day = solution.table.loc["2024-03-12T00:00+01:00":"2024-03-12T23:45+01:00"]
grid = day["grid_kwh"] / env.unwrapped.setup.feed.step_hours
figure, axes = plt.subplots(figsize=(7, 3), layout="constrained")
axes.step(clock[: len(day)], frame["load_kw"].reindex(day.index), where="post", color="#9aa5b1", label="without")
axes.step(clock[: len(day)], grid, where="post", color="#0b6e4f", label="with the battery")
axes.set(xlabel="hour of 12 March", ylabel="power from the grid [kW]")
axes.legend(frameon=False)
plt.show()

print(f"what the battery saves in this month: {solution.value - idle.return_:.2f} EUR")
