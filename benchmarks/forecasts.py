"""What each forecast is off, and what it earns, on the test years of six markets: ``benchmarks/FORECASTS.md``.

Run ``python benchmarks/forecasts.py`` (``--help`` lists its options). Each forecast of each column is judged and kept
in a folder; a call that was interrupted goes on there. The page is written from what the folder holds.

One rule: forecasters learn on the training split alone, with the settings they have by name; nothing on the page is
worked out from anything but what is kept.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from forecasts_page import page, put_section, section_of

import energy_gym
from energy_gym.data.feed import CARBON, PRICE, open_feed
from energy_gym.evaluation.forecast_value import MARKETS_WITH_FORECASTS, judge, judged_columns, made
from energy_gym.forecast import Forecast, Noise, Yesterday
from energy_gym.forecast.accuracy import accuracy
from energy_gym.leaderboard.runs import read_record, write_json
from energy_gym.leaderboard.suites import Task

HERE = Path(__file__).resolve().parent
MIRROR = HERE.parents[1] / "shared" / "data"
MARKETS = ("ercot", "caiso", "nyiso", "de-lu", "epf-de", "epf-np")
ID, SPLIT = "energy_gym/Arbitrage-v1", "test"
BLIND = ("perfect", "noise", "yesterday", "mean", "lightgbm", "nbeats")
SEEING = ("published", "mean", "lightgbm", "nbeats")
BENCHMARK = "published-epf"
KEPT = {
    "dataset",
    "title",
    "column",
    "unit",
    "currency",
    "forecast",
    "published",
    "steps",
    "key",
    "seconds",
    "settings",
}
FIGURES = {"mae", "mae_unknown", "rmse", "rank_correlation", "score", "earned"}


@dataclass(frozen=True)
class Case:
    """One row of the page: a forecast of a column of a market, with prices known once published or not."""

    dataset: str
    column: str
    told: str
    forecast: Forecast
    published: bool

    def path(self, folder: Path) -> Path:
        """Return the file it is kept in."""
        rule = "published" if self.published else "hidden"
        return folder / "rows" / f"{self.dataset}-{self.column}-{rule}-{self.told.replace(' ', '-')}.json"

    def key(self, steps: int | None) -> str:
        """Return the hash of all that fixes its figures: data, settings and versions."""
        told = [_data_hash(self.dataset), self.column, settings(self.forecast), str(self.published), str(steps)]
        return hashlib.sha256("|".join([*told, energy_gym.__version__]).encode()).hexdigest()[:24]


def settings(forecast: Forecast) -> str:
    """Return the settings of a forecast in words, with the version of what it learns with."""
    own: Any = getattr(forecast, "settings", forecast.__repr__)
    return str(own())


def cases(dataset: str) -> Iterator[Case]:
    """Yield the rows of a market, those that take long last."""
    feed = open_feed(dataset, None, SPLIT)
    known = (BENCHMARK,) if dataset in MARKETS_WITH_FORECASTS else ()
    for column in judged_columns(feed):
        price = column == PRICE
        blocks = [(False, BLIND), (True, SEEING)] if price else [(False, BLIND)]
        for published, names in blocks:
            for name in (*names, *(known if price else ())):
                yield from (
                    Case(dataset, column, *pair, published) for pair in forecasts(name, feed, column, published)
                )


def forecasts(name: str, feed: Any, column: str, published: bool) -> list[tuple[str, Forecast]]:
    """Return the forecasts of a name; noise is given the mean absolute error that yesterday's values have."""
    if name == "noise":
        return [(name, Noise(mae=round(accuracy(Yesterday(), feed, column, published=False).mae, 3)))]
    return made(name, published)


def play(case: Case, steps: int | None) -> dict[str, Any]:
    """Judge a forecast; return what is kept of it."""
    began = time.perf_counter()
    found = judge(case.dataset, SPLIT, case.column, case.told, case.forecast, published=case.published, steps=steps)
    feed = open_feed(case.dataset, None, SPLIT)
    return {
        "dataset": case.dataset,
        "title": feed.title,
        "column": case.column,
        "unit": "gCO2/kWh" if case.column == CARBON else f"{feed.currency}/MWh",
        "currency": found.unit,
        "forecast": case.told,
        "published": case.published,
        "steps": feed.stop - feed.first if steps is None else steps,
        **asdict(found.accuracy),
        "score": found.score,
        "earned": found.earned,
        "settings": settings(case.forecast),
        "key": case.key(steps),
        "seconds": time.perf_counter() - began,
    }


def main(words: Sequence[str] | None = None) -> None:
    """Judge what is missing and write the page."""
    asked = _parser().parse_args(words)
    if "ENERGY_GYM_DATA" not in os.environ and MIRROR.is_dir():
        os.environ["ENERGY_GYM_DATA"] = str(MIRROR)
    rows = []
    for case in (case for dataset in asked.markets for case in cases(dataset)):
        if asked.forecasts and case.told.split()[0] not in asked.forecasts:
            continue
        path, key = case.path(asked.out), case.key(asked.steps)
        row = read_record(path, KEPT | FIGURES)
        if row is None or row["key"] != key:
            row = play(case, asked.steps)
            write_json(path, row)
            print(f"{path.stem}: MAE {row['mae']:.3f}, score {row['score']:.4f}, {row['seconds']:.0f} s", flush=True)
        rows.append(row)
    paths = section_of(asked.page.read_text(encoding="utf-8")) if asked.page.is_file() else ""
    asked.page.write_text(put_section(page(rows), paths), encoding="utf-8")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Forecasts on the test years of six markets.")
    parser.add_argument("--out", type=Path, default=Path("results") / "forecasts", help="folder of what is kept")
    parser.add_argument("--page", type=Path, default=HERE / "FORECASTS.md", help="where the page is written")
    parser.add_argument("--markets", nargs="+", choices=MARKETS, default=MARKETS, help="by default all")
    parser.add_argument("--forecasts", nargs="+", help="by default all that fit")
    parser.add_argument("--steps", type=int, help="steps that mpc plays, to try it out; by default all")
    return parser


_HASHES: dict[str, str] = {}


def _data_hash(dataset: str) -> str:
    if dataset not in _HASHES:
        _HASHES[dataset] = Task("forecasts", ID, {"dataset": dataset, "split": SPLIT}).hashes["data"]
    return _HASHES[dataset]


if __name__ == "__main__":
    main()
