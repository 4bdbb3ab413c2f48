"""Stable-Baselines3's algorithms as agents: dqn, ppo and sac.

One rule: what they share is `sb3_learner`'s; here is what sets them apart.
"""

from __future__ import annotations

from typing import Any, ClassVar, Self, cast

import numpy as np

from energy_gym.agents.actor import Actor
from energy_gym.agents.advice import Advice, advised, valued
from energy_gym.agents.guided import guide_of, guided
from energy_gym.agents.learner import one_thread, reward_factor
from energy_gym.agents.records.trajectories import Trajectories
from energy_gym.agents.sb3_learner import SB3Learner, the_library
from energy_gym.errors import ConfigurationError, ResetNeededError


class DQN(SB3Learner):
    """Deep Q-network on discrete actions (Mnih et al. 2015), checkpoints chosen on the validation split.

    Example:
        >>> import gymnasium as gym
        >>> env = gym.make("energy_gym/Arbitrage-v1", actions="discrete-3", split="test", episode_steps=24)
        >>> agent = DQN(env, seed=1, hidden=[16], num_envs=8).fit(budget=400)
        >>> observation, info = env.reset(seed=0)
        >>> agent.act(observation, info) in (0, 1, 2)
        True
    """

    name: ClassVar[str] = "dqn"
    kinds: ClassVar[tuple[str, ...]] = ("discrete",)
    # What `follow` was given.
    _advice: Advice | None = None

    @property
    def head(self) -> str:
        """See `Learner.head`."""
        return "argmax"

    def follow(self, data: Trajectories) -> Self:
        """Go on from a cloned policy, which was adopted: `fit` then starts from values and heeds the expert's advice.

        Args:
            data: What the policy was cloned from.

        Raises:
            ResetNeededError: Nothing was adopted.
            ConfigurationError: Trajectories that do not fit the environment, or another engine.
            MissingExtraError: Stable-Baselines3 is not installed.
        """
        check_follows(self, data)
        settings, chosen = self.settings, self.settings["follow"]
        limit = settings["reward_limit"]
        rewards = np.clip(data.rewards * reward_factor(self.env), -limit, limit)
        with one_thread():
            actor, warmth = valued(
                cast(Actor, self.actor), data, rewards, settings["gamma"], chosen["batches"], self.seed
            )
        self.adopt(actor)
        self._advice = Advice(data.observations, data.advice, warmth, chosen["weight"], self.seed)
        return self

    def _model(self, venv: Any, seed: int, budget: int) -> Any:
        settings, follow, advice = self.settings, self.settings["follow"], self._advice
        algorithm = self._going_on(the_library().DQN if advice is None else advised(the_library().DQN, advice))
        rate = settings["learning_rate"] if advice is None else follow["learning_rate"]
        restart = settings["exploration_restart"] if advice is None else follow["exploration"]
        chosen = {
            **self._common(venv, seed, rate),
            "buffer_size": settings["buffer_size"],
            "learning_starts": min(settings["learning_starts"], budget // 10),
            "train_freq": 1,
            "gradient_steps": settings["gradient_steps"],
            "tau": settings["tau"],
            "target_update_interval": venv.num_envs,
            "exploration_fraction": settings["exploration_fraction"],
            "exploration_initial_eps": 1.0 if self.actor is None else restart,
            "exploration_final_eps": settings["exploration_final"],
        }
        return self._built(algorithm, chosen)

    def linears(self, policy: Any) -> list[Any]:
        """See `SB3Learner.linears`."""
        return _dense(policy.q_net.q_net)

    def _restart(self, model: Any, actor: Actor) -> None:
        super()._restart(model, actor)
        model.policy.q_net_target.load_state_dict(model.policy.q_net.state_dict())


class PPO(SB3Learner):
    """Proximal policy optimisation (Schulman et al. 2017), on continuous or discrete actions.

    Example:
        >>> import gymnasium as gym
        >>> env = gym.make("energy_gym/Arbitrage-v1", split="test", episode_steps=24)
        >>> agent = PPO(env, seed=1, hidden=[16], num_envs=8, rollout_steps=16).fit(budget=256)
        >>> observation, info = env.reset(seed=0)
        >>> agent.act(observation, info).shape
        (1,)
    """

    name: ClassVar[str] = "ppo"
    # What `follow` was given.
    _followed: Trajectories | None = None

    @property
    def head(self) -> str:
        """See `Learner.head`."""
        return "clip" if self.env.setup.levels is None else "argmax"

    def follow(self, data: Trajectories) -> Self:
        """Go on from a cloned policy, which was adopted: `fit` lets the value function learn first, and heeds advice.

        Args:
            data: What the policy was cloned from.

        Raises:
            ResetNeededError: Nothing was adopted.
            ConfigurationError: Trajectories that do not fit the environment, or another engine.
        """
        check_follows(self, data)
        self._followed = data
        return self

    def _model(self, venv: Any, seed: int, budget: int) -> Any:
        settings, guide = self.settings, guide_of(self, self._followed, budget)
        whole = settings["rollout_steps"] * venv.num_envs
        rate = None if guide is None else settings["follow"]["learning_rate"]
        common = self._common(venv, seed, rate)
        if guide is not None:
            common["policy_kwargs"] = {"log_std_init": settings["follow"]["log_std"], **common["policy_kwargs"]}
        chosen = {
            **common,
            "batch_size": min(settings["batch_size"], whole),
            "n_steps": settings["rollout_steps"],
            "n_epochs": settings["epochs"],
            "gae_lambda": settings["gae_lambda"],
            "clip_range": settings["clip_range"],
            "ent_coef": settings["entropy_weight"],
        }
        algorithm = the_library().PPO
        return self._built(algorithm if guide is None else guided(algorithm, guide), chosen)

    def linears(self, policy: Any) -> list[Any]:
        """See `SB3Learner.linears`."""
        return [*_dense(policy.mlp_extractor.policy_net), policy.action_net]


class SAC(SB3Learner):
    """Soft actor-critic (Haarnoja et al. 2018), on continuous actions.

    Example:
        >>> import gymnasium as gym
        >>> env = gym.make("energy_gym/Arbitrage-v1", split="test", episode_steps=24)
        >>> agent = SAC(env, seed=1, hidden=[16], num_envs=8).fit(budget=256)
        >>> observation, info = env.reset(seed=0)
        >>> agent.act(observation, info).shape
        (1,)
    """

    name: ClassVar[str] = "sac"
    kinds: ClassVar[tuple[str, ...]] = ("continuous",)
    preferred_actions: ClassVar[str] = "continuous"

    @property
    def head(self) -> str:
        """See `Learner.head`."""
        return "tanh"

    def _model(self, venv: Any, seed: int, budget: int) -> Any:
        settings = self.settings
        chosen = {
            **self._common(venv, seed),
            "buffer_size": settings["buffer_size"],
            "learning_starts": min(settings["learning_starts"], budget // 10),
            "train_freq": 1,
            "gradient_steps": settings["gradient_steps"],
            "tau": settings["tau"],
        }
        return self._built(self._going_on(the_library().SAC), chosen)

    def linears(self, policy: Any) -> list[Any]:
        """See `SB3Learner.linears`."""
        return [*_dense(policy.actor.latent_pi), policy.actor.mu]


def check_follows(agent: SB3Learner, data: Trajectories) -> None:
    """Raise an error where an agent cannot go on from a cloned policy with what it was cloned from."""
    if agent.engine != "sb3":
        raise ConfigurationError(f"engine={agent.engine!r}", "heeds no advice", "pass engine='sb3'")
    if agent.actor is None:
        raise ResetNeededError(f"{agent.name} agent", "has no policy to go on from", "call adopt() first")
    the_library()
    data.check_matches(agent.env)


def _dense(modules: Any) -> list[Any]:
    from torch import nn

    return [module for module in modules if isinstance(module, nn.Linear)]
