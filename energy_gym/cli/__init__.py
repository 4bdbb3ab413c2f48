"""The command line, ``energy-gym``: a file for each command or group of commands, and ``app`` that joins them."""

from energy_gym.cli.app import main

__all__ = ["main"]
