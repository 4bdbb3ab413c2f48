"""Callbacks around a site's cycle, and the one that cannot be left out: limits of every command.

One rule: whatever is commanded has passed `Guard`; what it changed is told and logged.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import pandas as pd
import structlog

from energy_gym.serve.plan import Plan
from energy_gym.serve.settings import Limits

log = structlog.get_logger("energy_gym.serve")


@runtime_checkable
class Callback(Protocol):
    """What is told of a site's cycles; a callback that fails is logged and changes nothing."""

    def planned(self, plan: Plan) -> None:
        """Hear of a plan whose command is about to be sent."""

    def passed(self, site: str, time: pd.Timestamp, values: Mapping[str, Any]) -> None:
        """Hear of what an interval that has passed came to."""


@dataclass(frozen=True)
class Guard:
    """The limits of a site.

    Example:
        >>> Guard(Limits(charge_kw=50.0)).clamped(80.0, None)
        (50.0, 'charge_kw=50')
    """

    limits: Limits

    def clamped(self, power_kw: float, before: float | None) -> tuple[float, str]:
        """Return a command within the limits, and which of them changed it, if any.

        Args:
            power_kw: The command, positive charges [kW]; no number becomes 0.
            before: The command before it [kW].
        """
        if not math.isfinite(power_kw):
            return 0.0, "not a finite number"
        limits, power, broken = self.limits, power_kw, ""
        if limits.change_kw is not None and before is not None and abs(power - before) > limits.change_kw:
            power, broken = before + math.copysign(limits.change_kw, power - before), f"change_kw={limits.change_kw:g}"
        if limits.charge_kw is not None and power > limits.charge_kw:
            power, broken = limits.charge_kw, f"charge_kw={limits.charge_kw:g}"
        if limits.discharge_kw is not None and power < -limits.discharge_kw:
            power, broken = -limits.discharge_kw, f"discharge_kw={limits.discharge_kw:g}"
        return power, broken


class Logging:
    """Writes a line for each plan and each interval that has passed."""

    def planned(self, plan: Plan) -> None:
        """See `Callback.planned`."""
        told = {"site": plan.site, "time": plan.time.isoformat(), "power_kw": round(plan.power_kw, 3)}
        log.info("planned", **told, status=plan.status, reason=plan.reason, seconds=round(plan.seconds, 3))

    def passed(self, site: str, time: pd.Timestamp, values: Mapping[str, Any]) -> None:
        """See `Callback.passed`."""
        log.info("passed", site=site, time=time.isoformat(), grid_kw=values.get("grid_kw"), soc=values.get("soc"))


def tell(callbacks: tuple[Callback, ...], what: str, *told: Any) -> None:
    """Call each callback; one that fails is logged."""
    for callback in callbacks:
        try:
            getattr(callback, what)(*told)
        except Exception as error:
            log.error("callback failed", callback=type(callback).__name__, error=repr(error))
