"""The page of benchmarks/emsx.py: bills, scores, and what others published; its one rule: it plays nothing."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

PAPER = (("MPC", 0.487), ("OLFC, 50 scenarios", 0.513), ("SDP", 0.691), ("SDP, AR(1)", 0.794), ("SDP, AR(2)", 0.795))
"""Mean scores of arXiv 2001.00450 over 70 sites and 2474 weeks."""


class Bills(NamedTuple):
    """What weeks of a site cost [EUR]: without a battery, with foresight, and by agent and forecast."""

    site: int
    what: str
    nothing: float
    best: float
    played: Mapping[tuple[str, str], float]


def scores(bills: Sequence[Bills]) -> dict[tuple[str, str], float]:
    """Return the score of each agent with each forecast: of each site its gain over foresight's, then their mean."""
    found = {}
    for key in dict.fromkeys(key for one in bills for key in one.played):
        shares = []
        for site in {one.site for one in bills}:
            own = [one for one in bills if one.site == site and key in one.played]
            most = sum(one.nothing - one.best for one in own)
            shares += [sum(one.nothing - one.played[key] for one in own) / most] if most else []
        found[key] = float(np.mean(shares))
    return found


HEAD = """\
# EMSx

Written by `python benchmarks/emsx.py`. EMSx (A. Le Franc, P. Carpentier, J.-P. Chancelier and M. De Lara, Energy
Systems 14, 2023; arXiv 2001.00450) plays the battery of each of 70 industrial sites, by the quarter hour, on test weeks
at a tariff of two prices; energy sold earns less. A controller sees the last day and a forecast of the next, and says
what power its battery takes before the demand of the quarter hour is known.

This page has {what}.

**As in the paper**: each week by itself. The battery begins empty, what is left in it at the end is worth nothing, and
the last quarter hour repeats the demand of the one before. Score: of each site the gain over its bill without a
battery, summed over its weeks, as a share of the gain of perfect foresight; then the mean over sites.

**Carried**: the same weeks one behind the other, with the energy of one's end at the next one's beginning; what is left
is lost once, at the end of the last.

In both, what the battery cannot do is not done. EMSx.jl itself bills what a controller asks for, and cuts the state of
charge alone to what is possible; a controller whose wishes can be met pays the same in both. `/meter` behind an agent:
its battery follows the power at the meter within the quarter hour, as many do, which EMSx does not allow: not to be set
beside figures of the paper. The forecast `persists` expects the last quarter hour's demand to stay, `issued` is the
one that comes with EMSx, `yesterday` and `mean` are the suite's.
"""


def rows_of(bills: Sequence[Bills]) -> list[str]:
    """Return a table of bills: a line each, with foresight and every agent."""
    keys = list(dict.fromkeys(key for one in bills for key in one.played))
    titles = [f"{agent}, {forecast}" for agent, forecast in keys]
    lines = [
        "| site | | without battery | foresight | " + " | ".join(titles) + " |",
        "| ---: | --- |" + " ---: |" * (2 + len(keys)),
    ]
    for one in bills:
        cells = [f"{one.played[key]:,.2f}" if key in one.played else "-" for key in keys]
        lines.append(f"| {one.site} | {one.what} | {one.nothing:,.2f} | {one.best:,.2f} | " + " | ".join(cells) + " |")
    found = scores(bills)
    return [*lines, "| | score | 0 | 1 | " + " | ".join(f"{found[key]:.3f}" for key in keys) + " |"]


def theirs(sites: Sequence[int]) -> list[str]:
    """Return what others published: means of the paper, and another's figures for the sites played."""
    lines = ["", "## Theirs", "", "Mean scores of the paper over 70 sites and 2474 weeks: "]
    lines[-1] += ", ".join(f"{name} {score:.3f}" for name, score in PAPER) + "."
    file = Path(os.environ.get("ENERGY_GYM_DATA", "")) / "emsx-published" / "per_site.csv"
    if not file.is_file():
        return lines
    table = pd.read_csv(file, index_col="site").loc[list(sites)]
    names = [name.removesuffix("_score") for name in table if name.endswith("_score")]
    lines += [
        "",
        "Another run of August 2026, with physical limits, mean over all test weeks of a site (Ebotian/emsx-dev):",
        "",
    ]
    lines += ["| site | bill without battery [EUR] | gain of foresight [EUR] | " + " | ".join(names) + " |"]
    lines += ["| ---: |" + " ---: |" * (2 + len(names))]
    for site, row in table.iterrows():
        cells = " | ".join(f"{row[f'{name}_score']:.3f}" for name in names)
        lines.append(f"| {site} | {row['Dummy_cost']:,.2f} | {row['lp_gain']:,.2f} | {cells} |")
    return lines


TAUGHT = """
## Learnt from the other weeks [EUR]

Each week as in the paper, but an agent first learns from the other weeks of the site that are here, whichever came
first. That is little, where the paper's controllers learn from all weeks of a site that are not for tests.
"""


def page(single: Sequence[Bills], carried: Sequence[Bills], taught: Sequence[Bills], what: str) -> str:
    """Return the page."""
    lines = [HEAD.format(what=what), "## As in the paper [EUR]", "", *rows_of(single)]
    lines += ["", "## Carried [EUR]", "", *rows_of(carried)]
    if taught:
        lines += [TAUGHT, *rows_of(taught)]
    lines += theirs(sorted({one.site for one in single}))
    return "\n".join(lines) + "\n"
