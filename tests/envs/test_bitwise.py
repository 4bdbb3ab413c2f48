"""One dynamics: floats, NumPy and torch give the same bits over thousands of random steps."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from energy_gym import Battery
from energy_gym.backends import arrays, scalars, tensors
from energy_gym.contracts import Spot
from energy_gym.dynamics import compose, reward
from energy_gym.entities import Flexible
from energy_gym.entities.battery import stack
from energy_gym.envs.meters import Registers, lay_out
from energy_gym.scenario import Weights
from energy_gym.site import Site
from energy_gym.units import Unit

SIZE, STEPS = 60, 120


def random_battery(random: np.random.Generator) -> Battery:
    low = float(random.uniform(0.0, 0.4))
    return Battery(
        capacity_kwh=float(random.uniform(0.5, 50.0)),
        charge_kw=float(random.uniform(0.1, 20.0)),
        discharge_kw=float(random.uniform(0.1, 20.0)),
        efficiency_charge=float(random.choice([1.0, random.uniform(0.5, 1.0)])),
        efficiency_discharge=float(random.choice([1.0, random.uniform(0.5, 1.0)])),
        soc_min=low,
        soc_max=float(random.uniform(0.6, 1.0)),
        soc_initial=float(random.uniform(low, 0.6)),
        self_discharge_per_day=float(random.choice([0.0, random.uniform(0.0, 0.5)])),
        wear_per_kwh=float(random.choice([0.0, 0.01])),
    )


def unit(cell: Any) -> Unit:
    """Return a battery with these figures on a spot market."""
    price = np.ones(1)
    site = Site("spot", {"battery": Battery()}, {"spot": Spot()})
    nothing = Registers(np.zeros(0), np.zeros((0, 1)), np.zeros((0, 1)))
    laid = lay_out(site, {"carbon_g_per_kwh": price}, (price, price), nothing, 1.0)
    flexible: Flexible = replace(laid.flexibles[0], cell=cell, costs=True)
    return replace(laid, flexibles=(flexible,))


def play(energy: Any, wishes: Any, prices: Any, carbon: Any, cell: Any, xp: Any) -> list[tuple[Any, ...]]:
    weights, steps, states = Weights(1.0, 0.08, 1.0), [], (energy,)
    advance = compose([unit(cell)], xp)
    for wish, price, intensity in zip(wishes, prices, carbon, strict=True):
        states, grid, cost, kg, wear, _, _, refused, _ = advance(states, (wish,), (price, price, intensity, 0.0))
        steps.append((states[0], grid, cost, kg, wear, refused, reward(cost, kg, wear, 0.0, 0.0, weights)))
    return steps


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("hours", [1.0, 0.5, 0.25])
def test_floats_numpy_and_torch_agree_bit_for_bit(seed: int, hours: float) -> None:
    torch = pytest.importorskip("torch")
    random = np.random.default_rng(seed)
    batteries = [random_battery(random) for _ in range(SIZE)]
    wishes = random.uniform(-1.0, 1.0, (STEPS, SIZE))
    wishes[random.random((STEPS, SIZE)) < 0.3] = random.choice([-1.0, 0.0, -0.0, 1.0, 0.5])
    prices, carbon = random.normal(40.0, 200.0, (STEPS, SIZE)), random.uniform(0.0, 800.0, (STEPS, SIZE))
    start = np.array([battery.energy_initial_kwh for battery in batteries])
    cell = stack(batteries, hours)
    batch = np.array(play(start, wishes, prices, carbon, cell, arrays))
    tensor = [torch.as_tensor(value) for value in (start, wishes, prices, carbon)]
    wide = type(cell)(*(torch.as_tensor(value, dtype=torch.float64) for value in cell))
    torched = torch.stack([torch.stack(step) for step in play(*tensor, wide, tensors())]).numpy()
    for index, battery in enumerate(batteries):
        series = [part[:, index].tolist() for part in (wishes, prices, carbon)]
        alone = np.array(play(battery.energy_initial_kwh, *series, battery.cell(hours), scalars))
        assert alone.tobytes() == np.ascontiguousarray(batch[:, :, index]).tobytes()
    assert batch.dtype == torched.dtype == np.float64
    assert batch.tobytes() == np.ascontiguousarray(torched).tobytes()
