"""From a cloned policy to Q-learning: values for its network, and the expert's advice kept in view while it plays.

What cloning learns are logits: they say which action is best, and nothing of what any is worth. A policy that is
soft-optimal at a temperature has log-probabilities that are its Q-values over that temperature, but for an offset in
each state (Haarnoja et al. 2017, "Reinforcement learning with deep energy-based policies"): the offset, a network
beside the cloned one, and the temperature are fitted to the records. Q-learning alone would then still forget what was
cloned, since actions differ by less than it errs; so, as in Hester et al. 2018, "Deep Q-learning from demonstrations",
each of its updates is followed by one towards the advice.

One rule: the network that training starts from acts exactly as the cloned one does.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from energy_gym.agents.actor import Actor
from energy_gym.agents.records.trajectories import Trajectories

Array = npt.NDArray[np.float32]
Layers = Sequence[tuple[Array, Array]]
# Of the fit of offset and temperature: learning rate, batch, share that the target takes over, first temperature.
RATE, BATCH, TAU, FIRST = 1e-3, 256, 0.01, 0.1


@dataclass(frozen=True)
class Advice:
    """What an expert advised in the states it met.

    Args:
        observations: Shape (steps, slots).
        actions: The advice, shape (steps,).
        temperature: Values over it are logits of the advice.
        weight: Of the loss, against that of Q-learning.
        seed: Seed of the draws.
    """

    observations: Array
    actions: npt.NDArray[np.int64]
    temperature: float
    weight: float
    seed: int

    def losses(self, network: Any, batch_size: int) -> Iterator[Any]:
        """Yield, without end, the loss of a Q-network over steps drawn at random."""
        import torch
        from torch.nn import functional

        random = np.random.default_rng(self.seed)
        seen, advised = torch.from_numpy(self.observations), torch.from_numpy(self.actions)
        while True:
            places = torch.from_numpy(random.integers(len(seen), size=batch_size))
            logits = network(seen[places]) / self.temperature
            yield self.weight * functional.cross_entropy(logits, advised[places])


def advised(algorithm: type[Any], advice: Advice) -> type[Any]:
    """Return Stable-Baselines3's DQN with an update towards the advice after each of its own."""

    class Advised(algorithm):  # type: ignore[misc]  # the library is not typed here
        """Deep Q-network that heeds advice."""

        _pull: Any = None

        def train(self, gradient_steps: int, batch_size: int = 100) -> None:
            self._pull = self._pull or advice.losses(self.q_net, batch_size)
            for _ in range(gradient_steps):
                super().train(1, batch_size)
                self.policy.optimizer.zero_grad()
                next(self._pull).backward()
                self.policy.optimizer.step()

    return Advised


def valued(
    actor: Actor, data: Trajectories, rewards: npt.NDArray[Any], gamma: float, batches: int, seed: int
) -> tuple[Actor, float]:
    """Return a Q-network that acts as a cloned policy does, twice as wide, and its temperature.

    Its values are ``offset(state) + temperature * log-probability``, fitted by one-step Q-learning to what was played.
    The last step of an episode is left out, since what comes after it is not in the records.

    Args:
        actor: The cloned policy, on discrete actions.
        data: What was played, noise included.
        rewards: Scaled rewards in place of those of ``data``, shape (steps,).
        gamma: Discount.
        batches: Steps of gradient descent.
        seed: Seed of the offset's network and of the draws.
    """
    import torch

    kept = ~data.timeouts
    before, after = data.before(data.rows)[kept], data.after(data.rows)[kept]
    played = torch.from_numpy(data.actions[kept])[:, None]
    chosen = _log_probabilities(actor, before).gather(1, played)[:, 0]
    likeliest = _log_probabilities(actor, after).max(dim=1).values
    paid = torch.from_numpy(rewards[kept].astype(np.float32))
    parts = torch.from_numpy(before), chosen, paid, torch.from_numpy(after), likeliest
    offset, temperature = _fitted(actor, parts, gamma, batches, seed)
    return _side_by_side(actor, offset, temperature), temperature


def _log_probabilities(actor: Actor, observations: Array) -> Any:
    import torch

    return torch.log_softmax(torch.from_numpy(actor.figures(observations)), dim=1)


def _fitted(actor: Actor, parts: tuple[Any, ...], gamma: float, batches: int, seed: int) -> tuple[Layers, float]:
    """Return the layers of the offset, and the temperature."""
    import torch
    from torch.nn import functional

    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    network, target = _network(actor), _network(actor)
    target.load_state_dict(network.state_dict())
    warmth = torch.tensor(math.log(FIRST), requires_grad=True)
    optimiser = torch.optim.Adam([*network.parameters(), warmth], lr=RATE)
    for _ in range(batches):
        places = torch.from_numpy(random.integers(len(parts[0]), size=BATCH))
        seen, chosen, paid, after, likeliest = (part[places] for part in parts)
        with torch.no_grad():
            goal = paid + gamma * (target(after)[:, 0] + warmth.exp() * likeliest)
        loss = functional.smooth_l1_loss(network(seen)[:, 0] + warmth.exp() * chosen, goal)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        with torch.no_grad():
            for lagging, leading in zip(target.parameters(), network.parameters(), strict=True):
                lagging.lerp_(leading, TAU)
    linears = [module for module in network if isinstance(module, torch.nn.Linear)]
    return Actor.from_torch(linears, actor.activation, actor.head).layers, float(warmth.exp())


def _network(actor: Actor) -> Any:
    """Return a fresh network with the hidden layers of an actor and one output."""
    from torch import nn

    kind = {"relu": nn.ReLU, "tanh": nn.Tanh}[actor.activation]
    widths = [actor.inputs, *(len(bias) for _, bias in actor.layers[:-1]), 1]
    modules = [part for sizes in pairwise(widths) for part in (nn.Linear(*sizes), kind())]
    return nn.Sequential(*modules[:-1])


def _side_by_side(actor: Actor, offset: Layers, temperature: float) -> Actor:
    """Return one network of both: the logits times the temperature, plus the offset for every action."""
    pairs = list(zip(actor.layers, offset, strict=True))
    merged = []
    for place, ((matrix, bias), (other, more)) in enumerate(pairs[:-1]):
        both = np.concatenate([matrix, other]) if place == 0 else _diagonal(matrix, other)
        merged.append((both, np.concatenate([bias, more])))
    (matrix, bias), (other, more) = pairs[-1]
    warm, others = np.float32(temperature), np.repeat(other, len(bias), axis=0)
    last = np.concatenate([warm * matrix, others], axis=1) if merged else warm * matrix + others
    return Actor((*merged, (last, warm * bias + more)), actor.activation, actor.head)


def _diagonal(first: Array, second: Array) -> Array:
    """Return a matrix with two on its diagonal and zeros elsewhere."""
    upper = np.concatenate([first, np.zeros((len(first), second.shape[1]), dtype=np.float32)], axis=1)
    lower = np.concatenate([np.zeros((len(second), first.shape[1]), dtype=np.float32), second], axis=1)
    return np.concatenate([upper, lower])
