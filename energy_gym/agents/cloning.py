"""Behaviour cloning through the imitation library: bc, from what an expert advised in states it met.

With ``rounds`` above one it is DAgger (Ross, Gordon and Bagnell 2011, "A reduction of imitation learning and structured
prediction to no-regret online learning"): after each round what was cloned plays, the expert advises in the states that
it comes to, and the next round learns from all that was recorded.

One rule: it learns the advice, not what noise made of it, so that noisy records show it how to come back.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from energy_gym.agents.actor import Actor
from energy_gym.agents.keeper import CHECKPOINTS, Keeper
from energy_gym.agents.learner import Learner
from energy_gym.agents.logs import checked_device
from energy_gym.agents.records.demonstrations import demonstrations
from energy_gym.agents.records.experts import WINDOW, record_expert
from energy_gym.agents.records.readers import import_imitation, to_imitation
from energy_gym.agents.records.trajectories import Trajectories, mixture
from energy_gym.envs.env import EnergyEnv
from energy_gym.envs.keywords import check_count
from energy_gym.errors import ConfigurationError

SAMPLE = 2048
# Keeps the weeks of later rounds apart from those of the first.
ROUNDS_SEED = 10_000


class BC(Learner):
    """Behaviour cloning (Pomerleau 1991), on discrete or continuous actions.

    ``fit`` takes trajectories, the name of a Minari data set or an environment in which the expert then plays; its
    budget counts steps of gradient descent.

    Example:
        >>> import gymnasium as gym
        >>> agent = BC(gym.make("energy_gym/Arbitrage-v1", actions="discrete-3"), seed=1, hidden=[64])
        >>> agent.settings["hidden"], agent.settings["expert"]["noise"], agent.head
        ([64], 0.3, 'argmax')
    """

    name: ClassVar[str] = "bc"
    requires: ClassVar[Mapping[str, str]] = {"imitation": "imitation"}
    # What the last ``fit`` learnt from.
    studied: Trajectories | None = None

    @property
    def head(self) -> str:
        """See `Learner.head`."""
        return "clip" if self.env.setup.levels is None else "argmax"

    def _train(self, source: Any, budget: int, seed: int, keeper: Keeper) -> None:
        library = import_imitation()
        data = demonstrations(source, self.env, self.settings["expert"], budget * self.settings["batch_size"])
        self.studied = data
        device = checked_device(self.device)
        policy, advice = self._policy(seed).to(device), self.advice(data)
        if self.actor is not None:
            self.actor.into_torch(self._linears(policy))
        trainer = library.bc.BC(
            observation_space=self.env.observation_space,
            action_space=self.env.action_space,
            rng=np.random.default_rng(seed),
            policy=policy,
            demonstrations=to_imitation(data, advice=advice),
            batch_size=min(self.settings["batch_size"], len(data)),
            optimizer_kwargs={"lr": self.settings["learning_rate"]},
            ent_weight=self.settings["entropy_weight"],
            device=device,
            custom_logger=self._logger(library, keeper),
        )
        if np.isnan(advice).any():
            trainer.loss_calculator = _WhatCounts(trainer.loss_calculator)
        watch = _Watch(self, trainer, keeper, max(budget // CHECKPOINTS, 1), data)
        rounds = check_count("rounds", self.settings["rounds"])
        for number, batches in enumerate(np.diff(np.linspace(0, budget, rounds + 1).round().astype(int)).tolist()):
            if number:
                self.studied = data = mixture(data, self._visited(source, self.exported(policy), number))
                trainer.set_demonstrations(to_imitation(data, advice=self.advice(data)))
            with warnings.catch_warnings():
                # imitation 1.0.1 reads its losses in a way that newer torch warns about; the figures are right.
                warnings.filterwarnings("ignore", message="Converting a tensor with requires_grad")
                trainer.train(n_batches=batches, on_batch_end=watch, progress_bar=False, log_interval=watch.every)
        watch.show()

    def _visited(self, source: Any, actor: Actor, number: int) -> Trajectories:
        """Return weeks in which what was cloned plays more and more, and the expert advises.

        Raises:
            ConfigurationError: The source is records, which cannot be asked.
        """
        if source is not None and not isinstance(getattr(source, "unwrapped", source), EnergyEnv):
            rule = "asks the expert in states that are not recorded yet"
            raise ConfigurationError(f"rounds={self.settings['rounds']}", rule, "pass an environment, or rounds=1")
        recipe = {"policy": self.env.setup.kind.expert, **self.settings["expert"]}
        player = self.played(source, episode_steps="default")
        return record_expert(
            player,
            policy=recipe["policy"],
            window=recipe.get("window", WINDOW),
            episodes=self.settings["round_weeks"],
            episode_steps=recipe.get("episode_steps"),
            seed=recipe.get("seed", 0) + number * self.settings["round_weeks"] + ROUNDS_SEED,
            student=lambda seen: actor(seen[None])[0],
            share=1.0 - 0.5**number,
            judged=False,
        )

    def advice(self, data: Trajectories) -> npt.NDArray[Any]:
        """Return the advice, with NaN for bids whose gate is not now: what stands there has no effect."""
        setup = self.env.setup
        if self.head != "clip":
            return data.advice
        due = setup.tape.due(data.observations, setup.controls)
        return np.where(due, data.advice, np.float32(np.nan))

    def _policy(self, seed: int) -> Any:
        from stable_baselines3.common.policies import ActorCriticPolicy
        from stable_baselines3.common.utils import set_random_seed
        from torch import nn

        set_random_seed(seed)
        activation = {"relu": nn.ReLU, "tanh": nn.Tanh}[self.settings["activation"]]
        return ActorCriticPolicy(
            self.env.observation_space,
            self.env.action_space,
            lambda _: self.settings["learning_rate"],
            net_arch={"pi": list(self.settings["hidden"]), "vf": []},
            activation_fn=activation,
        )

    def _linears(self, policy: Any) -> list[Any]:
        """Return the dense layers that lead from observation to action, first to last."""
        from torch import nn

        hidden = [layer for layer in policy.mlp_extractor.policy_net if isinstance(layer, nn.Linear)]
        return [*hidden, policy.action_net]

    def exported(self, policy: Any) -> Actor:
        """Return the actor of a policy as it stands."""
        return Actor.from_torch(self._linears(policy), self.settings["activation"], self.head)

    def _logger(self, library: Any, keeper: Keeper) -> Any:
        if keeper.board is None:
            return library.logger.configure(tempfile.gettempdir(), [])
        return library.logger.configure(str(keeper.board.path), ["tensorboard"])


class _WhatCounts:
    """The loss of cloning continuous actions over the entries that count: those whose advice is a number."""

    def __init__(self, usual: Any) -> None:
        self.usual = usual

    def __call__(self, policy: Any, seen: Any, advised: Any) -> Any:
        import torch

        # Advised what it does already, the policy's mean is left as it is.
        with torch.no_grad():
            own = policy.get_distribution(seen).mode()
        return self.usual(policy, seen, torch.where(torch.isnan(advised), own, advised))


class _Watch:
    """Shows the keeper an actor every so many batches, with the loss over a fixed sample of the demonstrations."""

    def __init__(self, agent: BC, trainer: Any, keeper: Keeper, every: int, data: Trajectories) -> None:
        self.agent, self.trainer, self.keeper, self.every = agent, trainer, keeper, every
        self.batches = self.shown = 0
        places = np.linspace(0, len(data) - 1, min(len(data), SAMPLE)).astype(int)
        self._sample = data.observations[places], agent.advice(data)[places]

    def __call__(self) -> None:
        self.batches += 1
        if self.batches % self.every == 0:
            self.show()

    def show(self) -> None:
        """Show the actor as it stands, unless that was done after this batch."""
        if self.shown == self.batches:
            return
        self.shown = self.batches
        self.keeper.see(self.batches, self.agent.exported(self.trainer.policy), loss=self._loss())

    def _loss(self) -> float:
        import torch

        device = self.trainer.policy.device
        seen, advised = (torch.from_numpy(part).to(device) for part in self._sample)
        with torch.no_grad():
            metrics = self.trainer.loss_calculator(self.trainer.policy, seen, advised)
        return float(metrics.loss)
