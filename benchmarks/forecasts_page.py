"""The page of forecasts: errors and scores of all side by side, then a table for each series.

One rule: it shows the rows it is given; where a forecaster that learns is not below the rules, the page says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import energy_gym
from energy_gym.leaderboard.tables import fixed, grid

Row = Mapping[str, Any]
Rows = Sequence[Row]
Series = tuple[str, str, bool]
PRICE = "price_per_mwh"
LEARNT, RULES = ("lightgbm", "nbeats"), ("yesterday", "mean")
ORDER = ("perfect", "noise", "yesterday", "published", "mean", "lightgbm", "nbeats")
# Scores that differ by no more are the same.
SAME = 5e-5
INTRO = """\
Forecasts of the next 24 hours, made at every hour of the test split (2024; two years of the price-forecasting
benchmark, `epf-*`), by forecasters that learnt on the training split (2021 and 2022; three years) and by nothing else
since. mpc plans on each at every hour of the test split: 10 kWh, 5 kW, for money on the price, for carbon on the carbon
intensity. Its score is 0 for doing nothing and 1 for perfect foresight of the whole split; `perfect` shows what a
look-ahead of 24 hours leaves of it.

- **hidden**: every price counts as unknown until its hour is over, as in the EnCortex paper. Carbon intensity is so in
  truth.
- **published**: the prices of the next day are known once the market has published them, as they are in truth. What is
  left to forecast is the part of the 24 hours beyond; its error is the column "unknown". `published` puts yesterday's
  values there; `mean` does so too late: it uses no price before its hour is over.
- `noise` is unbiased and has the mean absolute error that `yesterday` has on the same series.
- `published-epf`: the benchmark's DNN and LEAR (means of four models each) were learnt anew every day on all that had
  come by then; ours once. Their forecast of a day is known from 11:00 of the day before, so that it covers 13 to 37 of
  the hours to come (what it does not cover is yesterday's), and in **published** it tells two hours of news a day."""

HEADING = "## Paths of what may come"


def page(rows: Rows) -> str:
    """Return the page of rows that were kept."""
    found = dict.fromkeys((row["dataset"], row["column"], row["published"]) for row in rows)
    series = {one: [row for row in rows if _of(row) == one] for one in found}
    lines = [
        "# Forecasts",
        "",
        f"Made with `python benchmarks/forecasts.py` (energy-gym {energy_gym.__version__}).",
        "",
    ]
    lines += [INTRO, "", "## Mean absolute error of what is unknown", "", *_wide(series, "mae_unknown", 2)]
    lines += ["", *_verdict(series), "", "## Score of mpc", "", *_wide(series, "score", 4), "", *_worth(series)]
    for one, own in series.items():
        lines += ["", *_section(one, own)]
    lines += ["", "## Settings", "", *_settings(rows)]
    return "\n".join(lines) + "\n"


def _of(row: Row) -> Series:
    return row["dataset"], row["column"], row["published"]


def _named(one: Series) -> str:
    dataset, column, published = one
    if column != PRICE:
        return f"{dataset}, carbon"
    return f"{dataset}, price, {'published' if published else 'hidden'}"


def _wide(series: Mapping[Series, Rows], figure: str, digits: int) -> list[str]:
    """Return a table with a row for each series and a column for each forecast."""
    told = {row["forecast"] for rows in series.values() for row in rows}
    columns = [name for name in ORDER if name in told] + sorted(told - set(ORDER))
    columns = [name for name in columns if figure == "score" or name != "perfect"]
    cells = []
    for one, rows in series.items():
        found = {row["forecast"]: row[figure] for row in rows}
        cells.append([_named(one), *[fixed(found[name], digits) if name in found else "" for name in columns]])
    return grid(["series", *columns], cells)


def _verdict(series: Mapping[Series, Rows]) -> Iterator[str]:
    """Yield which learnt forecasts have a larger error than a rule, and how many have not."""
    lost, count = [], 0
    for one, rows in series.items():
        found = {row["forecast"]: row["mae_unknown"] for row in rows}
        rules = [found[name] for name in (*RULES, "published") if name in found]
        for name in (name for name in LEARNT if name in found and rules):
            count += 1
            if found[name] >= min(rules):
                lost.append(f"{name} on {_named(one)} ({found[name] / min(rules) - 1.0:+.1%})")
    yield f"Of {count} errors of `lightgbm` and `nbeats`, {count - len(lost)} are below those of all rules beside them."
    if lost:
        yield f"Not below the better rule: {'; '.join(lost)}."


def _worth(series: Mapping[Series, Rows]) -> Iterator[str]:
    """Yield in how many series the forecast with the smallest error earns most, and which earns more in the others."""
    others = []
    for one, rows in series.items():
        found = [row for row in rows if row["forecast"] != "perfect"]
        near = min(found, key=lambda row: row["mae_unknown"])
        best = max(found, key=lambda row: row["score"])
        if best["score"] - near["score"] > SAME:
            told = f"{best['forecast']} {best['score']:.4f} over {near['forecast']} {near['score']:.4f}"
            others.append(f"{_named(one)} ({told})")
    yield f"In {len(series) - len(others)} of {len(series)} series the forecast with the smallest error earns most."
    if others:
        yield f"Another one earns more on {'; '.join(others)}."


def _section(one: Series, rows: Rows) -> Iterator[str]:
    """Yield the table of a series."""
    first = rows[0]
    yield f"## {_named(one)}"
    yield ""
    yield f"{first['title']}, {first['steps']} steps played; errors in {first['unit']}."
    yield ""
    seen = one[2]
    heads = ["forecast", "MAE", *(["MAE, unknown"] if seen else []), "RMSE", "rank correlation", "mpc score"]
    cells = []
    for row in sorted(rows, key=lambda row: -row["score"]):
        errors = [row["mae"], *([row["mae_unknown"]] if seen else []), row["rmse"]]
        figures = [fixed(row["rank_correlation"], 3), fixed(row["score"], 4), fixed(row["earned"], 2)]
        cells.append([row["forecast"], *[fixed(error, 2) for error in errors], *figures])
    yield from grid([*heads, f"earned [{first['currency']}]"], cells)


def _settings(rows: Rows) -> Iterator[str]:
    for text in dict.fromkeys(row["settings"] for row in rows if row["forecast"] in LEARNT):
        yield f"- `{text}`"


def section_of(text: str) -> str:
    """Return the section on paths of a page, empty where it has none."""
    return text[text.index(HEADING) :] if HEADING in text else ""


def put_section(text: str, section: str) -> str:
    """Return a page with its section on paths, the last one, put in place of the one it has."""
    return text.removesuffix(section_of(text)).rstrip() + ("\n\n" + section if section else "\n")
