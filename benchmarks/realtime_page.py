"""The page of the real-time benchmark, from its rows.

One rule: a figure is in a row or in the table of what was published; the page works out shares alone.
"""

from __future__ import annotations

import json
from typing import Any

from kept_rows import table
from realtime import PENALTIES, PUBLISHED, ZONES
from realtime_learners import section

HEAD = """# Real-time arbitrage in New York

A battery of 1 MWh and 0.5 MW, 10 USD for each MWh discharged, on the real-time prices of four zones in steps of 5
minutes, test year 2019. The price of a step is known as it begins, the day-ahead prices of the next day at 11:00.
Played step by step in `energy_gym/Arbitrage-v1`. `sdp` is fitted on the years that each table names; its bins, its
memory and how many years it learns from were chosen on 2018, fitted on the years before that. They were changed once
after the test year had been played (19 bins of errors and 7 of memory in place of 16 and 5, six years in place of two),
because 2018 asked for it: 4.4 % more in NORTH, 1.1 % in LONGIL, 0.4 % in WEST, nothing in NYC.

Made with, for each zone, loss and protocol:

    python benchmarks/realtime.py measure --zone NYC --loss 0.1 --protocol year --first 2013
    python benchmarks/realtime.py bound --zone NYC --loss 0.1 --protocol year --first 2013
    python benchmarks/realtime.py page

- **year**: the whole year at once, half full at its start, with a free end; energy is carried over midnight, as the
  program that was published with the dynamic programming does.
- **days**: each day by itself, half full at both ends.
- **share**: of our own optimum for that protocol, proven by `energy_gym.solve`. **published share**: of the foresight
  that was published, which all shares of others refer to.
- **attainable at most**: the dual bound of [docs/uncertainty.md](../docs/uncertainty.md): the best plan with full sight
  of 2019, less half of what its prices brought against what the law of `sdp` expected, with the 95 % interval of a sum
  over weeks. It holds on average for prices of that law, which was fitted on 2013-2018, and is proven for no year.
  **share of attainable**: what `sdp` earned of it. The bracket of a zone is the USD of `sdp` from below and this from
  above.
"""
ATTAINABLE = """
## The bound

Half of the penalty is taken off. That was a guess, made when four fortnights of 2019 in NYC had been looked at; 2018,
the law fitted on 2014-2017, then agreed that it is the tightest of these (`python benchmarks/realtime.py penalties`:
six fortnights, 0.1 losses, USD of all four zones):

{table}

With all of it the bound lies above foresight: years are not alike, and a calm one disappoints a law of wilder ones. The
interval is wide because what a week offers differs so much from the next; what `sdp` earns differs with it.
"""
FORESIGHT = """
## Foresight

The optimum of days by themselves, half full at both ends, as we prove it, and as it was published (arXiv 2108.06000,
2211.07797). The year's optimum with a free end is a bound on both.

{table}

The published figures lie above what we prove for days by themselves. A second program, dynamic programming on a grid of
2160 energies that need only end half full or fuller, gives the same to the cent in NYC and 0.3 % more at most (NORTH,
where prices below zero fill it). We could not find the rule that makes the rest of the difference; it is nearly what
ending each day one step of discharging lower would bring. So for days by themselves shares of the published figures
say too little of a controller, and of the year they say 3 % more than the share of what foresight earns there.
"""
OURS = "`sdp`, {years}"


def page(rows: list[dict[str, Any]]) -> str:
    """Return the page."""
    parts = [HEAD]
    for loss, title in ((0.1, "With losses, 0.9 each way"), (0.0, "Without losses")):
        parts.append(f"\n## {title}\n\n{_controllers(rows, loss)}\n")
    parts.append(section())
    parts.append(ATTAINABLE.format(table=_penalties(json.loads(PENALTIES.read_text(encoding="utf-8")))))
    parts.append(FORESIGHT.format(table=_foresight(rows)))
    parts.append(_times(rows))
    return "".join(parts)


def _controllers(rows: list[dict[str, Any]], loss: float) -> str:
    published = PUBLISHED[str(loss)]
    lines = [["controller", "protocol", *ZONES]]
    for name, shares in published.items():
        if name != "foresight":
            lines.append([f"{name}, published", "published share", *(f"{shares[zone]:.3f}" for zone in ZONES)])
    keys = sorted({(row["protocol"], row["trained"]) for row in rows if row["loss"] == loss}, reverse=True)
    for protocol, years in keys:
        found = {
            row["zone"]: row
            for row in rows
            if (row["loss"], row["protocol"], row["trained"]) == (loss, protocol, years)
        }
        if set(found) == set(ZONES):
            own, named = [found[zone] for zone in ZONES], OURS.format(years=years)
            foresight = [published["foresight"][zone] for zone in ZONES]
            lines.append([named, f"{protocol}: USD", *(f"{row['sdp']:.0f}" for row in own)])
            shares = [row["sdp"] / of for row, of in zip(own, foresight, strict=True)]
            lines.append([named, f"{protocol}: published share", *(f"{share:.3f}" for share in shares)])
            lines.append([named, f"{protocol}: share", *(f"{row['sdp'] / row['foresight']:.3f}" for row in own)])
            if all("bound" in row for row in own):
                lines += _bracket(protocol, named, own)
    return table(lines)


def _penalties(found: dict[str, dict[str, float]]) -> str:
    shares = list(found[ZONES[0]])
    totals = [f"{sum(found[zone][share] for zone in ZONES):.0f}" for share in shares]
    return table([["share of the penalty", "", *shares], ["bound", "USD", *totals]])


def _bracket(protocol: str, named: str, rows: list[dict[str, Any]]) -> list[list[str]]:
    """Return what could be attained at most, and which share of it was."""
    bounds = [f"{row['bound']:.0f} ± {(row['bound_high'] - row['bound_low']) / 2.0:.0f}" for row in rows]
    shares = [f"{row['sdp'] / row['bound']:.3f}" for row in rows]
    attained = [named, f"{protocol}: share of attainable", *shares]
    return [["dual bound", f"{protocol}: attainable at most, USD", *bounds], attained]


def _foresight(rows: list[dict[str, Any]]) -> str:
    lines = [["losses", "foresight [USD]", *ZONES]]
    for loss in (0.1, 0.0):
        for protocol in ("days", "year"):
            found = {
                row["zone"]: row["foresight"] for row in rows if (row["loss"], row["protocol"]) == (loss, protocol)
            }
            if set(found) == set(ZONES):
                lines.append([f"{loss:g}", f"{protocol}, proven", *(f"{found[zone]:.2f}" for zone in ZONES)])
        lines.append([f"{loss:g}", "published", *(f"{PUBLISHED[str(loss)]['foresight'][zone]:.2f}" for zone in ZONES)])
    return table(lines)


def _times(rows: list[dict[str, Any]]) -> str:
    fit = max(row["fit_seconds"] for row in rows)
    median, mean = max(row["median_ms"] for row in rows), max(row["mean_ms"] for row in rows)
    most = max(row["most_ms"] for row in rows)
    return (
        "\n## Time\n\n"
        f"On one of two shared cores, at most in any row: {fit:.1f} s to fit; a decision takes {median:.2f} ms in the "
        f"median and {mean:.2f} ms in the mean.\nOnce a day, when prices are published, what energy is worth is worked "
        f"out again: {most:.0f} ms at most.\n"
    )
