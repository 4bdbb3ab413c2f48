"""The compiled step of a batch: the bits of the arrays, on every id and composition, and what it refuses."""

from __future__ import annotations

import importlib.util
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

import energy_gym
from energy_gym import Battery, Scenario
from energy_gym.arrays import Floats
from energy_gym.backends import Table
from energy_gym.contracts import DemandCharge, DemandWindow, Tariff
from energy_gym.contracts.clearing import trading_of
from energy_gym.entities import Consumer, LimitedBattery, Solar, ThermalUnit
from energy_gym.envs.compiled import LARGE, compiles
from energy_gym.envs.vector_env import EnergyVectorEnv
from energy_gym.errors import ConfigurationError, MissingExtraError
from energy_gym.machine import Compiled, Rows
from energy_gym.machine.cores import EVEN, TRIES, Sharing, cores, parts_of
from energy_gym.machine.sliding import cut
from energy_gym.reserve.presets import delivered
from energy_gym.scenarios.registration import MARKETS
from energy_gym.tracing import Trace, Untraceable

pytestmark = pytest.mark.skipif(importlib.util.find_spec("llvmlite") is None, reason="needs the extra fast")

COUNT = 5
CASES: dict[str, dict[str, Any]] = {
    "arbitrage": {"id": "energy_gym/Arbitrage-v1"},
    "arbitrage, levels": {"id": "energy_gym/Arbitrage-v1", "actions": "discrete-3"},
    "arbitrage, joint": {"id": "energy_gym/Arbitrage-v1", "objective": "joint", "terminal": "cyclic"},
    "microgrid": {"id": "energy_gym/Microgrid-v1"},
    "microgrid, meter": {"id": "energy_gym/Microgrid-v1", "control": "meter"},
    "home": {"id": "energy_gym/HomeSolar-v1"},
    "home, brought back": {"id": "energy_gym/HomeSolar-v1", "terminal": "cyclic"},
    "commercial": {"id": "energy_gym/Commercial-v1"},
    "commercial, meter": {"id": "energy_gym/Commercial-v1", "control": "meter"},
    "commercial, compact": {"id": "energy_gym/Commercial-v1", "lookahead": "compact"},
    "producer": {"id": "energy_gym/Bidding-v1"},
    "producer, levels": {"id": "energy_gym/Bidding-v1", "actions": "discrete-3"},
    "producer, intraday": {"id": "energy_gym/Bidding-v1", "preset": "eu-intraday"},
    "fleet": {"id": "energy_gym/FleetReserve-v1"},
    "fleet, plans": {"id": "energy_gym/FleetReserve-v1", "actions": "discrete-3", "objective": "joint"},
    "fleet, by asset": {"id": "energy_gym/FleetReserve-v1", "dispatch": "direct"},
    "fleet, delivered": {"id": "energy_gym/FleetReserve-v1", "fleet": delivered(3)},
}
DataOf = Callable[[str], pd.DataFrame]


def batch(engine: str, **keywords: Any) -> Any:
    return energy_gym.make_vec(engine=engine, **{"num_envs": COUNT, "episode_steps": 9, **keywords}).unwrapped


def played(envs: Any, steps: int = 25) -> list[Any]:
    """Return all that a batch says of some random steps, some of which end episodes and cut actions."""
    envs.action_space.seed(1)
    said = [envs.reset(seed=4)]
    for step in range(steps):
        actions = envs.action_space.sample()
        if actions.dtype.kind == "f" and step % 7 == 3:
            actions = 1.5 * actions
        said.append(envs.step(actions))
    return said


def assert_same(one: Any, other: Any) -> None:
    """Hold two answers to the same bits, all the way down."""
    if isinstance(one, dict):
        assert set(one) == set(other)
        for name, value in one.items():
            assert_same(value, other[name])
    elif isinstance(one, tuple | list) or (isinstance(one, np.ndarray) and one.dtype == object):
        assert len(one) == len(other)
        for left, right in zip(one, other, strict=True):
            assert_same(left, right)
    elif isinstance(one, np.ndarray):
        assert (one.dtype, one.shape) == (other.dtype, other.shape)
        assert np.array_equal(one, other)
    else:
        assert one == other


@pytest.mark.parametrize("autoreset", ["next_step", "same_step"])
@pytest.mark.parametrize("case", CASES)
def test_the_bits_of_the_arrays(case: str, autoreset: str, data_of: DataOf) -> None:
    own = {} if CASES[case]["id"] in MARKETS else {"data": data_of(CASES[case]["id"])}
    keywords = {**CASES[case], **own, "autoreset": autoreset}
    fast, usual = batch("compiled", **keywords), batch("numpy", **keywords)
    assert (fast.engine, usual.engine) == ("compiled", "numpy")
    assert_same(played(fast), played(usual))


def test_a_battery_for_each_environment(data_of: DataOf) -> None:
    batteries = [Battery(4.0 + k, 2.0 + k, 3.0, 0.9, 0.8 + 0.02 * k, wear_per_kwh=0.01 * k) for k in range(COUNT)]
    for terminal in ("settle", "cyclic"):
        keywords = {
            "id": "energy_gym/Arbitrage-v1", "battery": batteries, "terminal": terminal,
            "data": data_of("energy_gym/Arbitrage-v1"),
        }  # fmt: skip
        assert_same(played(batch("compiled", **keywords)), played(batch("numpy", **keywords)))


def test_many_entities_at_two_meters() -> None:
    index = pd.date_range("2024-03-01", periods=200, freq="h", tz="UTC")
    random = np.random.default_rng(3)
    data = pd.DataFrame(
        {
            "load_kw": random.uniform(0.0, 5.0, 200), "pv_kw": random.uniform(0.0, 4.0, 200),
            "price_per_mwh": random.normal(60.0, 40.0, 200),
        },
        index,
    )  # fmt: skip
    scenario = Scenario(
        "yard",
        {
            "store": LimitedBattery(cycles_per_day=1.0), "roof": Solar(curtailment="action"), "load": Consumer(),
            "diesel": ThermalUnit(4.0, 1.0), "other": Battery(wear_per_kwh=0.01),
        },
        {
            "supply": Tariff(220.0, 60.0, parties=("store", "roof", "load", "diesel")),
            "peak": DemandCharge((DemandWindow("any", 5.0),), "day", parties=("store", "roof", "load", "diesel")),
            "alone": Tariff("price_per_mwh", "price_per_mwh", parties=("other",)),
        },
    )  # fmt: skip
    keywords = {"id": "energy_gym/Scenario-v1", "scenario": scenario, "data": data}
    assert_same(played(batch("compiled", **keywords), 60), played(batch("numpy", **keywords), 60))


def test_episodes_that_end_one_by_one(data_of: DataOf) -> None:
    keywords = {"id": "energy_gym/Microgrid-v1", "data": data_of("energy_gym/Microgrid-v1"), "autoreset": "disabled"}
    answers = []
    for engine in ("compiled", "numpy"):
        envs = batch(engine, **keywords)
        envs.reset(seed=2, options={"steps": [4, 4, 6, 7, 9]})
        answers.append([envs.step(np.full((COUNT, 1), 0.3, np.float32)) for _ in range(4)])
        mask = np.array([True, True, False, False, False])
        answers[-1].append(envs.reset(options={"reset_mask": mask}))
        answers[-1] += [envs.step(np.full((COUNT, 1), -0.3, np.float32)) for _ in range(2)]
    assert_same(*answers)


@pytest.mark.parametrize("case", ["arbitrage", "producer, intraday", "fleet", "commercial, meter"])
def test_on_several_cores_the_bits_of_one(case: str, data_of: DataOf, monkeypatch: pytest.MonkeyPatch) -> None:
    own = {} if CASES[case]["id"] in MARKETS else {"data": data_of(CASES[case]["id"])}
    keywords = {**CASES[case], **own, "num_envs": 2 * EVEN + 3}
    alone = batch("compiled", **keywords)
    monkeypatch.setattr("energy_gym.machine.cores.LARGE", 2)
    monkeypatch.setattr("energy_gym.machine.cores.cores", lambda: 3)
    pools: dict[int, Any] = {}
    monkeypatch.setattr("energy_gym.machine.cores._pools", pools)
    split = batch("compiled", **keywords)
    assert [[len(way) for way in envs._loop._usual._sharing.ways] for envs in (alone, split)] == [[1], [1, 3]]
    for program in (split._loop._usual, split._loop._last, split._loop._look):
        del program._sharing.ways[0], program._sharing._seconds[0]
    assert_same(played(split), played(alone))
    for pool in pools.values():
        pool.shutdown()
    assert len(pools) == 1


def test_what_moves_on_or_repeats_is_cut_from_a_series() -> None:
    random, cut_anew = np.random.default_rng(5), 0
    for kind in range(80):
        parts, steps = [], int(random.choice([1, 2, 30, 90]))
        for _ in range(random.integers(1, 5)):
            width = int(random.integers(1, 20))
            series = random.choice([0.0, -0.0, 1.0, 2.5], steps + width).astype(np.float32)
            moves = np.lib.stride_tricks.sliding_window_view(series, width)[:steps].copy()
            for step in range(int(random.integers(1, 90)), steps, 20):  # a forecast that is made anew, nearby excepted
                far = int(random.integers(0, width))
                other = random.normal(size=steps + width).astype(np.float32)
                moves[step:, far:] = np.lib.stride_tricks.sliding_window_view(other, width)[step:steps, far:]
            parts.append(moves if random.random() < 0.6 else random.normal(size=(steps, width)).astype(np.float32))
            few = random.choice([0.0, -0.0, 1.0], (5, width)).astype(np.float32)
            parts.append(few[random.integers(0, 1 + steps // 20, steps)])
        rows = np.ascontiguousarray(np.concatenate(parts, axis=1))
        found = cut(rows)
        again = []
        for piece in found.pieces:
            part = found.table[:, piece.first : piece.first + piece.columns]
            if piece.source is not None:
                values, begins = found.series[piece.source]
                at = np.arange(len(rows)) if begins is None else begins
                part = np.lib.stride_tricks.sliding_window_view(values, piece.columns)[at]
                cut_anew += begins is not None
                assert begins is None or values.size <= 0.5 * part.size
                assert values.dtype == np.float32
            again.append(part)
        assert np.concatenate(again, axis=1).tobytes() == rows.tobytes(), kind
    assert cut_anew > 2


def test_how_a_pass_is_split(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("energy_gym.machine.cores.os.sched_getaffinity", lambda process: range(8), raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    assert cores() == 2
    assert parts_of(4096, 2**20) == ((0, 4096),)
    assert parts_of(4096, 2**22) == ((0, 2048), (2048, 4096))
    assert parts_of(65, 2**22) == ((0, 64), (64, 65))
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert len(parts_of(4096, 2**22)) == 4


@pytest.mark.parametrize("faster", [1, 2])
def test_a_pass_is_shared_where_that_is_faster(faster: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("energy_gym.machine.cores.cores", lambda: 2)
    clock, ways = [0.0], []

    def played(run: Any, place: Any, parts: Any) -> None:
        # The first passes take longest either way, as they do.
        ways.append(len(parts))
        clock[0] += 9.0 if len(ways) < 6 else 1.0 if len(parts) == faster else 2.0

    monkeypatch.setattr("energy_gym.machine.cores.side_by_side", played)
    monkeypatch.setattr("energy_gym.machine.cores.time.perf_counter", lambda: clock[0])
    sharing = Sharing(4096, 2**22)
    for _ in range(60):
        sharing.play(None, None)
    assert ways[: 2 * TRIES].count(1) == ways[: 2 * TRIES].count(2) == TRIES
    assert set(ways[2 * TRIES :]) == {faster}


def test_what_was_handed_out_does_not_change(data_of: DataOf) -> None:
    envs = batch("compiled", id="energy_gym/Commercial-v1", data=data_of("energy_gym/Commercial-v1"))
    envs.reset(seed=0)
    kept = envs.step(envs.action_space.sample())
    copies = kept[0].copy(), kept[1].copy(), {name: value.copy() for name, value in kept[-1].items()}
    for _ in range(12):
        envs.step(envs.action_space.sample())
    assert_same((kept[0], kept[1], kept[-1]), copies)


def test_a_copy_goes_on_as_the_batch_does(data_of: DataOf) -> None:
    envs = batch("compiled", id="energy_gym/Microgrid-v1", data=data_of("energy_gym/Microgrid-v1"))
    envs.reset(seed=0)
    envs.step(np.zeros((COUNT, 1), np.float32))
    copy = pickle.loads(pickle.dumps(envs))
    assert copy.engine == "compiled"
    actions = np.full((COUNT, 1), 0.5, np.float32)
    assert_same(copy.step(actions), envs.step(actions))


def test_large_batches_are_compiled_by_themselves(data_of: DataOf, monkeypatch: pytest.MonkeyPatch) -> None:
    data = data_of("energy_gym/Arbitrage-v1")
    assert EnergyVectorEnv(COUNT, data=data).engine == "numpy"
    assert EnergyVectorEnv(LARGE, data=data).engine == "compiled"
    monkeypatch.setattr("energy_gym.envs.compiled.installed", lambda: False)
    assert EnergyVectorEnv(LARGE, data=data).engine == "numpy"
    with pytest.raises(MissingExtraError, match="fast"):
        EnergyVectorEnv(COUNT, data=data, engine="compiled")


def test_a_dispatch_by_a_solver_is_played_on_arrays() -> None:
    keywords = {"id": "energy_gym/FleetReserve-v1", "dispatch": "optimal"}
    assert not compiles(energy_gym.make_vec(num_envs=1, **keywords).unwrapped.setup)
    assert energy_gym.make_vec(num_envs=LARGE, **keywords).unwrapped.engine == "numpy"
    with pytest.raises(ConfigurationError, match=r"engine=.*dispatch='optimal' is a solver's"):
        energy_gym.make_vec(num_envs=2, engine="compiled", **keywords)


def test_an_engine_that_is_not_known(data_of: DataOf) -> None:
    with pytest.raises(ConfigurationError, match="engine='cython': must be one of auto, numpy, compiled"):
        EnergyVectorEnv(COUNT, data=data_of("energy_gym/Arbitrage-v1"), engine="cython")


def test_what_a_symbol_cannot_tell() -> None:
    trace = Trace(3)
    price = trace.given("price")
    with pytest.raises(Untraceable, match="true"):
        max(price, 0.0)
    with pytest.raises(Untraceable, match="shape"):
        _ = price + np.zeros(2)
    with pytest.raises(Untraceable, match="str"):
        _ = price + "one"


def test_a_number_is_written_only_where_it_is_shown_or_the_callers_own() -> None:
    trace = Trace(3)
    price, rows = trace.given("price"), np.zeros((2, 2), np.float32)
    outputs = [1.5, 2.5, price + 1.0, 3.5]
    program = Compiled(trace, outputs, Rows(rows, 0, (1, 2)), own=1)
    found, seen = program(np.zeros(3, dtype=int), [np.array([1.0, 2.0, 3.0])])
    assert [item.tolist() for item in found] == [[1.5] * 3, [2.5] * 3, [2.0, 3.0, 4.0], [3.5] * 3]
    assert [item.flags.writeable for item in found] == [True, True, True, False]
    assert seen.tolist() == [[2.5, 2.0], [2.5, 3.0], [2.5, 4.0]]


@pytest.mark.parametrize("autoreset", ["next_step", "same_step"])
def test_figures_that_no_episode_has_are_told_of_each_that_ends(autoreset: str, data_of: DataOf) -> None:
    data = data_of("energy_gym/Arbitrage-v1")
    keywords = {"id": "energy_gym/Arbitrage-v1", "data": data, "autoreset": autoreset}
    answers = []
    for engine in ("compiled", "numpy"):
        envs = batch(engine, **keywords)
        envs.reset(seed=2, options={"steps": [3, 3, 3, 3, 3]})
        answers.append([envs.step(np.full((COUNT, 1), 0.3, np.float32)) for _ in range(9)])
    assert_same(*answers)


def test_every_operation_does_as_numpy_does() -> None:
    random = np.random.default_rng(0)
    count = 37
    own, tables = random.normal(size=count), (Table(random.normal(size=9)), Table(random.normal(size=(9, count))))
    t, series = random.integers(0, 50, count), random.normal(size=50)
    a, b = random.normal(size=count), random.normal(size=count)
    places = random.integers(-2, 12, count).astype(float)

    def law(xp: Any, a: Any, b: Any, told: Any, place: Any) -> list[Any]:
        looked = [xp.looked_up(table, place) for table in tables]
        return [
            a + b, a - b, a * b, a / b, -a, 2.0 - a, 3.0 / b, own * a, a - own, xp.positive(a), xp.lesser(a, b),
            xp.lesser(a, 0.1), xp.bounded(xp.positive(a), b), told * a, *looked, a * 3.0 + b * own - told / 7.0,
            trading_of(xp).kept(a, b), trading_of(xp).whole(a * 9.0),
            abs(a), a * 0.0 + (a > b) * (a <= 0.5), 1.0 * (a >= b) + (a < 0.0) * 2.0,
        ]  # fmt: skip

    from energy_gym.backends import arrays

    expected = law(arrays, a, b, series[t], places)
    trace = Trace(count)
    inputs = [trace.given(name) for name in ("a", "b", "place")]
    found = law(trace, inputs[0], inputs[1], trace.of_step(series), inputs[2])
    flag = trace.given("flag")
    found.append(trace.chosen(flag, inputs[0], inputs[1]))
    flags: Floats = (a > 0.0).astype(float)
    expected.append(np.where(flags != 0.0, a, b))
    rows = random.normal(size=(52, 4)).astype(np.float32)
    out, seen = Compiled(trace, found, Rows(rows, 1, (2, 0)))(t, [a, b, places, flags])
    for place, (got, wanted) in enumerate(zip(out, expected, strict=True)):
        assert np.array_equal(got, wanted), place
    assert np.array_equal(seen[:, 2:], rows[t + 1][:, 2:])
    assert np.array_equal(seen[:, :2], np.stack([a * b, a + b], axis=1).astype(np.float32))
