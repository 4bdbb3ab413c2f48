"""Write the statistics of the training split into the data cards.

Usage:
    python datasets/build_statistics.py [ID ...]

Replaces the last section of each card, ``statistics``. The fetched sets are read as ``load`` reads them, from the
folder that ENERGY_GYM_DATA names or from the network.
"""

from __future__ import annotations

import sys
from pathlib import Path

from energy_gym.data.catalogue import card_ids
from energy_gym.data.loading import training_figures

FOLDER = Path(__file__).parent


def main(ids: list[str]) -> None:
    """Rewrite the statistics section of each card."""
    for dataset_id in ids or card_ids():
        path = FOLDER / f"{dataset_id}.yaml"
        text = path.read_text(encoding="utf-8")
        head = text[: text.index("\nstatistics:")]
        lines = [
            f"  {name}: {{mean: {f.mean}, offset: {f.offset}, scale: {f.scale}}}"
            for name, f in training_figures(path, own=False).items()
        ]
        path.write_text("\n".join([head, "statistics:", *lines, ""]), encoding="utf-8")
        print(dataset_id)


if __name__ == "__main__":
    main(sys.argv[1:])
