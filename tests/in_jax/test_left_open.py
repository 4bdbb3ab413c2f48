"""Training on the device leaves episodes open: what comes after their last step is valued, as time alone ends them."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from energy_gym.agents.sb3 import DQN, PPO
from tests.conftest import make_series

pytest.importorskip("rejax", reason="the extra jax is not installed", exc_type=ImportError)

# Of whole numbers that the library wants in 64 bits.
pytestmark = pytest.mark.filterwarnings("ignore:Explicitly requested dtype int64:UserWarning")
FEW = {"num_envs": 4, "hidden": [8]}


def an_env(steps: int, **keywords: Any) -> Any:
    """Return an environment over sixty days in episodes of so many steps."""
    usual = {"data": make_series(24 * 60), "actions": "discrete-3", "episode_steps": steps, "published": "always"}
    return gym.make("energy_gym/Arbitrage-v1", **usual, **keywords)


def planned(agent: Any, source: Any) -> Any:
    """Return the library's algorithm for an agent and the state in which it begins."""
    import jax

    from energy_gym.agents.on_device.training import _planned

    algorithm = _planned(agent, source, 256).algorithm
    return algorithm, algorithm.init_state(jax.random.key(0))


def test_what_is_seen_at_the_end_is_told_before_an_episode_begins_anew() -> None:
    import jax

    from energy_gym.agents.on_device.environment import ScaledEnvironment

    plain, short = an_env(48, terminal="free"), an_env(2, terminal="free")
    scaled = ScaledEnvironment(short.unwrapped.setup, 1.0, 100.0)
    _, state = scaled.reset(jax.random.key(3))
    plain.reset(options={"start": short.unwrapped.setup.time(int(state.state.step)), "steps": 2})
    for last in (False, True):
        seen, state, _, done, _ = scaled.step(jax.random.key(4), state, 2)
        wanted, *_ = plain.step(2)
        assert bool(done) is last
        np.testing.assert_allclose(state.seen, wanted, atol=1e-6)
        assert np.array_equal(seen, state.seen) is not last


def test_ppo_values_what_comes_after_the_last_step() -> None:
    source = an_env(3)
    agent = PPO(an_env(48), engine="jax", rollout_steps=6, batch_size=8, epochs=1, **FEW)
    algorithm, state = planned(agent, source)
    params = {**state.critic_ts.params["params"]}
    name = max(params)
    params[name] = {**params[name], "bias": params[name]["bias"] + 7.0}
    state = state.replace(critic_ts=state.critic_ts.replace(params={"params": params}))
    _, found = algorithm.collect_trajectories(state)
    done = np.asarray(found.done)
    assert done.sum() == 8  # of four environments, each third of six steps
    np.testing.assert_allclose(np.asarray(found.value), 7.0, atol=1e-5)
    limit = agent.settings["reward_limit"]
    assert np.all(np.abs(np.asarray(found.reward)[done] - 7.0 * agent.settings["gamma"]) <= limit)
    assert np.all(np.abs(np.asarray(found.reward)[~done]) <= limit)
    np.testing.assert_array_less(0.0, np.asarray(found.reward)[done])


def test_values_of_ppo_move_as_far_as_returns_ask() -> None:
    import jax
    import jax.numpy as jnp
    from rejax.algos.ppo import AdvantageMinibatch

    agent = PPO(an_env(48), engine="jax", rollout_steps=4, batch_size=16, epochs=1, **FEW)
    algorithm, state = planned(agent, an_env(3))
    state, found = algorithm.collect_trajectories(state)
    flat = jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), found)
    # Values that have moved by one in this round already, and have far to go.
    batch = AdvantageMinibatch(flat.replace(value=flat.value - 1.0), jnp.zeros(16), jnp.full(16, 50.0))
    after = algorithm.update_critic(state, batch)
    moved = algorithm.critic.apply(after.critic_ts.params, flat.obs) - flat.value
    assert float(moved.min()) > 1e-4


def test_dqn_keeps_no_end() -> None:
    agent = DQN(an_env(48), engine="jax", learning_starts=8, buffer_size=64, batch_size=4, gradient_steps=1, **FEW)
    algorithm, state = planned(agent, an_env(3))
    for last in (False, False, True):
        state, found = algorithm.collect_transitions(state, 1.0)
        # The new episode begins elsewhere, and what is kept is what the old one saw.
        assert np.array_equal(found.next_obs, state.last_obs) is not last
        assert not found.done.any()
