"""A producer as some forecast has it: what it makes and what its consumer takes, of any number of steps at once.

One rule: a forecast is all that is read; powers that are forecast below nothing count as nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from energy_gym.bidding.setup import BiddingSetup
from energy_gym.bidding.site import at_no_price, demand_kwh
from energy_gym.contracts.supply import SupplyTerms
from energy_gym.envs.meters import Registers, lay_out
from energy_gym.units import Unit

Floats = npt.NDArray[np.float64]


def expected_unit(setup: BiddingSetup, forecast: Mapping[str, Floats]) -> tuple[Unit, SupplyTerms]:
    """Return the producer's unit, and what its consumer takes, as a forecast has them.

    Args:
        setup: What is played.
        forecast: Columns of the look-ahead, each of shape (T,).
    """
    site, unit, hours = setup.sites[0], setup.units[0], setup.feed.step_hours
    values = dict(forecast)
    for entity in site.entities.values():
        values |= {name: np.maximum(values[name], 0.0) for name in entity.columns()}
    count = len(next(iter(values.values())))
    nothing, none = np.zeros(count), np.zeros((0, count))
    laid = lay_out(site, values, (nothing, nothing), Registers(unit.rates, none, none), hours)
    demand = demand_kwh(site.entities, values, hours)
    terms = setup.supply.terms(demand, hours)
    return at_no_price(laid, demand, terms), terms


def expected_surplus_kw(setup: BiddingSetup, steps: npt.NDArray[np.int64]) -> Floats:
    """Return what is expected at some steps to be left of generation once the consumer is served [kW].

    Args:
        setup: What is played.
        steps: Steps of the split, shape (n,).

    Returns:
        Shape (n, horizon).

    Example:
        >>> from energy_gym.bidding.making import make_bidding
        >>> expected_surplus_kw(make_bidding(), np.array([11, 35])).shape
        (2, 37)
    """
    rows = {name: table[steps] for name, table in setup.tape.ahead.items()}
    unit, _ = expected_unit(setup, {name: part.ravel() for name, part in rows.items()})
    shape = (len(steps), setup.tape.horizon)
    return np.asarray(0.0 - unit.fixed_kwh / setup.feed.step_hours).reshape(shape)
