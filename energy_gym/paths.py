"""Where the data cards, embedded sets, suites and recipes lie: in a checkout or inside the installed package."""

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


def recipe(name: str) -> Path:
    """Return the path of a recipe's file: installed under ``energy_gym/recipe_files``, in a checkout under ``agents``.

    Example:
        >>> recipe("train").is_file()
        True
    """
    installed = _PACKAGE / "recipe_files"
    return (installed if installed.exists() else _PACKAGE.parent / "agents") / f"{name}.py"


def holds_frame(path: str | Path) -> bool:
    """Return whether a path is called as a file of series is: CSV or Parquet.

    Example:
        >>> holds_frame("mine.csv"), holds_frame("nyiso")
        (True, False)
    """
    return Path(path).suffix.lower() in (".csv", ".parquet")
