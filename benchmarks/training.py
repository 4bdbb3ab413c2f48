"""How fast DQN trains: on the batch and in JAX, against Stable-Baselines3's own way over single environments."""

from __future__ import annotations

import importlib.util
import time
import warnings
from collections.abc import Iterator
from typing import Any, cast

import gymnasium as gym
from measuring import Row, Sizes, against, seconds, take_turns

from energy_gym.agents.learner import one_thread
from energy_gym.agents.registry import agent_class
from energy_gym.agents.sb3_watching import silent_logger

ID = "energy_gym/Arbitrage-v1"
NOTES = {
    "one single, SB3's defaults": "here {updates} updates for {envs} steps, there one for 4",
    "one single, as many updates": "{updates} updates for {envs} steps here and there",
    "as many singles": "{envs} environments and {updates} updates a step here and there: the updates take the time",
}
# Environments of the batch that is timed; dqn's default is half as many, for its score: the rows say what that costs.
ENVS = 128
LEAST_IN_JAX = 20.0
PER_GRADIENT_STEP = 4  # Stable-Baselines3 trains once in four steps by default


def training(sizes: Sizes) -> Iterator[Row]:
    """Steps of the environment per second while DQN trains, same network and batch size, on one thread."""
    try:
        env, made = gym.make(ID, actions="discrete-3"), cast(Any, agent_class("dqn"))
        agent, default = made(env, 0, num_envs=min(ENVS, sizes.batch)), made(env)
        batch, smaller = agent._batch(None, 0), default._batch(None, 0)
    except ImportError:
        return
    steps = sizes.training_steps
    own, alike, usual = (
        _model(agent, batch, agent.settings["gradient_steps"], 1),
        _model(agent, _singles(agent, 1), 1, batch.num_envs // agent.settings["gradient_steps"]),
        _model(agent, _singles(agent, 1), 1, PER_GRADIENT_STEP),
    )
    less = _model(default, smaller, default.settings["gradient_steps"], 1)
    many = _model(agent, _singles(agent, batch.num_envs), agent.settings["gradient_steps"], 1)
    spent = _timed(batch)
    with one_thread(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        rates = take_turns(
            sizes.repeats,
            lambda: _rate(own, steps),
            lambda: _rate(usual, max(steps // 16, 64)),
            lambda: _rate(alike, max(steps // 16, 64)),
            lambda: _rate(many, steps),
            lambda: _rate(less, steps),
        )
    share = spent["environment"] / (sizes.repeats * steps / rates[0])
    for rate, name, least in zip(rates[1:4], NOTES, (5.0, None, None), strict=True):
        ratio = rates[0] / rate
        note = NOTES[name].format(envs=batch.num_envs, updates=agent.settings["gradient_steps"])
        target, met = (f">= {least}x", ratio >= least) if least else ("", None)
        yield Row(f"dqn vs {name}", rates[0] / 1e3, "k steps/s", rate / 1e3, "DummyVecEnv", ratio, target, met, note)
    note = f"{default.settings['gradient_steps']} updates for {smaller.num_envs} steps: dqn's default"
    yield Row(
        "dqn's default vs one single, SB3's defaults",
        rates[4] / 1e3,
        "k steps/s",
        rates[1] / 1e3,
        "DummyVecEnv",
        rates[4] / rates[1],
        note=note,
    )
    yield Row("dqn, share in our environment", share * 100.0, "%", target="< 10 %", met=share < 0.1)
    yield from _in_jax(sizes)


def _in_jax(sizes: Sizes) -> Iterator[Row]:
    """Yield the row of a whole training in JAX, compilation and validation included; none where it is not installed."""
    if importlib.util.find_spec("jaxlib") is None:
        return
    from stable_baselines3 import DQN

    env, made = gym.make(ID, actions="discrete-3"), cast(Any, agent_class("dqn"))
    agent = made(env, 0, engine="jax")
    steps = agent.settings["budget"] if sizes.turns > 1 else sizes.training_steps
    with one_thread(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        usual = DQN("MlpPolicy", _singles(agent, 1))
        usual.set_logger(silent_logger())
        usual.learn(512, log_interval=None)
        own, other = take_turns(
            sizes.repeats,
            lambda: steps / seconds(lambda: made(env, 0, engine="jax").fit(budget=steps)) / 1e3,
            lambda: _rate(usual, max(sizes.training_steps // 2, 64)) / 1e3,
        )
    note = f"{steps} steps with compilation and validation; {agent.settings['num_envs']} environments, "
    note += f"{agent.settings['gradient_steps']} updates for them, there one for 4"
    yield against(
        "dqn in JAX vs one single, SB3's defaults", own, "k steps/s", other, "DummyVecEnv", LEAST_IN_JAX, note
    )


def _model(agent: Any, venv: Any, gradient_steps: int, every: int) -> Any:
    from stable_baselines3 import DQN

    common = agent._common(venv, 0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = DQN(
            **common,
            buffer_size=50_000,
            learning_starts=128,
            train_freq=every,
            gradient_steps=gradient_steps,
            tau=agent.settings["tau"],
            target_update_interval=max(venv.num_envs, 1),
        )
        model.set_logger(silent_logger())
        model.learn(512, log_interval=None)
    return model


def _singles(agent: Any, count: int) -> Any:
    """Return single environments of the same task as Stable-Baselines3 strings them together."""
    from stable_baselines3.common.monitor import Monitor
    from stable_baselines3.common.vec_env import DummyVecEnv

    keywords = {**agent.env.keywords, "terminal": "free"}
    return DummyVecEnv([lambda: Monitor(gym.make(ID, **keywords)) for _ in range(count)])


def _timed(batch: Any) -> dict[str, float]:
    """Let a batch add up the seconds spent in it."""
    spent = {"environment": 0.0}
    inner = batch.batch.step

    def step(actions: Any) -> Any:
        began = time.perf_counter()
        result = inner(actions)
        spent["environment"] += time.perf_counter() - began
        return result

    batch.batch.step = step
    return spent


def _rate(model: Any, steps: int) -> float:
    began = time.perf_counter()
    before = model.num_timesteps
    model.learn(steps, reset_num_timesteps=False, log_interval=None)
    return float((model.num_timesteps - before) / (time.perf_counter() - began))
