"""A learnt scheduler against the solver: costs, gaps, feasibility, figures, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import energy_gym
from energy_gym import Battery
from energy_gym.agents import make_agent
from energy_gym.data.homes import synthetic_days
from energy_gym.errors import ConfigurationError, EnergyGymError, ResetNeededError, SolverError
from energy_gym.evaluation.comparison import Comparison

pytest.importorskip("torch")
SMALL: dict[str, Any] = {"width": 16, "days": 100, "batch_size": 32}


def agent(budget: int = 20, **settings: Any) -> Any:
    from energy_gym.agents.l2o import L2O

    env = gym.make("energy_gym/HomeSolar-v1", split="test", episode_steps=24)
    made = L2O(env, **{**SMALL, **settings})
    return made.fit(synthetic_days(100, seed=1), budget=budget) if budget else made


@pytest.fixture(scope="module")
def found() -> Comparison:
    return energy_gym.compare_methods(agent(), synthetic_days(30, seed=5))


def test_no_schedule_beats_the_optimum_and_each_is_feasible(found: Comparison) -> None:
    assert (found.cost >= found.optimal_cost - 1e-6).all() and (found.idle_cost >= found.optimal_cost - 1e-6).all()
    assert found.feasible.all() and found.feasibility == 1.0
    gaps = (found.cost - found.optimal_cost) / np.abs(found.optimal_cost).mean()
    assert found.mean_gap == pytest.approx(gaps.mean()) and found.median_gap == pytest.approx(np.median(gaps))
    assert found.speedup == pytest.approx(found.solver_seconds / found.agent_seconds)
    assert "30 of 30 (100.0 %)" in str(found)


def test_costs_are_those_of_modes_and_powers_told_apart(found: Comparison) -> None:
    days, plan = found.days, found.schedule
    assert plan.mode.shape == (30, 24, 3) and (plan.mode.sum(axis=2) == 1.0).all()
    assert (plan.charge_kw * plan.discharge_kw == 0.0).all()
    np.testing.assert_array_equal(plan.mode[:, :, 0] > 0.0, plan.charge_kw > 0.0)
    grid = days.load_kw - days.pv_kw + plan.charge_kw - plan.discharge_kw
    np.testing.assert_allclose(grid, plan.grid_kwh, atol=1e-9)
    bill = np.maximum(grid, 0.0) * days.buy_per_mwh - np.maximum(-grid, 0.0) * days.sell_per_mwh
    np.testing.assert_allclose(bill.sum(axis=1) / 1000.0, plan.cost, atol=1e-9)


def test_another_solver_finds_the_same_optima(found: Comparison) -> None:
    few = energy_gym.compare_methods(agent(), synthetic_days(2, seed=5), solver="appsi_highs")
    np.testing.assert_allclose(few.optimal_cost, found.optimal_cost[:2], atol=1e-6)


def test_five_figures_are_drawn(found: Comparison, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    files = found.write_figures(tmp_path / "figures")
    assert [file.name for file in files] == ["schedule.png", "inputs.png", "gaps.png", "times.png", "costs.png"]
    assert all(file.read_bytes().startswith(b"\x89PNG") for file in files)


def test_what_cannot_be_compared_is_refused() -> None:
    days = synthetic_days(2, seed=5)
    with pytest.raises(ConfigurationError, match="must be a learnt scheduler"):
        energy_gym.compare_methods(make_agent("mpc", gym.make("energy_gym/HomeSolar-v1", split="test")), days)
    with pytest.raises(ResetNeededError, match="has learnt nothing"):
        energy_gym.compare_methods(agent(budget=0), days)
    with pytest.raises(ConfigurationError, match="must have 24 steps"):
        energy_gym.compare_methods(agent(), synthetic_days(2, seed=5, steps_per_day=48))
    with pytest.raises(SolverError, match="nosuch"):
        energy_gym.compare_methods(agent(), days, solver="nosuch")


FIRST = {"constructed": False, "soc_weight": 20.0, "terminal_weight": 10.0, "input_noise": 0.05, "mode_bias": 1.0}


def test_the_settings_of_the_first_description_train_and_play_within_all_limits(tmp_path: Path) -> None:
    made = agent(**FIRST)
    result = energy_gym.compare_methods(made, synthetic_days(10, seed=5))
    assert result.feasibility == 1.0
    made.save(tmp_path)
    from energy_gym.agents import load_agent

    again: Any = load_agent(tmp_path, made.env)
    assert again.settings["terminal_weight"] == 10.0
    np.testing.assert_array_equal(again.ready().plan_days(result.days).wishes, result.schedule.wishes)


@pytest.mark.parametrize("name", FIRST)
def test_each_of_these_settings_changes_what_is_learnt(name: str) -> None:
    plain, other = (made.ready().plan_days(synthetic_days(4, 5)) for made in (agent(), agent(**{name: FIRST[name]})))
    assert (plain.wishes != other.wishes).any()


def test_penalties_by_hand() -> None:
    """A full hour of charging from half of 10 kWh at no loss, twice: 1 kWh over the limit of 9, and 4 kWh away."""
    import torch

    from energy_gym.agents.l2o.planner import DayPlanner
    from energy_gym.agents.l2o.training import _broken
    from energy_gym.agents.l2o.windows import Windows, padded

    battery = Battery(efficiency_charge=1.0, efficiency_discharge=1.0, charge_kw=2.5, discharge_kw=2.5)
    planner = DayPlanner(battery, 1.0, 100.0, 3, width=8, candidates=1)
    zeros = np.zeros((1, 3))
    windows = Windows(*map(torch.as_tensor, padded(zeros, zeros, zeros, np.array([5.0]), np.array([2]))))
    wishes = torch.tensor([[[1.0, 1.0, 1.0]]], dtype=torch.float64)
    over = float(_broken(planner, windows, wishes, {"soc_weight": 1.0, "terminal_weight": 0.0}))
    away = float(_broken(planner, windows, wishes, {"soc_weight": 0.0, "terminal_weight": 1.0}))
    assert over == pytest.approx((0.0 + 1.0 + 1.0) / 2.5 / 3.0)
    assert away == pytest.approx(2.0 - 0.5)


def test_settings_of_another_type_are_refused() -> None:
    with pytest.raises(EnergyGymError, match="constructed"):
        agent(budget=0, constructed="no")
