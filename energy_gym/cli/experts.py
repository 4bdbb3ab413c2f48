"""The commands ``energy-gym experts ...``.

One rule: what could be refused is refused before a step is played; nothing is written before the last one was.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from energy_gym.cli.experts_service import from_service, renew
from energy_gym.cli.words import LEVELS, CarbonPrice, PriceWeight, RefusedPrice, WearWeight, either, weights
from energy_gym.objective import OBJECTIVES

if TYPE_CHECKING:
    from energy_gym.agents.records.trajectories import Trajectories

app = typer.Typer(no_args_is_help=True, help="Make, list and describe expert data (Minari data sets).")
_Name = Annotated[str, typer.Argument(metavar="NAME", help="Data set, as 'energy-gym experts list' names it.")]


@app.command()
def make(
    id: Annotated[str, typer.Argument(metavar="ID", help="Environment; see energy-gym list")],
    dataset: Annotated[str | None, typer.Option(help="Data set of prices; see energy-gym data list")] = None,
    data: Annotated[str | None, typer.Option(help="CSV or Parquet file of yours, in place of a data set")] = None,
    zone: Annotated[str | None, typer.Option(help="Zone of the market, for a file of yours")] = None,
    split: Annotated[str, typer.Option(help="train, validation, test or all")] = "train",
    policy: Annotated[
        str,
        typer.Option(
            "--policy",
            "--expert",
            help="oracle (sees what comes), or an agent that does not learn: mpc, mpc-stochastic, sdp, ...",
        ),
    ] = "oracle",
    forecast: Annotated[str | None, typer.Option(help="What observations show; see energy-gym list")] = None,
    noise: Annotated[float, typer.Option(help="Probability of a random action, 0 to 1")] = 0.0,
    actions: Annotated[str, typer.Option(help=LEVELS)] = "continuous",
    objective: Annotated[str | None, typer.Option(help=either(OBJECTIVES))] = None,
    carbon_price: CarbonPrice = None,
    price_weight: PriceWeight = None,
    wear_weight: WearWeight = None,
    refused_per_kwh: RefusedPrice = None,
    horizon: Annotated[int | None, typer.Option(help="Steps of look-ahead; default: the environment's own")] = None,
    scenario: Annotated[Path | None, typer.Option(help="YAML file of a scenario")] = None,
    window: Annotated[int, typer.Option(help="Steps the oracle plans ahead; 0: the whole episode at once")] = 24,
    episodes: Annotated[int, typer.Option(help="Number of episodes")] = 1,
    steps: Annotated[int | None, typer.Option(help="Steps of an episode; default: the whole split")] = None,
    seed: Annotated[int, typer.Option(help="Seed of the first episode and of the noise")] = 0,
    out: Annotated[str | None, typer.Option(help="Name; default: energy-gym/SCENARIO-DATASET/POLICY...-v1")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a data set of that name")] = False,
) -> None:
    """Let an expert play an environment and store what it saw, did and earned."""
    from energy_gym.agents.records.experts import record_expert
    from energy_gym.agents.records.minari_folder import check_name
    from energy_gym.agents.records.minari_store import usual_name, write_trajectories

    named = {
        "dataset": dataset,
        "data": data,
        "zone": zone,
        "forecast": forecast,
        "objective": objective,
        "scenario": scenario,
        "horizon": horizon,
        **weights(carbon_price, price_weight, wear_weight, refused_per_kwh, objective, own=scenario is not None),
    }
    named = {key: value for key, value in named.items() if value is not None}
    env = _environment(id, split=split, actions=actions, episode_steps=steps, **named)
    name = out or usual_name(env, policy, noise)
    check_name(name, force=force)
    began = time.perf_counter()
    with _bar() as bar:
        stage = bar.add_task(policy, total=None)
        trajectories = record_expert(
            env,
            policy=policy,
            noise=noise,
            window=window or None,
            episodes=episodes,
            seed=seed,
            progress=lambda done, of: bar.update(stage, completed=done, total=of),
        )
    written = write_trajectories(trajectories, name, force=force)
    _print_made(written, trajectories, env.unwrapped.setup.reward_unit, time.perf_counter() - began)


@app.command()
def log(
    file: Annotated[Path, typer.Argument(help="CSV or Parquet file: time, battery_kw, soc, prices, ...")],
    id: Annotated[str, typer.Option("--id", help="Environment; see energy-gym list")] = "energy_gym/Arbitrage-v1",
    zone: Annotated[str | None, typer.Option(help="Zone of the place or market, for stamps without one")] = None,
    battery: Annotated[str | None, typer.Option(help="Its figures: capacity_kwh=20,charge_kw=5,discharge_kw=5")] = None,
    scenario: Annotated[Path | None, typer.Option(help="YAML file of a scenario, in place of the id's own")] = None,
    actions: Annotated[str, typer.Option(help=LEVELS)] = "continuous",
    out: Annotated[str | None, typer.Option(help="Name; default: energy-gym/SCENARIO-data/log-v1")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a data set of that name")] = False,
) -> None:
    """Store what a real battery did, from its log, as demonstrations."""
    from energy_gym.agents.records.battery_log import read_log
    from energy_gym.agents.records.minari_folder import check_name
    from energy_gym.agents.records.minari_store import default_name, write_trajectories
    from energy_gym.envs.written import from_words

    named = {"battery": _figures(battery), "scenario": scenario}
    keywords = from_words({name: value for name, value in named.items() if value is not None})
    began = time.perf_counter()
    trajectories = read_log(file, id, zone=zone, actions=actions, **keywords)
    name = out or default_name(trajectories)
    check_name(name, force=force)
    written = write_trajectories(trajectories, name, force=force)
    _print_made(written, trajectories, "", time.perf_counter() - began)


def _figures(words: str | None) -> dict[str, float] | None:
    """Return figures by name from ``name=figure,...``."""
    from energy_gym.errors import ConfigurationError

    found = {}
    for word in (words or "").split(",") if words else ():
        name, _, figure = word.partition("=")
        try:
            found[name.strip()] = float(figure)
        except ValueError as error:
            raise ConfigurationError(f"battery={word!r}", "must be NAME=FIGURE", "write capacity_kwh=20") from error
    return found or None


def _environment(id: str, **keywords: Any) -> Any:
    import gymnasium as gym

    from energy_gym.envs.written import from_words
    from energy_gym.errors import UnknownIdError
    from energy_gym.scenarios.registration import SCENARIOS, current_id

    if current_id(id) not in SCENARIOS:
        raise UnknownIdError.of("environment", id, SCENARIOS)
    return gym.make(current_id(id), **from_words(keywords))


def _bar() -> Progress:
    columns = (TextColumn("{task.description:8}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    screen = Console(stderr=True)
    return Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal)


def _print_made(name: str, trajectories: Trajectories, unit: str, seconds: float) -> None:
    episodes = trajectories.episodes
    scores = [episode.score for episode in episodes if episode.score is not None]
    rows = {
        "name": name,
        "steps": f"{len(trajectories)} in {len(episodes)} episodes",
        "return": f"{sum(episode.return_ for episode in episodes):.4f} {unit}".strip(),
        "oracle value": f"{_total([episode.oracle_value for episode in episodes], 4)} {unit}".strip(),
        "score": f"{sum(scores) / len(scores):.4f}" if scores else "-",
        "seconds": f"{seconds:.1f}",
    }
    _print_facts(rows)


def _total(values: Sequence[float | None], digits: int) -> str:
    """Return a sum for the screen; of what is not known of each, a dash."""
    known = [value for value in values if value is not None]
    return f"{sum(known):.{digits}f}" if len(known) == len(values) else "-"


def _print_facts(rows: dict[str, str]) -> None:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for key, value in rows.items():
        table.add_row(f"[dim]{key}[/dim]", escape(value))
    Console().print(table, highlight=False)


@app.command("list")
def list_sets() -> None:
    """List the expert data sets on this machine."""
    from energy_gym.agents.records.minari_folder import datasets_root, describe_trajectories, list_trajectories

    names = list_trajectories()
    if not names:
        Console().print(f"no expert data in {escape(str(datasets_root()))}", soft_wrap=True, highlight=False)
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("name", overflow="fold")
    for title in ("episodes", "steps", "return", "oracle"):
        table.add_column(title, justify="right", no_wrap=True)
    for name in names:
        table.add_row(escape(name), *_sums(describe_trajectories(name)["episodes"]))
    Console().print(table)


def _sums(episodes: list[dict[str, Any]]) -> tuple[str, ...]:
    earned, best = (_total([each[key] for each in episodes], 3) for key in ("return", "oracle_value"))
    return str(len(episodes)), str(sum(each["steps"] for each in episodes)), earned, best


@app.command()
def describe(name: _Name) -> None:
    """Show what an expert data set holds: environment, policy, slots, returns."""
    from energy_gym.agents.records.minari_store import read_trajectories

    trajectories = read_trajectories(name)
    levels = trajectories.levels
    keywords = ", ".join(f"{key}={_short(value)}" for key, value in trajectories.keywords.items())
    slots = trajectories.layout
    _print_facts(
        {
            "name": name,
            "environment": trajectories.id,
            "keywords": keywords or "none",
            "policy": f"{trajectories.policy}, {trajectories.noise:.0%} random actions",
            "actions": "continuous" if levels is None else f"levels {', '.join(f'{level:g}' for level in levels)}",
            "slots": f"{len(slots)}, {slots[0].name} to {slots[-1].name}",
            "steps": f"{len(trajectories)} in {len(trajectories.episodes)} episodes",
        }
    )
    _print_episodes(trajectories)


def _short(value: Any) -> str:
    """Return a keyword for a line: of one written out in full, or not kept, only that."""
    if not isinstance(value, dict):
        return repr(value)
    return "(written out in the metadata)" if "yaml" in value else f"({value.get('not kept')}, not kept)"


def _print_episodes(trajectories: Trajectories, most: int = 20) -> None:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for title in ("start (UTC)", "seed", "steps", "return", "oracle", "score"):
        table.add_column(title, justify="left" if title.startswith("start") else "right", no_wrap=True)
    for episode in trajectories.episodes[:most]:
        score = "-" if episode.score is None else f"{episode.score:.4f}"
        figures = (f"{episode.return_:.4f}", _total([episode.oracle_value], 4), score)
        table.add_row(episode.start[:16], str(episode.seed), str(len(episode)), *figures)
    Console().print(table)
    if len(trajectories.episodes) > most:
        Console().print(f"... and {len(trajectories.episodes) - most} more", highlight=False)


app.command("from-service")(from_service)
app.command()(renew)
