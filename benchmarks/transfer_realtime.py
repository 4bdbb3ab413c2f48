"""The matrix of `transfer.py` at a running price of 5 minutes: New York's zones, and two of Australia's as targets.

A network is cloned on a zone from `sdp`, which learnt the zone's errors from three years; in another zone it goes on
from hindsight, the optimum of the last local days: `sdp` cannot be fitted to three days, and what was best on days
that are over everybody can work out. Prices are all that is observed, for Australia's have no day-ahead price beside
them; a forecast is the mean by hour, and scales are those of the last 30 days before the test (of 8 in Australia).

One rule: the store, the actions and the slots observed are the same everywhere, or no network could be moved.
"""

from __future__ import annotations

import os
from functools import cache
from typing import Any

import gymnasium as gym
import pandas as pd
from realtime import YEAR, ZONES, prices

import energy_gym
from energy_gym import Battery
from energy_gym.agents.actor import Actor
from energy_gym.agents.cloning import BC
from energy_gym.agents.records.experts import record_expert

AUSTRALIA = {"NSW": "nem-nsw1", "QLD": "nem-qld1"}
FIRST, BEGIN, END = 2016, f"{YEAR}-01-01", f"{YEAR + 1}-01-01"
AUSTRALIA_BEGIN, AUSTRALIA_END = "2025-12-28", "2026-01-04"
SCALED_DAYS = {**dict.fromkeys(ZONES, 30), **dict.fromkeys(AUSTRALIA, 8)}
WEEK, DAY, WEEKS = 2016, 288, 16
NOISE = 0.3
STORE = Battery(1000.0, 500.0, 500.0, 0.9, 0.9, soc_min=0.0, soc_max=1.0, wear_per_kwh=0.01)
