"""Traced operations as machine code: one loop over environments, on as many cores as pay."""

from energy_gym.machine.compiled import Compiled, installed
from energy_gym.machine.elements import Elements
from energy_gym.machine.sliding import Cut, cut
from energy_gym.machine.text import Laid, Rows

__all__ = ["Compiled", "Cut", "Elements", "Laid", "Rows", "cut", "installed"]
