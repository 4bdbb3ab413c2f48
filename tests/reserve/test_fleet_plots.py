"""The pictures of a fleet's plan, and the command that draws them."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from typer.testing import CliRunner

import energy_gym
from energy_gym.cli.app import app
from energy_gym.errors import ConfigurationError

pytest.importorskip("plotly")


def solved() -> Any:
    env = gym.make("energy_gym/FleetReserve-v0", fleet="delivered", terminal="free", episode_steps=8, dispatch="direct")
    env.reset(seed=1)
    return energy_gym.solve(env)


def test_the_figures_show_the_plan() -> None:
    from energy_gym.reserve.plots import bids_figure, dispatched, soc_figure

    solution = solved()
    plan = dispatched(solution)
    soc, bids = soc_figure(solution), bids_figure(solution)
    assert [trace.name for trace in soc.data] == [f"asset{number}" for number in range(1, 6)]
    np.testing.assert_allclose(soc.data[0].y, 100.0 * solution.table["soc(asset1)"])
    up = plan[[name for name in plan if name.startswith("held_kw.fast_up.")]].sum(axis=1)
    down = plan[[name for name in plan if name.startswith("held_kw.fast_down.")]].sum(axis=1)
    shown = {trace.name: np.array(trace.y) for trace in bids.data}
    np.testing.assert_allclose(shown["fast_up"], up)
    np.testing.assert_allclose(shown["fast_down"], -down)


def test_one_command_draws_it(tmp_path: Any) -> None:
    page = tmp_path / "fleet.html"
    options = ["fleet", "--fleet", "delivered", "--terminal", "free", "--steps", "6", "--out", str(page)]
    result = CliRunner().invoke(app, options)
    assert result.exit_code == 0, result.output
    assert "optimal" in result.output
    assert "State of charge" in page.read_text(encoding="utf-8")


def test_other_plans_are_refused() -> None:
    from energy_gym.reserve.plots import dispatched

    env = gym.make("energy_gym/Arbitrage-v0", episode_steps=4)
    env.reset(seed=0)
    with pytest.raises(ConfigurationError, match="fleet"):
        dispatched(energy_gym.solve(env))
