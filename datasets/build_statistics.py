"""Write the statistics of the training split into the data cards.

Usage:
    python datasets/build_statistics.py [ID ...]

Replaces the last section of each card, ``statistics``. The fetched sets are read as ``load`` reads them, from the
folder that ENERGY_GYM_DATA names or from the network.
"""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from energy_gym.data.card_files import parse_card
from energy_gym.data.cards import Statistics, card_ids
from energy_gym.data.fetching import fetch_card
from energy_gym.data.loading import assemble
from energy_gym.data.readers.table import parse

FOLDER = Path(__file__).parent


def figures(series: pd.Series) -> dict[str, float]:
    """Return mean, offset (median) and scale (half the 5 % to 95 % range, 1 where that is 0), six digits each."""
    return {name: float(f"{value:.6g}") for name, value in asdict(Statistics.of(series)).items()}


def statistics(dataset_id: str, content: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Return the figures of every column of a set, whatever statistics its card holds now."""
    placeholder = {"mean": 0.0, "offset": 0.0, "scale": 1.0}
    card = parse_card(dataset_id, content | {"statistics": dict.fromkeys(content["columns"], placeholder)})
    dataset = assemble(card, parse(card, fetch_card(card)))
    first, stop = dataset.bounds("train")
    return {name: figures(series) for name, series in dataset.frame.iloc[first:stop].items()}


def main(ids: list[str]) -> None:
    """Rewrite the statistics section of each card."""
    for dataset_id in ids or card_ids():
        path = FOLDER / f"{dataset_id}.yaml"
        text = path.read_text(encoding="utf-8")
        head = text[: text.index("\nstatistics:")]
        lines = [
            f"  {name}: {{mean: {f['mean']}, offset: {f['offset']}, scale: {f['scale']}}}"
            for name, f in statistics(dataset_id, yaml.safe_load(text)).items()
        ]
        path.write_text("\n".join([head, "statistics:", *lines, ""]), encoding="utf-8")
        print(dataset_id)


if __name__ == "__main__":
    main(sys.argv[1:])
