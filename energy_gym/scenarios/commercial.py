"""``energy_gym/Commercial-v1``: a commercial site under a time-of-use tariff with demand charges."""

from __future__ import annotations

import math
from typing import Any

from energy_gym.contracts import demand, tariff
from energy_gym.entities import Battery, Consumer, Grid, Solar
from energy_gym.envs.env import EnergyEnv
from energy_gym.envs.vector_env import EnergyVectorEnv
from energy_gym.objective import Clock
from energy_gym.scenario import Scenario

ROUND_TRIP = 0.90
STEP_MINUTES = 15
HORIZON = 48 * 60 // STEP_MINUTES
EPISODE_STEPS = 30 * 24 * 60 // STEP_MINUTES
SITE = Battery(
    capacity_kwh=500.0,
    charge_kw=250.0,
    discharge_kw=250.0,
    efficiency_charge=math.sqrt(ROUND_TRIP),
    efficiency_discharge=math.sqrt(ROUND_TRIP),
    soc_min=0.10,
    soc_max=0.90,
)
"""500 kWh, 250 kW, round trip 0.90 split evenly, state of charge from 0.10 to 0.90."""


def commercial() -> Scenario:
    """Return the site: no export, so that PV is cut where neither load nor battery takes it.

    Example:
        >>> commercial().clock.horizon, commercial().entities["grid"].export_kw
        (192, 0.0)
    """
    return Scenario(
        name="commercial",
        entities={
            "grid": Grid(export_kw=0.0),
            "battery": SITE,
            "pv": Solar(curtailment="limit"),
            "load": Consumer(),
        },
        contracts={"tariff": tariff.costa_rica(), "demand": demand.costa_rica()},
        clock=Clock(step_minutes=STEP_MINUTES, horizon=HORIZON, episode_steps=EPISODE_STEPS),
    )


def complete(keywords: dict[str, Any]) -> dict[str, Any]:
    """Return the keywords with the site and its data."""
    chosen = {"scenario": commercial(), **{name: value for name, value in keywords.items() if value is not None}}
    own_data = keywords.get("data") is not None or keywords.get("dataset") is not None
    kept = {name: value for name, value in keywords.items() if value is None and name == "episode_steps"}
    return {**({} if own_data else {"dataset": "commercial"}), **chosen, **kept}


class CommercialEnv(EnergyEnv):
    """A commercial site with PV and a battery pays for energy by the hour and for its highest power by the month.

    **Decision.** The share of the battery's rated power in [-1, 1] every 15 minutes: +1 charges, -1 discharges; with
    ``actions="discrete-N"`` one of N levels. Nothing may be exported: discharging is reduced to what the load takes,
    and PV beyond that is cut (``info["curtailed_kw"]``). With ``control="meter"`` it names a power at the meter, which
    the battery keeps whatever load and PV come, as in ``energy_gym/Microgrid-v1``: a cap on import that holds. As
    nothing may be exported, all from -0.9 to 0 is no power there.

    **Observation.** A flat float32 Box: state of charge; the running maximum of each demand window; sine and cosine of
    the local hour of day, day of week and day of year; then 48 h of the import price, of the demand rate that counts in
    each step, of PV and of load, as known at that moment.

    **Reward.** Minus the bill [CRC]. Energy costs 70, 26 and 16 CRC/kWh at peak (10-17 h), in the valley (1-10 h) and
    at night (17-1 h); the highest mean power of a step in each of these windows costs 10154, 7090 and 4541 CRC/kW in
    each calendar month. A demand charge is paid as the maximum rises (``info["demand_charge"]``), so that rewards add
    up to the bill.

    **Episode.** 30 days from a random start of the split, maxima starting from zero; closed at the mean price.

    **Data.** By default a profile made from the Californian homes, as its card says. It has 400 kW load and 200 kW PV;
    ``data=`` needs ``load_kw`` and ``pv_kw`` at 15 min.

    **Keywords.** ``control``; all others as for ``energy_gym/Arbitrage-v1``.

    **Source.** Tariff and battery of a model-predictive-control service for Costa Rica's commercial customers.

    **Versions.** v1: of a frame given as ``data=``, what is known when, how observations are scaled and which split is
    played, as of ``energy_gym/Arbitrage-v1``; standby losses compound. v0: first version; its name makes v1.

    Example:
        >>> import gymnasium as gym
        >>> env = gym.make("energy_gym/Commercial-v1", episode_steps=96)
        >>> observation, info = env.reset(seed=1)
        >>> observation, reward, terminated, truncated, info = env.step([0.0])
        >>> info["demand_charge"] > info["energy_cost"] > 0.0
        True
    """

    complete = staticmethod(complete)


class CommercialVectorEnv(EnergyVectorEnv):
    """A batch of `CommercialEnv`; each environment may have its own battery, window and seed."""

    complete = staticmethod(complete)
