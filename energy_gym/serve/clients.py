"""Clients of the two services that ours lives between: the Reporter's forecasts and the battery's own controller.

One rule: a call ends within its time, is tried again a few times, and is not tried at all for a while after many
failures; what comes back is checked before anyone believes it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import httpx
import pandas as pd
import stamina

from energy_gym.errors import DataError, EnergyGymError
from energy_gym.serve.beliefs import Announced

PATHS = {"load_kw": "/api/forecasts/load", "pv_kw": "/api/forecasts/solar"}
SOC_PATH, DISPATCH_PATH = "/api/battery/soc", "/api/battery/dispatch"
BREAKS_AFTER, OPEN_SECONDS = 5, 60.0


class UnreachableError(EnergyGymError, ConnectionError):
    """A service did not answer, or not with what it must answer."""


@dataclass
class Breaker:
    """Stops calls for a while after so many failures in a row; then one is let through to see.

    Example:
        >>> moments = iter([0.0, 10.0, 100.0])
        >>> breaker = Breaker(after=1, open_seconds=60.0, clock=lambda: next(moments))
        >>> breaker.failed()
        >>> breaker.closed(), breaker.closed()
        (False, True)
    """

    after: int = BREAKS_AFTER
    open_seconds: float = OPEN_SECONDS
    clock: Callable[[], float] = time.monotonic
    failures: int = field(default=0, init=False)
    _since: float = field(default=0.0, init=False)

    def closed(self) -> bool:
        """Return whether a call may be made."""
        return self.failures < self.after or self.clock() - self._since >= self.open_seconds

    def failed(self) -> None:
        """Count a failure."""
        self.failures += 1
        if self.failures >= self.after:
            self._since = self.clock()

    def succeeded(self) -> None:
        """Forget failures."""
        self.failures = 0


class Remote:
    """A service behind an address.

    Args:
        url: Its address.
        timeout: How long a call may take [s].
        attempts: How often it is tried.
        client: What makes the calls; by default one of its own.
        breaker: What stops calls after many failures.
    """

    def __init__(
        self,
        url: str,
        timeout: float = 5.0,
        attempts: int = 3,
        client: httpx.Client | None = None,
        breaker: Breaker | None = None,
    ) -> None:
        self.url, self.timeout, self.attempts = url, timeout, attempts
        self.breaker = Breaker() if breaker is None else breaker
        self._client = httpx.Client(timeout=timeout) if client is None else client

    def call(self, method: str, path: str, **body: Any) -> dict[str, Any]:
        """Return what a service answers.

        Raises:
            UnreachableError: It does not answer, answers with an error or with no JSON object, or failed too often.
        """
        if not self.breaker.closed():
            rule = f"failed {self.breaker.failures} times in a row"
            raise UnreachableError(f"{self.url}{path}", rule, f"is asked again after {self.breaker.open_seconds:.0f} s")
        try:
            answer = self._tried(method, path, body)
        except (httpx.HTTPError, ValueError) as error:
            self.breaker.failed()
            rule = f"did not answer as it must ({type(error).__name__}: {error})"
            raise UnreachableError(f"{self.url}{path}", rule, "check the service and its address") from error
        self.breaker.succeeded()
        return answer

    def _tried(self, method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        for attempt in stamina.retry_context(
            on=(httpx.TransportError, httpx.HTTPStatusError), attempts=self.attempts, wait_initial=0.05, wait_max=1.0
        ):
            with attempt:
                response = self._client.request(method, self.url + path, json=body or None)
                response.raise_for_status()
        answer = response.json()
        if not isinstance(answer, dict):
            raise ValueError("no JSON object")
        return answer

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()


class Reporter(Remote):
    """The service that forecasts load and solar power.

    ``GET /api/forecasts/load`` and ``/api/forecasts/solar`` answer
    ``{"issued_at": STAMP, "forecast": [{"timestamp": STAMP, "load_kw": NUMBER}, ...]}`` (``solar_kw`` of the latter):
    evenly spaced intervals of any length, stamped with their start and an offset.
    """

    def forecast(self, column: str) -> Announced:
        """Return the forecast of ``"load_kw"`` or ``"pv_kw"`` as it is now.

        Raises:
            UnreachableError: It does not answer.
            DataError: The answer is no forecast.
        """
        answer = self.call("GET", PATHS[column])
        name = "solar_kw" if column == "pv_kw" else column
        return read_forecast(answer, column, name, f"{self.url}{PATHS[column]}")


def read_forecast(answer: dict[str, Any], column: str, name: str, where: str) -> Announced:
    """Return the forecast in an answer.

    Args:
        answer: What came.
        column: Which column it is of.
        name: What its values are called.
        where: Where it came from, for messages.

    Raises:
        DataError: The answer is no forecast.
    """
    try:
        rows = answer["forecast"]
        stamps = pd.DatetimeIndex([_stamp(row["timestamp"]) for row in rows])
        values = [_number(row[name]) for row in rows]
        issued = _stamp(answer["issued_at"])
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(where, f"is no forecast ({error!r})", "see docs/service.md") from error
    return Announced.of(issued, stamps, values, column)


class Reading(NamedTuple):
    """What the battery's controller says.

    Args:
        time: When it was measured [UTC].
        soc: State of charge, a share of the capacity.
        meter: Mean powers of the last interval where it has a meter: ``load_kw`` and ``pv_kw``.
        meter_time: Start of that interval [UTC].
        temperature_c: Temperature of the battery, where it tells one.
    """

    time: pd.Timestamp
    soc: float
    meter: dict[str, float]
    meter_time: pd.Timestamp | None
    temperature_c: float | None = None


class BatteryController(Remote):
    """The controller of the battery, or what stands in for it.

    ``GET /api/battery/soc`` answers ``{"timestamp": STAMP, "soc": SHARE}`` and, where it reads the meter,
    ``"meter": {"timestamp": STAMP, "load_kw": NUMBER, "solar_kw": NUMBER}`` of the interval that begins there.
    Where it also has ``"temperature_c": NUMBER`` the limit of temperature is held.
    ``POST /api/battery/dispatch`` takes ``{"timestamp": STAMP, "battery_power_kw": NUMBER}``; positive charges. Where
    it answers with ``battery_power_kw`` that is taken as what it will do. Of a site with ``control: meter`` it also has
    ``grid_power_kw``, which is to be held at the meter.
    """

    def reading(self) -> Reading:
        """Return the state of charge, and what the meter read last.

        Raises:
            UnreachableError: It does not answer.
            DataError: The answer has no state of charge from 0 to 1.
        """
        answer = self.call("GET", SOC_PATH)
        try:
            soc, moment = _number(answer["soc"]), _stamp(answer["timestamp"])
            meter = answer.get("meter") or {}
            told = {"load_kw": "load_kw", "pv_kw": "solar_kw"}
            values = {ours: _number(meter[theirs]) for ours, theirs in told.items() if theirs in meter}
            begun = _stamp(meter["timestamp"]) if values else None
            warmth = _number(answer["temperature_c"]) if "temperature_c" in answer else None
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"{self.url}{SOC_PATH}", f"is no reading ({error!r})", "see docs/service.md") from error
        if not 0.0 <= soc <= 1.0:
            raise DataError(f"{self.url}{SOC_PATH}: soc={soc:g}", "must be a share, 0 to 1", "send 0.5, not 50")
        return Reading(moment, soc, values, begun, warmth)

    def dispatch(self, time: pd.Timestamp, power_kw: float, grid_kw: float | None = None) -> float | None:
        """Command a power for the interval that begins at a moment, and return what is confirmed, if anything [kW].

        Args:
            time: Start of the interval.
            power_kw: Of the battery, positive charges.
            grid_kw: To be held at the meter in place of it, positive imports.

        Raises:
            UnreachableError: It does not answer.
            DataError: What it confirms is no number.
        """
        held = {} if grid_kw is None else {"grid_power_kw": grid_kw}
        answer = self.call("POST", DISPATCH_PATH, timestamp=time.isoformat(), battery_power_kw=power_kw, **held)
        try:
            return _number(answer["battery_power_kw"]) if "battery_power_kw" in answer else None
        except ValueError as error:
            raise DataError(
                f"{self.url}{DISPATCH_PATH}", f"confirms no power ({error})", "see docs/service.md"
            ) from error


def _stamp(text: Any) -> pd.Timestamp:
    stamp = pd.Timestamp(text)
    if stamp is pd.NaT or stamp.tz is None:
        raise ValueError(f"stamp {text!r} has no offset")
    return stamp.tz_convert("UTC")


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{value!r} is no finite number")
    return float(value)
