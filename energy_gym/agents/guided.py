"""From a cloned policy to policy gradients: a value function that learns first, and the expert's advice kept in view.

A cloned policy comes without a value function, and the first updates with one that knows nothing undo what was cloned:
for the first part of the training the policy is held, and its value function alone learns. After that each rollout is
followed by updates towards what the expert advised, as in Rajeswaran et al. 2018, "Learning complex dexterous
manipulation with deep reinforcement learning and demonstrations".

One rule: until the value function has learnt, the policy acts exactly as the cloned one does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from energy_gym.agents.learner import Learner
from energy_gym.agents.records.trajectories import Trajectories


@dataclass(frozen=True)
class Guide:
    """What an expert advised, and how a policy that was cloned from it is held to it.

    Args:
        observations: Shape (steps, slots).
        advice: Shape (steps,) of levels, or (steps, controls).
        counts: Which entries of the advice have an effect, shape (steps, controls); all of levels do.
        warm: Steps of the environment in which the value function alone learns.
        weight: Of the advice's log-probability.
        batches: Updates towards the advice after each rollout.
        seed: Seed of the draws.
    """

    observations: npt.NDArray[np.float32]
    advice: npt.NDArray[Any]
    counts: npt.NDArray[np.bool_] | None
    warm: int
    weight: float
    batches: int
    seed: int

    def loss(self, policy: Any, places: npt.NDArray[np.int64]) -> Any:
        """Return the weighted negative log-probability of the advice at some steps."""
        import torch

        seen, advised = torch.from_numpy(self.observations[places]), torch.from_numpy(self.advice[places])
        likely = policy.get_distribution(seen.to(policy.device)).distribution.log_prob(advised.to(policy.device))
        if self.counts is not None:
            likely = (likely * torch.from_numpy(self.counts[places]).to(policy.device)).sum(dim=1)
        return -self.weight * likely.mean()


def guide_of(agent: Learner, data: Trajectories | None, budget: int) -> Guide | None:
    """Return what an agent is held to by its settings ``follow``, over so many steps; None without records."""
    if data is None:
        return None
    chosen, setup = agent.settings["follow"], agent.env.setup
    counts = None if agent.head == "argmax" else setup.tape.due(data.observations, setup.controls)
    warm = round(chosen["warm"] * budget)
    return Guide(data.observations, data.advice, counts, warm, chosen["weight"], chosen["batches"], agent.seed)


def guided(algorithm: type[Any], guide: Guide) -> type[Any]:
    """Return Stable-Baselines3's PPO that lets its value function learn first and then heeds the advice."""

    class Guided(algorithm):  # type: ignore[misc]  # the library is not typed here
        """Proximal policy optimisation from a cloned policy."""

        def train(self) -> None:
            warming = self.num_timesteps <= guide.warm
            for parameter in acting(self.policy):
                parameter.requires_grad_(not warming)
            super().train()
            if not warming:
                self._heed()

        def _heed(self) -> None:
            random = np.random.default_rng([guide.seed, self.num_timesteps])
            for _ in range(guide.batches):
                places = random.integers(len(guide.observations), size=(self.batch_size,))
                self.policy.optimizer.zero_grad()
                guide.loss(self.policy, places).backward()
                self.policy.optimizer.step()

    return Guided


def acting(policy: Any) -> list[Any]:
    """Return the parameters of a policy that its actions come from."""
    spread = [policy.log_std] if hasattr(policy, "log_std") else []
    return [*policy.mlp_extractor.policy_net.parameters(), *policy.action_net.parameters(), *spread]
