"""Demand charges: schedules in local time, the law of the running maximum, and bills reckoned again with pandas."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from energy_gym.arrays import Floats
from energy_gym.backends import arrays, scalars, tensors
from energy_gym.contracts import demand, tariff
from energy_gym.contracts.demand import DemandCharge, DemandSchedule, DemandWindow, raised
from energy_gym.contracts.tariff import Tariff, grid_cost
from energy_gym.errors import ConfigurationError, NaiveIndexError, UnknownIdError

powers = st.floats(-1e5, 1e5)


def rising(schedule: DemandSchedule, grid_kw: Floats) -> Floats:
    """Return what each window's maximum rises by in each step (K, T), step by step on floats."""
    increments = np.zeros(schedule.active.shape)
    for window, active in enumerate(schedule.active):
        peak = 0.0
        for step, power in enumerate(grid_kw.tolist()):
            fresh = float(schedule.fresh[step])
            peak, increments[window, step] = raised(peak, power, float(active[step]), fresh, scalars)
    return increments


def bill(schedule: DemandSchedule, grid_kw: Floats) -> float:
    return float((schedule.rates[:, None] * rising(schedule, grid_kw)).sum())


def test_one_window_by_hand() -> None:
    times = pd.date_range("2024-01-31 21:00", periods=6, freq="h", tz="UTC")
    schedule = DemandCharge((DemandWindow("late", 5.0, hours=((22, 2),)),)).schedule(times, "UTC")
    assert schedule.rates.tolist() == [5.0]
    assert schedule.active.tolist() == [[False, True, True, True, True, False]]
    assert schedule.fresh.tolist() == [False, False, False, True, False, False]
    grid = np.array([90.0, 10.0, 30.0, 20.0, 25.0, 90.0])
    assert rising(schedule, grid).tolist() == [[0.0, 10.0, 20.0, 20.0, 5.0, 0.0]]
    assert bill(schedule, grid) == 5.0 * (30.0 + 25.0)


def test_exports_are_no_demand() -> None:
    times = pd.date_range("2024-01-01", periods=3, freq="h", tz="UTC")
    schedule = DemandCharge((DemandWindow("any", 5.0),)).schedule(times, "UTC")
    assert bill(schedule, np.array([-10.0, -5.0, -20.0])) == 0.0


@pytest.mark.parametrize(("period", "count"), [("month", 1), ("day", 30), ("episode", 0)])
def test_periods(period: str, count: int) -> None:
    times = pd.date_range("2024-01-20", periods=31 * 24, freq="h", tz="UTC")
    schedule = DemandCharge((DemandWindow("any", 1.0),), period).schedule(times, "UTC")
    assert schedule.fresh.sum() == count
    assert not schedule.fresh[0]
    if period == "month":
        assert times[schedule.fresh] == pd.DatetimeIndex(["2024-02-01"], tz="UTC")


def test_a_series_that_begins_with_a_period_is_not_fresh_at_its_first_step() -> None:
    times = pd.date_range("2024-02-01", periods=24 * 30, freq="h", tz="UTC")
    fresh = DemandCharge((DemandWindow("any", 1.0),)).schedule(times, "UTC").fresh
    assert np.flatnonzero(fresh).tolist() == [29 * 24]


@pytest.mark.parametrize(
    ("zone", "utc"),
    [("Europe/Berlin", "2024-03-31 22:00"), ("America/Los_Angeles", "2024-04-01 07:00")],
)
def test_months_begin_at_local_midnight(zone: str, utc: str) -> None:
    times = pd.date_range("2024-03-31", periods=72, freq="h", tz="UTC")
    charge = DemandCharge((DemandWindow("any", 1.0),))
    for schedule in (charge.schedule(times, zone), DemandCharge(charge.windows, "month", zone).schedule(times, "UTC")):
        assert times[schedule.fresh] == pd.DatetimeIndex([utc], tz="UTC")


@pytest.mark.parametrize(("day", "hours"), [("2024-03-31", 23), ("2024-10-27", 25)])
def test_days_of_23_and_25_hours(day: str, hours: int) -> None:
    times = pd.date_range(day, periods=48, freq="h", tz="Europe/Berlin").tz_convert("UTC")
    schedule = DemandCharge((DemandWindow("noon", 1.0, hours=(12, 13)),), "day").schedule(times, "Europe/Berlin")
    assert np.flatnonzero(schedule.fresh)[0] == hours
    assert np.flatnonzero(schedule.active[0])[0] == hours - 12


def test_windows_may_overlap_and_leave_holes_and_know_holidays() -> None:
    windows = (
        DemandWindow("any", 1.0, holidays="never"),
        DemandWindow("work", 2.0, hours=((8, 12), (13, 17)), days="weekday", holidays="never"),
        DemandWindow("winter", 3.0, months=(1, 2)),
    )
    times = pd.date_range("2024-05-01", periods=72, freq="h", tz="UTC")  # a Wednesday
    active = DemandCharge(windows, holidays=("05-01",)).schedule(times, "UTC").active
    assert active[0].tolist() == 24 * [False] + 48 * [True]
    assert np.flatnonzero(active[1]).tolist() == [24 * d + h for d in (1, 2) for h in (8, 9, 10, 11, 13, 14, 15, 16)]
    assert not active[2].any()


def test_edges_and_periods_inside_steps_are_refused_where_they_count() -> None:
    times = pd.date_range("2024-01-30", periods=96, freq="h", tz="UTC")
    with pytest.raises(ConfigurationError, match=r"2024-02-01 00:00:00 \(Asia/Kolkata\)"):
        DemandCharge((DemandWindow("any", 1.0),)).schedule(times, "Asia/Kolkata")
    with pytest.raises(ConfigurationError, match="10:00:00"):
        DemandCharge((DemandWindow("day", 1.0, hours=(10, 17)),)).schedule(times, "Asia/Kolkata")
    both = (DemandWindow("day", 1.0, hours=(10.5, 17.5)), DemandWindow("any", 1.0))
    with pytest.raises(ConfigurationError, match="2024-02-01 00:00:00"):
        DemandCharge(both).schedule(times, "Asia/Kolkata")
    schedule = DemandCharge((DemandWindow("day", 1.0, hours=(10.5, 17.5)),)).schedule(times, "Asia/Kolkata")
    assert times[schedule.fresh] == pd.DatetimeIndex(["2024-01-31 19:00"], tz="UTC")  # 00:30, with nothing active
    DemandCharge((DemandWindow("any", 1.0),)).schedule(times + pd.Timedelta("30min"), "Asia/Kolkata")
    with pytest.raises(NaiveIndexError):
        DemandCharge((DemandWindow("any", 1.0),)).schedule(times.tz_localize(None), "UTC")


@settings(max_examples=200)
@given(st.floats(0.0, 1e5), powers, st.booleans(), st.booleans())
def test_the_law_of_the_maximum(peak: float, grid: float, active: bool, fresh: bool) -> None:
    new, increment = raised(peak, grid, float(active), float(fresh), scalars)
    start = 0.0 if fresh else peak
    want = max(start, grid) if active else start
    assert new == pytest.approx(want, rel=1e-15, abs=0.0)
    assert increment == pytest.approx(want - start, rel=1e-15, abs=0.0)
    assert increment >= 0.0


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(0.0, 1e5), powers, st.booleans(), st.booleans()), min_size=1, max_size=20))
def test_floats_arrays_and_tensors_agree_bit_for_bit(rows: list[tuple[float, float, bool, bool]]) -> None:
    torch = pytest.importorskip("torch")
    columns = [np.array(column, dtype=np.float64) for column in zip(*rows, strict=True)]
    floats = np.array([raised(*(float(item) for item in row), xp=scalars) for row in rows])
    batch = np.stack(raised(*columns, xp=arrays), axis=1)
    tensor = torch.stack(raised(*(torch.tensor(column) for column in columns), xp=tensors()), dim=1).numpy()
    assert floats.tobytes() == np.ascontiguousarray(batch).tobytes() == tensor.tobytes()


@settings(max_examples=60)
@given(st.lists(powers, min_size=1, max_size=50))
def test_the_increments_add_up_to_the_maximum(grid: list[float]) -> None:
    peak, paid = 0.0, 0.0
    for power in grid:
        peak, increment = raised(peak, power, 1.0, 0.0, scalars)
        paid += increment
    assert paid == pytest.approx(max(0.0, *grid), rel=1e-12)


def pandas_bill(grid_kw: pd.Series, step_hours: float, holidays: tuple[str, ...]) -> tuple[float, float]:
    """Return energy and demand charge of the Costa Rican prices, reckoned by grouping the metered series."""
    local = grid_kw.tz_convert("America/Costa_Rica").to_frame("kw")
    hour = local.index.hour
    local["name"] = np.select([(hour >= 10) & (hour < 17), (hour >= 1) & (hour < 10)], ["peak", "valley"], "night")
    local["price"] = local["name"].map({"peak": 70.0, "valley": 26.0, "night": 16.0})
    energy = (local["kw"].clip(lower=0.0) * step_hours * local["price"]).sum()
    free = local.index.strftime("%m-%d").isin(holidays)
    counted = local[~free]
    months = counted.index.strftime("%Y-%m")
    maxima = counted["kw"].clip(lower=0.0).groupby([months, counted["name"]]).max()
    rates = {"peak": 10154.0, "valley": 7090.0, "night": 4541.0}
    return float(energy), float(sum(maximum * rates[name] for (_, name), maximum in maxima.items()))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("holidays", [(), ("12-25", "01-01")])
def test_the_bill_equals_one_reckoned_with_pandas(seed: int, holidays: tuple[str, ...]) -> None:
    rng = np.random.default_rng(seed)
    times = pd.date_range("2024-11-17 03:15", periods=90 * 96, freq="15min", tz="UTC")
    grid = pd.Series(rng.normal(60.0, 80.0, len(times)), times)
    want_energy, want_demand = pandas_bill(grid, 0.25, holidays)
    buy, sell = tariff.costa_rica().prices({}, times, "UTC")
    energy = sum(
        grid_cost(power * 0.25, buy[step], sell[step], scalars) for step, power in enumerate(grid.to_numpy().tolist())
    )
    windows = [
        DemandWindow(window.name, window.rate_per_kw, window.hours, holidays="never" if holidays else "as-days")
        for window in demand.costa_rica().windows
    ]
    charge = DemandCharge(tuple(windows), zone="America/Costa_Rica", holidays=holidays)
    assert energy == pytest.approx(want_energy, rel=1e-12)
    assert bill(charge.schedule(times, "UTC"), grid.to_numpy()) == pytest.approx(want_demand, rel=1e-12)


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 10_000),
    st.sampled_from(["Europe/Berlin", "America/Los_Angeles", "Asia/Kolkata"]),
    st.sampled_from(["month", "day"]),
    st.integers(0, 47),
    st.integers(1, 47),
)
def test_random_windows_against_pandas(seed: int, zone: str, period: str, start: int, length: int) -> None:
    rng = np.random.default_rng(seed)
    first = pd.Timestamp("2024-01-01", tz="UTC") + pd.Timedelta(days=int(rng.integers(0, 700)))
    times = pd.date_range(first, periods=40 * 48, freq="30min")
    grid, alpha = rng.normal(0.0, 50.0, len(times)), 0.3
    end = (start + length) % 48
    charge = DemandCharge((DemandWindow("w", 7.5, ((start / 2, end / 2),), days="weekday"),), period)
    local = times.tz_convert(zone)
    slot = local.hour * 2 + local.minute // 30
    inside = ((slot - start) % 48 < length) & (local.day_of_week < 5)
    groups = local[inside].strftime("%Y-%m" if period == "month" else "%Y-%m-%d")
    want = 7.5 * pd.Series(grid[inside]).clip(lower=0.0).groupby(groups).max().sum()
    assert bill(charge.schedule(times, zone), grid) == pytest.approx(want, rel=1e-12)

    prices = rng.normal(50.0, 60.0, len(times))
    buy, sell = Tariff(feed_in_ratio=alpha).prices({"price_per_mwh": prices}, times, zone)
    frame = pd.DataFrame({"kwh": grid * 0.5, "price": prices})
    frame["ratio"] = np.where(frame["kwh"] > 0.0, 1.0, alpha)
    want = (frame["kwh"] * frame["price"] * frame["ratio"]).sum() / 1000.0
    assert grid_cost(grid * 0.5, buy, sell, arrays).sum() == pytest.approx(want, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(
    ("tree", "start"),
    [
        ({}, "contracts.demand.windows: is missing"),
        ({"windows": []}, "contracts.demand.windows=()"),
        ({"windows": [{"name": "a", "rate_per_kw": -1}]}, "contracts.demand.windows[0].rate_per_kw=-1.0"),
        ({"windows": [{"name": "a", "rate_per_kw": "x"}]}, "contracts.demand.windows[0].rate_per_kw='x'"),
        ({"windows": [{"name": "a", "rate": 1}]}, "contracts.demand.windows[0].rate: is not a known key; did you mean"),
        (
            {"windows": [{"name": "a", "rate_per_kw": 1}, {"name": "b", "rate_per_kw": 1, "months": [13]}]},
            "contracts.demand.windows[1].months=[13]",
        ),
        (
            {"windows": [{"name": "a", "rate_per_kw": 1}, {"name": "a", "rate_per_kw": 1}]},
            "contracts.demand.windows[1].name='a': is taken",
        ),
        ({"windows": [{"name": "a", "rate_per_kw": 1}], "period": "monthly"}, "contracts.demand.period='monthly'"),
        ({"windows": [{"name": "a", "rate_per_kw": 1}], "zone": "Mars"}, "contracts.demand.zone='Mars'"),
        ({"window": []}, "contracts.demand.window: is not a known key; did you mean 'windows'"),
        ([], "contracts.demand=[]"),
    ],
)
def test_errors_start_with_the_path(tree: Any, start: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        DemandCharge.from_tree(tree, "contracts.demand")
    assert str(caught.value).startswith(start)


def test_an_unknown_period_suggests_the_nearest() -> None:
    with pytest.raises(UnknownIdError, match="did you mean 'month'"):
        DemandCharge((DemandWindow("a", 1.0),), "monthly")


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.builds(
            DemandWindow,
            st.text(min_size=1, max_size=8),
            st.floats(0.0, 1e6),
            st.sampled_from([((0, 24),), ((22.5, 6),), ((1, 2), (13.25, 14))]),
            st.sets(st.integers(1, 12), min_size=1).map(tuple),
            st.sampled_from(["all", "weekday", "weekend", (0, 3)]),
            st.sampled_from(["as-days", "only", "never"]),
        ),
        min_size=1,
        max_size=4,
        unique_by=lambda window: window.name,
    ),
    st.sampled_from(["month", "day", "episode"]),
    st.sampled_from([None, "Asia/Kolkata"]),
    st.sampled_from([(), ("2024-12-25", "02-29")]),
)
def test_round_trip_through_yaml(windows: list[Any], period: str, zone: str | None, holidays: tuple[str, ...]) -> None:
    charge = DemandCharge(tuple(windows), period, zone, holidays)
    assert DemandCharge.from_tree(yaml.safe_load(yaml.safe_dump(charge.to_tree())), "contracts.demand") == charge


def test_the_charge_of_costa_rica_covers_each_hour_once() -> None:
    times = pd.date_range("2024-05-06 06:00", periods=24, freq="h", tz="UTC")
    schedule = demand.costa_rica().schedule(times, "UTC")
    assert (schedule.rates @ schedule.active).tolist() == [4541.0] + 9 * [7090.0] + 7 * [10154.0] + 7 * [4541.0]
    assert DemandCharge.from_tree(demand.costa_rica().to_tree(), "contracts.demand") == demand.costa_rica()
