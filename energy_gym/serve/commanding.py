"""From a decision to a command: within the limits, sent, confirmed, and remembered until its interval has passed.

One rule: nothing reaches the battery's controller that has not passed the limits of the site.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import pandas as pd

from energy_gym.errors import EnergyGymError
from energy_gym.serve.clients import Reading
from energy_gym.serve.deciding import Decision
from energy_gym.serve.live import LiveEnv
from energy_gym.serve.metered import wish_of_target
from energy_gym.serve.midnights import midnight
from energy_gym.serve.plan import FALLBACK, Plan, battery_of, power_of, share_of
from energy_gym.serve.records import Records
from energy_gym.serve.safety import Guard, Stand, log, tell
from energy_gym.serve.settings import SiteSettings
from energy_gym.serve.store import Store

ROUNDING = 1e-9
CONFIRMED_KW = 0.01


class Controller(Protocol):
    """What reads and commands a battery; see `energy_gym.serve.clients.BatteryController`."""

    def reading(self) -> Reading:
        """Return the state of charge, and what the meter read last."""

    def dispatch(self, time: pd.Timestamp, power_kw: float, grid_kw: float | None = None) -> float | None:
        """Command a power for the interval that begins at a moment, and return what is confirmed, if anything [kW].

        Where a power at the meter is given, that is to be held, and the other one is what is expected of the battery.
        """

    def close(self) -> None:
        """Let go of what it holds."""


@dataclass
class Commander:
    """Commands the battery of a site.

    Args:
        site: Settings of the site.
        store: Where plans are kept.
        controller: What reads and commands the battery.
        step: Length of an interval.
        zone: Time zone of the site.
        callbacks: Who hears of what was confirmed.
    """

    site: SiteSettings
    store: Store
    controller: Controller
    step: pd.Timedelta
    zone: str
    callbacks: tuple[Any, ...] = ()
    last_kw: float | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self.guard, self.records = Guard(self.site.limits), Records(self.store)
        self._sent: dict[pd.Timestamp, float] = {}
        self._held: dict[pd.Timestamp, float] = {}
        last = self.store.plan(self.site.id)
        self.last_kw = None if last is None else last.power_kw

    def asked(self, env: LiveEnv, decision: Decision) -> float:
        """Return the power that a decision names, as far as the battery can go; outside its limits, what leads back."""
        battery = battery_of(env)
        soc = env.energy_kwh / battery.capacity_kwh
        if decision.schedule is not None and not battery.soc_min - ROUNDING <= soc <= battery.soc_max + ROUNDING:
            return decision.schedule.battery_kw[0]
        stand, power = Stand.of(env), power_of(env, decision.share)
        # Adding zero lets no power be written as -0.
        return min(max(power, -stand.discharge_room_kw(battery.soc_min)), stand.charge_room_kw(battery.soc_max)) + 0.0

    def limited(
        self, env: LiveEnv, moment: pd.Timestamp, asked: float, reading: Reading | None, reasons: list[str]
    ) -> tuple[float, bool]:
        """Return a command within the limits of the site, and whether they changed it; what they found is kept."""
        if (stopped := self.records.stopped(self.site.id)) is not None:
            reasons.append(f"stopped by {stopped} until it is released")
            return 0.0, True
        moved = self._moved(moment) if self.site.limits.daily_kwh is not None else 0.0
        temperature = None if reading is None else reading.temperature_c
        stand = Stand.of(env, moved_kwh=moved, temperature_c=temperature)
        power, found = self.guard.checked(asked, self.last_kw, stand)
        if found:
            told = self.guard.told(found)
            reasons.append(f"limited by {told}")
            self.records.keep_broken(self.site.id, moment, found)
            # Written at every level of the log.
            log.critical("limit broken", site=self.site.id, asked_kw=asked, given_kw=power, limits=told)
        return power, power != asked

    def send(self, plan: Plan, grid_kw: float | None = None) -> Plan:
        """Send a plan's command, and return the plan, which says where that was not taken as it was sent.

        Args:
            plan: The plan.
            grid_kw: The power to be held at the meter; None: the battery's own power is commanded.
        """
        self._sent[plan.time], self.last_kw = plan.power_kw, plan.power_kw
        confirmed: float | None = None
        try:
            if grid_kw is None:
                confirmed = self.controller.dispatch(plan.time, plan.power_kw)
            else:
                self._held[plan.time] = grid_kw
                self.controller.dispatch(plan.time, plan.power_kw, grid_kw)
        except EnergyGymError as error:
            plan = _told(plan, f"the command was not taken: {error.value}: {error.rule}")
        if confirmed is not None and abs(confirmed - plan.power_kw) > CONFIRMED_KW:
            self._sent[plan.time] = confirmed
            plan = _told(plan, f"the battery's controller takes {confirmed:.2f} kW")
        tell(self.callbacks, "commanded", plan, confirmed)
        return plan

    def wish(self, env: LiveEnv, moment: pd.Timestamp) -> float:
        """Return the wish that what was commanded for the interval at which a site stands comes to."""
        power, held = self.sent(moment), self._held.pop(moment, None)
        return share_of(env, power) if held is None else wish_of_target(env, held)

    def sent(self, moment: pd.Timestamp) -> float:
        """Return what was commanded for an interval that has passed, now or before a restart; 0 where nothing was."""
        if moment in self._sent:
            return self._sent.pop(moment)
        plan = self.store.plan(self.site.id, moment)
        return 0.0 if plan is None else plan.power_kw

    def _moved(self, moment: pd.Timestamp) -> float:
        """Return the energy through the battery, both ways, since local midnight [kWh]."""
        begun = midnight(moment.tz_convert(self.zone).tz_localize(None), self.zone)
        plans = self.store.plans(self.site.id, begun, moment)
        return sum(abs(plan.power_kw) for plan in plans) * self.step.total_seconds() / 3600.0


def _told(plan: Plan, reason: str) -> Plan:
    return replace(plan, status=FALLBACK, reason="; ".join(filter(None, [plan.reason, reason])))
