"""What is drawn of an episode: its steps as they came; its one rule: figures only, no artist and no file."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]


class Flows(NamedTuple):
    """Mean powers of a step at a site with load or generation [kW].

    ``peak_kw`` is the running maximum of the demand window that is open, NaN where none is.
    """

    load_kw: float
    generation_kw: float
    grid_kw: float
    peak_kw: float


@dataclass
class History:
    """What happened in an episode so far, one entry a step.

    Args:
        step_hours: Length of a step [h].
        soc_initial: State of charge before the first step [fraction]; NaN where it is not known.
        flows: What a site with load or generation drew and made, a `Flows` a step; empty elsewhere.

        stores: Where there are several, states of charge by name [fraction], each beginning with the one before the
            first step; else empty.
        markets: Power in each market by name, a value a step, positive draws [kW]; empty where nothing is bid.

    Example:
        >>> history = History()
        >>> history.append(datetime(2024, 1, 1), 40.0, float("nan"), 0.6, 3.3, -0.132)
        >>> len(history), history.total
        (1, -0.132)
    """

    step_hours: float = 1.0
    soc_initial: float = math.nan
    time: list[datetime] = field(default_factory=list)
    price: list[float] = field(default_factory=list)
    carbon: list[float] = field(default_factory=list)
    soc: list[float] = field(default_factory=list)
    power_kw: list[float] = field(default_factory=list)
    reward: list[float] = field(default_factory=list)
    flows: list[Flows] = field(default_factory=list)
    stores: dict[str, list[float]] = field(default_factory=dict)
    markets: dict[str, list[float]] = field(default_factory=dict)

    def append(
        self,
        time: datetime,
        price: float,
        carbon: float,
        soc: float,
        power_kw: float,
        reward: float,
        flows: Flows | None = None,
        markets: Mapping[str, float] | None = None,
    ) -> None:
        """Note one step.

        Args:
            time: Start of the step (a pandas Timestamp is one); without a zone it is UTC.
            price: Price of the step [currency/MWh].
            carbon: Carbon intensity of the step [gCO2/kWh]; NaN where there is none.
            soc: State of charge at the end of the step [fraction].
            power_kw: Mean power of what is controlled, charging positive [kW]; on a market that is the grid's.
            reward: Reward of the step.
            flows: What a site drew and made.
            markets: Power in each market [kW], positive draws.
        """
        self.time.append(time)
        self.price.append(price)
        self.carbon.append(carbon)
        self.soc.append(soc)
        self.power_kw.append(power_kw)
        self.reward.append(reward)
        if flows is not None:
            self.flows.append(flows)
        for name, power in (markets or {}).items():
            self.markets.setdefault(name, []).append(power)

    def __len__(self) -> int:
        """Return the number of steps."""
        return len(self.time)

    @property
    def total(self) -> float:
        """Sum of the rewards so far."""
        return math.fsum(self.reward)
