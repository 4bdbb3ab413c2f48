"""Pre-train on one market and fine-tune on another; against training on the second from scratch at equal steps.

python agents/pretrain.py --first de-lu --then caiso --steps 50000
python agents/pretrain.py            # the embedded pair, with no download
"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from energy_gym.agents.base import Agent
from energy_gym.recipes import (
    Comparison,
    Levels,
    Logs,
    Saved,
    Seeds,
    Way,
    Workers,
    learner,
    run,
)


def main(
    first: Annotated[str, typer.Option(help="Data set to pre-train on")] = "ercot-2021-2022",
    then: Annotated[str, typer.Option(help="Data set to fine-tune and play on")] = "california-homes-2016",
    agent: Annotated[str, typer.Option(help="dqn, ppo or sac")] = "dqn",
    actions: Levels = "discrete-3",
    before: Annotated[int, typer.Option(help="Steps on the first market")] = 100_000,
    steps: Annotated[int, typer.Option(help="Steps on the second market, both ways")] = 50_000,
    seeds: Seeds = 3,
    workers: Workers = 1,
    tensorboard: Logs = None,
    save: Saved = None,
) -> None:
    """Pre-train on one market, fine-tune on another."""

    def scratch(env: Any, seed: int, logs: str | None) -> Agent:
        return learner(agent, env, seed, logs).fit(budget=steps)

    def carried(env: Any, seed: int, logs: str | None) -> Any:
        elsewhere = env.unwrapped.variant(dataset=first)
        made = learner(agent, env, seed, logs)
        made.adopt(learner(agent, elsewhere, seed, logs).fit(budget=before))
        return made

    def tuned(env: Any, seed: int, logs: str | None) -> Agent:
        return carried(env, seed, logs).fit(budget=steps)

    ways = (
        Way("from scratch", scratch, f"{steps:,}"),
        Way(f"trained on {first} only", carried, f"{before:,} there"),
        Way("pre-trained, fine-tuned", tuned, f"{before:,} there + {steps:,}"),
    )
    keywords = {"dataset": then, "actions": actions}
    Comparison(f"{agent}: {first}, then {then}", ways, keywords, seeds, workers, tensorboard, save).run()


if __name__ == "__main__":
    run(main)
