"""Keywords of an environment as files and command lines can write them: a frame by its path, a battery by its figures.

One rule: what is written becomes what ``gym.make`` takes; every other keyword is passed on as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from energy_gym.data.own_check import read_frame
from energy_gym.entities import Battery
from energy_gym.trees import build

FRAMES = ("data", "reference")


def from_words(keywords: Mapping[str, Any], folder: str | Path = ".") -> dict[str, Any]:
    """Return keywords for ``gym.make``.

    Args:
        keywords: ``data`` and ``reference`` may be paths of CSV or Parquet files (the latter a data set's id too),
            ``battery`` a mapping of its fields, ``scenario`` the path of a YAML file.
        folder: What relative paths start from.

    Raises:
        RawFileError: A file cannot be read.
        ConfigurationError: A field of the battery is not known, or its value is refused.

    Example:
        >>> from_words({"battery": {"capacity_kwh": 20.0}, "horizon": 12})["battery"].capacity_kwh
        20.0
    """
    made = dict(keywords)
    for name in FRAMES:
        if isinstance(made.get(name), str | Path) and (name == "data" or Path(made[name]).suffix):
            made[name] = read_frame(Path(folder) / made[name], made.get("zone"))
    if isinstance(made.get("battery"), Mapping):
        made["battery"] = build(Battery, made["battery"], "battery")
    if isinstance(made.get("scenario"), str | Path):
        made["scenario"] = Path(folder) / made["scenario"]
    return made
