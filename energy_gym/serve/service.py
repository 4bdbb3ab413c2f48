"""The service: its sites, the schedule of their cycles, and who leads where two share a database.

One rule: a cycle that fails is counted, told and tried again at the next interval; it never ends the service.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger

from energy_gym.errors import EnergyGymError, UnknownIdError
from energy_gym.serve.clients import BatteryController, Reporter
from energy_gym.serve.metrics import Metrics
from energy_gym.serve.plan import ERROR, FALLBACK, Plan
from energy_gym.serve.safety import Callback, log
from energy_gym.serve.settings import Settings, SiteSettings
from energy_gym.serve.site import LiveSite
from energy_gym.serve.store import Store

LEASE = "planner"
# A lease outlasts a cycle that is late, and is over before two are missed.
LEASE_INTERVALS = 1.5
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
    """

    def __init__(
        self,
        settings: Settings,
        sites: Sequence[SiteSettings],
        now: Callable[[], pd.Timestamp] = _now,
        callbacks: tuple[Callback, ...] = (),
    ) -> None:
        self.settings, self.now, self.started = settings, now, now()
        self.store, self.metrics, self.owner = Store(settings.database_url), Metrics(), uuid.uuid4().hex
        self.sites = {site.id: self._made(site, callbacks) for site in sites}
        self._locks = {name: threading.Lock() for name in self.sites}
        self.errors: dict[str, str] = {}
        self.leads = False
        self._scheduler: BackgroundScheduler | None = None

    def _made(self, site: SiteSettings, callbacks: tuple[Callback, ...]) -> LiveSite:
        settings, told = self.settings, (self.settings.request_timeout_seconds, self.settings.request_attempts)
        reporter = Reporter((site.reporter_url or settings.reporter_base_url).rstrip("/"), *told)
        bms = BatteryController((site.bms_url or settings.bms_base_url).rstrip("/"), *told)
        return LiveSite(settings, site, self.store, reporter, bms, callbacks)

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
                plan = site.cycle(now)
            except Exception as error:
                self.errors[name] = str(error)
                self.metrics.failed.labels(name).inc()
                log.error("cycle failed", site=name, error=repr(error))
                return None
        self.errors.pop(name, None)
        self.metrics.planned(plan, site.beliefs, bool(site.watch.stuck))
        return plan

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
            return Plan(**{**vars(plan), "power_kw": 0.0, "status": ERROR, "reason": told})
        power, _ = site.guard.clamped(plan.schedule.battery_kw[late], None)
        status = plan.status if late == 1 and not self.errors.get(name) else FALLBACK
        return Plan(**{**vars(plan), "power_kw": power, "status": status, "reason": told})

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
        """Plan for every site now, and then at the start of every interval."""
        minutes = self.settings.mpc_interval_minutes
        every = {"minute": f"*/{minutes}"} if minutes < 60 else {"hour": f"*/{minutes // 60}", "minute": "0"}
        self._scheduler = BackgroundScheduler(timezone="UTC", job_defaults={"coalesce": True, "max_instances": 1})
        for name in self.sites:
            grace = {"misfire_grace_time": 60 * minutes}
            self._scheduler.add_job(self.cycle, CronTrigger(**every, timezone="UTC"), args=[name], id=name, **grace)
            self._scheduler.add_job(self.cycle, args=[name])
        self._scheduler.start()

    def stop(self) -> None:
        """End the schedule, and let go of everything."""
        if self._scheduler is not None:
            self._scheduler.shutdown(wait=False)
            self._scheduler = None
        for site in self.sites.values():
            site.close()
        try:
            self.store.resign(LEASE, self.owner)
        except EnergyGymError as error:
            log.error("lease not given back", error=repr(error))
        self.store.close()

    def next_cycle(self) -> pd.Timestamp:
        """Return when the next plan is made [UTC]."""
        step = pd.Timedelta(minutes=self.settings.mpc_interval_minutes)
        return self.now().floor(step) + step

    def _leading(self, now: pd.Timestamp) -> bool:
        seconds = LEASE_INTERVALS * 60.0 * self.settings.mpc_interval_minutes
        self.leads = self.store.leads(LEASE, self.owner, now.timestamp(), seconds)
        self.metrics.leads.set(float(self.leads))
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
