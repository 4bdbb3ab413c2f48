"""energy_gym: energy decisions as Gymnasium environments, with a proven optimum for every episode.

One rule: importing this package registers the ids and loads nothing heavy; every public name is imported on first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from energy_gym.scenarios.registration import register_envs
from energy_gym.version import __version__

if TYPE_CHECKING:
    from energy_gym.data import load
    from energy_gym.data.price_law import price_law
    from energy_gym.data.synthetic import generate as synthetic
    from energy_gym.entities import Battery
    from energy_gym.envs.compat import make_vec
    from energy_gym.errors import EnergyGymError
    from energy_gym.evaluation import Evaluation, evaluate
    from energy_gym.evaluation.attainable import attainable
    from energy_gym.evaluation.bracket import Attainable
    from energy_gym.evaluation.comparison import compare_methods
    from energy_gym.evaluation.kpis import kpis
    from energy_gym.evaluation.recommendation import recommend
    from energy_gym.evaluation.regret import decompose, step_regret
    from energy_gym.oracle import Solution, solve
    from energy_gym.scenario import Objective, Scenario


_HOMES = {
    "Attainable": "energy_gym.evaluation.bracket:Attainable",
    "Battery": "energy_gym.entities:Battery",
    "EnergyGymError": "energy_gym.errors:EnergyGymError",
    "Evaluation": "energy_gym.evaluation:Evaluation",
    "Objective": "energy_gym.scenario:Objective",
    "Scenario": "energy_gym.scenario:Scenario",
    "Solution": "energy_gym.oracle.solution:Solution",
    "attainable": "energy_gym.evaluation.attainable:attainable",
    "compare_methods": "energy_gym.evaluation.comparison:compare_methods",
    "decompose": "energy_gym.evaluation.regret:decompose",
    "evaluate": "energy_gym.evaluation:evaluate",
    "kpis": "energy_gym.evaluation.kpis:kpis",
    "load": "energy_gym.data:load",
    "make_vec": "energy_gym.envs.compat:make_vec",
    "price_law": "energy_gym.data.price_law:price_law",
    "recommend": "energy_gym.evaluation.recommendation:recommend",
    "solve": "energy_gym.oracle.solve:solve",
    "step_regret": "energy_gym.evaluation.regret:step_regret",
    "synthetic": "energy_gym.data.synthetic:generate",
}

__all__ = [
    "Attainable",
    "Battery",
    "EnergyGymError",
    "Evaluation",
    "Objective",
    "Scenario",
    "Solution",
    "__version__",
    "attainable",
    "compare_methods",
    "decompose",
    "evaluate",
    "kpis",
    "load",
    "make_vec",
    "price_law",
    "recommend",
    "register_envs",
    "solve",
    "step_regret",
    "synthetic",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, attribute = _HOMES[name].partition(":")
    value = getattr(importlib.import_module(module), attribute)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)


register_envs()
