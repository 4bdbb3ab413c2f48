"""A fleet's plan as pictures: state of charge of each asset, and what is sold to each market.

One rule: a picture shows what the replay of the plan did, never what a solver claimed.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from energy_gym.conversions import SECONDS_PER_HOUR
from energy_gym.errors import ConfigurationError, MissingExtraError
from energy_gym.files import write_atomically
from energy_gym.reserve.setup import FleetSetup
from energy_gym.reserve.unit import told_name

if TYPE_CHECKING:
    import pandas as pd

    from energy_gym.oracle.solution import Solution


def dispatched(solution: Solution) -> pd.DataFrame:
    """Return the plan of a fleet, a row a step: energy by asset, power held by leg and asset, calls by leg.

    Raises:
        ConfigurationError: The solution is not that of a fleet.

    Example:
        >>> import gymnasium as gym, energy_gym
        >>> env = gym.make("energy_gym/FleetReserve-v1", fleet="delivered", terminal="free", episode_steps=6)
        >>> observation, info = env.reset(seed=1)
        >>> plan = dispatched(energy_gym.solve(env, continuous=True))
        >>> plan.shape[0], "energy_kwh.asset1" in plan
        (6, True)
    """
    import pandas as pd

    plan, (names, places) = solution.plan, zip(*_setup(solution).told, strict=True)
    begin = plan.setup.feed.first
    times = plan.setup.feed.times[begin + plan.first : begin + plan.stop]
    return pd.DataFrame(plan.states[:, list(places)], columns=list(names), index=times)


def initial_kwh(solution: Solution) -> dict[str, float]:
    """Return what each asset stored before the first step of the plan of a fleet [kWh].

    Raises:
        ConfigurationError: The solution is not that of a fleet.
    """
    return dict(zip(_setup(solution).unit.batteries, solution.plan.start, strict=False))


def _setup(solution: Solution) -> FleetSetup:
    setup = solution.plan.setup
    if not isinstance(setup, FleetSetup):
        raise ConfigurationError("solution", "is not that of a fleet", "solve energy_gym/FleetReserve-v1")
    return setup


def soc_figure(solution: Solution) -> Any:
    """Return a Plotly figure of the state of charge of each asset [% of capacity]: at the start and after each step.

    Raises:
        MissingExtraError: Plotly is not installed.
    """
    graphs, plan = _plotly(), dispatched(solution)
    figure, first = graphs.Figure(), initial_kwh(solution)
    step = solution.plan.setup.feed.step_hours * SECONDS_PER_HOUR
    times = [plan.index[0], *(time + timedelta(seconds=step) for time in plan.index)]
    for name, battery in _setup(solution).unit.batteries.items():
        stored = [first[name], *plan[told_name("energy_kwh", name)]]
        share = [100.0 * energy / battery.capacity_kwh for energy in stored]
        figure.add_scatter(x=times, y=share, name=name, mode="lines")
    figure.update_layout(title="State of charge, from the start on", yaxis_title="% of capacity")
    return figure


def bids_figure(solution: Solution) -> Any:
    """Return a Plotly figure of what is sold to each market [kW]: upward above zero, downward below.

    Raises:
        MissingExtraError: Plotly is not installed.
    """
    graphs, plan = _plotly(), dispatched(solution)
    figure = graphs.Figure()
    unit = _setup(solution).unit
    for leg in unit.legs:
        held = plan[[told_name("held_kw", leg.name, asset) for asset in unit.batteries]].sum(axis=1)
        figure.add_bar(x=plan.index, y=-leg.product.sign * held, name=leg.name)
    figure.update_layout(title="Sold to each market: up above zero, down below", yaxis_title="kW", barmode="relative")
    return figure


def write_plan(path: Path, solution: Solution) -> None:
    """Write both figures into one HTML page that needs nothing from the network.

    Raises:
        MissingExtraError: Plotly is not installed.
    """
    parts = [
        figure.to_html(full_html=False, include_plotlyjs=first)
        for figure, first in ((soc_figure(solution), True), (bids_figure(solution), False))
    ]
    text = f'<!doctype html><html><head><meta charset="utf-8"><title>Fleet</title></head><body>{"".join(parts)}</body>'
    write_atomically(path, lambda target: target.write_text(f"{text}</html>", encoding="utf-8"))


def _plotly() -> Any:
    try:
        import plotly.graph_objects as graphs
    except ImportError as error:
        raise MissingExtraError.of("plotly", "plot") from error
    return graphs
