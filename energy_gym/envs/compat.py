"""The one place that knows how Gymnasium 0.29 and 1.x differ: vector base class, autoreset, ``make_vec``'s mode.

One rule: no other module asks for Gymnasium's version.
"""

from __future__ import annotations

from typing import Any

import gymnasium as gym

from energy_gym.errors import UnknownIdError

AUTORESET = ("next_step", "same_step", "disabled")
MODERN = hasattr(gym.vector, "AutoresetMode")

if MODERN:
    VectorEnv: Any = gym.vector.VectorEnv
    DEFAULT_AUTORESET = "next_step"
    FINAL_OBSERVATION = "final_obs"
else:
    from gymnasium.experimental.vector import VectorEnv as _ExperimentalVectorEnv

    class VectorEnv(_ExperimentalVectorEnv):  # type: ignore[no-redef,type-arg]
        """Gymnasium 0.29's base of batches, with what its wrappers know a batch by."""

        is_vector_env = True

        def get_wrapper_attr(self, name: str) -> Any:
            """Return an attribute, as the innermost of wrappers."""
            return getattr(self, name)

    DEFAULT_AUTORESET = "same_step"
    FINAL_OBSERVATION = "final_observation"
FINAL_INFO = "final_info"


def autoreset_mode(mode: str | None) -> tuple[str, dict[str, Any]]:
    """Return the autoreset mode (the lane's own if None) and the metadata that announce it.

    Raises:
        UnknownIdError: The mode is none of ``"next_step"``, ``"same_step"``, ``"disabled"``.

    Example:
        >>> autoreset_mode("same_step")[0]
        'same_step'
    """
    chosen = DEFAULT_AUTORESET if mode is None else mode
    if chosen not in AUTORESET:
        raise UnknownIdError.of("autoreset", chosen, AUTORESET)
    modes: Any = getattr(gym.vector, "AutoresetMode", None)
    return chosen, {"autoreset_mode": modes[chosen.upper()]} if MODERN else {}


def make_vec(id: str, num_envs: int = 1, **keywords: Any) -> Any:
    """Make the batch environment of an id, whichever Gymnasium is installed.

    On Gymnasium 1.x this is ``gym.make_vec(id, num_envs, vectorization_mode="vector_entry_point", ...)``; on 0.29 the
    mode is called ``"custom"`` and takes the keywords in ``vector_kwargs``.

    Args:
        id: Registered id.
        num_envs: Number of environments.
        keywords: As for ``gym.make``, and ``autoreset=`` and ``battery=`` (one, or a list of ``num_envs``).

    Example:
        >>> make_vec("energy_gym/Arbitrage-v1", num_envs=3).single_action_space
        Box(-1.0, 1.0, (1,), float32)
    """
    if MODERN:
        return gym.make_vec(id, num_envs=num_envs, vectorization_mode="vector_entry_point", **keywords)
    return gym.make_vec(id, num_envs=num_envs, vectorization_mode="custom", vector_kwargs=keywords)
