"""A batch is its single environments, bit for bit; the laws are one for floats, arrays and tensors."""

from __future__ import annotations

import pickle
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import energy_gym
from energy_gym.bidding.laws import ProducerTerms, compose_trade, limit_per_mwh, volume_kw
from energy_gym.contracts import Supply, Trading
from energy_gym.contracts.clearing import trading_arrays, trading_scalars, trading_tensors
from energy_gym.contracts.market import Limits
from energy_gym.contracts.market_presets import eu_day_ahead
from energy_gym.contracts.supply import shifted
from energy_gym.errors import ActionError, ConfigurationError
from energy_gym.machine import Elements

ID = "energy_gym/Bidding-v1"
KINDS: dict[str, dict[str, Any]] = {
    "eu-hourly": {},
    "india-15min": {"preset": "india-15min", "episode_steps": 150, "period": ("2022-03-01", "2022-04-01")},
    "price-volume": {"bids": "price-volume", "episode_steps": 90, "objective": "joint"},
}


@pytest.mark.parametrize("mode", ["same_step", "next_step"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_is_its_single_environments(kind: str, mode: str) -> None:
    keywords, count = KINDS[kind], 4
    batch = energy_gym.make_vec(ID, count, autoreset=mode, **keywords)
    singles = [gym.make(ID, **keywords) for _ in range(count)]
    seen, info = batch.reset(seed=7)
    for k, env in enumerate(singles):
        alone, told = env.reset(seed=7 + k)
        assert alone.tobytes() == seen[k].tobytes() and np.array_equal(told["due"], info["due"][k])
    random, over = np.random.default_rng(0), [False] * count
    for step in range(220):
        actions = random.uniform(-1.3, 1.3, (count, batch.single_action_space.shape[0])).astype(np.float32)
        actions[:, 2:] *= 1e-4 if step % 7 == 0 else 1.0
        seen, rewards, _, done, info = batch.step(actions)
        for k, env in enumerate(singles):
            over[k] = compare(env, mode, actions[k], over[k], k, (seen, rewards, done, info))


def compare(env: Any, mode: str, action: Any, over: bool, k: int, batch: Any) -> bool:
    seen, rewards, done, info = batch
    if over and mode == "next_step":
        assert env.reset()[0].tobytes() == seen[k].tobytes()
        assert rewards[k] == 0.0 and not done[k]
        return False
    alone, reward, _, truncated, told = env.step(action)
    assert reward == rewards[k] and truncated == done[k]
    if truncated and mode == "same_step":
        alone, _ = env.reset()
    assert alone.tobytes() == seen[k].tobytes()
    if not truncated:
        assert all(np.array_equal(told[name], info[name][k]) for name in told)
    return bool(truncated)


def test_a_batch_refuses_what_a_single_one_does() -> None:
    batch = energy_gym.make_vec(ID, 3)
    batch.reset(options={"start": ["2020-06-01T09:00Z", "2020-06-01T10:00Z", "2020-06-01T09:00Z"]})
    actions = np.zeros((3, 27))
    actions[0, 9] = np.nan
    batch.step(actions)
    with pytest.raises(ActionError, match=r"actions\[0, 9\]=nan \(day_ahead.volume\[7\]\)"):
        batch.step(actions)
    actions[0] = 0.0
    actions[2, 0] = np.nan
    with pytest.raises(ActionError, match=r"actions\[2, 0\]"):
        batch.step(actions)
    with pytest.raises(ActionError, match="must be 3 times 27"):
        batch.step(np.zeros((3, 26)))
    with pytest.raises(ConfigurationError, match="no pictures"):
        energy_gym.make_vec(ID, 3, render_mode="rgb_array")


def test_a_pickled_batch_goes_on() -> None:
    batch = energy_gym.make_vec(ID, 3)
    batch.reset(seed=1)
    batch.step(batch.action_space.sample())
    again, action = pickle.loads(pickle.dumps(batch)), batch.action_space.sample()
    assert batch.step(action)[0].tobytes() == again.step(action)[0].tobytes()


@pytest.mark.parametrize("name", ["linear", "single", "dual", "banded", "convex", "concave", "steps"])
@pytest.mark.parametrize("bids", ["volume", "price-volume"])
def test_floats_numpy_and_torch_agree_bit_for_bit(producers: Any, name: str, bids: str) -> None:
    torch = pytest.importorskip("torch")
    random, count = np.random.default_rng(len(name)), 300
    limits = Limits(100.0, 5000.0, 100.0, -100.0, 200.0)
    market = eu_day_ahead()
    trading = Trading((type(market)("m", limits=limits),), producers.PENALTIES[name], 4000.0, 2000.0, bids)
    supply = Supply(60.0, 0.0, 2000.0, 200.0, 30.0)
    columns = len(trading.deviation.columns)
    raw = random.uniform(-1.2, 1.2, (4, count))
    money = random.normal(50.0, 80.0, (1 + columns, count))
    kwh = random.uniform(0.0, 900.0, (3, count))
    closes = (random.random(count) < 0.5).astype(float)
    net, balance = random.normal(0.0, 2000.0, (2, count))

    def play(trade: Any, xp: Any, values: list[Any]) -> tuple[Any, ...]:
        bid, limit, share, net, balance, base, more, less, closes, *prices = values
        volume = volume_kw(bid, limits, trading, xp)
        limit = (limit_per_mwh(limit, limits),) if bids == "price-volume" else ()
        terms = ProducerTerms(base, more, less, closes, (prices[0],), tuple(prices[1:]))
        extra = shifted(share, more, less, xp)
        return tuple(trade(net + extra, extra, balance, (volume,), limit, terms))

    values = [raw[0], raw[1], np.clip(raw[2], -1, 1), net, balance, *kwh, closes, *money]
    batch = np.array(play(compose_trade(trading, supply, 0.25, trading_arrays), trading_arrays, values))
    alone = compose_trade(trading, supply, 0.25, trading_scalars)
    single = [play(alone, trading_scalars, [float(part[k]) for part in values]) for k in range(count)]
    xp = trading_tensors()
    torched = play(compose_trade(trading, supply, 0.25, xp), xp, [torch.as_tensor(part) for part in values])
    assert (np.array(single) == batch.T).all()
    assert (batch == torch.stack(torched).numpy()).all()
    assert batch[1].any() and batch[6].any() and batch[7].any()


@pytest.mark.parametrize("kind", KINDS)
def test_bids_are_cut_by_machine_code_as_on_arrays(kind: str) -> None:
    pytest.importorskip("llvmlite")
    pair = [energy_gym.make_vec(ID, 9, engine=engine, **KINDS[kind]) for engine in ("numpy", "compiled")]
    due, _ = [batch.reset(seed=3)[1]["due"] for batch in pair]
    assert all(isinstance(law, Elements) for law in pair[1].unwrapped._gates._volumes)
    random, rejected = np.random.default_rng(1), 0.0
    for step in range(200):
        actions = random.uniform(-1.2, 1.2, due.shape).astype(np.float32)
        actions[:, 2:] *= np.float32(random.choice([1e-4, 1e-3, 0.0, -0.0, 1.0]))
        # What is not due need not be a number, and the batch counts it as a bid that came too soon.
        actions[~due] = random.choice(np.float32([np.nan, np.inf, 0.0]))
        (seen, *_, info), (other, *_, told) = [batch.step(actions) for batch in pair]
        assert seen.tobytes() == other.tobytes(), step
        assert all(info[name].tobytes() == told[name].tobytes() for name in pair[0].unwrapped.info_units), step
        due, rejected = info["due"], rejected + info["rejected"].sum()
    assert rejected > 0.0
    again = pickle.loads(pickle.dumps(pair[1])).unwrapped._gates._volumes
    assert all(isinstance(law, Elements) for law in again)
