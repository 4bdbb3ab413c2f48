"""Environments as pure functions in JAX: the same laws, compiled; extra ``jax``.

Example:
    >>> import jax, energy_gym.jax
    >>> env = energy_gym.jax.make("energy_gym/Arbitrage-v1", dataset="ercot-2021-2022")
    >>> observation, state = env.reset(jax.random.key(0))
    >>> observation.shape
    (31,)
"""

from energy_gym.jax.env import Environment as Environment
from energy_gym.jax.making import make as make
from energy_gym.jax.parameters import Params as Params
from energy_gym.jax.parameters import State as State
from energy_gym.jax.stacking import stack as stack
from energy_gym.jax.windows import drawn as drawn
from energy_gym.jax.windows import spread as spread
