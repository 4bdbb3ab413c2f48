"""``bakery/Bakery-v0``: a bakery with a battery and a roof pays by day, by night and for its highest power."""

from __future__ import annotations

from typing import Any

from energy_gym.contracts import Band, DemandCharge, DemandWindow, Tariff, TimeOfUse
from energy_gym.entities import Battery, Consumer, Solar
from energy_gym.envs.env import EnergyEnv
from energy_gym.envs.vector_env import EnergyVectorEnv
from energy_gym.scenario import Scenario
from energy_gym.scenarios.registration import register_id


def bakery() -> Scenario:
    """Return the site."""
    bands = (Band("day", 320.0, hours=(6, 22)), Band("night", 210.0, hours=(22, 6)))
    return Scenario(
        name="bakery",
        entities={"battery": Battery(capacity_kwh=30.0), "roof": Solar(), "ovens": Consumer()},
        contracts={
            "tariff": Tariff(buy=TimeOfUse(bands), sell=80.0),
            "power": DemandCharge(windows=(DemandWindow("any", 6.0),)),
        },
    )


def complete(keywords: dict[str, Any]) -> dict[str, Any]:
    """Return the keywords with the site, and with data where none are given."""
    own = keywords.get("data") is not None or keywords.get("dataset") is not None
    return {"scenario": bakery(), **({} if own else {"dataset": "california-homes-2016"}), **keywords}


class BakeryEnv(EnergyEnv):
    """A bakery with a battery and a roof pays by day, by night and for its highest power.

    **Decision.** The share of the battery's rated power in [-1, 1]: +1 charges, -1 discharges.

    **Observation.** State of charge, running maximum, clock; then prices, load and PV ahead.

    **Reward.** Minus the bill [EUR].

    **Episode.** One week from a random start of the split.

    **Data.** By default 17 Californian homes in place of ovens.

    **Keywords.** As for ``energy_gym/Arbitrage-v1``.

    **Versions.** v0: first version.
    """

    complete = staticmethod(complete)


class BakeryVectorEnv(EnergyVectorEnv):
    """A batch of `BakeryEnv`."""

    complete = staticmethod(complete)


register_id("bakery/Bakery-v0", __name__)
