"""What a tracker is told of a sweep: a run for each point, and one for the table and the plot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from energy_gym.leaderboard.results import versions
from energy_gym.sweeps.drawing import PLOT
from energy_gym.sweeps.grid import leaves
from energy_gym.sweeps.playing import FIGURES, make_environment
from energy_gym.sweeps.results import STORY, TABLE
from energy_gym.tracking.packing import inputs_of
from energy_gym.tracking.protocol import Tracked, finite, prefixed

KIND = "sweep"


def tracked_point(study: str, tree: Mapping[str, Any], row: Mapping[str, Any]) -> Tracked:
    """Return what is told of a point that was played."""
    figures = finite({name: row[name] for name in FIGURES})
    steady = {name: value for name, value in figures.items() if name != "seconds"}
    env = make_environment(tree)
    inputs = inputs_of(env)
    hashes = {its.split: its.digest for its in inputs}
    record = {"kind": KIND, "study": study, "tree": tree, "hashes": hashes, "versions": versions(), "figures": steady}
    told = {**leaves(tree), **prefixed("version", versions())}
    files = {"scenario.yaml": env.scenario.to_yaml().encode()}
    return Tracked(f"{KIND}/{study}", "point", record, told, figures, inputs=inputs, files=files)


def tracked_sweep(folder: Path, study: str, overrides: Sequence[str]) -> Tracked:
    """Return what is told of the whole: the table, its story, and the plot where there is one."""
    files = {name: (folder / name).read_bytes() for name in (TABLE, STORY, PLOT) if (folder / name).is_file()}
    told = {"overrides": " ".join(overrides), **prefixed("version", versions())}
    return Tracked(f"{KIND}/{study}", "sweep", parameters=told, files=files)
