"""``energy-gym fleet``: solve a fleet's episode and draw its plan.

One rule: it reads options and prints; what it prints comes from the package's public functions.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import gymnasium as gym
import typer
from rich.console import Console
from rich.markup import escape

from energy_gym.cli.words import either
from energy_gym.objective import TERMINALS
from energy_gym.reserve.presets import PRESETS


def fleet(
    fleet: Annotated[str | None, typer.Option(help=either(PRESETS, "a YAML file"))] = None,
    dataset: Annotated[str | None, typer.Option(help="Data set; default: a synthetic year")] = None,
    split: Annotated[str, typer.Option(help="train, validation, test or all")] = "test",
    start: Annotated[str | None, typer.Option(help="First step, such as 2021-11-01T00:00Z")] = None,
    steps: Annotated[int, typer.Option(help="Number of steps")] = 24,
    terminal: Annotated[str | None, typer.Option(help=f"{either(TERMINALS)}; default: the fleet's")] = None,
    time_limit: Annotated[float | None, typer.Option(help="Seconds; the answer is then a proven bracket")] = None,
    out: Annotated[Path, typer.Option(help="Page to write")] = Path("fleet.html"),
) -> None:
    """Solve a fleet's episode and write state of charge by asset and bids by market as one HTML page."""
    from energy_gym.oracle import solve
    from energy_gym.reserve.plots import write_plan

    env = gym.make(
        "energy_gym/FleetReserve-v0", fleet=fleet, dataset=dataset, split=split, terminal=terminal, dispatch="direct"
    )
    options = {"start": start or env.unwrapped.time, "steps": steps}  # type: ignore[attr-defined]  # one of ours
    env.reset(options=options)
    solution = solve(env, time_limit=time_limit)
    write_plan(out, solution)
    console = Console()
    unit = env.unwrapped.setup.reward_unit  # type: ignore[attr-defined]  # one of ours
    console.print(f"value {solution.value:.4f} {unit}, bound {solution.bound:.4f}: {solution.status}", highlight=False)
    console.print(f"Plan drawn in {escape(str(out))}", highlight=False, soft_wrap=True)
