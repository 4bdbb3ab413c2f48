"""How energy becomes money and emissions."""

from energy_gym.contracts.base import CONTRACTS, Contract, EnergyContract, register
from energy_gym.contracts.demand import DemandCharge, DemandWindow
from energy_gym.contracts.spot import Spot
from energy_gym.contracts.tariff import Tariff
from energy_gym.contracts.time_of_use import Band, TimeOfUse

__all__ = [
    "CONTRACTS",
    "Band",
    "Contract",
    "DemandCharge",
    "DemandWindow",
    "EnergyContract",
    "Spot",
    "Tariff",
    "TimeOfUse",
    "register",
]
