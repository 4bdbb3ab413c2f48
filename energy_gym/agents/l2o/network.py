"""The network that schedules: a shared encoder with heads for the mode, the power and the value of stored energy.

Encoder, mode head (charge, discharge, idle; Gumbel-Softmax) and power head (sigmoids times rated power) are those of
the learning-to-optimise method for home batteries. Three things are added:

- a **value head** says what a stored kWh is worth at each hour; the other two heads start from the difference between
  that value and the price of the hour, so that they need not learn to compare the two;
- **power in two parts**, what the home's own surplus or need takes and what goes through the meter beyond it, each with
  a sigmoid of its own: the kinks of the bill lie where a sigmoid saturates, so that a plan can hit them exactly;
- **several candidates** from one encoder, of which the cheapest is taken: what a plan costs is known beforehand.

Here it learns; how it acts, without torch, is in `energy_gym.agents.l2o.acting`.

One rule: the network proposes shares of rated power; what they come to is for the laws to say.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import nn
from torch.nn import functional

from energy_gym.agents.l2o.acting import MODES, PARTS, STRETCH, DayFigures
from energy_gym.agents.l2o.windows import Windows

FEATURES = 4


class Proposal(NamedTuple):
    """K schedules for each of B windows: logits of the modes (B, K, 3, T), shares of rated power (B, K, T) each."""

    modes: Any
    charge: Any
    discharge: Any

    def wishes(self, temperature: float = 0.0, noise: Any = None) -> Any:
        """Return shares of rated power in [-1, 1], positive charging, shape (B, K, T).

        Args:
            temperature: Of the softmax over modes; at 0 the likeliest mode is taken, and no gradient reaches the modes.
            noise: Gumbel noise added to the logits, of their shape; None adds none.
        """
        logits = self.modes if noise is None else self.modes + noise
        if temperature > 0.0:
            mode = functional.softmax(logits / temperature, dim=2)
            return mode[:, :, 0] * self.charge - mode[:, :, 1] * self.discharge
        up, down, still = logits.unbind(dim=2)
        charges, gives = (up > down) & (up > still), (down >= up) & (down > still)
        return self.charge * charges - self.discharge * gives


class Network(nn.Module):  # type: ignore[misc]  # torch is untyped here
    """From windows to proposals.

    Args:
        steps: Steps of a window.
        width: Of both hidden layers.
        candidates: Schedules proposed.
        sharpness: How steeply a decision follows value less price.
        figures: Fixed figures of the battery.
        mode_bias: What the logits of charging and discharging start above that of idling.

    Example:
        >>> from energy_gym import Battery
        >>> network = Network(24, 32, 2, 10.0, DayFigures(Battery().cell(1.0), 1.0))
        >>> windows = Windows(*torch.rand(3, 5, 24), torch.full((5,), 5.0), torch.full((5,), 24))
        >>> network(windows).wishes().shape
        torch.Size([5, 2, 24])
    """

    def __init__(
        self, steps: int, width: int, candidates: int, sharpness: float, figures: DayFigures, mode_bias: float = 0.0
    ) -> None:
        super().__init__()
        self.steps, self.candidates, self.sharpness, self.figures = steps, candidates, sharpness, figures
        self.encoder = nn.Sequential(
            nn.Linear(FEATURES * steps + 1, width),
            nn.LayerNorm(width),
            nn.ReLU(),
            nn.Linear(width, width),
            nn.LayerNorm(width),
            nn.ReLU(),
        )
        self.value_head = _head(width, candidates * steps)
        self.mode_head = _head(width, candidates * MODES * steps)
        self.power_head = _head(width, candidates * PARTS * steps)
        with torch.no_grad():
            self.mode_head.bias.view(candidates, MODES, steps)[:, :2] += mode_bias

    def forward(self, windows: Windows) -> Proposal:
        """Return what the network proposes."""
        code = self.encoder(self._features(windows))
        batch = len(code)
        value = self.value_head(code).view(batch, self.candidates, self.steps).exp()
        modes = self.mode_head(code).view(batch, self.candidates, MODES, self.steps)
        parts = self.power_head(code).view(batch, self.candidates, PARTS, self.steps)
        pulls = self._pulls(windows, value)
        modes = modes + torch.stack([*_first_parts(windows, pulls), torch.zeros_like(value)], dim=2)
        return self._proposal(windows, modes, _saturating(parts + torch.stack(pulls, dim=2)))

    def _features(self, windows: Windows) -> Any:
        """Return what the encoder reads: need, surplus, prices and energy stored, scaled, shape (B, 4 T + 1)."""
        need, spare = self._own(windows)
        cell = self.figures.cell
        stored = (windows.energy_kwh - cell.energy_min) / (cell.energy_max - cell.energy_min)
        columns = [2.0 * need - 0.5, 2.0 * spare - 0.5, 2.0 * windows.buy - 2.0, 2.0 * windows.sell - 1.0]
        return torch.cat([*columns, 2.0 * stored[:, None] - 1.0], dim=1)

    def _own(self, windows: Windows) -> tuple[Any, Any]:
        """Return what the home needs and what it has to spare, as multiples of rated power, shape (B, T)."""
        cell, net_kwh = self.figures.cell, windows.net_kw * self.figures.hours
        return (net_kwh / cell.discharge_kwh).clamp(min=0.0), (-net_kwh / cell.charge_kwh).clamp(min=0.0)

    def _pulls(self, windows: Windows, value: Any) -> list[Any]:
        """Return value less price, or price less value, of each part of power, each of shape (B, K, T)."""
        cell = self.figures.cell
        buy, sell = windows.buy[:, None], windows.sell[:, None]
        dear, cheap = (price - self.figures.wear for price in (buy, sell))
        charging = [value - sell / cell.efficiency_charge, value - buy / cell.efficiency_charge]
        giving = [dear * cell.efficiency_discharge - value, cheap * cell.efficiency_discharge - value]
        return [self.sharpness * pull for pull in (*charging, *giving)]

    def _proposal(self, windows: Windows, modes: Any, parts: Any) -> Proposal:
        need, spare = (part.clamp(max=1.0)[:, None] for part in self._own(windows))
        own_charge, grid_charge, own_give, grid_give = parts.unbind(dim=2)
        charge = own_charge * spare + grid_charge * (1.0 - spare)
        return Proposal(modes, charge, own_give * need + grid_give * (1.0 - need))


def _head(width: int, outputs: int) -> nn.Linear:
    """Return a last layer that starts near zero, so that the first plans follow the mean price."""
    layer = nn.Linear(width, outputs)
    nn.init.normal_(layer.weight, std=0.01)
    nn.init.zeros_(layer.bias)
    return layer


def _first_parts(windows: Windows, pulls: list[Any]) -> tuple[Any, Any]:
    """Return the pull of the first kWh charged and of the first given: own energy where there is any."""
    sunny = (windows.net_kw < 0.0)[:, None]
    return torch.where(sunny, pulls[0], pulls[1]), torch.where(sunny, pulls[3], pulls[2])


def _saturating(logits: Any) -> Any:
    """Return sigmoids stretched a little beyond [0, 1] and cut to it: 0 and 1 are reached, gradients pass the cut."""
    stretched = torch.sigmoid(logits) * (1.0 + 2.0 * STRETCH) - STRETCH
    return stretched + (stretched.clamp(0.0, 1.0) - stretched).detach()
