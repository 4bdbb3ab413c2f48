"""The command ``energy-gym card``: model and data cards beside a saved agent, in the format of the Hugging Face Hub.

One rule: it reads options and prints; what it writes comes from `energy_gym.evaluation.hub_cards`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

console = Console()


def card(
    folder: Annotated[Path, typer.Argument(help="Folder of a saved agent")],
    licence: Annotated[str | None, typer.Option(help="Licence of the agent, as the Hub spells it, such as mit")] = None,
    id: Annotated[str | None, typer.Option(help="Also play it in this environment, for the card's figures")] = None,
    dataset: Annotated[str | None, typer.Option(help="Data set of that environment; default: the id's")] = None,
    split: Annotated[
        str, typer.Option(help="Part of the data that is played whole: train, validation, test or all")
    ] = "test",
) -> None:
    """Write a model card and a data card beside a saved agent; nothing is uploaded."""
    from energy_gym.evaluation.hub_cards import write_cards

    result = None if id is None else _played(folder, id, dataset, split)
    for path in write_cards(folder, licence=licence, result=result):
        console.print(f"Written: {escape(str(path))}", highlight=False, soft_wrap=True)


def _played(folder: Path, id: str, dataset: str | None, split: str) -> Any:
    """Play a saved agent over a whole split."""
    import gymnasium as gym

    from energy_gym.agents.base import FILE, read_saved, saved_actions
    from energy_gym.agents.registry import load_agent
    from energy_gym.evaluation.episode import evaluate

    saved = read_saved(folder / FILE)
    keywords: dict[str, Any] = {"split": split, "episode_steps": None, "actions": saved_actions(saved)}
    keywords |= {} if dataset is None else {"dataset": dataset}
    keywords |= {"control": saved["control"]} if saved.get("control", "power") != "power" else {}
    env = gym.make(id, disable_env_checker=True, **keywords)
    return evaluate(load_agent(folder, env), env, seed=0)
