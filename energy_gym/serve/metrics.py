"""What is counted for Prometheus; its one rule: each service has a registry of its own, so that two do not share."""

from __future__ import annotations

import math

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from energy_gym.serve.beliefs import Belief
from energy_gym.serve.plan import Plan

BUCKETS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """Counters of a service.

    Example:
        >>> b"energy_gym_plans_total" in Metrics().text()
        True
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        told = {"registry": self.registry}
        self.plans = Counter("energy_gym_plans", "Plans by status", ["site", "status"], **told)
        self.seconds = Histogram("energy_gym_plan_seconds", "Time of a plan", ["site"], buckets=BUCKETS, **told)
        self.power = Gauge("energy_gym_battery_power_kw", "Command, positive charges", ["site"], **told)
        self.soc = Gauge("energy_gym_state_of_charge", "State of charge", ["site"], **told)
        self.stuck = Gauge("energy_gym_state_of_charge_stuck", "Whether it stands still", ["site"], **told)
        self.age = Gauge("energy_gym_forecast_age_seconds", "Age of the last forecast", ["site", "series"], **told)
        self.failed = Counter("energy_gym_cycles_failed", "Cycles that ended with an error", ["site"], **told)
        self.leads = Gauge("energy_gym_leads", "Whether this service commands", **told)

    def planned(self, plan: Plan, beliefs: dict[str, Belief], stuck: bool = False) -> None:
        """Count a plan."""
        self.stuck.labels(plan.site).set(float(stuck))
        self.plans.labels(plan.site, plan.status).inc()
        self.seconds.labels(plan.site).observe(plan.seconds)
        self.power.labels(plan.site).set(plan.power_kw)
        if plan.schedule is not None:
            self.soc.labels(plan.site).set(plan.schedule.soc[0])
        for name, belief in beliefs.items():
            self.age.labels(plan.site, name).set(belief.age_seconds if math.isfinite(belief.age_seconds) else -1.0)

    def text(self) -> bytes:
        """Return what Prometheus reads."""
        return generate_latest(self.registry)
