"""What a plan makes of costs that differ from scenario to scenario: their mean, and the mean of the dearest.

One rule: a plan that costs no more in any scenario is never thought worse.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from energy_gym.errors import ConfigurationError


class Risk(NamedTuple):
    """Conditional value at risk: the mean cost of the dearest scenarios, beside the mean of all.

    A plan is judged by ``(1 - weight) * mean + weight * CVaR``, where CVaR is the mean of the dearest ``1 - level``
    of the scenarios.

    Args:
        level: Share of the scenarios that is left out of the CVaR, in [0, 1).
        weight: What it counts, in [0, 1]; 0 counts the mean alone.

    Source:
        Rockafellar and Uryasev, Optimization of conditional value-at-risk, Journal of Risk 2(3), 2000, equation 4:
        CVaR is the least of ``z + mean(max(cost - z, 0)) / (1 - level)`` over z.

    Example:
        >>> Risk(level=0.9, weight=0.5).counts
        True
    """

    level: float = 0.9
    weight: float = 0.0

    @property
    def counts(self) -> bool:
        """Whether anything but the mean counts."""
        return self.weight > 0.0 and self.level > 0.0


def check_risk(risk: Any) -> Risk:
    """Return a risk given as one, as a level and a weight, or as None; or raise ConfigurationError.

    Example:
        >>> check_risk((0.8, 0.5))
        Risk(level=0.8, weight=0.5)
        >>> check_risk((1.0, 0.5))
        Traceback (most recent call last):
        energy_gym.errors.ConfigurationError: risk=(1.0, 0.5): must be a level in [0, 1) and a weight in [0, 1]; ...
    """
    try:
        level, weight = (0.9, 0.0) if risk is None else (float(figure) for figure in risk)
        fits = 0.0 <= level < 1.0 and 0.0 <= weight <= 1.0
    except (TypeError, ValueError):
        fits = False
    if not fits:
        raise ConfigurationError(
            f"risk={risk!r}", "must be a level in [0, 1) and a weight in [0, 1]", "pass such as (0.9, 0.5), or None"
        )
    return Risk(level, weight)
