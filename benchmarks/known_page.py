"""The page of the known markets, from its rows.

One rule: a figure is in a row; the page works out shares and means over seeds alone.
"""

from __future__ import annotations

from typing import Any

from kept_rows import table
from known_markets import AGENTS, EPISODES, MARKETS

HEAD = f"""# Markets whose law is known

A battery of 1 MWh and 0.5 MW, 0.9 each way, 10 USD for each MWh discharged, on prices of 5 minutes drawn from the four
laws of `datasets/laws`. Made with one command, or row by row (`bounds`, `measure`, `page`; `--help`):

    python benchmarks/known_markets.py all

## What could be attained

USD of a day from midnight, half full, energy missing or left settled at the mean price. **optimum**: what the best
policy earns on average, from the price of the first midnight, as `energy_gym.solve(env, information="law")` promises
it, and its proven bound. **simulated**: what that policy earned in {EPISODES:,} days drawn from the law, played by the
environment's own laws, with the 95 % interval of the mean. **dual bound**: the mean over 100 paths with its interval
(`energy_gym.attainable`). **foresight**: the same without a penalty: what one would earn who saw all of a path.

"""
EARNED = """
## What each agent earned of it

A year of drawn days to learn from, four weeks to validate on, eight to be judged by, played in one go from half full,
settled at their end. An agent sees the charge, the clock and the price now, for the law has no other memory; `mpc`,
`mpc-stochastic`, `annealing` and `milp` the prices that the mean of past days foretells too. **earned**: USD a day,
with the 95 % interval of a mean: days differ in luck, so that it may lie above the optimum. **lost**: what the actions
of a day lost against acting best under the law, a sum without luck of one's own. **share**: 1 less what was lost, as a
share of what doing nothing lost on the same prices, as `evaluate(..., attainable=True)` tells it. `usual` charges below
the mean price of the hour and discharges above it. Learners: the mean over seeds 0 to 2 where there are three, the
interval of the days of all. **ms**: CPU time of a decision.

"""


def page(rows: list[dict[str, Any]]) -> str:
    """Return the page."""
    markets = [_market(row) for row in rows if not row["agent"]]
    head = ["market", "optimum", "proven bound", "simulated", "dual bound", "foresight"]
    text = HEAD + table([head, *markets]) + "\n" + EARNED
    nothing = {row["market"]: row["lost"] for row in rows if row["agent"] == "idle"}
    lines = [_agent(own, nothing.get(own[0]["market"])) for own in _by_agent(rows)]
    head = ["agent", "market", "days", "earned", "optimum", "lost", "share", "ms"]
    return text + table([head, *lines]) + "\n" + _missing(rows)


def _missing(rows: list[dict[str, Any]]) -> str:
    """Return a line on what of the command has not been measured; nothing where all has."""
    known = {(row["market"], row["agent"]) for row in rows}
    lacking = {market: [one for one in ("", *AGENTS) if (market, one) not in known] for market in MARKETS}
    told = [f"{market} {', '.join(one or 'bounds' for one in names)}" for market, names in lacking.items() if names]
    return f"\nNot measured yet: {'; '.join(told)}.\n" if told else ""


def _by_agent(rows: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Return the rows of each agent in each market, one a seed, the best agent of a market first."""
    keys = dict.fromkeys((row["market"], row["agent"]) for row in rows if row["agent"])
    found = [[row for row in rows if (row["market"], row["agent"]) == key] for key in keys]
    return sorted(found, key=lambda own: (MARKETS.index(own[0]["market"]), _mean(own, "lost") / own[0]["optimum"]))


def _mean(rows: list[dict[str, Any]], name: str) -> float:
    return sum(float(row[name]) for row in rows) / len(rows)


def _market(row: dict[str, Any]) -> list[str]:
    told = [_with_interval(row, name) for name in ("simulated", "bound", "foresight")]
    return [row["market"], f"{row['optimum']:.4f}", f"{row['proven']:.4f}", *told]


def _with_interval(row: dict[str, Any], name: str) -> str:
    return f"{row[name]:.2f} [{row[f'{name}_low']:.2f}, {row[f'{name}_high']:.2f}]"


def _agent(rows: list[dict[str, Any]], nothing: float | None) -> list[str]:
    row = {name: _mean(rows, name) for name, value in rows[0].items() if isinstance(value, float)}
    shares = [1.0 - row[name] / nothing for name in ("lost", "lost_high", "lost_low")] if nothing else []
    share = f"{shares[0]:.3f} [{shares[1]:.3f}, {shares[2]:.3f}]" if shares else "-"
    name = f"`{rows[0]['agent']}`" + (f", {len(rows)} seeds" if len(rows) > 1 else "")
    told = [_with_interval(row, "earned"), f"{row['optimum']:.2f}", _with_interval(row, "lost"), share]
    return [name, rows[0]["market"], str(rows[0]["days"]), *told, f"{row['decision_ms']:.2f}"]
