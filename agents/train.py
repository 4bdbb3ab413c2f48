"""Train an agent from scratch and compare it with rules and with model predictive control.

python agents/train.py dqn --dataset ercot-2021-2022 --steps 100000 --seeds 3
python agents/train.py l2o --seeds 1
python agents/train.py sac --id energy_gym/Microgrid-v1 --data site.csv --scenario site.yaml
"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from energy_gym.agents.base import Agent
from energy_gym.recipes import (
    ID,
    LEARNING,
    MARKET,
    Actions,
    Comparison,
    Logs,
    Own,
    Saved,
    Seeds,
    Site,
    Track,
    Way,
    Workers,
    learner,
    prepared,
    rules,
    run,
    task_keywords,
    told_data,
    usual_rules,
)

# What l2o plans is a home: by default the first of the Californian ones.
HOME_ID = "energy_gym/HomeSolar-v1"


def main(
    which: Annotated[str | None, typer.Argument(metavar="AGENT", help="The same as --agent")] = None,
    agent: Annotated[str, typer.Option(help=LEARNING)] = "dqn",
    id: Annotated[str | None, typer.Option(help=f"Environment; default: {ID}, for l2o {HOME_ID}")] = None,
    dataset: Annotated[
        str | None,
        typer.Option(
            help=f"Data set, trained on its training split, played on its test split; default: {MARKET} or the id's"
        ),
    ] = None,
    data: Own = None,
    scenario: Site = None,
    objective: Annotated[str | None, typer.Option(help="cost, carbon or joint; default: the scenario's")] = None,
    carbon_price: Annotated[float | None, typer.Option(help="Currency per tonne, for joint; default: 80")] = None,
    price_weight: Annotated[float | None, typer.Option(help="What money counts in the reward; default: 1")] = None,
    wear_weight: Annotated[float | None, typer.Option(help="What wear counts in the reward; default: 1")] = None,
    refused_per_kwh: Annotated[float | None, typer.Option(help="Penalty for each kWh of a wish refused")] = None,
    actions: Actions = None,
    steps: Annotated[int | None, typer.Option(help="Steps to train; default: the agent's own")] = None,
    load: Annotated[str | None, typer.Option(help="Folder of a saved agent to go on from")] = None,
    device: Annotated[str, typer.Option(help="cpu, cuda or auto")] = "cpu",
    beside: Annotated[
        str | None, typer.Option(help="Agents to compare with, none that learns; default: two that fit the id")
    ] = None,
    seeds: Seeds = 3,
    workers: Workers = 1,
    tensorboard: Logs = None,
    save: Saved = None,
    track: Track = None,
) -> None:
    """Train from scratch, or go on from a saved agent."""
    agent = agent if which is None else which
    chosen = prepared(agent, actions)
    task = id or (HOME_ID if agent == "l2o" else ID)

    def trained(env: Any, seed: int, logs: str | None) -> Agent:
        made = learner(agent, env, seed, logs, load=load, device=device)
        return made.fit(budget=steps, seed=seed)

    aims = {"objective": objective, "carbon_price": carbon_price, "price_weight": price_weight}
    aims |= {"wear_weight": wear_weight, "refused_per_kwh": refused_per_kwh}
    said = {name: value for name, value in aims.items() if value is not None}
    keywords = task_keywords(task, dataset, data, scenario, actions=chosen.actions, **said)
    title = f"{agent} from {load or 'scratch'} on {told_data(task, keywords)}"
    compared = usual_rules(task, keywords) if beside is None else rules(beside)
    ways = (*compared, Way(agent, trained, chosen.told(steps)))
    Comparison(title, ways, keywords, seeds, workers, tensorboard, save, id=task, track=track).run()


if __name__ == "__main__":
    run(main)
