"""The environment as an entry's process has it: spaces, layout and laws, and of the episode only what it is told.

One rule: it cannot be stepped; whatever is known of the running step came with the observation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, NoReturn, cast

import gymnasium as gym
import numpy as np

from energy_gym.envs.env import EnergyEnv
from energy_gym.errors import ActionError, EntryError


class Order(NamedTuple):
    """What an entry's process is to do.

    Args:
        agent: Name, ``module:factory``, or folder of a saved agent.
        id: Id of the environment.
        keywords: Its keywords.
        seed: Seed of the agent.
        memory_mb: Memory that the process may take [MB].
    """

    agent: str
    id: str
    keywords: dict[str, Any]
    seed: int
    memory_mb: int


class Told(NamedTuple):
    """What an entry's process is told before a decision.

    Args:
        observation: Shape (slots,), float32.
        info: That came with it.
        step: The step that is next, counted from the start of the split.
        window: First step of the episode and the step after its last.
        states: States now; see `EnergyEnv.states`.
        outlook: What the forecast says by column; see `EnergyEnv.outlook`.
        past: Last known values by column; see `EnergyEnv.past`.
    """

    observation: Any
    info: dict[str, Any]
    step: int
    window: tuple[int, int]
    states: tuple[float, ...]
    outlook: Mapping[str, Any]
    past: Mapping[str, Any]

    @classmethod
    def of(cls, env: EnergyEnv, observation: Any, info: Mapping[str, Any]) -> Told:
        """Return what is known in an environment at its running step."""
        step = env.steps_left[0]
        return cls(observation, dict(info), step, env.window, env.states, env.outlook(), env.past())


class Served(EnergyEnv):
    """What `serve` makes of an environment; see there."""

    told: Told

    def outlook(self) -> dict[str, Any]:
        """Return what the forecast said with the last observation."""
        return {name: row.copy() for name, row in self.told.outlook.items()}

    def past(self) -> dict[str, Any]:
        """Return the last known values, as told with the last observation."""
        return {name: row.copy() for name, row in self.told.past.items()}

    def reset(self, **_: Any) -> NoReturn:
        """Refuse: episodes are begun by whoever serves."""
        raise _refused("reset()")

    def step(self, action: Any) -> NoReturn:
        """Refuse: steps are played by whoever serves."""
        raise _refused("step()")

    def variant(self, **changes: Any) -> EnergyEnv:
        """Return a new environment on the data that are not held back; see `EnergyEnv.variant`.

        Raises:
            EntryError: The data are those of the episode, or others than were sent.
        """
        if changes.get("split") not in ("train", "validation") or changes.keys() & {"data", "dataset"}:
            raise _refused(f"variant({', '.join(changes)})")
        plain = type(self).__mro__[2]
        return cast(EnergyEnv, plain(**{**self.keywords, "period": None, **changes}))

    def hear(self, told: Told) -> None:
        """Take what is known of the step that is next."""
        begins = told.step == told.window[0]
        self.told, self._states, self._t = told, told.states, told.step
        self._first, self._stop = told.window
        if self._gates is not None and begins:
            self._gates.restart(*told.window)

    def note(self, action: Any) -> None:
        """Take an action that was answered: bids stand until their interval. Others refuse one that is none."""
        if self._gates is not None:
            try:
                self._gates.take(action)
            except ActionError:
                return


def serve(id: str, keywords: Mapping[str, Any]) -> gym.Env[Any, Any]:
    """Return an environment that is told its episode by others.

    Args:
        id: Id of the environment.
        keywords: Its keywords, with data of which all that is to come is held back.
    """
    env = gym.make(id, disable_env_checker=True, **keywords)
    base = cast(Any, env.unwrapped)
    base.__class__ = type(f"Served{type(base).__name__}", (Served, type(base)), {})
    return env


def plain_action(action: Any) -> Any:
    """Return an action as JSON can carry it: a number or a nested list of numbers.

    Raises:
        ActionError: It is none.

    Example:
        >>> plain_action(np.array([0.5], dtype=np.float32)), plain_action(np.int64(2))
        ([0.5], 2)
    """
    array = np.asarray(action)
    if array.dtype.kind not in "fiub":
        raise ActionError(f"action={action!r:.80}", "must be numbers", "return an array of the action space")
    return array.astype(np.float64).tolist() if array.dtype.kind == "f" else array.tolist()


def _refused(what: str) -> EntryError:
    rule = "is refused while an entry is played: the episode and its data are with whoever plays it"
    return EntryError(what, rule, "answer act(); learn from env.unwrapped.variant(split='train')")
