"""What a check of a scenario found, and how a difference is reported.

One rule: a difference is never a warning; it names the figure, the first step where it shows, and both values.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from energy_gym.errors import BrokenPromiseError

TOLERANCE = 1e-6


@dataclass(frozen=True)
class Report:
    """What was checked, and the figures seen; all of it held, or there would be no report.

    Args:
        scenario: Name of the scenario.
        controls: Decisions of a step.
        states: States, running maxima included.
        episodes: Episodes played.
        steps: Steps of each.
        backends: What the laws were played on, bit for bit alike.
        rollouts: Random rollouts that were held against the bound.
        exact: Whether the oracle proved every plan to be the best.
        oracle: Mean return of the oracle's plans [reward units].
        returns: Mean return of each agent [reward units].
        best_random: Best return of a random rollout, less the bound of its episode: above 0 by no more than rounding.
        checks: What was held to be true, in order.
    """

    scenario: str
    controls: int
    states: int
    episodes: int
    steps: int
    backends: tuple[str, ...]
    rollouts: int
    exact: bool
    oracle: float
    returns: dict[str, float]
    best_random: float
    checks: tuple[str, ...]

    def __str__(self) -> str:
        head = f"{self.scenario}: {self.controls} controls, {self.states} states, {self.episodes} x {self.steps} steps"
        earned = ", ".join(f"{name} {value:.6g}" for name, value in {"oracle": self.oracle, **self.returns}.items())
        lines = [head, f"mean return: {earned}", *(f"  holds: {check}" for check in self.checks)]
        return "\n".join(lines)


def slack(value: float) -> float:
    """Return by how much a sum of rewards of this size may be off [reward units]."""
    return TOLERANCE * max(1.0, abs(value))


def differ(what: str, figure: str, step: int | None, values: tuple[Any, Any], rule: str, remedy: str) -> None:
    """Raise for two values that should be one.

    Raises:
        BrokenPromiseError: Always.
    """
    place = "" if step is None else f" at step {step}"
    raise BrokenPromiseError(f"{what}: {figure}{place} is {values[0]!r} and {values[1]!r}", rule, remedy)


def compare(what: str, names: tuple[str, ...], left: Any, right: Any, rule: str, remedy: str) -> None:
    """Hold two series of figures to be the same, bit for bit.

    Args:
        what: What is compared.
        names: Names of the figures.
        left: Figures by step, shape (steps, figures, ...).
        right: The same, of the other kind.
        rule: The rule they would break.
        remedy: What to do about it.

    Raises:
        BrokenPromiseError: They differ; the first step is named.

    Example:
        >>> compare("numbers", ("a", "b"), np.zeros((2, 2)), np.array([[0.0, 0.0], [0.0, 1.0]]), "must agree", "look")
        Traceback (most recent call last):
        energy_gym.errors.BrokenPromiseError: numbers: b at step 1 is 0.0 and 1.0: must agree; look
    """
    one, two = np.ascontiguousarray(left), np.ascontiguousarray(right)
    if one.shape == two.shape and one.tobytes() == two.tobytes():
        return
    if one.shape != two.shape:
        differ(what, "the shape", None, (one.shape, two.shape), rule, remedy)
    unlike = (one != two) | (np.signbit(one) != np.signbit(two))
    step, figure, *others = (int(part) for part in np.argwhere(unlike)[0])
    place = (step, figure, *others)
    differ(what, names[figure], step, (float(one[place]), float(two[place])), rule, remedy)
