"""energy_gym: energy decisions as Gymnasium environments, with a proven optimum for every episode.

One rule: importing this package registers the ids and loads nothing heavy; every public name is imported on first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from energy_gym.scenarios.registration import register_envs

if TYPE_CHECKING:
    from energy_gym.data import load, synthetic
    from energy_gym.entities import Battery
    from energy_gym.envs.compat import make_vec
    from energy_gym.errors import EnergyGymError
    from energy_gym.evaluate import Evaluation, evaluate
    from energy_gym.oracle import Solution, solve
    from energy_gym.scenario import Objective, Scenario

__version__ = "0.1.0"

_HOMES = {
    "Battery": "energy_gym.entities",
    "EnergyGymError": "energy_gym.errors",
    "Evaluation": "energy_gym.evaluate",
    "Objective": "energy_gym.scenario",
    "Scenario": "energy_gym.scenario",
    "Solution": "energy_gym.oracle",
    "evaluate": "energy_gym.evaluate",
    "load": "energy_gym.data",
    "make_vec": "energy_gym.envs.compat",
    "register_envs": "energy_gym.scenarios.registration",
    "solve": "energy_gym.oracle",
    "synthetic": "energy_gym.data",
}

__all__ = [
    "Battery",
    "EnergyGymError",
    "Evaluation",
    "Objective",
    "Scenario",
    "Solution",
    "__version__",
    "evaluate",
    "load",
    "make_vec",
    "register_envs",
    "solve",
    "synthetic",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)


register_envs()
