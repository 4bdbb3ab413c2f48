"""The differentiable rollout is the single environment, bit for bit, with gradients that finite differences confirm."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest

from energy_gym import Battery, Scenario
from energy_gym.backends import scalars
from energy_gym.contracts import Tariff, demand
from energy_gym.data.homes import synthetic_days
from energy_gym.dynamics import FIGURES
from energy_gym.entities import Consumer, Grid, Solar
from energy_gym.entities.battery import next_energy, settle
from energy_gym.errors import ConfigurationError, WindowError
from energy_gym.scenarios.registration import MARKETS, SCENARIOS

torch = pytest.importorskip("torch")

from energy_gym.envs.rollout import DayRollout, Rollout  # noqa: E402  # torch may be absent

STEPS = 40


def busy_site() -> Scenario:
    """Two batteries, curtailment by choice and by limit, a shiftable load, limits and demand charges at once."""
    return Scenario(
        name="busy",
        entities={
            "grid": Grid(import_kw=14.0, export_kw=1.0),
            "first": Battery(capacity_kwh=12.0, self_discharge_per_day=0.05, wear_per_kwh=0.01),
            "second": Battery(capacity_kwh=5.0, charge_kw=2.0, discharge_kw=3.0, efficiency_charge=0.8),
            "cut": Solar(column="home_02_pv_kw", curtailment="action"),
            "pv": Solar(column="home_03_pv_kw", curtailment="limit", scale=2.0),
            "load": Consumer(column="home_02_load_kw", shiftable=0.3),
        },
        contracts={"tariff": Tariff(feed_in_ratio=0.3), "demand": demand.costa_rica()},
    )


def carbon_frame() -> pd.DataFrame:
    """Return prices of both signs and carbon intensities."""
    rng, index = np.random.default_rng(2), pd.date_range("2024-01-01", periods=400, freq="h", tz="UTC")
    price, carbon = rng.normal(40.0, 60.0, 400), rng.uniform(0.0, 800.0, 400)
    return pd.DataFrame({"price_per_mwh": price, "carbon_g_per_kwh": carbon}, index=index)


CASES: dict[str, dict[str, Any]] = {
    **{name: {"id": name} for name in sorted(set(SCENARIOS) - set(MARKETS))},
    "joint": {"id": "energy_gym/Arbitrage-v1", "objective": "joint", "data": carbon_frame()},
    "busy": {"id": "energy_gym/Scenario-v1", "scenario": busy_site(), "dataset": "california-homes-2016"},
}


def make(case: str, **keywords: Any) -> Any:
    return gym.make(**CASES[case], episode_steps=STEPS, **keywords).unwrapped


def play(env: Any, seed: int, wishes: Any) -> tuple[int, list[Any], list[Any], dict[str, list[float]]]:
    env.reset(seed=seed)
    first, rewards, states = env.window[0], [], [env.states]
    parts: dict[str, list[float]] = {"energy_cost": [], "carbon_kg": [], "wear": [], "demand_charge": [], "cost": []}
    for wish in wishes:
        _, gain, _, _, info = env.step(wish)
        rewards.append(gain)
        states.append(env.states)
        for name, column in parts.items():
            column.append(info[name])
    return first, rewards, states, parts


@pytest.mark.parametrize("case", CASES)
def test_in_float64_it_is_the_environment_bit_for_bit(case: str) -> None:
    env, rollout, rng = make(case), Rollout(make(case)), np.random.default_rng(5)
    wishes = rng.uniform(-1.0, 1.0, (3, STEPS, rollout.controls))
    wishes[rng.random(wishes.shape) < 0.3] = rng.choice([-1.0, 0.0, 1.0])
    alone = [play(env, seed, row) for seed, row in enumerate(wishes)]
    first = torch.tensor([item[0] for item in alone])
    played = rollout(first, torch.from_numpy(wishes).requires_grad_())
    assert played.rewards.dtype == torch.float64
    assert np.array_equal(played.rewards.detach().numpy(), np.array([item[1] for item in alone]))
    assert np.array_equal(played.states.detach().numpy(), np.array([item[2] for item in alone]))
    for name in ("energy_cost", "carbon_kg", "wear", "demand_charge"):
        assert np.array_equal(played.parts[name].detach().numpy(), np.array([item[3][name] for item in alone])), name
    assert np.array_equal(played.parts["refused_kwh"].detach().numpy(), np.array([item[3]["cost"] for item in alone]))
    assert set(played.parts) == set(FIGURES)


@pytest.mark.parametrize("case", CASES)
def test_gradients_are_those_of_finite_differences(case: str) -> None:
    rollout, rng = Rollout(make(case)), np.random.default_rng(6)
    wishes = torch.from_numpy(rng.uniform(-0.4, 0.4, (1, 6, rollout.controls))).requires_grad_()
    scale = float(rollout(torch.tensor([9]), wishes).rewards.abs().max().detach())
    returns = rollout(torch.tensor([9]), wishes).returns
    returns.sum().backward()
    with torch.no_grad():
        for place in range(wishes.numel()):
            shift = torch.zeros(wishes.numel(), dtype=torch.float64)
            shift[place] = 1e-6
            up, down = (
                rollout(torch.tensor([9]), wishes + sign * shift.view_as(wishes)).returns.item() for sign in (1.0, -1.0)
            )
            assert wishes.grad.view(-1)[place].item() == pytest.approx((up - down) / 2e-6, abs=1e-6 * scale + 1e-9)


def test_windows_may_begin_anywhere_and_stay_open() -> None:
    rollout = Rollout(make("energy_gym/HomeSolar-v1"))
    wishes = torch.zeros(2, 3, 1, dtype=torch.float64)
    low = torch.tensor([[1.0], [5.0]], dtype=torch.float64)
    closed, left_open = (rollout([7, 7], wishes, low, closed=flag) for flag in (True, False))
    assert torch.equal(closed.rewards[:, :2], left_open.rewards[:, :2])
    assert closed.rewards[0, 2] < left_open.rewards[0, 2]
    assert closed.rewards[1, 2] == left_open.rewards[1, 2]
    assert torch.equal(rollout.initial(2), torch.tensor([[5.0], [5.0]], dtype=torch.float64))


def test_float32_is_close_and_beyond_the_range_is_cut() -> None:
    env = make("energy_gym/Microgrid-v1")
    wide = torch.full((1, 12, 1), 3.0, dtype=torch.float64)
    exact = Rollout(env)([0], wide).rewards
    assert torch.equal(exact, Rollout(env)([0], wide.clamp(-1.0, 1.0)).rewards)
    rough = Rollout(env, dtype=torch.float32)([0], wide.float())
    assert rough.rewards.dtype == torch.float32
    assert torch.allclose(rough.rewards.double(), exact, rtol=1e-4, atol=1e-4)


def test_days_are_the_same_laws() -> None:
    days, battery = synthetic_days(20, seed=3), Battery(wear_per_kwh=0.02)
    wishes = np.random.default_rng(0).uniform(-1.0, 1.0, (20, 24))
    parts = [torch.from_numpy(part) for part in (days.load_kw - days.pv_kw, days.buy_per_mwh, days.sell_per_mwh)]
    played = DayRollout(battery)(*parts, torch.from_numpy(wishes))
    cell = battery.cell(1.0)
    for day in range(20):
        energy, bill = battery.energy_initial_kwh, 0.0
        for hour in range(24):
            charged, discharged, _ = settle(energy, wishes[day, hour], cell, scalars)
            energy = next_energy(energy, charged, discharged, cell)
            grid = days.load_kw[day, hour] - days.pv_kw[day, hour] + charged - discharged
            price = days.buy_per_mwh[day, hour] if grid > 0.0 else days.sell_per_mwh[day, hour]
            bill += grid * price / 1000.0 + 0.02 * discharged
        assert played.states[day, -1, 0].item() == energy
        assert played.returns[day].item() == pytest.approx(-bill, abs=1e-9)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_on_a_gpu_it_says_the_same() -> None:
    env = make("busy")
    wishes = torch.rand(4, 24, 5, dtype=torch.float64) * 2.0 - 1.0
    here, there = Rollout(env)([0, 1, 2, 3], wishes), Rollout(env, device="cuda")([0, 1, 2, 3], wishes.cuda())
    assert torch.allclose(here.rewards, there.rewards.cpu(), rtol=1e-12, atol=1e-12)


def test_what_does_not_fit_is_refused() -> None:
    env = make("energy_gym/Arbitrage-v1")
    rollout, wishes = Rollout(env), torch.zeros(1, 4, 1, dtype=torch.float64)
    for first in ([-1], [env.setup.steps - 3]):
        with pytest.raises(WindowError):
            rollout(first, wishes)
    with pytest.raises(ConfigurationError, match="share of rated power"):
        rollout([0], wishes[..., 0])
    with pytest.raises(ConfigurationError, match="states"):
        rollout([0], wishes, torch.zeros(1, 3))
    with pytest.raises(ConfigurationError, match="environment"):
        Rollout(gym.make("CartPole-v1"))
    with pytest.raises(ConfigurationError, match="must agree"):
        DayRollout(Battery())(wishes[..., 0], wishes[..., 0], torch.zeros(2, 4), wishes[..., 0])
