"""Who is told of plans, commands and intervals: a webhook, a broker, a table, an object of the site's own."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from fastapi import FastAPI, Request
from serve_plant import Seen
from sqlalchemy import create_engine, text

from energy_gym.errors import ConfigurationError, StorageError
from energy_gym.serve import publishing
from energy_gym.serve.publishing import callbacks_of, mqtt, table
from energy_gym.serve.simulation import serving
from energy_gym.serve.site_parts import CallbackSettings

NOON = pd.Timestamp("2024-01-01T12:00Z")


def test_plans_commands_and_intervals_reach_a_webhook_and_a_table(plant, service, tmp_path):
    heard, hook, url = [], FastAPI(), f"sqlite:///{tmp_path / 'told.db'}"

    @hook.post("/hook")
    async def take(request: Request):
        heard.append(await request.json())

    with serving(hook) as address:
        told = ({"kind": "webhook", "url": f"{address}/hook"}, {"kind": "table", "database_url": url, "table": "told"})
        served = service(agent="idle", callbacks=told)
        for _ in range(2):
            assert served.cycle("site") is not None, served.errors
            plant.advance()
        for callback in served.sites["site"].callbacks[1:]:
            callback.close()
    assert [message["kind"] for message in heard] == ["plan", "command", "interval", "plan", "command"]
    assert heard[0]["battery_power_kw"] == 0.0
    assert len(heard[0]["schedule"]["battery_kw"]) == 24
    assert heard[2]["reward"] == pytest.approx(plant.rewards[0])
    engine = create_engine(url)
    with engine.connect() as connection:
        rows = [json.loads(row[0]) for row in connection.execute(text("select told from told order by number"))]
    engine.dispose()
    assert rows == heard


class Broker:
    """Stands in for a client of a broker."""

    def __init__(self):
        self.told = []

    def publish(self, topic, payload, qos, retain):
        self.told.append((topic, json.loads(payload)["grid_kw"], qos, retain))
        return self

    def wait_for_publish(self, seconds):
        """Return at once."""

    def disconnect(self):
        self.told.append("disconnected")

    def loop_stop(self):
        self.told.append("stopped")


def test_a_broker_is_told_by_topic():
    broker = Broker()
    publisher = mqtt("localhost", 1883, "energy", broker)
    publisher.passed("office", NOON, {"grid_kw": 40.0})
    publisher.close()
    assert broker.told == [("energy/office/interval", 40.0, 1, True), "disconnected", "stopped"]


def test_what_cannot_be_told_is_counted_and_delays_nothing(monkeypatch):
    monkeypatch.setattr(publishing, "MOST_WAITING", 3)

    def send(message):
        raise OSError("gone")

    publisher = publishing.Publisher("nobody", send)
    for _ in range(50):
        publisher.passed("office", NOON, {})
    publisher.close()
    assert publisher.lost == 50


def test_an_object_of_the_sites_own_hears_too():
    (seen,) = callbacks_of((CallbackSettings(kind="python", of="serve_plant:Seen"),))
    assert isinstance(seen, Seen)
    with pytest.raises(ConfigurationError, match="has none of planned"):
        callbacks_of((CallbackSettings(kind="python", of="builtins:dict"),))
    with pytest.raises(ConfigurationError, match="cannot be imported"):
        callbacks_of((CallbackSettings(kind="python", of="serve_plant:Sene"),))
    with pytest.raises(StorageError, match="cannot be opened"):
        table("sqlite:////nowhere/told.db", "told")
