"""benchmarks/controls.py plays each site of a suite under both controls, and writes one table of them."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from benchmark_scripts import benchmark_script

CONTROLS = benchmark_script("controls")


def suite(folder: Path) -> Path:
    """Return a suite of two homes, of which one is played under both controls."""
    tasks = [
        {"name": name, "id": "energy_gym/HomeSolar-v1", "keywords": {"home": 1, "split": "test", **more}}
        for name, more in (
            ("home-01", {"episode_steps": 48}),
            ("home-01-meter", {"episode_steps": 48, "control": "meter"}),
            ("home-02", {"episode_steps": 24}),
        )
    ]
    path = folder / "two.yaml"
    path.write_text(yaml.safe_dump({"title": "t", "description": "d", "agents": ["idle"], "tasks": tasks}))
    return path


def test_a_row_for_each_site_that_is_played_twice(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    agents = ["idle", "self-consumption", "mpc"]
    words = ["--suite", str(suite(tmp_path)), "--folder", str(tmp_path / "runs"), "--page", str(page), "--workers", "1"]
    CONTROLS.main([*words, "--agents", *agents])
    rows = [line for line in page.read_text().splitlines() if line.startswith("|")]
    assert rows[0] == "| site | idle | self-consumption | mpc | at most, without foresight |"
    assert [row.split(" | ")[0] for row in rows[2:]] == ["| home-01", "| homes, mean", "| homes, worst"]
    site, mean, worst = (row.strip("| ").split(" | ")[1:] for row in rows[2:])
    assert site == mean == worst
    assert site[0] == "0.000 / n/a", "no power at the meter leaves a battery alone"
    power, meter = map(float, site[1].split(" / "))
    assert power <= meter <= 1.0
    bounds = [float(part) for part in site[3].split(" / ")]
    assert all(rule <= bound <= 1.0 for rule, bound in zip((power, meter), bounds, strict=True))
    assert "`mpc` lies below doing nothing in 0 of 2 cases" in page.read_text()


def test_a_site_under_one_control_is_left_out(tmp_path: Path) -> None:
    assert CONTROLS.twice(CONTROLS.Suite.read(suite(tmp_path))) == ["home-01"]
    with pytest.raises(SystemExit):
        CONTROLS.main(["--nosuch"])
