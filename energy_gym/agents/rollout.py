"""``rollout``: a base rule that is followed for a few steps, with a value of what is then stored behind it.

Load less generation is taken to stay what the meter has just shown. Every wish is tried for the coming step; the base
rule goes on from there; what is left in the end is worth what `energy_gym.agents.sdp` has learnt.

One rule: the base rule is never left for anything that is not worth more.

Source:
    Bertsekas, Rollout, Policy Iteration, and Distributed Reinforcement Learning, Athena Scientific, 2020, section 2.3:
    rollout with a truncated base policy and a value behind it; EMSx's leaderboard has it under persistent net demand.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self, cast

import numpy as np

from energy_gym.agents.base import Agent, Callback
from energy_gym.agents.sdp.agent import SDP
from energy_gym.agents.sdp.backward import FIXED, TIE
from energy_gym.agents.sdp.net_noise import Noise
from energy_gym.agents.sdp.site import SitePlanner, refusal
from energy_gym.agents.site_rules import metered_kw, net_kw
from energy_gym.arrays import Floats
from energy_gym.backends import arrays, scalars
from energy_gym.data.validation import is_whole
from energy_gym.dynamics import STATES, compose, gain
from energy_gym.errors import ConfigurationError, UnknownIdError
from energy_gym.following import ends_of, rated_of, wish_of

BASES = ("idle", "self-consumption")
MOST_STEPS = 96


class Rollout(Agent):
    """Tries every wish for the coming step, follows a base rule from there, and asks what is then stored is worth.

    Args:
        env: The environment.
        seed: Not used: nothing is drawn.
        base: The rule that is followed: ``"self-consumption"``, no power at the meter, or ``"idle"``.
        steps: How many steps are played, the coming one among them.
        noise: What the value behind it remembers; see `energy_gym.agents.sdp.agent.SDP`.

    Raises:
        UnknownIdError: No such base rule.
        UnsuitableAgentError: There is no load or generation, or more states than `sdp` can hold.

    Example:
        >>> import gymnasium as gym
        >>> env = gym.make("energy_gym/HomeSolar-v1", split="test", episode_steps=24)
        >>> agent = Rollout(env, steps=2).fit()
        >>> observation, info = env.reset(seed=0)
        >>> agent.act(observation, info).shape
        (1,)
    """

    name: ClassVar[str] = "rollout"
    selective: ClassVar[bool] = True
    decides: ClassVar[tuple[str, ...]] = ("power",)

    def __init__(
        self,
        env: Any,
        seed: int = 0,
        base: str = "self-consumption",
        steps: int = 1,
        noise: Noise | str | None = None,
    ) -> None:
        super().__init__(env, seed)
        if base not in BASES:
            raise UnknownIdError.of("base rule", base, BASES)
        if not is_whole(steps) or not 1 <= steps <= MOST_STEPS:
            raise ConfigurationError(f"steps={steps!r}", f"must be 1 to {MOST_STEPS}, a whole number", "pass 1")
        self.base, self.steps = base, int(steps)
        rule = refusal(self.env)
        if rule is not None:
            raise self.refused(rule)
        self.behind = SDP(env, seed, noise=noise)
        self._advance = compose(self.env.setup.units, arrays)
        self.reset()

    def reset(self) -> None:
        """See `Agent.reset`."""
        self.behind.reset()
        self._energy: float | None = None

    def save(self, folder: str | Path) -> None:
        """See `Agent.save`; what the value behind it has learnt is saved as `sdp` saves it."""
        self.behind.save(folder)
        super().save(folder)

    def parameters(self) -> dict[str, Any]:
        """See `Agent.parameters`."""
        own = {"base": self.base, "steps": self.steps}
        return {**super().parameters(), **own, "behind": self.behind.parameters()}

    def restore(self, parameters: Mapping[str, Any], folder: Path) -> None:
        """See `Agent.restore`."""
        super().restore(parameters, folder)
        self.base, self.steps = str(parameters["base"]), int(parameters["steps"])
        self.behind.restore(parameters["behind"], folder)

    def fit(
        self,
        source: Any = None,
        *,
        budget: int | None = None,
        seed: int | None = None,
        callback: Callback | None = None,
    ) -> Self:
        """See `Agent.fit`: learns the value that stands behind the rule."""
        self.behind.fit(source)
        return self

    def act(self, observation: Any, info: Mapping[str, Any]) -> Any:
        """See `Agent.act`.

        Raises:
            ResetNeededError: Nothing was fitted.
        """
        planner = cast(SitePlanner, self.behind.ready())
        planner.look(info)
        net_kwh = self._net_kw(info) * self.env.setup.units[0].hours
        base = self._base_wish(net_kwh)
        wishes = np.concatenate([[base], planner.backward.fine])
        worth = self._played(planner, wishes, net_kwh, base)
        return self.power(float(wishes[int(np.argmax(worth >= worth.max() - TIE * max(1.0, abs(worth.max()))))]))

    def _net_kw(self, info: Mapping[str, Any]) -> float:
        """Return what the meter has just shown besides the battery [kW]; where it has not, what is forecast."""
        before, self._energy = self._energy, float(info["energy_kwh"])
        if before is not None:
            return metered_kw(self.env, info, before)
        ahead = {name: rows[:1] for name, rows in self.env.outlook().items()}
        return float(net_kw(self.env.setup.sites[0], ahead)[0])

    def _base_wish(self, net_kwh: float) -> float:
        """Return what the base rule wishes for where so much is drawn besides [kWh]."""
        unit = self.env.setup.units[0]
        rated = rated_of(unit, 0)
        if self.env.setup.control == "meter":
            target = 0.0 if self.base == "self-consumption" else net_kwh
            return float(wish_of(target, net_kwh, ends_of(unit, scalars), rated, scalars))
        if self.base == "idle":
            return 0.0
        return float(np.clip(-net_kwh / (rated.give if net_kwh > 0.0 else rated.draw), -1.0, 1.0))

    def _played(self, planner: SitePlanner, wishes: Floats, net_kwh: float, base: float) -> Floats:
        """Return what each wish is worth, shape (w,)."""
        states: tuple[Any, ...] = tuple(np.full(len(wishes), state) for state in self.env.states)
        first, total, wish = self.env.steps_left[0], np.zeros(len(wishes)), wishes
        last = min(first + self.steps, planner.planned) - 1
        for step in range(first, last + 1):
            signal = list(planner.told(step))
            signal[FIXED] = net_kwh
            flow = self._advance(states, (wish,), tuple(signal))
            total = total + gain(flow, self.env.setup.weights)
            states, wish = flow[STATES], np.full(len(wishes), base)
        return np.asarray(total + planner.worth_after(last, states))
