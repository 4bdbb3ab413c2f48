"""What is amiss at a site, for people; its one rule: every line says what is wrong and since when or how much."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from energy_gym.serve.beliefs import FRESH
from energy_gym.serve.plan import ERROR, OPTIMAL
from energy_gym.serve.service import READY_INTERVALS, Service

GRAVE, MILD = "alarm", "warning"
# A forecast that is older than this is worth a person's time [s].
OLD_SECONDS = 2 * 3600.0


def alarms_of(service: Service, name: str, told: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return what is amiss, the gravest first.

    Args:
        service: The service.
        name: The site.
        told: Its state, as the service tells it.
    """
    found = [*_of_plan(service, name, told), *_of_forecasts(told)]
    stopped = service.site(name).commander.records.stopped(name)
    if stopped is not None:
        found.append(_line(GRAVE, "stopped by a limit", f"{stopped}; POST /v1/sites/{name}/release lets it go on"))
    if told["error"]:
        found.append(_line(GRAVE, "last cycle failed", told["error"]))
    if not told["leads"] and told["last_plan"]:
        found.append(_line(MILD, "another service leads", "this one reads, and takes over when the other is gone"))
    return sorted(found, key=lambda line: line["level"] != GRAVE)


def _of_plan(service: Service, name: str, told: Mapping[str, Any]) -> list[dict[str, str]]:
    if told["last_plan"] is None:
        return [_line(GRAVE, "no plan", str(told["reason"]))]
    age, found = service.now() - pd.Timestamp(told["last_plan"]), []
    if age > READY_INTERVALS * service.site(name).step:
        found.append(_line(GRAVE, "plan is old", f"made {age.total_seconds() / 60.0:.0f} min ago"))
    if told["status"] != OPTIMAL:
        level = GRAVE if told["status"] == ERROR else MILD
        found.append(_line(level, f"status {told['status']}", str(told["reason"])))
    return found


def _of_forecasts(told: Mapping[str, Any]) -> list[dict[str, str]]:
    found = []
    for series, belief in told["forecasts"].items():
        age = belief["age_seconds"]
        if belief["quality"] != FRESH:
            since = "none has come" if age is None else f"the last one is {age / 60.0:.0f} min old"
            level = GRAVE if age is None or age > OLD_SECONDS else MILD
            found.append(_line(level, f"forecast of {series} is {belief['quality']}", since))
    return found


def _line(level: str, what: str, why: str) -> dict[str, str]:
    return {"level": level, "what": what, "why": why}
