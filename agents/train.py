"""Train an agent from scratch and compare it with rules and with model predictive control.

python agents/train.py --agent dqn --dataset ercot-2021-2022 --steps 100000 --seeds 3
"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from energy_gym.agents import make_agent
from energy_gym.agents.base import Agent
from energy_gym.recipes import (
    Comparison,
    Logs,
    Market,
    Saved,
    Seeds,
    Way,
    Workers,
    learner,
    prepared,
    run,
)


def main(
    agent: Annotated[str, typer.Option(help="dqn, ppo, sac, cql or bc")] = "dqn",
    dataset: Market = "ercot-2021-2022",
    objective: Annotated[str, typer.Option(help="cost, carbon or joint")] = "cost",
    actions: Annotated[str | None, typer.Option(help="continuous, discrete-3, ...; default: the agent's")] = None,
    steps: Annotated[int | None, typer.Option(help="Steps to train; default: the agent's own")] = None,
    seeds: Seeds = 3,
    workers: Workers = 1,
    tensorboard: Logs = None,
    save: Saved = None,
) -> None:
    """Train from scratch."""
    chosen = prepared(agent, actions)

    def rule(name: str) -> Any:
        return lambda env, seed, _: make_agent(name, env, seed).fit()

    def scratch(env: Any, seed: int, logs: str | None) -> Agent:
        return learner(agent, env, seed, logs).fit(budget=steps)

    ways = (
        Way("threshold", rule("threshold"), "-"),
        Way("mpc", rule("mpc"), "-"),
        Way(agent, scratch, chosen.told(steps)),
    )
    keywords = {"dataset": dataset, "objective": objective, "actions": chosen.actions}
    Comparison(f"{agent} from scratch on {dataset}", ways, keywords, seeds, workers, tensorboard, save).run()


if __name__ == "__main__":
    run(main)
