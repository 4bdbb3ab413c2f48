"""Whether the state of charge that is read moves when the battery does: a sensor that stands still is noticed and told.

One rule: a reading that repeats says no more than it did when it came first; from there the laws carry the energy on.
"""

from __future__ import annotations

from dataclasses import dataclass, field

STANDS_STILL = 0.02
"""How far the battery must have moved, as a share of its capacity, before a reading that repeats is told as stuck.

Controllers that round to whole per cents repeat themselves while the battery moves by less.
"""


@dataclass
class SocWatch:
    """Watches the state of charge of one battery.

    Example:
        >>> watch = SocWatch()
        >>> watch.trusts(0.50, expected=0.50), watch.trusts(0.50, expected=0.51), watch.stuck
        (True, False, '')
        >>> watch.trusts(0.50, expected=0.56), watch.stuck
        (False, 'the state of charge has stood at 50.0 % for 2 readings, by its commands the battery is at 56.0 %')
        >>> watch.trusts(0.57, expected=0.57), watch.stuck
        (True, '')
    """

    stuck: str = field(init=False, default="")
    _said: float | None = field(init=False, default=None)
    _repeated: int = field(init=False, default=0)

    def trusts(self, soc: float, expected: float) -> bool:
        """Return whether a reading is to be taken for what is stored.

        Args:
            soc: State of charge that is read.
            expected: That to which the laws carried what was believed last.
        """
        if soc != self._said:
            self._said, self._repeated, self.stuck = soc, 0, ""
            return True
        self._repeated += 1
        moved = abs(expected - soc) > STANDS_STILL
        self.stuck = self._told(soc, expected) if moved else ""
        return False

    def _told(self, soc: float, expected: float) -> str:
        stands = f"the state of charge has stood at {soc:.1%} for {self._repeated} readings"
        return f"{stands}, by its commands the battery is at {expected:.1%}".replace("%", " %")
