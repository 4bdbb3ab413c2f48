"""Logs of real batteries as demonstrations: what was done is what is learnt from, and what does not fit is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest

import energy_gym
from energy_gym import Battery
from energy_gym.agents.records.battery_log import read_log, record_log
from energy_gym.agents.records.trajectories import mixture
from energy_gym.errors import ConfigurationError, DataError, MissingColumnError, NonFiniteError
from tests.conftest import make_series, make_site

STEPS = 120
BATTERY = Battery(20.0, 5.0, 4.0, 0.9, 0.95, soc_min=0.05, soc_max=0.95)
DATA = {"energy_gym/Arbitrage-v1": make_series(STEPS), "energy_gym/Microgrid-v1": make_site(STEPS)}


def played(id: str = "energy_gym/Arbitrage-v1", battery: Battery = BATTERY, seed: int = 0) -> tuple[Any, Any, Any]:
    """Return a log of a battery at play: frame, observations and rewards."""
    env: Any = gym.make(id, data=DATA[id], battery=battery, split="all", episode_steps=None).unwrapped
    random, seen, rewards, rows = np.random.default_rng(seed), [env.reset()[0]], [], []
    for _ in range(env.setup.steps):
        before = env.energy_kwh
        share = float(np.float32(random.uniform(-1.0, 1.0)))
        observation, reward, _, _, info = env.step([share])
        # What a meter sees is what was delivered.
        power = info["battery_kw"] if "battery_kw" in info else delivered(before, env.energy_kwh, battery)
        rows.append((power, before / battery.capacity_kwh))
        seen.append(observation)
        rewards.append(reward)
    log = pd.DataFrame(rows, DATA[id].index[: len(rows)], columns=["battery_kw", "soc"])
    return DATA[id].iloc[: len(rows)].join(log), np.array(seen), np.array(rewards)


def delivered(before: float, after: float, battery: Battery) -> float:
    change = after - before
    return change / battery.efficiency_charge if change > 0.0 else change * battery.efficiency_discharge


def env_of(**keywords: Any) -> Any:
    given = {"data": DATA["energy_gym/Arbitrage-v1"], "battery": BATTERY, "split": "all", "episode_steps": None}
    return gym.make("energy_gym/Arbitrage-v1", **{**given, **keywords})


@pytest.mark.parametrize("id", sorted(DATA))
def test_what_was_done_is_what_is_learnt_from(id: str, tmp_path: Path) -> None:
    frame, seen, rewards = played(id)
    frame.to_csv(tmp_path / "battery.csv", index_label="time")
    found = read_log(tmp_path / "battery.csv", id, zone="UTC", battery=BATTERY)
    (episode,) = found.episodes
    assert (found.policy, found.noise, len(found)) == ("log", 0.0, len(rewards))
    np.testing.assert_allclose(episode.observations, seen, atol=1e-5)
    np.testing.assert_allclose(episode.rewards, rewards, atol=1e-5)
    assert (episode.actions == episode.advice).all()
    assert episode.return_ <= episode.oracle_bound + 1e-6


def test_what_is_missing_parts_episodes() -> None:
    frame, _, rewards = played()
    log = frame[["battery_kw", "soc"]].copy()
    log.iloc[40:43] = np.nan
    log = log.drop(log.index[80:82])
    found = record_log(env_of(), log)
    assert [len(episode) for episode in found.episodes] == [40, 37, 38]
    # The last step of an episode settles what is stored.
    assert found.rewards[:39] == pytest.approx(rewards[:39], abs=1e-5)
    assert sum(found.timeouts) == 3


def test_where_laws_and_log_part_a_new_episode_begins() -> None:
    frame, _, _ = played(battery=Battery(20.0, 5.0, 4.0, 0.8, 0.9, soc_min=0.05, soc_max=0.95))
    found = record_log(env_of(), frame)
    assert 1 < len(found.episodes) < STEPS // 4
    assert min(map(len, found.episodes)) >= 4


def test_levels_are_the_nearest() -> None:
    frame, _, _ = played()
    found = record_log(env_of(actions="discrete-21"), frame)
    assert found.levels is not None
    powers = np.array(found.levels)[found.actions]
    first = found.episodes[0]
    own = frame["battery_kw"].to_numpy()[: len(first)]
    shares = np.where(own > 0.0, own / 5.0, own / 4.0)
    assert np.abs(powers[: len(first)] - shares).max() <= 0.05 + 1e-9


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        (lambda log: log.drop(columns="soc"), MissingColumnError, r"has no column 'soc' \(state of charge"),
        (lambda log: log.drop(columns="battery_kw"), MissingColumnError, r"has no column 'battery_kw' \(power"),
        (lambda log: log.assign(soc=log["soc"] * 100.0), DataError, "divide percentages by 100"),
        (lambda log: log.assign(battery_kw=-log["battery_kw"].clip(-4.0, 4.0)), DataError, "multiply battery_kw by -1"),
        (lambda log: log.assign(battery_kw=log["battery_kw"] * 2.0), DataError, "is above .*charge_kw="),
        (lambda log: log.assign(battery_kw=np.nan), NonFiniteError, "no row with both"),
        (lambda log: log.set_axis(log.index + pd.Timedelta("7min")), DataError, "is no step of the environment"),
        (lambda log: log.tz_localize(None), DataError, "give stamps a zone"),
        (lambda log: log.iloc[::-1], DataError, "sort them"),
        (lambda log: log.astype({"battery_kw": str}), DataError, r"'battery_kw' of type .*must hold real numbers"),
        (lambda log: log.iloc[:3], DataError, "3 steps in a row at most: are fewer than the 4"),
        (lambda log: pd.concat([log, log.iloc[-1:]]), DataError, "repeat"),
        (
            lambda log: log.assign(soc=np.random.default_rng(0).uniform(0.0, 1.0, STEPS)),
            DataError,
            "multiply|parts from",
        ),
    ],
)
def test_what_does_not_fit_is_told(change: Any, error: type[Exception], said: str) -> None:
    frame, _, _ = played()
    with pytest.raises(error, match=said):
        record_log(env_of(), change(frame[["battery_kw", "soc"]]))


NARROW = Battery(20.0, 5.0, 4.0, 0.9, 0.95, soc_min=0.2, soc_max=0.8)


def test_a_state_of_charge_a_little_beyond_its_limits_begins_at_the_limit() -> None:
    """A battery at rest just above its highest state of charge, as calibrations leave it."""
    index = DATA["energy_gym/Arbitrage-v1"].index[:6]
    found = record_log(env_of(battery=NARROW), pd.DataFrame({"battery_kw": 0.0, "soc": 0.83}, index))
    assert len(found) == 6
    assert not found.episodes[0].actions.any()


def test_a_state_of_charge_that_the_battery_cannot_have_is_told_with_its_step() -> None:
    frame, _, _ = played(battery=NARROW)
    frame.iloc[20:22, frame.columns.get_loc("soc")] = 0.0  # a sensor that failed
    told = r"soc of 0 at 2024-03-01 20:00:00\+00:00 and 1 more: lie outside soc_min=0.2 to soc_max=0.8 .*battery="
    with pytest.raises(DataError, match=told):
        record_log(env_of(battery=NARROW), frame[["battery_kw", "soc"]])
    frame.iloc[20:22, frame.columns.get_loc("soc")] = np.nan
    assert len(record_log(env_of(battery=NARROW), frame[["battery_kw", "soc"]])) > 100


def test_environments_that_a_log_is_not_of_are_refused(tmp_path: Path) -> None:
    frame, _, _ = played()
    with pytest.raises(ConfigurationError, match="decides on more or other"):
        record_log(gym.make("energy_gym/FleetReserve-v1"), frame)
    with pytest.raises(ConfigurationError, match="must be a single environment"):
        record_log(energy_gym.make_vec("energy_gym/Arbitrage-v1", 2), frame)
    frame.drop(columns=["price_per_mwh", "carbon_g_per_kwh"]).to_csv(tmp_path / "bare.csv", index_label="time")
    with pytest.raises(DataError, match="price_per_mwh"):
        read_log(tmp_path / "bare.csv", zone="UTC", battery=BATTERY)


def test_a_clone_learns_from_a_log_beside_an_expert() -> None:
    pytest.importorskip("imitation")
    from energy_gym.agents.cloning import BC
    from energy_gym.agents.records.experts import record_expert

    frame, _, _ = played()
    both = mixture(record_log(env_of(), frame), record_expert(env_of(), policy="mpc", episode_steps=48))
    assert (both.policy, len(both)) == ("log+mpc", STEPS + 48)
    env = env_of()
    agent = BC(env, seed=0, hidden=[8]).fit(both, budget=10)
    assert agent.studied is both
    assert energy_gym.evaluate(agent, env, seed=0).regret >= 0.0
