"""``energy-gym serve``: what it refuses before anything is served, and the keys that it makes."""

from __future__ import annotations

import json

import pytest
import structlog
from typer.testing import CliRunner

from energy_gym.cli import app as cli
from energy_gym.errors import EnergyGymError
from energy_gym.serve.security import Keys


@pytest.fixture(autouse=True)
def _as_it_was():
    """Let logs be written as before: the command decides how they are for a whole process."""
    yield
    structlog.reset_defaults()


def run(*words):
    return CliRunner().invoke(cli.app, ["serve", *words])


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--simulate", "--fault", "bms:nothing"), "no such fault"),
        (("--simulate", "--fault", "battery:outage"), "no such service"),
        (("--simulate", "--fault", "outage"), "must be SERVICE:FAULT"),
        (("--simulate", "--config", "sites.yaml"), "exclude each other"),
        (("--config", "nowhere.yaml"), "cannot be read"),
        (("--new-key", "owner"), "no such role"),
    ],
)
def test_what_cannot_be_served_is_refused_in_a_line(words, told):
    found = run(*words).exception
    assert isinstance(found, EnergyGymError)
    assert told in str(found)


def test_a_new_key_is_shown_with_what_to_keep_of_it():
    lines = run("--new-key", "trigger").output.split("\n")
    key = lines[0].removeprefix("key:").strip()
    kept = json.loads(lines[1].split("=", 1)[1].strip("'"))
    assert Keys(kept).role(key) == "trigger"
