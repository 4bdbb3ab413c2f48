"""The pictures of a fleet's plan, and the command that draws them."""

from __future__ import annotations

import re
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from typer.testing import CliRunner

import energy_gym
from energy_gym.cli.app import app
from energy_gym.errors import ConfigurationError, EnergyGymError
from energy_gym.reserve.drawn import drawn_fleet

pytest.importorskip("plotly")


def solved() -> Any:
    env = gym.make("energy_gym/FleetReserve-v1", fleet="delivered", terminal="free", episode_steps=8, dispatch="direct")
    env.reset(seed=1)
    return energy_gym.solve(env)


def test_the_figures_show_the_plan() -> None:
    from energy_gym.reserve.plots import bids_figure, dispatched, soc_figure

    solution = solved()
    plan = dispatched(solution)
    soc, bids = soc_figure(solution), bids_figure(solution)
    assert [trace.name for trace in soc.data] == [f"asset{number}" for number in range(1, 6)]
    np.testing.assert_allclose(soc.data[0].y[1:], 100.0 * solution.table["soc(asset1)"])
    assert soc.data[0].y[0] == 50.0 and len(soc.data[0].x) == 9
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


def run(tmp_path: Any, *words: str) -> Any:
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, ["fleet", *words, "--out", str(tmp_path / "fleet.html")])


def test_a_fleet_is_drawn_by_options_and_its_bids_and_states_are_printed(tmp_path: Any) -> None:
    sizes = ["--random", "3", "--assets", "2", "--markets", "3", "--steps", "5", "--prices", "20", "30"]
    result = run(tmp_path, *sizes)
    assert result.exit_code == 0, result.output
    assert "market1.asset1" in result.output and "asset2 [kWh]" in result.output and "bids [kW]" in result.output
    assert "start" in result.output and "1000.0" in result.output
    assert run(tmp_path, *sizes).output.splitlines()[:-2] == result.output.splitlines()[:-2]
    quiet = run(tmp_path, *sizes, "--no-show", "--solver", "appsi_highs")
    values = [next(line for line in one.output.splitlines() if line.startswith("value")) for one in (result, quiet)]
    assert "market1.asset1" not in quiet.output
    assert float(values[0].split()[1]) == pytest.approx(float(values[1].split()[1]), rel=1e-6)


def test_the_page_is_opened_where_that_is_asked_for(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr("typer.launch", opened.append)
    assert run(tmp_path, "--random", "1", "--steps", "2").exit_code == 0 and not opened
    assert run(tmp_path, "--random", "1", "--steps", "2", "--open").exit_code == 0
    assert opened == [(tmp_path / "fleet.html").resolve().as_uri()]


def test_random_fleets_with_what_they_draw_themselves_are_refused(tmp_path: Any) -> None:
    for words in (("--dataset", "dk2-2021"), ("--fleet", "dk2"), ("--start", "2023-01-01")):
        result = run(tmp_path, "--random", "1", *words)
        assert isinstance(result.exception, ConfigurationError) and words[0] in str(result.exception)


@pytest.mark.parametrize(
    ("more", "match"),
    [
        ({"assets": 0}, "assets=0"),
        ({"markets": 0}, "markets=0"),
        ({"steps": 0}, "steps=0"),
        ({"prices": (9.0, 1.0)}, "prices=9 to 1"),
        ({"shares": (0.5, 1.5)}, "shares=0.5 to 1.5"),
        ({"prices": (0.0, float("inf"))}, "prices"),
    ],
)
def test_sizes_that_make_no_fleet_are_refused(more: dict[str, Any], match: str) -> None:
    with pytest.raises(EnergyGymError, match=re.escape(match)):
        drawn_fleet(0, **more)


def test_drawn_fleets_sell_both_ways_and_keep_to_their_ranges() -> None:
    for seed in range(20):
        fleet, frame = drawn_fleet(seed, 3, 4, 8, prices=(5.0, 6.0), shares=(0.2, 0.4))
        assert {market.direction for market in fleet.contracts.values()} == {"up", "down"}  # type: ignore[attr-defined]
        assert ((frame >= 5.0) & (frame <= 6.0)).all(axis=None)
        rated = np.array([battery.discharge_kw for battery in fleet.entities.values()])  # type: ignore[attr-defined]
        for market in fleet.contracts.values():
            share = np.array(market.prequalified_kw) / rated  # type: ignore[attr-defined]
            assert ((share > 0.199) & (share < 0.401)).all()


def test_other_plans_are_refused() -> None:
    from energy_gym.reserve.plots import dispatched

    env = gym.make("energy_gym/Arbitrage-v1", episode_steps=4)
    env.reset(seed=0)
    with pytest.raises(ConfigurationError, match="fleet"):
        dispatched(energy_gym.solve(env))
