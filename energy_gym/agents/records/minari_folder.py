"""Where Minari's data sets lie, what they may be called, and which of them are of this package.

One rule: a data set appears in its place whole, by one move.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from energy_gym.errors import ConfigurationError, MissingExtraError, StorageError, UnknownIdError

NAMESPACE = "energy-gym"
KEY = "energy_gym"
FORMAT = 1
ROOT = "MINARI_DATASETS_PATH"
NAME = re.compile(r"[-\w]+(/[-\w]+)*-v\d+")


def check_name(name: str, *, force: bool = False) -> None:
    """Check that a data set can be written under a name.

    Raises:
        ConfigurationError: The name is not one that Minari takes, or is taken and ``force`` is not given.
        MissingExtraError: Minari is not installed.
    """
    place = place_of(name)
    if place.exists() and not force:
        raise ConfigurationError(
            f"data set {name!r}", "exists already", "choose another name (--out), or replace it (--force)"
        )
    if place.exists() and not is_ours(place):
        raise ConfigurationError(f"data set {name!r}", "is none of energy_gym's, to be replaced", "choose another name")


def list_trajectories() -> tuple[str, ...]:
    """Return the names of the data sets of this package, those of others left out.

    Raises:
        MissingExtraError: Minari is not installed.
    """
    open_minari()
    root = datasets_root()
    found = [path.parent.parent for path in root.glob("**/data/metadata.json") if is_ours(path.parent.parent)]
    names = [place.relative_to(root).as_posix() for place in found]
    return tuple(sorted(name for name in names if NAME.fullmatch(name)))


def describe_trajectories(name: str) -> dict[str, Any]:
    """Return what is known of a data set without reading its arrays: id, keywords, levels, policy, noise, episodes.

    Raises:
        UnknownIdError: There is no data set of that name.
        StorageError: It is not one of this package.
        MissingExtraError: Minari is not installed.
    """
    place = place_of(name)
    if not place.exists():
        raise UnknownIdError.of("expert data set", name, list_trajectories())
    return read_card(place, name)


def datasets_root() -> Path:
    """Return the folder of Minari's data sets: ``MINARI_DATASETS_PATH``, or Minari's own in the user's home."""
    given = os.environ.get(ROOT)
    return Path(given) if given else Path.home() / ".minari" / "datasets"


def place_of(name: str) -> Path:
    """Return the folder of a data set, there or not.

    Raises:
        ConfigurationError: The name is not one that Minari takes.
        MissingExtraError: Minari is not installed.
    """
    open_minari()
    if not NAME.fullmatch(name):
        raise ConfigurationError(
            f"data set name {name!r}", "must be words joined by / and end in -v0, say", f"write {NAMESPACE}/mine-v0"
        )
    return datasets_root() / name


def is_ours(place: Path) -> bool:
    """Return whether a folder holds a data set of this package.

    Example:
        >>> is_ours(Path("nowhere"))
        False
    """
    try:
        return KEY in json.loads((place / "data" / "metadata.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError):
        return False


def read_card(place: Path, name: str) -> dict[str, Any]:
    """Return what was written of a data set but for its arrays.

    Raises:
        StorageError: It is not one of this package, or its metadata are damaged.
    """
    try:
        card = json.loads((place / "data" / "metadata.json").read_text(encoding="utf-8"))[KEY]
    except KeyError as error:
        raise StorageError(
            f"data set {name!r}", "was not written by energy_gym", "make one: energy-gym experts make"
        ) from error
    except (OSError, ValueError, TypeError) as error:
        raise damaged(name, str(error)) from error
    if not isinstance(card, dict) or card.get("format") != FORMAT or not isinstance(card.get("episodes"), list):
        raise damaged(name, f"its card is not of format {FORMAT}")
    return card


def damaged(name: str, how: str) -> StorageError:
    """Return the error for a data set of this package that cannot be used, on one line.

    Example:
        >>> print(damaged("mine-v0", "file is cut"))
        data set 'mine-v0': is damaged (file is cut); make it again: energy-gym experts make ... --force
    """
    line = " ".join(how.split()) or "no reason given"
    return StorageError(
        f"data set {name!r}", f"is damaged ({line})", "make it again: energy-gym experts make ... --force"
    )


def move_into_place(scratch: Path, root: Path, name: str) -> None:
    """Put the finished data set in its place; one that was there before goes only once the new one stands."""
    place, old = root / name, scratch / "replaced"
    place.parent.mkdir(parents=True, exist_ok=True)
    for folder in Path(name).parents:
        card = folder / "namespace_metadata.json"
        if (scratch / card).exists() and not (root / card).exists():
            (scratch / card).replace(root / card)
    if place.exists():
        place.replace(old)
    try:
        (scratch / name).replace(place)
    except OSError:
        if old.exists():
            old.replace(place)
        raise


@contextmanager
def rooted(folder: Path) -> Iterator[None]:
    """Let Minari write below a folder; it has no other way to be told."""
    before = os.environ.get(ROOT)
    os.environ[ROOT] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ[ROOT]
        else:
            os.environ[ROOT] = before


def open_minari() -> Any:
    """Import Minari, only here.

    Raises:
        MissingExtraError: It is not installed, or without HDF5.
    """
    try:
        import h5py  # noqa: F401  # Minari's own format needs it, and says so too late
        import minari
    except ImportError as error:
        raise MissingExtraError.of("minari", "offline") from error
    return minari
