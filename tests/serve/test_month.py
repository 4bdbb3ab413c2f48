"""A month of quarters of an hour with one fault after the other: no unsafe command, no silent fallback, no growth."""

from __future__ import annotations

import gc
import itertools

import numpy as np
import psutil
import pytest
from serve_plant import commercial

from energy_gym.serve.simulation import FAULTS, SERVICES, Plant

DAY = 96
SILENT = {("reporter", "stuck"), ("reporter", "clock")}
"""What a forecaster that tells stamps of its own cannot be told apart by."""


def faults(lasts):
    """Yield who fails and how, interval by interval, with rests as long between; ``late`` costs too long a wait."""
    kinds = [(who, fault) for who in SERVICES for fault in FAULTS if fault != "late"]
    for who, fault in itertools.cycle(kinds):
        yield from itertools.repeat((who, ""), lasts)
        yield from itertools.repeat((who, fault), lasts)


def lived(plant, served, steps, told):
    """Let a site live, and return what was wrong with it: unsafe commands, silent fallbacks, cycles that failed."""
    wrong, before = [], ("bms", "")
    for step, (who, fault) in zip(range(steps), told, strict=False):
        if (who, fault) != before:
            plant.fail(who, fault)
            before = who, fault
        plan, soc = served.cycle("site"), plant.soc
        if plan is None:
            wrong.append((step, who, fault, served.errors))
            continue
        battery = plant.battery
        unsafe = not -battery.discharge_kw - 1e-6 <= plan.power_kw <= battery.charge_kw + 1e-6
        unsafe |= plan.power_kw > 1e-6 and soc > battery.soc_max - 1e-9
        unsafe |= plan.power_kw < -1e-6 and soc < battery.soc_min + 1e-9
        silent = (plan.status != "optimal" and not plan.reason) or (
            bool(fault) and plan.status == "optimal" and not plan.reason and (who, fault) not in SILENT
        )
        if unsafe or (silent and not (fault == "stuck" and abs(plan.power_kw) < 25.0)):
            wrong.append((step, who, fault, plan.power_kw, soc, plan.status, plan.reason))
        plant.advance()
    return wrong


def served_for(service):
    """Return a service whose breakers let every call through: its clock does not run."""
    served = service(agent="self-consumption")
    site = served.sites["site"]
    site.commander.controller.breaker.open_seconds = site.reporter.breaker.open_seconds = 0.0
    return served


def test_one_fault_after_the_other_commands_nothing_unsafe_and_hides_nothing(plant, service):
    assert lived(plant, served_for(service), 48, faults(2)) == []


@pytest.mark.slow
@pytest.mark.parametrize("start", ["2017-06-05", "2017-06-20"])
def test_half_a_month_under_faults_commands_nothing_unsafe_hides_nothing_and_does_not_grow(plant, service, start):
    month = Plant(commercial(), start, 16 * DAY)
    plant.env, plant.battery = month.env, month.battery
    served, sizes = served_for(service), []
    wrong, told = [], faults(20)
    for _ in range(15):
        wrong += lived(plant, served, DAY, told)
        served.night("site")
        gc.collect()
        sizes.append(psutil.Process().memory_info().rss / 2**20)
    assert wrong == []
    assert len(served.sites["site"].commander.records.days("site")) >= 14
    growth = np.polyfit(np.arange(10), sizes[5:], 1)[0]
    assert growth < 0.5, f"grows by {growth:.2f} MiB a day: {np.round(sizes)}"
