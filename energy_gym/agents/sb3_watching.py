"""What is seen of Stable-Baselines3 while it learns: its loggers, and the callback that shows a keeper its actors.

One rule: looking changes nothing of a training.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from energy_gym.agents.keeper import Keeper

if TYPE_CHECKING:
    from energy_gym.agents.sb3_learner import SB3Learner


def silent_logger() -> Any:
    """Return a logger without a folder; the library's own makes one in the system's temporary folder and leaves it."""
    from stable_baselines3.common.logger import Logger

    return Logger(folder=None, output_formats=[])


def board_logger(folder: str) -> Any:
    """Return a logger that writes TensorBoard logs into a folder."""
    from stable_baselines3.common.logger import configure

    return configure(folder, ["tensorboard"])


def watcher() -> Any:
    """Return the callback class; it is made here because its base needs the library."""
    from stable_baselines3.common.callbacks import BaseCallback

    class Watch(BaseCallback):  # type: ignore[misc]  # the library is not typed here
        """Shows the keeper an actor every so many steps of the environment."""

        def __init__(self, agent: SB3Learner, keeper: Keeper, every: int) -> None:
            super().__init__()
            self.agent, self.keeper, self.every = agent, keeper, every
            self.shown = 0

        def _on_step(self) -> bool:
            if self.num_timesteps >= self.shown + self.every:
                self.show()
            return True

        def show(self) -> None:
            """Show the actor as it stands, unless that was done at this step."""
            if self.num_timesteps == self.shown:
                return
            self.shown = self.num_timesteps
            losses = {"loss": "train/loss", "critic_loss": "train/critic_loss"}
            found = self.model.logger.name_to_value
            figures = {name: float(found[key]) for name, key in losses.items() if key in found}
            self.keeper.see(self.num_timesteps, self.agent.exported(self.model), **figures)
            if self.keeper.board is not None:
                self._log()

        def _log(self) -> None:
            """Write what the library has noted since the last time, and the mean return of finished episodes."""
            ended = [episode["r"] for episode in self.model.ep_info_buffer or ()]
            if ended:
                self.logger.record("rollout/ep_rew_mean", sum(ended) / len(ended))
            self.logger.dump(self.num_timesteps)

    return Watch
