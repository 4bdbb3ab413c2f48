"""How figures are taken and told: rows with a reference and a target, taking turns, tables and files."""

from __future__ import annotations

import gc
import os
import platform
import re
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

from rich import box
from rich.table import Table

# A pole that is balanced resets as rarely as the rules allow: the reference at its best.
EPISODE = 500
VERDICTS = {None: "", True: "met", False: "MISSED"}
MET = {word: met for met, word in VERDICTS.items()}


@dataclass(frozen=True)
class Row:
    """One figure: what was measured, against which reference and which target.

    ``ratio`` says how many times better than the reference, whether figures are rates or times; ``met`` is None where
    no target is set.
    """

    name: str
    measured: float
    unit: str
    reference: float | None = None
    reference_name: str = ""
    ratio: float | None = None
    target: str = ""
    met: bool | None = None
    note: str = ""

    @property
    def verdict(self) -> str:
        """``met``, ``MISSED``, or nothing where there is no target."""
        return VERDICTS[self.met]


@dataclass(frozen=True)
class Sizes:
    """How much is measured: full size, or a few steps that only show that everything runs."""

    repeats: int = 5
    # Rates are measured in turns of a tenth of a second, more of them than a neighbour's burst of work lasts.
    turns: int = 21
    steps: int = 10_000
    batch: int = 4096
    batch_steps: int = 150
    window: int | None = None
    decisions: int = 300
    training_steps: int = 16_384
    time_limit: float = 90.0


QUICK = Sizes(
    repeats=1,
    turns=1,
    steps=EPISODE,
    batch=64,
    batch_steps=20,
    window=72,
    decisions=10,
    training_steps=512,
    time_limit=5.0,
)


def take_turns(repeats: int, *tasks: Callable[[], float]) -> list[float]:
    """Return the median of each task, the tasks taking turns."""
    found: list[list[float]] = [[] for _ in tasks]
    for _ in range(repeats):
        for results, task in zip(found, tasks, strict=True):
            gc.collect()
            results.append(task())
    return [statistics.median(results) for results in found]


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def steps_per_second(env: Any, actions: list[Any], steps: int) -> float:
    """Return the steps per second of a single environment over whole episodes of the given actions."""
    episodes = max(steps // len(actions), 1)

    def play() -> None:
        for _ in range(episodes):
            env.reset(seed=0)
            for action in actions:
                env.step(action)

    return episodes * len(actions) / seconds(play)


def decisions(agent: Any, env: Any, most: int, **reset: Any) -> list[float]:
    """Return what the decisions of an episode take [s], so many at most; ``reset`` is how the episode begins."""
    observation, info = env.reset(**reset)
    taken, over = list[float](), False
    while not over and len(taken) < most:
        began = time.perf_counter()
        action = agent.act(observation, info)
        taken.append(time.perf_counter() - began)
        observation, _, _, over, info = env.step(action)
    return taken


def batch_rate(envs: Any, actions: list[Any], steps: int) -> float:
    """Return the steps per second of a batch, all environments counted."""

    def play() -> None:
        for step in range(steps):
            envs.step(actions[step % len(actions)])

    return float(envs.num_envs * steps / seconds(play))


def against(name: str, own: float, unit: str, other: float, other_name: str, least: float, note: str) -> Row:
    """Return the row of a rate that should be at least so many times the reference."""
    ratio = own / other
    return Row(name, own, unit, other, other_name, ratio, f">= {least}x", ratio >= least, note)


def figure(value: float | None, unit: str) -> str:
    """Return a figure with its unit, or nothing where there is none."""
    return "" if value is None else f"{value:.4g} {unit}"


def shown(rows: list[Row]) -> Table:
    """Return the rows as a table that fits into 80 columns."""
    table = Table(title="energy_gym: speed and memory", title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("what", overflow="fold")
    for name in ("measured", "reference", "ratio"):
        table.add_column(name, justify="right", no_wrap=name == "ratio")
    table.add_column("target", overflow="fold")
    table.add_column("verdict", no_wrap=True)
    for row in rows:
        measured, reference = figure(row.measured, row.unit), figure(row.reference, row.unit)
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
        colour = {"met": "green", "MISSED": "bold red", "": "dim"}[row.verdict]
        verdict = f"[{colour}]{row.verdict or '-'}[/{colour}]"
        table.add_row(row.name, measured, reference, ratio, row.target, verdict)
    return table


def notes(rows: list[Row]) -> Iterator[str]:
    """Return a line for each row that has a reference or a note."""
    for row in rows:
        parts = [f"reference {row.reference_name}" if row.reference_name else "", row.note]
        if any(parts):
            yield f"{row.name}: {'; '.join(part for part in parts if part)}"


def document(rows: list[Row], sizes: Sizes, data: str) -> dict[str, Any]:
    """Return the rows as plain data, with versions and machine."""
    from energy_gym.leaderboard.results import versions

    machine = {"cores": os.cpu_count(), "system": platform.system(), "architecture": platform.machine()}
    plain = [{**asdict(row), "verdict": row.verdict} for row in rows]
    return {"versions": versions(), "machine": machine, "data": data, "sizes": asdict(sizes), "rows": plain}


def of_this_gymnasium(row: Row) -> Row:
    """Return a row that says which Gymnasium it was measured with: what is beside it on a page may have had another."""
    import gymnasium

    return replace(row, note="; ".join(part for part in (f"Gymnasium {gymnasium.__version__}", row.note) if part))


def kept(rows: list[Row], before: list[Row]) -> list[Row]:
    """Return the rows of before, those that were measured again as they are now, then the new ones."""
    now = {row.name: row for row in rows}
    return [now.pop(row.name, row) for row in before] + list(now.values())


def told(page: str) -> list[Row]:
    """Return the rows that stand on a page of `markdown`, figures as they are written there."""
    lines = page.splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| ")]
    said = dict(line[2:].split(": ", 1) for line in lines if line.startswith("- "))
    return [_row(*row, said.get(row[0], "")) for row in cells if row[0] not in ("what", "---")]


def _row(name: str, measured: str, reference: str, ratio: str, target: str, verdict: str, said: str) -> Row:
    """Return the row that the cells of a line and its note say."""
    value, unit = measured.split(" ", 1)
    other = float(reference.split(" ", 1)[0]) if reference else None
    named, note = re.fullmatch(r"(?:reference ([^;]*)(?:; |$))?(.*)", said).groups()  # type: ignore[union-attr]
    times = float(ratio) if ratio else None
    return Row(name, float(value), unit, other, named or "", times, target, MET[verdict], note)


def markdown(rows: list[Row], document: dict[str, Any], command: str) -> str:
    """Return the rows as a page: versions and machine, a table, and a line for each note."""
    named = {name: version for name, version in document["versions"].items() if name != "gymnasium"}
    versions = ", ".join(f"{name} {version}" for name, version in named.items())
    machine = ", ".join(f"{value} {name}" if name == "cores" else value for name, value in document["machine"].items())
    table = [
        f"| {row.name} | {figure(row.measured, row.unit)} | {figure(row.reference, row.unit)} | "
        f"{'' if row.ratio is None else f'{row.ratio:.2f}'} | {row.target} | {row.verdict} |"
        for row in rows
    ]
    head = ["| what | measured | reference | ratio | target | verdict |", "| --- | ---: | ---: | ---: | --- | --- |"]
    told = [f"- {line}" for line in notes(rows)]
    intro = [
        f"Made with `{command}` ({versions}; {machine}; data: {document['data']}).",
        f"Each figure is the median of {document['sizes']['repeats']} (a rate of {document['sizes']['turns']}), "
        "measured and reference taking turns in one run.",
    ]
    return "\n".join(["# Speed and memory", "", *intro, "", *head, *table, "", *told, ""])
