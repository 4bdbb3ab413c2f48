"""Pre-train on one market and fine-tune on another; against training on the second from scratch at equal steps.

python agents/pretrain.py --first de-lu --then caiso --steps 50000
python agents/pretrain.py --id energy_gym/Microgrid-v1 --then mine.csv
python agents/pretrain.py            # the embedded pair, with no download
"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from energy_gym.agents.base import Agent
from energy_gym.errors import ConfigurationError
from energy_gym.recipes import (
    CARRYING,
    ID,
    MARKET,
    Actions,
    Comparison,
    Ids,
    Logs,
    Saved,
    Seeds,
    Site,
    Track,
    Way,
    Workers,
    carrier,
    elsewhere,
    learner,
    market,
    run,
)

HOMES = "california-homes-2016"


def main(
    id: Ids = ID,
    first: Annotated[
        str | None, typer.Option(help=f"Data set or file to pre-train on; default: {MARKET}, or the id's own")
    ] = None,
    then: Annotated[
        str | None, typer.Option(help=f"Data set or file to fine-tune and play on; default, for arbitrage: {HOMES}")
    ] = None,
    scenario: Site = None,
    agent: Annotated[str, typer.Option(help=CARRYING)] = "dqn",
    actions: Actions = None,
    before: Annotated[int, typer.Option(help="Steps on the first market")] = 100_000,
    steps: Annotated[int, typer.Option(help="Steps on the second market, both ways")] = 50_000,
    seeds: Seeds = 3,
    workers: Workers = 1,
    tensorboard: Logs = None,
    save: Saved = None,
    track: Track = None,
) -> None:
    """Pre-train on one market, fine-tune on another."""
    first, then = _pair(id, first, then)
    chosen = carrier(agent, actions)

    def scratch(env: Any, seed: int, logs: str | None) -> Agent:
        return learner(agent, env, seed, logs).fit(budget=steps)

    def carried(env: Any, seed: int, logs: str | None) -> Any:
        made = learner(agent, env, seed, logs)
        made.adopt(learner(agent, elsewhere(env, first), seed, logs).fit(budget=before))
        return made

    def tuned(env: Any, seed: int, logs: str | None) -> Agent:
        return carried(env, seed, logs).fit(budget=steps)

    begun = first or "usual data"
    ways = (
        Way("from scratch", scratch, f"{steps:,}"),
        Way(f"trained on {begun} only", carried, f"{before:,} there"),
        Way("pre-trained, fine-tuned", tuned, f"{before:,} there + {steps:,}"),
    )
    keywords = {**market(then), "scenario": scenario, "actions": chosen.actions}
    keywords = {name: value for name, value in keywords.items() if value is not None}
    Comparison(
        f"{agent}: {begun}, then {then}", ways, keywords, seeds, workers, tensorboard, save, id=id, track=track
    ).run()


def _pair(id: str, first: str | None, then: str | None) -> tuple[str | None, str]:
    """Return what is trained on first, None: the id's own data, and what is played on."""
    if id == ID:
        return first or MARKET, then or HOMES
    if then is None:
        raise ConfigurationError("then=None", f"has no usual value for {id}", "pass --then with a data set or a file")
    return first, then


if __name__ == "__main__":
    run(main)
