"""The speed script: it runs, and writes what it says; how fast is for the script to judge, on a quiet machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
# One of each kind of row; the whole is measured beside the tests.
MEASURED = ["single", "batch", "oracle", "mpc", "planners", "import", "memory"]
NAMES = ["single", "batch", "solve", "mpc", "sdp", "import", "memory"]
HEAD = ["| what | measured | reference | ratio | target | verdict |", "| --- | ---: | ---: | ---: | --- | --- |"]
ROW = ["measured", "met", "name", "note", "ratio", "reference", "reference_name", "target", "unit", "verdict"]


def run(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "80", **variables}
    command = [sys.executable, str(ROOT / "benchmarks" / "speed.py"), *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory, cache_folder: Path) -> tuple[str, dict[str, Any]]:
    """What the script prints and what it writes, in tiny sizes."""
    path = tmp_path_factory.mktemp("speed") / "speed.json"
    result = run("--quick", "--only", *MEASURED, "--json", str(path))
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout, json.loads(path.read_text(encoding="utf-8"))


def test_the_file_says_where_and_with_what_it_was_measured(measured: tuple[str, dict[str, Any]]) -> None:
    document = measured[1]
    assert sorted(document) == ["data", "machine", "rows", "sizes", "versions"]
    assert {"python", "energy-gym", "gymnasium", "numpy"} <= set(document["versions"])
    assert sorted(document["machine"]) == ["architecture", "cores", "system"]
    assert document["data"] in ("fetched", "embedded and synthetic")


def test_every_row_is_complete_and_agrees_with_itself(measured: tuple[str, dict[str, Any]]) -> None:
    rows = measured[1]["rows"]
    for row in rows:
        assert sorted(row) == ROW
        assert row["measured"] > 0.0
        assert row["verdict"] == {True: "met", False: "MISSED", None: ""}[row["met"]]
        assert (row["met"] is None) == (row["target"] == "")
        if row["reference"] is not None:
            better = row["measured"] / row["reference"]
            assert row["ratio"] == pytest.approx(better if row["unit"].endswith("steps/s") else 1.0 / better)
    found = [row["name"] for row in rows]
    assert len(set(found)) == len(found)
    assert all(any(name.startswith(kind) for name in found) for kind in NAMES if kind != "memory")


def test_the_oracle_agrees_with_the_stated_model(measured: tuple[str, dict[str, Any]]) -> None:
    against_model = [row for row in measured[1]["rows"] if row["reference_name"].startswith("Pyomo")]
    assert len(against_model) == 2
    for row in against_model:
        assert float(row["note"].rsplit(" ", 1)[1]) <= 1e-6


def test_the_screen_shows_every_row(measured: tuple[str, dict[str, Any]]) -> None:
    screen, document = measured
    table = screen.split("reference CartPole", 1)[0]
    assert all(len(line.rstrip()) <= 80 for line in table.splitlines())
    for row in document["rows"]:
        assert f"{row['measured']:.4g}" in screen


def test_what_is_measured_part_by_part_stands_on_one_page(tmp_path: Path) -> None:
    path, page = tmp_path / "speed.json", tmp_path / "SPEED.md"
    stale = "| memory, batch of 64 | -1 MiB |  |  | < 300 MB | MISSED |"
    stands = "| before, 3 levels | 1.5 s | 3 s | 2.00 | >= 1.5x | met |"
    said = "- before, 3 levels: reference Pyomo, all; exact; of old"
    page.write_text("\n".join([*HEAD, stale, stands, "", said, ""]), encoding="utf-8")
    result = run("--quick", "--only", "memory", "--add", "--json", str(path), "--markdown", str(page))
    assert (result.returncode, result.stderr) == (0, "")
    rows = json.loads(path.read_text(encoding="utf-8"))["rows"]
    assert [row["name"] for row in rows] == ["memory, batch of 64", "before, 3 levels"]
    assert rows[0]["measured"] > 0.0
    assert (rows[1]["reference_name"], rows[1]["note"], rows[1]["met"]) == ("Pyomo, all", "exact; of old", True)
    assert {stands, said} <= set(page.read_text(encoding="utf-8").splitlines())
    assert run("--add").returncode == 2


def test_the_page_is_read_as_it_was_written() -> None:
    page = (ROOT / "benchmarks" / "SPEED.md").read_text(encoding="utf-8")
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT / 'benchmarks')!r});"
        "from measuring import Sizes, document, markdown, told;"
        "rows = told(sys.stdin.read()); print(markdown(rows, document(rows, Sizes(), 'fetched'), ''))"
    )
    found = subprocess.run([sys.executable, "-c", code], input=page, capture_output=True, text=True, check=True).stdout
    assert found.split("| what", 1)[1].strip() == page.split("| what", 1)[1].strip()


def test_an_unknown_name_is_a_mistake_of_usage() -> None:
    result = run("--only", "everything")
    assert result.returncode == 2
    assert "invalid choice: 'everything'" in result.stderr


def test_strict_fails_where_a_target_is_missed() -> None:
    code = (
        f"import sys, runpy; sys.path.insert(0, {str(ROOT / 'benchmarks')!r}); "
        "sys.argv = ['speed.py', '--quick', '--only', 'slow', '--strict'];"
        f"speed = runpy.run_path({str(ROOT / 'benchmarks' / 'speed.py')!r});"
        "slow = lambda sizes: iter([speed['Row']('slow', 2.0, 's', target='<= 1 s', met=False)]);"
        "speed['MEASURES']['slow'] = slow; sys.exit(speed['main']())"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (1, "")
    assert "MISSED" in result.stdout
