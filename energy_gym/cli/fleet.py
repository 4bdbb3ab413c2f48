"""``energy-gym fleet``: solve a fleet's episode, print its bids and states, and draw its plan.

One rule: it reads options and prints; what it prints comes from the package's public functions.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import gymnasium as gym
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from energy_gym.oracle.solution import Solution

from energy_gym.cli.words import PriceWeight, WearWeight, either, weights
from energy_gym.objective import TERMINALS
from energy_gym.reserve.presets import PRESETS


def fleet(
    fleet: Annotated[str | None, typer.Option(help=either(PRESETS, "a YAML file"))] = None,
    dataset: Annotated[str | None, typer.Option(help="Data set; default: a synthetic year")] = None,
    split: Annotated[str, typer.Option(help="train, validation, test or all")] = "test",
    start: Annotated[str | None, typer.Option(help="First step, such as 2021-11-01T00:00Z")] = None,
    steps: Annotated[int, typer.Option(help="Number of steps")] = 24,
    terminal: Annotated[str | None, typer.Option(help=f"{either(TERMINALS)}; default: the fleet's")] = None,
    price_weight: PriceWeight = None,
    wear_weight: WearWeight = None,
    time_limit: Annotated[float | None, typer.Option(help="Seconds; the answer is then a proven bracket")] = None,
    solver: Annotated[
        str | None, typer.Option(help="A solver that Pyomo knows, such as glpk, cbc or gurobi; default: HiGHS")
    ] = None,
    random: Annotated[
        int | None, typer.Option(help="Draw fleet and prices at random with this seed, in place of all these")
    ] = None,
    assets: Annotated[int, typer.Option(help="Batteries of a random fleet")] = 5,
    markets: Annotated[int, typer.Option(help="Markets of a random fleet, up and down")] = 4,
    prices: Annotated[tuple[float, float], typer.Option(help="Lowest and highest random price, per MW and hour")] = (
        10.0,
        100.0,
    ),
    shares: Annotated[
        tuple[float, float], typer.Option(help="Least and largest share of an asset's power that a market takes")
    ] = (0.0, 1.0),
    show: Annotated[bool, typer.Option(help="Print bids that are not zero, and what is stored")] = True,
    out: Annotated[Path, typer.Option(help="Page to write")] = Path("fleet.html"),
    open_: Annotated[bool, typer.Option("--open", help="Open the page in the browser")] = False,
) -> None:
    """Solve a fleet's episode and write state of charge by asset and bids by market as one HTML page."""
    from energy_gym.oracle import solve
    from energy_gym.reserve.plots import write_plan

    keywords: dict[str, Any] = {"fleet": fleet, "dataset": dataset, "split": split, "terminal": terminal}
    if random is not None:
        _refuse_with_random({"fleet": fleet, "dataset": dataset, "start": start})
        keywords = _drawn(random, assets, markets, steps, prices, shares, terminal)
    env = gym.make(
        "energy_gym/FleetReserve-v1", dispatch="direct", **keywords, **weights(None, price_weight, wear_weight)
    )
    options = {"start": start or env.unwrapped.time, "steps": steps}  # type: ignore[attr-defined]  # one of ours
    env.reset(options=options)
    solution = solve(env, time_limit=time_limit, solver=solver)
    write_plan(out, solution)
    console = Console()
    if show:
        console.print(_table(solution))
    unit = env.unwrapped.setup.reward_unit  # type: ignore[attr-defined]  # one of ours
    console.print(f"value {solution.value:.4f} {unit}, bound {solution.bound:.4f}: {solution.status}", highlight=False)
    console.print(f"Plan drawn in {escape(str(out))}", highlight=False, soft_wrap=True)
    if open_:
        typer.launch(out.resolve().as_uri())


def _refuse_with_random(given: dict[str, Any]) -> None:
    from energy_gym.errors import ConfigurationError

    for name, value in given.items():
        if value is not None:
            raise ConfigurationError(
                f"--random with --{name}", "draws fleet and prices itself", "leave one of them out"
            )


def _drawn(
    seed: int, assets: int, markets: int, steps: int, prices: Any, shares: Any, terminal: str | None
) -> dict[str, Any]:
    """Return keywords of the environment of a fleet drawn at random; what is left at the end is worth nothing."""
    from energy_gym.reserve.drawn import drawn_fleet

    scenario, frame = drawn_fleet(seed, assets, markets, steps, prices=prices, shares=shares)
    known = dict.fromkeys(map(str, frame.columns), "always")
    data = {"data": frame, "zone": "UTC", "split": "all", "published": known}
    return {"fleet": scenario, "terminal": terminal or "free", "episode_steps": None, **data}


def _table(solution: Solution) -> Table:
    """Return the bids of each step that are not zero, and what is stored at its end, from the start on."""
    from energy_gym.reserve.plots import dispatched, initial_kwh
    from energy_gym.reserve.unit import told_name

    plan, stored = dispatched(solution), initial_kwh(solution)
    table = Table("step", escape("bids [kW]"), *(escape(f"{name} [kWh]") for name in stored))
    table.add_row("start", "", *(f"{energy:.1f}" for energy in stored.values()))
    held = [name for name in plan if name.startswith("held_kw.")]
    for time, row in plan.iterrows():
        bids = [f"{name.removeprefix('held_kw.')} {row[name]:.1f}" for name in held if row[name] > 0.05]
        told = ", ".join(escape(bid) for bid in bids) or "none"
        table.add_row(f"{time:%m-%d %H:%M}", told, *(f"{row[told_name('energy_kwh', name)]:.1f}" for name in stored))
    return table
