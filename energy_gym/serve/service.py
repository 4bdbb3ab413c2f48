"""The service: its sites, the schedule of their cycles, and who leads where two share a database.

One rule: a cycle that fails is counted, told and tried again at the next interval; it never ends the service.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import pandas as pd

from energy_gym.errors import EnergyGymError, UnknownIdError
from energy_gym.serve.leading import Leadership
from energy_gym.serve.metrics import Metrics
from energy_gym.serve.nightly import review_days
from energy_gym.serve.plan import ERROR, FALLBACK, Plan
from energy_gym.serve.runners import EventRunner, Runner, ScheduledRunner, TableWatch
from energy_gym.serve.safety import Callback, log
from energy_gym.serve.schedule import Cron, Every, Schedule
from energy_gym.serve.settings import Settings, SiteSettings
from energy_gym.serve.site import LiveSite
from energy_gym.serve.site_process import SiteProcess, live_site
from energy_gym.serve.store import Store
from energy_gym.serve.tracked import tracked_days
from energy_gym.tracking.protocol import log_all, open_tracker

# A lease outlasts a cycle that is late, and is over before two are missed; one that is prolonged by a heartbeat can be
# much shorter, so that another service takes over within the interval.
LEASE_INTERVALS = 1.5
BEAT_SECONDS, BEATS = 15, 4
# How long it is kept what was believed at each interval: as long as an agent's last weeks are looked at.
BELIEF_DAYS = 62
NIGHT, BEAT = "night", "beat"
READY_INTERVALS = 2.0


def _now() -> pd.Timestamp:
    return pd.Timestamp.now("UTC")


class Service:
    """Sites that are planned for, each at the start of every interval.

    Args:
        settings: Settings of the service.
        sites: The sites.
        now: Tells the time; another clock than the machine's in simulations.
        callbacks: Who else hears of plans and of intervals that have passed.

    Raises:
        ConfigurationError: A site cannot be planned for.
        StorageError: The database cannot be opened.
        MissingExtraError: The library of the tracker is not installed.
    """

    def __init__(
        self,
        settings: Settings,
        sites: Sequence[SiteSettings],
        now: Callable[[], pd.Timestamp] = _now,
        callbacks: tuple[Callback, ...] = (),
    ) -> None:
        self.settings, self.now, self.started = settings, now, now()
        self.store, self.metrics = Store(settings.database_url), Metrics()
        self.leadership = Leadership(self.store)
        self.sites = {site.id: self._made(site, callbacks) for site in sites}
        self._processes: dict[str, SiteProcess] = {}
        if settings.workers == "processes":
            self._processes = {site.id: SiteProcess(settings, site) for site in sites}
        self._locks = {name: threading.Lock() for name in self.sites}
        self.errors: dict[str, str] = {}
        self.tracker = None if settings.track is None else open_tracker(settings.track)
        self.runner = Runner(self._tasks())
        watches = {name: self._watches(site) for name, site in self.sites.items()}
        self.events = EventRunner(self.runner, watches)
        self._scheduled: ScheduledRunner | None = None

    def _tasks(self) -> dict[str, Callable[[], Any]]:
        """Return what runs, by name: a cycle and a night for each site, and the heartbeat."""
        cycles: dict[str, Callable[[], Any]] = {name: partial(self.cycle, name) for name in self.sites}
        nights = {f"{name}/{NIGHT}": partial(self.night, name) for name in self.sites}
        return {**cycles, **nights, BEAT: self.beat}

    def _watches(self, site: LiveSite) -> list[TableWatch]:
        return [TableWatch(told.database_url, told.query) for told in site.site.watches]

    def _schedules(self) -> dict[str, Schedule]:
        """Return when what runs is due."""
        usual, found = Every(60.0 * self.settings.mpc_interval_minutes), dict[str, Schedule]()
        for name, site in self.sites.items():
            zone, told = site.history.zone, site.site
            found[name] = usual if told.schedule is None else Cron(told.schedule, zone)
            if told.review is not None:
                found[f"{name}/{NIGHT}"] = Cron(told.review, zone)
        return found | {BEAT: Every(BEAT_SECONDS)}

    def _made(self, site: SiteSettings, callbacks: tuple[Callback, ...]) -> LiveSite:
        here = self.settings.workers == "threads"
        return live_site(self.settings, site, self.store, callbacks, here=here)

    @property
    def leads(self) -> bool:
        """Whether this service plans and commands; others on its database read."""
        return self.leadership.held

    def site(self, name: str) -> LiveSite:
        """Return a site.

        Raises:
            UnknownIdError: No such site.
        """
        if name not in self.sites:
            raise UnknownIdError.of("site", name, self.sites)
        return self.sites[name]

    @property
    def first(self) -> str:
        """Name of the site that addresses without a name mean."""
        return next(iter(self.sites))

    def cycle(self, name: str) -> Plan | None:
        """Plan for a site now; None where another service leads, or the cycle failed.

        Raises:
            UnknownIdError: No such site.
        """
        site, now = self.site(name), self.now()
        with self._locks[name]:
            try:
                if not self._leading(now):
                    return None
                plan = self._planned(site, now)
            except Exception as error:
                self.errors[name] = str(error)
                self.metrics.failed.labels(name).inc()
                log.error("cycle failed", site=name, error=repr(error))
                self._carry_on(name)
                return None
        self.errors.pop(name, None)
        self.metrics.planned(plan, site.beliefs, bool(site.watch.stuck))
        return plan

    def _planned(self, site: LiveSite, now: pd.Timestamp) -> Plan:
        """Return the plan of a cycle, here or in the site's process."""
        process = self._processes.get(site.site.id)
        return site.cycle(now) if process is None else process.cycle(site, now)

    def _carry_on(self, name: str) -> None:
        """Command what an earlier plan said of this interval: no battery goes on with a command that is over."""
        if not self.leads:
            return
        try:
            plan, site = self.command(name), self.site(name)
            if plan is not None:
                site.commander.send(replace(plan, time=self.now().floor(site.step)))
        except EnergyGymError as error:
            log.error("command not taken", site=name, error=repr(error))

    def night(self, name: str) -> int:
        """Review the days of a site that are over and have not been, and return how many these were."""
        if not self.leads:
            return 0
        site, now = self.site(name), self.now()
        found = review_days(site, now)
        if self.tracker is not None:
            log_all(self.tracker, tracked_days(site, found))
        self.store.forget_beliefs(name, now - pd.Timedelta(days=BELIEF_DAYS))
        return len(found)

    def cycle_all(self) -> None:
        """Plan for every site now, one after the other."""
        for name in self.sites:
            self.cycle(name)

    def command(self, name: str) -> Plan | None:
        """Return what holds for a site now: its plan, or what an earlier one said of this interval; None before any."""
        site, now = self.site(name), self.now()
        plan = site.last or self.store.plan(name)
        if plan is None:
            return None
        late = int((now.floor(site.step) - plan.time) / site.step)
        if late <= 0:
            return plan
        told = f"no plan for {late} intervals; {self.errors.get(name, 'it is on its way')}"
        if plan.schedule is None or late >= len(plan.schedule.battery_kw):
            return replace(plan, power_kw=0.0, status=ERROR, reason=told)
        power, _ = site.commander.guard.clamped(plan.schedule.battery_kw[late], None)
        status = plan.status if late == 1 and not self.errors.get(name) else FALLBACK
        return replace(plan, power_kw=power, status=status, reason=told)

    def readiness(self) -> dict[str, str]:
        """Return what is amiss by site: no plan yet, or one that is too old; empty where all is well."""
        found = {}
        for name, site in self.sites.items():
            plan = site.last or self.store.plan(name)
            if plan is None:
                found[name] = "no plan yet"
            elif (age := self.now() - plan.time) > READY_INTERVALS * site.step:
                found[name] = f"the last plan is {age.total_seconds():.0f} s old"
            elif self.errors.get(name):
                found[name] = self.errors[name]
        return found

    def start(self) -> None:
        """Plan for every site now, and then whenever each is due, or something happens."""
        self._scheduled = ScheduledRunner(self.runner, self._schedules(), self.now)
        for name in self.sites:
            self.runner.fire(name)
        self._scheduled.start()
        self.events.start()

    def beat(self) -> None:
        """Prolong the lease between cycles; where another service has let go of it, take over and plan at once."""
        led = self.leads
        try:
            if self._leading(self.now()) and not led:
                self.cycle_all()
        except EnergyGymError as error:
            log.error("lease not prolonged", error=repr(error))

    def stop(self) -> None:
        """End the schedule, and let go of everything."""
        if self._scheduled is not None:
            self._scheduled.stop()
            self.events.stop()
            self._scheduled = None
        self.runner.stop()
        for process in self._processes.values():
            process.close()
        for site in self.sites.values():
            site.close()
        try:
            self.leadership.resign()
        except EnergyGymError as error:
            log.error("lease not given back", error=repr(error))
        self.store.close()

    def next_cycle(self) -> pd.Timestamp:
        """Return when the next plan is made [UTC]."""
        step = pd.Timedelta(minutes=self.settings.mpc_interval_minutes)
        return self.now().floor(step) + step

    def _leading(self, now: pd.Timestamp) -> bool:
        seconds = LEASE_INTERVALS * 60.0 * self.settings.mpc_interval_minutes
        if self._scheduled is not None:
            seconds = min(seconds, float(BEATS * BEAT_SECONDS))
        self.metrics.leads.set(float(self.leadership.taken(now.timestamp(), seconds)))
        return self.leads

    def told(self, name: str) -> dict[str, Any]:
        """Return what a site's state is, for people and dashboards."""
        site, plan = self.site(name), self.command(name)
        ages = {
            key: {"quality": item.quality, "age_seconds": item.age_seconds if item.age_seconds < float("inf") else None}
            for key, item in site.beliefs.items()
        }
        return {
            "site": name,
            "agent": site.site.agent,
            "last_plan": None if plan is None else plan.time.isoformat(),
            "status": ERROR if plan is None else plan.status,
            "reason": self.errors.get(name, "no plan yet") if plan is None else plan.reason,
            "quality": site.quality if site.beliefs else None,
            "forecasts": ages,
            "next_plan": self.next_cycle().isoformat(),
            "leads": self.leads,
            "error": self.errors.get(name),
        }
