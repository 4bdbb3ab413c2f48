"""What stands in for the two services around ours: forecasts, a battery, a meter and a bill, by an environment.

One rule: the battery moves, the meter reads and the bill grows by the laws of the suite; what can go wrong in the field
can be told to go wrong here.
"""

from __future__ import annotations

import socket
import threading
import time as clock
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pandas as pd
import uvicorn
from fastapi import FastAPI, HTTPException, Response
from pydantic import BaseModel

from energy_gym.envs.env import EnergyEnv
from energy_gym.errors import ConfigurationError, UnknownIdError
from energy_gym.serve.clients import DISPATCH_PATH, PATHS, SOC_PATH
from energy_gym.serve.metered import metered, share_of_wish, wish_of_target
from energy_gym.serve.plan import share_of
from energy_gym.serve.server import Server

FAULTS = ("outage", "late", "garbage", "nan", "half", "stuck", "clock")
SERVICES = ("reporter", "bms")
LATE_SECONDS, CLOCK_MINUTES = 30.0, 10


class Command(BaseModel):
    """A power for the interval that begins at a moment; positive charges [kW]."""

    timestamp: str
    battery_power_kw: float
    grid_power_kw: float | None = None


def check_fault(service: str, fault: str) -> None:
    """Raise UnknownIdError where there is no such service or fault; an empty fault is none.

    Example:
        >>> check_fault("bms", "outage")
    """
    if service not in SERVICES:
        raise UnknownIdError.of("service", service, SERVICES)
    if fault and fault not in FAULTS:
        raise UnknownIdError.of("fault", fault, FAULTS)


class Plant:
    """A site that happens: an environment whose clock is moved on from outside.

    Args:
        env: The environment, with one battery.
        start: First interval of the episode; None for that of the split.
        steps: Intervals of the episode; None for the rest of the split.
    """

    def __init__(self, env: EnergyEnv, start: Any = None, steps: int | None = None) -> None:
        options = {"start": start or env.setup.time(0), "steps": steps}
        env.reset(seed=0, options={key: value for key, value in options.items() if value is not None})
        self.env, self.returned, self.faults = env, 0.0, dict.fromkeys(SERVICES, "")
        self.rewards: list[float] = []
        self.temperature_c: float | None = None
        self.most_kw = float("inf")
        self._held: float | None = None
        (self.battery,) = env.setup.stores.values()
        self._power, self._meter, self._stuck = 0.0, dict[str, Any](), self.soc
        self._lock, self._mended = threading.Lock(), threading.Event()

    @property
    def now(self) -> pd.Timestamp:
        """Start of the interval that is running [UTC]."""
        return self.env.time

    @property
    def soc(self) -> float:
        """State of charge."""
        return float(self.env.energy_kwh / self.battery.capacity_kwh)

    @property
    def over(self) -> bool:
        """Whether the episode has ended."""
        now, stop = self.env.steps_left
        return now >= stop

    def fail(self, service: str, fault: str) -> None:
        """Let ``"reporter"`` or ``"bms"`` fail from now on; an empty fault ends it.

        Raises:
            UnknownIdError: No such service or fault.
        """
        check_fault(service, fault)
        self.faults[service], self._stuck = fault, self.soc
        self._mended.set()
        self._mended = threading.Event()

    def dawdle(self) -> None:
        """Wait as a service that is late does, until it is told to fail otherwise."""
        self._mended.wait(LATE_SECONDS)

    def command(self, power_kw: float, grid_kw: float | None = None) -> float:
        """Take a command for the running interval, and return what is taken of it; positive charges [kW].

        Where a power at the meter is given, that is held in place of it.
        """
        with self._lock:
            self._held = grid_kw
            self._power = min(max(power_kw, -self.most_kw), self.most_kw)
            return self._power

    def advance(self) -> dict[str, Any]:
        """End the running interval with the last command, and return its figures; the command is used up."""
        with self._lock:
            env, begun = self.env, self.env.time
            share = self._wish()
            values = {name: series[env.setup.feed.first + env.steps_left[0]] for name, series in _series(env).items()}
            _, gain, _, _, info = env.step([share])
            self._power, self._held = 0.0, None
            self.rewards.append(gain)
            self.returned += gain
            told = {"timestamp": begun.isoformat(), "grid_kw": info["grid_kw"]}
            self._meter = told | {name.replace("pv", "solar"): float(value) for name, value in values.items()}
            return dict(info)

    def _wish(self) -> float:
        """Return the wish that the last command comes to."""
        if self._held is None:
            return share_of(self.env, self._power)
        wish = wish_of_target(self.env, self._held)
        return wish if metered(self.env) else share_of_wish(self.env, wish)

    def forecast(self, column: str) -> dict[str, Any]:
        """Return what the environment's own forecast says now, as the Reporter tells it."""
        name = column.replace("pv", "solar")
        outlook = self.env.outlook()[column]
        step = pd.Timedelta(hours=self.env.setup.feed.step_hours)
        rows = [{"timestamp": (self.now + k * step).isoformat(), name: float(value)} for k, value in enumerate(outlook)]
        return {"issued_at": self.now.isoformat(), "forecast": rows}

    def reading(self) -> dict[str, Any]:
        """Return what the battery's controller says."""
        stuck, off = self.faults["bms"] == "stuck", self.faults["bms"] == "clock"
        moment = self.now + pd.Timedelta(minutes=CLOCK_MINUTES if off else 0)
        meter = {"meter": self._meter} if self._meter else {}
        warmth = {} if self.temperature_c is None else {"temperature_c": self.temperature_c}
        return {"timestamp": moment.isoformat(), "soc": self._stuck if stuck else self.soc, **meter, **warmth}


def _series(env: EnergyEnv) -> dict[str, Any]:
    return {name: values for name, values in env.setup.feed.values.items() if name in PATHS}


def reporter_app(plant: Plant) -> FastAPI:
    """Return the Reporter of a plant."""
    app = FastAPI(title="Reporter (simulated)")

    @app.get(PATHS["load_kw"])
    def load() -> Any:
        return _failing(plant, "reporter", plant.forecast("load_kw"))

    @app.get(PATHS["pv_kw"])
    def solar() -> Any:
        return _failing(plant, "reporter", plant.forecast("pv_kw"))

    return app


def validator_app(plant: Plant) -> FastAPI:
    """Return the battery's controller of a plant."""
    app = FastAPI(title="Validator (simulated)")

    @app.get(SOC_PATH)
    def soc() -> Any:
        return _failing(plant, "bms", plant.reading())

    @app.post(DISPATCH_PATH)
    def dispatch(command: Command) -> dict[str, Any]:
        _failing(plant, "bms", {})
        return {"accepted": True, "battery_power_kw": plant.command(command.battery_power_kw, command.grid_power_kw)}

    return app


def _failing(plant: Plant, service: str, answer: dict[str, Any]) -> Any:
    """Return an answer, or what comes instead of it where the service fails."""
    fault = plant.faults[service]
    if fault == "outage":
        raise HTTPException(503, "simulated outage")
    if fault == "late":
        plant.dawdle()
    if fault == "garbage":
        return Response("<html>not json", media_type="application/json")
    if fault == "half":
        return dict(list(answer.items())[:1])
    if fault == "nan":
        return Response(_with_nan(answer), media_type="application/json")
    return answer


def _with_nan(answer: dict[str, Any]) -> str:
    import json

    def spoilt(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: spoilt(item) for key, item in value.items()}
        if isinstance(value, list):
            return [spoilt(item) for item in value]
        return float("nan") if isinstance(value, float) else value

    return json.dumps(spoilt(answer))


@contextmanager
def serving(app: Any, host: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """Serve an application from a thread, and yield its address; port 0 takes a free one.

    Raises:
        ConfigurationError: The port is taken.
    """
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise ConfigurationError(f"port {port}", f"cannot be used ({error})", "choose another") from error
    server = Server(uvicorn.Config(app, log_level="error", lifespan="on"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started and thread.is_alive():
        clock.sleep(0.005)
    try:
        yield f"http://{host}:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(timeout=10.0)
        listener.close()


@contextmanager
def serving_plant(plant: Plant) -> Iterator[dict[str, str]]:
    """Serve the two services of a plant, and yield their addresses by the names of the settings."""
    with serving(reporter_app(plant)) as reporter, serving(validator_app(plant)) as bms:
        yield {"reporter_base_url": reporter, "bms_base_url": bms}
