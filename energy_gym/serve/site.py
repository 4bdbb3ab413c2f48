"""A site's cycle: read, believe, plan, command, and note what the interval before came to.

One rule: a cycle always ends with a command within the limits and a reason where anything was not as it should be.
"""

from __future__ import annotations

import hashlib
import json
import time as clock
from typing import Any

import pandas as pd

from energy_gym.errors import ConfigurationError, EnergyGymError
from energy_gym.scenario import Scenario
from energy_gym.serve.beliefs import (
    FRESH,
    LATE,
    STUCK,
    Announced,
    Belief,
    believed,
    worst,
)
from energy_gym.serve.clients import Reading, Reporter
from energy_gym.serve.columns import series_of, sources_of
from energy_gym.serve.commanding import Commander, Controller
from energy_gym.serve.deciding import Decider, view_of
from energy_gym.serve.diary import Diary
from energy_gym.serve.live import LiveEnv
from energy_gym.serve.metered import metered, target_of_wish
from energy_gym.serve.plan import FALLBACK, Plan, battery_of, power_of, share_of
from energy_gym.serve.plausible import Powers
from energy_gym.serve.publishing import callbacks_of
from energy_gym.serve.review import Review, reviewed
from energy_gym.serve.safety import Callback, Logging, tell
from energy_gym.serve.settings import Settings, SiteSettings
from energy_gym.serve.spans import Spans
from energy_gym.serve.store import Store
from energy_gym.serve.usual import DAYS, History
from energy_gym.serve.watch import SocWatch

# States that were kept longer ago say nothing any more.
FORGOTTEN_DAYS = 14
CLOCK_ERROR = 0.5
# What was believed at an interval is looked at until it has passed.
REMEMBERED = 2


class LiveSite:
    """A site that is planned for while it happens.

    Args:
        settings: Settings of the service.
        site: Those of the site.
        store: Where everything is kept.
        reporter: Who forecasts.
        bms: Who commands the battery.
        callbacks: Who else hears of it.
        decides: Whether it plans here; else its cycles run in a process of their own, and its agent learns there.

    Raises:
        ConfigurationError: The scenario is no site with one battery, or needs a series that nobody forecasts.
    """

    def __init__(
        self,
        settings: Settings,
        site: SiteSettings,
        store: Store,
        reporter: Reporter,
        bms: Controller,
        callbacks: tuple[Callback, ...] = (),
        decides: bool = True,
    ) -> None:
        self.settings, self.site, self.store, self.reporter, self.bms = settings, site, store, reporter, bms
        self.callbacks = (Logging(), *callbacks_of(site.callbacks), *callbacks)
        self.scenario = settings.scenario() if site.scenario is None else Scenario.read(site.scenario)
        self.history = History.read(site.data, site.zone, site.control)
        told = settings.request_timeout_seconds, settings.request_attempts
        self.sources = sources_of(site.columns, *told)
        self.columns = series_of(self.scenario, self.sources)
        self.history.require(self.columns)
        self.powers = Powers.of(self.scenario.sites()[0], self.history, self.columns)
        self.step = pd.Timedelta(minutes=settings.mpc_time_step_minutes)
        self.spans = Spans(self.step, settings.horizon, self.history.zone, site.span)
        self.commander = Commander(site, store, bms, self.step, self.history.zone, self.callbacks)
        kept = {column: store.forecast(site.id, column) for column in self.columns}
        self._heard = {column: told for column, told in kept.items() if told is not None}
        self.beliefs: dict[str, Belief] = {}
        self.last: Plan | None = store.plan(site.id)
        self._begun = False
        self._info: dict[str, Any] = {}
        self.watch = SocWatch()
        self.view = view_of(site.agent)
        self._env = self._first_env()
        seconds = settings.solve_timeout_seconds
        self._deciding = Decider(site.agent, site.fallback, self._env, seconds) if decides else None

    def cycle(self, now: pd.Timestamp) -> Plan:
        """Plan for the interval that a moment lies in, and command it; the same interval again is planned again.

        Args:
            now: The moment [UTC].

        Raises:
            StorageError: The database failed: nothing is commanded that would not be remembered.
        """
        begun, moment = clock.perf_counter(), now.tz_convert("UTC").floor(self.step)
        reasons: list[str] = []
        reading = self._read(now, reasons)
        self._believe(moment, now, reasons)
        env = self._at(moment, reading, reasons)
        if self.watch.stuck:
            reasons.append(f"{self.watch.stuck}: its energy is taken as commanded")
        decision = self._decider.decided(self._info, self.last)
        asked = self.commander.asked(env, decision)
        power, broken = self.commander.limited(env, moment, asked, reading, reasons)
        status = decision.status if reading is not None and self.quality in (FRESH, LATE) else FALLBACK
        told = "; ".join(filter(None, [decision.reason, *reasons]))
        seconds = clock.perf_counter() - begun
        schedule = decision.schedule if not broken else self._decider.resting_after(share_of(env, power))
        plan = Plan(self.site.id, moment, power, status, told, schedule, seconds, self._hash(env))
        holds = metered(env) and not broken
        return self._command(plan, target_of_wish(env, decision.share) if holds else None)

    @property
    def _decider(self) -> Decider:
        """Who decides."""
        if self._deciding is None:
            rule = "is planned for in a process of its own"
            raise ConfigurationError(f"site {self.site.id!r}", rule, "ask the service for a cycle")
        return self._deciding

    @property
    def env(self) -> LiveEnv:
        """The site as an environment, as it stands."""
        return self._env

    @property
    def quality(self) -> str:
        """How good what the last plan was made on is; see `energy_gym.serve.beliefs`."""
        return STUCK if self.watch.stuck else worst(self.beliefs)

    def review(self, since: pd.Timestamp, until: pd.Timestamp) -> Review:
        """Return what a stretch of time came to, beside the best that it could have (half open).

        Raises:
            WindowError: The service did not run throughout.
        """
        kept = self.store.intervals(self.site.id, since, until)
        return reviewed(self._env, self.history, kept, self.columns)

    def close(self) -> None:
        """Let go of what it holds."""
        if self._deciding is not None:
            self._deciding.close()
        self.reporter.close()
        self.bms.close()
        for held in (*self.sources.values(), *self.callbacks):
            if (close := getattr(held, "close", None)) is not None:
                close()

    def _first_env(self) -> LiveEnv:
        """Return the site as it usually is, so that what does not fit is told at the start."""
        times = pd.date_range(
            self.history.frame.index[-1] + self.step, periods=2 * self.settings.horizon, freq=self.step
        )
        diary = self._diary(times, {name: self.history.usual(name, times) for name in self.columns})
        return LiveEnv(self.scenario, diary, self.history, **self.view)

    def _diary(self, times: pd.DatetimeIndex, first: dict[str, Any]) -> Diary:
        diary = Diary(times, self.columns, self.settings.horizon, REMEMBERED)
        diary.believe(0, {name: values[: self.settings.horizon] for name, values in first.items()})
        return diary

    def _read(self, now: pd.Timestamp, reasons: list[str]) -> Reading | None:
        """Return what the battery's controller says, and note what is wrong with it."""
        try:
            reading = self.bms.reading()
        except EnergyGymError as error:
            reasons.append(f"no reading of the battery, its energy is taken as commanded: {error.value}: {error.rule}")
            return None
        off = (reading.time - now).total_seconds()
        if abs(off) > CLOCK_ERROR * self.step.total_seconds():
            reasons.append(f"the battery's clock is off by {off:.0f} s")
        return reading._replace(meter=self.powers.metered(reading.meter, reasons))

    def _believe(self, moment: pd.Timestamp, now: pd.Timestamp, reasons: list[str]) -> None:
        """Ask for forecasts, and settle what is believed of the coming intervals."""
        times = pd.date_range(moment, periods=self.settings.horizon, freq=self.step)
        shown = self.store.intervals(self.site.id, moment - pd.Timedelta(days=DAYS), moment)
        for column in self.columns:
            try:
                self._heard[column] = self._forecast(column, now)
            except EnergyGymError as error:
                reasons.append(f"no new forecast of {column}: {error.value}: {error.rule}")
            own = self.history.expected(column, times, shown)
            self.beliefs[column] = believed(self._heard.get(column), times, now, own)
        if (quality := worst(self.beliefs)) != FRESH:
            reasons.append(f"forecasts are {quality}")

    def _forecast(self, column: str, now: pd.Timestamp) -> Announced:
        """Return a forecast that has just come, checked and kept."""
        source = self.sources.get(column)
        told = self.reporter.forecast(column) if source is None else source.told(column, now)
        told = self.powers.forecast(column, told)
        self.store.keep_forecast(self.site.id, column, told)
        return told

    def _at(self, moment: pd.Timestamp, reading: Reading | None, reasons: list[str]) -> LiveEnv:
        """Return the site at the start of an interval: with what was measured, believed and stored."""
        env = self._covering(moment, reasons)
        step = int((moment - env.diary.times[0]) / self.step)
        if reading is not None and reading.meter_time is not None:
            place = int((reading.meter_time - env.diary.times[0]) // self.step)
            if 0 <= place < step:
                env.diary.measure(place, reading.meter)
        for column in self.sources:
            self._measure_told(env, column, step)
        env.diary.believe(step, {name: belief.values for name, belief in self.beliefs.items()})
        env.renew()
        while env.steps_left[0] < step:
            self._pass(env, reading if env.steps_left[0] == step - 1 else None)
        if reading is not None:
            capacity = battery_of(env).capacity_kwh
            if self.watch.trusts(reading.soc, env.energy_kwh / capacity):
                env.hold(reading.soc * capacity)
        self.store.keep_beliefs(self.site.id, moment, {name: belief.values for name, belief in self.beliefs.items()})
        self.store.keep_states(self.site.id, moment, tuple(env.states))
        return env

    def _measure_told(self, env: LiveEnv, column: str, step: int) -> None:
        """Take what a source of its own says of the interval that has just passed, where it does: a price, say."""
        told = self._heard.get(column)
        if told is None or step < 1:
            return
        value = told.over(env.diary.times[step - 1 : step + 1])[0]
        if value == value:
            env.diary.measure(step - 1, {column: float(value)})

    def _covering(self, moment: pd.Timestamp, reasons: list[str]) -> LiveEnv:
        """Return the environment, whose span covers a plan from a moment on; a new span is begun where it does not."""
        env = self._env
        if self._begun and env.time <= moment and self.spans.lasts(env.diary.times, moment):
            return env
        kept = self._stood(moment, reasons)
        start = moment if kept is None else kept[0]
        times = self.spans.times(start, moment)
        env.turn(self._diary(times, {name: belief.values for name, belief in self.beliefs.items()}))
        env.stand(int((start - times[0]) / self.step), env.states if kept is None else kept[1])
        self._begun = True
        self._info = dict.fromkeys(env.info_units, 0.0) | {"energy_kwh": env.energy_kwh}
        self._decider.begin()
        return env

    def _stood(self, moment: pd.Timestamp, reasons: list[str]) -> tuple[pd.Timestamp, tuple[float, ...]] | None:
        """Return when the site last stood somewhere up to a moment, and in which states; None where it is forgotten."""
        kept = (self._env.time, tuple(self._env.states)) if self._begun else self.store.states(self.site.id)
        oldest = moment - pd.Timedelta(days=FORGOTTEN_DAYS)
        if kept is not None and kept[0] > moment:
            reasons.append(f"the clock was set back, it had been {kept[0]:%Y-%m-%d %H:%M} UTC")
            shown = self.store.intervals(self.site.id, oldest, moment + self.step)
            kept = None if shown.empty else (shown.index[-1], tuple(shown["states"].iloc[-1]))
        return None if kept is None or kept[0] <= oldest else kept

    def _pass(self, env: LiveEnv, reading: Reading | None) -> None:
        """End the interval that the site stands at: by the laws, on what was measured, else believed, of it."""
        moment, step = env.time, env.steps_left[0]
        share = self.commander.wish(env, moment)
        before = list(env.states)
        _, gain, _, _, self._info = env.passed(share)
        capacity = battery_of(env).capacity_kwh
        measured = {name: float(env.diary.measured[name][step]) for name in self.columns}
        known = {name: value for name, value in measured.items() if value == value}
        values = {**known, **self._info, "reward": gain, "power_kw": power_of(env, share), "measured": len(known) > 0}
        values |= {"share": share, "states": before}
        values["soc"] = (env.energy_kwh / capacity) if reading is None or self.watch.stuck else reading.soc
        self.store.keep_interval(self.site.id, moment, values)
        tell(self.callbacks, "passed", self.site.id, moment, values)

    def _command(self, plan: Plan, grid_kw: float | None) -> Plan:
        """Keep a plan, then send its command."""
        self.store.keep_plan(plan)
        tell(self.callbacks, "planned", plan)
        sent = self.commander.send(plan, grid_kw)
        if sent is not plan:
            self.store.keep_plan(sent)
        self.last = sent
        return sent

    def _hash(self, env: LiveEnv) -> str:
        told = [self.site.id, self.site.agent, env.time.isoformat(), list(env.states)]
        told += [belief.values.tolist() for belief in self.beliefs.values()]
        return hashlib.sha256(json.dumps(told).encode()).hexdigest()
