"""Regret and score: how far a return is from the best that was possible.

One rule: regret is never negative; a return above a proven bound is a fault of the oracle and raises.
"""

from __future__ import annotations

from energy_gym.errors import SolverError

TOLERANCE = 1e-6


def regret(earned: float, bound: float) -> float:
    """Return what was lost against the proven bound [reward units].

    Raises:
        SolverError: The return is above the bound by more than rounding.

    Example:
        >>> regret(earned=7.5, bound=10.0)
        2.5
    """
    lost = bound - earned
    if lost < -TOLERANCE * max(1.0, abs(bound)):
        raise SolverError(
            f"return {earned!r} above the oracle's bound {bound!r}",
            "nothing beats a proven optimum",
            "report this episode",
        )
    return max(lost, 0.0)


def score(earned: float, idle: float, oracle: float) -> float:
    """Return 0 for what doing nothing earns, 1 for perfect foresight; NaN where nothing could be earned.

    Example:
        >>> score(earned=7.5, idle=0.0, oracle=10.0)
        0.75
    """
    possible = oracle - idle
    if possible <= TOLERANCE * max(1.0, abs(oracle)):
        return float("nan")
    return (earned - idle) / possible
