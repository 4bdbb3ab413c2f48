"""Entries to the leaderboard from outside: played in a process of their own, checked, signed and shown."""

from energy_gym.entries.folder import Entry
from energy_gym.entries.process import Limits
from energy_gym.entries.site import write_site
from energy_gym.entries.submission import check, submit

__all__ = ["Entry", "Limits", "check", "submit", "write_site"]
