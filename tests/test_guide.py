"""The guides show the code that is run."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest

import energy_gym
from energy_gym.agents import make_agent
from energy_gym.agents.base import Agent
from energy_gym.envs.compat import make_vec
from energy_gym.errors import UnsuitableAgentError
from energy_gym.testing import check_scenario

DOCS = Path(__file__).resolve().parents[1] / "docs"
# The files that a page shows, and how many pieces it shows of them all.
SHOWN = {"scenarios.md": (("electrolyser.py",), 5), "extending.md": (("ramps.py", "evening.py", "bakery.py"), 13)}

pytestmark = pytest.mark.skipif(not DOCS.is_dir(), reason="not a checkout")


@pytest.fixture
def _in_docs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(DOCS))


@pytest.mark.parametrize("page", SHOWN)
def test_every_piece_of_code_in_a_guide_is_in_its_file(page: str) -> None:
    files, count = SHOWN[page]
    code = [(DOCS / file).read_text(encoding="utf-8") for file in files]
    pieces = re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL)
    shown = [piece for piece in pieces if not piece.startswith(">>>")]
    assert len(shown) == count
    for piece in shown:
        assert any(piece in text for text in code), piece


def test_the_guide_explains_every_attribute_of_an_agent() -> None:
    text = (DOCS / "extending.md").read_text(encoding="utf-8")
    attributes = {name for name, kind in vars(Agent)["__annotations__"].items() if str(kind).startswith("ClassVar")}
    assert attributes - {"name"} == set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE))


@pytest.mark.usefixtures("_in_docs")
@pytest.mark.parametrize("actions", ["continuous", "discrete-5"])
def test_the_agent_of_the_guide_plays_learns_and_is_saved(series: pd.DataFrame, tmp_path: Path, actions: str) -> None:
    env = gym.make("energy_gym/Arbitrage-v1", data=series, actions=actions, episode_steps=48)
    agent = make_agent("evening:Evening", env)
    agent.fit(source=gym.make("energy_gym/Arbitrage-v1", data=series, actions=actions, episode_steps=96))
    agent.save(tmp_path)
    again = type(agent).load(tmp_path, env)
    assert again.evening == agent.evening
    scores = [energy_gym.evaluate(one, env, seed=3).score for one in (agent, again)]
    assert scores[0] == scores[1] <= 1.0


@pytest.mark.usefixtures("_in_docs")
def test_the_agent_of_the_guide_refuses_what_stores_nothing_and_what_bids(site: pd.DataFrame) -> None:
    roof = (
        "{entities: {roof: {kind: solar, curtailment: action}}, contracts: {supply: {kind: tariff, buy: 90, sell: 9}}}"
    )
    scenario = energy_gym.Scenario.from_yaml(roof)
    bare = gym.make("energy_gym/Scenario-v1", scenario=scenario, data=site)
    for env, rule in ((bare, "stores energy"), (gym.make("energy_gym/FleetReserve-v1"), "power of storage")):
        with pytest.raises(UnsuitableAgentError, match=rule):
            make_agent("evening:Evening", env)


@pytest.mark.usefixtures("_in_docs")
def test_the_id_of_the_guide_keeps_all_that_the_suite_promises(site: pd.DataFrame) -> None:
    import bakery

    report = check_scenario(bakery.bakery(), site, episodes=1, steps=12)
    assert report.returns["idle"] <= report.returns["mpc"] <= report.oracle + 1e-6
    env, batch = gym.make("bakery/Bakery-v0", data=site), make_vec("bakery/Bakery-v0", num_envs=2, data=site)
    seen, _ = env.reset(seed=5)
    np.testing.assert_array_equal(batch.reset(seed=[5, 6])[0][0], seen)
    assert env.unwrapped.scenario == bakery.bakery()
    assert sys.modules["bakery"].__doc__.startswith("``bakery/Bakery-v0``")
