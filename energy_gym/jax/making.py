"""How an environment in JAX is made.

One rule: keywords are those of ``gym.make`` and are read there.
"""

from __future__ import annotations

from typing import Any

from energy_gym.jax.env import Environment
from energy_gym.jax.sources import setup_of


def make(source: Any, *, dtype: str = "float32", **keywords: Any) -> Environment:
    """Make an environment of pure functions in JAX.

    Args:
        source: An id, a `Scenario`, the path of one in YAML, or an environment that was made.
        dtype: Type of the numbers: ``"float32"``, or ``"float64"``, which gives NumPy's figures.
        keywords: As for ``gym.make``.

    Raises:
        ConfigurationError: What cannot be played in JAX, or a type that is not enabled.
        MissingExtraError: If JAX is not installed.

    Example:
        >>> import jax, energy_gym.jax
        >>> env = energy_gym.jax.make("energy_gym/Arbitrage-v1", dataset="ercot-2021-2022", actions="discrete-3")
        >>> observation, state = env.reset(jax.random.key(0), env.default_params)
        >>> observation, state, reward, done, info = env.step(jax.random.key(1), state, 2, env.default_params)
        >>> float(info["grid_kw"])
        4.210526...
    """
    return Environment(setup_of(source, **keywords), dtype)
