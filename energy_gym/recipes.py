"""What the recipes under ``agents/`` share: ways to train compared at equal steps, several seeds, one table at the end.

One rule: every way is played on the same episode of the test split and scored against the same proven optimum.
"""

from __future__ import annotations

import re
import runpy
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import gymnasium as gym
import joblib
import numpy as np
import typer
from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from energy_gym.agents.base import Agent
from energy_gym.agents.learner import Learner
from energy_gym.agents.learner import defaults as learner_defaults
from energy_gym.agents.registry import agent_class, learner_ids, make_agent
from energy_gym.envs.keywords import check_count
from energy_gym.envs.written import from_words
from energy_gym.errors import ConfigurationError, EnergyGymError, UnknownIdError
from energy_gym.evaluation.episode import evaluate
from energy_gym.oracle import solve
from energy_gym.paths import recipe
from energy_gym.screen import run_app, titled
from energy_gym.tracking.packing import Packed, packed
from energy_gym.tracking.protocol import Tracked, log_all, open_tracker
from energy_gym.version import __version__

if TYPE_CHECKING:
    import pandas as pd

    from energy_gym.evaluation.statistics import Estimate

ID = "energy_gym/Arbitrage-v1"
MARKET = "ercot-2021-2022"
# Options that recipes share.
Market = Annotated[str | None, typer.Option(help="Data set: trains on its training split, is played on its test split")]
Levels = Annotated[str, typer.Option(help="Actions: discrete-3, discrete-5, ...; continuous where the agent plays it")]
Actions = Annotated[str | None, typer.Option(help="continuous, discrete-3, discrete-5, ...; default: the agent's")]
Months = Annotated[int | None, typer.Option(help="First months of the training data; default: all")]
Seeds = Annotated[int, typer.Option(help="Trainings of each way, each with its own seed")]
Workers = Annotated[int, typer.Option(help="Processes")]
Logs = Annotated[str | None, typer.Option(help="Folder of TensorBoard logs")]
Ids = Annotated[str, typer.Option("--id", help="Environment; see energy-gym list")]
Own = Annotated[str | None, typer.Option("--data", help="CSV or Parquet file of yours, in place of a data set")]
Site = Annotated[str | None, typer.Option("--scenario", help="YAML file of a scenario")]
Saved = Annotated[str | None, typer.Option(help="Folder for the first seed's agents")]
Track = Annotated[str | None, typer.Option(help="Tell each training to a tracker: mlflow or wandb")]
# Agents to compare with: the first two that make sense in an environment.
BESIDE = "threshold,mpc,bid-forecast,follow"
# Learners whose layers another training can go on from, and all of them, as help texts list them.
CARRIERS = tuple(name for name in learner_ids() if issubclass(agent_class(name), Learner))
CARRYING, LEARNING = ", ".join(CARRIERS), ", ".join(learner_ids())
# From the environment to act in, a seed and the folder of TensorBoard logs (or None) to a trained agent.
Training = Callable[[Any, int, str | None], Agent]


@dataclass
class Command:
    """What is running: a recipe and its words; all of its trainings, or one way with one seed."""

    recipe: str = ""
    words: tuple[str, ...] = ()
    only: tuple[str, int] | None = None
    found: dict[str, Any] = field(default_factory=dict)


_COMMAND: ContextVar[Command | None] = ContextVar("command", default=None)


@dataclass(frozen=True)
class Way:
    """One way to train: its name, the training, and what it costs in steps of the environment."""

    name: str
    train: Training
    steps: str


def learner(
    name: str, env: Any, seed: int, logs: str | None = None, *, load: str | None = None, device: str = "cpu"
) -> Agent:
    """Return an agent that learns, as it starts or as it was saved, that writes TensorBoard logs into a folder.

    Raises:
        UnknownIdError: No such agent.
        ConfigurationError: It does not learn, or not on such actions, or writes no such logs, or not on that device.
    """
    made: Agent = make_agent(name, env, seed) if load is None else agent_class(name).load(load, env)
    if not made.learns:
        raise ConfigurationError(f"agent {name!r}", "does not learn", f"choose one of {', '.join(learner_ids())}")
    if isinstance(made, Learner):
        made.tensorboard, made.device = logs, device
    elif logs is not None:
        raise ConfigurationError(f"tensorboard={logs!r}", f"agent {name!r} writes no such logs", "leave it out")
    elif device not in ("cpu", "auto"):
        raise ConfigurationError(f"device={device!r}", f"agent {name!r} learns on the CPU alone", "leave it out")
    return made


def task_keywords(id: str, dataset: str | None, data: str | None, scenario: str | None, **more: Any) -> dict[str, Any]:
    """Return the keywords of the environment that a recipe is asked for, and how its data are called.

    Raises:
        ConfigurationError: Both a data set and a file.

    Example:
        >>> task_keywords(ID, None, None, None, actions="discrete-3")
        {'dataset': 'ercot-2021-2022', 'actions': 'discrete-3'}
    """
    if dataset is not None and data is not None:
        raise ConfigurationError(f"dataset={dataset!r} and data={data!r}", "exclude each other", "pass one of them")
    usual = MARKET if id == ID and data is None and scenario is None else None
    given = {"dataset": dataset or usual, "data": data, "scenario": scenario}
    return {**{name: value for name, value in given.items() if value is not None}, **more}


def market(words: str | None) -> dict[str, Any]:
    """Return the keywords of a data set's name, or of a file's path.

    Example:
        >>> market("nyiso"), market("mine.csv"), market(None)
        ({'dataset': 'nyiso'}, {'data': 'mine.csv'}, {})
    """
    if words is None:
        return {}
    return {"data" if Path(words).suffix in (".csv", ".parquet") else "dataset": words}


def elsewhere(env: Any, words: str | None) -> Any:
    """Return an environment like this one on other data: a data set, a file, or what its id has by default.

    Example:
        >>> elsewhere(gym.make(ID, split="test"), "synthetic").setup.feed.currency
        'EUR'
    """
    return env.unwrapped.variant(**{"dataset": None, "data": None, **from_words(market(words))})


def carrier(name: str, actions: str | None) -> TaskChoice:
    """Return a learning agent whose layers another training can go on from, with its actions; see `prepared`.

    Raises:
        UnknownIdError: No such agent.
        ConfigurationError: It does not learn, or hands no layers on.
    """
    chosen = prepared(name, actions)
    if name not in CARRIERS:
        raise ConfigurationError(f"agent {name!r}", "hands no layers on", f"choose one of {CARRYING}")
    return chosen


def told_data(id: str, keywords: Mapping[str, Any]) -> str:
    """Return how a title calls what is trained on.

    Example:
        >>> told_data(ID, {"dataset": "nyiso"}), told_data("energy_gym/Bidding-v1", {})
        ('nyiso', 'Bidding-v1')
    """
    return str(keywords.get("dataset") or keywords.get("data") or keywords.get("scenario") or id.rpartition("/")[2])


def training_part(env: Any, months: int | None, episode_steps: Any) -> Any:
    """Return the training split of an environment's data, or its first months.

    Args:
        env: The environment that is played in the end.
        months: How many; None: all.
        episode_steps: Keyword of the environment that is returned.

    Raises:
        NonPositiveError: Fewer than one month.
        WindowError: More months than the split has.

    Example:
        >>> training_part(gym.make(ID, split="test"), 1, None).setup.steps
        744
    """
    whole = env.unwrapped.variant(split="train", episode_steps=episode_steps)
    if months is None:
        return whole
    import pandas as pd

    start = whole.setup.time(0).tz_convert(whole.setup.feed.zone)
    stop = start + pd.DateOffset(months=check_count("months", months))
    return whole.variant(period=(str(start), str(stop)))


@dataclass(frozen=True)
class TaskChoice:
    """An agent that a recipe was asked for, and the actions it plays."""

    name: str
    actions: str

    def told(self, steps: int | None) -> str:
        """Return the steps it trains for, as a table shows them."""
        return f"{learner_defaults(self.name)['budget'] if steps is None else steps:,}"


def prepared(name: str, actions: str | None) -> TaskChoice:
    """Return a learning agent with the actions asked for, or those it prefers.

    Raises:
        UnknownIdError: No such agent.
        ConfigurationError: It does not learn.

    Example:
        >>> prepared("dqn", None).actions
        'discrete-3'
    """
    found = agent_class(name)
    if not getattr(found, "learns", False):
        raise ConfigurationError(f"agent {name!r}", "does not learn", f"choose one of {', '.join(learner_ids())}")
    return TaskChoice(name, found.preferred_actions if actions is None else actions)


def rules(names: str) -> tuple[Way, ...]:
    """Return agents that need no training as ways to compare with, of comma-separated names.

    Raises:
        UnknownIdError: No such agent.
        ConfigurationError: It learns.

    Example:
        >>> [way.name for way in rules("threshold, mpc")]
        ['threshold', 'mpc']
    """
    chosen = tuple(dict.fromkeys(name.strip() for name in names.split(",") if name.strip()))
    for name in chosen:
        if getattr(agent_class(name), "learns", False):
            raise ConfigurationError(f"agent {name!r}", "learns", "compare with agents that do not, or train it alone")

    def played(name: str) -> Any:
        return lambda env, seed, _: make_agent(name, env, seed).fit()

    return tuple(Way(name, played(name), "-") for name in chosen)


def usual_rules(id: str, keywords: Mapping[str, Any]) -> tuple[Way, ...]:
    """Return the usual agents to compare with, without those that make no sense in the environment.

    Example:
        >>> [way.name for way in usual_rules(ID, {})], [way.name for way in usual_rules("energy_gym/Bidding-v1", {})]
        (['threshold', 'mpc'], ['mpc', 'bid-forecast'])
    """
    env, found = Comparison("", (), keywords, id=id).make(), []
    for way in rules(BESIDE):
        try:
            make_agent(way.name, env, 0)
        except EnergyGymError:
            continue  # of no use there, or not with such actions
        found.append(way)
    return tuple(found[:2])


@dataclass(frozen=True)
class Comparison:
    """Ways to train, on one task.

    Args:
        title: What is compared.
        ways: The first is the reference that the others should beat.
        keywords: Of the environment that is played in the end, its whole test split.
        seeds: Trainings of each way.
        workers: Processes.
        tensorboard: Folder of TensorBoard logs; each way and seed has a folder of its own in it.
        save: Folder for the first seed's agent of each way.
        track: Name of a tracker that is told of each training; see `energy_gym.tracking`.
    """

    title: str
    ways: tuple[Way, ...]
    keywords: Mapping[str, Any]
    seeds: int = 5
    workers: int = 1
    tensorboard: str | None = None
    save: str | None = None
    id: str = field(default=ID)
    track: str | None = None

    def run(self) -> pd.DataFrame:
        """Train and play every way with every seed, and print the table; a row per way and seed.

        Raises:
            NonPositiveError: Seeds or workers below 1.
            MissingExtraError: The library that trains is not installed.
        """
        import pandas as pd

        seeds, workers = check_count("seeds", self.seeds), check_count("workers", self.workers)
        command = _COMMAND.get()
        if command is not None and command.only is not None:
            command.found = self._again(*command.only)
            return pd.DataFrame([command.found])
        tracker = None if self.track is None else open_tracker(self.track)
        env = self.make()
        env.reset(seed=0)
        best = solve(env, continuous=True)
        asked = [(way, seed) for way in self.ways for seed in range(seeds)]
        jobs = [joblib.delayed(_trained)(self, way, seed, best) for way, seed in asked]
        rows = []
        with _bar() as bar:
            task = bar.add_task("trainings", total=len(jobs))
            for row in joblib.Parallel(n_jobs=workers, return_as="generator")(jobs):
                kept = row.pop("packed", None)
                if kept is not None:
                    log_all(tracker, [tracked_training(command or Command(), self, row, kept)])
                rows.append(row)
                bar.advance(task)
        frame = pd.DataFrame(rows)
        titled(table(self, frame, env.unwrapped.setup.reward_unit), f"{self.title}; seeds: {seeds}")
        return frame

    def _again(self, way: str, seed: int) -> dict[str, Any]:
        """Train and play one way with one seed, and leave nothing behind."""
        alone = replace(self, tensorboard=None, save=None, track=None)
        env = self.make()
        env.reset(seed=0)
        chosen = next(one for one in self.ways if one.name == way)
        return _trained(alone, chosen, seed, solve(env, continuous=True))

    def make(self) -> Any:
        """Return the environment that is played in the end."""
        keywords = {"split": "test", "episode_steps": None, **self.keywords}
        return gym.make(self.id, disable_env_checker=True, **from_words(keywords))


def _trained(comparison: Comparison, way: Way, seed: int, best: Any) -> dict[str, Any]:
    env = comparison.make()
    began = time.perf_counter()
    logs = comparison.tensorboard and str(Path(comparison.tensorboard) / folder_of(way.name) / f"seed{seed}")
    agent = way.train(env, seed, logs)
    taken = time.perf_counter() - began
    if comparison.save is not None and seed == 0:
        agent.save(Path(comparison.save) / folder_of(way.name))
    result = evaluate(agent, env, seed=0, oracle=best)
    figures = {"score": result.score, "regret": result.regret, "return": result.return_}
    row = {"way": way.name, "seed": seed, **figures, "seconds": taken}
    return row if comparison.track is None else {**row, "packed": packed(agent, env), "curve": curve_of(agent)}


def curve_of(agent: Any) -> list[tuple[int, str, float]]:
    """Return the learning curve of an agent that has one: steps, figure, value."""
    points = getattr(agent, "curve", ())
    return [(int(steps), str(name), float(value)) for steps, told in points for name, value in told.items()]


def tracked_training(command: Command, comparison: Comparison, row: dict[str, Any], kept: Packed) -> Tracked:
    """Return what a tracker is told of one training."""
    curve, told = row.pop("curve"), {"way": row["way"], "seed": row["seed"]}
    figures = {name: float(row[name]) for name in ("score", "regret", "return")}
    hashes = {its.split: its.digest for its in kept.inputs}
    record = {"kind": "recipe", "recipe": command.recipe, "words": untracked(command.words), **told}
    name = f"{command.recipe} {folder_of(row['way'])} on {told_data(comparison.id, comparison.keywords)}"
    return Tracked(
        experiment=f"recipe/{command.recipe}",
        name=f"{comparison.title}: {row['way']}, seed {row['seed']}",
        record={**record, "hashes": hashes, "figures": figures, "versions": {"energy-gym": __version__}},
        parameters={
            **told,
            "id": comparison.id,
            **comparison.keywords,
            **kept.settings,
            "words": " ".join(command.words),
        },
        figures={**figures, "seconds": row["seconds"]},
        curve=curve,
        inputs=kept.inputs,
        files={"scenario.yaml": kept.scenario.encode()},
        model=kept.model(name, figures["score"], hashes.get("test", "")),
    )


def untracked(words: Sequence[str]) -> list[str]:
    """Return the words of a command without what names a tracker.

    Example:
        >>> untracked(["dqn", "--track", "mlflow", "--seeds", "1", "--track=wandb"])
        ['dqn', '--seeds', '1']
    """
    places = {place + 1 for place, word in enumerate(words) if word == "--track"}
    return [word for place, word in enumerate(words) if place not in places and not word.startswith("--track")]


def folder_of(way: str) -> str:
    """Return the name of a way's folder.

    Example:
        >>> folder_of("bc, then dqn"), folder_of("the market's own past")
        ('bc-then-dqn', 'the-markets-own-past')
    """
    return re.sub(r"[^\w.]+", "-", way.replace("'", "")).strip("-")


def table(comparison: Comparison, frame: pd.DataFrame, unit: str) -> Table:
    """Return a row per way: score and regret with 95 % bootstrap intervals, and whether it beats the first."""
    from energy_gym.evaluation.statistics import estimate, mean, probability_of_improvement

    shown = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    shown.add_column("way", overflow="fold")
    shown.add_column("steps", justify="right", overflow="fold")
    for name in ("score", f"regret, {unit}", "P(better)", "seconds"):
        shown.add_column(name, justify="right", no_wrap=True)
    groups = {str(name): rows for name, rows in frame.groupby("way", sort=False)}
    first = _matrix(groups[comparison.ways[0].name], "score")
    for way in comparison.ways:
        rows = groups[way.name]
        score, regret = (estimate(mean, _matrix(rows, name)) for name in ("score", "regret"))
        beats = probability_of_improvement(_matrix(rows, "score"), first)
        chance = "" if way is comparison.ways[0] else f"{beats.value:.2f}"
        taken = f"{rows['seconds'].mean():.0f}"
        shown.add_row(way.name, way.steps, _interval(score, 3), _interval(regret, 2), chance, taken, end_section=True)
    return shown


def _interval(found: Estimate, digits: int) -> str:
    """Return a figure and, on a line of its own, its 95 % interval."""
    return f"{found.value:.{digits}f}\n{found.low:.{digits}f} to {found.high:.{digits}f}"


def _matrix(rows: pd.DataFrame, name: str) -> dict[str, np.ndarray[Any, np.dtype[np.float64]]]:
    return {"task": rows[name].to_numpy(dtype=np.float64)}


def _bar() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    screen = Console(stderr=True)
    return Progress(*columns, console=screen, transient=True, disable=not sys.stderr.isatty())


def run(main: Callable[..., None], args: list[str] | None = None, name: str | None = None) -> None:
    """Run a recipe's ``main`` as a command; an error of the package is one line, not a traceback.

    Args:
        main: Its parameters are the command's options.
        args: Words of the command line; None: those of this process.
        name: Name of the program, for its help.
    """
    app = typer.Typer(add_completion=False, context_settings={"help_option_names": ["-h", "--help"]})
    app.command()(main)
    words = tuple(sys.argv[1:] if args is None else args)
    token = _COMMAND.set(Command((name or Path(sys.argv[0]).stem).rpartition(" ")[2], words))
    try:
        run_app(app, args, name)
    finally:
        _COMMAND.reset(token)


def trained_again(recipe_name: str, words: Sequence[str], way: str, seed: int) -> dict[str, Any]:
    """Train and play one way of a recipe with one seed, by the words that the recipe was run with; return its row.

    Raises:
        UnknownIdError: No such recipe.
        ConfigurationError: The recipe, with these words, has no such way.
    """
    path = recipe(recipe_name)
    if not path.is_file():
        raise UnknownIdError.of("recipe", recipe_name, [each.stem for each in path.parent.glob("*.py")])
    command = Command(recipe_name, tuple(words), (way, seed))
    app = typer.Typer(add_completion=False)
    app.command()(runpy.run_path(str(path))["main"])
    token = _COMMAND.set(command)
    try:
        app(args=list(words), standalone_mode=False)
    except StopIteration as error:
        raise ConfigurationError(
            f"way {way!r}", f"is none of recipe {recipe_name!r} with these words", "see it"
        ) from error
    finally:
        _COMMAND.reset(token)
    return dict(command.found)
