"""A scenario that is played while it happens: what is measured and what is believed arrive interval by interval.

One rule: an interval that has passed holds what was measured, one that has not what is believed of it; the laws, the
observation and the agents are those of every other environment.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from energy_gym.arrays import Floats
from energy_gym.backends import scalars
from energy_gym.data.feed import Feed
from energy_gym.dynamics import compose
from energy_gym.envs.env import EnergyEnv, observer
from energy_gym.envs.setup import Setup
from energy_gym.errors import ConfigurationError, NonFiniteError, WindowError
from energy_gym.scenario import Scenario
from energy_gym.scenarios.composed import ScenarioEnv
from energy_gym.serve.usual import History
from energy_gym.tape import Tape

if TYPE_CHECKING:
    import pandas as pd


@dataclass
class Diary:
    """What is known of a span of intervals, column by column.

    Args:
        times: Starts of the intervals [UTC], evenly spaced.
        columns: Names of the series that come in, such as ``"load_kw"``.
        horizon: Intervals that a belief looks ahead.
        remembered: How many intervals back it is kept what was believed at them; None: all of them.

    Example:
        >>> import pandas as pd
        >>> diary = Diary(pd.date_range("2024-01-01", periods=4, freq="h", tz="UTC"), ("load_kw",), horizon=2)
        >>> diary.believe(0, {"load_kw": [3.0, 4.0]})
        >>> diary.measure(0, {"load_kw": 3.5})
        >>> diary.frame()["load_kw"].tolist()
        [3.5, 4.0, 4.0, 4.0]
    """

    times: pd.DatetimeIndex
    columns: tuple[str, ...]
    horizon: int
    remembered: int | None = None
    measured: dict[str, Floats] = field(init=False)
    newest: int = field(init=False, default=-1)

    def __post_init__(self) -> None:
        self.measured = {name: np.full(len(self.times), np.nan) for name in self.columns}
        self._laid = {name: np.full(len(self.times), np.nan) for name in self.columns}
        self._rows: dict[int, dict[str, Floats]] = {}

    def believe(self, step: int, rows: Mapping[str, Any]) -> None:
        """Keep what is believed at the start of an interval of it and those after it.

        Args:
            step: The interval.
            rows: Values by column, shape (horizon,), in the column's unit.

        Raises:
            WindowError: The interval lies outside the span.
            NonFiniteError: A value is missing or infinite.
            ConfigurationError: A column is missing, or has another length.
        """
        self.within(step)
        told: dict[str, Floats] = {}
        for name in self.columns:
            row = np.asarray(rows.get(name, ()), dtype=np.float64)
            if row.shape != (self.horizon,):
                rule = f"must have {self.horizon} values"
                raise ConfigurationError(f"{name} believed: {row.size} values", rule, "give one for each interval")
            self._finite(name, row)
            told[name] = row
        self._rows[step] = told
        self.newest = max(self.newest, step)
        for newer in sorted(place for place in self._rows if place >= step):
            self._lay(newer)
        if self.remembered is not None:
            for old in [place for place in self._rows if place <= self.newest - self.remembered]:
                del self._rows[old]

    def _lay(self, step: int) -> None:
        """Lay what is believed at an interval over what was believed before."""
        for name, row in self._rows[step].items():
            span = self._laid[name][step : step + self.horizon]
            span[:] = row[: len(span)]

    def measure(self, step: int, values: Mapping[str, float]) -> None:
        """Keep what an interval that has passed really was; a column that is not given stays as it was believed.

        Raises:
            WindowError: The interval lies outside the span.
            NonFiniteError: A value is missing or infinite.
        """
        self.within(step)
        for name, value in values.items():
            if name in self.measured:
                self._finite(name, np.array([value], dtype=np.float64))
                self.measured[name][step] = value

    def frame(self) -> pd.DataFrame:
        """Return what is known of every interval: measured, else as the newest belief has it, else as the day before.

        Raises:
            WindowError: Nothing is believed yet.
        """
        import pandas as pd

        return pd.DataFrame({name: self._series(name) for name in self.columns}, index=self.times)

    def _series(self, name: str) -> Floats:
        """Return a column: each interval from the newest row that covers it, measured ones over that."""
        if self.newest < 0:
            raise WindowError(f"{name}", "nothing is believed of it yet", "call believe() first")
        measured = self.measured[name]
        return _carried(np.where(np.isfinite(measured), measured, self._laid[name]))

    def rows(self, feed: Feed, column: str, first: int, stop: int, horizon: int) -> Floats:
        """See `energy_gym.forecast.rows.Forecast.rows`: what was believed at each interval."""
        ahead = np.minimum(np.arange(first, stop)[:, None] + np.arange(horizon), len(feed) - 1)
        rows = feed.values[column][ahead]
        for step in range(first, stop) if column in self.columns else ():
            if step in self._rows:
                rows[step - first] = self._rows[step][column][:horizon]
        return rows

    def within(self, step: int) -> None:
        """Raise WindowError where an interval lies outside the span."""
        if not 0 <= step < len(self.times):
            rule = f"must be one of 0 to {len(self.times) - 1}"
            raise WindowError(f"interval {step}", rule, "begin a new span")

    @staticmethod
    def _finite(name: str, values: Floats) -> None:
        if not np.isfinite(values).all():
            rule = "must be finite numbers"
            raise NonFiniteError(f"{name}: {values[~np.isfinite(values)][0]}", rule, "complete them, or leave them out")


def _carried(series: Floats) -> Floats:
    """Return a series in which what is missing is the last value before it, or the first after it."""
    known = np.flatnonzero(np.isfinite(series))
    place = np.searchsorted(known, np.arange(len(series)), side="right") - 1
    return series[known[np.maximum(place, 0)]]


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
                keywords["reference"] = history.environment(scenario, diary.horizon).setup.feed.statistics
        laid = {"horizon": diary.horizon, "episode_steps": None, "split": "all", **keywords}
        published = dict.fromkeys(diary.columns, "after")
        super().__init__(scenario=scenario, data=self._frame(), forecast=diary, published=published, **laid)
        if self.decision != "power" or self.setup.controls != 1 or not self._one_store:
            found = f"scenario {scenario.name!r}: {', '.join(self.entries) or 'no control'}"
            raise ConfigurationError(found, "the service commands the power of one battery", "describe each by itself")
        self.reset(seed=0)

    def _frame(self) -> pd.DataFrame:
        frame = self.diary.frame()
        currency = "currency" if self.history is None else self.history.currency
        frame.attrs = {"currency": currency, "title": "what is measured and believed"}
        return frame

    def renew(self) -> None:
        """Take over what the diary holds now; the interval and the states stay."""
        t, states, window = self._t, self._states, (self._first, self._stop)
        self.keywords = {**self.keywords, "data": self._frame()}
        shown = self.setup.tape
        self.setup: Setup = self._make_setup(**self.complete(self.keywords))
        self.setup.tape.show_as(shown)
        self._prepare()
        self._t, self._states, (self._first, self._stop) = t, states, window

    def _compose(self) -> None:
        self._advance = compose(self.setup.units, scalars)
        self._observe = observer(Rows(self.setup.tape), self.setup.tape.states)

    def outlook(self) -> dict[str, npt.NDArray[np.float64]]:
        """See `EnergyEnv.outlook`."""
        return {column: rows[0].copy() for column, rows in self.setup.tape.at(self._t).ahead.items()}

    def turn(self, diary: Diary) -> None:
        """Begin a new span, at the start of an episode."""
        self.diary = diary
        self.keywords = {**self.keywords, "forecast": diary}
        self.renew()
        self.reset(seed=0)

    def variant(self, **changes: Any) -> EnergyEnv:
        """Return an environment on the history in which agents learn; see `EnergyEnv.variant`."""
        if self.history is None:
            rule = "has no history to learn from"
            raise ConfigurationError(f"scenario {self.scenario.name!r}", rule, "pass history=")
        changes = {name: value for name, value in changes.items() if name != "split"}
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

    def observed(self) -> Any:
        """Return the observation of the coming interval."""
        return self._observe(self._t, self._states)
