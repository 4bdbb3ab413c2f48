"""Writing files so that no reader ever sees half of one.

One rule: whatever the package writes goes through here, or through a library that does the same.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path


def write_atomically(path: Path, writer: Callable[[Path], object]) -> None:
    """Let ``writer`` write a file beside its place, then move it there; on failure what was there before stays.

    Args:
        path: Where the file is to lie; its folder is made if need be.
        writer: Writes the whole content to the path it is given.

    Example:
        >>> import tempfile
        >>> place = Path(tempfile.mkdtemp()) / "note.txt"
        >>> write_atomically(place, lambda path: path.write_text("done"))
        >>> place.read_text()
        'done'
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=path.suffix)
    os.close(handle)
    temporary = Path(name)
    try:
        writer(temporary)
        temporary.chmod(0o644)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
