"""Suites: those that ship can be played, and what is wrong with a file is said in one line."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import pytest

from energy_gym.agents.default_settings import changed_defaults
from energy_gym.agents.registry import agent_factory, learner_ids
from energy_gym.agents.task_kinds import KINDS, task_kind
from energy_gym.data import card
from energy_gym.errors import (
    ConfigurationError,
    EnergyGymError,
    MissingColumnError,
    NonPositiveError,
    UnknownIdError,
)
from energy_gym.leaderboard import runs
from energy_gym.leaderboard.runs import misfits, runs_of, source_hash
from energy_gym.leaderboard.suites import Suite, Task, suite_ids
from energy_gym.scenarios.registration import SCENARIOS

GOOD = """
title: T
description: D
agents: [idle]
tasks:
  - {name: one, id: energy_gym/Arbitrage-v1, keywords: {episode_steps: 24}}
"""
ID = "energy_gym/Arbitrage-v1"


def read(folder: Path, text: str) -> Suite:
    path = folder / "own.yaml"
    path.write_text(text, encoding="utf-8")
    return Suite.read(path)


def test_the_suites_that_ship() -> None:
    assert suite_ids() == ("core", "learn", "markets", "microgrids", "quick", "real-time")


@pytest.mark.parametrize("task", Suite.read("quick").tasks, ids=lambda task: task.name)
def test_quick_needs_no_network(task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ENERGY_GYM_DATA", raising=False)
    its = card(str(task.keywords["dataset"]))
    assert its.embedded or its.synthetic
    env: Any = task.make()
    env.reset(seed=0)
    first, stop = its.splits["test"]
    assert env.unwrapped.steps_left == (0, (stop - first).total_seconds() / 60 / its.resolution_minutes)


CORE = Suite.read("core").tasks
MARKETS = [task for task in CORE if task.id == ID]
TRADED = [task for task in CORE if task.id in ("energy_gym/Bidding-v1", "energy_gym/FleetReserve-v1")]
SITES = [task for task in CORE if task.id != ID and task not in TRADED]


@pytest.mark.parametrize("task", MARKETS, ids=lambda task: task.name)
def test_core_plays_the_year_2024(task: Task, real_data: Path) -> None:
    setup: Any = task.make().unwrapped.setup  # type: ignore[attr-defined]
    assert setup.steps == 8784
    local = [setup.time(step).tz_convert(setup.feed.zone) for step in (0, setup.steps - 1)]
    assert [f"{time:%Y-%m-%d %H:%M}" for time in local] == ["2024-01-01 00:00", "2024-12-31 23:00"]


def test_core_covers_four_markets_for_two_objectives() -> None:
    found = {(task.keywords["dataset"], task.keywords["objective"]) for task in MARKETS}
    assert found == {(data, kind) for data in ("ercot", "caiso", "nyiso", "de-lu") for kind in ("cost", "joint")}
    assert len(MARKETS) == 8


def test_core_and_the_yearly_bills_cover_every_site() -> None:
    every = {"california-homes-2016", "commercial", "ausgrid-12", *range(1, 18)}
    for tasks in (SITES, Suite.read("microgrids").tasks):
        assert {task.keywords.get("dataset", task.keywords.get("home")) for task in tasks} == every
        assert {task.id for task in tasks} == {
            f"energy_gym/{name}-v1" for name in ("Microgrid", "Commercial", "HomeSolar")
        }


def test_core_bids_in_the_markets_at_hand() -> None:
    assert [task.name for task in TRADED] == ["bidding-dk2", "bidding-be", "fleet-dk2", "fleet-nem"]
    assert {task.keywords["dataset"] for task in TRADED} == {"dk2-2021", "belgium", "nem-nsw1"}


def test_what_learns_is_tried_on_one_task_of_every_kind() -> None:
    suite = Suite.read("learn")
    assert {task.id for task in suite.tasks} == set(SCENARIOS) - {"energy_gym/Scenario-v1"}
    assert {task_kind(task.make().unwrapped) for task in suite.tasks} == set(KINDS)  # type: ignore[arg-type]
    assert set(suite.budgets) <= set(learner_ids())
    assert set(learner_ids()) <= set(suite.agents)


@pytest.mark.parametrize("task", Suite.read("learn").tasks, ids=lambda task: task.name)
def test_what_learns_needs_no_network(task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ENERGY_GYM_DATA", raising=False)
    env: Any = task.make()
    env.reset(seed=0)
    assert env.unwrapped.steps_left[1] - env.unwrapped.steps_left[0] == task.keywords["episode_steps"]
    # Whoever learns and is not refused is told here, so that a kind without anybody is seen.
    assert set(learner_ids()) - set(misfits(task, learner_ids()))


@pytest.mark.parametrize("task", Suite.read("real-time").tasks, ids=lambda task: task.name)
def test_real_time_is_played_in_the_year_that_nobody_learnt_from(task: Task, real_data: Path) -> None:
    setup: Any = task.make().unwrapped.setup  # type: ignore[attr-defined]
    assert setup.feed.step_hours == pytest.approx(1.0 / 12.0)
    assert setup.time(0).tz_convert(setup.feed.zone).year == 2019
    assert setup.episode_steps == 28 * 288


@pytest.mark.parametrize("task", [*SITES, *TRADED], ids=lambda task: task.name)
def test_core_plays_the_whole_test_split(task: Task, real_data: Path) -> None:
    its = card(str(task.keywords.get("dataset", "california-homes-2016")))
    first, stop = its.splits["test"]
    setup: Any = task.make().unwrapped.setup  # type: ignore[attr-defined]
    assert setup.whole
    assert setup.steps == (stop - first).total_seconds() / 60 / its.resolution_minutes


@pytest.mark.parametrize("task", Suite.read("microgrids").tasks[:4], ids=lambda task: task.name)
def test_a_yearly_bill_takes_a_year(task: Task, real_data: Path) -> None:
    setup: Any = task.make().unwrapped.setup  # type: ignore[attr-defined]
    assert setup.whole
    assert setup.steps * setup.feed.step_hours in (8760.0, 8784.0)


def test_an_agent_that_makes_no_sense_in_a_task_is_said_to() -> None:
    agents = ["idle", "mpc", "self-consumption", "tariff-clock", "peak-shaving"]
    market, home = Task("m", ID, {}), Task("h", "energy_gym/HomeSolar-v1", {})
    assert misfits(market, agents) == {
        "self-consumption": "needs a site with generation and load",
        "tariff-clock": "needs a tariff",
        "peak-shaving": "needs a demand charge that the objective counts",
    }
    assert set(misfits(home, agents)) == {"peak-shaving"}
    assert misfits(Task("c", "energy_gym/Commercial-v1", {}), agents) == {}


def test_what_bids_is_played_by_what_bids() -> None:
    agents = ["idle", "threshold", "self-consumption", "bid-forecast", "greedy", "follow", "mpc"]
    producer, fleet = (Task("t", f"energy_gym/{name}-v1", {}) for name in ("Bidding", "FleetReserve"))
    assert set(misfits(producer, agents)) == {"threshold", "self-consumption", "greedy", "follow"}
    assert set(misfits(fleet, agents)) == {"threshold", "self-consumption", "bid-forecast"}
    assert set(misfits(Task("m", ID, {}), agents)) == {"self-consumption", "bid-forecast", "greedy", "follow"}
    assert misfits(producer, ["greedy"]) == {"greedy": "bids for fleets"}


def test_same_task_same_hash_whatever_its_name() -> None:
    one, two = (Task(name, ID, {"episode_steps": 24, "split": "test"}) for name in ("one", "two"))
    reordered = Task("one", ID, {"split": "test", "episode_steps": 24})
    assert one.hashes == two.hashes == reordered.hashes


@pytest.mark.parametrize(
    ("changed", "parts"),
    [
        ({"episode_steps": 25}, {"task"}),
        ({"forecast": "perfect"}, {"task"}),
        ({"objective": "cost", "terminal": "free"}, {"task", "scenario"}),
        ({"split": "validation"}, {"task", "data"}),
        ({"dataset": "california-homes-2016"}, {"task", "data"}),
    ],
)
def test_a_change_shows_in_its_hashes(changed: dict[str, Any], parts: set[str]) -> None:
    base = {"dataset": "ercot-2021-2022", "episode_steps": 24, "split": "test"}
    before, after = Task("t", ID, base).hashes, Task("t", ID, {**base, **changed}).hashes
    assert {name for name in before if before[name] != after[name]} == parts


@pytest.mark.parametrize("scenario_name", ["a.yaml", "b.yaml"])
def test_a_scenario_counts_by_content(tmp_path: Path, scenario_name: str) -> None:
    import energy_gym

    path = tmp_path / scenario_name
    hashes = []
    for capacity in (10.0, 20.0):
        scenario = energy_gym.Scenario.arbitrage(battery=energy_gym.Battery(capacity_kwh=capacity))
        path.write_text(scenario.to_yaml(), encoding="utf-8")
        hashes.append(Task("t", ID, {"scenario": str(path), "episode_steps": 24}).hashes)
    assert hashes[0]["scenario"] != hashes[1]["scenario"]
    assert hashes[0]["task"] != hashes[1]["task"]
    assert hashes[0]["data"] == hashes[1]["data"]


def test_a_suite_of_ones_own(tmp_path: Path) -> None:
    suite = read(tmp_path, GOOD)
    assert (suite.name, suite.title, suite.agents) == ("own", "T", ("idle",))
    env: gym.Env[Any, Any] = suite.tasks[0].make()
    env.reset(seed=0)
    steps = env.unwrapped.steps_left  # type: ignore[attr-defined]
    assert steps[1] - steps[0] == 24


@pytest.mark.parametrize("name", ["quik", "nowhere.yaml", "../suites"])
def test_unknown_suite(name: str) -> None:
    told = re.escape(f"suite {name!r}: no such suite; ") + ".*Known: core, learn, markets, microgrids, quick, real-time"
    with pytest.raises(UnknownIdError, match=told):
        Suite.read(name)


@pytest.mark.parametrize(
    ("old", "new", "error", "says"),
    [
        ("title: T", "title: [", ConfigurationError, "is no valid YAML"),
        ("title: T", "titel: T", ConfigurationError, "must have exactly agents, description, tasks, title"),
        (GOOD, "- 1", ConfigurationError, "must have exactly"),
        (GOOD, "", ConfigurationError, "must have exactly"),
        ("agents: [idle]", "agents: idle", ConfigurationError, "agents='idle': must be a list"),
        ("agents: [idle]", "agents: []", ConfigurationError, "must be a list of one or more"),
        ("agents: [idle]", "agents: [idel]", UnknownIdError, "did you mean 'idle'"),
        ("agents: [idle]", "agents: [3]", UnknownIdError, "agent '3'"),
        ("tasks:\n", "tasks: null\nx:\n", ConfigurationError, "must have exactly"),
        ("keywords: {episode_steps: 24}", "keywords: 3", ConfigurationError, "must have exactly name, id, keywords"),
        (", keywords: {episode_steps: 24}", "", ConfigurationError, "must have exactly name, id, keywords"),
        ("id: energy_gym/Arbitrage-v1", "id: energy_gym/Arbitrag-v0", UnknownIdError, "did you mean 'energy_gym/Arb"),
        ("id: energy_gym/Arbitrage-v1", "id: [1]", UnknownIdError, "no such environment"),
    ],
)
def test_a_broken_file(tmp_path: Path, old: str, new: str, error: type[EnergyGymError], says: str) -> None:
    assert old in GOOD
    with pytest.raises(error, match=re.escape(says)) as caught:
        read(tmp_path, GOOD.replace(old, new))
    assert "\n" not in str(caught.value)


def test_budgets(tmp_path: Path) -> None:
    assert read(tmp_path, GOOD).budgets == {}
    assert read(tmp_path, GOOD + "budgets: {mpc: 2000, idle: 1}\n").budgets == {"mpc": 2000, "idle": 1}


@pytest.mark.parametrize(
    ("budgets", "error", "says"),
    [
        ("3", ConfigurationError, "budgets=3: must map an agent to steps"),
        ("{mcp: 3}", UnknownIdError, "did you mean 'mpc'"),
        ("{mpc: 0}", ConfigurationError, "budget of mpc=0"),
        ("{mpc: many}", ConfigurationError, "budget of mpc='many'"),
    ],
)
def test_broken_budgets(tmp_path: Path, budgets: str, error: type[EnergyGymError], says: str) -> None:
    with pytest.raises(error, match=re.escape(says)):
        read(tmp_path, GOOD + f"budgets: {budgets}\n")


def test_an_agent_plays_the_same_episode_with_the_actions_it_can() -> None:
    mpc = agent_factory("mpc")
    task, other = Task("t", ID, {"episode_steps": 24}), Task("t", ID, {"actions": "discrete-5"})
    assert (task.actions_for(mpc), other.actions_for(mpc)) == ("continuous", "discrete-5")
    picky = replace(mpc, kinds=("discrete",), preferred_actions="discrete-3")
    assert (task.actions_for(picky), other.actions_for(picky)) == ("discrete-3", "discrete-5")
    smooth = replace(mpc, kinds=("continuous",), preferred_actions="continuous")
    assert other.actions_for(smooth) == "continuous"
    played = task.played_with("discrete-3")
    assert played.keywords == {"episode_steps": 24, "actions": "discrete-3"}
    assert [each.hashes["data"] for each in (task, played)] == [task.hashes["data"]] * 2
    assert task.played_with("continuous") is task


def test_two_tasks_of_one_name(tmp_path: Path) -> None:
    twice = GOOD + GOOD.splitlines()[-1] + "\n"
    with pytest.raises(ConfigurationError, match="need distinct names"):
        read(tmp_path, twice)


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigurationError, match="is no valid YAML"):
        Suite.read(tmp_path / "own.yaml")


def test_a_keyword_that_the_environment_does_not_take() -> None:
    with pytest.raises(UnknownIdError, match=r"keyword 'datset'.*did you mean 'dataset'"):
        Task("t", ID, {"datset": "ercot"}).make()


def test_a_value_that_the_environment_does_not_take() -> None:
    with pytest.raises(MissingColumnError, match="carbon_g_per_kwh"):
        Task("t", ID, {"dataset": "ercot-2021-2022", "objective": "carbon"}).make()


def test_an_id_of_another_package_has_no_oracle() -> None:
    with pytest.raises(ConfigurationError, match="must be an id of energy_gym"):
        _ = Task("pole", "CartPole-v1", {}).hashes


def test_seeds_are_the_suites_own_unless_it_names_none(tmp_path: Path) -> None:
    assert Suite.read("quick").seeds == 3
    assert Suite.read("core").seeds == 5
    path = tmp_path / "own.yaml"
    path.write_text(GOOD + "seeds: 0\n", encoding="utf-8")
    with pytest.raises(NonPositiveError):
        Suite.read(path)


def test_a_run_is_fixed_by_the_settings_of_its_own_kind_only(monkeypatch: pytest.MonkeyPatch) -> None:
    tasks = (Task("price", ID, {"episode_steps": 24}), Task("home", "energy_gym/HomeSolar-v1", {"episode_steps": 24}))
    suite = Suite("two", "T", "D", ("bc",), tasks)
    before = [run.key for run in runs_of(suite, ["bc"], 1, {})]

    def changed(name: str, where: str) -> dict[str, Any]:
        return {**changed_defaults(name, where), **({"budget": 7} if where == "site" else {})}

    monkeypatch.setattr(runs, "changed_defaults", changed)
    price, home = (run.key for run in runs_of(suite, ["bc"], 1, {}))
    assert [price == before[0], home == before[1]] == [True, False]
    assert source_hash("ppo", "day-ahead", "jax") != source_hash("ppo", "day-ahead") == source_hash("ppo")
