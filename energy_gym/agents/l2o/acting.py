"""The network of `energy_gym.agents.l2o.network` as it acts: the same layers in NumPy.

One rule: torch is needed to learn, never to act: what was taught plans alike wherever it is loaded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from energy_gym.agents.l2o.windows import Windows
from energy_gym.arrays import Floats
from energy_gym.entities.battery import Cell

MODES = 3
PARTS = 4
STRETCH = 0.05
# What torch adds to the variance of a layer before it divides by its root.
LAYER_EPSILON = np.float32(1e-5)
Singles = npt.NDArray[np.float32]


class DayFigures(NamedTuple):
    """Fixed figures of a battery's network: what it divides by, and where its prices stand.

    Args:
        cell: The battery for one step.
        hours: Length of a step [h].
        wear: Wear of a kWh given out, as a multiple of the mean price of a kWh.
    """

    cell: Cell
    hours: float
    wear: float = 0.0


@dataclass(frozen=True)
class Acting:
    """From windows to schedules, without gradients.

    Args:
        weights: Of the network, by the names that torch gives them.
        candidates: Schedules proposed.
        sharpness: How steeply a decision follows value less price.
        figures: Fixed figures of the battery.

    Example:
        >>> from energy_gym import Battery
        >>> from energy_gym.agents.l2o.planner import DayPlanner
        >>> planner = DayPlanner(Battery(), 1.0, 200.0, 24, width=32, candidates=2)
        >>> nothing = np.zeros((5, 24))
        >>> planner.acting().wishes(Windows(nothing, nothing, nothing, np.full(5, 5.0), np.full(5, 24))).shape
        (5, 2, 24)
    """

    weights: Mapping[str, Singles]
    candidates: int
    sharpness: float
    figures: DayFigures

    def wishes(self, windows: Windows) -> Floats:
        """Return shares of rated power in [-1, 1], positive charging, shape (B, K, T); the likeliest mode is taken."""
        net, buy, sell, energy = (np.asarray(part, dtype=np.float32) for part in windows[:4])
        asked = Windows(net, buy, sell, energy, windows.left)
        need, spare = self._own(asked)
        code = self._encoded(asked, need, spare)
        value = np.exp(self._head("value_head", code, 1)[:, :, 0])
        pulls = self._pulls(asked, value)
        parts = _saturating(self._head("power_head", code, PARTS) + np.stack(pulls, axis=2))
        sunny = (asked.net_kw < 0.0)[:, None]
        up, down, still = np.moveaxis(self._head("mode_head", code, MODES), 2, 0)
        up, down = up + np.where(sunny, pulls[0], pulls[1]), down + np.where(sunny, pulls[3], pulls[2])
        charges, gives = (up > down) & (up > still), (down >= up) & (down > still)
        need, spare = (np.minimum(part, np.float32(1.0))[:, None] for part in (need, spare))
        own_charge, grid_charge, own_give, grid_give = np.moveaxis(parts, 2, 0)
        charge = own_charge * spare + grid_charge * (1.0 - spare)
        give = own_give * need + grid_give * (1.0 - need)
        return (charge * charges - give * gives).astype(np.float64)

    def _own(self, windows: Windows) -> tuple[Singles, Singles]:
        """Return what the home needs and what it has to spare, as multiples of rated power, shape (B, T)."""
        cell, net_kwh = self.figures.cell, windows.net_kw * np.float32(self.figures.hours)
        zero = np.float32(0.0)
        needed, spared = net_kwh / np.float32(cell.discharge_kwh), -net_kwh / np.float32(cell.charge_kwh)
        return np.maximum(needed, zero), np.maximum(spared, zero)

    def _encoded(self, windows: Windows, need: Singles, spare: Singles) -> Singles:
        cell = self.figures.cell
        stored = (windows.energy_kwh - np.float32(cell.energy_min)) / np.float32(cell.energy_max - cell.energy_min)
        columns = [2.0 * need - 0.5, 2.0 * spare - 0.5, 2.0 * windows.buy - 2.0, 2.0 * windows.sell - 1.0]
        code = np.concatenate([*columns, 2.0 * stored[:, None] - 1.0], axis=1, dtype=np.float32)
        for dense, norm in (("encoder.0", "encoder.1"), ("encoder.3", "encoder.4")):
            code = np.maximum(self._normed(norm, self._dense(dense, code)), np.float32(0.0))
        return code

    def _dense(self, name: str, code: Singles) -> Singles:
        found: Singles = code @ self.weights[f"{name}.weight"].T + self.weights[f"{name}.bias"]
        return found

    def _normed(self, name: str, code: Singles) -> Singles:
        away = code - code.mean(axis=1, keepdims=True)
        scale = np.sqrt((away * away).mean(axis=1, keepdims=True) + LAYER_EPSILON)
        found: Singles = away / scale * self.weights[f"{name}.weight"] + self.weights[f"{name}.bias"]
        return found

    def _head(self, name: str, code: Singles, rows: int) -> Singles:
        """Return what a head says, shape (B, K, rows, T)."""
        return self._dense(name, code).reshape(len(code), self.candidates, rows, -1)

    def _pulls(self, windows: Windows, value: Singles) -> list[Singles]:
        """Return value less price, or price less value, of each part of power, each of shape (B, K, T)."""
        cell, wear, sharp = self.figures.cell, np.float32(self.figures.wear), np.float32(self.sharpness)
        buy, sell = windows.buy[:, None], windows.sell[:, None]
        up, down = np.float32(cell.efficiency_charge), np.float32(cell.efficiency_discharge)
        charging = [value - sell / up, value - buy / up]
        giving = [(buy - wear) * down - value, (sell - wear) * down - value]
        return [sharp * pull for pull in (*charging, *giving)]


def _saturating(logits: Singles) -> Singles:
    """Return sigmoids stretched a little beyond [0, 1] and cut to it."""
    # A sigmoid by tanh: no power overflows, however large a logit is.
    sigmoids = np.float32(0.5) * (np.tanh(np.float32(0.5) * logits) + np.float32(1.0))
    return np.clip(sigmoids * np.float32(1.0 + 2.0 * STRETCH) - np.float32(STRETCH), np.float32(0.0), np.float32(1.0))
