"""``energy-gym run``: what the service does, without HTTP."""

from __future__ import annotations

import pandas as pd
import pytest
import structlog
from typer.testing import CliRunner

from energy_gym.cli import app as cli
from energy_gym.errors import EnergyGymError
from energy_gym.serve.clients import Reading
from energy_gym.serve.store import Store

SENT = []


class Bench:
    """A controller of the site's own: a battery on a bench."""

    def __init__(self, site):
        self.site = site

    def reading(self):
        """See `Controller.reading`."""
        return Reading(pd.Timestamp.now("UTC"), 0.5, {}, None)

    def dispatch(self, time, power_kw):
        """See `Controller.dispatch`."""
        SENT.append((self.site, power_kw))
        return power_kw

    def close(self):
        """See `Controller.close`."""


@pytest.fixture(autouse=True)
def _as_it_was(monkeypatch, tmp_path):
    """Let logs be written as before, and read no settings of the machine."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REPORTER_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("REQUEST_ATTEMPTS", "1")
    monkeypatch.setenv("MPC_HORIZON_HOURS", "6")
    yield
    structlog.reset_defaults()


def test_a_site_is_planned_for_and_commanded_once(tmp_path):
    SENT.clear()
    text = f"sites: [{{id: bench, agent: serve_plant:charges, controller: '{__name__}:Bench'}}]"
    (tmp_path / "sites.yaml").write_text(text)
    result = CliRunner().invoke(cli.app, ["run", "sites.yaml", "--once"], catch_exceptions=False)
    assert result.exit_code == 0
    assert SENT == [("bench", 25.0)]
    store = Store("sqlite:///energy-gym.db")
    plan = store.plan("bench")
    store.close()
    assert (plan.power_kw, plan.status) == (25.0, "fallback")
    assert "forecasts are own" in plan.reason


def test_what_cannot_be_run_is_refused_in_a_line(tmp_path):
    (tmp_path / "sites.yaml").write_text("sites: [{id: bench, controller: 'serve_plant:charges', agent: idle}]")
    for words in (["sites.yaml"], ["nowhere.yaml"]):
        found = CliRunner().invoke(cli.app, ["run", *words, "--once"]).exception
        assert isinstance(found, EnergyGymError), found
