"""What a user is told of data; its one rule: a notice points at the user's own line, and is told once for it."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

from energy_gym.errors import DataNotice

_PACKAGE = str(Path(__file__).resolve().parents[1])


def notice(text: str) -> None:
    """Tell the user something of the data; Python shows it once for the line that made the environment."""
    warnings.warn(text, DataNotice, stacklevel=_depth())


def _depth() -> int:
    """Return how many calls up the first line lies that is neither this package's nor Gymnasium's."""
    frame, depth = sys._getframe(1), 1  # one call up stands `notice`
    while frame.f_back is not None and _inside(frame.f_code.co_filename):
        frame, depth = frame.f_back, depth + 1
    return depth


def _inside(path: str) -> bool:
    # A dataclass's own constructor lies in no file.
    return (
        path == "<string>"
        or path.startswith(_PACKAGE)
        or f"{Path(path).parent}/".replace("\\", "/").find("/gymnasium/") >= 0
    )
