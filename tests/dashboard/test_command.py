"""``energy-gym dashboard``: what it refuses before anything is served."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from energy_gym.cli import app as cli
from energy_gym.errors import EnergyGymError


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("nowhere",), "holds no results"),
        (("http://one.example", "https://two.example"), "name one"),
        (("ftp://one.example",), "holds no results"),
    ],
)
def test_what_cannot_be_shown_is_refused_in_a_line(words, told):
    pytest.importorskip("fastapi", reason="the extra serve is not installed")
    found = CliRunner().invoke(cli.app, ["dashboard", *words]).exception
    assert isinstance(found, EnergyGymError)
    assert told in str(found)


def test_a_source_is_needed():
    assert CliRunner().invoke(cli.app, ["dashboard"]).exit_code == 2
