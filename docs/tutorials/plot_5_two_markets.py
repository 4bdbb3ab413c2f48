"""
Bidding in two markets
======================

*A producer with wind, sun and a pumped-storage plant sells day-ahead, and settles in real time what it did not
foresee. What do bids earn, and what does a plan add?*

The market is synthetic: eastern Denmark's rules on made-up prices. Bids for tomorrow's hours close at noon; whatever is
then delivered beyond or below them is settled at the balancing price.
"""

import gymnasium as gym
import matplotlib.pyplot as plt

import energy_gym
from energy_gym.agents import make_agent

env = gym.make("energy_gym/Bidding-v1", split="test", episode_steps=72)
print(env.unwrapped.setup.feed.title)

# %%
# The best that three days could have earned is found once, and serves for all agents.

observation, info = env.reset(seed=4)
best = energy_gym.solve(env, continuous=True)
print(f"optimum: {best.value:,.0f} EUR, proven: {best.exact}")

# %%
# Three ways to bid: what is forecast to be left; the same, but held back where the balancing price is believed to be
# higher; and a plan of bids, storage and supply together, made anew at each gate. Doing nothing leaves everything to
# the balancing market.

results = {
    name: energy_gym.evaluate(make_agent(name, env), env, seed=4, oracle=best)
    for name in ("bid-forecast", "bid-greedy", "mpc")
}
for name, result in results.items():
    print(f"{name}: earned {result.return_:,.0f} EUR, regret {result.regret:,.0f} EUR, score {result.score:.3f}")

# %%
# Most of what is left to the optimum is speculation on the balancing price, which no honest forecast has.

idle = results["mpc"].idle
gained = {name: result.return_ - idle for name, result in results.items()} | {"optimum": best.value - idle}
figure, axes = plt.subplots(figsize=(7, 2.8), layout="constrained")
axes.barh(list(gained), list(gained.values()), color=["#9aa5b1", "#9aa5b1", "#0b6e4f", "#d9a441"])
axes.axvline(0.0, color="#444444", linewidth=0.8)
axes.set_xlabel("more than with no bids at all, three days [EUR]")
plt.show()

print(f"what a plan earns beyond bids of the forecast: {gained['mpc'] - gained['bid-forecast']:,.0f} EUR")
