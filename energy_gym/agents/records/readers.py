"""Trajectories handed to other libraries: d3rlpy for offline learning, imitation for cloning.

One rule: both are imported here, only when asked, and the data go over unscaled; time running out is no termination.
"""

from __future__ import annotations

import contextlib
import importlib
import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt

from energy_gym.agents.records.trajectories import Trajectories
from energy_gym.errors import DataError, MissingExtraError


def to_d3rlpy(
    trajectories: Trajectories,
    *,
    observations: npt.NDArray[Any] | None = None,
    rewards: npt.NDArray[Any] | None = None,
) -> Any:
    """Return a ``d3rlpy.dataset.MDPDataset`` of what was played.

    Every episode ends with a timeout, never a terminal. d3rlpy takes no transition from the step of a timeout, since
    it has nothing to bootstrap from there; the settlement at the end of an episode is in its returns alone.

    Args:
        trajectories: What to hand over.
        observations: Features in place of the observations: a row for each of ``trajectories.rows``, which are all
            T + 1 observations of each episode, shape (steps + episodes, features).
        rewards: Rewards in place of the environment's, such as scaled ones, shape (steps,).

    Raises:
        DataError: Arrays of another number of rows.
        MissingExtraError: d3rlpy is not installed.
    """
    rows = _rows(trajectories, observations)
    paid = trajectories.rewards if rewards is None else np.asarray(rewards)
    if paid.shape != (len(trajectories),):
        raise DataError(f"rewards of shape {paid.shape}", f"must be ({len(trajectories)},)", "give one for each step")
    d3rlpy = import_d3rlpy()
    levels = trajectories.levels
    spaces = d3rlpy.constants.ActionSpace
    return d3rlpy.dataset.MDPDataset(
        observations=trajectories.before(rows),
        actions=trajectories.actions.reshape(len(trajectories), -1),
        rewards=paid.reshape(-1, 1),
        terminals=np.zeros(len(trajectories), dtype=np.float32),
        timeouts=trajectories.timeouts.astype(np.float32),
        action_space=spaces.CONTINUOUS if levels is None else spaces.DISCRETE,
        action_size=trajectories.actions.shape[1] if levels is None else len(levels),
    )


def to_imitation(
    trajectories: Trajectories,
    *,
    observations: npt.NDArray[Any] | None = None,
    played: bool = False,
    advice: npt.NDArray[Any] | None = None,
) -> Any:
    """Return ``imitation.data.types.Transitions``: in each state what the expert advised.

    Args:
        trajectories: What to hand over.
        observations: Features in place of the observations, shape (steps + episodes, features); see `to_d3rlpy`.
        played: Whether to give the actions that were played, noise included, in place of the advice.
        advice: Advice in place of the recorded one, of its shape, such as with NaN where it has no effect.

    Raises:
        DataError: Observations of another number of rows.
        MissingExtraError: imitation is not installed.
    """
    rows = _rows(trajectories, observations)
    hush_gym()
    types = _import("imitation.data.types", "imitation")
    return types.Transitions(
        obs=trajectories.before(rows),
        acts=(trajectories.actions if played else trajectories.advice if advice is None else advice).copy(),
        infos=np.array([{}] * len(trajectories)),
        next_obs=trajectories.after(rows),
        dones=trajectories.timeouts.copy(),
    )


def import_d3rlpy() -> Any:
    """Import d3rlpy without the banner of the old ``gym`` that it brings along.

    Raises:
        MissingExtraError: It is not installed.
    """
    hush_gym()
    return _import("d3rlpy", "offline")


def import_imitation() -> Any:
    """Import the modules ``types``, ``bc`` and ``logger`` of imitation, without the banner of the old ``gym``.

    Raises:
        MissingExtraError: It is not installed.
    """
    hush_gym()
    places = {"types": "imitation.data.types", "bc": "imitation.algorithms.bc", "logger": "imitation.util.logger"}
    return SimpleNamespace(**{name: _import(place, "imitation") for name, place in places.items()})


def _import(module: str, extra: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingExtraError.of(module.partition(".")[0], extra) from error


def hush_gym() -> None:
    """Empty the list of notices that ``gym`` prints on stderr when it is imported; nothing else is silenced."""
    if "gym" not in sys.modules:
        with contextlib.suppress(ImportError):
            importlib.import_module("gym_notices.notices").notices.clear()


def _rows(trajectories: Trajectories, observations: npt.NDArray[Any] | None) -> npt.NDArray[np.float32]:
    """Return the rows to hand over, as float32 of shape (steps + episodes, features)."""
    if observations is None:
        return trajectories.rows
    rows = np.asarray(observations, dtype=np.float32)
    wanted = len(trajectories.rows)
    if rows.ndim != 2 or len(rows) != wanted:
        raise DataError(
            f"observations of shape {rows.shape}",
            f"must be ({wanted}, features)",
            "transform trajectories.rows: each episode's observations, its last included",
        )
    return rows
