"""What learners start from, as the files beside this one say.

One rule: ``defaults/AGENT.yaml`` holds all settings of an agent; ``AGENT-WHERE.yaml`` what an engine or a kind of task
changes of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

DEFAULTS = Path(__file__).resolve().parent / "defaults"


@cache
def defaults(name: str) -> Mapping[str, Any]:
    """Return the settings that an agent starts from, its budget included.

    Example:
        >>> defaults("dqn")["gamma"] < 1.0
        True
    """
    tree: Mapping[str, Any] = yaml.safe_load((DEFAULTS / f"{name}.yaml").read_text(encoding="utf-8"))
    return tree


def changed_defaults(name: str, where: str) -> Mapping[str, Any]:
    """Return what an agent starts from otherwise with an engine or on a kind of task; nothing for most.

    Example:
        >>> changed_defaults("ppo", "jax")["hidden"], changed_defaults("ppo", "sb3")
        ([64, 64], {})
        >>> changed_defaults("bc", "real-time")["expert"]["policy"]
        'sdp'
    """
    named = f"{name}-{where}"
    return defaults(named) if (DEFAULTS / f"{named}.yaml").is_file() else {}
