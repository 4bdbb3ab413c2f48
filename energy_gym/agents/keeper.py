"""Which actor of a training is kept: the best on the validation split.

One rule: the test split is never read; see `Validation`.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from energy_gym.agents.actor import Actor
from energy_gym.agents.base import Callback
from energy_gym.agents.logs import Board
from energy_gym.agents.validation import Validation

CHECKPOINTS = 20
"""How often a training is scored on the validation split."""


class Keeper:
    """Scores actors as training goes on and keeps the best.

    Args:
        validation: Where they are scored.
        callback: Told steps and figures.
        board: Where they are logged too.
        cautious: Whether the first actor stays unless another beats it by more than a standard error over weeks.
    """

    def __init__(
        self,
        validation: Validation,
        callback: Callback | None = None,
        board: Board | None = None,
        cautious: bool = False,
    ) -> None:
        self.validation = validation
        self.callback = callback
        self.board = board
        self.cautious = cautious
        self._first: npt.NDArray[np.float64] | None = None
        self.best: Actor | None = None
        self.best_score = -math.inf
        self.curve: list[tuple[int, dict[str, float]]] = []

    def see(self, steps: int, actor: Actor, **figures: float) -> None:
        """Score an actor after so many steps; further figures, such as the loss, go into the curve with the score."""
        weeks = self.validation.scores(actor)
        score = float(weeks.mean()) if len(weeks) else 0.0
        if self._first is None:
            self._first = weeks
        if self.best is None or (score > self.best_score and not self._by_chance(weeks)):
            self.best, self.best_score = actor, score
        told = {"score": score, **figures}
        self.curve.append((steps, told))
        if self.board is not None:
            self.board.add(steps, told)
        if self.callback is not None:
            self.callback(steps, told)

    def _by_chance(self, weeks: npt.NDArray[np.float64]) -> bool:
        """Return whether weeks may be better than those of the first actor by chance alone."""
        if not self.cautious or self._first is None or len(weeks) < 2:
            return False
        ahead = weeks - self._first
        return bool(ahead.mean() <= ahead.std(ddof=1) / math.sqrt(len(ahead)))
