"""The ids and where their classes live; one list, read by Gymnasium, the command line and the tests.

One rule: registering imports no class, and Gymnasium only when called: Gymnasium calls it while being imported itself,
and importing this package first makes Gymnasium do so.
"""

from __future__ import annotations

SCENARIOS = {
    "energy_gym/Arbitrage-v0": ("energy_gym.scenarios.arbitrage", "ArbitrageEnv", "ArbitrageVectorEnv"),
    "energy_gym/Commercial-v0": ("energy_gym.scenarios.commercial", "CommercialEnv", "CommercialVectorEnv"),
    "energy_gym/HomeSolar-v0": ("energy_gym.scenarios.home_solar", "HomeSolarEnv", "HomeSolarVectorEnv"),
    "energy_gym/Microgrid-v0": ("energy_gym.scenarios.microgrid", "MicrogridEnv", "MicrogridVectorEnv"),
    "energy_gym/Scenario-v0": ("energy_gym.scenarios.composed", "ScenarioEnv", "ScenarioVectorEnv"),
    "energy_gym/FleetReserve-v0": ("energy_gym.scenarios.fleet_reserve", "FleetReserveEnv", "FleetReserveVectorEnv"),
    "energy_gym/Bidding-v0": ("energy_gym.scenarios.bidding", "BiddingEnv", "BiddingVectorEnv"),
}


def register_envs() -> None:
    """Register every id of the suite with Gymnasium; calling it again changes nothing."""
    from gymnasium.envs.registration import register, registry

    for name, (module, single, batch) in SCENARIOS.items():
        if name not in registry:
            # An environment checks actions and the order of calls itself: two wrappers less, a fifth faster.
            register(
                id=name,
                entry_point=f"{module}:{single}",
                vector_entry_point=f"{module}:{batch}",
                order_enforce=False,
                disable_env_checker=True,
            )
