"""What a sweep leaves in its folder, and how it is read again; the names of its files are stated here alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from energy_gym.errors import ResultsError

if TYPE_CHECKING:
    import pandas as pd

TABLE, STORY, POINTS = "sweep.parquet", "sweep.json", "points"


def read_sweep(path: str | Path) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return the table of a sweep's folder, and what is told of it.

    Raises:
        ResultsError: The folder holds no sweep.
    """
    import pandas as pd

    try:
        story = json.loads((Path(path) / STORY).read_text(encoding="utf-8"))
        return pd.read_parquet(Path(path) / TABLE), dict(story)
    except (OSError, ValueError) as error:
        raise ResultsError(f"{path}", "holds no sweep", "name a folder that energy-gym sweep has written") from error
