"""Markets, bids and fleets that cannot be, in Python and in YAML: each refusal names the market and the rule."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest
import yaml

import energy_gym
from energy_gym import Battery, Scenario
from energy_gym.contracts import Trading
from energy_gym.contracts.banded import Banded, PiecewiseLinear
from energy_gym.contracts.deviation import LinearPenalty
from energy_gym.contracts.market import Ahead, Limits, Market
from energy_gym.contracts.market_presets import eu_day_ahead
from energy_gym.errors import ActionError, ConfigurationError, EnergyGymError, MissingColumnError, NonFiniteError
from energy_gym.reserve import Fleet, RandomActivation, Reserve, Trade

BIDDING, FLEET = "energy_gym/Bidding-v1", "energy_gym/FleetReserve-v1"
SOLD: dict[str, Any] = {"name": "up", "price": "up_per_mw_h", "direction": "up", "prequalified_kw": (5.0, 5.0)}


def _producers() -> Any:
    """Return what the tests of bidding share."""
    spec = importlib.util.spec_from_file_location("producers", Path(__file__).parent / "bidding" / "conftest.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


PRODUCERS = _producers()


def bidding(*markets: Market, data: pd.DataFrame | None = None, **changes: Any) -> Any:
    frame = PRODUCERS.series(240) if data is None else data
    scenario = PRODUCERS.scenario(LinearPenalty(50.0), markets or None, **changes)
    return gym.make(BIDDING, data=frame, scenario=scenario, episode_steps=24)


def reserve_prices() -> pd.DataFrame:
    index = pd.date_range("2024-01-01", periods=48, freq="h", tz="UTC")
    return pd.DataFrame({"up_per_mw_h": 5.0, "price_per_mwh": 50.0, "named_wrongly": 1.0}, index)


def two_assets(*markets: Any) -> Scenario:
    return Fleet(batteries={"a": Battery(), "b": Battery()}, markets=markets or (Reserve(**SOLD),))


def fleet(*markets: Any, data: pd.DataFrame | None = None, **keywords: Any) -> Any:
    frame = reserve_prices() if data is None else data
    made = two_assets(*markets)
    return gym.make(FLEET, data=frame, fleet=made, episode_steps=12, **keywords)


def holes(frame: pd.DataFrame, column: str) -> pd.DataFrame:
    frame = frame.copy()
    frame.loc[frame.index[20:25], column] = np.nan
    return frame


REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "one market": (lambda: Trading(Market("m")), "markets=.*must be a list"),
    "impact": (lambda: Trading(impact="linear"), "impact='linear'.*taken"),
    "deviation": (lambda: Trading(deviation="dual"), "deviation='dual'.*pieces"),
    "carbon": (lambda: Trading(carbon=5), "carbon=5"),
    "limits": (lambda: Market("m", limits={"tick_kw": 5.0}), "market 'm': limits=.*must be Limits"),
    "smallest bid": (
        lambda: Trading((Market("m", limits=Limits(minimum_kw=5e5)),)),
        "market 'm': minimum_kw=500000.0.*150000 kW never reach",
    ),
    "tick": (
        lambda: Trading((Market("m", limits=Limits(tick_kw=2e5, maximum_kw=4e5)),)),
        "market 'm'.*tick_kw=200000.0.*never reach",
    ),
    "kinks": (lambda: PiecewiseLinear(5.0, (1.0, 2.0)), "kinks_kwh=5.0.*must be a list"),
    "bands": (lambda: Banded(100.0, 5.0, 5), "bands=5.*must be a list"),
    "band": (lambda: Banded(100.0, 5.0, ((0.5, 1.0),)), "a band is three numbers"),
    "band of words": (lambda: Banded(100.0, 5.0, (("x", 1.0, 1.0),)), "a band is three numbers"),
    "never in these steps": (
        lambda: bidding(Market("m", deadline="0 12 1 1 *", zone="UTC")),
        r"market 'm': no gate.*deadline '0 12 1 1 \*'",
    ),
    "overlapping": (
        lambda: bidding(Market("m", deadline="0 * * * *", zone="UTC", delivers=Ahead(60, 2))),
        "market 'm'.*both deliver the slot that starts at 2024-03-01T02:00Z",
    ),
    "prices with holes": (
        lambda: bidding(eu_day_ahead("UTC"), data=holes(PRODUCERS.series(240), "price_per_mwh")),
        "market 'day_ahead': column 'price_per_mwh': 5 NaN.*2024-03-01T20:00",
    ),
    "no look-ahead": (lambda: gym.make(BIDDING, horizon=0), "horizon=0.*at least 1"),
    "powers": (
        lambda: Reserve(**(SOLD | {"prequalified_kw": 5.0})),
        "prequalified_kw=5.0.*must be a list",
    ),
    "no powers": (lambda: Reserve(**(SOLD | {"prequalified_kw": None})), "prequalified_kw=None.*must be a list"),
    "text for powers": (lambda: Trade("spot", "price_per_mwh", "55"), "prequalified_kw='55'.*must be a list"),
    "activation": (lambda: Reserve(**SOLD, activation="full"), "activation='full'.*how it is called"),
    "batteries": (lambda: Fleet(batteries=[Battery()], markets=(Reserve(**SOLD),)), "batteries=.*mapping"),
    "one product": (lambda: Fleet(batteries={"a": Battery()}, markets=Reserve(**SOLD)), "markets=.*must be a list"),
    "names of a trade": (
        lambda: fleet(Reserve(**(SOLD | {"name": "spot.buy"})), Trade("spot", "price_per_mwh", (5.0, 5.0))),
        "contracts.spot.*'spot.buy'.*is taken",
    ),
    "another name": (
        lambda: Scenario(entities={"a": Battery(), "b": Battery()}, contracts={"down": Reserve(**SOLD)}),
        "contracts.down.name='up'.*give it the name 'down'",
    ),
    "a name twice": (lambda: fleet(Reserve(**SOLD), Reserve(**SOLD)), r"markets\[1\].name='up'.*is taken"),
    "no market": (lambda: fleet(Reserve(**SOLD), Battery()), "markets=.*must be a list of one FleetMarket or more"),
    "energy price": (
        lambda: Fleet(batteries={"a": Battery()}, markets=(Reserve(**SOLD),), energy_price=5),  # type: ignore[arg-type]
        "energy_price=5.*must name a column",
    ),
    "seed": (lambda: fleet(activation_seed="x"), "activation_seed='x'"),
    "seed below 0": (lambda: fleet(activation_seed=-1), "activation_seed=-1"),
    "reserve prices with holes": (
        lambda: fleet(data=holes(reserve_prices(), "up_per_mw_h")),
        "market 'up': column 'up_per_mw_h': 5 NaN.*2024-01-01T20:00",
    ),
    "no unit": (
        lambda: fleet(Reserve(**(SOLD | {"price": "named_wrongly"}))),
        "column 'named_wrongly'.*market 'up'.*no unit",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_it_is_refused_by_name(case: str) -> None:
    make, words = REFUSED[case]
    with pytest.raises(EnergyGymError, match=words):
        make()


MARKET = ("contracts", "trading", "markets", 0)
TREES: dict[str, tuple[tuple[Any, ...], Any, str]] = {
    "deadline": ((*MARKET, "deadline"), "0 12 30 2 *", r"markets\[0\]: market 'next_hour'.*never fires"),
    "after delivery": ((*MARKET, "delivers"), {"minutes": -60}, r"markets\[0\].delivers.minutes=-60.*gate closes"),
    "overlapping": ((*MARKET, "delivers"), {"minutes": 60, "slots": 2}, "'next_hour'.*both deliver the slot"),
    "price": ((*MARKET, "price"), "gone_per_mwh", "'gone_per_mwh'.*market 'next_hour'"),
    "kinks": (
        ("contracts", "trading", "deviation"),
        {"kind": "piecewise-linear", "kinks_kwh": 5, "slopes_per_mwh": [1, 2]},
        "trading.deviation.kinks_kwh=5",
    ),
    "bands": (
        ("contracts", "trading", "deviation"),
        {"kind": "banded", "capacity_kw": 5, "rate": 3, "bands": [[0.1, 1, 1], 4]},
        "trading.deviation.bands.*must be a list",
    ),
    "clock": (("clock",), {"step_minutes": 15}, "step_minutes=15.*60 min"),
}


@pytest.mark.parametrize("case", TREES)
def test_so_is_a_file(case: str, tmp_path: Path) -> None:
    (*path, last), value, words = TREES[case]
    tree = yaml.safe_load(PRODUCERS.scenario(LinearPenalty(50.0)).to_yaml())
    place: Any = tree
    for key in path:
        place = place[key]
    place[last] = value
    file = tmp_path / "scenario.yaml"
    file.write_text(yaml.safe_dump(tree), encoding="utf-8")
    with pytest.raises(EnergyGymError, match=words):
        gym.make(BIDDING, data=PRODUCERS.series(240), scenario=str(file), episode_steps=24)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"prequalified_kw": 5}, r"contracts.up.prequalified_kw=5"),
        ({"activation": "full"}, r"contracts.up.activation='full'"),
        ({"tick_kw": 50}, r"contracts.up.prequalified_kw=\[?\(?5.0.*tick_kw=50"),
    ],
)
def test_and_the_file_of_a_fleet(change: dict[str, Any], words: str, tmp_path: Path) -> None:
    tree = yaml.safe_load(two_assets().to_yaml())
    tree["contracts"]["up"] |= change
    file = tmp_path / "fleet.yaml"
    file.write_text(yaml.safe_dump(tree), encoding="utf-8")
    with pytest.raises(ConfigurationError, match=words):
        gym.make(FLEET, data=reserve_prices(), fleet=str(file))


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    file = tmp_path / "site.yaml"
    file.write_bytes(bytes(range(256)))
    with pytest.raises(ConfigurationError, match="no text in UTF-8"):
        gym.make(FLEET, fleet=str(file))
    with pytest.raises(ConfigurationError, match="no text in UTF-8"):
        gym.make("energy_gym/Scenario-v1", scenario=str(file))


def test_what_is_missing_is_an_error_of_its_kind() -> None:
    with pytest.raises(NonFiniteError):
        REFUSED["reserve prices with holes"][0]()
    with pytest.raises(MissingColumnError):
        REFUSED["no unit"][0]()
    assert fleet(Reserve(**SOLD, activation=RandomActivation(0.2)), activation_seed=np.int64(3)) is not None


@pytest.mark.parametrize(
    "change",
    [
        lambda action: action[:-1],
        lambda action: action.reshape(2, -1),
        lambda action: action.astype(complex),
        lambda action: [[0.0], [0.0, 1.0]],
        lambda action: None,
        lambda action: ["x"] * len(action),
        lambda action: 0.0,
    ],
    ids=["short", "two rows", "complex", "ragged", "none", "words", "one number"],
)
def test_actions_of_another_shape_or_kind_are_refused_and_change_nothing(change: Callable[[Any], Any]) -> None:
    env = bidding(Market("m", zone="UTC", limits=Limits(tick_kw=0.0)))
    env.reset(options={"start": "2024-03-03T12:00Z"})
    env.step(np.full(env.action_space.shape, -0.5))
    states, offers = env.unwrapped.states, env.unwrapped.offered()["m"]
    with pytest.raises(ActionError):
        env.step(change(np.zeros(env.action_space.shape)))
    assert env.unwrapped.states == states and (env.unwrapped.offered()["m"] == offers).all()


@pytest.mark.parametrize("name", [BIDDING, FLEET])
def test_a_batch_refuses_them_too(name: str) -> None:
    batch = energy_gym.make_vec(name, 2)
    batch.reset(seed=0)
    right = np.zeros(batch.action_space.shape)
    for wrong in (right.T, right.ravel(), right[:, :-1], right.astype(complex), right.astype(object), None, "x"):
        with pytest.raises(ActionError):
            batch.step(wrong)
    with pytest.raises(ActionError, match="rows that differ"):
        batch.step([[0.0], [0.0, 1.0]])
    batch.step(right.tolist())
