"""From three to five discrete levels: all layers but the last are kept; against five levels from scratch.

python agents/transfer.py --dataset ercot-2021-2022 --steps 50000
"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from energy_gym.agents.base import Agent
from energy_gym.recipes import (
    ID,
    Comparison,
    Ids,
    Logs,
    Market,
    Own,
    Saved,
    Seeds,
    Site,
    Track,
    Way,
    Workers,
    learner,
    run,
    task_keywords,
    told_data,
)


def main(
    id: Ids = ID,
    dataset: Market = None,
    data: Own = None,
    scenario: Site = None,
    few: Annotated[str, typer.Option(help="Actions to pre-train with")] = "discrete-3",
    many: Annotated[str, typer.Option(help="Actions to go on with")] = "discrete-5",
    before: Annotated[int, typer.Option(help="Steps with few levels")] = 100_000,
    steps: Annotated[int, typer.Option(help="Steps with many levels, both ways")] = 50_000,
    seeds: Seeds = 3,
    workers: Workers = 1,
    tensorboard: Logs = None,
    save: Saved = None,
    track: Track = None,
) -> None:
    """Transfer to more levels."""

    def scratch(env: Any, seed: int, logs: str | None) -> Agent:
        return learner("dqn", env, seed, logs).fit(budget=steps)

    def transferred(env: Any, seed: int, logs: str | None) -> Agent:
        coarse = learner("dqn", env.unwrapped.variant(actions=few), seed, logs).fit(budget=before)
        agent = learner("dqn", env, seed, logs)
        agent.adopt(coarse)
        return agent.fit(budget=steps)

    ways = (
        Way(f"{many} from scratch", scratch, f"{steps:,}"),
        Way(f"{few}, then {many}", transferred, f"{before:,} + {steps:,}"),
    )
    keywords = task_keywords(id, dataset, data, scenario, actions=many)
    title = f"dqn from {few} to {many} on {told_data(id, keywords)}"
    Comparison(title, ways, keywords, seeds, workers, tensorboard, save, id=id, track=track).run()


if __name__ == "__main__":
    run(main)
