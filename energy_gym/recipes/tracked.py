"""What a tracker is told of a training; one rule: its record says all that it takes to train it again."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from energy_gym.recipes.command import Command
from energy_gym.recipes.tasks import told_data
from energy_gym.tracking.packing import Packed
from energy_gym.tracking.protocol import Tracked
from energy_gym.version import __version__


def curve_of(agent: Any) -> list[tuple[int, str, float]]:
    """Return the learning curve of an agent that has one: steps, figure, value."""
    points = getattr(agent, "curve", ())
    return [(int(steps), str(name), float(value)) for steps, told in points for name, value in told.items()]


def tracked_training(
    command: Command, title: str, id: str, keywords: Mapping[str, Any], row: dict[str, Any], kept: Packed
) -> Tracked:
    """Return what a tracker is told of one training."""
    curve, told = row.pop("curve"), {"way": row["way"], "seed": row["seed"]}
    figures = {name: float(row[name]) for name in ("score", "regret", "return")}
    hashes = {its.split: its.digest for its in kept.inputs}
    record = {"kind": "recipe", "recipe": command.recipe, "words": untracked(command.words), **told}
    name = f"{command.recipe} {folder_of(row['way'])} on {told_data(id, keywords)}"
    return Tracked(
        experiment=f"recipe/{command.recipe}",
        name=f"{title}: {row['way']}, seed {row['seed']}",
        record={**record, "hashes": hashes, "figures": figures, "versions": {"energy-gym": __version__}},
        parameters={
            **told,
            "id": id,
            **keywords,
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
