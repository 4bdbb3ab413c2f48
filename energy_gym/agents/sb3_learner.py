"""What the learners of Stable-Baselines3 share: trained on the batch environment, behind the agents' protocol.

In training an episode is left open at its end (``terminal="free"``) and the learner's own estimate of what comes after
values the stored energy; settling it as well would count it twice.

One rule: rewards are scaled by one fixed factor and cut to a fixed range, as observations are; nothing else is changed.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, ClassVar

import numpy as np

from energy_gym.agents.actor import Actor
from energy_gym.agents.default_settings import changed_defaults
from energy_gym.agents.keeper import CHECKPOINTS, Keeper
from energy_gym.agents.learner import Learner, reward_factor
from energy_gym.agents.logs import checked_device
from energy_gym.agents.on_device.training import Run, train
from energy_gym.agents.records.readers import hush_gym
from energy_gym.agents.sb3_training import going_on, restore_training, training_state
from energy_gym.agents.sb3_watching import board_logger, silent_logger, watcher
from energy_gym.envs.env import batch_of
from energy_gym.errors import ConfigurationError, MissingExtraError, UnknownIdError

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
        the_library()
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


def _checked_engine(engine: str, library: Mapping[str, Any], callbacks: Sequence[Any]) -> str:
    if engine not in ENGINES:
        raise UnknownIdError.of("engine", engine, ENGINES)
    if engine == "jax" and (library or callbacks):
        rule = "takes no library= and no callbacks=, which are those of Stable-Baselines3"
        raise ConfigurationError("engine='jax'", rule, "leave them out, or pass engine='sb3'")
    return engine


def the_library() -> Any:
    """Return Stable-Baselines3, or raise MissingExtraError."""
    hush_gym()
    try:
        import stable_baselines3
    except ImportError as error:
        raise MissingExtraError.of("stable-baselines3", "sb3") from error
    return stable_baselines3
