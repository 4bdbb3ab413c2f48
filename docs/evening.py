"""An agent that charges at night and gives it back in the evening, from the hour that paid best in training."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

from energy_gym import evaluate
from energy_gym.agents.base import Agent, Callback


class Evening(Agent):
    """By the local clock: full charge from 1 to 5 o'clock, and full discharge for four hours of the evening."""

    name: ClassVar[str] = "evening"
    decides: ClassVar[tuple[str, ...]] = ("power",)
    selective: ClassVar[bool] = True

    def __init__(self, env: Any, seed: int = 0) -> None:
        super().__init__(env, seed)
        if not self.env.setup.stored:
            raise self.refused("needs something that stores energy")
        self.evening = 17

    def act(self, observation: Any, info: Mapping[str, Any]) -> Any:
        """Return the action of the coming step: a share of rated power, or the nearest level."""
        hour = self.env.time.tz_convert(self.env.setup.feed.zone).hour
        gives = self.evening <= hour < self.evening + 4
        return self.power(1.0 if 1 <= hour < 5 else -1.0 if gives else 0.0)

    def fit(
        self,
        source: Any = None,
        *,
        budget: int | None = None,
        seed: int | None = None,
        callback: Callback | None = None,
    ) -> Self:
        """Choose the hour by playing a month of the training split with each."""
        train = self.env.variant(split="train", episode_steps=720) if source is None else source
        player, earned = Evening(train), {}
        for player.evening in range(15, 21):
            earned[player.evening] = evaluate(player, train, seed=0).return_
        self.evening = max(earned, key=lambda hour: earned[hour])
        return self

    def parameters(self) -> dict[str, Any]:
        """Return what is saved."""
        return {**super().parameters(), "evening": self.evening}

    def restore(self, parameters: Mapping[str, Any], folder: Path) -> None:
        """Take back what was saved."""
        super().restore(parameters, folder)
        self.evening = int(parameters["evening"])
