"""``energy-gym serve``: the service, alone or with what stands in for the services around it.

One rule: it reads options, starts and stops; what happens in between is `energy_gym.serve`'s.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from energy_gym.cli.tracked import Track
from energy_gym.errors import ConfigurationError, MissingExtraError

if TYPE_CHECKING:
    from energy_gym.serve.service import Service
    from energy_gym.serve.simulation import Plant

console = Console()
SIMULATED_ID = "energy_gym/Commercial-v1"


def serve(
    config: Annotated[Path | None, typer.Option(help="YAML file of sites; default: one, by the settings")] = None,
    simulate: Annotated[bool, typer.Option(help="Stand in for forecasts, battery and meter by a site of ours")] = False,
    days: Annotated[int, typer.Option(help="Days that are simulated", min=1)] = 7,
    start: Annotated[str | None, typer.Option(help="First interval that is simulated, such as 2017-06-05")] = None,
    speed: Annotated[
        float, typer.Option(help="How many times faster than time a simulation runs; 0: as fast as it can", min=0.0)
    ] = 0.0,
    agent: Annotated[str, typer.Option(help="Agent that decides in a simulation, or a saved one's folder")] = "mpc",
    fault: Annotated[str | None, typer.Option(help="What fails from the second day on, such as bms:outage")] = None,
    new_key: Annotated[str | None, typer.Option(help="Make a key for a role (read, trigger, admin), and leave")] = None,
    track: Track = None,
) -> None:
    """Plan and command a battery every quarter of an hour, over HTTP."""
    MissingExtraError.check("serve", "fastapi", "uvicorn", "sqlalchemy")
    if new_key is not None:
        _show_key(new_key)
    elif simulate:
        if config is not None or track is not None:
            first = "--config" if track is None else "--track"
            raise ConfigurationError(f"{first} and --simulate", "exclude each other", "drop one of them")
        _simulate(days, start, speed, agent, fault)
    else:
        _serve(config, track)


def _show_key(role: str) -> None:
    from energy_gym.serve.security import new_key

    made = new_key(role)
    console.print(f"key:  {made.key}", highlight=False, soft_wrap=True)
    console.print(f'keep: API_KEYS=\'{{"{made.hashed}": "{role}"}}\'', highlight=False, soft_wrap=True)


def _serve(config: Path | None, track: str | None) -> None:
    from energy_gym.serve.api import create_app
    from energy_gym.serve.logs import log_at
    from energy_gym.serve.server import serve_on
    from energy_gym.serve.service import Service
    from energy_gym.serve.settings import read_settings, read_sites

    settings = read_settings(**({} if track is None else {"track": track}))
    log_at(settings.log_level)
    service = Service(settings, read_sites(config))
    _welcome(f"http://{settings.service_host}:{settings.service_port}")
    serve_on(create_app(service), settings.service_host, settings.service_port)


def _welcome(address: str) -> None:
    told = f"energy-gym serves {address} (a browser shows the site there, {address}/docs the interface); Ctrl-C ends it"
    console.print(told, highlight=False, soft_wrap=True)


@contextmanager
def _simulated(plant: Plant, agent: str) -> Iterator[Service]:
    """Serve a plant's two services and ours, and yield ours."""
    from energy_gym.serve.api import create_app
    from energy_gym.serve.service import Service
    from energy_gym.serve.settings import SiteSettings, read_settings
    from energy_gym.serve.simulation import serving, serving_plant

    settings = read_settings()
    with ExitStack() as stack:
        addresses = stack.enter_context(serving_plant(plant))
        told = settings.model_copy(update={**addresses, "database_url": "sqlite://"})
        service = Service(told, [SiteSettings(agent=agent)], now=lambda: plant.now)
        stack.callback(service.stop)
        _welcome(stack.enter_context(serving(create_app(service, runs=False), "127.0.0.1", settings.service_port)))
        yield service


def _simulate(days: int, start: str | None, speed: float, agent: str, fault: str | None) -> None:
    import gymnasium as gym

    from energy_gym.serve.logs import log_at
    from energy_gym.serve.simulation import Plant, check_fault

    log_at("ERROR")
    env: Any = gym.make(SIMULATED_ID, split="test", disable_env_checker=True).unwrapped
    per_day = round(24 / env.setup.feed.step_hours)
    plant = Plant(env, start, days * per_day)
    service_fault = _fault(fault)
    if service_fault:
        check_fault(*service_fault)
    with _simulated(plant, agent) as service:
        for step in range(days * per_day):
            if step == per_day and service_fault:
                plant.fail(*service_fault)
            begun = time.perf_counter()
            plan = service.cycle(service.first)
            plant.advance()
            if (step + 1) % per_day == 0:
                _day(plant, plan)
            if speed > 0.0:
                time.sleep(max(env.setup.feed.step_hours * 3600.0 / speed - (time.perf_counter() - begun), 0.0))
    _bill(plant)


def _fault(text: str | None) -> tuple[str, str] | None:
    if text is None:
        return None
    service, mark, fault = text.partition(":")
    if not mark:
        raise ConfigurationError(f"--fault {text}", "must be SERVICE:FAULT", "write bms:outage or reporter:late")
    return service, fault


def _day(plant: Plant, plan: Any) -> None:
    unit = plant.env.setup.reward_unit
    status = "no plan" if plan is None else plan.status + (f": {plan.reason}" if plan.reason else "")
    told = f"until {plant.now:%Y-%m-%d %H:%M} UTC: bill {-plant.returned:,.0f} {unit}, stored {plant.soc:.0%}, {status}"
    console.print(told, highlight=False, soft_wrap=True)


def _bill(plant: Plant) -> None:
    """Show the bill beside the one without a battery."""
    env, unit = plant.env, plant.env.setup.reward_unit
    first, stop = env.window
    idle = env.variant()
    idle.reset(seed=0, options={"start": idle.setup.time(first), "steps": stop - first})
    without = -sum(idle.step([0.0])[1] for _ in range(stop - first))
    paid = -plant.returned
    told = f"bill {paid:,.0f} {unit}; without a battery {without:,.0f} {unit}; saved {without - paid:,.0f} {unit}"
    console.print(f"{told} ({(without - paid) / without:.1%})", highlight=False, soft_wrap=True)
