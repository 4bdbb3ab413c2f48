"""JAX plays what NumPy plays: whole episodes, in float64, of every id and of all that can be drawn.

Compiled, XLA may fuse a product with a sum and divide by multiplying: so figures agree to a few units in the last place
of what they are made of. Step by step, uncompiled, they are the same bits.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from drawn_problems import a_problem

import energy_gym
from energy_gym.errors import ConfigurationError
from tests.test_random_scenarios import a_control, a_frame, a_scenario

jax = pytest.importorskip("jax", reason="the extra jax is not installed")

import energy_gym.jax  # noqa: E402

BATCH = 3
# Units in the last place, times the number of sums that a figure runs through.
CLOSE = 1e-12
# A share of 1 that float32 tells apart from the next, half of it: an observation may be rounded the other way.
SEEN = 2.0**-23


@pytest.fixture(autouse=True)
def _wide() -> Iterator[None]:
    with jax.enable_x64(True):
        yield


def some_actions(setup: Any, random: np.random.Generator, steps: int) -> Any:
    if setup.levels is None:
        return random.uniform(-1.3, 1.3, (steps, BATCH, setup.controls))
    shape = (steps, BATCH) if setup.chooses else (steps, BATCH, setup.controls)
    return random.integers(0, len(setup.levels), shape)


def played(env: Any, first: Any, steps: int, actions: Any) -> Any:
    """Return first observations, then those of each step, rewards, ends and figures, compiled as one program."""
    import jax.numpy as jnp

    step = jax.vmap(env.step_env, (None, 0, 0, None))

    def body(state: Any, action: Any) -> Any:
        seen, state, reward, done, info = step(None, state, action, env.default_params)
        return state, (seen, reward, done, info)

    def episode(first: Any, actions: Any) -> Any:
        seen, state = jax.vmap(env.start, (0, None))(first, steps)
        return seen, jax.lax.scan(body, state, actions)[1]

    return jax.tree.map(np.asarray, jax.jit(episode)(jnp.asarray(first), jnp.asarray(actions)))


def hold(id: str, most: int | None = None, **keywords: Any) -> None:
    """Play windows of an id in JAX and in a batch, and hold one to the other."""
    env = energy_gym.jax.make(id, dtype="float64", **keywords)
    setup, random = env.setup, np.random.default_rng(3)
    steps = min(setup.episode_steps, most or setup.episode_steps)
    first = random.integers(0, setup.steps - steps + 1, BATCH)
    actions = some_actions(setup, random, steps)
    begun, (seen, rewards, ends, infos) = played(env, first, steps, actions)
    batch = energy_gym.make_vec(id, BATCH, autoreset="disabled", **keywords)
    moments = [setup.time(int(step)) for step in first]
    observations, _ = batch.reset(seed=0, options={"start": moments, "steps": [steps] * BATCH})
    np.testing.assert_allclose(begun, observations, rtol=SEEN, atol=1e-15)
    for step in range(steps):
        observations, gains, _, over, info = batch.step(actions[step])
        np.testing.assert_allclose(seen[step], observations, rtol=SEEN, atol=1e-12)
        assert (ends[step] == over).all()
        sized = 1.0 + sum(np.abs(info[name]) for name in ("energy_cost", "wear", "penalty", "demand_charge"))
        assert (np.abs(rewards[step] - gains) <= CLOSE * (sized + np.abs(info["carbon_kg"]))).all()
        for name, value in infos.items():
            np.testing.assert_allclose(value[step], info[name], rtol=CLOSE, atol=1e-10, err_msg=name)


IDS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("Arbitrage", {}),
    ("Arbitrage", {"actions": "discrete-3", "objective": "joint", "carbon_price": 80.0, "dataset": "synthetic"}),
    ("Microgrid", {"control": "meter"}),
    ("Microgrid", {"actions": "discrete-5", "objective": "carbon"}),
    ("HomeSolar", {}),
    ("Commercial", {"episode_steps": 192}),
    ("Commercial", {"episode_steps": 96, "lookahead": "compact"}),
    ("Commercial", {"episode_steps": 192, "control": "meter", "actions": "discrete-5"}),
    ("FleetReserve", {}),
    ("FleetReserve", {"actions": "discrete-3"}),
)


@pytest.mark.parametrize(("name", "keywords"), IDS)
def test_an_id_earns_and_sees_in_jax_what_it_does_in_a_batch(name: str, keywords: dict[str, Any]) -> None:
    hold(f"energy_gym/{name}-v1", **keywords)


@pytest.mark.parametrize("seed", range(12))
def test_random_compositions_play_alike(seed: int) -> None:
    scenario = a_scenario(seed)
    keywords = {"scenario": scenario, "data": a_frame(seed), "split": "all", "control": a_control(seed, scenario)}
    try:
        gym.make("energy_gym/Scenario-v1", **keywords)
    except ConfigurationError:
        pytest.skip("is refused in every reading")
    hold("energy_gym/Scenario-v1", **keywords, episode_steps=24)


@pytest.mark.parametrize("seed", range(100, 125))
def test_problems_drawn_from_all_that_is_accepted_play_alike_or_are_refused_with_a_reason(seed: int) -> None:
    problem = a_problem(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if problem.kind == "producer" or problem.keywords.get("dispatch") == "optimal":
            with pytest.raises(ConfigurationError, match=r"in JAX.*energy_gym\.make_vec"):
                energy_gym.jax.make(problem.id, dtype="float64", **problem.keywords)
        else:
            hold(problem.id, 30, **problem.keywords)


@pytest.mark.parametrize("name", ["Arbitrage", "HomeSolar", "Commercial", "FleetReserve"])
def test_uncompiled_every_figure_is_the_same_to_the_last_bit(name: str) -> None:
    id = f"energy_gym/{name}-v1"
    env, alone = energy_gym.jax.make(id, dtype="float64"), gym.make(id).unwrapped
    random = np.random.default_rng(5)
    seen, info = alone.reset(options={"start": env.setup.time(40), "steps": 30})
    with jax.disable_jit():
        observation, state = env.start(40, 30)
        assert np.asarray(observation).tobytes() == seen.tobytes()
        for _ in range(30):
            action = random.uniform(-1.2, 1.2, env.setup.controls)
            observation, state, reward, _, figures = env.step_env(None, state, action, env.default_params)
            seen, gain, _, _, info = alone.step(action)
            assert float(reward) == gain
            assert np.asarray(observation).tobytes() == seen.tobytes()
            assert {name: float(value) for name, value in figures.items()} == {name: info[name] for name in figures}
