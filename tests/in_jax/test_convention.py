"""Pure functions of keys, states, actions and parameters: one program for every battery, tariff and market."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import energy_gym
from energy_gym import Battery, Objective, Scenario
from energy_gym.contracts import DemandCharge, DemandWindow, Spot, Tariff
from energy_gym.entities import Consumer, Entity, Flexible, Laws
from energy_gym.errors import (
    ActionError,
    ConfigurationError,
    EfficiencyError,
    MissingExtraError,
    NonPositiveError,
    UnknownIdError,
)

jax = pytest.importorskip("jax", reason="the extra jax is not installed")

import jax.numpy as jnp  # noqa: E402

import energy_gym.jax  # noqa: E402
from energy_gym.jax import spread, stack  # noqa: E402
from energy_gym.jax.batteries import with_figures  # noqa: E402

ARBITRAGE = "energy_gym/Arbitrage-v1"


@pytest.fixture(scope="module")
def env() -> Any:
    return energy_gym.jax.make(ARBITRAGE, dataset="ercot-2021-2022", actions="discrete-3", episode_steps=24)


@pytest.fixture
def _wide() -> Iterator[None]:
    with jax.enable_x64(True):
        yield


def test_an_episode_that_ends_starts_anew_at_once_where_the_key_says(env: Any) -> None:
    params, key = env.default_params, jax.random.key(7)
    _, state = env.start(100, 2, params)
    _, state, _, done, _ = env.step(key, state, 2, params)
    assert not done
    seen, state, _, done, _ = env.step(key, state, 2, params)
    assert done
    begun, fresh = env.reset(key, params)
    assert jax.tree.all(jax.tree.map(jnp.array_equal, state, fresh))
    assert np.asarray(seen).tobytes() == np.asarray(begun).tobytes()
    assert int(fresh.stop - fresh.step) == 24


@pytest.mark.parametrize("keys", [jax.random.key, jax.random.PRNGKey])
def test_windows_lie_in_the_split_and_are_spread_over_it(env: Any, keys: Any) -> None:
    several = jax.vmap(keys)(jnp.arange(4000))
    _, states = jax.vmap(env.reset, (0, None))(several, env.default_params)
    first = np.asarray(states.step)
    last = env.setup.steps - 24
    assert first.min() >= 0
    assert first.max() <= last
    counts, _ = np.histogram(first, bins=10, range=(0, last + 1))
    assert np.abs(counts - 400).max() < 5 * 20  # five standard deviations
    assert (np.asarray(states.stop) - first == 24).all()


@pytest.mark.parametrize("keys", [jax.random.key, jax.random.PRNGKey])
def test_keys_spread_over_environments_are_distinct_and_draw_windows_anew_at_each_step(env: Any, keys: Any) -> None:
    reset = jax.vmap(env.reset, (0, None))
    one, other = (spread(keys(seed), 4000) for seed in (0, 1))
    assert one.dtype == keys(0).dtype
    words = np.asarray(jax.random.key_data(jnp.concatenate([one, other])) if keys is jax.random.key else [*one, *other])
    assert len(np.unique(words, axis=0)) == 8000
    first, second = (np.asarray(reset(each, env.default_params)[1].step) for each in (one, other))
    last = env.setup.steps - 24
    for found in (first, second):
        counts, _ = np.histogram(found, bins=10, range=(0, last + 1))
        assert np.abs(counts - 400).max() < 5 * 20  # five standard deviations
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.08  # as many of its own
    assert abs(np.corrcoef(first[1:], first[:-1])[0, 1]) < 0.08


def test_the_whole_split_starts_at_its_first_step() -> None:
    env = energy_gym.jax.make(ARBITRAGE, dataset="ercot-2021-2022", episode_steps=None)
    _, state = env.reset(jax.random.key(3))
    assert (int(state.step), int(state.stop)) == (0, env.setup.steps)


def test_one_program_serves_every_battery_and_market(env: Any) -> None:
    compiled = jax.jit(env.step)
    _, state = env.start(0, 24)
    same = env.params_of(gym.make(ARBITRAGE, dataset="ercot-2021-2022", actions="discrete-3", episode_steps=48))
    wearing = env.with_battery(env.default_params, wear_per_kwh=0.05)
    for params in (env.default_params, same, wearing):
        compiled(jax.random.key(0), state, 0, params)
    assert compiled._cache_size() == 1
    assert float(compiled(jax.random.key(0), state, 0, wearing)[4]["wear"]) > 0.0
    assert int(same.max_steps_in_episode) == 48


def test_sets_side_by_side_earn_what_each_earns_alone(env: Any) -> None:
    sizes = [env.with_battery(env.default_params, capacity_kwh=size, soc_initial=0.4) for size in (4.0, 10.0, 40.0)]
    params, axes = stack(sizes)
    assert params.rows.ndim == 2  # the look-ahead is shared
    _, states = jax.vmap(env.start, (None, None, axes))(5, 24, params)
    together = jax.vmap(env.step, (None, 0, None, axes))(jax.random.key(0), states, 0, params)
    for place, alone in enumerate(sizes):
        _, state = env.start(5, 24, alone)
        one = env.step(jax.random.key(0), state, 0, alone)
        np.testing.assert_allclose(together[0][place], one[0], rtol=1e-6)
        np.testing.assert_allclose(together[2][place], one[2], rtol=1e-6)


def test_sets_of_different_sizes_are_refused(env: Any) -> None:
    other = env.params_of(gym.make(ARBITRAGE, dataset="ercot-2021-2022", actions="discrete-3", split="test"))
    with pytest.raises(ConfigurationError, match=r"parameter set 1: has another size than set 0: shapes .*stack sets"):
        stack([env.default_params, other])
    with pytest.raises(ConfigurationError, match="needs a parameter set"):
        stack([])


def test_what_needs_a_program_of_its_own_is_refused(env: Any) -> None:
    for source, why in (
        (gym.make("energy_gym/Microgrid-v1"), "observes other slots"),
        (gym.make(ARBITRAGE, dataset="ercot-2021-2022"), "discrete actions and the other continuous"),
    ):
        with pytest.raises(ConfigurationError, match=rf"program of their own: .*{why}.*energy_gym\.jax\.make"):
            env.params_of(source)


def test_a_second_price_needs_a_program_of_its_own() -> None:
    def bought(sell: float) -> Any:
        scenario = Scenario("two", {"b": Battery()}, {"t": Tariff("price_per_mwh", sell, parties=("b",))})
        return gym.make("energy_gym/Scenario-v1", scenario=scenario, dataset="ercot-2021-2022")

    env = energy_gym.jax.make(bought(0.0))
    with pytest.raises(ConfigurationError, match="zero at every step of one is not zero in the other"):
        env.params_of(bought(20.0))


def test_rates_limits_and_loads_are_parameters() -> None:
    def site(rate: float, scale: float) -> Any:
        contracts = {
            "spot": Spot(parties=("b", "load")),
            "peak": DemandCharge((DemandWindow("all", rate),), parties=("b", "load")),
        }
        scenario = Scenario("site", {"b": Battery(), "load": Consumer(scale=scale)}, contracts)
        return gym.make("energy_gym/Scenario-v1", scenario=scenario, dataset="california-homes-2016", control="meter")

    env = energy_gym.jax.make(site(2.0, 1.0))
    other = site(7.0, 3.0)
    params = env.params_of(other)
    observation, state = env.start(30, 12, params)
    seen, _ = other.reset(options={"start": other.unwrapped.setup.time(30), "steps": 12})
    np.testing.assert_allclose(observation, seen, rtol=1e-6, atol=1e-6)
    step = jax.jit(env.step_env)
    for wish in np.linspace(-1.0, 1.0, 12):
        observation, state, reward, _, _ = step(None, state, wish, params)
        seen, gain, *_ = other.step(np.array([wish]))
        np.testing.assert_allclose(observation, seen, rtol=1e-5, atol=1e-5)
        assert float(reward) == pytest.approx(gain, rel=1e-5, abs=1e-4)


@pytest.mark.usefixtures("_wide")
@pytest.mark.parametrize("name", ["Arbitrage", "HomeSolar", "Commercial"])
def test_gradients_are_finite_and_those_of_torch(name: str) -> None:
    torch = pytest.importorskip("torch")
    from dataclasses import replace

    from energy_gym.backends import tensors
    from energy_gym.dynamics import Course, play, total
    from energy_gym.envs.rollout import Rollout

    env = energy_gym.jax.make(f"energy_gym/{name}-v1", dtype="float64")
    setup, steps, first = env.setup, 30, 50
    shares = np.random.default_rng(0).uniform(-1.0, 1.0, steps)
    battery = next(iter(setup.stores.values()))

    def earned(wishes: Any, sizes: Any) -> Any:
        params = env.with_battery(env.default_params, capacity_kwh=sizes[0], charge_kw=sizes[1])
        _, state = env.start(first, steps, params)
        return jax.lax.scan(lambda now, wish: env.play(now, wish, params)[:2], state, wishes)[1].sum()

    sizes = [battery.capacity_kwh, battery.charge_kw]
    value, (by_wish, by_size) = jax.value_and_grad(earned, (0, 1))(jnp.asarray(shares), jnp.asarray(sizes))

    wishes = torch.tensor(shares)[None, :, None].requires_grad_()
    returns = Rollout(setup)(torch.tensor([first]), wishes).returns.sum()
    returns.backward()
    assert float(value) == pytest.approx(returns.item(), rel=1e-9)
    assert np.isfinite(by_wish).all()
    np.testing.assert_allclose(by_wish, wishes.grad[0, :, 0], rtol=1e-8, atol=1e-12)

    capacity, charge = (torch.tensor(size, dtype=torch.float64, requires_grad=True) for size in sizes)
    unit, own = setup.units[0], setup.units[0].flexibles[0]
    sized = with_figures(battery, capacity_kwh=capacity, charge_kw=charge).flexible(own.name, unit.hours, {})
    changed = replace(own, cell=sized.cell, initial=sized.initial, draw_kwh=sized.draw_kwh, give_kwh=sized.give_kwh)
    course = Course((replace(unit, flexibles=(changed, *unit.flexibles[1:])),), setup.closings, setup.weights)
    states = [torch.as_tensor(state, dtype=torch.float64) for state in (sized.initial, *setup.initial[1:])]
    asked = [(torch.tensor(share),) for share in shares]
    total(play(course, states, asked, setup.signals[first : first + steps], tensors())).backward()
    assert np.isfinite(by_size).all()
    np.testing.assert_allclose(by_size, [capacity.grad.item(), charge.grad.item()], rtol=1e-8)


def test_what_is_no_source_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="must be an id, a Scenario"):
        energy_gym.jax.make(3)
    with pytest.raises(ConfigurationError, match=r"keywords horizon: belong to an id; pass them to gym\.make"):
        energy_gym.jax.make(gym.make(ARBITRAGE), horizon=3)
    with pytest.raises(
        ConfigurationError, match=r"RescaleAction: changes actions, and pure functions .* env\.unwrapped"
    ):
        energy_gym.jax.make(gym.wrappers.RescaleAction(gym.make(ARBITRAGE), np.float32(0.0), np.float32(1.0)))


def test_a_level_that_does_not_exist_is_the_nearest_that_does(env: Any) -> None:
    _, state = env.start(0, 4)
    step = jax.jit(lambda action: env.step_env(None, state, action, env.default_params)[4]["grid_kw"])
    found = [round(float(step(action)), 3) for action in (-7, -1, 0, 1, 2, 3)]
    assert found == [-3.8, -3.8, -3.8, 0.0, 4.211, 4.211]


def test_actions_of_another_type_or_shape_are_refused(env: Any) -> None:
    _, state = env.start(0, 4)
    for action, why in ((1.0, "whole numbers"), (True, "whole numbers"), (jnp.array([0, 1]), "must be 1 numbers")):
        with pytest.raises(ActionError, match=why):
            env.step_env(None, state, action, env.default_params)
    whole = energy_gym.jax.make(ARBITRAGE)
    with pytest.raises(ActionError, match=r"shape \(2,\): must be 1 numbers"):
        whole.step_env(None, whole.start(0, 4)[1], jnp.zeros(2), whole.default_params)


def test_figures_that_no_battery_has_are_refused_where_they_are_known(env: Any) -> None:
    params = env.default_params
    for figures, error in (
        ({"capacity_kwh": -5.0}, NonPositiveError),
        ({"capacity_kwh": float("nan")}, ConfigurationError),
        ({"capacity_kwh": "5"}, ConfigurationError),
        ({"efficiency_charge": 95}, EfficiencyError),
        ({"soc_min": jnp.array(0.9), "soc_max": 0.1}, ConfigurationError),
    ):
        with pytest.raises(error):
            env.with_battery(params, **figures)
    with pytest.raises(ConfigurationError, match=r"shape \(2,\): must be one number; jax\.vmap"):
        env.with_battery(params, capacity_kwh=np.array([5.0, 10.0]))
    sized = jax.vmap(lambda size: env.with_battery(params, capacity_kwh=size).initial[0])
    assert sized(jnp.array([5.0, 10.0])).tolist() == [2.5, 5.0]


def test_a_type_that_is_not_enabled_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r'is not enabled in JAX; call jax\.config\.update\("jax_enable_x64"'):
        energy_gym.jax.make(ARBITRAGE, dtype="float64")
    with pytest.raises(ConfigurationError, match="must be one of float32, float64"):
        energy_gym.jax.make(ARBITRAGE, dtype="int8")
    for dtype in ("single precision", None):
        with pytest.raises(ConfigurationError, match="must be one of float32, float64"):
            energy_gym.jax.make(ARBITRAGE, dtype=dtype)


def test_other_batteries_are_asked_for_by_name_and_figure(env: Any) -> None:
    with pytest.raises(UnknownIdError, match="capacity_kwh"):
        env.with_battery(env.default_params, capacity=3.0)
    with pytest.raises(UnknownIdError, match="battery"):
        env.with_battery(env.default_params, "cellar", capacity_kwh=3.0)
    held = Scenario("held", objective=Objective(terminal="cyclic"))
    returning = energy_gym.jax.make(held, dataset="ercot-2021-2022")
    with pytest.raises(ConfigurationError, match="constants of a compiled program"):
        returning.with_battery(returning.default_params, capacity_kwh=3.0)


@dataclass(frozen=True)
class Oven(Entity):
    """An entity of a third party whose law asks its numbers a question."""

    kind = "oven"

    def flexible(self, name: str, hours: float, values: Any) -> Flexible:
        def settle(state: Any, wish: Any, cell: Any, xp: Any, signal: Any = None) -> Any:
            return (wish, 0.0, 0.0) if wish > 0.0 else (0.0, 0.0, 0.0)

        laws = Laws(settle, lambda state, *_: state, lambda *_: 0.0, lambda *_: None)
        return Flexible(name, laws, (1.0,), 0.0, (0.0, 1.0), 1.0, 0.0)


def test_a_law_that_cannot_be_compiled_is_named_with_the_page_to_read() -> None:
    scenario = Scenario("bakery", {"oven": Oven()}, {"spot": Spot(parties=("oven",))})
    made = gym.make("energy_gym/Scenario-v1", scenario=scenario, dataset="ercot-2021-2022")
    with pytest.raises(ConfigurationError, match=r"'oven'.*cannot be compiled.*A new kind of entity.*scenarios\.md"):
        energy_gym.jax.make(made)


def test_several_levels_are_stepped_though_gymnax_has_no_space_for_them() -> None:
    batteries = {name: Battery() for name in ("a", "b")}
    scenario = Scenario("two", batteries, {"spot": Spot(parties=("a", "b"))})
    env = energy_gym.jax.make(scenario, dataset="ercot-2021-2022", actions="discrete-3")
    _, state = env.start(0, 4)
    _, state, *_ = env.step(jax.random.key(0), state, jnp.array([2, 0]))
    assert [round(float(energy), 4) for energy in state.states] == [9.0, 1.0]
    with pytest.raises(ConfigurationError, match="a space that gymnax does not have"):
        env.action_space(env.default_params)


def test_without_jax_the_install_line_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    setup = gym.make(ARBITRAGE).unwrapped.setup
    for name in [name for name in sys.modules if name.partition(".")[0] == "jax"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "jax", None)
    with pytest.raises(MissingExtraError, match=r"jax: is not installed; run: pip install .*\[jax\]"):
        energy_gym.jax.make(setup)


def test_nothing_imports_jax_before_it_is_asked_for() -> None:
    code = (
        "import sys, energy_gym, energy_gym.jax, energy_gym.agents, energy_gym.evaluation\n"
        "energy_gym.make_vec('energy_gym/Arbitrage-v1', 2).reset(seed=1)\n"
        "print(*{name.partition('.')[0] for name in sys.modules})"
    )
    environment = {"PYTHONPATH": str(Path(energy_gym.__file__).parents[1]), "PATH": ""}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True, timeout=120
    )
    assert not {"jax", "gymnax", "rejax", "flax"} & set(done.stdout.split())
