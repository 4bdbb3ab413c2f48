"""The household of EMHASS through the service: ``python benchmarks/served_household.py``; see `emhass`.

Its 672 half hours are planned for one by one over HTTP, on a forecast that is served as the Reporter serves it, by the
rolling planner of the study. The bill is put beside the environment's, the one without a battery, and the optimum.

One rule: every figure is a bill that was settled, or the proven optimum of the same site.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import emhass
import pandas as pd

from energy_gym.serve.logs import log_at
from energy_gym.serve.service import Service
from energy_gym.serve.settings import SiteSettings, read_settings
from energy_gym.serve.simulation import Plant, serving_plant

AGENT = "emhass:Sooner"


def site_of(folder: Path, data: pd.DataFrame, agent: str) -> SiteSettings:
    """Return the settings of the site: what the household is, and its load before the two weeks."""
    scenario = emhass.household()
    scenario = replace(scenario, objective=replace(scenario.objective, terminal="buyback"))
    (folder / "household.yaml").write_text(scenario.to_yaml(), encoding="utf-8")
    begin = pd.Timestamp(emhass.BEGIN, tz=emhass.ZONE)
    data.loc[: begin - pd.Timedelta("30min")].to_csv(folder / "past.csv", index_label="time")
    told = {"scenario": folder / "household.yaml", "data": str(folder / "past.csv"), "zone": emhass.ZONE}
    span = {"since": begin.isoformat(), "until": (begin + pd.Timedelta(days=emhass.DAYS)).isoformat()}
    return SiteSettings.model_validate({**told, "agent": agent, "span": span})


def served(data: pd.DataFrame, forecast: Any, agent: str) -> float:
    """Return what the two weeks cost through the service [EUR]."""
    plant = Plant(emhass.make(data, forecast).unwrapped)
    with ExitStack() as stack:
        urls = stack.enter_context(serving_plant(plant))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        told = {"mpc_horizon_hours": 24, "mpc_interval_minutes": 30, "mpc_time_step_minutes": 30}
        settings = read_settings(_env_file=None, **urls, **told, database_url=f"sqlite:///{folder}/service.db")
        service = Service(settings, [site_of(folder, data, agent)], now=lambda: plant.now)
        stack.callback(service.stop)
        while not plant.over:
            plan = service.cycle("site")
            if plan is None or plan.status != "optimal":
                print(f"{plant.now}: {service.errors if plan is None else plan.reason}", flush=True)
            plant.advance()
    return -plant.returned


def main() -> None:
    """Play the two weeks with some forecasts, and print their bills."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--forecasts", nargs="+", default=["mean", "yesterday"])
    parser.add_argument("--agent", default=AGENT)
    asked = parser.parse_args()
    log_at("ERROR")
    data = emhass.series(Path(os.environ["ENERGY_GYM_DATA"]) / "emhass")
    for name, forecast in emhass.forecasts(asked.forecasts, data):
        env = emhass.make(data, forecast)
        agent = emhass.player("mpc-sooner" if asked.agent == AGENT else asked.agent, env)
        bills = {
            "service": served(data, forecast, asked.agent),
            "environment": emhass.bill(env, agent, False),
            "no battery": emhass.bill(env, None, False),
            "optimum": emhass.optimum(env, False),
        }
        print(f"{name}: {', '.join(f'{what} {cost:.6f}' for what, cost in bills.items())} EUR", flush=True)


if __name__ == "__main__":
    main()
