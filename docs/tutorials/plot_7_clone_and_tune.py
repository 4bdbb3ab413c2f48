"""
Clone and fine-tune
===================

*A planner that sees the future is at hand for every past day. Does learning from it first save steps?*

An agent is cloned from the proven optimum of past weeks, and then goes on learning by itself with reinforcement
learning (PPO). A second one learns by itself alone, for the same steps of the environment.
"""

import gymnasium as gym
import matplotlib.pyplot as plt

import energy_gym
from energy_gym.agents import make_agent

env = gym.make("energy_gym/Arbitrage-v1", split="test", forecast="yesterday", episode_steps=28 * 24)
past = env.unwrapped.variant(split="train", period=("2021-03-01", "2021-07-01"), episode_steps=None)
weeks = past.variant(episode_steps="week")

# %%
# The expert: the optimum of each day of four months, worked out when it was over. ``bc`` (behaviour cloning) learns
# what it did from what could be seen at the time.

clone = make_agent("bc", env.unwrapped, seed=0).fit(past, budget=1_500)

# %%
# Fine-tuning begins with the clone's layers. Both learn for 16,384 hours of play; whoever is better on the validation
# split along the way is kept, the clone included.

STEPS = 16_384
tuned = make_agent("ppo", env.unwrapped, seed=0)
tuned.adopt(clone)
tuned.fit(weeks, budget=STEPS)
alone = make_agent("ppo", env.unwrapped, seed=0).fit(weeks, budget=STEPS)

# %%
# Four weeks of the test split, which nobody has learnt from. The planner (``mpc``) sees what the agents see: for
# tomorrow it believes in yesterday's prices.

agents = {"PPO alone": alone, "the clone": clone, "clone, then PPO": tuned, "mpc": make_agent("mpc", env).fit()}
results = {name: energy_gym.evaluate(agent, env, seed=5) for name, agent in agents.items()}
for name, result in results.items():
    print(f"{name:16} earned {result.return_:6.2f} USD, regret {result.regret:6.2f} USD, score {result.score:.3f}")

# %%
figure, axes = plt.subplots(figsize=(7, 3), layout="constrained")
axes.barh(list(results), [result.return_ for result in results.values()], color="#0b6e4f")
axes.axvline(results["mpc"].oracle_bound, color="#d9a441", label="proven optimum")
axes.set_xlabel("earned in four weeks [USD]")
axes.legend()
plt.show()

# %%
# One seed says little: :doc:`the command </reference/commands>` ``energy-gym finetune --seeds 5`` repeats it with
# intervals, and ``--months`` cuts what may be learnt from. What is shown here is the way, and what it costs: seconds.

gained = results["clone, then PPO"].return_ - results["PPO alone"].return_
print(f"beginning with the expert was worth {gained:.2f} USD in four weeks")
