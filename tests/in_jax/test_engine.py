"""``engine="jax"``: environment and learner compiled into one program, the same small actor kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from energy_gym.agents import load_agent
from energy_gym.agents.on_device.policies import mixed
from energy_gym.agents.on_device.together import fit_together
from energy_gym.agents.sb3 import DQN, PPO, SAC
from energy_gym.errors import ConfigurationError, UnknownIdError
from tests.conftest import make_series

pytest.importorskip("rejax", reason="the extra jax is not installed", exc_type=ImportError)

SMALL: dict[str, dict[str, Any]] = {
    "ppo": {"num_envs": 8, "rollout_steps": 16, "batch_size": 64, "epochs": 2},
    "dqn": {"num_envs": 8, "gradient_steps": 1, "batch_size": 32, "learning_starts": 64, "buffer_size": 1024},
    "sac": {"num_envs": 8, "gradient_steps": 1, "batch_size": 32, "learning_starts": 64, "buffer_size": 1024},
}


def an_env(actions: str) -> Any:
    return gym.make("energy_gym/Arbitrage-v1", actions=actions, split="test", episode_steps=24, horizon=6)


@pytest.mark.parametrize(
    ("kind", "actions"), [(PPO, "discrete-3"), (PPO, "continuous"), (DQN, "discrete-3"), (SAC, "continuous")]
)
def test_an_agent_learns_saves_and_plays_on_without_the_library(kind: Any, actions: str, tmp_path: Path) -> None:
    env = an_env(actions)
    agent = kind(env, seed=1, engine="jax", hidden=[16, 8], **SMALL[kind.name]).fit(budget=512)
    assert [len(bias) for _, bias in agent.actor.layers] == [16, 8, 3 if actions == "discrete-3" else 1]
    assert agent.curve[-1][0] == 512
    assert all(np.isfinite(figures["score"]) for _, figures in agent.curve)
    agent.save(tmp_path / "agent")
    again = load_agent(tmp_path / "agent", env)
    seen, info = env.reset(seed=1)
    np.testing.assert_array_equal(again.act(seen, info), agent.act(seen, info))


def test_the_same_seed_learns_the_same_and_another_something_else() -> None:
    env = an_env("discrete-3")
    made = [PPO(env, seed=seed, engine="jax", hidden=[8], **SMALL["ppo"]).fit(budget=256) for seed in (1, 1, 2)]
    first, same, other = [agent.curve for agent in made]
    assert first == same
    assert first != other


def test_beside_others_each_learns_what_it_would_alone() -> None:
    env = an_env("discrete-3")
    settings: dict[str, Any] = {"engine": "jax", "hidden": [8], **SMALL["ppo"]}
    beside = [PPO(env, seed=seed, **settings) for seed in range(3)]
    fit_together(beside, budget=512)
    for agent in beside:
        alone = PPO(env, seed=agent.seed, **settings).fit(budget=512)
        assert agent.actor.to_bytes() == alone.actor.to_bytes()
        assert agent.curve == alone.curve


def test_one_that_is_stopped_stops_the_others() -> None:
    env, seen = an_env("discrete-3"), []

    def stop(place: int, steps: int, figures: Any) -> None:
        seen.append(place)
        raise KeyboardInterrupt

    agents = [PPO(env, seed=seed, engine="jax", hidden=[8], **SMALL["ppo"]) for seed in range(3)]
    with pytest.raises(KeyboardInterrupt):
        fit_together(agents, budget=128 * 40, watch=stop)
    assert len(seen) <= 3  # of 60 rounds; one that waited for its turn may still be told
    assert [agent.actor for agent in agents] == [None] * 3


def test_training_goes_on_from_the_actor_that_is_there() -> None:
    env = an_env("discrete-3")
    agent = PPO(env, seed=1, engine="jax", hidden=[8], learning_rate=1e-30, **SMALL["ppo"]).fit(budget=256)
    before = agent.actor.to_bytes()
    agent.fit(budget=256)
    assert agent.actor.to_bytes() == before


def test_what_it_learns_is_worth_something() -> None:
    """Cheap nights and dear days, three levels: most of what is possible is found within a few seconds."""
    data = make_series(24 * 60)
    data["price_per_mwh"] = np.where(np.arange(len(data)) % 24 < 12, 10.0, 90.0)
    env = gym.make("energy_gym/Arbitrage-v1", data=data, actions="discrete-3", episode_steps=48, published="always")
    agent = PPO(env, seed=3, engine="jax", hidden=[32], num_envs=32, rollout_steps=32, epochs=4, batch_size=256)
    agent.fit(budget=60_000)
    assert max(figures["score"] for _, figures in agent.curve) > 0.7


def test_agents_that_need_programs_of_their_own_are_refused() -> None:
    env = an_env("discrete-3")
    narrow, wide = (PPO(env, engine="jax", hidden=[width], **SMALL["ppo"]) for width in (8, 16))
    with pytest.raises(ConfigurationError, match=r"hidden=\[16\]: needs a program of its own"):
        fit_together([narrow, wide], budget=256)
    with pytest.raises(ConfigurationError, match="for one"):
        fit_together([narrow, PPO(an_env("discrete-3"), engine="jax", hidden=[8], **SMALL["ppo"])], budget=256)
    with pytest.raises(ConfigurationError, match="engine='jax'"):
        fit_together([narrow, PPO(env, hidden=[8])], budget=256)
    with pytest.raises(ConfigurationError, match="one for each seed"):
        fit_together([], budget=256)


@pytest.mark.parametrize("count", [1, 2, 4, 64, 8192, 24])
def test_mixing_meets_every_step_once_and_by_key(count: int) -> None:
    import jax

    orders = [np.asarray(mixed(jax.random.key(seed), count)) for seed in range(3)]
    for order in orders:
        np.testing.assert_array_equal(np.sort(order), np.arange(count))
    if count == 8192:
        # Steps that followed each other lie far apart, and where a step goes says nothing of where it was.
        assert min(np.abs(np.diff(order)).mean() for order in orders) > count / 8
        assert max(abs(np.corrcoef(order, np.arange(count))[0, 1]) for order in orders) < 0.2


def test_what_the_engine_does_not_take_is_refused() -> None:
    env = an_env("discrete-3")
    with pytest.raises(UnknownIdError, match="jax"):
        PPO(env, engine="jaxx")
    with pytest.raises(ConfigurationError, match=r"takes no library= and no callbacks="):
        PPO(env, engine="jax", library={"policy_kwargs": {}})
