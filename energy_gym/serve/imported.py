"""Objects of a site's own, named in its settings; its one rule: what cannot be imported is told at the start."""

from __future__ import annotations

import importlib
from typing import Any

from energy_gym.errors import ConfigurationError


def imported(name: str) -> Any:
    """Return what ``module:name`` names.

    Raises:
        ConfigurationError: It cannot be imported.

    Example:
        >>> imported("math:sqrt")(4.0)
        2.0
    """
    module, _, attribute = name.partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigurationError(f"{name!r}", f"cannot be imported ({error})", "write module:name") from error
