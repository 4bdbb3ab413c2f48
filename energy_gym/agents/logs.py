"""Curves for TensorBoard and the device to train on: what every learner takes beside its settings.

One rule: neither changes what is learnt; neither is saved with the agent.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from energy_gym.errors import ConfigurationError, MissingExtraError


class Board:
    """One run's folder of TensorBoard logs, with the score on the validation split and whatever else is told.

    Args:
        folder: Where runs lie.
        name: Name of the run; a number is added, so that no run is written into another's.

    Raises:
        MissingExtraError: TensorBoard is not installed.
    """

    def __init__(self, folder: str | Path, name: str) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise MissingExtraError.of("tensorboard", "sb3") from error
        number = 1
        while (Path(folder) / f"{name}_{number}").exists():
            number += 1
        self.path = Path(folder) / f"{name}_{number}"
        self._writer = SummaryWriter(str(self.path))

    def add(self, steps: int, figures: Mapping[str, float]) -> None:
        """Write figures after so many steps: the score as ``validation/score``, others under ``train/``."""
        for name, value in figures.items():
            self._writer.add_scalar(f"{'validation' if name == 'score' else 'train'}/{name}", value, steps)

    def close(self) -> None:
        """Write what is left."""
        self._writer.close()


def checked_device(name: str) -> str:
    """Return a device that torch can train on; ``"auto"`` is the GPU where there is one.

    Raises:
        ConfigurationError: No such device here.

    Example:
        >>> checked_device("cpu")
        'cpu'
    """
    import torch

    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError, TypeError) as error:
        cause = str(error).splitlines()[0]
        raise ConfigurationError(f"device={name!r}", f"cannot be used here ({cause})", "use 'cpu' or 'auto'") from error
    return str(device)
