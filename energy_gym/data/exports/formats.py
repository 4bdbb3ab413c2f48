"""The formats by name, each recognised by its own headers; the one rule: a file that fits none is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from energy_gym.data.exports import markets, meters, operators
from energy_gym.data.exports.answers import Answers
from energy_gym.data.exports.export import Export
from energy_gym.errors import EnergyGymError, RawFileError


@dataclass(frozen=True)
class Format:
    """A format: what its files look like, and what reads them.

    Args:
        name: Its name.
        fits: Whether the first lines of a file are of this format.
        read: Reads the whole text of a file.
    """

    name: str
    fits: Callable[[str], bool]
    read: Callable[[str, Answers], Export]


FORMATS = (
    Format("ENTSO-E", markets.is_entsoe, markets.read_entsoe),
    Format("SMARD", markets.is_smard, markets.read_smard),
    Format("Energy-Charts", markets.is_energy_charts, markets.read_energy_charts),
    Format("gridstatus", operators.is_gridstatus, operators.read_gridstatus),
    Format("NEMOSIS", operators.is_nemosis, operators.read_nemosis),
    Format("Home Assistant", meters.is_home_assistant, meters.read_home_assistant),
    Format("Octopus", meters.is_octopus, meters.read_octopus),
    Format("PVGIS", meters.is_pvgis, meters.read_pvgis),
)
_HEAD = 4000


def read_export(path: Path, answers: Answers | None = None) -> Export:
    """Read a file that another program or a portal exported.

    Args:
        path: The file, CSV or JSON as its publisher writes it.
        answers: What the file does not say, such as which of its areas is meant.

    Raises:
        RawFileError: The file cannot be read, or fits no format.
        ConfigurationError: Something that the file leaves open was not said.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise RawFileError(str(path), f"must be text in UTF-8 ({error})", "check the path and the file") from error
    found = next((one for one in FORMATS if one.fits(text[:_HEAD])), None)
    if found is None:
        rule = f"has the headers of no known export: {', '.join(one.name for one in FORMATS)}"
        raise RawFileError(str(path), rule, "write a card by hand (docs/extending.md) or pass it as a frame, data=")
    try:
        return found.read(text, answers or Answers())
    except EnergyGymError:
        raise
    except (KeyError, ValueError, IndexError, TypeError) as error:
        cause = str(error).partition("\n")[0]
        rule = f"begins like an export of {found.name}, and cannot be read as one ({cause})"
        raise RawFileError(str(path), rule, "export it again, or say what it is by a card") from error
