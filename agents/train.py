"""Train an agent from scratch and compare it with rules and with model predictive control.

python agents/train.py dqn --dataset ercot-2021-2022 --steps 100000 --seeds 3
python agents/train.py l2o --seeds 1
"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from energy_gym.agents.base import Agent
from energy_gym.recipes import (
    ID,
    Comparison,
    Logs,
    Saved,
    Seeds,
    Way,
    Workers,
    learner,
    prepared,
    rules,
    run,
)

MARKET = "ercot-2021-2022"
# What l2o plans is a home: by default the first of the Californian ones.
HOME_ID = "energy_gym/HomeSolar-v0"
HOMES = "california-homes-2016"
DATA = "Data set: trains on its training split, is played on its test split"


def main(
    which: Annotated[str | None, typer.Argument(metavar="AGENT", help="The same as --agent")] = None,
    agent: Annotated[str, typer.Option(help="dqn, ppo, sac, cql, bc or l2o")] = "dqn",
    dataset: Annotated[str | None, typer.Option(help=f"{DATA}; default: {MARKET}, for l2o {HOMES}")] = None,
    objective: Annotated[str, typer.Option(help="cost, carbon or joint")] = "cost",
    actions: Annotated[str | None, typer.Option(help="continuous, discrete-3, ...; default: the agent's")] = None,
    steps: Annotated[int | None, typer.Option(help="Steps to train; default: the agent's own")] = None,
    beside: Annotated[str, typer.Option(help="Agents to compare with, none that learns")] = "threshold,mpc",
    seeds: Seeds = 3,
    workers: Workers = 1,
    tensorboard: Logs = None,
    save: Saved = None,
) -> None:
    """Train from scratch."""
    agent = agent if which is None else which
    chosen = prepared(agent, actions)
    task, usual = (HOME_ID, HOMES) if agent == "l2o" else (ID, MARKET)
    data = usual if dataset is None else dataset

    def scratch(env: Any, seed: int, logs: str | None) -> Agent:
        return learner(agent, env, seed, logs).fit(budget=steps)

    ways = (*rules(beside), Way(agent, scratch, chosen.told(steps)))
    keywords = {"dataset": data, "objective": objective, "actions": chosen.actions}
    Comparison(f"{agent} from scratch on {data}", ways, keywords, seeds, workers, tensorboard, save, id=task).run()


if __name__ == "__main__":
    run(main)
