"""Objects of a site's own, named in its settings; its one rule: what cannot be imported is told at the start."""

from __future__ import annotations

import importlib
from typing import Any

from energy_gym.errors import ConfigurationError, EnergyGymError


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


def made(name: str, what: str, remedy: str, *told: Any) -> Any:
    """Return what the factory comes to that ``module:name`` names.

    Args:
        name: The factory.
        what: What it makes, for messages.
        remedy: What to do where it fails.
        told: What it is called with.

    Raises:
        ConfigurationError: It cannot be imported, or fails.

    Example:
        >>> made("builtins:dict", "callback", "mend it", [("a", 1)])
        {'a': 1}
    """
    try:
        return imported(name)(*told)
    except EnergyGymError:
        raise
    except Exception as error:
        raise ConfigurationError(f"{what} {name!r}", f"cannot be made ({error!r})", remedy) from error
