"""What stores, makes, uses or carries energy: frozen parameters and the laws they obey."""

from energy_gym.entities.ageing import AgeingBattery
from energy_gym.entities.backup import Backup, BackupGenerator
from energy_gym.entities.base import ENTITIES, Entity, Flexible, Laws, Memory, Reach, register
from energy_gym.entities.battery import Battery, Cell
from energy_gym.entities.consumer import Consumer
from energy_gym.entities.fading import FadingBattery
from energy_gym.entities.grid import Grid
from energy_gym.entities.limited import LimitedBattery
from energy_gym.entities.pumped_hydro import PumpedHydro
from energy_gym.entities.schedule import PowerWindow
from energy_gym.entities.solar import Solar, Wind
from energy_gym.entities.target import StorageTarget
from energy_gym.entities.thermal import Nuclear, ThermalUnit
from energy_gym.entities.vehicle import ElectricVehicle
from energy_gym.entities.weather import RunOfRiver, SolarArray, WindTurbine

__all__ = [
    "ENTITIES",
    "AgeingBattery",
    "Backup",
    "BackupGenerator",
    "Battery",
    "Cell",
    "Consumer",
    "ElectricVehicle",
    "Entity",
    "FadingBattery",
    "Flexible",
    "Grid",
    "Laws",
    "LimitedBattery",
    "Memory",
    "Nuclear",
    "PowerWindow",
    "PumpedHydro",
    "Reach",
    "RunOfRiver",
    "Solar",
    "SolarArray",
    "StorageTarget",
    "ThermalUnit",
    "Wind",
    "WindTurbine",
    "register",
]
