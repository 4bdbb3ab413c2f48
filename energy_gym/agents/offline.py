"""d3rlpy's conservative Q-learning behind the agents' protocol: cql, from records alone.

One rule: it never plays while it learns; only the validation split, which chooses among its checkpoints, is played.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar

import numpy as np

from energy_gym.agents.actor import Actor
from energy_gym.agents.keeper import CHECKPOINTS, Keeper
from energy_gym.agents.learner import Learner, reward_factor
from energy_gym.agents.logs import checked_device
from energy_gym.agents.records.demonstrations import demonstrations
from energy_gym.agents.records.readers import import_d3rlpy, to_d3rlpy


class CQL(Learner):
    """Conservative Q-learning (Kumar et al. 2020), on discrete or continuous actions.

    ``fit`` takes trajectories, the name of a Minari data set or an environment in which the expert then plays; its
    budget counts steps of gradient descent.

    Example:
        >>> import gymnasium as gym
        >>> agent = CQL(gym.make("energy_gym/Arbitrage-v1", actions="discrete-3"), seed=1, hidden=[64])
        >>> agent.settings["hidden"], agent.settings["expert"]["noise"], agent.head
        ([64], 0.3, 'argmax')
    """

    name: ClassVar[str] = "cql"
    requires: ClassVar[Mapping[str, str]] = {"d3rlpy": "offline"}

    @property
    def head(self) -> str:
        """See `Learner.head`."""
        return "tanh" if self.env.setup.levels is None else "argmax"

    def _train(self, source: Any, budget: int, seed: int, keeper: Keeper) -> None:
        library = import_d3rlpy()
        with _quiet():
            self._learn(library, source, budget, seed, keeper)

    def _learn(self, library: Any, source: Any, budget: int, seed: int, keeper: Keeper) -> None:
        data = demonstrations(source, self.env, self.settings["expert"], budget * self.settings["batch_size"])
        limit = self.settings["reward_limit"]
        rewards = np.clip(data.rewards * reward_factor(self.env), -limit, limit).astype(np.float32)
        dataset = to_d3rlpy(data, rewards=rewards)
        library.seed(seed)
        found = checked_device(self.device)
        device = found if ":" in found else f"{found}:0"
        algorithm = self._algorithm(library).create(device=device)
        algorithm.build_with_dataset(dataset)
        if self.actor is not None:
            self._restart(algorithm, self.actor)
        every = max(budget // CHECKPOINTS, 1)
        losses = algorithm.fitter(
            dataset,
            n_steps=budget,
            n_steps_per_epoch=every,
            logger_adapter=library.logging.NoopAdapterFactory(),
            show_progress=False,
            save_interval=budget,
            experiment_name=self.name,
        )
        for epoch, figures in losses:
            loss = figures["loss"] if self.head == "argmax" else figures["critic_loss"]
            # Its own logger wants another library than the others': the curve is logged as theirs are.
            keeper.see(epoch * every, self._exported(algorithm), loss=float(loss))

    def _algorithm(self, library: Any) -> Any:
        settings = self.settings
        encoder = library.models.VectorEncoderFactory(list(settings["hidden"]), activation=settings["activation"])
        common = {"gamma": settings["gamma"], "batch_size": settings["batch_size"]}
        if self.head == "argmax":
            return library.algos.DiscreteCQLConfig(
                **common,
                encoder_factory=encoder,
                learning_rate=settings["learning_rate"],
                target_update_interval=settings["target_update_interval"],
                alpha=settings["alpha"],
            )
        return library.algos.CQLConfig(
            **common,
            actor_encoder_factory=encoder,
            critic_encoder_factory=encoder,
            actor_learning_rate=settings["learning_rate"],
            critic_learning_rate=settings["learning_rate"],
            conservative_weight=settings["conservative_weight"],
            n_action_samples=settings["action_samples"],
        )

    def _linears(self, algorithm: Any) -> list[Any]:
        """Return the dense layers that lead from observation to action, first to last."""
        from torch import nn

        modules = algorithm.impl.modules
        network = modules.q_funcs[0] if self.head == "argmax" else modules.policy
        encoder = [layer for layer in network._encoder.modules() if isinstance(layer, nn.Linear)]
        last = network._fc if self.head == "argmax" else network._mu
        return [*encoder, last]

    def _restart(self, algorithm: Any, actor: Actor) -> None:
        actor.into_torch(self._linears(algorithm))
        if self.head == "argmax":
            modules = algorithm.impl.modules
            modules.targ_q_funcs.load_state_dict(modules.q_funcs.state_dict())

    def _exported(self, algorithm: Any) -> Actor:
        return Actor.from_torch(self._linears(algorithm), self.settings["activation"], self.head)


@contextmanager
def _quiet() -> Iterator[None]:
    """Let d3rlpy's log on the screen show errors only; what it logs is in the curve and in TensorBoard."""
    import structlog

    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    try:
        yield
    finally:
        structlog.configure(**before)
