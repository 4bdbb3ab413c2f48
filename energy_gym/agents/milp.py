"""A plan for a fixed horizon, made once on the forecast and followed to its end: what EnCortex calls MILP.

One rule: between plans it looks at nothing; what reality makes of a plan is the difference to model predictive control.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from energy_gym.agents.base import Agent
from energy_gym.agents.expecting import expected_units
from energy_gym.agents.mpc import actions_of, planned
from energy_gym.envs.keywords import check_count


class MILP(Agent):
    """The oracle's problem on the environment's own forecast over a horizon, whose plan is followed to its end.

    It is planned as `energy_gym.agents.mpc.MPC` plans, from the state at its beginning, and then played action by
    action, whatever happens; when it ends, the next one is made. Energy left at the end of a plan is valued at the mean
    price of the training split, unless the episode ends there.

    Args:
        env: The environment it acts in; it asks for power, or for bids of fleets.
        seed: Not used.
        steps: Steps of a plan; None, and at most, the environment's look-ahead.

    Raises:
        NonPositiveError: Steps that are not at least 1.
        UnsuitableAgentError: A producer's bids: they are due at gates, which a plan of fixed length would pass by.

    Source:
        EnCortex, appendix D (ii): an objective solved over a fixed horizon, against (iii), a sequence of such problems.

    Example:
        >>> import gymnasium as gym
        >>> import energy_gym
        >>> env = gym.make("energy_gym/Arbitrage-v1", split="test", episode_steps=48)
        >>> 0.0 < energy_gym.evaluate(MILP(env), env, seed=1).score <= 1.0
        True
    """

    name: ClassVar[str] = "milp"
    selective: ClassVar[bool] = True
    decides: ClassVar[tuple[str, ...]] = ("power", "fleet", "mixed")

    def __init__(self, env: Any, seed: int = 0, steps: int | None = None) -> None:
        super().__init__(env, seed)
        ahead = self.env.setup.tape.horizon
        self.steps = ahead if steps is None else min(check_count("steps", steps), ahead)
        self.reset()

    def reset(self) -> None:
        """Forget the plan."""
        self._plan: list[Any] = []
        self._made = 0

    def act(self, observation: Any, info: Mapping[str, Any]) -> Any:
        """See `Agent.act`."""
        now, stop = self.env.steps_left
        if not 0 <= now - self._made < len(self._plan):
            size = min(self.steps, stop - now)
            wishes = planned(self.env, expected_units(self.env, size), ends=now + size == stop)
            self._plan, self._made = actions_of(self.env, wishes), now
        return self._plan[now - self._made]
