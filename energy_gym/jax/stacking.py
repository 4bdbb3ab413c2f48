"""Parameter sets side by side, so that one program plays a battery, tariff or market for each environment.

One rule: what all sets share is kept once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from energy_gym.errors import ConfigurationError
from energy_gym.jax.parameters import Params


def stack(sets: Sequence[Params]) -> tuple[Params, Params]:
    """Return parameter sets as one, and the axes along which `jax.vmap` is to take it apart.

    Args:
        sets: Parameters of one environment, by `Environment.params_of` and `Environment.with_battery`.

    Returns:
        Parameters whose arrays have a first axis of ``len(sets)`` where they differ; and the same tree with 0 there and
        None where they do not.

    Raises:
        ConfigurationError: Sets of different sizes.

    Example:
        >>> import jax, energy_gym.jax
        >>> env = energy_gym.jax.make("energy_gym/Arbitrage-v1", dataset="ercot-2021-2022")
        >>> sizes = [env.with_battery(env.default_params, capacity_kwh=size) for size in (5.0, 10.0, 20.0)]
        >>> params, axes = stack(sizes)
        >>> keys = jax.random.split(jax.random.key(0), 3)
        >>> observations, states = jax.vmap(env.reset, (0, axes))(keys, params)
        >>> states.states[0].tolist()
        [2.5, 5.0, 10.0]
    """
    import jax
    import jax.numpy as jnp

    if not sets:
        raise ConfigurationError("stack([])", "needs a parameter set", "pass one for each environment")
    trees = [jax.tree.flatten(one) for one in sets]
    leaves, shape = [leaves for leaves, _ in trees], trees[0][1]
    sizes = [[np.shape(leaf) for leaf in each] for each in leaves]
    odd = next((place for place, (_, own) in enumerate(trees) if own != shape or sizes[place] != sizes[0]), None)
    if odd is not None:
        rule = f"has another size than set 0: {_differing(sizes[0], sizes[odd])}"
        raise ConfigurationError(f"parameter set {odd}", rule, "stack sets of one length, or make a program for each")
    columns = list(zip(*leaves, strict=True))
    shared = [all(_same(one, other) for other in column[1:]) for one, column in zip(leaves[0], columns, strict=True)]
    together = [
        column[0] if kept else jnp.stack([jnp.asarray(one) for one in column])
        for kept, column in zip(shared, columns, strict=True)
    ]
    axes = [None if kept else 0 for kept in shared]
    return shape.unflatten(together), shape.unflatten(axes)


def _same(one: Any, other: Any) -> bool:
    return one is other or bool(np.array_equal(one, other))


def _differing(first: list[Any], other: list[Any]) -> str:
    pair = next((f"{one} and {two}" for one, two in zip(first, other, strict=False) if one != two), "other figures")
    return f"shapes {pair}" if "and" in pair else pair
