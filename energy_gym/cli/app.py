"""The command line, ``energy-gym``: all commands joined, of which ``solve`` and ``list`` are stated here.

One rule: it reads options and prints; what it prints comes from the package's public functions.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import gymnasium as gym
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from energy_gym.cli.card import card
from energy_gym.cli.dashboard import dashboard
from energy_gym.cli.data import app as data_app
from energy_gym.cli.doctor import doctor
from energy_gym.cli.entries import board, submit
from energy_gym.cli.experts import app as experts_app
from energy_gym.cli.fleet import fleet
from energy_gym.cli.forecasts import forecasts
from energy_gym.cli.leaderboard import forget, leaderboard, merge
from energy_gym.cli.recipes import add_recipes
from energy_gym.cli.recommend import recommend
from energy_gym.cli.run import run
from energy_gym.cli.serve import serve
from energy_gym.cli.sweep import plot, sweep
from energy_gym.cli.tracked import tracked_app
from energy_gym.cli.words import LEVELS, CarbonPrice, PriceWeight, RefusedPrice, WearWeight, either, weights
from energy_gym.objective import OBJECTIVES, TERMINALS
from energy_gym.screen import run_app
from energy_gym.version import __version__

if TYPE_CHECKING:
    import pandas as pd

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Energy decisions as Gymnasium environments, with a proven optimum.",
)
console = Console()


def main() -> None:
    """Run the command line; an error that a user can mend is one line, not a traceback."""
    run_app(app, name="energy-gym")


def _version(asked: bool) -> None:
    if asked:
        console.print(f"energy-gym {__version__}", highlight=False)
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Energy decisions as Gymnasium environments, with a proven optimum for every episode."""


def solve(
    id: Annotated[str, typer.Argument(help="Id of an environment; see energy-gym list")],
    dataset: Annotated[str | None, typer.Option(help="Data set; see energy-gym data list")] = None,
    data: Annotated[str | None, typer.Option(help="CSV or Parquet file of yours, in place of a data set")] = None,
    zone: Annotated[str | None, typer.Option(help="Zone of the market, for a file of yours")] = None,
    split: Annotated[str, typer.Option(help="train, validation, test or all")] = "test",
    objective: Annotated[
        str | None, typer.Option(help=f"{either(OBJECTIVES)}; default: the scenario's, or cost")
    ] = None,
    carbon_price: CarbonPrice = None,
    price_weight: PriceWeight = None,
    wear_weight: WearWeight = None,
    refused_per_kwh: RefusedPrice = None,
    actions: Annotated[str, typer.Option(help=LEVELS)] = "continuous",
    terminal: Annotated[str | None, typer.Option(help=f"{either(TERMINALS)}; default: the id's")] = None,
    scenario: Annotated[Path | None, typer.Option(help="YAML file of a scenario")] = None,
    start: Annotated[
        str | None, typer.Option(help="First step, such as 2022-07-04T00:00Z; default: the split's first")
    ] = None,
    steps: Annotated[int | None, typer.Option(help="Number of steps; default: to the end of the split")] = None,
    time_limit: Annotated[float | None, typer.Option(help="Seconds; the answer is then a proven bracket")] = None,
    solver: Annotated[
        str | None, typer.Option(help="A solver that Pyomo knows, such as glpk, cbc or gurobi; default: HiGHS")
    ] = None,
    table: Annotated[Path | None, typer.Option(help="Write the plan to this CSV or Parquet file")] = None,
) -> None:
    """Solve an episode to its proven optimum and show what the best plan earns."""
    from energy_gym.envs.written import from_words
    from energy_gym.oracle import solve as optimise

    keywords: dict[str, Any] = {
        "dataset": dataset,
        "split": split,
        "objective": objective,
        **weights(carbon_price, price_weight, wear_weight, refused_per_kwh, objective, own=scenario is not None),
    }
    keywords |= {name: value for name, value in {"data": data, "zone": zone}.items() if value is not None}
    keywords |= {"actions": actions, "terminal": terminal, "scenario": scenario, "episode_steps": None}
    id = _known_id(id)
    if table is not None:
        _check_table(table)
    env = gym.make(
        id,
        disable_env_checker=True,
        **from_words(keywords),
    )
    base: Any = env.unwrapped
    window = {"start": start or base.setup.time(0), "steps": steps}
    env.reset(options={key: value for key, value in window.items() if value is not None})
    solution = optimise(env, time_limit=time_limit, solver=solver)
    _print_solution(solution, base.setup)
    if table is not None:
        _write_table(solution.table, table)


def _known_id(name: str) -> str:
    from energy_gym.errors import UnknownIdError
    from energy_gym.scenarios.registration import SCENARIOS, current_id

    if current_id(name) not in SCENARIOS:
        raise UnknownIdError.of("environment", name, SCENARIOS)
    return current_id(name)


def _check_table(path: Path) -> None:
    """Refuse before the solving what could not be written after it."""
    from energy_gym.errors import ConfigurationError

    if path.suffix not in (".csv", ".parquet"):
        raise ConfigurationError(f"table={str(path)!r}", "must end in .csv or .parquet", "rename it")
    if not path.parent.is_dir():
        raise ConfigurationError(f"table={str(path)!r}", "lies in a folder that is not there", "make the folder first")


# Columns of a plan that hold money, and what they are called on the screen; one of zeros is not shown.
MONEY = {
    "energy_cost": "energy cost",
    "market": "markets",
    "supply": "supply contract",
    "deviation": "deviations",
    "unmatched": "supply not matched",
    "closing": "energy left at the end",
    "wear": "wear",
    "penalty": "penalties",
    "demand_charge": "demand charge",
}


def _print_solution(solution: Any, setup: Any) -> None:
    plan = solution.table
    unit = setup.reward_unit
    rows = {
        "data": setup.feed.title,
        "window": f"{plan.index[0]:%Y-%m-%d %H:%M} UTC, {len(plan)} steps of {setup.feed.step_hours:g} h",
        "value": f"{solution.value:.6f} {unit}",
        "bound": f"{solution.bound:.6f} {unit}",
        "status": solution.status,
        **_sums(plan, setup),
        **_key_figures(solution, setup),
        "solved in": f"{solution.seconds:.3f} s",
    }
    table = Table(show_header=False)
    for name, value in rows.items():
        table.add_row(name, escape(value))
    console.print(table)


def _sums(plan: pd.DataFrame, setup: Any) -> dict[str, str]:
    """Return what a plan comes to: each kind of money, carbon, and energy through the connection."""
    sums = {told: float(plan[column].sum()) for column, told in MONEY.items() if column in plan}
    rows = {
        told: f"{total:.4f} {setup.feed.currency}" for told, total in sums.items() if total or told == "energy cost"
    }
    if setup.sites[0].energy.carbon in setup.feed.values:
        rows["carbon"] = f"{plan['carbon_kg'].sum():.3f} kg"
    grid = plan["grid_kwh"] if "grid_kwh" in plan else plan["net_kw"] * setup.feed.step_hours
    rows["imported"] = f"{grid.clip(lower=0.0).sum():.2f} kWh"
    rows["exported"] = f"{-grid.clip(upper=0.0).sum():.2f} kWh"
    unserved = [column for column in plan if column.startswith("unserved_kwh")]
    if unserved:
        rows["load not served"] = f"{plan[unserved].sum().sum():.2f} kWh, its price among the penalties"
    return rows


def _key_figures(solution: Any, setup: Any) -> dict[str, str]:
    """Return the key figures of a plan that have a meaning; energies through the meter stand among the sums."""
    from energy_gym.evaluation.kpis import kpis

    currency = setup.feed.currency
    told = {
        "self_consumption": ("self-consumption", "{:.1%}"),
        "self_sufficiency": ("self-sufficiency", "{:.1%}"),
        "peak_kw": ("peak", "{:.2f} kW"),
        "load_factor": ("load factor", "{:.3f}"),
        "ramping_kwh": ("ramping", "{:.1f} kWh"),
        "full_cycles": ("full cycles", "{:.2f}"),
        "gained_per_kw_year": ("gained", f"{{:.2f}} {currency}/kW/year"),
        "gained_per_kwh": ("gained", f"{{:.4f}} {currency}/kWh given out"),
        "at_storage_limit": ("at storage limits", "{:.1%} of the steps"),
        "at_grid_limit": ("at grid limits", "{:.1%} of the steps"),
    }
    found = kpis(solution)
    lines: dict[str, str] = {}
    for name, (label, form) in told.items():
        if not math.isnan(found[name]):
            line = form.format(found[name])
            lines[label] = f"{lines[label]}, {line}" if label in lines else line
    return lines


def _write_table(frame: pd.DataFrame, path: Path) -> None:
    from energy_gym.errors import ConfigurationError

    try:
        frame.to_parquet(path) if path.suffix == ".parquet" else frame.to_csv(path)
    except OSError as error:
        raise ConfigurationError(
            f"table={str(path)!r}", f"cannot be written ({error})", "choose another path"
        ) from error
    console.print(f"Plan written to {escape(str(path))}", highlight=False, soft_wrap=True)


def list_() -> None:
    """List environments, agents, suites, studies, forecasts and data sets."""
    from energy_gym.agents import agent_ids
    from energy_gym.data import card_ids
    from energy_gym.forecast import forecast_ids
    from energy_gym.leaderboard.suites import suite_ids
    from energy_gym.scenarios.registration import SCENARIOS
    from energy_gym.sweeps import study_ids

    kinds = {
        "environments": SCENARIOS,
        "agents": agent_ids(),
        "suites": suite_ids(),
        "studies": study_ids(),
        "forecasts": forecast_ids(),
        "data sets": card_ids(),
    }
    table = Table(show_header=False)
    table.add_column(no_wrap=True)
    for kind, names in kinds.items():
        table.add_row(kind, ", ".join(names))
        table.add_section()
    console.print(table)


# In the order in which a newcomer needs them; typer lists groups after commands.
PLAYING = (leaderboard, solve, recommend, forecasts, sweep, plot, fleet, serve, run, dashboard)
KEEPING = (merge, forget, submit, board, card, doctor)
for command in (*PLAYING, *KEEPING):
    app.command()(command)
app.command(name="list")(list_)
add_recipes(app)
app.add_typer(data_app, name="data")
app.add_typer(experts_app, name="experts")
app.add_typer(tracked_app, name="tracked")
