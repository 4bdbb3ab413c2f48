"""``energy_gym/Scenario-v1``: any composition of the known entities and contracts."""

from __future__ import annotations

from typing import Any

from energy_gym.envs.env import EnergyEnv
from energy_gym.envs.setup import Setup
from energy_gym.envs.vector_env import EnergyVectorEnv
from energy_gym.scenario import Scenario
from energy_gym.scenarios import microgrid
from energy_gym.scenarios.composition import kinds_of, make_composition


def complete(keywords: dict[str, Any]) -> dict[str, Any]:
    """Return the keywords; where no scenario is among them, those of the microgrid, as an example."""
    given = keywords.get("scenario")
    if given is None or kinds_of(Scenario.read(given)) == {"meter"}:
        return microgrid.complete(keywords)
    return keywords


class ScenarioEnv(EnergyEnv):
    """A scenario of your own, as an object or as the path of a YAML file.

    **Kinds.** What is decided follows from who settles the contracts: the meter of a site, a producer that bids (as
    ``energy_gym/Bidding-v1``), or a fleet that sells reserves (as ``energy_gym/FleetReserve-v1``); all that is said of
    these ids holds for such a scenario. Sites with meters and fleets may stand beside each other, each with entities of
    its own; a producer is refused beside others, and so are contracts of one set of parties that two kinds settle.

    **Decision.** One share of rated power in [-1, 1] for each controlled entity, in the order of the scenario: a Box of
    shape (controls,), or with ``actions="discrete-N"`` a Discrete space (one control) or a MultiDiscrete one. Beside
    sites, the bids of fleets come last. With ``control="meter"`` the share of each battery names a power at its meter,
    as in ``energy_gym/Microgrid-v1``; several at one meter follow it one by one, and all others stay what they are.
    Fleets and a producer have no such control: their bids are for markets.

    **Observation.** A flat float32 Box: the states of the controlled entities, the running maxima of demand windows,
    the clock, then ``horizon`` forecast values of every series that the reward depends on.

    **Reward.** As the scenario's objective says: minus the money spent, kg CO2 avoided, or both. What independent
    decision units earn adds up; demand charges are paid as a running maximum rises.

    **Episode.** As the scenario's clock says, by default a week from a random start of the split; closed as its
    objective says.

    **Data.** By default the microgrid's, as an example of a scenario; your own wants data that fit it.

    **Keywords.** As for ``energy_gym/Arbitrage-v1``, or for the id of the scenario's kind; beside sites, fleets take
    ``dispatch`` and ``activation_seed``, and sites take ``control``. ``scenario`` and ``dataset`` (or ``data``) are
    yours, by default those of ``energy_gym/Microgrid-v1``. ``docs/scenarios.md`` shows how to compose a scenario and
    how to add a kind of entity.

    **Versions.** v1: of a frame given as ``data=``, what is known when, how observations are scaled and which split is
    played, as of ``energy_gym/Arbitrage-v1``; standby losses compound. v0: first version; its name makes v1.

    Example:
        >>> import gymnasium as gym
        >>> from energy_gym.scenarios.microgrid import microgrid
        >>> env = gym.make("energy_gym/Scenario-v1", scenario=microgrid(), dataset="california-homes-2016")
        >>> env.action_space.shape, env.observation_space.shape
        ((1,), (79,))
    """

    complete = staticmethod(complete)

    @classmethod
    def batch_class(cls) -> type[EnergyVectorEnv]:
        """See `EnergyEnv.batch_class`."""
        return ScenarioVectorEnv

    def _make_setup(self, **keywords: Any) -> Setup:
        return make_composition(**keywords)


class ScenarioVectorEnv(EnergyVectorEnv):
    """A batch of `ScenarioEnv`."""

    complete = staticmethod(complete)

    def _make_setup(self, **keywords: Any) -> Setup:
        return make_composition(**keywords)
