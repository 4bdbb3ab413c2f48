"""What-if studies: what is varied, what is refused, what is kept, and what is drawn."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import energy_gym
from energy_gym import Battery, Scenario
from energy_gym.agents import make_agent
from energy_gym.envs.env import EnergyEnv
from energy_gym.errors import ConfigurationError, EnergyGymError, ResultsError, UnknownIdError
from energy_gym.forecast import Noise
from energy_gym.leaderboard.engines import Engine
from energy_gym.sweeps import Experiment, run_sweep, study_ids

pytest.importorskip("hydra", reason="needs the extra sweep")

from energy_gym.sweeps import sweep as sweep_module
from energy_gym.sweeps.drawing import PLOT, draw, front, knee, knees
from energy_gym.sweeps.grid import points_of
from energy_gym.sweeps.playing import play_point
from energy_gym.sweeps.results import POINTS, STORY, TABLE, read_sweep

BATTERY = "scenario.entities.battery"
PRICE = "scenario.objective.carbon_price"
DAY = {"task": {"episode_steps": 24, "split": "test"}}


def tiny(**parts: Any) -> Experiment:
    return Experiment.from_tree("tiny", {**DAY, **parts})


def played(experiment: Experiment, folder: Path, *overrides: str) -> pd.DataFrame:
    return run_sweep(experiment, folder, overrides=overrides, workers=1)


def test_a_grid_has_all_combinations_and_the_last_field_changes_fastest() -> None:
    points = points_of(tiny(sweep={PRICE: "range(0, 30, 10)"}), ["agent.name=idle,mpc", f"{BATTERY}.capacity_kwh=20"])
    found = [tuple(point.varied.values()) for point in points]
    assert found == [(price, agent) for price in (0, 10, 20) for agent in ("idle", "mpc")]
    assert all(point.tree["scenario"]["entities"]["battery"]["capacity_kwh"] == 20 for point in points)


def test_words_on_the_command_line_take_the_place_of_the_files() -> None:
    points = points_of(tiny(sweep={PRICE: [0, 10]}), [f"{PRICE}=5"])
    assert [point.varied for point in points] == [{PRICE: 5}]


def test_fields_follow_what_is_selected() -> None:
    points = points_of(tiny(), ["forecast.name=noise", "forecast.mae=1,2"])
    assert [point.tree["forecast"] for point in points] == [
        {"name": "noise", "mae": mae, "growing": False, "seed": 0} for mae in (1, 2)
    ]
    site = points_of(tiny(task={"id": "energy_gym/Microgrid-v1"}), ["scenario.contracts.tariff.sell=0,50"])
    assert [point.tree["scenario"]["contracts"]["tariff"]["sell"] for point in site] == [0, 50]
    home = points_of(tiny(task={"id": "energy_gym/HomeSolar-v1"}), ["+task.home=2,3"])
    assert [point.tree["scenario"]["entities"]["pv"]["column"] for point in home] == ["home_02_pv_kw", "home_03_pv_kw"]


def test_a_field_may_follow_another() -> None:
    link = {"entities": {"battery": {"efficiency_discharge": "${scenario.entities.battery.efficiency_charge}"}}}
    points = points_of(tiny(scenario=link), [f"{BATTERY}.efficiency_charge=0.8,0.9"])
    assert [point.tree["scenario"]["entities"]["battery"]["efficiency_discharge"] for point in points] == [0.8, 0.9]


def test_an_entity_of_another_kind_starts_from_its_own_defaults() -> None:
    (point,) = points_of(tiny(scenario={"entities": {"battery": {"kind": "fading_battery"}}}))
    assert point.tree["scenario"]["entities"]["battery"]["fade_per_kwh"] == pytest.approx(2e-5 / 0.9)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (f"{BATTERY}.capacity_kw=1,2", f"did you mean '{BATTERY}.capacity_kwh'"),
        ("carbon_price=1,2", f"did you mean '{PRICE}'"),
        ("agent.nam=idle", "did you mean 'agent.name'"),
        ("agent.name=mcp", "did you mean 'mpc'"),
        ("forecast.name=nois", "did you mean 'noise'"),
        ("forecast.mae=3", "no field of this experiment"),
        ("task.dataset=ercott", "did you mean 'ercot'"),
        ("task.id=energy_gym/Arbitrag-v0", "did you mean 'energy_gym/Arbitrage-v1'"),
        ("task.id=energy_gym/FleetReserve-v1", "no scenario of entities"),
        ("+task.home=3", "keyword 'home': no such keyword"),
        (f"{BATTERY}.capacity_kwh=5,-1", "must be above 0 kWh"),
        (f"{PRICE}=range(0", "cannot be read"),
        (f"{PRICE}=interval(0,1)", "no countable values"),
        (f"~{PRICE}", "must set or vary"),
        ("scenario.objective.kind=[", "cannot be read"),
        ("scenario.clock.horizon=${nowhere}", "leads nowhere"),
        ("scenario.objective.kind=joint", "carbon_g_per_kwh"),
    ],
)
def test_what_cannot_be_varied_is_named_before_anything_is_played(words: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(EnergyGymError) as raised:
        played(tiny(), tmp_path, words)
    assert told in str(raised.value)
    assert not list(tmp_path.rglob("*.json"))


STORES: list[dict[str, Any]] = [
    {"kind": "limited_battery", "wear_per_kwh": 0.004, "cycles_per_day": 0.5},
    {"kind": "limited_battery", "wear_per_kwh": 0.004, "discharge_efficiency": [[0.5, 0.95], [1.0, 0.8]]},
    {"kind": "ageing_battery", "wear_per_kwh": 0.004, "replacement_per_kwh": 0.0},
]


@pytest.mark.parametrize("store", STORES)
def test_what_every_kind_of_battery_gives_out_is_measured(store: dict[str, Any], tmp_path: Path) -> None:
    experiment = tiny(
        agent={"name": "mpc"}, scenario={"entities": {"battery": store}, "contracts": {"spot": {"kind": "spot"}}}
    )
    (row,) = played(experiment, tmp_path).to_dict("records")
    assert row["discharged_kwh"] > 1.0
    assert row["discharged_kwh"] == pytest.approx(row["wear"] / 0.004)
    assert row["cycles"] == pytest.approx(row["discharged_kwh"] / 10.0)


@pytest.mark.parametrize(
    ("tree", "told"),
    [
        ({"sweeps": {}}, "did you mean 'sweep'"),
        ({"scenario": {"entitie": {}}}, "did you mean 'entities'"),
        ({"scenario": {"entities": {"battery": {"capacity": 3}}}}, "did you mean 'capacity_kwh'"),
        ({"forecast": {"name": "noise", "mea": 3}}, "did you mean 'mae'"),
        ({"agent": {"name": "mpc", "weight": 3}}, "is not a known key"),
        ({"sweep": [1]}, "must be a mapping"),
    ],
)
def test_a_file_with_unknown_fields_is_refused(tree: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        points_of(Experiment.from_tree("bad", tree))
    assert told in str(raised.value)


def test_a_row_is_what_evaluate_says_of_the_same_setting(tmp_path: Path) -> None:
    experiment = tiny(forecast={"name": "noise", "mae": 15.0}, agent={"name": "mpc"})
    (row,) = played(experiment, tmp_path, f"{BATTERY}.wear_per_kwh=0.004").to_dict("records")
    scenario = Scenario.arbitrage(Battery(wear_per_kwh=0.004))
    env = EnergyEnv(scenario=scenario, split="test", episode_steps=24, forecast=Noise(mae=15.0))
    result = energy_gym.evaluate(make_agent("mpc", env), env, seed=0)
    assert (row["return"], row["regret"], row["score"]) == (result.return_, result.regret, result.score)
    assert row["money"] == pytest.approx(result.return_)
    assert row["discharged_kwh"] == pytest.approx(row["wear"] / 0.004)
    assert row["cycles"] == pytest.approx(row["discharged_kwh"] / 10.0)
    assert (row[f"{BATTERY}.wear_per_kwh"], row["forecast.mae"], row["agent.name"]) == (0.004, 15.0, "mpc")


def test_the_oracle_has_no_regret_and_fade_is_told(tmp_path: Path) -> None:
    experiment = tiny(scenario={"entities": {"battery": {"kind": "fading_battery", "fade_per_kwh": 0.001}}})
    (row,) = played(experiment, tmp_path, "agent.name=oracle").to_dict("records")
    assert row["regret"] == pytest.approx(0.0, abs=1e-6)
    assert row["capacity_left"] == pytest.approx(1.0 - 0.001 * row["discharged_kwh"] / 10.0)


def test_an_oracle_with_levels_plays_levels(tmp_path: Path) -> None:
    (row,) = played(tiny(agent={"name": "oracle"}), tmp_path, "task.actions=discrete-3").to_dict("records")
    assert 0.0 < row["score"] <= 1.0


def test_settings_of_mixed_types_share_a_column(tmp_path: Path) -> None:
    table = played(tiny(agent={"name": "idle"}), tmp_path, "task.horizon=null,12")
    assert table["task.horizon"].isna().tolist() == [True, False]
    assert pd.read_parquet(tmp_path / TABLE).equals(table)


def test_an_interrupted_sweep_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    experiment, seen = tiny(agent={"name": "idle"}, sweep={f"{BATTERY}.capacity_kwh": [5, 10, 20]}), []
    usual = Engine.outcomes

    def counted(self: Engine, work: Any, items: Any) -> Any:
        for place, outcome in usual(self, work, items):
            seen.append(items[place][0]["scenario"]["entities"]["battery"]["capacity_kwh"])
            yield place, outcome
            if len(seen) == 2:
                raise KeyboardInterrupt

    monkeypatch.setattr(Engine, "outcomes", counted)
    with pytest.raises(KeyboardInterrupt):
        played(experiment, tmp_path)
    assert not (tmp_path / TABLE).exists()
    table = played(experiment, tmp_path)
    assert seen == [5, 10, 20]
    assert table[f"{BATTERY}.capacity_kwh"].tolist() == [5, 10, 20]


KILLED = """
import os, signal, sys
import energy_gym.sweeps.sweep as module
from energy_gym.sweeps import Experiment, run_sweep

write = module.write_json

def killing(path, content):
    write(path, content)
    if len(list(path.parent.glob("*.json"))) == 2:
        os.kill(os.getpid(), signal.SIGKILL)

module.write_json = killing
run_sweep(Experiment.read(sys.argv[1]), sys.argv[2], workers=1)
"""
SIZES = """
task: {episode_steps: 24, split: test}
agent: {name: idle}
sweep: {scenario.entities.battery.capacity_kwh: [5, 10, 20, 40]}
"""


def test_a_sweep_that_was_killed_plays_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, folder = tmp_path / "sizes.yaml", tmp_path / "out"
    path.write_text(SIZES, encoding="utf-8")
    home = str(Path(energy_gym.__file__).resolve().parents[1])
    environment = {**os.environ, "PYTHONPATH": home}
    command = [sys.executable, "-c", KILLED, str(path), str(folder)]
    killed = subprocess.run(command, env=environment, capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert (len(list((folder / POINTS).iterdir())), (folder / TABLE).exists()) == (2, False)
    played_now: list[Any] = []

    def counted(tree: Any) -> Any:
        played_now.append(tree)
        return play_point(tree)

    monkeypatch.setattr(sweep_module, "play_point", counted)
    table = played(Experiment.read(path), folder)
    assert len(played_now) == 2
    assert table[f"{BATTERY}.capacity_kwh"].tolist() == [5, 10, 20, 40]
    fresh = played(Experiment.read(path), tmp_path / "fresh")
    pd.testing.assert_frame_equal(table.drop(columns="seconds"), fresh.drop(columns="seconds"))


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("engine", ["ray", "dask"])
def test_a_cluster_finds_what_this_process_finds(engine: str, tmp_path: Path) -> None:
    pytest.importorskip("ray" if engine == "ray" else "distributed")
    experiment = tiny(agent={"name": "idle"}, sweep={f"{BATTERY}.capacity_kwh": [5, 10]})
    here = played(experiment, tmp_path / "here")
    there = run_sweep(experiment, tmp_path / "there", workers=2, engine=engine)
    pd.testing.assert_frame_equal(here.drop(columns="seconds"), there.drop(columns="seconds"))


def test_a_broken_kept_row_is_played_again(tmp_path: Path) -> None:
    experiment = tiny(agent={"name": "idle"})
    first = played(experiment, tmp_path)
    (kept,) = (tmp_path / POINTS).iterdir()
    kept.write_text("{", encoding="utf-8")
    again = played(experiment, tmp_path)
    assert first["return"].equals(again["return"])
    assert json.loads(kept.read_text(encoding="utf-8"))["agent.name"] == "idle"


def test_a_point_that_fails_is_told_and_the_others_stay(tmp_path: Path) -> None:
    table = played(tiny(), tmp_path, "agent.name=idle,dqn", "task.actions=continuous")
    assert table["agent.name"].tolist() == ["idle"]
    failed = read_sweep(tmp_path)[1]["failed"]
    assert len(failed) == 1
    assert "discrete" in next(iter(failed.values()))


def test_settings_of_an_agent_reach_it(tmp_path: Path) -> None:
    days = "energy_gym.sweeps.weighted:WeightedDays"
    experiment = tiny(
        task={"dataset": "synthetic", "split": "test", "episode_steps": 72},
        scenario={"objective": {"kind": "joint"}},
        forecast={"name": "perfect"},
        agent={"name": days},
    )
    table = played(experiment, tmp_path, "agent.weight=0.0,1.0")
    money, carbon = table["money"].to_numpy(), table["carbon_avoided_kg"].to_numpy()
    assert money[1] > money[0]
    assert carbon[0] > carbon[1]


@pytest.mark.parametrize("name", study_ids())
def test_every_study_can_be_composed(name: str) -> None:
    points = points_of(Experiment.read(name))
    assert len(points) > 4
    assert all(point.varied for point in points)


def test_a_study_in_small_from_the_command_line(tmp_path: Path) -> None:
    from energy_gym.cli.app import app

    pytest.importorskip("matplotlib")
    words = ["sweep", "carbon-price", "task.episode_steps=48", f"{PRICE}=0,100,1000", "agent.name=oracle"]
    result = CliRunner().invoke(app, [*words, "--workers", "1", "--out", str(tmp_path)])
    assert result.exit_code == 0, result.output
    table, story = read_sweep(tmp_path)
    assert np.all(np.diff(table["carbon_avoided_kg"]) >= -1e-9)
    assert np.all(np.diff(table["money"]) <= 1e-9)
    assert story["varied"] == ["agent.name", PRICE]
    assert {TABLE, STORY, PLOT} <= {path.name for path in tmp_path.iterdir()}
    again = CliRunner().invoke(app, ["plot", str(tmp_path), str(tmp_path), "--out", str(tmp_path / "two.png")])
    assert again.exit_code == 0, again.output
    assert (tmp_path / "two.png").stat().st_size > 5000
    shown = CliRunner().invoke(app, ["sweep", "carbon-price", f"{PRICE}=0,1", "--points", "agent.name=mpc"])
    assert shown.output.count(PRICE) == 2


def test_wear_slows_the_cycles_of_the_degradation_study(tmp_path: Path) -> None:
    words = ["task.episode_steps=96", f"{BATTERY}.wear_per_kwh=0.0,0.02,0.2"]
    table = played(Experiment.read("degradation"), tmp_path, *words)
    assert np.all(np.diff(table["cycles"]) <= 0.0)
    assert np.all(np.diff(table["capacity_left"]) >= 0.0)
    assert table["regret"].max() < 1e-6


def test_the_front_and_its_knee() -> None:
    x, y = np.array([0.0, 6.0, 9.0, 10.0, 5.0]), np.array([10.0, 9.0, 6.0, 0.0, 5.0])
    assert front(x, y).tolist() == [0, 1, 2, 3]
    kept = front(x, y)
    assert knee(x[kept], y[kept]) == 1
    assert knee(np.array([0.0, 5.0, 10.0]), np.array([10.0, 5.0, 0.0])) is None
    assert knee(np.array([0.0, 10.0]), np.array([10.0, 0.0])) is None
    table = pd.DataFrame({"x": x, "y": y, "who": "me"})
    assert knees(table, {"x": "x", "y": "y", "group": "who"})["x"].tolist() == [6.0]


def test_a_plot_of_what_is_not_there_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    played(tiny(agent={"name": "idle"}, sweep={PRICE: [0, 1]}), tmp_path)
    with pytest.raises(UnknownIdError, match="did you mean 'cycles'"):
        draw([tmp_path], y=["cycle"])
    with pytest.raises(UnknownIdError, match="kind of plot"):
        draw([tmp_path], kind="pie")
    with pytest.raises(ResultsError, match="holds no sweep"):
        draw([tmp_path / "nothing"])


def test_an_unknown_study_names_the_nearest() -> None:
    with pytest.raises(UnknownIdError, match="did you mean 'degradation'"):
        Experiment.read("degradatoin")
