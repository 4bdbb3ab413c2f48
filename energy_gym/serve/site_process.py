"""A site made from its settings, and one whose cycles run in a process of their own.

One rule: both are made by one function, so that a site in a process is the same site.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from energy_gym.errors import ConfigurationError
from energy_gym.serve.beliefs import Belief
from energy_gym.serve.clients import BatteryController, Reporter
from energy_gym.serve.commanding import Controller
from energy_gym.serve.imported import made
from energy_gym.serve.logs import log_at
from energy_gym.serve.plan import Plan
from energy_gym.serve.safety import Callback, log, tell
from energy_gym.serve.settings import Settings, SiteSettings
from energy_gym.serve.site import LiveSite
from energy_gym.serve.store import Store
from energy_gym.serve.workers import Worker, WorkerLostError

# What a cycle needs beside the decision: readings, forecasts, a plan after the decision, writing.
BESIDE_SECONDS = 60.0


def live_site(
    settings: Settings, site: SiteSettings, store: Store, callbacks: tuple[Callback, ...] = (), here: bool = True
) -> LiveSite:
    """Return a site that is planned for while it happens.

    Args:
        settings: Settings of the service.
        site: Those of the site.
        store: Where everything is kept.
        callbacks: Who else hears of it.
        here: Whether its cycles run here, and those that the site's settings name hear of it.

    Raises:
        ConfigurationError: It cannot be planned for.
    """
    calls = settings.request_timeout_seconds, settings.request_attempts
    reporter = Reporter((site.reporter_url or settings.reporter_base_url).rstrip("/"), *calls)
    controller = _controller(site) or BatteryController((site.bms_url or settings.bms_base_url).rstrip("/"), *calls)
    site = site if here else site.model_copy(update={"callbacks": ()})
    return LiveSite(settings, site, store, reporter, controller, callbacks, decides=here)


def _controller(site: SiteSettings) -> Controller | None:
    if site.controller is None:
        return None
    named = f"site {site.id!r}: controller"
    controller: Controller = made(site.controller, named, "call it with the site's name", site.id)
    for what in ("reading", "dispatch", "close"):
        if not callable(getattr(controller, what, None)):
            found = f"{named} {site.controller!r}"
            raise ConfigurationError(found, f"has no {what}", "give it reading, dispatch and close")
    return controller


@dataclass(frozen=True)
class _Cycles:
    """Makes a site in its process, and runs its cycles there."""

    settings: Settings
    site: SiteSettings

    def __call__(self) -> Callable[[pd.Timestamp], tuple[Plan, dict[str, Belief], str]]:
        log_at(self.settings.log_level)
        site = live_site(self.settings, self.site, Store(self.settings.database_url))

        def cycle(now: pd.Timestamp) -> tuple[Plan, dict[str, Belief], str]:
            return site.cycle(now), site.beliefs, site.watch.stuck

        return cycle


class SiteProcess:
    """A site whose cycles run in a process of their own; one that dies or hangs is begun anew with the next cycle.

    Args:
        settings: Settings of the service.
        site: Those of the site.

    Raises:
        WorkerError: The site cannot be planned for.
    """

    def __init__(self, settings: Settings, site: SiteSettings) -> None:
        seconds = settings.solve_timeout_seconds + BESIDE_SECONDS
        self.worker = Worker(site.id, _Cycles(settings, site), seconds)

    def cycle(self, mirror: LiveSite, now: pd.Timestamp) -> Plan:
        """Plan for a site in its process, and let the one of this process know what came of it.

        Raises:
            WorkerError: The cycle failed, or the process was lost.
        """
        try:
            plan, beliefs, stuck = self.worker(now)
        except WorkerLostError as error:
            # The same inputs are the same plan: what died in the middle of one is planned again.
            log.error("process lost", site=mirror.site.id, error=repr(error))
            plan, beliefs, stuck = self.worker(now)
        mirror.last, mirror.beliefs, mirror.watch.stuck = plan, beliefs, stuck
        # Those that the settings name, and the log, are told in the other process.
        tell(mirror.callbacks[1:], "planned", plan)
        known: Plan = plan
        return known

    def close(self) -> None:
        """End the process."""
        self.worker.close()
