"""Train on synthetic years, test on a real market; against training on that market's own past.

python agents/synthetic.py --dataset ercot-2021-2022 --steps 100000
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
    dataset: Annotated[str, typer.Option(help="The real market: its test split is played")] = "ercot-2021-2022",
    agent: Annotated[str, typer.Option(help="dqn, ppo or sac")] = "dqn",
    actions: Levels = "discrete-3",
    steps: Annotated[int, typer.Option(help="Steps of training, both ways")] = 100_000,
    seeds: Seeds = 3,
    workers: Workers = 1,
    tensorboard: Logs = None,
    save: Saved = None,
) -> None:
    """Train on synthetic data, test on a real market."""

    def real(env: Any, seed: int, logs: str | None) -> Agent:
        return learner(agent, env, seed, logs).fit(budget=steps)

    def synthetic(env: Any, seed: int, logs: str | None) -> Agent:
        made = learner(agent, env, seed, logs)
        made.adopt(learner(agent, env.unwrapped.variant(dataset="synthetic"), seed, logs).fit(budget=steps))
        return made

    ways = (Way("the market's own past", real, f"{steps:,}"), Way("synthetic years", synthetic, f"{steps:,}"))
    keywords = {"dataset": dataset, "actions": actions}
    Comparison(
        f"{agent} on synthetic years, played on {dataset}", ways, keywords, seeds, workers, tensorboard, save
    ).run()


if __name__ == "__main__":
    run(main)
