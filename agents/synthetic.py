"""Train on synthetic years, test on a real market; against training on that market's own past.

python agents/synthetic.py --dataset ercot-2021-2022 --steps 100000
python agents/synthetic.py --id energy_gym/Microgrid-v1 --data mine.csv
"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from energy_gym.agents.base import Agent
from energy_gym.recipes import (
    CARRYING,
    ID,
    MARKET,
    Actions,
    Comparison,
    Ids,
    Logs,
    Own,
    Saved,
    Seeds,
    Site,
    Track,
    Way,
    Workers,
    carrier,
    elsewhere,
    learner,
    run,
    task_keywords,
    told_data,
)

# What stands in for an id's market, where it is not the usual one.
YEARS = {"energy_gym/Bidding-v1": "synthetic-dk2"}


def main(
    id: Ids = ID,
    dataset: Annotated[
        str | None,
        typer.Option(help=f"The real data: their test split is played; default: {MARKET}, or the id's own"),
    ] = None,
    data: Own = None,
    scenario: Site = None,
    years: Annotated[
        str | None, typer.Option(help="Synthetic data set to train on; default: synthetic, for bids synthetic-dk2")
    ] = None,
    agent: Annotated[str, typer.Option(help=CARRYING)] = "dqn",
    actions: Actions = None,
    steps: Annotated[int, typer.Option(help="Steps of training, both ways")] = 100_000,
    seeds: Seeds = 3,
    workers: Workers = 1,
    tensorboard: Logs = None,
    save: Saved = None,
    track: Track = None,
) -> None:
    """Train on synthetic data, test on a real market."""
    chosen, made_up = carrier(agent, actions), years or YEARS.get(id, "synthetic")

    def real(env: Any, seed: int, logs: str | None) -> Agent:
        return learner(agent, env, seed, logs).fit(budget=steps)

    def synthetic(env: Any, seed: int, logs: str | None) -> Agent:
        made = learner(agent, env, seed, logs)
        made.adopt(learner(agent, elsewhere(env, made_up), seed, logs).fit(budget=steps))
        return made

    ways = (Way("the market's own past", real, f"{steps:,}"), Way("synthetic years", synthetic, f"{steps:,}"))
    keywords = task_keywords(id, dataset, data, scenario, actions=chosen.actions)
    title = f"{agent} on synthetic years, played on {told_data(id, keywords)}"
    Comparison(title, ways, keywords, seeds, workers, tensorboard, save, id=id, track=track).run()


if __name__ == "__main__":
    run(main)
