"""The day after: what was earned beside the best that could have been."""

from __future__ import annotations

import pandas as pd
import pytest
from serve_plant import commercial

import energy_gym
from energy_gym.errors import WindowError


def test_the_regret_of_a_stretch_is_that_of_the_environment(plant, service):
    served, begun = service(agent="self-consumption"), plant.now
    for _ in range(9):
        assert served.cycle("site") is not None, served.errors
        plant.advance()
    found = served.sites["site"].review(begun, plant.now)
    assert (found.since, found.until, found.measured) == (begun, begun + pd.Timedelta("2h"), 1.0)
    env = commercial(forecast="perfect")
    env.reset(options={"start": begun, "steps": 8})
    best = energy_gym.solve(env)
    assert found.best == pytest.approx(best.value, abs=1e-6)
    assert found.earned <= found.best + 1e-6
    rewards = [env.step([share])[1] for share in served.store.intervals("site", begun, plant.now)["share"][:8]]
    assert found.earned == pytest.approx(sum(rewards), abs=1e-6)
    assert found.regret == pytest.approx(found.best - found.earned)


def test_a_stretch_in_which_it_did_not_run_is_refused(plant, service):
    served = service(agent="idle")
    served.cycle("site")
    with pytest.raises(WindowError, match="one after the other"):
        served.sites["site"].review(plant.now - pd.Timedelta(days=1), plant.now)
