"""
A first agent
=============

*How much does a battery earn by simple rules, and how much could it have earned?*

A battery of 10 kWh at ERCOT's day-ahead prices, which ship with the package. Two agents of our own play the same two
weeks of the test split; the optimum of those weeks is proven beside them.
"""

import gymnasium as gym
import matplotlib.pyplot as plt
import numpy as np

import energy_gym

env = gym.make("energy_gym/Arbitrage-v1", split="test", episode_steps=14 * 24)
battery = env.unwrapped.scenario.entities["battery"]
print(f"{battery.capacity_kwh:g} kWh, {battery.charge_kw:g} kW; {env.unwrapped.setup.feed.title}")

# %%
# An agent is a function of the observation and of ``info``. The first one goes by the clock alone; the second compares
# the price of now with those of the coming day. ``env.unwrapped.outlook()`` tells what is known or believed now,
# unscaled.


def by_the_clock(observation, info):
    """Charge from one to five at night, discharge from five to eight in the evening."""
    hour = env.unwrapped.time.tz_convert("America/Chicago").hour
    return [1.0] if 1 <= hour < 5 else [-1.0] if 17 <= hour < 20 else [0.0]


def by_the_price(observation, info):
    """Charge in the cheapest quarter of the coming day, discharge in its dearest."""
    prices = env.unwrapped.outlook()["price_per_mwh"]
    low, high = np.quantile(prices, (0.25, 0.75))
    return [1.0] if prices[0] <= low else [-1.0] if prices[0] >= high else [0.0]


# %%
# ``evaluate`` plays an episode and scores it. The same seed is the same fortnight, so that the agents can be compared.

results = {agent.__name__: energy_gym.evaluate(agent, env, seed=5) for agent in (by_the_clock, by_the_price)}
for name, result in results.items():
    print(f"{name}: earned {result.return_:.2f} USD, regret {result.regret:.2f} USD, score {result.score:.3f}")

# %%
# What was earned, and what was left on the table:

optimum = results["by_the_price"].oracle_bound
earned = [result.return_ for result in results.values()]
figure, axes = plt.subplots(figsize=(7, 3), layout="constrained")
axes.barh([*results, "optimum"], [*earned, optimum], color=["#9aa5b1", "#0b6e4f", "#d9a441"])
axes.set_xlabel("earned in a fortnight [USD]")
plt.show()

print(f"left on the table by the better rule: {optimum - max(earned):.2f} USD")
