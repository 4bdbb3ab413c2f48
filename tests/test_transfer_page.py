"""benchmarks/transfer.py: a row for each pair of markets, goes on where it was, and reads no validation split."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from benchmark_scripts import FOLDER, benchmark_script

pytest.importorskip("stable_baselines3")
pytest.importorskip("matplotlib")
with pytest.MonkeyPatch.context() as beside:
    beside.syspath_prepend(str(FOLDER))
    TRANSFER = benchmark_script("transfer")
SMALL = {"hidden": [8], "num_envs": 4}


@pytest.fixture(autouse=True)
def _no_scores(monkeypatch: pytest.MonkeyPatch) -> None:
    from energy_gym.agents import validation

    monkeypatch.setattr(validation, "MOST_WEEKS", 1)

    def read(*_: Any) -> None:
        raise AssertionError("a validation split was scored")

    monkeypatch.setattr(validation.Validation, "scores", read)


def test_a_matrix_that_goes_on_where_it_was(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept, page = tmp_path / "rows.json", tmp_path / "page.md"
    words = ["--markets", "ercot-2021-2022", "synthetic", "--days", "0", "3", "--seeds", "1", "--before", "60"]
    words += ["--steps", "60", "--episode-steps", "48", "--settings", json.dumps(SMALL)]
    words += ["--kept", str(kept), "--page", str(page), "--figure", str(tmp_path / "matrix.png")]
    TRANSFER.main(words)
    rows = json.loads(kept.read_text())
    assert len(rows) == 2 * 3 * 2
    assert all(row["score"] <= 1.0 for row in rows)
    assert [row["score"] for row in rows if row["source"] == "scratch" and row["days"] == 0] == [0.0, 0.0]
    text = page.read_text()
    assert (tmp_path / "matrix.png").read_bytes().startswith(b"\x89PNG")
    assert text.count("| from | ercot-2021-2022 | synthetic |") == 2
    assert "## After 3 days" in text
    capsys.readouterr()
    TRANSFER.main(words)
    assert capsys.readouterr().out == ""
    assert json.loads(kept.read_text()) == rows


def test_prices_of_five_minutes_are_moved_between_zones_and_to_australia(tmp_path: Path) -> None:
    folder = os.environ.get("ENERGY_GYM_DATA")
    if not folder or not (Path(folder) / "nyiso-rt").is_dir():
        pytest.skip("needs nyiso-rt and nem of ENERGY_GYM_DATA")
    kept = tmp_path / "rows.json"
    words = ["--kind", "real-time", "--markets", "NYC", "--targets", "WEST", "NSW", "--days", "0", "3", "30"]
    asked = TRANSFER.completed(TRANSFER.parsed(words))
    cases = list(TRANSFER.cases(asked))
    assert {case["days"] for case in cases if case["target"] == "NSW"} == {0, 3}
    assert {case["days"] for case in cases if case["target"] == "WEST"} == {0, 3, 30}
    assert asked.page.name == "TRANSFER-REALTIME.md"
    moved, fresh = (TRANSFER.transfer_realtime.market(place, 3) for place in ("NYC", "NSW"))
    assert [slot.name for slot in moved.layout] == [slot.name for slot in fresh.layout]
    assert moved.setup.steps == 365 * 288
    assert not kept.exists()


def test_local_days_are_the_last_of_the_training_split() -> None:
    env = TRANSFER.market("ercot-2021-2022", "discrete-3", split="test")
    local = TRANSFER.local_days(env, 3)
    assert local.setup.steps == 72
    train = env.unwrapped.variant(split="train", episode_steps=None).setup
    assert local.setup.time(71) == train.time(train.steps - 1)
    assert TRANSFER.local_days(env, 30).setup.episode_steps == 168
