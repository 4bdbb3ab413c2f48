"""Every wrapper on every id: what is earned stays the environment's own, and what would be passed over is refused."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import wrappers

import energy_gym
from energy_gym.agents import make_agent, validation
from energy_gym.agents.records.experts import record_expert
from energy_gym.agents.registry import agent_class
from energy_gym.envs.wrapped import ACTIONS, LENGTH, OBSERVATIONS, REWARDS, changes
from energy_gym.errors import ConfigurationError
from energy_gym.scenarios.registration import SCENARIOS

IDS = sorted(SCENARIOS)
STEPS = 6
MODERN = hasattr(gym.vector, "AutoresetMode")


class Thousandth(gym.RewardWrapper):  # type: ignore[type-arg]
    def reward(self, reward: Any) -> float:
        return float(reward) / 1000.0


class Shaped(gym.Wrapper):  # type: ignore[type-arg]
    """A wrapper of a user's own, that says nothing by its class."""

    def step(self, action: Any) -> Any:
        observation, reward, *rest = self.env.step(action)
        return observation, float(reward) + 1.0, *rest


class Logged(gym.Wrapper):  # type: ignore[type-arg]
    """One that only looks on, and says so."""

    faithful = True

    def step(self, action: Any) -> Any:
        return self.env.step(action)


class Halved(gym.ObservationWrapper):  # type: ignore[type-arg]
    def __init__(self, env: Any) -> None:
        super().__init__(env)
        low, high = env.observation_space.low[::2], env.observation_space.high[::2]
        self.observation_space = gym.spaces.Box(low, high, dtype=np.float32)

    def observation(self, observation: Any) -> Any:
        return observation[::2]


def _observed(env: Any, function: Any) -> Any:
    more = (env.observation_space,) if MODERN else ()
    return wrappers.TransformObservation(env, function, *more)


def _stacked(env: Any) -> Any:
    if MODERN:
        return wrappers.FrameStackObservation(env, 3)
    return wrappers.FrameStack(env, 3)  # type: ignore[attr-defined,unused-ignore]


Wrap = Callable[[Any], Any]
WRAPPERS: dict[str, tuple[Wrap, set[str]]] = {
    "RewardWrapper": (Thousandth, {REWARDS}),
    "TransformReward": (lambda env: wrappers.TransformReward(env, lambda reward: reward * 2.0), {REWARDS}),
    "NormalizeReward": (wrappers.NormalizeReward, {REWARDS}),
    "own wrapper": (Shaped, {REWARDS}),
    "faithful wrapper": (Logged, set()),
    "ObservationWrapper": (Halved, {OBSERVATIONS}),
    "TransformObservation": (lambda env: _observed(env, lambda seen: seen * np.float32(0.5)), {OBSERVATIONS}),
    "NormalizeObservation": (wrappers.NormalizeObservation, {OBSERVATIONS}),
    # Gymnasium 1.x takes it around a limit of time alone.
    "TimeAwareObservation": (
        lambda env: wrappers.TimeAwareObservation(wrappers.TimeLimit(env, STEPS)),
        {OBSERVATIONS},
    ),
    "FrameStack": (_stacked, {OBSERVATIONS}),
    "FlattenObservation": (wrappers.FlattenObservation, set()),
    "RescaleAction": (lambda env: wrappers.RescaleAction(env, np.float32(0.0), np.float32(1.0)), {ACTIONS}),
    "ClipAction": (wrappers.ClipAction, set()),
    "TimeLimit": (lambda env: wrappers.TimeLimit(env, STEPS - 2), {LENGTH}),
    "TimeLimit, long": (lambda env: wrappers.TimeLimit(env, STEPS), set()),
    "RecordEpisodeStatistics": (wrappers.RecordEpisodeStatistics, set()),
    "OrderEnforcing": (wrappers.OrderEnforcing, set()),
}


@functools.cache
def made(name: str, **keywords: Any) -> Any:
    return gym.make(name, split="train", episode_steps=STEPS, **keywords)


@functools.cache
def best(name: str, seed: int) -> Any:
    """Return the optimum of an episode, solved once for all wrappers."""
    env = made(name)
    env.reset(seed=seed)
    return energy_gym.solve(env, continuous=True)


@functools.cache
def plan(name: str, seed: int) -> Any:
    """Return the best plan over the environment's own actions."""
    env = made(name)
    env.reset(seed=seed)
    return energy_gym.solve(env)


@pytest.mark.parametrize("name", IDS)
@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_what_is_earned_is_the_environments_own(name: str, wrapper: str) -> None:
    wrap, altered = WRAPPERS[wrapper]
    env = wrap(made(name))
    assert set(changes(env)) == altered
    random = np.random.default_rng(len(name) + len(wrapper))
    shape = env.action_space.shape
    script = random.uniform(0.0, 1.0, (STEPS, *shape)).astype(np.float32)
    played: list[Any] = []

    def follow(observation: Any) -> Any:
        played.append(observation)
        return script[len(played) - 1]

    if LENGTH in altered:
        with pytest.raises(ConfigurationError, match=f"episode_steps={STEPS - 2}"):
            energy_gym.evaluate(follow, env, seed=3, oracle=best(name, 3))
        return
    result = energy_gym.evaluate(follow, env, seed=3, oracle=best(name, 3))
    bare = env.unwrapped
    bare.reset(seed=3)
    inner = script * 2.0 - 1.0 if ACTIONS in altered else script
    # Bit for bit but for what rescaling an action in float32 makes of it.
    assert result.return_ == pytest.approx(sum(bare.step(action)[1] for action in inner), rel=1e-5, abs=1e-6)
    assert np.shape(played[0]) == env.observation_space.shape


@pytest.mark.parametrize("name", IDS)
@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_an_agent_is_not_made_for_what_it_would_pass_over(name: str, wrapper: str) -> None:
    wrap, altered = WRAPPERS[wrapper]
    env = wrap(made(name))
    if altered & {OBSERVATIONS, ACTIONS}:
        with pytest.raises(ConfigurationError, match=r"make the agent for env\.unwrapped"):
            make_agent("idle", env)
        with pytest.raises(ConfigurationError, match=r"evaluate it on env\.unwrapped"):
            energy_gym.evaluate(make_agent("idle", env.unwrapped), env, seed=0)
        return
    agent = make_agent("idle", env)
    if not altered & {LENGTH}:
        result = energy_gym.evaluate(agent, env, seed=0, oracle=best(name, 0))
        assert result.return_ == pytest.approx(result.idle, abs=1e-9)


@pytest.mark.parametrize("name", IDS)
@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_records_are_those_of_the_environment(name: str, wrapper: str) -> None:
    wrap, altered = WRAPPERS[wrapper]
    env = wrap(made(name))
    if altered:
        with pytest.raises(ConfigurationError, match=r"pass env\.unwrapped"):
            record_expert(env, policy="idle", episode_steps=STEPS)
    else:
        assert len(record_expert(env, policy="idle", episode_steps=STEPS)) == STEPS


@pytest.mark.parametrize("name", IDS)
@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_what_is_learnt_in_is_the_environment_itself(name: str, wrapper: str) -> None:
    """Every learner asks here for what it learns in, whether around its own environment or a source."""
    wrap, altered = WRAPPERS[wrapper]
    env = wrap(made(name))
    agent = make_agent("idle", made(name))
    if not altered:
        assert make_agent("idle", env).played().setup.feed.title == agent.played(env).setup.feed.title
        return
    with pytest.raises(ConfigurationError, match=r"wrapper .* changes .*make the agent for env\.unwrapped"):
        agent.played(env)
    if not altered & {OBSERVATIONS, ACTIONS}:
        with pytest.raises(ConfigurationError, match=r"wrapper .* changes .*make the agent for env\.unwrapped"):
            make_agent("idle", env).played()


@pytest.mark.parametrize("name", IDS)
@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_a_plan_that_a_wrapper_would_play_otherwise_is_refused(name: str, wrapper: str) -> None:
    wrap, altered = WRAPPERS[wrapper]
    env = wrap(made(name))
    env.reset(seed=3)
    if altered & {ACTIONS, LENGTH}:
        with pytest.raises(ConfigurationError, match=r"wrapper .* changes .* solve\(\) .*pass env\.unwrapped"):
            energy_gym.solve(env)
        return
    assert energy_gym.solve(env).value == plan(name, 3).value
    ends = []
    for played in (env, env.unwrapped):
        played.reset(seed=3)
        for action in plan(name, 3).actions:
            played.step(action)
        ends.append(np.array(env.unwrapped.states))
    np.testing.assert_array_equal(*ends)


@pytest.mark.parametrize("name", IDS)
def test_an_episode_is_filmed(name: str, tmp_path: Path) -> None:
    for library in ("moviepy", "matplotlib"):
        pytest.importorskip(library, reason=f"{library} is not installed")
    filmed = gym.make(name, split="train", episode_steps=STEPS, render_mode="rgb_array")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        env = wrappers.RecordVideo(filmed, str(tmp_path), episode_trigger=lambda _: True, disable_logger=True)
        still = np.zeros(env.action_space.shape)
        result = energy_gym.evaluate(lambda seen: still, env, seed=3, oracle=best(name, 3))
        env.close()
    assert result.return_ == pytest.approx(result.idle, abs=1e-9)
    assert len(list(tmp_path.glob("*.mp4"))) == 1


@pytest.mark.parametrize("learner", ["dqn", "ppo", "sac", "bc", "cql", "threshold"])
@pytest.mark.parametrize(
    "wrapper", ["RewardWrapper", "NormalizeReward", "own wrapper", "TimeLimit", "faithful wrapper"]
)
def test_nothing_is_learnt_past_a_wrapper(learner: str, wrapper: str, monkeypatch: pytest.MonkeyPatch) -> None:
    wrap, altered = WRAPPERS[wrapper]
    monkeypatch.setattr(validation, "MOST_WEEKS", 1)
    actions = "continuous" if learner == "sac" else "discrete-3"
    inside, outside = (made("energy_gym/Arbitrage-v1", actions=actions) for _ in range(2))
    if altered:
        with pytest.raises(ConfigurationError, match=r"wrapper .* changes .*make the agent for env\.unwrapped"):
            agent_class(learner)(wrap(inside), 1).fit(budget=10)
        with pytest.raises(ConfigurationError, match=r"wrapper .* changes .*make the agent for env\.unwrapped"):
            agent_class(learner)(outside, 1).fit(wrap(inside), budget=10)
    elif learner == "threshold":
        agent_class(learner)(wrap(inside), 1).fit(budget=10)


def test_a_model_of_stable_baselines3_is_asked_as_it_is() -> None:
    library = pytest.importorskip("stable_baselines3")
    for algorithm, actions in (("DQN", "discrete-3"), ("PPO", "continuous")):
        env = wrappers.RecordEpisodeStatistics(made("energy_gym/Arbitrage-v1", actions=actions))
        model = getattr(library, algorithm)("MlpPolicy", env, seed=0, device="cpu")
        result = energy_gym.evaluate(model, env, seed=4)
        same = energy_gym.evaluate(lambda seen, model=model: model.predict(seen, deterministic=True)[0], env, seed=4)
        assert result.return_ == same.return_
        with pytest.raises(ConfigurationError, match=r"observation_space"):
            energy_gym.evaluate(model, made("energy_gym/Arbitrage-v1", actions=actions, horizon=3), seed=4)


@pytest.mark.parametrize("name", IDS)
def test_functions_and_things_with_act_are_asked(name: str) -> None:
    class Acting:
        def act(self, observation: Any, info: Any) -> Any:
            return np.zeros(env.action_space.shape)

    env = made(name)
    still = np.zeros(env.action_space.shape)
    for agent in (lambda observation: still, lambda observation, info: still, Acting()):
        result = energy_gym.evaluate(agent, env, seed=2, oracle=best(name, 2))
        assert result.return_ == pytest.approx(result.idle, abs=1e-9)
    for wrong, said in ((Acting, "is a class"), (3, "must have act")):
        with pytest.raises(ConfigurationError, match=said):
            energy_gym.evaluate(wrong, env)
