"""Who is told of plans, commands and intervals: a webhook, an MQTT broker, a table.

One rule: telling never delays a cycle: what is told waits in a line of limited length, and what cannot be told is
counted and logged.
"""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Callable, Mapping
from typing import Any

import httpx
import pandas as pd
import stamina
from sqlalchemy import Column, Integer, MetaData, String, Table, Text, create_engine, insert
from sqlalchemy.exc import SQLAlchemyError

from energy_gym.errors import ConfigurationError, MissingExtraError, StorageError
from energy_gym.serve.imported import made
from energy_gym.serve.plan import Plan
from energy_gym.serve.safety import log
from energy_gym.serve.site_parts import CallbackSettings

MOST_WAITING = 1_000
ATTEMPTS, SECONDS = 3, 5.0
PLAN, COMMAND, INTERVAL = "plan", "command", "interval"
Message = dict[str, Any]
Send = Callable[[Message], None]


class Publisher:
    """Tells of a site's cycles, from a thread of its own.

    Args:
        name: Name, for messages.
        send: Tells one message: ``kind`` (plan, command or interval), ``site``, ``time`` and the figures.
        end: Called when nothing is told any more.

    Example:
        >>> told = []
        >>> publisher = Publisher("list", told.append)
        >>> publisher.passed("office", pd.Timestamp("2024-01-01T00:00Z"), {"grid_kw": 40.0})
        >>> publisher.close()
        >>> told
        [{'kind': 'interval', 'site': 'office', 'time': '2024-01-01T00:00:00+00:00', 'grid_kw': 40.0}]
    """

    def __init__(self, name: str, send: Send, end: Callable[[], None] = lambda: None) -> None:
        self.name, self.lost = name, 0
        self._send, self._end = send, end
        self._line: queue.Queue[Message | None] = queue.Queue(MOST_WAITING)
        self._thread = threading.Thread(target=self._tell, name=f"tell-{name}", daemon=True)
        self._thread.start()

    def planned(self, plan: Plan) -> None:
        """See `energy_gym.serve.safety.Callback.planned`."""
        schedule = None if plan.schedule is None else {"battery_kw": plan.schedule.battery_kw, "soc": plan.schedule.soc}
        self._put(PLAN, plan.site, plan.time, **_command(plan), schedule=schedule)

    def commanded(self, plan: Plan, confirmed_kw: float | None) -> None:
        """See `energy_gym.serve.safety.Callback`."""
        self._put(COMMAND, plan.site, plan.time, **_command(plan), confirmed_kw=confirmed_kw)

    def passed(self, site: str, time: pd.Timestamp, values: Mapping[str, Any]) -> None:
        """See `energy_gym.serve.safety.Callback.passed`."""
        self._put(INTERVAL, site, time, **{name: value for name, value in values.items() if name != "states"})

    def close(self) -> None:
        """Tell what waits, and then nothing more."""
        try:
            self._line.put(None, timeout=SECONDS)
        except queue.Full:
            self.lost += self._line.qsize()
        self._thread.join(ATTEMPTS * SECONDS)
        self._end()

    def _put(self, kind: str, site: str, time: pd.Timestamp, **told: Any) -> None:
        try:
            self._line.put_nowait({"kind": kind, "site": site, "time": time.isoformat(), **told})
        except queue.Full:
            self._lose("too much waits")

    def _tell(self) -> None:
        while (message := self._line.get()) is not None:
            try:
                self._send(message)
            except Exception as error:
                self._lose(repr(error))

    def _lose(self, why: str) -> None:
        self.lost += 1
        log.error("not told", callback=self.name, lost=self.lost, error=why)


def _command(plan: Plan) -> Message:
    return {"battery_power_kw": plan.power_kw, "status": plan.status, "reason": plan.reason}


def webhook(url: str) -> Publisher:
    """Return who posts each message as JSON to an address, three times where it is not taken."""
    client = httpx.Client(timeout=SECONDS)

    def send(message: Message) -> None:
        for attempt in stamina.retry_context(on=httpx.HTTPError, attempts=ATTEMPTS, wait_initial=0.1, wait_max=2.0):
            with attempt:
                client.post(url, json=message).raise_for_status()

    return Publisher("webhook", send, client.close)


def table(url: str, name: str) -> Publisher:
    """Return who writes each message as a row: its number, kind, site, time, and all of it as JSON.

    Raises:
        StorageError: The database cannot be opened.
    """
    columns = (Column("kind", String(16)), Column("site", String(64)), Column("time", String(32)), Column("told", Text))
    rows = Table(name, MetaData(), Column("number", Integer, primary_key=True), *columns)
    try:
        engine = create_engine(url)
        rows.metadata.create_all(engine)
    except (SQLAlchemyError, ImportError) as error:
        raise StorageError("database of a callback", f"cannot be opened ({error})", "check its address") from error

    def send(message: Message) -> None:
        key = {word: message[word] for word in ("kind", "site", "time")}
        with engine.begin() as connection:
            connection.execute(insert(rows).values(**key, told=json.dumps(message)))

    return Publisher("table", send, engine.dispose)


def mqtt(host: str, port: int, topic: str, client: Any = None) -> Publisher:
    """Return who publishes each message as JSON under TOPIC/SITE/KIND, kept by the broker, at least once.

    Args:
        host: The broker.
        port: Its port.
        topic: First part of the topics.
        client: What publishes; by default paho-mqtt's, which connects again by itself.

    Raises:
        MissingExtraError: paho-mqtt is not installed.
    """
    if client is None:
        client = _paho()
        client.connect_async(host, port)
        client.loop_start()

    def send(message: Message) -> None:
        place = f"{topic}/{message['site']}/{message['kind']}"
        client.publish(place, json.dumps(message), qos=1, retain=True).wait_for_publish(SECONDS)

    def end() -> None:
        client.disconnect()
        client.loop_stop()

    return Publisher("mqtt", send, end)


def _paho() -> Any:
    try:
        from paho.mqtt.client import Client
        from paho.mqtt.enums import CallbackAPIVersion
    except ImportError as error:
        raise MissingExtraError.of("paho-mqtt", "mqtt") from error
    return Client(CallbackAPIVersion.VERSION2)


def callbacks_of(told: tuple[CallbackSettings, ...]) -> tuple[Any, ...]:
    """Return who is told, by the settings of a site.

    Raises:
        ConfigurationError: An object of the site's own cannot be made, or hears of nothing.
        MissingExtraError: An extra is not installed.
        StorageError: A database cannot be opened.
    """
    return tuple(_callback(each) for each in told)


def _callback(told: CallbackSettings) -> Any:
    if told.kind == "webhook":
        return webhook(str(told.url))
    if told.kind == "mqtt":
        return mqtt(str(told.host), told.port, told.topic)
    if told.kind == "table":
        return table(str(told.database_url), told.table)
    return _own(str(told.of))


def _own(name: str) -> Any:
    callback = made(name, "callback", "mend its factory")
    if not any(hasattr(callback, what) for what in ("planned", "commanded", "passed")):
        rule = "has none of planned, commanded and passed"
        raise ConfigurationError(f"callback {name!r}", rule, "give it one of them")
    return callback
