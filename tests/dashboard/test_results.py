"""Results and data sets as the page asks for them."""

from __future__ import annotations

import sys

import pytest

pytest.importorskip("fastapi", reason="the extra serve is not installed")

from served_page import looking

from energy_gym.dashboard.results import read_folders
from energy_gym.errors import ConfigurationError, ResultsError
from energy_gym.leaderboard import run_suite
from energy_gym.leaderboard.results import read_results
from energy_gym.leaderboard.suites import Suite, Task

SUITE = Suite(
    "tiny", "Tiny", "Two days.", ("idle", "mpc"), (Task("days", "energy_gym/Arbitrage-v1", {"episode_steps": 60}),)
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("results")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "plotly", None)
        run_suite(SUITE, place, workers=1)
    return place


@pytest.fixture(scope="module")
def client(folder):
    with looking(read_folders([folder])) as found:
        yield found


def test_what_is_shown_by_the_day_adds_up_to_the_whole(client):
    page = client.get("/v1/results/tiny").json()
    runs = {run["agent"]: run for run in page["runs"]}
    for played in client.get("/v1/results/tiny/days", params={"task": "days"}).json():
        days, run = played["days"], runs[played["agent"]]
        assert len(set(map(len, days.values()))) == 1
        for name, whole in (("reward", "return"), ("energy_cost", "energy_cost"), ("cost", "cost")):
            assert sum(days[name]) == pytest.approx(run[whole], abs=1e-6)
        assert sum(days["regret"]) == pytest.approx(run["oracle_value"] - run["return"], abs=1e-6)
        assert max(days["peak_kw"]) == pytest.approx(run["peak_kw"])
        hours = [hour for day in days["stored_kw"] for hour in day if hour is not None]
        # An hour that comes twice when the clock is set back is one.
        assert len(hours) in (59, 60)
        assert (max(hours) > 0.0) is (played["agent"] == "mpc")


def test_days_are_kept_on_disk_as_they_were_played(folder):
    kept = read_results(folder)
    again = kept.days.groupby("agent")["reward"].sum()
    assert again["mpc"] == pytest.approx(kept.frame.set_index("agent").loc["mpc", "return"])


def test_records_of_earlier_plays_show_their_regret_alone(folder):
    kept = read_results(folder)
    for record in kept.records:
        record.pop("days")
    with looking({"tiny": kept}) as client:
        for played in client.get("/v1/results/tiny/days", params={"task": "days"}).json():
            assert set(played["days"]) == {"day", "regret"}


def test_a_task_shows_its_scenario(client):
    graph = client.get("/v1/results/tiny/scenario", params={"task": "days"}).json()
    assert [node["kind"] for node in graph["units"][0]["contracts"]] == ["spot"]


@pytest.mark.parametrize(
    "path",
    [
        "/v1/results/tiny/days?task=nights",
        "/v1/results/tiny/scenario?task=nights",
        "/v1/results/other",
        "/v1/data/other",
        "/v1/data/other/checks",
        "/v1/sites/site",
    ],
)
def test_what_is_not_there_is_told_in_the_shape_of_every_error(client, path):
    answer = client.get(path)
    assert (answer.status_code, set(answer.json())) == (404, {"error", "rule", "remedy"})


def test_folders_without_results_and_folders_named_twice_are_refused(folder, tmp_path):
    with pytest.raises(ResultsError):
        read_folders([tmp_path])
    with pytest.raises(ConfigurationError, match="named"):
        read_folders([folder, folder, folder])


def test_a_data_set_shows_its_card_and_what_a_check_finds(client):
    rows = {row["id"]: row for row in client.get("/v1/data").json()}
    assert rows["commercial"]["at_hand"] is True
    card = client.get("/v1/data/commercial").json()
    assert {column["name"] for column in card["columns"]} == {"load_kw", "pv_kw"}
    report = client.get("/v1/data/commercial/checks").json()
    assert report["passed"] is True
    assert [file["state"] for file in report["files"]] == ["ok"] * len(report["files"])
