"""A process that may no longer read some folders, connect, or look into other processes, however it tries.

Linux keeps it to that from 5.13 on (Landlock; connections from 6.7, signals to others from 6.12 on), with all that it
starts, and for good; it asks for no rights. Elsewhere nothing is taken away here.

One rule: what is closed is said by what is open: all that lies beside the closed folders and the folders above them.

Source: the kernel's documentation, "Landlock: unprivileged access control", userspace API.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path

# Numbers of the calls, the same on all machines that Python is built for.
CREATE, ADD, RESTRICT = 444, 445, 446
NO_NEW_PRIVILEGES = 38
READ_FILE, TCP, OTHERS = 1 << 2, 0b11, 0b11
# Versions of the kernel's interface from which on connections, and signals to others, can be refused.
KNOWS_TCP, KNOWS_OTHERS = 4, 6
BENEATH = 1


def confine(closed: Collection[str], plain: tuple[str, ...] = ()) -> bool:
    """Take from this thread, and all that it starts from now on, the right to read files in some folders.

    Args:
        closed: The folders. One that holds the interpreter, this package or the working directory stays open.
        plain: Ends of names of files in them that may be read still.

    Returns:
        Whether the system keeps to it.

    Example:
        >>> import subprocess, sys, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "prices.csv")
        ...     _ = path.write_text("1")
        ...     script = f"from energy_gym.entries.confined import confine; confine([{folder!r}]); open({str(path)!r})"
        ...     tried = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
        >>> sys.platform != "linux" or "PermissionError" in tried.stderr
        True
    """
    if not sys.platform.startswith("linux"):
        return False
    kernel = ctypes.CDLL(None, use_errno=True)
    version = kernel.syscall(CREATE, None, ctypes.c_size_t(0), 1)
    if version < 1:
        return False
    rules = _asked(kernel, version)
    try:
        for path in _open_ones(_closable(closed), plain):
            _allow(kernel, rules, path)
        kernel.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0)
        return bool(kernel.syscall(RESTRICT, rules, 0) == 0)
    finally:
        os.close(rules)


def _asked(kernel: ctypes.CDLL, version: int) -> int:
    """Return a set of rules that refuses what none of them allows."""
    words = [READ_FILE]
    words += [TCP] if version >= KNOWS_TCP else []
    words += [OTHERS] if version >= KNOWS_OTHERS else []
    asked = struct.pack(f"={len(words)}Q", *words)
    return int(kernel.syscall(CREATE, asked, ctypes.c_size_t(len(asked)), 0))


def _allow(kernel: ctypes.CDLL, rules: int, path: str) -> None:
    # What is gone, or cannot be named, stays closed.
    with suppress(OSError):
        place = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
        kernel.syscall(ADD, rules, BENEATH, struct.pack("=Qi", READ_FILE, place), 0)
        os.close(place)


def _closable(closed: Collection[str]) -> set[Path]:
    """Return the folders as they really are, but for those that hold what every process needs."""
    needed = [Path(sys.prefix), Path(sys.base_prefix), Path(os.__file__), Path(__file__), Path.cwd()]
    real = {Path(folder).resolve() for folder in closed}
    return {folder for folder in real if not any(place.resolve().is_relative_to(folder) for place in needed)}


def _open_ones(closed: set[Path], plain: tuple[str, ...], folder: Path = Path("/")) -> Iterator[str]:
    """Return what lies beside closed folders and those above them; links are judged where they lead."""
    above = {parent for each in closed for parent in each.parents}
    with suppress(PermissionError), os.scandir(folder) as found:
        for item in found:
            path = Path(item.path)
            if item.is_symlink():
                continue
            if path in closed:
                yield from _plain_ones(path, plain)
            elif path in above:
                yield from _open_ones(closed, plain, path)
            else:
                yield item.path


def _plain_ones(folder: Path, plain: tuple[str, ...]) -> Iterator[str]:
    for home, _, names in os.walk(folder):
        yield from (f"{home}/{name}" for name in names if name.endswith(plain))
