"""``mpc-stochastic``: model predictive control over scenarios of what may come.

One rule: one decision now, for all scenarios; what follows in each only says what that decision is worth.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

from energy_gym.agents.base import Agent, Callback
from energy_gym.agents.continuation import check_continuation
from energy_gym.agents.net_load import FILE as CORRECTION
from energy_gym.agents.net_load import Correction, learnt
from energy_gym.agents.site_planning import lone_battery, plannable
from energy_gym.agents.stochastic.futures import Courses, Futures, Told
from energy_gym.agents.stochastic.paths import FILE as PATHS
from energy_gym.agents.stochastic.paths import Paths
from energy_gym.agents.stochastic.planner import Settings, TreePlanner
from energy_gym.agents.stochastic.risk import check_risk
from energy_gym.agents.stochastic.tree import TWO_STAGES, check_stages
from energy_gym.envs.env import EnergyEnv
from energy_gym.envs.keywords import check_count
from energy_gym.errors import ConfigurationError, NonPositiveError
from energy_gym.files import write_atomically
from energy_gym.forecast.probabilistic import Scenarios, make_scenarios
from energy_gym.oracle.peaks import charges_demand
from energy_gym.trees import number

# Scenarios where demand is charged for, and elsewhere, where plans are shorter.
COUNTS = (20, 60)
MAKER = "residual"


class MPCStochastic(Agent):
    """Rolling horizon over scenarios, re-solved from the current state at each step.

    ``fit`` learns how the forecast errs: of a site whose prices are known, courses of what load less generation missed
    of a corrected forecast, as they came on the days of the training split; elsewhere paths of the maker ``residual``,
    of prices too. Without ``fit`` the forecast is the one scenario.

    The scenarios share the decision of the running step, and, with more ``stages``, further ones until they are told
    apart. A battery that follows the meter goes its own way in each scenario; what they share is the power at the meter
    that is named now. Steps beyond the sixteenth are taken together by the hour. Exports are taken to earn no more
    than imports cost.

    Args:
        env: The environment it acts in.
        seed: Seed of paths that are drawn.
        paths: Number of scenarios; None: 20 where demand is charged for, else 60.
        stages: Steps at which scenarios are told apart; ``(1,)`` is two stages, now and all that follows. None: two
            stages where demand is charged for, or the battery follows the meter, which has no more; else scenarios
            share all decisions of a plan.
        risk: What the dearest scenarios count beside the mean of all: a level and a weight, see
            `energy_gym.agents.stochastic.risk.Risk`. None: nothing.
        continuation: What is stored is worth where a plan ends before its episode: ``"mean-price"`` or ``"none"``.
        scenarios: A probabilistic forecast that is asked in place of what ``fit`` learns; see
            `energy_gym.forecast.probabilistic.Scenarios`.
        seconds: Time for a plan, after which the battery is left alone; None: as long as it takes.

    Raises:
        UnsuitableAgentError: There is more than one battery that carries its energy and running maxima alone.
        ConfigurationError: A setting that makes no sense.

    Source:
        Birge and Louveaux, Introduction to Stochastic Programming (2nd edition, 2011), sections 2.4 (two stages) and
        3.5 (more); the risk is that of Rockafellar and Uryasev (2000).

    Example:
        >>> import gymnasium as gym
        >>> env = gym.make("energy_gym/HomeSolar-v1", split="test", episode_steps=24)
        >>> agent = MPCStochastic(env, paths=5).fit()
        >>> observation, info = env.reset(seed=0)
        >>> agent.act(observation, info).shape
        (1,)
    """

    name: ClassVar[str] = "mpc-stochastic"
    selective: ClassVar[bool] = True
    decides: ClassVar[tuple[str, ...]] = ("power",)
    correction: Correction | None = None
    courses: Paths | None = None
    drawn: Scenarios | None = None

    def __init__(
        self,
        env: Any,
        seed: int = 0,
        *,
        paths: int | None = None,
        stages: Sequence[int] | None = None,
        risk: tuple[float, float] | None = None,
        continuation: str = "mean-price",
        scenarios: Scenarios | None = None,
        seconds: float | None = None,
    ) -> None:
        super().__init__(env, seed)
        if not lone_battery(self.env):
            raise self.refused("plans for one battery at one meter, which carries its energy and running maxima alone")
        self.told = scenarios
        self._set(paths, stages, risk, continuation, seconds)
        self.reset()

    def _set(self, paths: Any, stages: Any, risk: Any, continuation: Any, seconds: Any) -> None:
        if self.told is not None and not isinstance(self.told, Scenarios):
            raise ConfigurationError(
                f"scenarios={self.told!r}", "must have a method scenarios()", "pass make_scenarios(...), or None"
            )
        if not isinstance(continuation, str):
            raise ConfigurationError(
                f"continuation={continuation!r}", "must be a name here", "pass 'mean-price' or 'none'"
            )
        check_continuation(continuation)
        if seconds is not None and not number("seconds", seconds, "seconds") > 0.0:
            raise NonPositiveError(f"seconds={seconds}", "must be positive", "pass seconds, or None")
        setup = self.env.setup
        charged, meter = charges_demand(setup.units[0], setup.weights.money), setup.control == "meter"
        paths = COUNTS[not charged] if paths is None else paths
        usual = TWO_STAGES if charged or meter else (setup.tape.horizon,)
        stages = usual if stages is None else check_stages(stages)
        if meter and stages != TWO_STAGES:
            raise ConfigurationError(
                f"stages={stages} of a battery that follows the meter", "must be two", f"pass stages={TWO_STAGES}"
            )
        limit = None if seconds is None else float(seconds)
        self.settings = Settings(check_count("paths", paths), stages, check_risk(risk), continuation, limit)

    def reset(self) -> None:
        """See `Agent.reset`."""
        self._planner: TreePlanner | None = None

    def act(self, observation: Any, info: Mapping[str, Any]) -> Any:
        """See `Agent.act`."""
        if self._planner is None:
            self._planner = TreePlanner(self.env, self.settings, self._futures())
        return self._planner.action(info)

    def _futures(self) -> Futures:
        """Return where scenarios come from."""
        forecast = self.drawn if self.told is None else self.told
        if forecast is not None:
            return Told(self.env, forecast, self.settings.paths)
        if self.correction is not None and self.courses is not None:
            return Courses(self.env, self.correction, self.courses)
        return Told(self.env, None, 1)

    def fit(
        self,
        source: Any = None,
        *,
        budget: int | None = None,
        seed: int | None = None,
        callback: Callback | None = None,
    ) -> Self:
        """See `Agent.fit`.

        Raises:
            ConfigurationError: The training split is too short.
            DataError: The same.
        """
        self._learn(self.played(source, episode_steps=None))
        self.reset()
        return self

    def _learn(self, train: EnergyEnv) -> None:
        if self.told is not None:
            return
        if plannable(train) and priced_for_sure(train):
            self.correction = learnt(train)
            self.courses = Paths.learnt(train, self.correction, self.settings.paths)
        else:
            self.drawn = make_scenarios(MAKER, self.env, train=train, seed=self.seed)

    def save(self, folder: str | Path) -> None:
        """See `Agent.save`; paths of a forecast are learnt anew from the training split where the agent is loaded."""
        super().save(folder)
        if self.correction is not None and self.courses is not None:
            write_atomically(Path(folder) / CORRECTION, self.correction.write)
            write_atomically(Path(folder) / PATHS, self.courses.write)

    def parameters(self) -> dict[str, Any]:
        """See `Agent.parameters`."""
        if self.told is not None:
            raise ConfigurationError(f"scenarios={self.told!r}", "is not saved with the agent", "save it by itself")
        settings = self.settings._asdict() | {"stages": list(self.settings.stages), "risk": list(self.settings.risk)}
        learnt = {"learnt": self.courses is not None, "drawn": self.drawn is not None}
        return {**super().parameters(), **settings, **learnt}

    def restore(self, parameters: Mapping[str, Any], folder: Path) -> None:
        """See `Agent.restore`."""
        super().restore(parameters, folder)
        self._set(*(parameters[name] for name in Settings._fields))
        if parameters["learnt"]:
            self.correction, self.courses = Correction.read(folder / CORRECTION), Paths.read(folder / PATHS)
        if parameters["drawn"]:
            self._learn(self.played(episode_steps=None))
        self.reset()


def priced_for_sure(env: EnergyEnv) -> bool:
    """Return whether what is looked ahead of is load, generation, carbon, and prices that are known at all times."""
    setup, site = env.setup, env.setup.sites[0]
    free = {name for item in site.entities.values() for name in (*item.columns(), *item.signed_columns())}
    free.add(site.energy.carbon)
    return all(name in free or setup.feed.published.get(name) == "always" for name in setup.tape.columns)
