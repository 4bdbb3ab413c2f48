"""The note that `l2o.py` writes: what was compared, how close, how fast, and whether the aims are met."""

from __future__ import annotations

import platform
from typing import Any

import numpy as np

from energy_gym.scenarios.home_solar import HOME

TRAINING_SEED, TEST_SEED = 1, 999
TOLERANCE_KWH = 1e-6


def kept(found: Any) -> Any:
    """Return for each day whether every limit was kept and the battery ended where it began."""
    energy, wishes = found.plan.energy_kwh, found.plan.wishes
    cell = HOME.cell(1.0)
    within = (energy >= cell.energy_min - TOLERANCE_KWH) & (energy <= cell.energy_max + TOLERANCE_KWH)
    moved = np.maximum(wishes, 0.0) * cell.charge_kwh * cell.efficiency_charge
    moved = moved - np.maximum(-wishes, 0.0) * cell.discharge_kwh / cell.efficiency_discharge
    laws = np.abs(np.diff(energy, axis=1) - moved) <= TOLERANCE_KWH
    ends = np.abs(energy[:, [0, -1]] - HOME.energy_initial_kwh) <= TOLERANCE_KWH
    return within.all(axis=1) & laws.all(axis=1) & ends.all(axis=1) & (np.abs(wishes) <= 1.0).all(axis=1)


def headline(found: Any) -> float:
    """Return the mean difference of cost over the mean size of the optimum's cost."""
    return float((found.learnt - found.optimum).mean() / np.abs(found.optimum).mean())


def aims(found: Any, training: Any) -> list[tuple[str, str, str, bool]]:
    """Return what is to be shown: name, figure, aim, and whether it is met."""
    gap, feasible = headline(found), kept(found)
    slow, fast = (found.times[name] / found.times["l2o"] for name in ("pyomo", "arrays"))
    minutes = training.cpu_s / 60.0
    return [
        ("gap: mean difference of cost over mean size of the optimum's cost", f"{gap:.2%}", "< 2 %", gap < 0.02),
        ("days feasible", f"{feasible.mean():.1%}", "100 %", bool(feasible.all())),
        ("faster than the MILP through Pyomo", f"{slow:,.0f}x", ">= 1000x", slow >= 1000.0),
        ("faster than our own array oracle", f"{fast:,.0f}x", ">= 30x", fast >= 30.0),
        ("training, time of one core", f"{minutes:.1f} min", "< 15 min on 2", minutes < 15.0),
    ]


def told(found: Any, training: Any) -> str:
    """Return the note."""
    rows = [
        f"| {name} | {value} | {aim} | {'met' if met else 'MISSED'} |"
        for name, value, aim, met in aims(found, training)
    ]
    python, count = platform.python_version(), len(found.learnt)
    head = f"""# Learning to optimise: {count} unseen days

Written by `python benchmarks/l2o.py --out FOLDER`; Python {python}, one thread for all that is timed.

| figure | measured | aim | |
|---|---|---|---|
"""
    parts = [compared(count), told_gap(found), told_time(found), told_training(training), FEASIBLE]
    return head + "\n\n".join(["\n".join(rows), *parts]) + "\n"


def compared(count: int) -> str:
    """Return the problem in words."""
    return f"""## What is compared

A home with PV and a battery (10 kWh, 3 kW, 0.95 each way, exports at 0.3 of the import price), a day ahead by the hour,
ending at the level of its start. Training days are `synthetic_days(50_000, seed={TRAINING_SEED})`, test days
`synthetic_days({count}, seed={TEST_SEED})`. No solver is used in training."""


def told_gap(found: Any) -> str:
    """Return the gap, under several definitions."""
    gap, size = found.learnt - found.optimum, np.abs(found.optimum)
    relative, large = gap / size, size >= 0.5 * size.mean()
    saved = (found.idle - found.learnt).sum() / (found.idle - found.optimum).sum()
    idle, best, learnt = (costs.mean() for costs in (found.idle, found.optimum, found.learnt))
    earning, agree = (found.optimum < 0.0).mean(), np.abs(found.pyomo - found.optimum).max()
    return f"""## Gap

| definition | value |
|---|---|
| **mean difference over mean size of the optimum's cost (headline)** | **{headline(found):.2%}** |
| mean over days of the difference over the day's own cost, all days | {relative.mean():.2%} |
| the same, days that cost at least half the mean size ({large.mean():.0%} of them) | {relative[large].mean():.2%} |
| median day | {np.median(relative):.2%} |
| 95th percentile of days | {np.quantile(relative, 0.95):.2%} |
| share of the battery's possible saving that is kept | {saved:.2%} |

The headline divides sums. {earning:.0%} of these days earn money, and the smallest is {size.min():.4f} in size:
a day's own cost says little about what was at stake, and a mean of such ratios is ruled by a few days around zero.
The mean size of the optimum's cost is {size.mean():.3f} a day; the mean cost is {idle:.3f} without battery, {best:.3f}
with the optimum and {learnt:.3f} with the schedules. No day beats the optimum (smallest difference {gap.min():.0e});
Pyomo and arrays agree within {agree:.0e}."""


def told_time(found: Any) -> str:
    """Return times per day, of processor and wall."""

    def row(label: str, name: str) -> str:
        spent, wall = found.times[name] * 1e6, found.walls[name] * 1e6
        ratios = f"{spent / found.times['l2o'] / 1e6:,.2f}x | {wall / found.walls['l2o'] / 1e6:,.2f}x"
        return f"| {label} | {spent:,.0f} | {wall:,.0f} | {ratios} |"

    flops = 2.0 * found.weights
    rate = flops / found.times["floor"] / 1e9
    return f"""## Time per day [microseconds]

| way | processor | wall | processor, against l2o | wall, against l2o |
|---|---|---|---|---|
{row("MILP through Pyomo and HiGHS, a binary in every hour", "pyomo")}
{row("the array oracle (`solve_unit`)", "arrays")}
{row(f"l2o, a batch of {len(found.learnt)}, laws and choice included", "l2o")}
{row("its matrix products alone: the arithmetic floor", "floor")}

The ways took turns through the run. The aims are judged by processor time, for the machine was shared. The network
multiplies {found.weights / 1e6:.2f} million weights a day, {flops / 1e6:.1f} MFLOP; the bare products run at
{rate:.0f} GFLOP/s here. What l2o takes beyond them is features, sigmoids, and candidates played through the laws."""


def told_training(training: Any) -> str:
    """Return what training took."""
    wall, spent = training.wall_s / 60.0, training.cpu_s / 60.0
    step, steps, batch = 1000.0 * training.cpu_s / training.steps, training.steps, training.batch
    return f"""## Training

{steps:,} steps of {batch} days on one thread: {spent:.1f} min of processor time ({step:.0f} ms a step), {wall:.1f} min
of wall time on a machine of two cores that several others were using. The loss is the bill of the network's own
schedules, played through the laws, and a small SmoothL1 penalty on what limits and the return to the start take."""


FEASIBLE = f"""## Feasibility

Exclusive modes, rated power, limits of the state of charge and the power balance hold because every schedule is played
through the environment's own laws; the return to the start holds because each wish is bounded by what the rest of the
day can still restore (`Returning`). All are checked here, to {TOLERANCE_KWH:.0e} kWh."""
