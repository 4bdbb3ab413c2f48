"""How ``datasets/laws`` was made: chains of New York's real-time prices by hour, 2017 and 2018, 16 states a zone.

    python datasets/build_laws.py   # reads the folder nyiso-rt of ENERGY_GYM_DATA

One rule: only counts and means leave this file; no price of the operator's is in what it writes.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from scipy.io import loadmat

from energy_gym.data.price_law import PriceLaw

ZONES = {"NYC": "nyc", "LONGIL": "longil", "NORTH": "north", "WEST": "west"}
STATES, STEPS, DAYS_OF_2019, DAYS = 16, 288, 365, 730


def main() -> None:
    """Write a law for each zone."""
    source, target = Path(os.environ["ENERGY_GYM_DATA"]) / "nyiso-rt", Path(__file__).parent / "laws"
    for zone, name in ZONES.items():
        table = loadmat(source / f"RTP_{zone}_2010_2019.mat")["RTP"].T[-DAYS_OF_2019 - DAYS : -DAYS_OF_2019]
        hours = np.tile(np.repeat(np.arange(24), STEPS // 24), DAYS)
        law = PriceLaw.fit(f"markov-{name}-rt", table.ravel().astype(float), hours, STATES, 1440 // STEPS)
        np.savez_compressed(
            target / f"{law.name}.npz", levels=np.round(law.levels, 4), matrices=law.matrices.astype(np.float32)
        )


if __name__ == "__main__":
    main()
