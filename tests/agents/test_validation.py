"""Every data set has weeks to validate on, and they are never of the test split."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from energy_gym.agents import validation
from energy_gym.agents.validation import validation_part
from energy_gym.data import card, card_ids
from energy_gym.oracle import solve

SETS = ["ercot-2021-2022", "synthetic", *(name for name in card_ids() if "validation" not in card(name).splits)]


@pytest.mark.parametrize("name", SETS)
def test_it_lies_before_what_is_tested(name: str, request: pytest.FixtureRequest) -> None:
    if "validation" not in card(name).splits:
        request.getfixturevalue("real_data")
    env, train = (
        gym.make("energy_gym/Arbitrage-v1", dataset=name, split=split, episode_steps=None).unwrapped
        for split in ("test", "train")
    )
    tested, learnt = env.setup, train.setup  # type: ignore[attr-defined]  # one of ours
    part = validation_part(env).setup  # type: ignore[arg-type]  # one of ours
    assert part.time(part.steps - 1) < tested.time(0)
    if "validation" in card(name).splits:
        assert part.time(0) > learnt.time(learnt.steps - 1)
    else:
        assert part.time(part.steps - 1) == learnt.time(learnt.steps - 1)
        assert part.steps == learnt.steps // 5


def test_what_takes_long_to_mark_is_found_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENERGY_GYM_CACHE", str(tmp_path))
    monkeypatch.setattr(validation, "MOST_WEEKS", 1)
    asked: list[Any] = []

    def counted(env: Any, **how: Any) -> Any:
        asked.append(env)
        return solve(env, **how)

    monkeypatch.setattr(validation, "solve", counted)
    fleet: Any = gym.make("energy_gym/FleetReserve-v1", split="test", episode_steps=4).unwrapped
    first, again = validation.Validation(fleet), validation.Validation(fleet)
    idle = np.zeros((1, *fleet.action_space.shape), dtype=np.float32)
    assert first.score(lambda _: idle) == again.score(lambda _: idle)
    assert len(asked) == 1
    (kept,) = tmp_path.glob("marks/*")
    kept.write_bytes(b"")
    validation.Validation(fleet)
    assert len(asked) == 2
