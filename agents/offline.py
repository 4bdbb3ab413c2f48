"""Conservative Q-learning from what a MILP expert played, noise mixed in; against DQN from scratch and the data itself.

python agents/offline.py --dataset ercot-2021-2022 --noise 0.3 --steps 50000
"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from energy_gym.agents.base import Agent
from energy_gym.agents.records.behaviour import Behaviour
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
    noise: Annotated[float, typer.Option(help="Share of random actions in the data")] = 0.3,
    steps: Annotated[int, typer.Option(help="Steps of DQN in the environment")] = 50_000,
    batches: Annotated[int, typer.Option(help="Batches of offline learning")] = 5_000,
    months: Months = None,
    seeds: Seeds = 3,
    workers: Workers = 1,
    tensorboard: Logs = None,
    save: Saved = None,
    track: Track = None,
) -> None:
    """Offline CQL from MILP data."""

    def scratch(env: Any, seed: int, logs: str | None) -> Agent:
        return learner("dqn", env, seed, logs).fit(training_part(env, months, "week"), budget=steps)

    def offline(env: Any, seed: int, logs: str | None) -> Agent:
        agent = learner("cql", env, seed, logs)
        agent.settings["expert"] = {**agent.settings["expert"], "noise": noise}
        return agent.fit(training_part(env, months, None), budget=batches)

    def behaviour(env: Any, seed: int, _: str | None) -> Agent:
        return Behaviour(env, seed, noise=noise)

    ways = (
        Way("dqn from scratch", scratch, f"{steps:,}"),
        Way(f"the expert with {noise:.0%} noise", behaviour, "-"),
        Way("cql", offline, "expert"),
    )
    keywords = task_keywords(id, dataset, data, scenario, actions=actions)
    title = f"Offline learning on {told_data(id, keywords)}"
    Comparison(title, ways, keywords, seeds, workers, tensorboard, save, id=id, track=track).run()


if __name__ == "__main__":
    run(main)
