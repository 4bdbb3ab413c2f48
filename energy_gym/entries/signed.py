"""Results with a hash over all that they say, so that a figure that was changed afterwards is found.

One rule: the canonical form is JSON with sorted keys, no blanks, ASCII escapes, numbers as Python's ``repr`` writes
them and null for what is no number; the hash is the SHA-256 of its bytes, of everything but the hash itself.

It is no signature of a person: whoever can play an entry can make it, and whoever doubts it plays the entry again.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from energy_gym.entries.shape import check_results
from energy_gym.errors import ResultsError

FORMAT = 1
HASH = "sha256"
FIELDS = {"format", "entry", "suite", "title", "versions", "command", "tasks", HASH}


def canonical(content: Any) -> bytes:
    """Return the canonical form of what JSON can hold.

    Example:
        >>> canonical({"b": 0.1, "a": [1, float("nan")]})
        b'{"a":[1,null],"b":0.1}'
    """
    return json.dumps(_plain(content), sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")


def signed(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return content with the hash of all of it.

    Example:
        >>> signed({"score": 0.5})["sha256"][:16]
        '2e4c25ffee23d189'
    """
    rest = {name: value for name, value in content.items() if name != HASH}
    return {**_plain(rest), HASH: hashlib.sha256(canonical(rest)).hexdigest()}


def read_signed(path: Path) -> dict[str, Any]:
    """Read signed results.

    Raises:
        ResultsError: The file cannot be read, is of another format, was changed after it was signed, or lacks what
            results hold.
    """
    try:
        tree = json.loads(path.read_text(encoding="utf-8"))
        found = str(signed(tree)[HASH]) if isinstance(tree, dict) else ""
    except (OSError, ValueError, RecursionError) as error:
        cause = " ".join(str(error).split())
        raise ResultsError(f"{path}", f"holds no results ({cause})", "play the entry: energy-gym submit") from error
    if not isinstance(tree, dict) or tree.get("format") != FORMAT or set(tree) != FIELDS:
        raise ResultsError(f"{path}", f"holds no results of format {FORMAT}", "play the entry: energy-gym submit")
    said = str(tree[HASH])
    if found != said:
        told = f"says {said[:16]}..., its contents give {found[:16]}...: it was changed"
        raise ResultsError(f"{path}: sha256", told, "play the entry again: energy-gym submit")
    check_results(tree, path)
    return tree


def _plain(value: Any) -> Any:
    """Return a value with null in place of what is no number."""
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
