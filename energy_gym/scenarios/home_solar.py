"""``energy_gym/HomeSolar-v1``: one home with PV and a battery under net metering."""

from __future__ import annotations

from typing import Any

from energy_gym.contracts import Band, Tariff, TimeOfUse
from energy_gym.entities import Battery, Consumer, Grid, Solar
from energy_gym.envs.env import EnergyEnv
from energy_gym.envs.vector_env import EnergyVectorEnv
from energy_gym.errors import ConfigurationError
from energy_gym.objective import Objective
from energy_gym.scenario import Scenario

HOME = Battery(capacity_kwh=10.0, charge_kw=3.0, discharge_kw=3.0, soc_min=0.0, soc_max=1.0, soc_initial=0.5)
"""10 kWh, 3 kW, 0.95 each way."""
FEED_IN_RATIO = 0.3
HOMES = range(1, 18)
COMMUNITY = "california-homes-2016"
SYDNEY = "ausgrid-12"


def home_solar(home: int | None = None, buy: str | TimeOfUse = "price_per_mwh") -> Scenario:
    """Return a home: its own columns of the Californian set where a number is given, else ``load_kw`` and ``pv_kw``.

    Example:
        >>> home_solar(3).entities["load"].column
        'home_03_load_kw'
    """
    prefix = "" if home is None else f"home_{home:02d}_"
    return Scenario(
        name="home-solar",
        entities={
            "grid": Grid(),
            "battery": HOME,
            "pv": Solar(column=f"{prefix}pv_kw"),
            "load": Consumer(column=f"{prefix}load_kw"),
        },
        contracts={"tariff": Tariff(buy=buy, feed_in_ratio=FEED_IN_RATIO)},
        objective=Objective(terminal="buyback"),
    )


def sydney_tariff() -> TimeOfUse:
    """Return a time-of-use table of the shape that Sydney's homes had [AUD/MWh]; a stand-in, not a published one.

    Example:
        >>> [band.price_per_mwh for band in sydney_tariff().bands]
        [480.0, 200.0, 200.0, 110.0]
    """
    bands = (
        Band("peak", 480.0, hours=((14, 20),), days="weekday"),
        Band("shoulder", 200.0, hours=((7, 14), (20, 22)), days="weekday"),
        Band("weekend", 200.0, hours=((7, 22),), days="weekend"),
        Band("off-peak", 110.0, hours=((22, 7),)),
    )
    return TimeOfUse(bands, zone="Australia/Sydney")


def complete(keywords: dict[str, Any]) -> dict[str, Any]:
    """Return the keywords with the home that they ask for."""
    given = dict(keywords)
    home, scenario = given.pop("home", None), given.pop("scenario", None)
    dataset = given.get("dataset")
    if scenario is not None or given.get("data") is not None:
        _no_home(home)
        chosen = {"dataset": COMMUNITY} if dataset is None and given.get("data") is None else {}
        return {**given, **chosen, "scenario": home_solar() if scenario is None else scenario}
    if dataset not in (None, COMMUNITY):
        _no_home(home)
        buy: Any = sydney_tariff() if dataset == SYDNEY else "price_per_mwh"
        return {**given, "scenario": home_solar(buy=buy)}
    number = 1 if home is None else home
    if isinstance(number, bool) or number not in HOMES:
        raise ConfigurationError(f"home={home!r}", "must be a number from 1 to 17", "choose one of the 17 homes")
    return {**given, "dataset": dataset or COMMUNITY, "scenario": home_solar(number)}


def _no_home(home: Any) -> None:
    if home is not None:
        raise ConfigurationError(f"home={home!r}", f"goes with {COMMUNITY!r} alone", "drop one of the two")


class HomeSolarEnv(EnergyEnv):
    """A home with PV and a battery under net metering: exports earn 0.3 of the import price of their hour.

    **Decision.** The share of the battery's rated power in [-1, 1]: +1 charges, -1 discharges (never both at once);
    with ``actions="discrete-N"`` one of N levels. With ``control="meter"`` it names a power at the meter, which the
    battery keeps whatever load and PV come, as in ``energy_gym/Microgrid-v1``.

    **Observation.** A flat float32 Box: state of charge; sine and cosine of the local hour of day, day of week and day
    of year; then ``horizon`` forecast values of the import price, PV and load, as known at that moment.

    **Reward.** Minus the bill [currency]: import times price, less export times 0.3 times price.

    **Episode.** One week from a random start of the split. Energy missing at its end is bought back at the highest
    price of the data, energy above the start earns nothing (``terminal="buyback"``), so that a good plan of the bill
    ends where it started; with ``terminal="cyclic"`` every episode does, whatever was decided.

    **Data.** By default the first of 17 Californian homes (``home=1`` to ``17``), which ship with the package; one in
    Sydney is fetched. The Californian ones are hourly, ``dataset="ausgrid-12"`` has 30 min (its tariff is a stand-in of
    the usual shape).
    ``data=`` needs ``load_kw``, ``pv_kw`` and ``price_per_mwh``; `energy_gym.data.homes` makes such days, synthetic.

    **Keywords.** ``home``, ``control``; all others as for ``energy_gym/Arbitrage-v1``.

    **Source.** The problem of learning-to-optimise day-ahead scheduling of home batteries: 10 kWh, 3 kW, 0.95 each way,
    feed-in ratio 0.3.

    **Versions.** v1: the price for ending below the start is called ``terminal="buyback"`` (before: ``"cyclic"``, which
    now ends where it began); of a frame given as ``data=``, as ``energy_gym/Arbitrage-v1``; standby losses compound.
    v0: first version; its name makes v1.

    Example:
        >>> import gymnasium as gym, energy_gym
        >>> env = gym.make("energy_gym/HomeSolar-v1", home=4, split="test", episode_steps=24)
        >>> observation, info = env.reset(seed=1)
        >>> solution = energy_gym.solve(env)
        >>> solution.exact, float(solution.table["soc"].iloc[-1])
        (True, 0.5)
    """

    complete = staticmethod(complete)


class HomeSolarVectorEnv(EnergyVectorEnv):
    """A batch of `HomeSolarEnv`; each environment may have its own battery, window and seed."""

    complete = staticmethod(complete)
