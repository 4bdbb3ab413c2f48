"""What recipes take from the command line; one rule: an option that several share is stated here."""

from __future__ import annotations

from typing import Annotated

import typer

from energy_gym.agents.learner import Learner
from energy_gym.agents.registry import agent_class, learner_ids
from energy_gym.tracking.protocol import tracker_ids

ID = "energy_gym/Arbitrage-v1"
MARKET = "ercot-2021-2022"
# Options that recipes share.
Market = Annotated[str | None, typer.Option(help="Data set: trains on its training split, is played on its test split")]
Levels = Annotated[str, typer.Option(help="Actions: discrete-3, discrete-5, ...; continuous where the agent plays it")]
Actions = Annotated[str | None, typer.Option(help="continuous, discrete-3, discrete-5, ...; default: the agent's")]
Months = Annotated[int | None, typer.Option(help="First months of the training data; default: all")]
Seeds = Annotated[int, typer.Option(help="Trainings of each way, each with its own seed")]
Workers = Annotated[int, typer.Option(help="Processes")]
Logs = Annotated[str | None, typer.Option(help="Folder of TensorBoard logs")]
Ids = Annotated[str, typer.Option("--id", help="Environment; see energy-gym list")]
Own = Annotated[str | None, typer.Option("--data", help="CSV or Parquet file of yours, in place of a data set")]
Site = Annotated[str | None, typer.Option("--scenario", help="YAML file of a scenario")]
Saved = Annotated[str | None, typer.Option(help="Folder for the first seed's agents")]
Track = Annotated[str | None, typer.Option(help=f"Tell each training to a tracker: {' or '.join(tracker_ids())}")]
# Agents to compare with: the first two that make sense in an environment.
BESIDE = "threshold,mpc,bid-forecast,follow"
# Learners whose layers another training can go on from, and all of them, as help texts list them.
CARRIERS = tuple(name for name in learner_ids() if issubclass(agent_class(name), Learner))
CARRYING, LEARNING = ", ".join(CARRIERS), ", ".join(learner_ids())
