"""``energy-gym train | finetune | offline | pretrain | transfer | synthetic``: the recipes, as commands.

One rule: a command is its recipe's file, run with the words that follow; the file alone states its options.
"""

from __future__ import annotations

import runpy
from collections.abc import Callable

import typer

from energy_gym.paths import recipe

RECIPES = {
    "train": "Train an agent from scratch.",
    "finetune": "Clone the expert, then fine-tune with DQN.",
    "offline": "Learn offline (CQL) from what a MILP expert played.",
    "pretrain": "Pre-train on one market, fine-tune on another.",
    "transfer": "Go from three to five discrete levels.",
    "synthetic": "Train on synthetic years, test on a real market.",
}
PASSED_ON = {"allow_extra_args": True, "ignore_unknown_options": True}


def add_recipes(app: typer.Typer) -> None:
    """Add a command for each recipe."""
    for name, told in RECIPES.items():
        app.command(name=name, help=told, add_help_option=False, context_settings=PASSED_ON)(_command(name))


def _command(name: str) -> Callable[[typer.Context], None]:
    def command(context: typer.Context) -> None:
        from energy_gym.recipes import run

        run(runpy.run_path(str(recipe(name)))["main"], context.args, f"energy-gym {name}")

    return command
