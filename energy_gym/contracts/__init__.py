"""How energy becomes money and emissions."""

from energy_gym.contracts.agreement import PurchaseAgreement
from energy_gym.contracts.base import CONTRACTS, Contract, EnergyContract, register
from energy_gym.contracts.coincident import CoincidentPeakCharge
from energy_gym.contracts.demand import DemandCharge, DemandWindow
from energy_gym.contracts.emptied import EmptyAt
from energy_gym.contracts.fleet import EnergyValue
from energy_gym.contracts.ledger import Carried, Exchange, Ledger
from energy_gym.contracts.power_limit import PowerLimit
from energy_gym.contracts.ratchet import RatchetCharge
from energy_gym.contracts.reserve import Reserve
from energy_gym.contracts.spot import Spot
from energy_gym.contracts.supply import Supply
from energy_gym.contracts.tariff import Tariff
from energy_gym.contracts.tiers import TieredTariff
from energy_gym.contracts.time_of_use import Band, TimeOfUse
from energy_gym.contracts.trade import Trade
from energy_gym.contracts.trading import Trading
from energy_gym.contracts.transmission import TransmissionCharge

__all__ = [
    "CONTRACTS",
    "Band",
    "Carried",
    "CoincidentPeakCharge",
    "Contract",
    "DemandCharge",
    "DemandWindow",
    "EmptyAt",
    "EnergyContract",
    "EnergyValue",
    "Exchange",
    "Ledger",
    "PowerLimit",
    "PurchaseAgreement",
    "RatchetCharge",
    "Reserve",
    "Spot",
    "Supply",
    "Tariff",
    "TieredTariff",
    "TimeOfUse",
    "Trade",
    "Trading",
    "TransmissionCharge",
    "register",
]
