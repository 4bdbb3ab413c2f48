"""A contract that nobody in an environment turns into money is refused, and so is a rollout of what it cannot play."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import gymnasium as gym
import pandas as pd
import pytest

import energy_gym
from energy_gym import Battery, Scenario
from energy_gym.contracts import Contract, DemandCharge, DemandWindow, Spot, Supply, Tariff, Trading
from energy_gym.entities import Consumer, Wind
from energy_gym.envs.rollout import Rollout
from energy_gym.errors import ConfigurationError
from energy_gym.scenarios.registration import SCENARIOS

ENTITIES = {"wind": Wind(), "battery": Battery(), "consumer": Consumer()}
DEMAND = DemandCharge((DemandWindow("any", 5.0),))


@dataclass(frozen=True, slots=True)
class Promise(Contract):
    """A third party's contract with no law."""

    kind: ClassVar[str] = "promise"
    parties: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Claimed(Promise):
    """One that says a meter settles it, and has no law either."""

    settled_by: ClassVar[str] = "meter"


@pytest.fixture
def frame() -> pd.DataFrame:
    index = pd.date_range("2024-06-01", periods=72, freq="h", tz="Europe/Copenhagen")
    columns = {"price": 50.0, "balancing_up": 90.0, "balancing_down": 10.0}
    prices = {f"{name}_per_mwh": value for name, value in columns.items()}
    return pd.DataFrame({**prices, "load_kw": 6000.0, "wind_kw": 4000.0}, index=index)


@pytest.mark.parametrize(
    ("contracts", "named"),
    [
        ({"tariff": Tariff(), "supply": Supply()}, r"contracts\.supply \(kind 'supply'\): is settled by the producer"),
        ({"trading": Trading()}, r"contracts\.trading \(kind 'trading'\): is settled by a producer"),
        ({"trading": Trading(), "supply": Supply()}, r"contracts\.trading .*: is settled by a producer"),
        ({"spot": Spot(), "promise": Promise()}, r"contracts\.promise \(kind 'promise'\): is settled by nobody"),
    ],
)
@pytest.mark.parametrize("make", [gym.make, energy_gym.make_vec])
def test_a_site_refuses_what_its_meter_does_not_settle(make, contracts, named, frame):
    with pytest.raises(ConfigurationError, match=named):
        make("energy_gym/Microgrid-v1", scenario=Scenario("x", ENTITIES, contracts), data=frame)


def test_a_contract_without_a_law_is_no_part_of_a_meter():
    with pytest.raises(ConfigurationError, match=r"contracts\.claimed .*: .* no law that a meter knows"):
        Scenario("x", ENTITIES, {"spot": Spot(), "claimed": Claimed()})


@pytest.mark.parametrize("more", [{"demand": DEMAND}, {"promise": Promise()}])
def test_a_producer_refuses_what_it_does_not_settle(more, frame):
    contracts = {"trading": Trading(), "supply": Supply(), **more}
    with pytest.raises(ConfigurationError, match=rf"contracts\.{next(iter(more))} \(kind .*\): is settled"):
        gym.make("energy_gym/Bidding-v1", scenario=Scenario("x", ENTITIES, contracts), data=frame)


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_a_rollout_plays_an_id_or_says_why_not(name):
    torch = pytest.importorskip("torch")
    env = gym.make(name, episode_steps=12)
    if env.unwrapped.setup.undifferentiable is not None:
        with pytest.raises(ConfigurationError, match="bids count at gate closures"):
            Rollout(env)
        return
    rollout = Rollout(env)
    wishes = torch.linspace(-1.0, 1.0, 12 * rollout.controls, dtype=torch.float64).reshape(1, 12, rollout.controls)
    env.reset(options={"start": env.unwrapped.setup.time(48).isoformat()})
    earned = [env.step(wish)[1] for wish in wishes[0].numpy()]
    assert rollout(torch.tensor([48]), wishes).rewards[0].tolist() == earned


def test_a_rollout_refuses_a_solver_in_the_step():
    pytest.importorskip("torch")
    with pytest.raises(ConfigurationError, match="has no gradient"):
        Rollout(gym.make("energy_gym/FleetReserve-v1", dispatch="optimal"))
