"""The marginal values of stored energy: against every decision tried, on grids that fit and on one that does not."""

from __future__ import annotations

import numpy as np
import pytest

from energy_gym import Battery
from energy_gym.errors import ConfigurationError
from energy_gym.oracle.marginal import EnergyGrid, shifted


def brute(grid: EnergyGrid, after: np.ndarray, price: float) -> np.ndarray:
    """Return the slopes of the best of all moves by whole cells."""
    worth = np.concatenate([[0.0], np.cumsum(after)])
    cost, gain = grid.cost(np.array(price)), grid.gain(np.array(price))
    best = []
    for now in range(grid.cells + 1):
        ends = range(max(now - int(grid.down), 0), min(now + int(grid.up), grid.cells) + 1)
        best.append(max(worth[end] - (cost if end > now else gain) * (end - now) for end in ends))
    return np.diff(best)


@pytest.mark.parametrize("seed", range(20))
def test_a_step_back_is_the_best_of_all_moves(seed: int) -> None:
    random = np.random.default_rng(seed)
    cells = int(random.integers(1, 12))
    grid = EnergyGrid(cells, 1.0, 0.0, *random.integers(1, 15, 2).tolist(), *random.uniform(0.6, 1.0, 2), 0.5)
    after = np.sort(random.normal(30.0, 20.0, (3, cells)), axis=1)[:, ::-1]
    price = random.normal(30.0, 20.0, 3)
    found = grid.back(after, price)
    for state in range(3):
        np.testing.assert_allclose(found[state], brute(grid, after[state], price[state]), atol=1e-9)


def test_the_coarsest_grid_that_fits_is_found() -> None:
    store = Battery(1000.0, 500.0, 500.0, 0.9, 0.9, soc_min=0.0, soc_max=1.0)
    grid = EnergyGrid.fitting(store.cell(1.0 / 12.0))
    assert grid is not None
    assert (grid.cells, grid.up, grid.down, grid.exact) == (2160, 81, 100, True)
    odd = Battery(1000.0, 500.0, 500.0, 0.9137, 0.9, soc_min=0.0, soc_max=1.0)
    assert EnergyGrid.fitting(odd.cell(1.0 / 12.0), most=200) is None
    assert not EnergyGrid.of(odd.cell(1.0 / 12.0), 108).exact


def test_a_grid_that_does_not_fit_is_close() -> None:
    cell = Battery(1000.0, 500.0, 500.0, 0.9, 0.9, soc_min=0.0, soc_max=1.0, wear_per_kwh=0.01).cell(1.0 / 12.0)
    random, worths = np.random.default_rng(0), []
    prices = 0.001 * random.normal(30.0, 25.0, 288)
    for grid in (EnergyGrid.of(cell, 2160), EnergyGrid.of(cell, 108)):
        after = np.full((1, grid.cells), 0.03)
        for price in prices[::-1]:
            after = grid.back(after, np.array([price]))
        worths.append(float(after[0].mean()))
    assert worths[1] == pytest.approx(worths[0], rel=5e-3)


def test_where_to_go_from_what_is_stored() -> None:
    grid = EnergyGrid(4, 2.0, 1.0, 4, 4, 1.0, 1.0, 1.0)
    worth = np.array([9.0, 7.0, 5.0, 3.0])
    assert [grid.target(worth, 6.0, energy) for energy in (1.0, 5.0, 9.0)] == [5.0, 5.0, 7.0]


def test_what_lies_beyond_the_grid_is_given() -> None:
    slopes = np.array([[3.0, 2.0, 1.0]])
    assert shifted(slopes, 5, -9.0).tolist() == [[-9.0, -9.0, -9.0]]
    assert shifted(slopes, -1.5, 9.0).tolist() == [[9.0, 9.0, 2.5]]


def test_standby_losses_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="while it stands"):
        EnergyGrid.of(Battery(self_discharge_per_day=0.1).cell(1.0), 10)
