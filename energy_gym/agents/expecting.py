"""The units over the coming steps as the environment's forecast has them.

One rule: what is not known yet is read from the forecast, whatever the data hold.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from energy_gym.arrays import Floats
from energy_gym.data.feed import Feed
from energy_gym.envs.brought_back import as_brought_back, sure_kwh
from energy_gym.envs.env import EnergyEnv
from energy_gym.envs.meters import Registers, lay_out
from energy_gym.site import Site
from energy_gym.units import Unit


def expected_units(env: EnergyEnv, size: int, outlook: Mapping[str, Floats] | None = None) -> list[Unit]:
    """Return the units over the next ``size`` steps as the environment's forecast has them; nothing else is known.

    Args:
        env: The environment.
        size: Steps from now on.
        outlook: What is said of columns in place of the forecast, each of at least that size.
    """
    setup, (now, _) = env.setup, env.steps_left
    outlook = {column: rows[:size] for column, rows in (env.outlook() if outlook is None else outlook).items()}
    return [
        _expected(env, site, unit.window(now, now + size), outlook)
        for site, unit in zip(setup.sites, setup.units, strict=True)
    ]


def _expected(env: EnergyEnv, site: Site, actual: Unit, outlook: Mapping[str, Floats]) -> Unit:
    """Return a unit with what is forecast in place of what will be; a price that no column holds is known."""
    if actual.laws is not None and actual.laws.expected is not None:
        expected: Unit = actual.laws.expected(actual, outlook)
        return expected
    if not actual.flexibles:
        return actual
    feed, energy, part = env.setup.feed, site.energy, _part(env, len(actual))
    billed = (column for account in actual.accounts for column in account.ledger.columns)
    needed = (*energy.columns(), energy.carbon, *billed)
    values = _Expected(feed, part, {name: outlook.get(name, np.zeros(len(actual))) for name in needed})
    accounts = tuple(account.expected(values) for account in actual.accounts)
    for entity in site.entities.values():
        values.said |= {name: np.maximum(outlook[name], 0.0) for name in entity.columns() if name in outlook}
        values.said |= {name: outlook[name] for name in entity.signed_columns() if name in outlook}
    prices = actual.buy, actual.sell
    if energy.columns():
        prices = energy.prices(values, feed.times[part], feed.zone)
    registers = Registers(actual.rates, actual.active, actual.fresh)
    laid = lay_out(site, values, prices, registers, actual.hours, accounts)
    fits = fitting(as_brought_back(laid, actual))
    return replace(fits, usual=actual.usual, refused_per_kwh=actual.refused_per_kwh)


def _part(env: EnergyEnv, steps: int) -> slice:
    """Return where the coming steps lie in the feed."""
    first = env.setup.feed.first + env.steps_left[0]
    return slice(first, first + steps)


class _Expected(Mapping[str, Floats]):
    """Columns over some steps as they are expected: what is said of them, else what is always known.

    Of the latter only those are cut out that are asked for: a feed may have many.

    Args:
        feed: The feed.
        part: Where the steps lie in it.
        said: What is said of columns.
    """

    def __init__(self, feed: Feed, part: slice, said: dict[str, Floats]) -> None:
        self.feed, self.part, self.said = feed, part, said

    def __getitem__(self, name: str) -> Floats:
        if name in self.said:
            return self.said[name]
        if self.feed.published.get(name) != "always":
            raise KeyError(name)
        return self.feed.values[name][self.part]

    def __iter__(self) -> Iterator[str]:
        known = (name for name, when in self.feed.published.items() if when == "always" and name not in self.said)
        return itertools.chain(self.said, known)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def fitting(unit: Unit) -> Unit:
    """Return the unit with flows that fit through the connection, as the real ones do; a forecast need not.

    They leave the room that storage which is brought back surely has.
    """
    if not unit.limited:
        return unit
    spare = 0.0 if unit.curtailable_kwh is None else unit.curtailable_kwh
    drawn, given = sure_kwh(unit)
    least, most = -unit.export_kwh - spare + given, unit.import_kwh - drawn
    most = most if drawn else most + unit.most_lacking_kwh
    return replace(unit, fixed_kwh=np.clip(unit.fixed_kwh, least, most))
