"""The database of the service: the same on SQLite and, where one is told of, on PostgreSQL.

``ENERGY_GYM_TEST_DATABASE=postgresql+psycopg://user@host/name`` names an empty database for it.
"""

from __future__ import annotations

import os

import numpy as np
import pandas as pd
import pytest
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

from energy_gym.errors import StorageError
from energy_gym.serve.beliefs import Announced
from energy_gym.serve.plan import Plan, Schedule
from energy_gym.serve.records import Records
from energy_gym.serve.store import META, Store

OTHER = os.environ.get("ENERGY_GYM_TEST_DATABASE", "")
NOW = pd.Timestamp("2024-03-01T12:00Z")
STEP = pd.Timedelta("15min")


@pytest.fixture(params=["sqlite", pytest.param("other", marks=pytest.mark.skipif(not OTHER, reason="not told of"))])
def url(request, tmp_path):
    """Return the address of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'service.db'}"
    store = Store(OTHER)
    META.drop_all(store.engine)
    store.close()
    return OTHER


@pytest.fixture
def store(url):
    found = Store(url)
    yield found
    found.close()


def plan(time, power=-75.5):
    schedule = Schedule((-0.3, 0.0), (power, 0.0), (120.0, 115.8), (0.65, 0.6, 0.6), 8200.3, 4300.2, 0.0)
    return Plan("office", time, power, "optimal", "", schedule, 0.2, "ab" * 32)


def test_plans_come_back_as_they_were_and_the_same_moment_takes_the_place(store):
    store.keep_plan(plan(NOW))
    store.keep_plan(plan(NOW + STEP))
    store.keep_plan(plan(NOW, power=1.0 / 3.0))
    assert store.plan("office", NOW) == plan(NOW, power=1.0 / 3.0)
    assert [one.time for one in store.plans("office", NOW, NOW + 2 * STEP)] == [NOW, NOW + STEP]
    assert store.plans("office", NOW + STEP, NOW + STEP) == []
    assert store.plan("office").time == NOW + STEP
    assert store.plan("home") is None


def test_intervals_forecasts_beliefs_and_states_come_back(store):
    values = {"load_kw": 0.1 + 0.2, "measured": True, "states": [1.0 / 3.0, 40.0]}
    store.keep_interval("office", NOW, values)
    kept = store.intervals("office", NOW, NOW + STEP)
    assert kept.iloc[0].to_dict() == values
    told = Announced.of(NOW, pd.date_range(NOW, periods=3, freq=STEP), [1.0, 2.0, 1.0 / 3.0], "load_kw")
    store.keep_forecast("office", "load_kw", told)
    assert store.forecast("office", "load_kw").values.tolist() == told.values.tolist()
    store.keep_beliefs("office", NOW, {"load_kw": np.array([1.0, 2.0])})
    assert store.believed("office", NOW, NOW + STEP) == {NOW: {"load_kw": [1.0, 2.0]}}
    store.forget_beliefs("office", NOW + STEP)
    assert store.believed("office", NOW, NOW + STEP) == {}
    store.keep_states("office", NOW, (1.0 / 3.0, 40.0))
    assert store.states("office") == (NOW, (1.0 / 3.0, 40.0))


def test_one_leads_until_its_lease_has_run_out_or_it_resigns(store, url):
    other = Store(url)
    assert store.leads("service", "a", 0.0, 60.0)
    assert not other.leads("service", "b", 59.0, 60.0)
    assert other.leads("service", "b", 60.0, 60.0)
    assert not store.leads("service", "a", 61.0, 60.0)
    other.resign("service", "b")
    assert store.leads("service", "a", 62.0, 60.0)
    assert store.holder("service") == "a"
    other.close()


def test_days_and_stops_are_kept(store):
    records = Records(store)
    records.keep_day("office", "2024-03-01", {"regret": 1.5})
    assert records.days("office") == [{"day": "2024-03-01", "regret": 1.5}]
    assert records.stopped("office") is None


def test_a_service_lives_on_it_and_goes_on_from_it(url, service, plant):
    served = service(url, agent="self-consumption")
    for _ in range(3):
        assert served.cycle("site").status == "optimal"
        plant.advance()
    served.stop()
    again = service(url, agent="self-consumption")
    assert again.sites["site"].last.time == plant.now - STEP
    assert again.cycle("site").status == "optimal"
    kept = again.store.intervals("site", plant.now - 3 * STEP, plant.now)
    assert kept["reward"].tolist() == pytest.approx(plant.rewards, abs=1e-9)


def test_all_tables_can_be_made_by_postgresql():
    for table in META.sorted_tables:
        assert "CREATE TABLE" in str(CreateTable(table).compile(dialect=postgresql.dialect()))


def test_an_address_that_cannot_be_opened_is_told_without_its_password(tmp_path):
    with pytest.raises(StorageError, match="cannot be opened") as raised:
        Store("postgresql+psycopg://energy:secret@127.0.0.1:1/energy")
    assert "secret" not in str(raised.value)
    with pytest.raises(StorageError, match="cannot be opened"):
        Store(f"sqlite:///{tmp_path / 'nowhere' / 'service.db'}")
