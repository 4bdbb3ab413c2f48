"""How the scheduling network learns: gradient descent on what its own schedules cost, played through the laws.

One rule: no optimum is ever solved for; the loss is the bill, and a small penalty on what limits took back.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from energy_gym.agents.l2o.planner import DayPlanner
from energy_gym.agents.l2o.windows import Draw, Windows
from energy_gym.conversions import KWH_PER_MWH
from energy_gym.errors import ConfigurationError

WARM_UP = 0.1
TEMPERED = 0.8
NOISY = 0.7
LARGEST_GRADIENT = 1.0
SHARPEST = 0.03
HELD_OUT = 512
See = Callable[[int, dict[str, float]], None]


def train(
    planner: DayPlanner, draw: Draw, steps: int, settings: Mapping[str, Any], seed: int, see: See, shown: int
) -> None:
    """Train a planner's network; what torch draws comes from its global generator.

    Args:
        planner: Its network is changed in place.
        draw: Draws windows.
        steps: Steps of gradient descent.
        settings: As in the agent's YAML file.
        seed: Seed of windows and noise.
        see: Told steps so far and figures, ``shown`` times: ``loss``, and ``cost``, the mean bill of windows held out
            under the best candidates, as a multiple of the mean price of a MWh.
        shown: How often.

    Raises:
        ConfigurationError: The loss is no longer finite.
    """
    random = np.random.default_rng(seed)
    held_out = draw(random, HELD_OUT)
    optimiser = torch.optim.AdamW(planner.network.parameters(), lr=0.0, weight_decay=settings["weight_decay"])
    losses = []
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = settings["learning_rate"] * rate(step / steps)
        loss = _loss(planner, draw(random, settings["batch_size"]), step / steps, settings)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(planner.network.parameters(), LARGEST_GRADIENT)
        optimiser.step()
        losses.append(loss.detach())
        if (step + 1) * shown // steps > step * shown // steps:
            see(step + 1, {"loss": _mean(losses), "cost": cost(planner, held_out)})
            losses = []


def rate(progress: float) -> float:
    """Return the share of the learning rate at some progress in [0, 1]: a linear rise, then half a cosine.

    Example:
        >>> rate(0.05), rate(0.1), round(rate(1.0), 3)
        (0.5, 1.0, 0.0)
    """
    if progress < WARM_UP:
        return progress / WARM_UP
    return 0.5 * (1.0 + math.cos(math.pi * (progress - WARM_UP) / (1.0 - WARM_UP)))


def temperature(progress: float, start: float, end: float) -> float:
    """Return the temperature of the modes at some progress in [0, 1].

    Example:
        >>> temperature(0.0, 2.0, 0.1), round(temperature(0.9, 2.0, 0.1), 9)
        (2.0, 0.1)
    """
    return float(start * (end / start) ** min(1.0, progress / TEMPERED))


def _loss(planner: DayPlanner, windows: Windows, progress: float, settings: Mapping[str, Any]) -> Any:
    proposal = planner.propose(_blurred(windows, settings["input_noise"]))
    warmth = temperature(progress, settings["temperature_start"], settings["temperature_end"])
    noise = _gumbel(proposal.modes) * (settings["noise"] * max(0.0, 1.0 - progress / NOISY))
    wishes = proposal.wishes(warmth, noise)
    played = planner.play(windows, wishes, returning=settings["constructed"])
    bills = -played.returns.view(wishes.shape[:2])
    taken_back = played.wishes[:, :, 0] - wishes.flatten(0, 1)
    penalty = functional.smooth_l1_loss(taken_back * planner.cell.charge_kwh, torch.zeros_like(taken_back))
    # In units of what a battery of this size can move in an hour, so that one learning rate suits any.
    scale = KWH_PER_MWH / planner.cell.charge_kwh
    bill = (_shared(bills * scale, settings["spread"])).mean()
    return settings["bill_weight"] * bill + settings["penalty"] * penalty + _broken(planner, windows, wishes, settings)


def _blurred(windows: Windows, share: float) -> Windows:
    """Return windows whose load and prices the network sees with Gaussian noise, a share of each value."""
    if not share:
        return windows
    net, buy, sell = (part * (1.0 + share * torch.randn_like(part)) for part in windows[:3])
    return Windows(net, buy, sell, windows.energy_kwh, windows.left)


def _broken(planner: DayPlanner, windows: Windows, wishes: Any, settings: Mapping[str, Any]) -> Any:
    """Return what proposals, shape (B, K, T), cost that would break limits or miss the start if nothing held them.

    Limits of energy count as they are overstepped (ReLU), the end of a window by SmoothL1, both in hours of charging.
    """
    over, short = settings["soc_weight"], settings["terminal_weight"]
    if not over and not short:
        return 0.0
    cell, hour = planner.cell, planner.cell.charge_kwh
    steps = torch.arange(planner.steps, device=wishes.device)
    inside = (steps < torch.as_tensor(windows.left)[:, None])[:, None].to(wishes.dtype)
    rise = wishes.clamp(min=0.0) * (cell.efficiency_charge * hour)
    fall = (-wishes).clamp(min=0.0) * (cell.discharge_kwh / cell.efficiency_discharge)
    energy = windows.energy_kwh[:, None, None] + torch.cumsum((rise - fall) * inside, dim=2)
    outside = functional.relu(energy - cell.energy_max) + functional.relu(cell.energy_min - energy)
    missed = (energy[:, :, -1] - planner.battery.energy_initial_kwh) / hour
    return over * (outside / hour).mean() + short * functional.smooth_l1_loss(missed, torch.zeros_like(missed))


def _shared(bills: Any, spread: float) -> Any:
    """Return each window's bill, shape (B,): of its cheapest candidates, and a little of all."""
    cheapness = functional.softmax(-bills.detach() / SHARPEST, dim=1)
    return (bills * ((1.0 - spread) * cheapness + spread / bills.shape[1])).sum(dim=1)


def _gumbel(like: Any) -> Any:
    return -torch.log(-torch.log(torch.rand_like(like).clamp(1e-9, 1.0 - 1e-7)))


def cost(planner: DayPlanner, windows: Windows) -> float:
    """Return the mean bill of windows under the best candidates, as a multiple of the mean price of a MWh."""
    with torch.no_grad():
        wishes = planner.propose(windows).wishes()
        bills = -planner.play(windows, wishes).returns.view(wishes.shape[:2])
    return float(bills.min(dim=1).values.mean())


def _mean(losses: list[Any]) -> float:
    mean = float(torch.stack(losses).mean())
    if not math.isfinite(mean):
        raise ConfigurationError(f"loss={mean}", "must be finite", "lower the learning_rate")
    return mean
