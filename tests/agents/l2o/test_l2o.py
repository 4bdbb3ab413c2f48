"""Learning to optimise: limits and the return to the start hold whatever is proposed, and schedules get better."""

from __future__ import annotations

import functools
import subprocess
import sys
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import energy_gym
from energy_gym import Battery
from energy_gym.data.homes import DayBatch, synthetic_days
from energy_gym.errors import ConfigurationError, ResetNeededError, UnknownIdError, UnsuitableAgentError

torch = pytest.importorskip("torch")

from energy_gym.agents.l2o import L2O  # noqa: E402  # torch may be absent
from energy_gym.agents.l2o.planner import DayPlanner, Returning  # noqa: E402
from energy_gym.agents.l2o.windows import Draw, Source, Windows, padded  # noqa: E402

SMALL = {"width": 48, "candidates": 2, "days": 2000, "batch_size": 64, "learning_rate": 4e-3}
STEPS = 120


def make(**keywords: Any) -> Any:
    return gym.make("energy_gym/HomeSolar-v1", **{"split": "test", "episode_steps": 48, **keywords})


@functools.cache
def trained() -> L2O:
    """One agent, taught for a few seconds on synthetic days."""
    return L2O(make(), seed=3, receding=0.0, **SMALL).fit(synthetic_days(2000, seed=1), budget=STEPS)


def idle_cost(days: DayBatch) -> Any:
    net = days.load_kw - days.pv_kw
    return (np.maximum(net, 0.0) * days.buy_per_mwh - np.maximum(-net, 0.0) * days.sell_per_mwh).sum(axis=1) / 1000.0


batteries = st.builds(
    Battery,
    capacity_kwh=st.floats(2.0, 30.0),
    charge_kw=st.floats(0.3, 8.0),
    discharge_kw=st.floats(0.3, 8.0),
    efficiency_charge=st.floats(0.6, 1.0),
    efficiency_discharge=st.floats(0.6, 1.0),
    soc_min=st.floats(0.0, 0.3),
    soc_max=st.floats(0.7, 1.0),
    soc_initial=st.floats(0.3, 0.7),
)


@settings(max_examples=40, deadline=None)
@given(battery=batteries, hours=st.sampled_from([0.25, 1.0]), seed=st.integers(0, 10_000), short=st.booleans())
def test_whatever_is_wished_all_limits_hold(battery: Battery, hours: float, seed: int, short: bool) -> None:
    """Wild weights propose anything; energies are those of the laws, and each window ends where it should."""
    rng, size, steps = np.random.default_rng(seed), 12, 16
    planner = DayPlanner(battery, hours, 100.0, steps, width=8, candidates=3)
    torch.manual_seed(seed)
    for part in planner.network.parameters():
        torch.nn.init.normal_(part, std=1.0)
    net, buy = rng.normal(0.0, 4.0, (size, steps)), rng.normal(100.0, 80.0, (size, steps))
    left = rng.integers(1, steps + 1, size) if short else np.full(size, steps)
    cell, target = battery.cell(hours), battery.energy_initial_kwh
    reach_up = left * cell.charge_kwh * cell.efficiency_charge
    reach_down = left * cell.discharge_kwh / cell.efficiency_discharge
    low = np.maximum(cell.energy_min, target - reach_up)
    energy = low + rng.random(size) * (np.minimum(cell.energy_max, target + reach_down) - low)
    plan = planner.plan(net, buy, 0.3 * buy, energy, left)
    assert np.abs(plan.wishes).max() <= 1.0
    assert plan.energy_kwh.min() >= cell.energy_min - 1e-9
    assert plan.energy_kwh.max() <= cell.energy_max + 1e-9
    assert np.abs(plan.energy_kwh[np.arange(size), left] - target).max() < 1e-9
    charged, given_out = (
        np.maximum(plan.wishes, 0.0) * cell.charge_kwh,
        np.maximum(-plan.wishes, 0.0) * cell.discharge_kwh,
    )
    after = plan.energy_kwh[:, :-1] + charged * cell.efficiency_charge - given_out / cell.efficiency_discharge
    assert np.abs(after - plan.energy_kwh[:, 1:]).max() < 1e-9
    inside = np.arange(steps) < left[:, None]
    balance = np.where(inside, net, 0.0) * hours + charged - given_out
    assert np.abs(balance - plan.grid_kwh).max() < 1e-9
    bill = np.where(balance > 0.0, buy, 0.3 * buy) * balance / 1000.0
    assert plan.cost == pytest.approx(np.where(inside, bill, 0.0).sum(axis=1), abs=1e-9)


def test_standby_losses_are_made_good_in_time() -> None:
    battery = Battery(self_discharge_per_day=0.3, soc_initial=0.5)
    days = synthetic_days(30, seed=2)
    plan = DayPlanner(battery, 1.0, 200.0, 24, width=8, candidates=2).plan_days(days)
    assert np.abs(plan.energy_kwh[:, -1] - 5.0).max() < 1e-9


def test_a_start_out_of_reach_comes_as_near_as_power_allows() -> None:
    battery = Battery(charge_kw=1.0, discharge_kw=1.0)
    one = np.ones((2, 24))
    plan = DayPlanner(battery, 1.0, 1.0, 24, width=8).plan(one, one, one, np.array([1.0, 9.0]), np.array([2, 2]))
    assert plan.energy_kwh[:, 2] == pytest.approx([1.0 + 2 * 0.95, 9.0 - 2 / 0.95])


def test_arrays_and_tensors_play_alike_bit_for_bit() -> None:
    planner, days = trained().planner, synthetic_days(40, seed=8)
    assert planner is not None
    windows = padded(
        days.load_kw - days.pv_kw,
        days.buy_per_mwh / planner.price,
        days.sell_per_mwh / planner.price,
        np.full(40, 5.0),
        np.full(40, 24),
    )
    wishes = torch.from_numpy(planner.acting().wishes(windows))
    played = planner.play(Windows(*map(torch.as_tensor, windows)), wishes)
    size, count, _ = wishes.shape
    best = played.returns.view(size, count).argmax(dim=1) + torch.arange(size) * count
    plan = planner.plan_days(days)
    assert np.array_equal(plan.energy_kwh, played.states[best, :, 0].numpy())
    assert np.array_equal(plan.wishes, played.wishes[best, :, 0].numpy())
    assert np.array_equal(plan.grid_kwh, played.parts["grid_kwh"][best].numpy())


def test_without_torch_the_network_says_what_it_says_with_it() -> None:
    planner = trained().planner
    assert planner is not None
    windows = Draw([(Source.of_days(synthetic_days(64, seed=3)), 1.0)], 5.0, (1.0, 9.0), 0.5, 0.2)(
        np.random.default_rng(1), 64
    )
    with torch.no_grad():
        theirs = planner.propose(windows).wishes().numpy()
    ours = planner.acting().wishes(Windows(*(part.numpy() for part in windows)))
    # Where two modes are as likely to the last digit, either may win.
    assert (np.abs(ours - theirs) < 1e-4).mean() > 0.999


FRESH = """
import sys
for name in ("torch", "stable_baselines3", "d3rlpy", "imitation", "matplotlib", "plotly"):
    sys.modules[name] = None
import gymnasium as gym, energy_gym
from energy_gym.agents.registry import load_agent
env = gym.make("energy_gym/HomeSolar-v1", split="test", episode_steps=48)
print(repr(energy_gym.evaluate(load_agent(sys.argv[1], env), env, seed=0).return_))
"""


def test_saved_it_plays_the_same_in_a_fresh_process_where_torch_is_not(tmp_path: Path) -> None:
    env: Any = gym.make("energy_gym/HomeSolar-v1", split="test", episode_steps=48)
    agent = L2O(env, seed=1, **SMALL).fit(budget=5)
    agent.save(tmp_path)
    command = [sys.executable, "-W", "error", "-c", FRESH, str(tmp_path)]
    printed = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout.split()
    assert printed == [repr(energy_gym.evaluate(agent, env, seed=0).return_)]


def test_gradients_reach_every_weight() -> None:
    planner = DayPlanner(Battery(), 1.0, 200.0, 24, width=16, candidates=2)
    source = Source.of_days(synthetic_days(64, seed=0))
    windows = Draw([(source, 1.0)], 5.0, (1.0, 9.0), 0.5, 0.2)(np.random.default_rng(0), 64)
    planner.play(windows, planner.propose(windows).wishes(temperature=1.0)).returns.mean().backward()
    for name, part in planner.network.named_parameters():
        assert part.grad is not None and float(part.grad.abs().sum()) > 0.0, name


def test_it_learns_without_a_solver() -> None:
    agent, days = trained(), synthetic_days(200, seed=77)
    assert agent.planner is not None
    losses = [figures["loss"] for _, figures in agent.curve]
    assert len(losses) == 20
    assert np.mean(losses[-3:]) < np.mean(losses[:3])
    fresh = agent._planner(agent.planner.price, 24).plan_days(days).cost.mean()
    learnt, idle = agent.planner.plan_days(days).cost.mean(), idle_cost(days).mean()
    assert learnt < fresh
    assert learnt < idle - 0.8


def test_schedules_are_near_the_optimum() -> None:
    """Two days in HomeSolar-v1, planned a day ahead by an agent that never saw the home, against the oracle."""
    env = make(forecast="perfect")
    agent = L2O(env, **SMALL, replan=24)
    agent.planner = trained().planner
    result = energy_gym.evaluate(agent, env, seed=5)
    assert result.regret >= 0.0
    assert result.score > 0.3


def test_the_same_seed_gives_the_same_agent_and_another_seed_another() -> None:
    state = torch.random.get_rng_state()
    days = synthetic_days(100, seed=1)
    first, again, other = (L2O(make(), seed=seed, **SMALL).fit(days, budget=8) for seed in (1, 1, 2))
    weights = [
        torch.cat([part.flatten() for part in agent.planner.network.parameters()]) for agent in (first, again, other)
    ]  # type: ignore[union-attr]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    assert torch.equal(torch.random.get_rng_state(), state)


def play(agent: L2O, env: Any) -> list[float]:
    observation, info = env.reset(seed=4)
    agent.reset()
    done, taken = [], False
    while not taken:
        action = agent.act(observation, info)
        observation, _, _, taken, info = env.step(action)
        assert info["cost"] < 1e-9
        done.append(action.item())
    assert env.unwrapped.energy_kwh == pytest.approx(5.0, abs=1e-9)
    return done


@pytest.mark.parametrize("replan", [1, 24])
def test_saved_and_loaded_it_plays_the_same(tmp_path: Path, replan: int) -> None:
    env, twin = make(), make()
    agent = L2O(env, seed=1, **SMALL, replan=replan)
    agent.fit(budget=5)
    agent.save(tmp_path)
    other = L2O.load(tmp_path, twin)
    assert other.settings == agent.settings
    played = play(agent, env)
    assert len(played) == 48
    assert play(other, twin) == played
    (tmp_path / "weights.npz").write_bytes(b"")
    with pytest.raises(ConfigurationError, match="weights"):
        L2O.load(tmp_path, twin)


def test_it_goes_on_learning_and_tells_its_figures() -> None:
    told: list[int] = []
    agent = L2O(make(), **SMALL).fit(budget=3, callback=lambda steps, figures: told.append(steps))
    before = agent.planner
    agent.fit(make(split="train", home=2), budget=2)
    assert agent.planner is before
    assert told == [1, 2, 3]
    assert [steps for steps, _ in agent.curve] == [1, 2]


def test_other_storages_and_objectives(series: Any) -> None:
    env = gym.make("energy_gym/Arbitrage-v1", data=series, objective="joint", episode_steps=30, horizon=12)
    agent = L2O(env, **SMALL).fit(budget=3)
    observation, info = env.reset(seed=0)
    assert env.action_space.contains(agent.act(observation, info).astype(np.float32))


def test_what_it_cannot_plan_is_refused() -> None:
    with pytest.raises(UnsuitableAgentError, match="one battery"):
        L2O(gym.make("energy_gym/Commercial-v1"))
    with pytest.raises(ConfigurationError, match="continuous actions only"):
        L2O(make(actions="discrete-3"))
    with pytest.raises(UnknownIdError, match="width"):
        L2O(make(), widht=3)
    agent = L2O(make(), **SMALL)
    for call in (lambda: agent.act(None, {}), lambda: agent.save("nowhere")):
        with pytest.raises(ResetNeededError):
            call()
    with pytest.raises(ConfigurationError, match="DayBatch"):
        agent.fit([1, 2])
    with pytest.raises(ConfigurationError, match="24 steps"):
        DayPlanner(Battery(), 1.0, 1.0, 24, width=8).plan_days(synthetic_days(2, 0, 48))
    with pytest.raises(ConfigurationError, match="a window"):
        Source.of_series(np.zeros(5), np.zeros(5), np.zeros(5), 24)


def test_windows_are_what_was_asked_for() -> None:
    source = Source.of_days(synthetic_days(30, seed=0))
    draw = Draw(
        [(source, 0.25), (Source.of_series(np.arange(100.0), np.ones(100), np.zeros(100), 24), 0.75)],
        5.0,
        (1.0, 9.0),
        0.5,
        0.4,
    )
    windows = draw(np.random.default_rng(1), 400)
    start = windows.energy_kwh == 5.0
    assert 0.4 < start.float().mean() < 0.6
    assert float(windows.energy_kwh.min()) >= 1.0 and float(windows.energy_kwh.max()) <= 9.0
    assert bool((windows.left[start] == 24).all())
    short = windows.left < 24
    assert 0.1 < short.float().mean() < 0.3
    past = torch.arange(24) >= windows.left[:, None]
    assert float(windows.buy[past].abs().sum()) == 0.0
    assert torch.equal(
        windows.net_kw[100:, 1][~short[100:]] - windows.net_kw[100:, 0][~short[100:]],
        torch.ones(int((~short[100:]).sum())),
    )


def test_the_guard_leaves_alone_what_can_still_return() -> None:
    cell = Battery().cell(1.0)
    guard = Returning(cell, 5.0, np.array([24]), 24)
    assert guard(0, (np.array([5.0]),), (np.array([0.37]),))[0][0] == 0.37
    assert guard(23, (np.array([5.0]),), (np.array([0.37]),))[0][0] == 0.0
