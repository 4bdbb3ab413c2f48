"""Any solver of Pyomo in place of HiGHS on arrays: the same optimum, on sites, fleets and producers."""

from __future__ import annotations

import logging
from typing import Any

import gymnasium as gym
import pytest

import energy_gym
from energy_gym.errors import ConfigurationError, SolverError
from energy_gym.oracle.engines import chosen_solver, using_solver

CASES: list[tuple[str, dict[str, Any]]] = [
    ("energy_gym/Arbitrage-v1", {}),
    ("energy_gym/HomeSolar-v1", {}),
    ("energy_gym/Commercial-v1", {}),
    ("energy_gym/FleetReserve-v1", {"fleet": "delivered", "dispatch": "direct", "terminal": "free"}),
    ("energy_gym/Bidding-v1", {}),
]


def solvers() -> list[str]:
    """Return solvers to try: HiGHS through Pyomo always, GLPK where it is installed."""
    import pyomo.environ as pyo

    return ["appsi_highs", *(["glpk"] if pyo.SolverFactory("glpk").available(exception_flag=False) else [])]


@pytest.mark.parametrize("solver", solvers())
@pytest.mark.parametrize(("id", "keywords"), CASES)
def test_another_solver_finds_the_same_optimum(id: str, keywords: dict[str, Any], solver: str) -> None:
    if solver == "glpk" and id == "energy_gym/Bidding-v1":
        pytest.skip("its presolver takes a rounding of 1e-7 beside powers of 1e6 kW for a contradiction")
    env = gym.make(id, split="test", episode_steps=12, **keywords)
    env.reset(seed=2)
    usual, other = energy_gym.solve(env), energy_gym.solve(env, solver=solver)
    assert other.exact, other.status
    assert other.value == pytest.approx(usual.value, rel=1e-6, abs=1e-6)
    assert chosen_solver() is None


def test_levels_keep_their_own_method() -> None:
    env = gym.make("energy_gym/Arbitrage-v1", split="test", episode_steps=24, actions="discrete-3")
    env.reset(seed=2)
    assert energy_gym.solve(env, solver="appsi_highs").value == energy_gym.solve(env).value
    assert "appsi_highs" in energy_gym.solve(env, continuous=True, solver="appsi_highs").status


def test_a_solver_that_is_not_there_is_refused(caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("pyomo").addHandler(caplog.handler)
    env = gym.make("energy_gym/Arbitrage-v1", split="test", episode_steps=24)
    env.reset(seed=2)
    with pytest.raises(SolverError, match=r"'nosuch'.*is not available to Pyomo"):
        energy_gym.solve(env, solver="nosuch")
    with pytest.raises(ConfigurationError, match="must name a solver"), using_solver(""):
        pass
    assert chosen_solver() is None
    logging.getLogger("pyomo").removeHandler(caplog.handler)
    assert not caplog.records, "nothing but the error is told"
