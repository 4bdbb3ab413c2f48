"""Any environment of the suite as a task of a runner: an interval of it whenever it is due.

One rule: what is decided is told before it is played, what it came to after; nothing is commanded but by a callback.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from energy_gym.envs.env import EnergyEnv
from energy_gym.errors import ConfigurationError
from energy_gym.serve.safety import tell


@dataclass
class Played:
    """An agent in an environment, an interval at a time: producers that bid, fleets, communities, markets.

    Callbacks may have ``decided(name, time, action)`` and ``passed(name, time, values)``. An episode that ends begins
    anew.

    Args:
        name: Name, for callbacks.
        env: An environment, in no wrappers.
        agent: Who decides, made for it.
        callbacks: Who is told.

    Raises:
        ConfigurationError: It is no environment of this package.

    Example:
        >>> import gymnasium as gym
        >>> from energy_gym.agents.registry import make_agent
        >>> from energy_gym.serve.runners import Runner
        >>> env = gym.make("energy_gym/Arbitrage-v1", episode_steps=24).unwrapped
        >>> runner = Runner({"trade": Played("trade", env, make_agent("threshold", env).fit())})
        >>> sorted(runner.fire("trade").result())[:2]
        ['carbon_kg', 'clipped_kw']
        >>> runner.stop()
    """

    name: str
    env: EnergyEnv
    agent: Any
    callbacks: tuple[Any, ...] = ()
    _seen: Any = field(init=False, default=None)
    _info: dict[str, Any] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.env, EnergyEnv):
            raise ConfigurationError(f"env={self.env!r}", "must be an environment of energy_gym", "pass env.unwrapped")

    def __call__(self) -> dict[str, Any]:
        """Decide on the coming interval and let it pass; return what it came to."""
        if self._seen is None:
            self._seen, self._info = self.env.reset(seed=0)
            self.agent.reset()
        time, action = self.env.time, self.agent.act(self._seen, self._info)
        tell(self.callbacks, "decided", self.name, time, action)
        seen, gain, _, over, self._info = self.env.step(action)
        self._seen = None if over else seen
        values = {**self._info, "reward": gain}
        tell(self.callbacks, "passed", self.name, time, values)
        return values
