"""Quality of input: each fault raises its own error, with value, rule and remedy, alone and in a batch."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest

import energy_gym
from energy_gym import Battery
from energy_gym.errors import (
    ActionError,
    ConfigurationError,
    DataError,
    DuplicateStampError,
    EfficiencyError,
    EnergyGymError,
    EpisodeLengthError,
    IrregularIndexError,
    MissingColumnError,
    NaiveIndexError,
    NonFiniteError,
    NonPositiveError,
    StateOfChargeError,
    UnknownIdError,
)

ID = "energy_gym/Arbitrage-v1"


def spoiled(column: str, value: float) -> Callable[[pd.DataFrame], pd.DataFrame]:
    def spoil(frame: pd.DataFrame) -> pd.DataFrame:
        frame = frame.copy()
        frame.iloc[17, frame.columns.get_loc(column)] = value
        return frame

    return spoil


def reindexed(index: Callable[[pd.DatetimeIndex], Any]) -> Callable[[pd.DataFrame], pd.DataFrame]:
    return lambda frame: frame.set_axis(index(frame.index), axis=0)


def shifted(index: pd.DatetimeIndex, minutes: int) -> pd.DatetimeIndex:
    stamps = list(index)
    stamps[9] += pd.Timedelta(minutes=minutes)
    return pd.DatetimeIndex(stamps)


DATA = [
    (spoiled("price_per_mwh", np.nan), NonFiniteError),
    (spoiled("price_per_mwh", np.inf), NonFiniteError),
    (spoiled("price_per_mwh", -np.inf), NonFiniteError),
    (spoiled("carbon_g_per_kwh", np.nan), NonFiniteError),
    (reindexed(lambda index: index.tz_localize(None)), NaiveIndexError),
    (reindexed(lambda index: range(len(index))), NaiveIndexError),
    (reindexed(lambda index: index.strftime("%Y-%m-%d %H:%M")), NaiveIndexError),
    (reindexed(lambda index: shifted(index, 7)), IrregularIndexError),
    (lambda frame: frame.drop(frame.index[50]), IrregularIndexError),
    (lambda frame: frame.iloc[::-1], IrregularIndexError),
    (lambda frame: frame.iloc[:1], IrregularIndexError),
    (lambda frame: frame.iloc[:0], IrregularIndexError),
    (reindexed(lambda index: shifted(index, 60)), DuplicateStampError),
    (lambda frame: pd.concat([frame.iloc[:24], frame]), DuplicateStampError),
    (lambda frame: frame[["carbon_g_per_kwh"]], MissingColumnError),
    (lambda frame: frame.rename(columns={"price_per_mwh": "price"}), MissingColumnError),
    (lambda frame: frame.astype({"price_per_mwh": str}), DataError),
    (lambda frame: frame["price_per_mwh"], DataError),
    (lambda frame: frame.to_numpy(), DataError),
    (lambda frame: "prices.csv", DataError),
]


@pytest.mark.parametrize(("spoil", "error"), DATA)
@pytest.mark.parametrize("make", [gym.make, energy_gym.make_vec])
def test_data(series: pd.DataFrame, spoil: Any, error: type[EnergyGymError], make: Any) -> None:
    with pytest.raises(error) as caught:
        make(ID, data=spoil(series))
    assert caught.value.value and caught.value.rule and caught.value.remedy


def test_reference_is_checked_as_data_are(series: pd.DataFrame) -> None:
    with pytest.raises(NonFiniteError):
        gym.make(ID, data=series, reference=spoiled("price_per_mwh", np.nan)(series))
    with pytest.raises(ConfigurationError):
        gym.make(ID, reference=series)


def test_a_joint_objective_needs_carbon(series: pd.DataFrame) -> None:
    for objective in ("carbon", "joint"):
        with pytest.raises(MissingColumnError):
            gym.make(ID, data=series[["price_per_mwh"]], objective=objective)
        with pytest.raises(MissingColumnError):
            gym.make(ID, dataset="ercot-2021-2022", objective=objective)
    gym.make(ID, data=series[["price_per_mwh"]])


BATTERIES = [
    ({"capacity_kwh": 0.0}, NonPositiveError),
    ({"capacity_kwh": -1.0}, NonPositiveError),
    ({"charge_kw": 0.0}, NonPositiveError),
    ({"discharge_kw": -2.0}, NonPositiveError),
    ({"efficiency_charge": 0.0}, EfficiencyError),
    ({"efficiency_charge": 1.01}, EfficiencyError),
    ({"efficiency_discharge": -0.9}, EfficiencyError),
    ({"efficiency_discharge": 95}, EfficiencyError),
    ({"soc_min": 0.9, "soc_max": 0.1}, StateOfChargeError),
    ({"soc_min": 0.5, "soc_max": 0.5}, StateOfChargeError),
    ({"soc_min": -0.1}, StateOfChargeError),
    ({"soc_max": 1.1}, StateOfChargeError),
    ({"soc_initial": -0.05}, StateOfChargeError),
    ({"soc_initial": 1.05}, StateOfChargeError),
    ({"self_discharge_per_day": 1.0}, ConfigurationError),
    ({"self_discharge_per_day": -0.1}, ConfigurationError),
    ({"wear_per_kwh": -0.1}, ConfigurationError),
    ({"capacity_kwh": float("nan")}, ConfigurationError),
    ({"charge_kw": float("inf")}, ConfigurationError),
    ({"charge_kw": "5"}, ConfigurationError),
    ({"charge_kw": None}, ConfigurationError),
    ({"charge_kw": True}, ConfigurationError),
]


@pytest.mark.parametrize(("figures", "error"), BATTERIES, ids=str)
def test_batteries(figures: dict[str, Any], error: type[EnergyGymError]) -> None:
    with pytest.raises(error) as caught:
        Battery(**figures)
    assert next(reversed(figures)) in str(caught.value)
    assert caught.value.rule and caught.value.remedy


KEYWORDS = [
    ({"forecast": "perfekt"}, UnknownIdError),
    ({"actions": "discrete"}, UnknownIdError),
    ({"actions": "discrete-4"}, UnknownIdError),
    ({"actions": "discrete-1"}, UnknownIdError),
    ({"actions": 3}, UnknownIdError),
    ({"objective": "money"}, UnknownIdError),
    ({"terminal": "open"}, UnknownIdError),
    ({"episode_steps": 241}, EpisodeLengthError),
    ({"episode_steps": 0}, NonPositiveError),
    ({"episode_steps": -4}, NonPositiveError),
    ({"episode_steps": 2.5}, ConfigurationError),
    ({"episode_steps": True}, ConfigurationError),
    ({"episode_steps": "month"}, ConfigurationError),
    ({"horizon": 0}, NonPositiveError),
    ({"horizon": -1}, NonPositiveError),
    ({"horizon": 2.0}, ConfigurationError),
    ({"carbon_price": -1.0}, ConfigurationError),
    ({"carbon_price": float("nan")}, ConfigurationError),
    ({"carbon_price": "80"}, ConfigurationError),
    ({"battery": {"capacity_kwh": 5}}, ConfigurationError),
    ({"dataset": "ercot"}, ConfigurationError),
    ({"scenario": 5}, ConfigurationError),
]


@pytest.mark.parametrize(("keywords", "error"), KEYWORDS, ids=str)
@pytest.mark.parametrize("make", [gym.make, energy_gym.make_vec])
def test_keywords(series: pd.DataFrame, keywords: dict[str, Any], error: type[EnergyGymError], make: Any) -> None:
    with pytest.raises(error) as caught:
        make(ID, data=series, **keywords)
    assert caught.value.value and caught.value.rule and caught.value.remedy


def test_a_horizon_beyond_memory_is_refused_before_anything_is_built() -> None:
    """In a process of its own with 3 GiB: what is refused for its size must not first be laid out."""
    resource = pytest.importorskip("resource")
    limit = 3 * 2**30
    code = (
        "import gymnasium as gym, energy_gym\n"
        f"try: gym.make({ID!r}, horizon=10**9)\n"
        "except energy_gym.EnergyGymError as error: print(type(error).__name__)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(Path(energy_gym.__file__).parents[1]), "PATH": ""},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
        capture_output=True,
        text=True,
        timeout=15,
    )
    assert result.stdout.strip() == "ConfigurationError", result.stderr[-300:]


def test_unknown_ids_of_data() -> None:
    with pytest.raises(UnknownIdError, match="did you mean"):
        gym.make(ID, dataset="ercot-2021-2023")
    with pytest.raises(UnknownIdError, match="did you mean 'test'"):
        gym.make(ID, split="tset")


def test_an_unknown_split_of_a_frame(series: pd.DataFrame) -> None:
    """A slip of the pen must not pass unseen, although a frame has no splits of its own."""
    with pytest.raises(UnknownIdError):
        gym.make(ID, data=series, split="tset")


def test_an_unknown_render_mode(series: pd.DataFrame) -> None:
    with pytest.raises(UnknownIdError):
        gym.make(ID, data=series).unwrapped.__class__(data=series, render_mode="ascii")
    with pytest.raises(ConfigurationError):
        energy_gym.make_vec(ID, 2, data=series, render_mode="rgb_array")


@pytest.mark.parametrize(
    ("actions", "action"),
    [
        ("continuous", np.nan),
        ("continuous", np.array([np.inf])),
        ("continuous", np.zeros(2)),
        ("continuous", "charge"),
        ("continuous", None),
        ("continuous", np.array([])),
        ("discrete-3", 3),
        ("discrete-3", -1),
        ("discrete-3", 1.0),
        ("discrete-3", np.array([0, 1])),
        ("discrete-3", np.array(1.5)),
        ("discrete-3", "0"),
        ("discrete-3", None),
    ],
)
def test_actions(series: pd.DataFrame, actions: str, action: Any) -> None:
    env = gym.make(ID, data=series, actions=actions).unwrapped
    env.reset(seed=0)
    with pytest.raises(ActionError) as caught:
        env.step(action)
    assert caught.value.value and caught.value.rule and caught.value.remedy
    assert env.steps_left[0] == env.window[0]


def test_a_step_that_loses_all_energy() -> None:
    index = pd.date_range("2024-01-01", periods=6, freq="2D", tz="UTC")
    data = pd.DataFrame({"price_per_mwh": 1.0}, index=index)
    with pytest.raises(EnergyGymError):
        gym.make(ID, data=data, battery=Battery(self_discharge_per_day=0.6), episode_steps=None).reset()
