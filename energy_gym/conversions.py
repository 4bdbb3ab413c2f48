"""How many of one unit another is; its one rule: each is stated here alone."""

from __future__ import annotations

HOURS_PER_DAY = 24.0
HOURS_PER_YEAR = 8760.0
MINUTES_PER_DAY = 1440
MINUTES_PER_HOUR = 60
SECONDS_PER_DAY = 86400
SECONDS_PER_HOUR = 3600.0
SECONDS_PER_MINUTE = 60
KW_PER_MW = 1000.0
KWH_PER_MWH = 1000.0
DAYS = {"all": (0, 1, 2, 3, 4, 5, 6), "weekday": (0, 1, 2, 3, 4), "weekend": (5, 6)}
"""Weekdays by word, Monday 0."""
