"""The ids and where their classes live; one list, read by Gymnasium, the command line and the tests.

One rule: registering imports no class, so that it may run while Gymnasium itself is still being imported.
"""

from __future__ import annotations

from gymnasium.envs.registration import register, registry

SCENARIOS = {
    "energy_gym/Arbitrage-v0": ("energy_gym.scenarios.arbitrage", "ArbitrageEnv", "ArbitrageVectorEnv"),
}


def register_envs() -> None:
    """Register every id of the suite with Gymnasium; calling it again changes nothing."""
    for name, (module, single, batch) in SCENARIOS.items():
        if name not in registry:
            register(id=name, entry_point=f"{module}:{single}", vector_entry_point=f"{module}:{batch}")
