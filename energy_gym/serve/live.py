"""A scenario that is played while it happens: what is measured and what is believed arrive interval by interval.

One rule: an interval that has passed holds what was measured, one that has not what is believed of it; the laws, the
observation and the agents are those of every other environment.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from energy_gym.data.feed import Feed, Prepared, open_feed
from energy_gym.data.own_frame import Told
from energy_gym.envs.env import EnergyEnv
from energy_gym.envs.observing import observer
from energy_gym.envs.setup import Setup
from energy_gym.envs.single_actions import reader
from energy_gym.errors import ConfigurationError
from energy_gym.scenario import Scenario
from energy_gym.scenarios.composed import ScenarioEnv
from energy_gym.serve.diary import Diary
from energy_gym.serve.usual import History
from energy_gym.tape import Tape

TITLE = "what is measured and believed"
VIEW = "actions", "lookahead", "history"
"""Keywords of what an agent plays and is shown."""


class Rows:
    """The observations of a tape, each laid out when it is asked for: of a span that happens one is looked at a step.

    Args:
        tape: The tape.
    """

    def __init__(self, tape: Tape) -> None:
        self._tape = tape

    def __getitem__(self, step: int) -> Any:
        """Return the observation of a step but for the states."""
        return self._tape.at(step).rows[0]


class Signals:
    """What the composed step of one site is told at each step, laid out when it is asked for.

    Args:
        setup: The site over its span.
    """

    def __init__(self, setup: Setup) -> None:
        self._units = setup.units

    def __getitem__(self, step: int) -> Any:
        """Return what a step is told."""
        (unit,) = self._units
        return unit.window(step, step + 1).signals()[0]


class LiveEnv(ScenarioEnv):
    """A scenario over a span of intervals, of which a diary says what is known.

    The agent sees it as any other environment, and so do `energy_gym.solve` and the rules: what it can look at is what
    the diary held at the interval, and time stands still until `settle` ends it.

    Args:
        scenario: The site; its decision is the power of one battery.
        diary: What is known.
        history: What was before: agents learn from it, and it scales what they see.
        keywords: Of ``gym.make``: ``zone``, ``reference`` and the like.

    Raises:
        ConfigurationError: The scenario has not just one control, a battery's power.
    """

    def __init__(self, scenario: Scenario, diary: Diary, history: History | None = None, **keywords: Any) -> None:
        self.diary, self.history = diary, history
        if history is not None:
            keywords = {"zone": history.zone, "control": history.source.get("control", "power"), **keywords}
            if "reference" not in keywords:
                keywords["reference"] = history.statistics(scenario, diary.horizon)
        laid = {"horizon": diary.horizon, "episode_steps": None, "split": "all", **keywords}
        self._said = Told(dict.fromkeys(diary.columns, "after"), laid.get("zone"))
        self._opened = self._open(laid.get("reference"))
        laid |= {"published": self._said.published, "data": self._data()}
        super().__init__(scenario=scenario, forecast=diary, **laid)
        if self.decision != "power" or self.setup.controls != 1 or not self._one_store:
            found = f"scenario {scenario.name!r}: {', '.join(self.entries) or 'no control'}"
            raise ConfigurationError(found, "the service commands the power of one battery", "describe each by itself")
        self.reset(seed=0)

    def _open(self, reference: Any) -> Feed:
        """Return the series of a span, checked, with the figures that scale them."""
        frame = self.diary.frame()
        currency = "currency" if self.history is None else self.history.currency
        frame.attrs = {"currency": currency, "title": TITLE}
        return open_feed(None, frame, "all", reference, self._said)

    def _data(self) -> Prepared:
        """Return the series as the diary has them now: what else is known of a span does not change."""
        feed = replace(self._opened, values=self.diary.series())
        return Prepared.of(TITLE, feed, {"all": (0, len(feed))})

    def renew(self) -> None:
        """Take over what the diary holds now; the interval and the states stay."""
        t, states, window = self._t, self._states, (self._first, self._stop)
        self.keywords = {**self.keywords, "data": self._data()}
        shown = self.setup.tape
        self.setup: Setup = self._make_setup(**self.complete(self.keywords))
        self.setup.tape.show_as(shown)
        self._prepare()
        self._t, self._states, (self._first, self._stop) = t, states, window

    def _compose(self) -> None:
        super()._compose()
        self._observe = observer(Rows(self.setup.tape), self.setup.tape.states)

    def _signals_of(self, setup: Setup) -> Any:
        return Signals(setup)

    def outlook(self) -> dict[str, npt.NDArray[np.float64]]:
        """See `EnergyEnv.outlook`."""
        return {column: rows[0].copy() for column, rows in self.setup.tape.at(self._t).ahead.items()}

    def turn(self, diary: Diary) -> None:
        """Begin a new span, at the start of an episode."""
        self.diary = diary
        self.keywords = {**self.keywords, "forecast": diary}
        self._opened = self._open(self.keywords.get("reference"))
        self.renew()
        self.reset(seed=0)

    def variant(self, **changes: Any) -> EnergyEnv:
        """Return an environment on the history in which agents learn; see `EnergyEnv.variant`."""
        if self.history is None:
            rule = "has no history to learn from"
            raise ConfigurationError(f"scenario {self.scenario.name!r}", rule, "pass history=")
        shown = {name: self.keywords[name] for name in VIEW if name in self.keywords}
        changes = {**shown, **{name: value for name, value in changes.items() if name != "split"}}
        return self.history.environment(self.scenario, self.diary.horizon, **changes)

    def stand(self, step: int, states: tuple[float, ...]) -> None:
        """Stand at the start of an interval with given states, as after a restart.

        Raises:
            WindowError: The interval lies outside the span.
            ConfigurationError: Another number of states, or one that is no finite number.
        """
        self.diary.within(step)
        if len(states) != len(self.setup.initial) or not np.isfinite(states).all():
            rule = f"must be {len(self.setup.initial)} finite numbers"
            raise ConfigurationError(f"states={states!r}", rule, "take those of an environment of the same scenario")
        self._t, self._states = step, tuple(map(float, states))

    def hold(self, energy_kwh: float) -> None:
        """Take the energy that is really stored in place of what the laws came to [kWh]."""
        self._states = (float(energy_kwh), *self._states[1:])

    def passed(self, share: float) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """End the interval with a share of rated power, or a wish at the meter, be it a level of an agent or not."""
        usual, self._read = self._read, reader(self.setup, discrete=False)
        try:
            return self.step(np.array([share]))
        finally:
            self._read = usual

    def observed(self) -> Any:
        """Return the observation of the coming interval."""
        return self._observe(self._t, self._states)
