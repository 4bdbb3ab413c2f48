"""Fleets that go with data at hand; its one rule: what is simplified is said where the fleet is made.

Every preset has batteries of different size, power and loss, so that dispatch matters.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from energy_gym.contracts.activation import FullActivation, RandomActivation
from energy_gym.contracts.fleet import FleetMarket
from energy_gym.contracts.reserve import Reserve
from energy_gym.contracts.trade import Trade
from energy_gym.entities import Battery
from energy_gym.errors import UnknownIdError
from energy_gym.objective import Clock
from energy_gym.scenario import Scenario
from energy_gym.yaml_files import read_file

MINUTE = 1.0 / 60.0


def batteries(count: int) -> dict[str, Battery]:
    """Return batteries that differ in hours of storage, power and loss.

    Example:
        >>> [battery.charge_kw for battery in batteries(3).values()]
        [1000.0, 500.0, 1500.0]
    """
    powers, hours, losses = (1000.0, 500.0, 1500.0, 800.0, 1200.0), (2.0, 1.0, 1.5, 4.0), (0.95, 0.93, 0.96)
    found = {}
    for place in range(count):
        power, efficiency = powers[place % len(powers)], losses[place % len(losses)]
        found[f"asset{place + 1}"] = Battery(
            capacity_kwh=power * hours[place % len(hours)],
            charge_kw=power,
            discharge_kw=power,
            efficiency_charge=efficiency,
            efficiency_discharge=efficiency,
            soc_min=0.05,
            soc_max=0.95,
        )
    return found


def powers_of(assets: dict[str, Battery], share: float = 1.0) -> tuple[float, ...]:
    """Return a share of each asset's rated power [kW]."""
    return tuple(share * battery.discharge_kw for battery in assets.values())


def synthetic(count: int = 4) -> Scenario:
    """Return the fleet of the default environment: spot, and fast and slow reserve both ways."""
    assets = batteries(count)
    full, half = powers_of(assets), powers_of(assets, 0.5)
    often, seldom = RandomActivation(0.2, 1.0, 0.1, 0.6), RandomActivation(0.05, 2.0, 0.5, 1.0)
    energy = {"energy_price": "balancing_per_mwh", "penalty_factor": 3.0, "penalty_per_mwh": 200.0}
    return Scenario.fleet(
        name="synthetic",
        batteries=assets,
        markets=(
            Reserve("fast_up", "fast_up_per_mw_h", "up", full, 0.25, activation=often, **energy),  # type: ignore[arg-type]
            Reserve("fast_down", "fast_down_per_mw_h", "down", full, 0.25, activation=often, **energy),  # type: ignore[arg-type]
            Reserve("slow_up", "slow_up_per_mw_h", "up", half, 1.0, activation=seldom, **energy),  # type: ignore[arg-type]
            Reserve("slow_down", "slow_down_per_mw_h", "down", half, 1.0, activation=seldom, **energy),  # type: ignore[arg-type]
            Trade("spot", "price_per_mwh", full),
        ),
    )


def delivered(count: int = 5) -> Scenario:
    """Return a fleet whose bids are delivered in full: a bid is energy, up discharges and down charges, and both earn.

    This is the reading of the fleet problem of a trading desk: x[t, m] is all there is to decide.
    """
    assets = batteries(count)
    full, half = powers_of(assets), powers_of(assets, 0.5)
    columns = ("fast_up", "slow_up", "fast_down", "slow_down")
    return Scenario.fleet(
        name="delivered",
        batteries=assets,
        markets=tuple(
            Reserve(
                name,
                f"{name}_per_mw_h",
                name.split("_")[1],
                full if name.startswith("fast") else half,
                activation=FullActivation(),
            )
            for name in columns
        ),
    )


def dk2(count: int = 5) -> Scenario:
    """Return a fleet in eastern Denmark on ``dk2-2021``: spot, FCR-N, FCR-D up, mFRR and FFR.

    Simplified: FCR-N is symmetric and is sold here as two halves, each at half its price, so that assets may share
    them; its calls within an hour cancel out and are left away. Durations are those asked of units with limited energy
    (FCR-N 60 min, FCR-D 20 min, FFR 30 s), bids are for a single hour, calls are random: FCR-D seldom and small, mFRR
    in one hour in twenty, paid at the price of up-regulation.
    """
    assets = batteries(count)
    full = powers_of(assets)
    half = powers_of(assets, 0.5)
    fine = 200.0
    return Scenario.fleet(
        name="dk2",
        batteries=assets,
        markets=(
            Reserve("fcr_n_up", "fcr_n_per_mw_h", "up", half, 1.0, price_share=0.5),
            Reserve("fcr_n_down", "fcr_n_per_mw_h", "down", half, 1.0, price_share=0.5),
            Reserve(
                "fcr_d_up",
                "fcr_d_up_per_mw_h",
                "up",
                full,
                20.0 * MINUTE,
                activation=RandomActivation(0.1, 1.0, 0.01, 0.1),
                penalty_per_mwh=fine,
                penalty_factor=3.0,
            ),
            Reserve(
                "mfrr_up",
                "mfrr_up_per_mw_h",
                "up",
                full,
                1.0,
                activation=RandomActivation(0.05, 2.0, 0.3, 1.0),
                energy_price="balancing_up_per_mwh",
                penalty_per_mwh=fine,
                penalty_factor=3.0,
            ),
            Reserve("ffr", "ffr_per_mw_h", "up", full, 0.5 * MINUTE),
            Trade("spot", "price_per_mwh", full),
        ),
    )


def nem(count: int = 5) -> Scenario:
    """Return a fleet in the Australian market on ``nem-nsw1`` and its kin: energy and the ten FCAS markets, 5 min.

    Simplified: a kW is sold once, although the market lets contingency services of different speed share it; energy is
    dispatched by the same bids; contingency services are never called, regulation a little in half of the steps, paid
    at the price of energy.
    """
    assets = batteries(count)
    full, half = powers_of(assets), powers_of(assets, 0.5)
    regulation = RandomActivation(0.5, 10.0 * MINUTE, 0.05, 0.4)
    spans = {"1s": 0.1, "6s": 1.0, "60s": 5.0, "5min": 10.0}
    markets: list[FleetMarket] = [Trade("energy", "price_per_mwh", full)]
    for way, direction in (("raise", "up"), ("lower", "down")):
        markets.append(
            Reserve(
                f"{way}_reg",
                f"{way}_reg_per_mw_h",
                direction,
                half,
                10.0 * MINUTE,
                activation=regulation,
                energy_price="price_per_mwh",
                penalty_per_mwh=300.0,
            )
        )
        for span, minutes in spans.items():
            name = f"{way}_{span}"
            markets.append(Reserve(name, f"{name}_per_mw_h", direction, full, minutes * MINUTE))
    return Scenario.fleet(name="nem", batteries=assets, markets=markets, clock=Clock(horizon=24, episode_steps=288))


PRESETS: dict[str, Callable[[], Scenario]] = {"delivered": delivered, "dk2": dk2, "nem": nem, "synthetic": synthetic}


def get_fleet(fleet: Scenario | str | Path) -> Scenario:
    """Return a preset by name, a fleet as it is, or one from a YAML file.

    Raises:
        UnknownIdError: A name that is neither a preset nor the path of a YAML file.
        ConfigurationError: The file cannot be read.

    Example:
        >>> len(get_fleet("dk2").contracts), len(get_fleet("nem").contracts)
        (6, 11)
    """
    if isinstance(fleet, str) and fleet in PRESETS:
        return PRESETS[fleet]()
    if isinstance(fleet, str) and not fleet.endswith((".yaml", ".yml")):
        raise UnknownIdError.of("fleet", fleet, PRESETS)
    return read_file(Scenario, fleet, "fleet", "must be a Scenario, a preset or a YAML file")


def usual_fleet(dataset: str | None) -> str:
    """Return the preset that goes with a data set.

    Example:
        >>> usual_fleet(None), usual_fleet("nem-vic1"), usual_fleet("dk2-2021")
        ('synthetic', 'nem', 'dk2')
    """
    if dataset is None:
        return "synthetic"
    return "nem" if dataset.startswith("nem-") else "dk2"
