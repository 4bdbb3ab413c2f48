"""benchmarks/learning_page.py: means and intervals over seeds, and seconds of those runs alone that had the machine."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest
from benchmark_scripts import FOLDER, benchmark_script

PAGE = benchmark_script("learning_page")


def a_run(engine: str, seed: int, score: float, **others: Any) -> dict[str, Any]:
    points = [[100 * look, 2.0 * look, 3.0 * look, score * look / 4] for look in (1, 2, 3, 4)]
    usual = {"task": "train", "agent": "ppo", "engine": engine, "lookahead": "full", "market": "de-lu", "seed": seed}
    return {
        **usual,
        "alone": seed == 0,
        "wall": 8.0 + seed,
        "processor": 12.0,
        "score": score,
        "points": points,
        **others,
    }


ROWS = [
    *(
        a_run(engine, seed, score)
        for engine, scores in (("jax", (0.8, 0.6)), ("sb3", (0.7, 0.7)))
        for seed, score in enumerate(scores)
    ),
    a_run("jax", 0, 0.5, lookahead="compact"),
    a_run("jax", 1, 0.0, task="together", alone=True, wall=10.0),
    a_run("jax", 5, 0.0, task="together", alone=True, wall=25.0),
]


def rows_of(page: str, begin: str) -> list[list[str]]:
    return [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith(begin)]


def test_the_page_says_who_scored_what_in_which_time() -> None:
    page = PAGE.page(ROWS)
    found = rows_of(page, "| ppo")
    assert found[0] == ["ppo", "JAX", "de-lu", "400", "8.0 (1)", "12.0 (1)", "0.700 (0.600 to 0.800)", "2"]
    assert [row[1] for row in found] == ["JAX", "Stable-Baselines3"]
    looks = rows_of(page, "| de-lu")
    assert looks[2] == ["de-lu", "200", "0.350 (0.350 to 0.350)", "0.350 (0.300 to 0.400)"]
    assert ["de-lu", "10.0", "25.0", "5", "2.50"] in looks
    assert ["de-lu", "compact", "0.500", "0.500", "1"] in looks


def test_the_figure_is_drawn(tmp_path: Path) -> None:
    PAGE.draw(ROWS, tmp_path / "figure.png")
    assert (tmp_path / "figure.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("values", [[], [3.0]])
def test_what_was_not_timed_is_a_dash(values: list[float]) -> None:
    assert PAGE._seconds(values) == ("3.0 (1)" if values else "-")


@pytest.mark.parametrize(("asked", "made"), [({}, [2]), ({"alone": True}, [1, 2]), ({"again": True}, [0, 1, 2])])
def test_which_runs_are_made(asked: dict[str, bool], made: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    script = benchmark_script("learning")
    monkeypatch.setattr(script, "rows", lambda: ROWS)
    usual = {"task": "train", "agent": "ppo", "engine": "jax", "lookahead": "full", "markets": ["de-lu"], "seeds": 3}
    found = script.asked_runs(Namespace(**usual, **{"alone": False, "again": False, **asked}))
    assert [run["seed"] for run in found] == made
