"""Where the data cards, embedded sets and suites lie: in a checkout or inside the installed package."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def resource(*parts: str) -> Path:
    """Return the path of a folder or file that ships with the package.

    Installed, ``datasets`` and ``benchmarks/suites`` lie under ``energy_gym/``; in a checkout they lie beside it.

    Example:
        >>> resource("datasets").is_dir()
        True
    """
    installed = _PACKAGE.joinpath(*parts)
    return installed if installed.exists() else _PACKAGE.parent.joinpath(*parts)
