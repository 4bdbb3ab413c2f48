"""What the coming steps may bring to one battery behind a meter, in each scenario.

One rule: where steps are taken together, energy stays what it is, and the highest power of them is kept.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from energy_gym.arrays import Floats, Ints

# Steps that a plan takes one by one, and how long a block of the later ones is.
SINGLE, LONGEST_HOURS = 16, 1.0


class End(NamedTuple):
    """How a plan is closed, against the energy that the episode started with.

    Args:
        initial_kwh: That energy [kWh].
        left: What a kWh more is worth [reward units].
        missing: What a kWh less costs.
    """

    initial_kwh: float
    left: float
    missing: float


@dataclass(frozen=True)
class Demand:
    """Running maxima of demand, each of shape (K,) but for ``active``.

    Args:
        costs: What a kW more costs [reward units].
        peaks: Where they stand [kW].
        active: Whether a step counts, shape (K, T).
        above_kw: By how much the highest load of steps taken together is above their mean, shape (S, T) [kW].
    """

    costs: Floats
    peaks: Floats
    active: Floats
    above_kw: Floats = field(default_factory=lambda: np.zeros((1, 1)))


@dataclass(frozen=True)
class Scenarios:
    """The coming T steps in S scenarios, all equally likely.

    Args:
        fixed_kwh: Load less generation, shape (S, T) [kWh].
        spare_kwh: Generation that may be cut where no more may be exported, shape (S, T).
        buy: What a kWh imported costs, shape (S, T) [reward units].
        sell: What a kWh exported earns, shape (S, T).
        import_kwh: Most that may be imported, shape (T,) [kWh].
        export_kwh: Most that may be exported, shape (T,).
        demand: Running maxima.
        end: How a plan is closed.
        wear: What a kWh given out costs in wear [reward units].
    """

    fixed_kwh: Floats
    spare_kwh: Floats
    buy: Floats
    sell: Floats
    import_kwh: Floats
    export_kwh: Floats
    demand: Demand
    end: End
    wear: float = 0.0

    @property
    def steps(self) -> int:
        """Number of steps."""
        return self.fixed_kwh.shape[1]

    def blocks(self, lengths: Ints, hours: float) -> Scenarios:
        """Return the same with steps taken together.

        Args:
            lengths: Steps of each block, shape (B,); what reaches beyond the last step is cut.
            hours: Length of a step [h].
        """
        starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
        starts = starts[starts < self.steps]
        size = np.diff(np.append(starts, self.steps))

        def added(series: Floats) -> Floats:
            return np.asarray(np.add.reduceat(series, starts, axis=-1))

        fixed, demand = added(self.fixed_kwh), self.demand
        highest = np.maximum.reduceat(self.fixed_kwh, starts, axis=1)
        active = np.maximum.reduceat(demand.active, starts, axis=1) if len(demand.costs) else demand.active[:, starts]
        return Scenarios(
            fixed_kwh=fixed,
            spare_kwh=added(self.spare_kwh),
            buy=added(self.buy) / size,
            sell=added(self.sell) / size,
            import_kwh=added(self.import_kwh),
            export_kwh=added(self.export_kwh),
            demand=Demand(demand.costs, demand.peaks, active, (highest - fixed / size) / hours),
            end=self.end,
            wear=self.wear,
        )


def block_lengths(steps: int, hours: float) -> Ints:
    """Return how many steps are taken together, from now on: the first ones singly, then up to an hour of them.

    Example:
        >>> block_lengths(24, 0.25).tolist(), len(block_lengths(192, 0.25)), len(block_lengths(24, 1.0))
        ([1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 4, 4], 60, 24)
    """
    single, most = min(SINGLE, steps), max(round(LONGEST_HOURS / hours), 1)
    count = -(-(steps - single) // most)
    return np.concatenate([np.ones(single, dtype=np.int64), np.full(count, most, dtype=np.int64)])
