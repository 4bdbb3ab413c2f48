"""Learning to optimise against the solvers, on unseen days: how close, how feasible, how fast; figures and a note.

python benchmarks/l2o.py --out FOLDER [--note benchmarks/L2O.md]

A scheduler that was trained before and lies in the folder is measured as it is; otherwise it is trained first. The note
lies in the folder too: the page that is kept is written only where it is named.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

# One thread for all that is compared.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import gymnasium as gym
import l2o_figures
import l2o_note
import numpy as np
import typer

from energy_gym.agents.l2o import L2O
from energy_gym.agents.learner import one_thread
from energy_gym.closing import Closing
from energy_gym.data.homes import DayBatch, synthetic_days
from energy_gym.entities import Battery
from energy_gym.files import write_atomically
from energy_gym.oracle.milp import solve_unit
from energy_gym.oracle.pyomo_model import build_unit_model, solve_model
from energy_gym.oracle.statement import Goal
from energy_gym.recipes import run
from energy_gym.scenario import Weights
from energy_gym.scenarios.home_solar import HOME
from energy_gym.units import Unit

# Energy missing at the end of a day costs far more than it can be worth, so that every optimum ends where it began.
GOAL = Goal(Weights(1.0, 0.0), Closing(missing=10_000.0))
TURNS = 3
PORTION = 25


@dataclass(frozen=True)
class Training:
    """What training took."""

    steps: int
    batch: int
    wall_s: float
    cpu_s: float


@dataclass(frozen=True)
class Measured:
    """What was measured: costs in currency by day, processor and wall time in seconds per day."""

    optimum: Any
    pyomo: Any
    learnt: Any
    idle: Any
    plan: Any
    times: dict[str, float]
    walls: dict[str, float]
    weights: int


def main(
    out: Annotated[Path, typer.Option(help="Folder for the scheduler and the figures")],
    days: Annotated[int, typer.Option(help="Unseen days")] = 500,
    steps: Annotated[int | None, typer.Option(help="Steps to train; default: the agent's own")] = None,
    note: Annotated[Path | None, typer.Option(help="The note; default: L2O.md in the folder")] = None,
) -> None:
    """Train, measure, draw and write the note."""
    agent, training = trained(out, steps)
    test = synthetic_days(days, l2o_note.TEST_SEED)
    with one_thread():
        found = measured(agent, test)
    l2o_figures.draw(out, test, found)
    text = l2o_note.told(found, training)
    write_atomically(note or out / "L2O.md", lambda path: path.write_text(text, encoding="utf-8"))
    print(text)


def trained(folder: Path, steps: int | None) -> tuple[L2O, Training]:
    """Return the scheduler that lies in a folder with what its training took; train it where there is none."""
    env = gym.make("energy_gym/HomeSolar-v1", split="test")
    record = folder / "training.json"
    if record.exists():
        return L2O.load(folder, env), Training(**json.loads(record.read_text(encoding="utf-8")))
    # The problem of the source: a day ahead, from midnight to midnight.
    agent = L2O(env, seed=0, receding=0.0)
    began, spent = time.perf_counter(), time.process_time()
    budget = agent.settings["budget"] if steps is None else steps
    agent.fit(synthetic_days(agent.settings["days"], l2o_note.TRAINING_SEED), budget=budget, callback=progress)
    taken = time.perf_counter() - began, time.process_time() - spent
    training = Training(budget, agent.settings["batch_size"], *taken)
    agent.save(folder)
    write_atomically(record, lambda path: path.write_text(json.dumps(asdict(training)), encoding="utf-8"))
    return agent, training


def progress(steps: int, figures: Any) -> None:
    print(f"{steps} steps: loss {figures['loss']:.4f}", flush=True)


def measured(agent: L2O, days: DayBatch) -> Measured:
    """Solve and plan all days; the ways take turns, so that a busy machine slows them all alike."""
    units, start, planner = [unit_of(days, day) for day in range(len(days))], (HOME.energy_initial_kwh,), agent.ready()
    clock = {name: Watch() for name in ("pyomo", "arrays", "l2o", "floor")}
    products = bare_products(planner, len(days))
    solve_unit(units[0], start, GOAL)
    solve_model(build_unit_model(units[0], start, GOAL))
    plan = planner.plan_days(days)
    optimum, by_pyomo = [], []
    for begin in range(0, len(days), PORTION):
        portion = units[begin : begin + PORTION]
        with clock["arrays"].over(len(portion)):
            optimum += [-solve_unit(unit, start, GOAL)[1] for unit in portion]
        with clock["pyomo"].over(len(portion)):
            by_pyomo += [-solve_model(build_unit_model(unit, start, GOAL)) for unit in portion]
        with clock["l2o"].over(TURNS * len(days)):
            for _ in range(TURNS):
                plan = planner.plan_days(days)
        with clock["floor"].over(TURNS * len(days)):
            for _ in range(TURNS):
                products()
    times = {name: watch.processor / watch.days for name, watch in clock.items()}
    walls = {name: watch.wall / watch.days for name, watch in clock.items()}
    idle = idle_cost(days)
    return Measured(np.array(optimum), np.array(by_pyomo), plan.cost, idle, plan, times, walls, weights_of(planner))


class Watch:
    """Adds up wall and processor time [s] over days."""

    def __init__(self) -> None:
        self.days, self.wall, self.processor = 0, 0.0, 0.0

    @contextmanager
    def over(self, days: int) -> Iterator[None]:
        """Add what is done inside, over so many days."""
        wall, processor = time.perf_counter(), time.process_time()
        yield
        self.days += days
        self.wall += time.perf_counter() - wall
        self.processor += time.process_time() - processor


def unit_of(days: DayBatch, day: int, battery: Battery = HOME) -> Unit:
    """Return a day as a decision unit, as the oracle takes it."""
    none, steps = np.zeros((0, days.load_kw.shape[1])), days.load_kw.shape[1]
    flexible = battery.flexible("battery", days.step_hours, {})
    net = (days.load_kw[day] - days.pv_kw[day]) * days.step_hours
    buy, sell = days.buy_per_mwh[day], days.sell_per_mwh[day]
    money = (buy, sell, np.zeros(steps), np.zeros(0), none, none)
    return Unit("home", (flexible,), net, None, np.inf, np.inf, *money, days.step_hours)


def idle_cost(days: DayBatch) -> Any:
    """Return the bill of each day without a battery."""
    net = (days.load_kw - days.pv_kw) * days.step_hours
    return (np.maximum(net, 0.0) * days.buy_per_mwh - np.maximum(-net, 0.0) * days.sell_per_mwh).sum(axis=1) / 1000.0


def weights_of(planner: Any) -> int:
    """Return the multiplications of the network for one day."""
    return int(sum(part.numel() for name, part in planner.network.named_parameters() if part.ndim == 2))


def bare_products(planner: Any, size: int) -> Callable[[], None]:
    """Return a function that does the network's matrix products for a batch, and nothing else."""
    import torch

    matrices = [part.detach() for _, part in planner.network.named_parameters() if part.ndim == 2]
    inputs = [torch.rand(size, part.shape[1]) for part in matrices]

    def products() -> None:
        for given, matrix in zip(inputs, matrices, strict=True):
            given @ matrix.T

    products()
    return products


if __name__ == "__main__":
    run(main)
