"""The look-ahead of a fleet; its one rule: of calls it shows those of the step before, and none that is to come."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from energy_gym.tape import Slot, Tape

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class FleetTape(Tape):
    """The look-ahead of a fleet, with the calls of the step before as last slots.

    Args:
        called: Name and share called by reserve that may be called, each share of shape (steps of the data,).
    """

    called: tuple[tuple[str, Floats], ...] = ()

    @cached_property
    def layout(self) -> tuple[Slot, ...]:
        """See `Tape.layout`."""
        return (*super().layout, *(Slot(f"called({name})", "1", 0.0, 1.0) for name, _ in self.called))

    @cached_property
    def bounds(self) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """See `Tape.bounds`."""
        low, high = super().bounds
        extra = np.zeros(len(self.called), dtype=np.float32)
        return np.concatenate([low, extra]), np.concatenate([high, extra + 1.0])

    @cached_property
    def rows(self) -> npt.NDArray[np.float32]:
        """See `Tape.rows`."""
        usual = super().rows
        rows = np.zeros((len(usual), len(self.layout)), dtype=np.float32)
        rows[:, : usual.shape[1]] = usual[:, : usual.shape[1]]
        for place, (_, shares) in enumerate(self.called):
            before = np.concatenate([[0.0], shares])
            rows[:, len(self.layout) - len(self.called) + place] = before[self.feed.first : self.feed.stop + 1]
        rows.flags.writeable = False
        return rows
