"""Agents that learn: they learn, the same seed gives the same agent, and what is saved plays the same elsewhere."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import yaml

import energy_gym
from energy_gym.agents import Agent, load_agent, make_agent
from energy_gym.agents.actor import Actor
from energy_gym.agents.keeper import Keeper
from energy_gym.agents.learner import reward_factor
from energy_gym.agents.records.demonstrations import demonstrations
from energy_gym.agents.records.experts import record_expert
from energy_gym.agents.registry import agent_class
from energy_gym.agents.validation import Validation
from energy_gym.errors import (
    ConfigurationError,
    DataError,
    MissingExtraError,
    ResetNeededError,
    UnknownIdError,
    install_command,
)

ID = "energy_gym/Arbitrage-v1"
SPRING = ("2021-03-01", "2021-06-01")
LIBRARY = {"dqn": "stable_baselines3", "ppo": "stable_baselines3", "sac": "stable_baselines3"}
LIBRARY |= {"cql": "d3rlpy", "bc": "imitation"}
SMALL: dict[str, dict[str, Any]] = {
    "dqn": {"hidden": [64], "num_envs": 32, "gradient_steps": 16, "learning_starts": 500, "learning_rate": 2e-3},
    "ppo": {"hidden": [64], "num_envs": 32, "rollout_steps": 64, "learning_rate": 3e-3, "batch_size": 512},
    "sac": {"hidden": [64], "num_envs": 32, "gradient_steps": 32, "learning_starts": 250, "learning_rate": 2e-3},
    "cql": {"hidden": [64], "batch_size": 128, "learning_rate": 2e-3, "alpha": 0.5, "target_update_interval": 50},
    "bc": {"hidden": [64], "batch_size": 128, "learning_rate": 5e-3},
}
BUDGET = {"dqn": 8_000, "ppo": 20_000, "sac": 2_500, "cql": 500, "bc": 400}
CASES = [("dqn", "discrete-3"), ("ppo", "discrete-3"), ("ppo", "continuous"), ("sac", "continuous")]
CASES += [("cql", "discrete-3"), ("bc", "discrete-3"), ("bc", "continuous")]


def task(actions: str, **keywords: Any) -> Any:
    return gym.make(ID, split="test", actions=actions, **{"episode_steps": 1000, **keywords})


def source(name: str, actions: str) -> Any:
    """What it learns from: three months to play in, or a month of the expert's play."""
    if name in ("cql", "bc"):
        return recorded("mpc" if name == "bc" else "oracle", actions)
    return gym.make(ID, actions=actions, period=SPRING)


@cache
def recorded(policy: str, actions: str) -> Any:
    """A month of an expert's play, recorded once."""
    env = gym.make(ID, actions=actions, period=("2021-03-01", "2021-04-01"), episode_steps=None)
    return record_expert(env, noise=0.3, policy=policy)


@cache
def trained(name: str, actions: str) -> Any:
    """Each agent is trained once: a file's tests go to one worker."""
    pytest.importorskip(LIBRARY[name])
    return make(name, actions)


each_case = pytest.mark.parametrize(("name", "actions"), CASES)


def make(name: str, actions: str, seed: int = 1, budget: int | None = None) -> Any:
    agent = agent_class(name)(task(actions), seed, **SMALL[name])
    return agent.fit(source(name, actions), budget=BUDGET[name] if budget is None else budget)


@each_case
def test_it_learns(name: str, actions: str) -> None:
    agent = trained(name, actions)
    env = agent.env
    result = energy_gym.evaluate(agent, env, seed=0)
    random = energy_gym.evaluate(make_agent("uniform", env, 0), env, seed=0)
    assert result.score > random.score + 0.2
    assert result.score > 0.15
    assert result.regret >= 0.0
    if "loss" in agent.curve[-1][1] and name in ("bc", "cql"):
        assert agent.curve[-1][1]["loss"] < agent.curve[0][1]["loss"]
    steps = [step for step, _ in agent.curve]
    assert steps == sorted(set(steps))


@each_case
def test_the_same_seed_gives_the_same_agent(name: str, actions: str) -> None:
    pytest.importorskip(LIBRARY[name])
    few = {"dqn": 900, "ppo": 2048, "sac": 384, "cql": 30, "bc": 30}[name]
    first, again, other = (make(name, actions, seed, few) for seed in (3, 3, 4))
    for (matrix, bias), (same, alike) in zip(first.actor.layers, again.actor.layers, strict=True):
        assert matrix.tobytes() == same.tobytes()
        assert bias.tobytes() == alike.tobytes()
    assert first.curve == again.curve
    assert first.actor.layers[0][0].tobytes() != other.actor.layers[0][0].tobytes()


FRESH = """
import sys
for module in ("torch", "stable_baselines3", "d3rlpy", "imitation", "matplotlib", "plotly"):
    sys.modules[module] = None
import gymnasium as gym, energy_gym
from energy_gym.agents.keeper import Keeper
from energy_gym.agents.learner import reward_factor
from energy_gym.agents.registry import agent_class
from energy_gym.agents.validation import Validation
name, actions, folder = sys.argv[1:]
env = gym.make("energy_gym/Arbitrage-v1", split="test", actions=actions, episode_steps=1000)
result = energy_gym.evaluate(agent_class(name).load(folder, env), env, seed=0)
print(repr(result.return_))
"""


@each_case
def test_saved_it_plays_the_same_in_a_fresh_process_where_no_extra_is(name: str, actions: str, tmp_path: Path) -> None:
    agent = trained(name, actions)
    agent.save(tmp_path)
    command = [sys.executable, "-W", "error", "-c", FRESH, name, actions, str(tmp_path)]
    printed = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout.split()
    assert printed == [repr(energy_gym.evaluate(agent, agent.env, seed=0).return_)]


@each_case
def test_learning_leaves_no_folders_behind(
    name: str, actions: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip(LIBRARY[name])
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    make(name, actions, budget=60)
    # torch has one folder for its compiler, the same for all processes.
    assert [path.name for path in tmp_path.iterdir() if not path.name.startswith("torchinductor")] == []


def test_continuous_cql_learns_from_records() -> None:
    pytest.importorskip("d3rlpy")
    agent = make("cql", "continuous", budget=40)
    action = agent.act(np.zeros(31, dtype=np.float32), {})
    assert action.shape == (1,)
    assert -1.0 <= action.item() <= 1.0
    assert len(agent.curve) == 20


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A saved agent with weights of its own making."""
    agent = agent_class("dqn")(task("discrete-3"))
    agent.actor = constant(len(agent.env.layout), 3)
    agent.save(tmp_path)
    return tmp_path


def constant(slots: int, outputs: int, hidden: int = 8) -> Actor:
    random = np.random.default_rng(0)
    first = random.normal(size=(hidden, slots)).astype(np.float32), np.zeros(hidden, dtype=np.float32)
    last = random.normal(size=(outputs, hidden)).astype(np.float32), np.zeros(outputs, dtype=np.float32)
    return Actor((first, last), "relu", "argmax")


def test_another_layout_lists_the_slots_that_differ(saved: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"price_per_mwh\[\+24\].*make the environment"):
        agent_class("dqn").load(saved, task("discrete-3", horizon=25))


def test_another_scaling_is_refused_unless_asked_for(saved: Path) -> None:
    env = task("discrete-3", dataset="synthetic")
    with pytest.raises(ConfigurationError, match="scaling differs in price_per_mwh"):
        agent_class("dqn").load(saved, env)
    assert agent_class("dqn").load(saved, env, rescaled=True).actor is not None


def test_another_number_of_levels(saved: Path) -> None:
    with pytest.raises(ConfigurationError, match="an actor of 3 actions"):
        agent_class("dqn").load(saved, task("discrete-5"))


def test_the_wrong_kind_of_agent(saved: Path) -> None:
    with pytest.raises(ConfigurationError, match="load it as 'dqn'"):
        agent_class("ppo").load(saved, task("discrete-3"))


def test_truncated_weights(saved: Path) -> None:
    weights = saved / "weights.npz"
    weights.write_bytes(weights.read_bytes()[:-9])
    with pytest.raises(ConfigurationError, match="sha256"):
        agent_class("dqn").load(saved, task("discrete-3"))
    weights.unlink()
    with pytest.raises(ConfigurationError, match="cannot be read"):
        agent_class("dqn").load(saved, task("discrete-3"))


def test_another_version_of_the_format(saved: Path) -> None:
    path = saved / "agent.yaml"
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), "format": 99}))
    with pytest.raises(ConfigurationError, match="format 99"):
        agent_class("dqn").load(saved, task("discrete-3"))


@pytest.mark.parametrize(("name", "actions"), [("dqn", "continuous"), ("sac", "discrete-3")])
def test_the_wrong_kind_of_action(name: str, actions: str) -> None:
    with pytest.raises(ConfigurationError, match="actions only; make the environment with actions="):
        make_agent(name, task(actions))


@pytest.mark.parametrize(
    ("settings", "error"),
    [({"gama": 0.9}, UnknownIdError), ({"gamma": "0.9"}, ConfigurationError), ({"hidden": 64}, ConfigurationError)],
)
def test_settings_are_checked(settings: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        agent_class("dqn")(task("discrete-3"), 0, **settings)


@pytest.mark.parametrize("name", ["dqn", "cql", "bc"])
def test_before_it_learns_it_neither_acts_nor_is_saved(name: str, tmp_path: Path) -> None:
    agent = make_agent(name, task("discrete-3"))
    with pytest.raises(ResetNeededError):
        agent.act(np.zeros(31, dtype=np.float32), {})
    with pytest.raises(ResetNeededError):
        agent.save(tmp_path / "none")
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("name", "module", "extra"),
    [("dqn", "stable_baselines3", "sb3"), ("cql", "d3rlpy", "offline"), ("bc", "imitation.algorithms.bc", "imitation")],
)
def test_a_missing_library_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, name: str, module: str, extra: str
) -> None:
    for loaded in [key for key in sys.modules if key.startswith("energy_gym.agents.sb3_vec")]:
        monkeypatch.delitem(sys.modules, loaded)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=re.escape(install_command(extra))):
        agent_class(name)(task("discrete-3"), 0, **SMALL[name]).fit(source(name, "discrete-3"), budget=10)


def test_data_of_another_task_are_refused() -> None:
    pytest.importorskip("imitation")
    elsewhere = record_expert(gym.make(ID, actions="discrete-5", episode_steps=24))
    with pytest.raises((ConfigurationError, DataError)):
        make_agent("bc", task("discrete-3")).fit(elsewhere)
    longer = record_expert(gym.make(ID, actions="discrete-3", episode_steps=24, horizon=12))
    with pytest.raises((ConfigurationError, DataError), match=r"price_per_mwh\[\+12\]"):
        make_agent("bc", task("discrete-3")).fit(longer)
    with pytest.raises(ConfigurationError, match="must be trajectories"):
        make_agent("bc", task("discrete-3")).fit(3.5)


def test_three_levels_to_five_keep_all_layers_but_the_last() -> None:
    coarse, fine = agent_class("dqn")(task("discrete-3")), agent_class("dqn")(task("discrete-5"))
    coarse.actor = constant(len(coarse.env.layout), 3)
    assert fine.adopt(coarse) == [0]
    assert fine.actor.layers[0][0].tobytes() == coarse.actor.layers[0][0].tobytes()
    assert fine.actor.outputs == 5
    assert fine.settings["hidden"] == [8]
    same = agent_class("ppo")(task("discrete-3"))
    assert same.adopt(coarse) == [0, 1]


def test_layers_of_another_layout_are_refused() -> None:
    coarse, other = agent_class("dqn")(task("discrete-3")), agent_class("dqn")(task("discrete-3", horizon=12))
    with pytest.raises(ConfigurationError, match="learnt nothing"):
        other.adopt(coarse)
    coarse.actor = constant(len(coarse.env.layout), 3)
    with pytest.raises(ConfigurationError, match="read 31 slots"):
        other.adopt(coarse)


def test_fine_tuning_goes_on_from_what_was_learnt() -> None:
    pytest.importorskip("stable_baselines3")
    agent = make("dqn", "discrete-3", budget=3000)
    best = max(figures["score"] for _, figures in agent.curve)
    agent.fit(source("dqn", "discrete-3"), budget=200)
    assert agent.curve[0] == (0, {"score": best})
    assert max(figures["score"] for _, figures in agent.curve) >= best


def cloned() -> tuple[Any, Any]:
    """A policy cloned in a few batches, and an agent that adopted it and follows the same expert."""
    pytest.importorskip("imitation")
    pytest.importorskip("stable_baselines3")
    clone = agent_class("bc")(task("discrete-3"), 1, **SMALL["bc"]).fit(source("bc", "discrete-3"), budget=200)
    agent = agent_class("dqn")(task("discrete-3"), 1, **SMALL["dqn"])
    agent.settings["follow"] = {**agent.settings["follow"], "batches": 300}
    agent.adopt(clone)
    return clone, agent.follow(clone.studied)


def test_a_cloned_policy_gets_values_and_acts_as_before() -> None:
    clone, agent = cloned()
    data = clone.studied
    assert np.mean(agent.actor(data.observations) == clone.actor(data.observations)) > 0.999
    assert agent.settings["hidden"] == [2 * width for width in clone.settings["hidden"]]
    assert value_error(agent, agent.actor, data) < 0.3 * value_error(agent, clone.actor, data)


def value_error(agent: Any, actor: Actor, data: Any) -> float:
    """How far figures are from being values of what was played: a step's reward and what follows, discounted."""
    kept, limit = ~data.timeouts, agent.settings["reward_limit"]
    rewards = np.clip(data.rewards * reward_factor(agent.env), -limit, limit)[kept]
    before, after = (actor.figures(part[kept]) for part in (data.observations, data.next_observations))
    played = before[np.arange(len(before)), data.actions[kept]]
    return float(np.abs(played - (rewards + agent.settings["gamma"] * after.max(axis=1))).mean())


def test_fine_tuning_on_advice_keeps_what_was_cloned() -> None:
    clone, agent = cloned()
    start = max(figures["score"] for _, figures in clone.curve)
    agent.fit(source("dqn", "discrete-3"), budget=3000)
    scores = [figures["score"] for _, figures in agent.curve]
    assert scores[0] == pytest.approx(start, abs=0.02)
    assert min(scores) > 0.5 * start


def test_what_cannot_be_followed() -> None:
    pytest.importorskip("stable_baselines3")
    data = record_expert(gym.make(ID, actions="discrete-3", episode_steps=24))
    agent = agent_class("dqn")(task("discrete-3"))
    with pytest.raises(ResetNeededError, match=r"call adopt\(\) first"):
        agent.follow(data)
    agent.actor = constant(len(agent.env.layout), 3)
    with pytest.raises((ConfigurationError, DataError)):
        agent.follow(record_expert(gym.make(ID, actions="discrete-5", episode_steps=24)))


@pytest.mark.parametrize("drawn", [100 * 12, 800 * 12, 10**9])
def test_short_trainings_are_given_few_demonstrations(drawn: int) -> None:
    env = gym.make(ID, actions="discrete-3", period=("2021-03-01", "2021-04-01"), episode_steps=None).unwrapped
    found = demonstrations(env, env, {"policy": "mpc", "noise": 0.3, "episodes": 2}, drawn)
    weeks = max(1, drawn // 12 // 168)
    assert [len(episode) for episode in found.episodes] == ([168] * weeks if drawn < 10**9 else [743, 743])
    starts = [episode.start for episode in found.episodes]
    assert len(set(starts)) == (weeks if drawn < 10**9 else 1)


def test_the_callback_hears_of_every_checkpoint() -> None:
    pytest.importorskip("stable_baselines3")
    heard: list[tuple[int, dict[str, float]]] = []
    agent = agent_class("dqn")(task("discrete-3"), 0, **SMALL["dqn"])
    agent.fit(source("dqn", "discrete-3"), budget=1500, callback=lambda step, told: heard.append((step, dict(told))))
    assert heard == agent.curve
    assert heard[-1][0] >= 1500


@pytest.mark.parametrize("name", ["dqn", "ppo", "sac", "bc", "cql"])
def test_tensorboard_has_the_curves_of_each_run(name: str, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    pytest.importorskip(LIBRARY[name])
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    actions = "continuous" if name == "sac" else "discrete-3"
    agent = agent_class(name)(task(actions), 0, **SMALL[name])
    agent.tensorboard = str(tmp_path)
    for run in (1, 2):
        agent.fit(source(name, actions), budget=BUDGET[name] // 20)
        events = EventAccumulator(str(tmp_path / f"{name}_{run}"))
        events.Reload()
        told = [(event.step, event.value) for event in events.Scalars("validation/score")]
        assert told == [(step, pytest.approx(figures["score"])) for step, figures in agent.curve]
        assert [tag for tag in events.Tags()["scalars"] if tag.startswith("train/")]
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"{name}_1", f"{name}_2"]


@pytest.mark.parametrize(("name", "actions"), [("dqn", "discrete-3"), ("ppo", "continuous"), ("sac", "continuous")])
def test_training_goes_on_where_it_stopped_after_loading(name: str, actions: str, tmp_path: Path) -> None:
    pytest.importorskip(LIBRARY[name])
    agent = agent_class(name)(task(actions), 1, **SMALL[name]).fit(source(name, actions), budget=BUDGET[name])
    before = max(figures["score"] for _, figures in agent.curve)
    agent.save(tmp_path)
    again = load_agent(tmp_path, task(actions))
    assert again.curve == agent.curve  # type: ignore[attr-defined]  # it learns
    again.fit(source(name, actions), budget=BUDGET[name] // 5, seed=7)
    scores = [figures["score"] for _, figures in again.curve]  # type: ignore[attr-defined]  # it learns
    # The first look is at what was loaded; what comes after is no fall to what chance plays, and the best is kept.
    assert scores[0] == pytest.approx(before)
    assert scores[1] > before - 0.5 * abs(before)
    assert Validation(again.env).score(again.actor) >= before  # type: ignore[attr-defined]  # it learns


def test_what_was_there_stays_unless_it_is_beaten_by_more_than_chance() -> None:
    class Weeks:
        def scores(self, weeks: Any) -> Any:
            return np.array(weeks)

    for seed in range(20):
        random = np.random.default_rng(seed)
        first = random.uniform(0.0, 1.0, 9)
        better, luckier = first + 0.05, first.copy()
        luckier[3] += 0.1
        for cautious, candidate, kept in ((True, better, True), (True, luckier, False), (False, luckier, True)):
            keeper = Keeper(Weeks(), cautious=cautious)  # type: ignore[arg-type]  # it scores
            keeper.see(0, first)  # type: ignore[arg-type]
            keeper.see(1, candidate)  # type: ignore[arg-type]
            assert (keeper.best is candidate) == kept


def test_any_saved_agent_is_loaded_by_its_folder(tmp_path: Path) -> None:
    env = task("continuous")
    for name in ("idle", "threshold", "mpc", f"{__name__}:Charger"):
        agent = Charger(env) if name.endswith("Charger") else make_agent(name, env)
        agent.fit().save(tmp_path / str(len(name)))
        loaded = load_agent(tmp_path / str(len(name)), env)
        assert type(loaded).__name__ == type(agent).__name__
        assert loaded.parameters() == agent.parameters()
    with pytest.raises(ConfigurationError, match="holds no agent"):
        load_agent(tmp_path, env)


class Charger(Agent):
    """An agent from elsewhere."""

    name = "charger"

    def act(self, observation: Any, info: Any) -> Any:
        return self.power(1.0)


def test_the_library_underneath_is_in_reach() -> None:
    pytest.importorskip("stable_baselines3")
    from stable_baselines3.common.callbacks import BaseCallback

    class Counting(BaseCallback):  # type: ignore[misc]
        seen = 0

        def _on_step(self) -> bool:
            Counting.seen += 1
            return True

    own: dict[str, Any] = {"policy_kwargs": {"ortho_init": False}, "max_grad_norm": 0.25}
    agent = agent_class("ppo")(task("continuous"), 0, library=own, callbacks=[Counting()], **SMALL["ppo"])
    agent.fit(source("ppo", "continuous"), budget=2048)
    assert (agent.model.max_grad_norm, agent.model.policy.ortho_init) == (0.25, False)  # type: ignore[attr-defined]
    assert Counting.seen > 0
    for wrong, said in (({"max_grad_nrm": 1}, "is not what PPO takes"), ({"use_sde": True}, None)):
        other = agent_class("ppo")(task("continuous"), 0, library=wrong, **SMALL["ppo"])
        if said is not None:
            with pytest.raises(ConfigurationError, match=said):
                other.fit(source("ppo", "continuous"), budget=64)


def test_a_device_is_asked_for_and_one_that_is_not_there_is_refused() -> None:
    pytest.importorskip("stable_baselines3")
    for name, actions in (("dqn", "discrete-3"), ("bc", "discrete-3"), ("cql", "discrete-3")):
        if importlib.util.find_spec(LIBRARY[name]) is None:
            continue
        with pytest.raises(ConfigurationError, match="device='cuda:77'"):
            agent_class(name)(task(actions), device="cuda:77", **SMALL[name]).fit(source(name, actions), budget=10)
    agent = agent_class("dqn")(task("discrete-3"), device="auto", **SMALL["dqn"])
    assert agent.fit(source("dqn", "discrete-3"), budget=200).curve  # type: ignore[attr-defined]  # it learns
