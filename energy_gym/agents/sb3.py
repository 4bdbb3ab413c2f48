"""Stable-Baselines3's learners behind the agents' protocol: dqn, ppo and sac, trained on the batch environment.

In training an episode is left open at its end (``terminal="free"``) and the learner's own estimate of what comes after
values the stored energy; settling it as well would count it twice.

One rule: rewards are scaled by one fixed factor and cut to a fixed range, as observations are; nothing else is changed.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, ClassVar, Self, cast

import numpy as np

from energy_gym.agents.actor import Actor
from energy_gym.agents.advice import Advice, advised, valued
from energy_gym.agents.default_settings import changed_defaults
from energy_gym.agents.guided import guide_of, guided
from energy_gym.agents.keeper import Keeper
from energy_gym.agents.learner import Learner, one_thread, reward_factor
from energy_gym.agents.logs import checked_device
from energy_gym.agents.on_device.training import Run, train
from energy_gym.agents.records.readers import hush_gym
from energy_gym.agents.records.trajectories import Trajectories
from energy_gym.agents.sb3_training import going_on, restore_training, training_state
from energy_gym.agents.sb3_watching import board_logger, silent_logger, watcher
from energy_gym.envs.env import batch_of
from energy_gym.errors import ConfigurationError, MissingExtraError, ResetNeededError, UnknownIdError

CHECKPOINTS = 20
ENGINES = ("sb3", "jax")


class SB3Learner(Learner):
    """An agent trained by Stable-Baselines3 on many weeks of the training split at once.

    Args:
        env: The environment it acts in.
        seed: Seed of training.
        device: See `Learner`.
        library: Arguments of the library's own algorithm in place of those made from the settings, such as
            ``{"policy_kwargs": {"ortho_init": False}}``; they are not saved with the agent.
        callbacks: The library's own callbacks, called while it learns. After ``fit``, ``model`` is its algorithm.
        engine: What trains: ``"sb3"``, or ``"jax"`` (extra ``jax``), which compiles environment and learner into one
            program; see `energy_gym.agents.on_device`. It takes no ``library`` and no ``callbacks``.
        settings: See `Learner`.
    """

    requires: ClassVar[Mapping[str, str]] = {"stable_baselines3": "sb3"}

    def __init__(
        self,
        env: Any,
        seed: int = 0,
        *,
        device: str = "cpu",
        library: Mapping[str, Any] | None = None,
        callbacks: Sequence[Any] | None = None,
        engine: str = "sb3",
        **settings: Any,
    ) -> None:
        self.library = dict(library or {})
        self.callbacks = list(callbacks or ())
        self.engine = _checked_engine(engine, self.library, self.callbacks)
        super().__init__(env, seed, device=device, **{**changed_defaults(self.name, engine), **settings})
        # The library's algorithm of the last ``fit``.
        self.model: Any = None

    def _threads(self) -> AbstractContextManager[None]:
        # Importing torch takes longer than compiling what JAX trains without it.
        return nullcontext() if self.engine == "jax" else super()._threads()

    def _train(self, source: Any, budget: int, seed: int, keeper: Keeper) -> None:
        if self.engine == "jax":
            self._training = None
            train([Run(self, seed, keeper)], source, budget)
            return
        _library()
        self.model = model = self._model(self._batch(source, seed), seed, budget)
        board = keeper.board
        model.set_logger(silent_logger() if board is None else board_logger(str(board.path)))
        restore_training(model, self._training)
        if self.actor is not None:
            self._restart(model, self.actor)
        self._check_exported(model)
        watch = watcher()(self, keeper, max(budget // CHECKPOINTS, 1))
        model.learn(budget, callback=[watch, *self.callbacks], log_interval=None, tb_log_name=self.name)
        watch.show()
        # What was noted since the last look, such as the losses of the last updates.
        model.logger.dump(model.num_timesteps)
        self._training = training_state(model)

    def _check_exported(self, model: Any) -> None:
        """Refuse a policy of the user's own that is more than the dense layers which are kept of it."""
        if not self.library:
            return
        seen = np.random.default_rng(0).uniform(-1.0, 1.0, (32, len(self.env.layout))).astype(np.float32)
        theirs, ours = model.predict(seen, deterministic=True)[0], self.exported(model)(seen)
        if not np.allclose(theirs, ours, atol=1e-4):
            raise ConfigurationError(
                f"library={self.library!r}",
                "makes a policy that is not the dense layers which an agent keeps",
                "set hidden= and activation=, or train the model by itself: energy_gym.evaluate(model, env) takes it",
            )

    def _batch(self, source: Any, seed: int) -> Any:
        """Return the training environments as a ``VecEnv``."""
        from energy_gym.agents.sb3_vec import BatchVecEnv

        base = self.played(source, episode_steps="default")
        batch = batch_of(base, self.settings["num_envs"], "same_step", terminal="free")
        if batch.layout != self.env.layout and [s.name for s in batch.layout] != [s.name for s in self.env.layout]:
            raise ConfigurationError("source: another layout", "must match the agent's environment", "use its keywords")
        venv = BatchVecEnv(batch, reward_factor(batch), self.settings["reward_limit"])
        venv.seed(seed)
        return venv

    def _common(self, venv: Any, seed: int, rate: float | None = None) -> dict[str, Any]:
        """Return the arguments that all of Stable-Baselines3's algorithms take; ``rate`` in place of the usual one."""
        from torch import nn

        settings = self.settings
        first = float(settings["learning_rate"] if rate is None else rate)
        least = float(settings["learning_rate_end"])
        activation = {"relu": nn.ReLU, "tanh": nn.Tanh}[settings["activation"]]
        return {
            "policy": "MlpPolicy",
            "env": venv,
            "learning_rate": lambda left: first * max(left, least),
            "gamma": settings["gamma"],
            "batch_size": settings["batch_size"],
            "policy_kwargs": {
                "net_arch": list(settings["hidden"]),
                "activation_fn": activation,
                **self.library.get("policy_kwargs", {}),
            },
            "seed": seed,
            "device": checked_device(self.device),
        }

    def _built(self, algorithm: Any, chosen: Mapping[str, Any]) -> Any:
        """Return an algorithm with what was chosen for it, and what ``library`` says in its place."""
        own = {name: value for name, value in self.library.items() if name != "policy_kwargs"}
        try:
            return algorithm(**{**chosen, **own})
        except TypeError as error:
            raise ConfigurationError(
                f"library={self.library!r}",
                f"is not what {algorithm.__name__} takes ({error})",
                "see its documentation",
            ) from error

    @abstractmethod
    def _model(self, venv: Any, seed: int, budget: int) -> Any:
        """Return the algorithm, ready to learn."""

    def _going_on(self, algorithm: Any) -> Any:
        """Return an off-policy algorithm that, where training goes on, fills its buffer by its own policy's play."""
        return algorithm if self._training is None else going_on(algorithm)

    @abstractmethod
    def linears(self, policy: Any) -> list[Any]:
        """Return the dense layers of a policy that lead from observation to action, first to last."""

    def _restart(self, model: Any, actor: Actor) -> None:
        """Let the algorithm go on from an actor."""
        actor.into_torch(self.linears(model.policy))

    def exported(self, model: Any) -> Actor:
        """Return the actor of an algorithm as it stands."""
        return Actor.from_torch(self.linears(model.policy), self.settings["activation"], self.head)


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
        algorithm = self._going_on(_library().DQN if advice is None else advised(_library().DQN, advice))
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
        algorithm = _library().PPO
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
        return self._built(self._going_on(_library().SAC), chosen)

    def linears(self, policy: Any) -> list[Any]:
        """See `SB3Learner.linears`."""
        return [*_dense(policy.actor.latent_pi), policy.actor.mu]


def _checked_engine(engine: str, library: Mapping[str, Any], callbacks: Sequence[Any]) -> str:
    if engine not in ENGINES:
        raise UnknownIdError.of("engine", engine, ENGINES)
    if engine == "jax" and (library or callbacks):
        rule = "takes no library= and no callbacks=, which are those of Stable-Baselines3"
        raise ConfigurationError("engine='jax'", rule, "leave them out, or pass engine='sb3'")
    return engine


def check_follows(agent: SB3Learner, data: Trajectories) -> None:
    """Raise an error where an agent cannot go on from a cloned policy with what it was cloned from."""
    if agent.engine != "sb3":
        raise ConfigurationError(f"engine={agent.engine!r}", "heeds no advice", "pass engine='sb3'")
    if agent.actor is None:
        raise ResetNeededError(f"{agent.name} agent", "has no policy to go on from", "call adopt() first")
    _library()
    data.check_matches(agent.env)


def _dense(modules: Any) -> list[Any]:
    from torch import nn

    return [module for module in modules if isinstance(module, nn.Linear)]


def _library() -> Any:
    hush_gym()
    try:
        import stable_baselines3
    except ImportError as error:
        raise MissingExtraError.of("stable-baselines3", "sb3") from error
    return stable_baselines3
