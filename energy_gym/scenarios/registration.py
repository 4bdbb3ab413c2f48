"""The ids and where their classes live, as the files of this folder state them.

One rule: a file here whose docstring begins with an id, such as ``energy_gym/Arbitrage-v1``, registers it; its classes
are named after the id, ``ArbitrageEnv`` and ``ArbitrageVectorEnv``. Registering imports no class, and Gymnasium only
when called: Gymnasium calls it while being imported itself, and importing this package first makes Gymnasium do so.

The name of an earlier version makes the present one, and Gymnasium says that it is out of date: what an id returns is
what its newest version returns, and the docstring of the class tells what changed with each.
"""

from __future__ import annotations

import re
from pathlib import Path

_ID = re.compile(r'"""``(energy_gym/(\w+)-v\d+)``')


def classes_of(name: str, module: str) -> tuple[str, str, str]:
    """Return the module, the class of the single environment and the class of batches of an id.

    Example:
        >>> classes_of("bakery/Bakery-v0", "bakery")
        ('bakery', 'BakeryEnv', 'BakeryVectorEnv')
    """
    word = name.rpartition("/")[2].rpartition("-v")[0]
    return module, f"{word}Env", f"{word}VectorEnv"


def _found() -> dict[str, tuple[str, str, str]]:
    """Return what the files of this folder register, by id."""
    entries = {}
    for path in sorted(Path(__file__).parent.glob("*.py")):
        with path.open(encoding="utf-8") as file:
            declared = _ID.match(file.readline())
        if declared:
            entries[declared[1]] = classes_of(declared[1], f"energy_gym.scenarios.{path.stem}")
    return dict(sorted(entries.items()))


def earlier_ids(name: str) -> list[str]:
    """Return the names that an id had in its earlier versions, oldest first.

    Example:
        >>> earlier_ids("bakery/Bakery-v2")
        ['bakery/Bakery-v0', 'bakery/Bakery-v1']
    """
    word, _, version = name.rpartition("-v")
    return [f"{word}-v{number}" for number in range(int(version))]


SCENARIOS = _found()

_CURRENT = {earlier: name for name in SCENARIOS for earlier in earlier_ids(name)}


def current_id(name: str) -> str:
    """Return the id that a name makes: the newest version of an id of this suite; any other name as it is.

    Example:
        >>> current_id("energy_gym/Arbitrage-v0"), current_id("bakery/Bakery-v0")
        ('energy_gym/Arbitrage-v1', 'bakery/Bakery-v0')
    """
    return _CURRENT.get(name, name)


# What bids in markets has keywords, columns and actions of its own in place of a scenario.
MARKETS = ("energy_gym/Bidding-v1", "energy_gym/FleetReserve-v1")


def register_envs() -> None:
    """Register every id of the suite with Gymnasium, and its earlier names; calling it again changes nothing."""
    for name, (module, _, _) in SCENARIOS.items():
        for each in (*earlier_ids(name), name):
            register_id(each, module)


def register_id(name: str, module: str) -> None:
    """Register an id whose classes are named after it in a module; one that is registered already stays as it is.

    Example:
        >>> register_id("energy_gym/Arbitrage-v1", "energy_gym.scenarios.arbitrage")
    """
    from gymnasium.envs.registration import register, registry

    module, single, batch = classes_of(name, module)
    if name not in registry:
        # An environment checks actions and the order of calls itself: two wrappers less, a fifth faster.
        register(
            id=name,
            entry_point=f"{module}:{single}",
            vector_entry_point=f"{module}:{batch}",
            order_enforce=False,
            disable_env_checker=True,
        )
