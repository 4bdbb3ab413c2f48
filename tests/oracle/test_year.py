"""Whole years of real prices: the figures of the EnCortex data, and a linear programme of the test itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import energy_gym
from energy_gym import Battery

ID = "energy_gym/Arbitrage-v1"


def year(efficiency: float, **keywords: Any) -> Any:
    battery = Battery(10.0, 3.33, 3.33, efficiency, efficiency, 0.1, 1.0, 0.5)
    settings = {"terminal": "free", "episode_steps": None, "split": "test", **keywords}
    env = gym.make(ID, dataset="encortex-uk", battery=battery, **settings)
    env.reset()
    return env


def relaxed(prices: np.ndarray, efficiency: float) -> float:
    """Earnings of the linear programme that may charge and discharge in one hour."""
    import highspy

    solver, size = highspy.Highs(), len(prices)
    solver.silent()
    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = 3 * size, size
    model.col_cost_ = np.concatenate([prices, -prices, np.zeros(size)]) / 1000.0
    model.col_lower_ = np.concatenate([np.zeros(2 * size), np.full(size, 1.0)])
    model.col_upper_ = np.concatenate([np.full(2 * size, 3.33), np.full(size, 10.0)])
    first = np.zeros(size)
    first[0] = 5.0
    model.row_lower_ = model.row_upper_ = first
    starts, index, value = [0], [], []
    for t in range(size):
        entries = [(t, -efficiency), (size + t, 1.0 / efficiency), (2 * size + t, 1.0)]
        entries += [(2 * size + t - 1, -1.0)] if t else []
        index += [column for column, _ in entries]
        value += [figure for _, figure in entries]
        starts.append(len(index))
    model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    model.a_matrix_.start_ = np.array(starts, dtype=np.int32)
    model.a_matrix_.index_ = np.array(index, dtype=np.int32)
    model.a_matrix_.value_ = np.array(value)
    solver.passModel(model)
    solver.run()
    return -float(solver.getInfo().objective_function_value)


def test_figures_of_2020(real_data: Path) -> None:
    for efficiency, expected in ((1.0, 156.886), (0.95, 127.300)):
        env = year(efficiency)
        solution = energy_gym.solve(env)
        assert len(solution.actions) == 8784
        assert solution.exact
        assert solution.value == pytest.approx(expected, abs=5e-4)
        assert sum(env.step(action)[1] for action in solution.actions) == pytest.approx(solution.value, abs=1e-6)


def test_the_relaxation_would_promise_more(real_data: Path) -> None:
    prices = energy_gym.load("encortex-uk").frame["price_per_mwh"].loc["2020"].to_numpy()
    assert len(prices) == 8784
    assert relaxed(prices, 1.0) == pytest.approx(156.886, abs=5e-4)
    assert relaxed(prices, 0.95) == pytest.approx(127.381, abs=5e-4)


def test_a_year_of_three_levels(real_data: Path) -> None:
    env = year(0.95, actions="discrete-3")
    solution = energy_gym.solve(env, time_limit=60.0)
    assert solution.value <= solution.bound
    assert solution.bound - solution.value <= 1e-3 * solution.value
    assert solution.value <= 127.3005
    assert sum(env.step(action)[1] for action in solution.actions) == pytest.approx(solution.value, abs=1e-6)


@pytest.mark.parametrize("objective", ["cost", "carbon", "joint"])
def test_markets_are_exact_and_replay(real_data: Path, objective: str) -> None:
    env = gym.make(ID, dataset="de-lu", split="test", episode_steps=None, objective=objective)
    env.reset()
    solution = energy_gym.solve(env)
    assert solution.exact, solution.status
    assert sum(env.step(action)[1] for action in solution.actions) == pytest.approx(solution.value, abs=1e-6)
