"""Clone the expert, then fine-tune with DQN; against DQN from scratch at equal steps of the environment.

    python agents/finetune.py --dataset ercot-2021-2022 --steps 50000 --months 3

DQN starts from values that are fitted to the cloned policy, and heeds the expert's advice on the way (`DQN.follow`).
With ``--months`` all see the first months of the training split alone, where the advice is worth most.
"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from energy_gym.agents.base import Agent
from energy_gym.recipes import (
    ID,
    Comparison,
    Ids,
    Levels,
    Logs,
    Market,
    Months,
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
    training_part,
)


def main(
    id: Ids = ID,
    dataset: Market = None,
    data: Own = None,
    scenario: Site = None,
    actions: Levels = "discrete-3",
    steps: Annotated[int, typer.Option(help="Steps of DQN in the environment")] = 50_000,
    batches: Annotated[int, typer.Option(help="Batches of cloning")] = 3_000,
    months: Months = None,
    seeds: Seeds = 3,
    workers: Workers = 1,
    tensorboard: Logs = None,
    save: Saved = None,
    track: Track = None,
) -> None:
    """Clone the expert, then fine-tune with DQN."""

    def scratch(env: Any, seed: int, logs: str | None) -> Agent:
        return learner("dqn", env, seed, logs).fit(training_part(env, months, "week"), budget=steps)

    def cloned(env: Any, seed: int, logs: str | None) -> Any:
        return learner("bc", env, seed, logs).fit(training_part(env, months, None), budget=batches)

    def tuned(env: Any, seed: int, logs: str | None) -> Agent:
        agent: Any = learner("dqn", env, seed, logs)
        clone = cloned(env, seed, logs)
        agent.adopt(clone)
        agent.follow(clone.studied)
        return agent.fit(training_part(env, months, "week"), budget=steps)

    ways = (
        Way("dqn from scratch", scratch, f"{steps:,}"),
        Way("bc", cloned, "expert"),
        Way("bc, then dqn", tuned, f"expert + {steps:,}"),
    )
    part = "" if months is None else f", {months} months of data"
    keywords = task_keywords(id, dataset, data, scenario, actions=actions)
    title = f"Cloning and fine-tuning on {told_data(id, keywords)}{part}"
    Comparison(title, ways, keywords, seeds, workers, tensorboard, save, id=id, track=track).run()


if __name__ == "__main__":
    run(main)
