"""``energy_gym/Microgrid-v1``: an industrial site or a community behind one connection."""

from __future__ import annotations

from typing import Any

from energy_gym.contracts import Tariff
from energy_gym.entities import Battery, Consumer, Grid, Solar
from energy_gym.envs.env import EnergyEnv
from energy_gym.envs.vector_env import EnergyVectorEnv
from energy_gym.scenario import Scenario

COMMUNITY = Battery(capacity_kwh=120.0, charge_kw=30.0, discharge_kw=30.0, soc_min=0.0, soc_max=1.0, soc_initial=0.5)
"""A four-hour battery for the 17 homes, in the proportion of the EMSx sites."""
SELL_PER_MWH = 70.0


def microgrid(battery: Battery = COMMUNITY, tariff: Tariff | None = None) -> Scenario:
    """Return load, PV and a battery behind a connection with separate prices for import and export.

    Example:
        >>> list(microgrid().entities)
        ['grid', 'battery', 'pv', 'load']
    """
    return Scenario(
        name="microgrid",
        entities={"grid": Grid(), "battery": battery, "pv": Solar(), "load": Consumer()},
        contracts={"tariff": tariff or Tariff(buy="price_per_mwh", sell=SELL_PER_MWH)},
    )


def complete(keywords: dict[str, Any]) -> dict[str, Any]:
    """Return the keywords with the site that the data ask for."""
    dataset, scenario = keywords.get("dataset"), keywords.get("scenario")
    if scenario is None and isinstance(dataset, str) and dataset.startswith("emsx-"):
        from energy_gym.data import emsx

        battery = Battery(**emsx.battery(int(dataset.removeprefix("emsx-"))))
        return {**keywords, "scenario": microgrid(battery, Tariff(buy="buy_per_mwh", sell="sell_per_mwh"))}
    chosen = {} if keywords.get("data") is not None or dataset is not None else {"dataset": "california-homes-2016"}
    return {**keywords, **chosen, "scenario": microgrid() if scenario is None else scenario}


class MicrogridEnv(EnergyEnv):
    """A site with load, PV and a battery buys at one price and sells at another.

    **Decision.** The share of the battery's rated power in [-1, 1]: +1 charges, -1 discharges; with
    ``actions="discrete-N"`` one of N levels. With ``control="meter"`` it names a power at the meter instead, which the
    battery keeps, within its limits, at the load and PV that really come in the interval: 0 is no power, +0.9 the
    import end and -0.9 the export end that ``env.unwrapped.action_layout`` says [kW], and what is beyond runs on to as
    far as the battery can go in that interval.

    **Observation.** A flat float32 Box: state of charge; sine and cosine of the local hour of day, day of week and day
    of year; then ``horizon`` forecast values of the import price (and of the export price where it varies), PV and
    load, as known at that moment. ``env.unwrapped.layout`` names each slot with its unit.

    **Reward.** Minus the bill: import times ``buy`` less export times ``sell``, and wear [currency]. The grid power is
    load minus PV plus what the battery draws. With ``objective="carbon"`` kg CO2 avoided; ``"joint"`` both.

    **Episode.** One week from a random start of the split, closed at the mean import price (``terminal="settle"``).

    **Data.** By default 17 Californian homes as a community, which ship with the package; EMSx sites are fetched. The
    homes are hourly, with their time-of-use tariff; exports earn 70 USD/MWh. ``dataset="emsx-7"`` is a site of the EMSx
    benchmark (15 min, its battery, tariff and forecasts). ``data=`` needs ``load_kw``, ``pv_kw`` and ``price_per_mwh``.

    **Keywords.** ``control`` (``"power"``, ``"meter"``); all others as for ``energy_gym/Arbitrage-v1``; ``scenario=``
    replaces the whole site.

    **Source.** Scenario 2 of EnCortex; Le Franc et al., "EMSx: a numerical benchmark for energy management systems",
    Energy Systems (2021).

    **Versions.** v1: of a frame given as ``data=``, what is known when, how observations are scaled and which split is
    played, as of ``energy_gym/Arbitrage-v1``; standby losses compound. v0: first version; its name makes v1.

    Example:
        >>> import gymnasium as gym
        >>> env = gym.make("energy_gym/Microgrid-v1", episode_steps=24)
        >>> observation, info = env.reset(seed=1)
        >>> observation, reward, terminated, truncated, info = env.step([0.0])
        >>> round(reward + info["energy_cost"], 12), round(info["grid_kw"], 4)
        (0.0, -17.1164)
    """

    complete = staticmethod(complete)


class MicrogridVectorEnv(EnergyVectorEnv):
    """A batch of `MicrogridEnv`; each environment may have its own battery, window and seed."""

    complete = staticmethod(complete)
