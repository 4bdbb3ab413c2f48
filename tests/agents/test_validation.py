"""Every data set has weeks to validate on, and they are never of the test split."""

from __future__ import annotations

import gymnasium as gym
import pytest

from energy_gym.agents.validation import validation_part
from energy_gym.data import card, card_ids

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
