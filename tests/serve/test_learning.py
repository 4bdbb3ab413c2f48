"""A site's own history as expert data, and an agent that is replaced only by a better one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from serve_plant import Charges, commercial
from typer.testing import CliRunner

from energy_gym.agents.records.minari_store import read_trajectories
from energy_gym.agents.registry import load_agent
from energy_gym.cli import app as cli
from energy_gym.errors import ConfigurationError, UnknownIdError, WindowError
from energy_gym.serve.hindsight import days_of
from energy_gym.serve.learning import recorded, renewed


class Learner(Charges):
    """Charges at a power that `fit` sets: the one that the site's history shows to be best of two, or a poor one."""

    name = "learner"
    share = 0.5

    def act(self, observation, info):
        """See `Agent.act`."""
        return self.power(self.share)

    def fit(self, source=None, *, share=0.0, **_):
        """See `Agent.fit`."""
        assert len(source.episodes) in (1, 2)
        self.share = share
        return self

    def parameters(self):
        """See `Agent.parameters`."""
        return {**super().parameters(), "share": self.share}

    def restore(self, parameters, folder: Path):
        """See `Agent.restore`."""
        super().restore(parameters, folder)
        self.share = parameters["share"]


@pytest.fixture
def lived(service, tmp_path):
    """Return a site with a saved agent, which charges whatever happens, on which nothing was done for two days."""
    folder, env = tmp_path / "agent", commercial()
    Learner(commercial(split="train")).save(folder)
    site = service(f"sqlite:///{tmp_path / 'service.db'}", agent=str(folder)).sites["site"]
    env.reset(options={"start": "2017-06-05", "steps": 3 * 96})
    series = {name: values[env.setup.feed.first :] for name, values in env.setup.feed.values.items()}
    for _ in range(2 * 96):
        step, kept = env.steps_left[0], {"share": 0.0, "power_kw": 0.0, "measured": True, "states": list(env.states)}
        moment, told = env.time, {name: float(series[name][step]) for name in site.columns}
        _, gain, _, _, _ = env.step([0.0])
        site.store.keep_interval("site", moment, {**told, **kept, "reward": gain})
    return site, folder


def test_days_are_expert_data_and_an_agent_is_replaced_only_by_a_better_one(lived):
    site, folder = lived
    days = days_of(site, "2017-06-01", "2017-07-01")
    assert [day.name for day in days] == ["2017-06-05", "2017-06-06"]
    told = recorded(site, days)
    assert (len(told), told.id, told.layout) == (192, "energy_gym/Scenario-v1", site._env.layout)
    kept = site.store.intervals("site", days[0].kept.index[0], days[1].kept.index[0])
    assert told.episodes[0].rewards[:-1].tolist() == pytest.approx(kept["reward"].tolist()[:-1], abs=1e-6)
    assert all(episode.return_ <= episode.oracle_value + 1e-6 for episode in told.episodes)
    assert np.abs(told.advice).max() <= 1.0
    better = renewed(site, "2017-06-07", weeks=1 / 7, share=0.0)
    assert (better.days, better.replaced, better.candidate > better.present) == (1, True, True)
    assert load_agent(folder, site._env).share == 0.0
    assert load_agent(f"{folder}-before-2017-06-07", site._env).share == 0.5
    worse = renewed(site, "2017-06-07", weeks=1 / 7, share=0.5)
    assert (worse.replaced, worse.present) == (False, better.candidate)
    assert load_agent(folder, site._env).share == 0.0
    with pytest.raises(WindowError):
        renewed(site, "2017-06-05", weeks=1)


def test_only_a_saved_agent_is_renewed(service):
    site = service(agent="idle").sites["site"]
    with pytest.raises(ConfigurationError, match="folder of a saved agent"):
        renewed(site, pd.Timestamp.now("UTC").strftime("%Y-%m-%d"))


def test_the_commands_store_days_and_renew_an_agent(lived, tmp_path, monkeypatch):
    pytest.importorskip("h5py", reason="the extra offline is not installed")
    _, folder = lived
    (tmp_path / "sites.yaml").write_text(f"sites: [{{id: site, agent: {folder}}}]")
    told = {"DATABASE_URL": f"sqlite:///{tmp_path / 'service.db'}", "MPC_HORIZON_HOURS": "6"}
    for name, value in {**told, "MINARI_DATASETS_PATH": str(tmp_path / "minari")}.items():
        monkeypatch.setenv(name, value)
    words = ["--config", str(tmp_path / "sites.yaml")]
    found = CliRunner().invoke(cli.app, ["experts", "from-service", *words], catch_exceptions=False)
    assert found.output.strip() == "energy-gym/service-site-v1: 2 days"
    assert read_trajectories("energy-gym/service-site-v1").policy == "oracle"
    with pytest.raises(WindowError, match="are too few to compare on"):
        CliRunner().invoke(cli.app, ["experts", "renew", *words], catch_exceptions=False)
    with pytest.raises(UnknownIdError):
        CliRunner().invoke(cli.app, ["experts", "renew", *words, "--site", "office"], catch_exceptions=False)
