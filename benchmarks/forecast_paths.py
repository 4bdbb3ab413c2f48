"""How good paths of what may come are, on the test splits of four data sets: a section of ``benchmarks/FORECASTS.md``.

Run ``python benchmarks/forecast_paths.py`` (``--help`` lists its options). Each maker on each data set is judged and
kept in a folder; a call that was interrupted goes on there.

One rule: makers learn on the training split alone, with the settings they have by name; nothing in the section is
worked out from anything but what is kept.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from forecasts_page import HEADING, put_section

import energy_gym
from energy_gym.evaluation.paths_value import judged_paths
from energy_gym.forecast import scenario_ids
from energy_gym.leaderboard.runs import read_record, write_json

HERE = Path(__file__).resolve().parent
MIRROR = HERE.parents[1] / "shared" / "data"
SETS = {"ercot": 24, "nyiso-nyc": 24, "commercial": 96, "california-homes-2016": 24}
COLUMNS = {
    "ercot": ("price_per_mwh", "carbon_g_per_kwh"),
    "nyiso-nyc": ("price_per_mwh",),
    "commercial": ("load_kw", "pv_kw"),
    "california-homes-2016": ("home_01_load_kw", "home_01_pv_kw"),
}
SPLIT, PATHS = "test", 50
KEPT = {"dataset", "maker", "horizon", "energy", "origins", "columns", "version"}
TEXT = """
Paths of the next day, 50 at each of about 300 steps of the test split, by makers that learnt on the training split
alone, over what was not known when they were made. CRPS is the mean continuous ranked probability score in the unit of
the column (of a single path it is the absolute error), MAE that of the median of the paths. Then follow the share of
values within the bands that are to hold 50, 80 and 95 %, the shares in the lowest and the highest tenth of the paths
(PIT; 10 % each where paths are right), and the energy score of whole paths of all columns of a data set together, in
units of their scales. Of CRPS and energy score, lower is better.
"""


def play(dataset: str, maker: str) -> dict[str, Any]:
    """Judge a maker; return what is kept of it."""
    found = next(iter(judged_paths(dataset, SPLIT, (maker,), COLUMNS[dataset], SETS[dataset], PATHS)))
    return {
        "dataset": dataset,
        "maker": maker,
        "horizon": SETS[dataset],
        "energy": found.scored.energy,
        "origins": found.scored.origins,
        "columns": {name: asdict(quality) for name, quality in found.scored.columns.items()},
        "version": energy_gym.__version__,
    }


def section(rows: Sequence[dict[str, Any]]) -> str:
    """Return the section that shows what is kept, with the command that makes it."""
    sets, makers = ([*dict.fromkeys(row[name] for row in rows)] for name in ("dataset", "maker"))
    options = f" --sets {' '.join(sets)}" if set(sets) != set(SETS) else ""
    options += f" --makers {' '.join(makers)}" if set(makers) != set(scenario_ids()) else ""
    head = "| series | paths | CRPS | MAE | in 50 % | in 80 % | in 95 % | lowest tenth | highest tenth | energy score |"
    lines = [HEADING, "", f"Made with `python benchmarks/forecast_paths.py{options}`.", TEXT, head]
    lines.append("| --- | --- |" + " ---: |" * 8)
    names = {(row["dataset"], name): None for row in rows for name in row["columns"]}
    for dataset, name in names:
        for row in (row for row in rows if row["dataset"] == dataset and name in row["columns"]):
            found = row["columns"][name]
            shares = (f"{share:.0%}" for share in (*found["coverage"], found["pit"][0], found["pit"][-1]))
            told = [f"{dataset}, {name}", row["maker"], f"{found['crps']:.3f}", f"{found['mae']:.3f}", *shares]
            lines.append("| " + " | ".join([*told, f"{row['energy']:.3f}"]) + " |")
    return "\n".join(lines) + "\n"


def main(words: Sequence[str] | None = None) -> None:
    """Judge what is missing and write the section."""
    asked = _parser().parse_args(words)
    if "ENERGY_GYM_DATA" not in os.environ and MIRROR.is_dir():
        os.environ["ENERGY_GYM_DATA"] = str(MIRROR)
    rows = []
    for dataset in asked.sets:
        for maker in asked.makers:
            path = asked.out / "paths" / f"{dataset}-{maker}.json"
            row = read_record(path, KEPT)
            if row is None or row["version"] != energy_gym.__version__:
                row = play(dataset, maker)
                write_json(path, row)
                print(f"{path.stem}: energy score {row['energy']:.3f}", flush=True)
            rows.append(row)
    page: Path = asked.page
    page.write_text(put_section(page.read_text(encoding="utf-8"), section(rows)), encoding="utf-8")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Paths of what may come on the test splits of four data sets.")
    parser.add_argument("--out", type=Path, default=Path("results") / "forecasts", help="folder of what is kept")
    parser.add_argument("--page", type=Path, default=HERE / "FORECASTS.md", help="the page that has the section")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS), help="by default all")
    parser.add_argument(
        "--makers", nargs="+", choices=scenario_ids(), default=list(scenario_ids()), help="by default all"
    )
    return parser


if __name__ == "__main__":
    main()
