"""Pages of what learners do: who teaches best, and New York's real-time prices; each figure is that of its rows."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
from benchmark_scripts import FOLDER, benchmark_script

pytest.importorskip("imitation")


@pytest.fixture(scope="module")
def scripts() -> Iterator[tuple[ModuleType, ModuleType]]:
    """The scripts as modules; they lie outside the package, beside those that they import."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(FOLDER))
        yield benchmark_script("teachers"), benchmark_script("realtime_learners")


def test_the_best_teacher_on_validation_comes_first(scripts: tuple[ModuleType, ModuleType]) -> None:
    row: dict[str, Any] = {"task": "real-time", "kind": "real-time", "expert": "oracle", "seed": 0, "seconds": 3.0}
    rows = [{**row, "validation": 0.5, "score": 0.9}]
    rows += [{**row, "expert": "sdp", "seed": seed, "validation": 0.6 + 0.2 * seed, "score": 0.4} for seed in (0, 1)]
    rows[1]["own"] = 0.75
    rows.append({"task": "fleet", "expert": "sdp", "seed": 0, "why": "fleet: sets the power of storage"})
    text = scripts[0].page(rows)
    assert "| real-time | `sdp` | 0.750 | 0.700 [0.600, 0.800] | 0.400 [0.400, 0.400] | 2 | 6 |" in text
    assert text.index("`sdp`") < text.index("|  | `oracle` | - | 0.500")
    assert "fleet, sdp: fleet: sets the power of storage." in text


def test_each_expert_of_a_task_plays_as_many_weeks(scripts: tuple[ModuleType, ModuleType]) -> None:
    teachers = scripts[0]
    task = teachers.task_named("home")
    honest, seeing = teachers.recipe(task, "sdp"), teachers.recipe(task, "oracle")
    assert seeing == {**honest, "policy": "oracle", "window": 24}
    assert (honest["episodes"], honest["episode_steps"]) == (16, 168)


def test_shares_are_of_the_published_foresight(
    scripts: tuple[ModuleType, ModuleType], monkeypatch: pytest.MonkeyPatch
) -> None:
    learners = scripts[1]
    rows = [{"zone": "NYC", "loss": 0.0, "agent": "bc", "earned": share * 15066.34} for share in (0.5, 0.7)]
    monkeypatch.setattr(learners, "read_rows", lambda _: rows)
    text = learners.section()
    assert "| Q-learning, published | no losses | 0.642 | 0.579 | 0.628 | 0.647 |" in text
    assert "| `bc`, taught by `sdp` | no losses | 0.600 [0.500, 0.700] | - | - | - |" in text


def test_what_is_earned_is_the_sum_of_an_episode(scripts: tuple[ModuleType, ModuleType], real_data: Any) -> None:
    learners = scripts[1]
    env = learners.market("NYC", 0.0, episode_steps=288, history=0).unwrapped

    class Idle:
        def __init__(self) -> None:
            self.env = env

        def reset(self) -> None:
            """Nothing to forget."""

        def act(self, *_: Any) -> int:
            return 1

    assert env.setup.levels == (-1.0, 0.0, 1.0)
    assert learners.played(Idle()) == 0.0
