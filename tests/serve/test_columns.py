"""Columns from elsewhere: prices by an address, a query or a function, in place of the forecasting service."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from fastapi import FastAPI
from pydantic import ValidationError
from serve_plant import NOON
from sqlalchemy import create_engine, text

from energy_gym.errors import ConfigurationError, DataError, MissingColumnError
from energy_gym.serve.columns import FunctionSource, QuerySource, sources_of
from energy_gym.serve.simulation import serving
from energy_gym.serve.site_parts import ColumnSettings
from energy_gym.serve.views import prices_of

MARKET = """
entities:
  battery: {capacity_kwh: 500, charge_kw: 250, discharge_kw: 250}
  load: {kind: consumer}
  pv: {kind: solar}
contracts: {spot: {}}
clock: {step_minutes: 15, horizon: 24}
"""


@pytest.fixture
def market(tmp_path, plant):
    """Return settings of a site whose price comes from a query, and the price of each interval."""
    times = pd.date_range(plant.now - pd.Timedelta(days=2), periods=6 * 96, freq="15min")
    prices = np.where(np.arange(len(times)) % 8 < 4, 20.0, 200.0)
    url = f"sqlite:///{tmp_path / 'prices.db'}"
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("create table prices (stamp text, price real)"))
        rows = [{"stamp": stamp.isoformat(), "price": price} for stamp, price in zip(times, prices, strict=True)]
        connection.execute(text("insert into prices values (:stamp, :price)"), rows)
    engine.dispose()
    (tmp_path / "market.yaml").write_text(MARKET)
    past = pd.DataFrame({"load_kw": 200.0, "pv_kw": 0.0, "price_per_mwh": prices}, times - pd.Timedelta(days=6))
    past.to_csv(tmp_path / "past.csv", index_label="time")
    query = "select stamp, price from prices where stamp >= :since order by stamp"
    told = {"scenario": tmp_path / "market.yaml", "data": str(tmp_path / "past.csv"), "zone": "America/Costa_Rica"}
    column = {"price_per_mwh": {"database_url": url, "query": query}}
    return {**told, "columns": column}, pd.Series(prices, times)


def test_a_site_trades_on_a_price_that_a_query_tells(plant, service, market):
    told, prices = market
    served = service(agent="mpc", **told)
    powers = []
    for _ in range(10):
        plan = served.cycle("site")
        assert plan is not None, served.errors
        assert (plan.status, plan.reason) == ("optimal", "")
        powers.append(plan.power_kw)
        plant.advance()
    paid = prices.loc[plant.env.setup.time(plant.env.window[0]) :].to_numpy()[:10]
    assert np.mean([power for power, price in zip(powers, paid, strict=True) if price > 100.0]) < -50.0
    assert np.mean([power for power, price in zip(powers, paid, strict=True) if price < 100.0]) > 50.0
    kept = served.store.intervals("site", prices.index[0], prices.index[-1])
    assert kept["price_per_mwh"].tolist() == paid[:9].tolist()


def test_prices_that_come_with_the_data_are_shown_as_paid_and_as_believed(plant, service, market):
    told, prices = market
    served = service(agent="idle", **told)
    for _ in range(3):
        served.cycle("site")
        plant.advance()
    since, site = plant.now - pd.Timedelta(hours=2), served.sites["site"]
    shown = prices_of(site, since, plant.now + pd.Timedelta(hours=8))
    assert shown.buy_per_mwh[:5] == [None] * 5, "nothing was kept before the service ran"
    known = [price for price in shown.buy_per_mwh if price is not None]
    assert len(known) == 2 + 24, "two intervals that are over, and what is believed at the last plan"
    assert known == prices.loc[shown.times[5] :].to_numpy()[: len(known)].tolist()
    assert shown.sell_per_mwh[5] == known[0]


def test_a_column_that_nobody_tells_or_that_no_site_has_is_refused(service, market):
    told, _ = market
    with pytest.raises(ConfigurationError, match=r"price_per_mwh.*name its source"):
        service(**{**told, "columns": {}})
    other = {"wind_kw": {"python": "serve_plant:flat_price"}}
    with pytest.raises(ConfigurationError, match="is no column of the site"):
        service(**{**told, "columns": {**told["columns"], **other}})
    with pytest.raises(MissingColumnError, match="price_per_mwh"):
        service(**{**told, "data": "commercial"})


@pytest.mark.parametrize(
    ("told", "rule"),
    [
        ({}, "give one of"),
        ({"url": "http://a", "python": "a:b"}, "give one of"),
        ({"database_url": "sqlite://"}, "go together"),
    ],
)
def test_a_source_is_one_of_three(told, rule):
    with pytest.raises(ValidationError, match=rule):
        ColumnSettings(**told)


def test_an_address_and_a_function_tell_a_column_too():
    app = FastAPI()

    @app.get("/price")
    def price():
        rows = [{"timestamp": (NOON + k * pd.Timedelta("1h")).isoformat(), "price_per_mwh": 40.0} for k in range(2)]
        return {"issued_at": NOON.isoformat(), "forecast": rows}

    with serving(app) as address:
        told = {"at": ColumnSettings(url=f"{address}/price"), "of": ColumnSettings(python="serve_plant:flat_price")}
        sources = sources_of(told, 5.0, 1)
        for source in sources.values():
            assert source.told("price_per_mwh", NOON).values.tolist()[:2] == [40.0, 40.0]
            source.close()


@pytest.mark.parametrize(
    ("source", "rule"),
    [
        (lambda: QuerySource("sqlite://", "select 1, 2, 3"), "no stamps and values"),
        (lambda: QuerySource("sqlite://", "select 'noon', 40.0"), "no stamps and values"),
        (lambda: QuerySource("sqlite://", "select '2024-01-01', 40.0"), "have no offset"),
        (lambda: FunctionSource("math:sqrt"), "failed"),
    ],
)
def test_what_a_source_answers_is_checked(source, rule):
    with pytest.raises(DataError, match=rule):
        source().told("price_per_mwh", NOON)
