"""How much the service bears: ``python benchmarks/service_load.py reads | sites | memory``.

- ``reads`` asks for ``current_dispatch`` a thousand times a second while the service plans without rest, and tells
  how long answers take, from the moment at which each was due. Client and server share the machine.
- ``sites`` plans for a hundred sites, 48 h of quarters of an hour each, and tells how long a round and a plan take.
- ``memory`` lets one site live through 10,000 intervals, each night reviewed, and tells what the process holds
  (``--hours 6`` plans less far ahead).

Forecasts, battery and meter are functions in the service's own process: they cost it next to nothing.

One rule: what is told was measured in the run itself, with what it ran on.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd
import psutil

from energy_gym.serve.api import create_app
from energy_gym.serve.clients import Reading
from energy_gym.serve.logs import log_at
from energy_gym.serve.server import serve_on
from energy_gym.serve.service import Service
from energy_gym.serve.settings import SiteSettings, read_settings

HERE = Path(__file__).stem
START, STEP, CAPACITY = pd.Timestamp("2017-06-01T06:00Z"), pd.Timedelta("15min"), 500.0
PATH = "/api/mpc/current_dispatch"


def _course(now: pd.Timestamp, least: float, most: float, peak: float) -> pd.Series:
    times = pd.date_range(now, periods=192, freq="15min")
    hour = (times.hour + times.minute / 60.0).to_numpy(dtype=float)
    return pd.Series(least + (most - least) * np.maximum(np.cos((hour - peak) * np.pi / 12.0), 0.0), times)


def load(now: pd.Timestamp) -> pd.Series:
    """Return the load that is forecast [kW]."""
    return _course(now, 130.0, 380.0, 20.0)


def solar(now: pd.Timestamp) -> pd.Series:
    """Return the solar power that is forecast [kW]."""
    return _course(now, 0.0, 150.0, 18.0)


class Controller:
    """A battery that does what it is told, and a meter: an interval is over when the next one is commanded.

    Args:
        site: Name of the site.
    """

    def __init__(self, site: str) -> None:
        self.now, self.energy, self._power = START, 0.5 * CAPACITY, 0.0

    def reading(self) -> Reading:
        """Return the state of charge, and what the meter read last."""
        before = self.now - STEP
        meter = {"load_kw": float(load(before).iloc[0]), "pv_kw": float(solar(before).iloc[0])}
        return Reading(self.now, self.energy / CAPACITY, meter, before)

    def dispatch(self, moment: pd.Timestamp, power_kw: float, grid_kw: float | None = None) -> float:
        """Take a command, and let its interval pass."""
        moved = power_kw * STEP.total_seconds() / 3600.0
        self.energy += moved * 0.9**0.5 if moved > 0.0 else moved / 0.9**0.5
        self.energy = min(max(self.energy, 0.1 * CAPACITY), 0.9 * CAPACITY)
        self.now = moment + STEP
        return power_kw

    def close(self) -> None:
        """Let go of nothing."""


class Clock:
    """Time that goes on by an interval when it is told to."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> pd.Timestamp:
        """Return the moment."""
        return self.now


def made(sites: int, agent: str, clock: Clock, database: str, workers: str = "threads", hours: int = 48) -> Service:
    """Return a service for sites that are all alike, which plan so many hours ahead."""
    columns = {"load_kw": {"python": f"{HERE}:load"}, "pv_kw": {"python": f"{HERE}:solar"}}
    told = {"agent": agent, "controller": f"{HERE}:Controller", "columns": columns, "review": None}
    named = [SiteSettings.model_validate({"id": f"site-{place}", **told}) for place in range(sites)]
    told = {"rate_limit_per_minute": 1_000_000, "log_level": "ERROR", "mpc_horizon_hours": hours}
    settings = read_settings(_env_file=None, database_url=database, workers=workers, **told)
    return Service(settings, named, now=clock)


def serve(port: int, agent: str, workers: str, database: str) -> None:
    """Serve a site on a port, and plan for it without a rest."""
    clock = Clock()
    service = made(1, agent, clock, database, workers)
    service.cycle(service.first)

    def planning() -> None:
        while True:
            clock.now += STEP
            service.cycle(service.first)
            print("planned", flush=True)

    threading.Thread(target=planning, daemon=True).start()
    serve_on(create_app(service, runs=False), "127.0.0.1", port)


async def _asked(port: int, rate: float, seconds: float, lines: int) -> list[float]:
    """Return how long answers took from when each was due [s]; those of one line wait for each other."""
    request = f"GET {PATH} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    took: list[float] = []

    async def line(place: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        begun = time.perf_counter() + 0.2 + place / rate
        for number in range(int(rate * seconds / lines)):
            due = begun + number * lines / rate
            if (left := due - time.perf_counter()) > 0.0:
                await asyncio.sleep(left)
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            size = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
            body = await reader.readexactly(size)
            took.append(time.perf_counter() - due)
            if not head.startswith(b"HTTP/1.1 200") or b"battery_power_kw" not in body:
                raise SystemExit(f"{head!r} {body!r}")
        writer.close()

    await asyncio.gather(*(line(place) for place in range(lines)))
    return took


def reads(rate: float, seconds: float, agent: str, workers: str) -> None:
    """Ask at a rate while the service plans."""
    port = 8765
    with tempfile.TemporaryDirectory() as folder:
        words = [sys.executable, __file__, "serve", "--agent", agent, "--workers", workers, "--port", str(port)]
        output = Path(folder) / "out"
        with output.open("w") as told:
            child = subprocess.Popen([*words, "--database", f"sqlite:///{folder}/load.db"], stdout=told)
        try:
            _wait(output)
            family = [psutil.Process(child.pid), *psutil.Process(child.pid).children(recursive=True)]
            before, plans = sum(sum(one.cpu_times()[:2]) for one in family), output.read_text().count("planned")
            took = asyncio.run(_asked(port, rate, seconds, 20))
            spent = sum(sum(one.cpu_times()[:2]) for one in family) - before
            plans = output.read_text().count("planned") - plans
        finally:
            child.terminate()
            child.wait(20.0)
    marks = ", ".join(
        f"p{share:g} {1000.0 * float(np.quantile(took, share / 100.0)):.1f}" for share in (50, 90, 99, 99.9)
    )
    print(
        f"{workers}, agent {agent}: {len(took)} answers at {rate:g} a second: {marks}, most {1000 * max(took):.1f} ms"
    )
    print(f"meanwhile {plans} plans; the service took {spent / seconds:.2f} CPU seconds a second, the client its own")


def _wait(output: Path) -> None:
    for _ in range(1200):
        if output.read_text().count("planned") >= 2:
            return
        time.sleep(0.1)
    raise SystemExit("the service does not plan")


def sites(count: int, agent: str, rounds: int, threads: int) -> None:
    """Plan for many sites."""
    clock, begun = Clock(), time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        service = made(count, agent, clock, f"sqlite:///{folder}/load.db")
        print(f"{count} sites made in {time.perf_counter() - begun:.1f} s", flush=True)
        for number in range(rounds):
            begun, spent = time.perf_counter(), time.process_time()
            _round(service, threads)
            wall, spent = time.perf_counter() - begun, time.process_time() - spent
            plans = [site.last for site in service.sites.values()]
            seconds = sorted(plan.seconds for plan in plans if plan is not None)
            status = {plan.status for plan in plans if plan is not None}
            print(
                f"round {number + 1}: {wall:.1f} s of wall, {spent:.1f} CPU s, a plan {statistics.mean(seconds):.3f} s "
                f"(median {seconds[len(seconds) // 2]:.3f}, most {seconds[-1]:.3f}), {', '.join(status)}, "
                f"{_held():.0f} MiB",
                flush=True,
            )
            clock.now += STEP
        service.stop()


def _round(service: Service, threads: int) -> None:
    waiting = list(service.sites)

    def work() -> None:
        while waiting:
            try:
                name = waiting.pop()
            except IndexError:
                return
            service.cycle(name)

    running = [threading.Thread(target=work) for _ in range(threads)]
    for one in running:
        one.start()
    for one in running:
        one.join()


def _held() -> float:
    return float(psutil.Process().memory_info().rss) / 2**20


def memory(count: int, agent: str, hours: int) -> None:
    """Let a site live through many intervals."""
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        service = made(1, agent, clock, f"sqlite:///{folder}/load.db", hours=hours)
        held, wrong = [], 0
        for number in range(count):
            plan = service.cycle(service.first)
            wrong += plan is None or plan.status != "optimal"
            clock.now += STEP
            if (number + 1) % 96 == 0:
                service.night(service.first)
            if (number + 1) % 500 == 0:
                gc.collect()
                held.append(_held())
                print(f"{number + 1} cycles: {held[-1]:.1f} MiB, {wrong} not optimal", flush=True)
        if len(held) > 4:
            growth = np.polyfit(500.0 * np.arange(len(held) // 2), held[-(len(held) // 2) :], 1)[0]
            print(f"in the second half it grows by {1000.0 * growth:.3f} MiB in a thousand cycles")
        service.stop()


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", choices=("reads", "sites", "memory", "serve"))
    parser.add_argument("--agent", default="mpc")
    parser.add_argument("--workers", default="threads", choices=("threads", "processes"))
    parser.add_argument("--rate", type=float, default=1000.0, help="reads a second")
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--count", type=int, default=None, help="sites, or cycles")
    parser.add_argument("--hours", type=int, default=48, help="how far ahead is planned for memory [h]")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--port", type=int, default=8765)
    parser.add_argument("--database", default="sqlite://")
    asked = parser.parse_args()
    log_at("ERROR")
    if asked.what == "serve":
        serve(asked.port, asked.agent, asked.workers, asked.database)
        return
    print(f"{os.cpu_count()} cores, Python {platform.python_version()}", flush=True)
    if asked.what == "reads":
        reads(asked.rate, asked.seconds, asked.agent, asked.workers)
    elif asked.what == "sites":
        sites(asked.count or 100, asked.agent, asked.rounds, asked.threads)
    else:
        memory(asked.count or 10_000, asked.agent, asked.hours)


if __name__ == "__main__":
    main()
