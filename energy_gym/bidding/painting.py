"""Pictures of a producer's episode; one rule: drawn as the suite draws them, at the scale of the largest bid."""

from __future__ import annotations

from energy_gym.bidding.setup import BiddingSetup
from energy_gym.envs.history import Image
from energy_gym.envs.recorder import Painter
from energy_gym.envs.rendering import draw


class BidPainter(Painter):
    """Records an episode and draws price, level of the storage, power at the meter and what was earned."""

    def __init__(self, setup: BiddingSetup, human: bool) -> None:
        super().__init__(setup, human)
        self._size_kw = setup.bid_tape.size_kw

    def image(self) -> Image:
        """Return the picture of the episode so far, shape (720, 960, 3)."""
        setup = self._setup
        return draw(
            self._history,
            title=setup.feed.title,
            currency=setup.feed.currency,
            limits=(0.0, 1.0),
            power_kw=self._size_kw,
            reward_unit=setup.reward_unit,
        )
