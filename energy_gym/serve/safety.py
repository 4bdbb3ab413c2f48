"""Callbacks around a site's cycle, and the one that cannot be left out: limits of every command.

One rule: whatever is commanded has passed `Guard`; what it found is told, logged and kept.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, runtime_checkable

import pandas as pd
import structlog

from energy_gym.serve.plan import Plan, battery_of
from energy_gym.serve.site_parts import CLAMP, STOP, WARN, Limits

if TYPE_CHECKING:
    from energy_gym.serve.live import LiveEnv

log = structlog.get_logger("energy_gym.serve")
ROUNDING_KW = 1e-9


@runtime_checkable
class Callback(Protocol):
    """What is told of a site's cycles; a callback that fails is logged and changes nothing.

    One that also has ``commanded(plan, confirmed_kw)`` hears of what the battery's controller confirmed: the power that
    it took, or None where it did not take the command or does not say.
    """

    def planned(self, plan: Plan) -> None:
        """Hear of a plan whose command is about to be sent."""

    def passed(self, site: str, time: pd.Timestamp, values: Mapping[str, Any]) -> None:
        """Hear of what an interval that has passed came to."""


class Broken(NamedTuple):
    """A limit that a command broke, what was done, the power that was asked for and the one that was left [kW]."""

    limit: str
    action: str
    asked_kw: float
    given_kw: float


class Stand(NamedTuple):
    """How a battery stands before a command.

    Args:
        energy_kwh: What is stored.
        capacity_kwh: What it holds at most.
        keep: Share of the energy that is left after an interval at rest.
        gain: Energy stored of each kWh charged.
        loss: Energy drawn from the store for each kWh given out.
        hours: Length of the interval [h].
        moved_kwh: Energy through it, both ways, since local midnight.
        temperature_c: Its temperature, where known.
    """

    energy_kwh: float
    capacity_kwh: float
    keep: float
    gain: float
    loss: float
    hours: float
    moved_kwh: float = 0.0
    temperature_c: float | None = None

    @classmethod
    def of(cls, env: LiveEnv, **told: Any) -> Stand:
        """Return how the battery of a site stands."""
        battery, hours = battery_of(env), env.setup.feed.step_hours
        cell = battery.cell(hours)
        losses = cell.keep, cell.efficiency_charge, 1.0 / cell.efficiency_discharge
        return cls(env.energy_kwh, battery.capacity_kwh, *losses, hours, **told)

    def charge_room_kw(self, soc: float) -> float:
        """Return the power of charging that reaches a state of charge at the end of the interval."""
        return max((soc * self.capacity_kwh - self.energy_kwh * self.keep) / self.gain, 0.0) / self.hours

    def discharge_room_kw(self, soc: float) -> float:
        """Return the power of discharging that reaches a state of charge at the end of the interval."""
        return max((self.energy_kwh * self.keep - soc * self.capacity_kwh) / self.loss, 0.0) / self.hours


@dataclass(frozen=True)
class Guard:
    """The limits of a site.

    Example:
        >>> Guard(Limits(charge_kw=50.0)).clamped(80.0, None)
        (50.0, 'charge_kw=50')
        >>> Guard(Limits(charge_kw=50.0, actions={"charge_kw": "warn"})).clamped(80.0, None)
        (80.0, 'charge_kw=50 (warning)')
    """

    limits: Limits

    def clamped(self, power_kw: float, before: float | None) -> tuple[float, str]:
        """Return a command within the limits of power, and which of them it broke, if any.

        Args:
            power_kw: The command, positive charges [kW]; no number becomes 0.
            before: The command before it [kW].
        """
        power, found = self.checked(power_kw, before)
        return power, self.told(found)

    def checked(
        self, power_kw: float, before: float | None, stand: Stand | None = None
    ) -> tuple[float, tuple[Broken, ...]]:
        """Return a command within the limits, and which of them it broke.

        Args:
            power_kw: The command, positive charges [kW]; no number becomes 0.
            before: The command before it [kW].
            stand: How the battery stands; None: only limits of power are looked at.
        """
        if not math.isfinite(power_kw):
            return 0.0, (Broken("not a finite number", CLAMP, 0.0, 0.0),)
        found = []
        # In the order in which they count: what comes later has the last word.
        for name, allowed in self._allowed(before, stand).items():
            kept = min(max(power_kw, allowed[0]), allowed[1])
            if abs(kept - power_kw) > ROUNDING_KW:
                action = self.limits.actions.get(name, CLAMP)  # type: ignore[call-overload]
                given = {WARN: power_kw, CLAMP: kept, STOP: 0.0}[action]
                found.append(Broken(name, action, power_kw, given))
                power_kw = given
        return (0.0 if any(broken.action == STOP for broken in found) else power_kw), tuple(found)

    def told(self, found: tuple[Broken, ...]) -> str:
        """Return in words what was broken."""
        return ", ".join(self._words(broken) for broken in found)

    def _words(self, broken: Broken) -> str:
        limit = getattr(self.limits, broken.limit, None)
        named = broken.limit if limit is None else f"{broken.limit}={limit:g}"
        return named + {WARN: " (warning)", CLAMP: "", STOP: " (stopped)"}[broken.action]

    def _allowed(self, before: float | None, stand: Stand | None) -> dict[str, tuple[float, float]]:
        """Return the least and the highest power that each limit allows [kW]."""
        limits, least, most = self.limits, -math.inf, math.inf
        found: dict[str, tuple[float, float]] = {}
        if limits.change_kw is not None and before is not None:
            found["change_kw"] = before - limits.change_kw, before + limits.change_kw
        if limits.charge_kw is not None:
            found["charge_kw"] = least, limits.charge_kw
        if limits.discharge_kw is not None:
            found["discharge_kw"] = -limits.discharge_kw, most
        return found if stand is None else found | self._allowed_of(stand)

    def _allowed_of(self, stand: Stand) -> dict[str, tuple[float, float]]:
        """Return what the limits of energy and temperature allow [kW]."""
        limits, least, most = self.limits, -math.inf, math.inf
        found: dict[str, tuple[float, float]] = {}
        if limits.soc_min is not None:
            found["soc_min"] = -stand.discharge_room_kw(limits.soc_min), most
        if limits.soc_max is not None:
            found["soc_max"] = least, stand.charge_room_kw(limits.soc_max)
        if limits.daily_kwh is not None:
            left = max(limits.daily_kwh - stand.moved_kwh, 0.0) / stand.hours
            found["daily_kwh"] = -left, left
        if limits.temperature_c is not None and (stand.temperature_c or -math.inf) > limits.temperature_c:
            found["temperature_c"] = 0.0, 0.0
        return found


class Logging:
    """Writes a line for each plan and each interval that has passed."""

    def planned(self, plan: Plan) -> None:
        """See `Callback.planned`."""
        told = {"site": plan.site, "time": plan.time.isoformat(), "power_kw": round(plan.power_kw, 3)}
        log.info("planned", **told, status=plan.status, reason=plan.reason, seconds=round(plan.seconds, 3))

    def passed(self, site: str, time: pd.Timestamp, values: Mapping[str, Any]) -> None:
        """See `Callback.passed`."""
        log.info("passed", site=site, time=time.isoformat(), grid_kw=values.get("grid_kw"), soc=values.get("soc"))


def tell(callbacks: tuple[Any, ...], what: str, *told: Any) -> None:
    """Call each callback that hears of something; one that fails is logged."""
    for callback in callbacks:
        if (heard := getattr(callback, what, None)) is None:
            continue
        try:
            heard(*told)
        except Exception as error:
            log.error("callback failed", callback=type(callback).__name__, error=repr(error))
