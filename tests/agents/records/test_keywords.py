"""Every id, recorded and made again: what is kept of its keywords makes the environment that was recorded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from energy_gym import Battery, Scenario
from energy_gym.agents.records.experts import record_expert
from energy_gym.agents.records.keywords import made_keywords, plain_keywords
from energy_gym.bidding.presets import preset
from energy_gym.contracts import Tariff
from energy_gym.entities import PumpedHydro
from energy_gym.reserve.presets import dk2, synthetic
from energy_gym.scenarios.registration import SCENARIOS

SMALL = Battery(capacity_kwh=4.0, charge_kw=2.0, discharge_kw=2.0)
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    **{name.split("/")[1]: (name, {}) for name in SCENARIOS},
    **{f"{name}, battery": (f"energy_gym/{name}-v1", {"battery": SMALL}) for name in ("Arbitrage", "Microgrid")},
    "HomeSolar, home": ("energy_gym/HomeSolar-v1", {"home": 3, "battery": SMALL}),
    "Scenario, object": (
        "energy_gym/Scenario-v1",
        {"scenario": Scenario("own", {"battery": SMALL}, {"supply": Tariff("price_per_mwh", 20.0)})},
    ),
    "Fleet, name": ("energy_gym/FleetReserve-v1", {"fleet": "delivered", "dispatch": "direct"}),
    "Fleet, object": ("energy_gym/FleetReserve-v1", {"fleet": synthetic(2), "activation_seed": np.int64(5)}),
    "Fleet, scenario": ("energy_gym/FleetReserve-v1", {"scenario": synthetic(2), "objective": "joint"}),
    "Fleet, preset": ("energy_gym/FleetReserve-v1", {"scenario": "synthetic", "terminal": "free"}),
    "Bidding, storage": ("energy_gym/Bidding-v1", {"storage": PumpedHydro(20_000.0), "bids": "price-volume"}),
    "Bidding, preset": ("energy_gym/Bidding-v1", {"preset": "india-15min", "storage": SMALL}),
    "Bidding, scenario": ("energy_gym/Bidding-v1", {"scenario": preset("eu-hourly"), "objective": "cost"}),
}


@pytest.mark.parametrize("case", CASES)
def test_what_was_recorded_is_made_again(case: str) -> None:
    name, keywords = CASES[case]
    env = gym.make(name, episode_steps=4, **keywords)
    recorded = record_expert(env, policy="idle", seed=3)
    kept = json.loads(json.dumps(recorded.keywords))
    again = gym.make(recorded.id, **made_keywords(kept)).unwrapped
    own: Any = env.unwrapped
    assert (again.scenario, again.layout) == (own.scenario, own.layout)
    episode = recorded.episodes[0]
    seen = [again.reset(seed=episode.seed)[0]]
    for action, reward in zip(episode.actions, episode.rewards, strict=True):
        observation, gain, *_ = again.step(action)
        assert gain == reward
        seen.append(observation)
    assert np.array(seen).tobytes() == episode.observations.tobytes()


@pytest.mark.usefixtures("real_data")
@pytest.mark.parametrize("keyword", ["fleet", "scenario"])
def test_a_fleets_file_is_kept_as_what_it_says(keyword: str, tmp_path: Path) -> None:
    path = tmp_path / "fleet.yaml"
    path.write_text(dk2(2).to_yaml(), encoding="utf-8")
    kept = plain_keywords(gym.make("energy_gym/FleetReserve-v1", dataset="dk2-2021", **{keyword: str(path)}).unwrapped)
    path.unlink()
    assert set(kept) == {"dataset", "scenario"}
    assert made_keywords(kept)["scenario"] == dk2(2)
