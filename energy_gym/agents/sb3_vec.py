"""The batch environment as Stable-Baselines3 wants it: one adapter, no copies of single environments.

One rule: it forwards; the only figure it changes is the reward, by one fixed factor and a fixed limit.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from energy_gym.agents.records.readers import hush_gym
from energy_gym.envs.compat import FINAL_INFO, FINAL_OBSERVATION
from energy_gym.envs.vector_env import EnergyVectorEnv
from energy_gym.errors import ConfigurationError, MissingExtraError

hush_gym()
try:
    from stable_baselines3.common.vec_env import VecEnv
except ImportError as error:
    raise MissingExtraError.of("stable-baselines3", "sb3") from error

LAST = (FINAL_INFO, FINAL_OBSERVATION)


class BatchVecEnv(VecEnv):  # type: ignore[misc]  # the library is not typed here
    """A batch of this package as a ``VecEnv``.

    Args:
        batch: The batch, made with ``autoreset="same_step"``.
        reward_factor: Fixed factor on the rewards that the learner sees; ``infos[i]["episode"]["r"]`` is not scaled.
        reward_limit: Scaled rewards are cut to plus and minus this.

    Raises:
        ConfigurationError: Another autoreset mode.

    Example:
        >>> import energy_gym
        >>> batch = energy_gym.make_vec("energy_gym/Arbitrage-v1", num_envs=4, autoreset="same_step")
        >>> BatchVecEnv(batch).reset().shape
        (4, 31)
    """

    def __init__(self, batch: EnergyVectorEnv, reward_factor: float = 1.0, reward_limit: float = float("inf")) -> None:
        if batch.autoreset != "same_step":
            raise ConfigurationError(
                f"autoreset={batch.autoreset!r}",
                "Stable-Baselines3 resets in the same step",
                'pass autoreset="same_step"',
            )
        self.batch = batch
        self.reward_factor = float(reward_factor)
        self.reward_limit = float(reward_limit)
        self.render_mode = None
        super().__init__(batch.num_envs, batch.single_observation_space, batch.single_action_space)
        self._actions: Any = None
        self._returns = np.zeros(batch.num_envs)
        self._lengths = np.zeros(batch.num_envs, dtype=np.int64)

    def reset(self) -> npt.NDArray[np.float32]:
        """Start all episodes, with the seeds that ``seed`` set."""
        observations, infos = self.batch.reset(seed=self._seeds, options=self._windows())
        self.reset_infos = self._each(infos)
        self._reset_seeds()
        self._reset_options()
        self._returns[:] = 0.0
        self._lengths[:] = 0
        return observations

    def _windows(self) -> dict[str, Any] | None:
        """Return what ``set_options`` asked of each environment as the batch takes it: a value per environment."""
        names = dict.fromkeys(name for options in self._options for name in options)
        for name in names:
            if any(name not in options for options in self._options):
                raise ConfigurationError(
                    f"set_options: {name!r} for some environments", "must be given for all of a batch", "add the others"
                )
        return {name: [options[name] for options in self._options] for name in names} or None

    def _each(self, infos: dict[str, Any]) -> list[dict[str, Any]]:
        """Return the figures of a batch as one dictionary per environment, of plain numbers."""
        columns = {name: part.tolist() for name, part in infos.items() if f"_{name}" in infos and name not in LAST}
        if not columns:
            return [{} for _ in range(self.num_envs)]
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]

    def step_async(self, actions: Any) -> None:
        """Keep the actions for `step_wait`."""
        self._actions = actions

    def step_wait(
        self,
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], npt.NDArray[np.bool_], list[dict[str, Any]]]:
        """Play one step; a finished episode's last observation is in its info, and it was cut by time."""
        observations, rewards, _, done, infos = self.batch.step(self._actions)
        self._returns += rewards
        self._lengths += 1
        each = self._each(infos)
        for index in np.flatnonzero(done).tolist():
            episode = {"r": float(self._returns[index]), "l": int(self._lengths[index]), "t": 0.0}
            last = infos[FINAL_OBSERVATION][index]
            ended = infos.get(FINAL_INFO)
            figures = {} if ended is None else _figures(ended, index)
            marks = {"terminal_observation": last, "TimeLimit.truncated": True, "episode": episode}
            each[index] = {**figures, **marks}
        self._returns[done] = 0.0
        self._lengths[done] = 0
        scaled = np.clip(rewards * self.reward_factor, -self.reward_limit, self.reward_limit).astype(np.float32)
        return observations, scaled, done, each

    def close(self) -> None:
        """Nothing is held open."""

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """Return an attribute of the batch, once per environment asked for."""
        value = getattr(self.batch, attr_name, None) if attr_name != "render_mode" else None
        return [value for _ in self._indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Refuse: environments of a batch share their attributes.

        Raises:
            ConfigurationError: Always.
        """
        raise ConfigurationError(
            f"set_attr({attr_name!r})", "environments of a batch share attributes", "make a new batch"
        )

    def env_method(self, method_name: str, *method_args: Any, indices: Any = None, **method_kwargs: Any) -> list[Any]:
        """Call a method of the batch once; return its result for each environment asked for."""
        result = getattr(self.batch, method_name)(*method_args, **method_kwargs)
        return [result for _ in self._indices(indices)]

    def env_is_wrapped(self, wrapper_class: type[Any], indices: Any = None) -> list[bool]:
        """Return False throughout: a batch has no wrappers."""
        return [False for _ in self._indices(indices)]

    def _indices(self, indices: Any) -> Iterable[int]:
        return range(self.num_envs) if indices is None else ([indices] if isinstance(indices, int) else list(indices))


def _figures(ended: Any, index: int) -> dict[str, Any]:
    """Return the figures of an environment's last step, however this Gymnasium hands them over."""
    if isinstance(ended, dict):
        return {name: part[index].tolist() for name, part in ended.items() if not name.startswith("_")}
    return {name: part.tolist() if isinstance(part, np.ndarray) else part for name, part in ended[index].items()}
