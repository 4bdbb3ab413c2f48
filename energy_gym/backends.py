"""How floats, NumPy, torch and JAX spell the few functions that the arithmetic operators do not cover.

The laws use only ``+ - * /`` and these namespaces, so that one statement of the physics serves all three, bit for bit.
"""

from __future__ import annotations

from types import ModuleType, SimpleNamespace
from typing import Any, Protocol, cast

import numpy as np

from energy_gym.errors import MissingExtraError


class Namespace(Protocol):
    """What a law may ask of its numbers beyond arithmetic."""

    def positive(self, value: Any) -> Any:
        """Return the value where it is above 0, else 0."""

    def bounded(self, value: Any, limit: Any) -> Any:
        """Return the value, cut to a limit that counts as 0 where it is negative."""

    def lesser(self, value: Any, limit: Any) -> Any:
        """Return the value, cut to a limit."""

    def looked_up(self, table: Table, place: Any) -> Any:
        """Return the entry of a table at a place; what lies before the first or after the last is that one."""


class Table:
    """Numbers that a law looks up by a whole number that it carries.

    Args:
        values: The numbers, shape (n,); or (n, B), where each of B environments has its own.

    Example:
        >>> scalars.looked_up(Table([1.0, 2.0, 4.0]), 1.0), scalars.looked_up(Table([1.0, 2.0, 4.0]), 9.0)
        (2.0, 4.0)
        >>> arrays.looked_up(Table([[1.0, 10.0], [2.0, 20.0]]), np.array([1.0, 0.0])).tolist()
        [2.0, 10.0]
    """

    __slots__ = ("array", "floats", "last")

    def __init__(self, values: Any) -> None:
        self.array = np.array(values, dtype=np.float64)
        self.floats: Any = self.array.tolist()
        self.last = len(self.array) - 1


def _positive(value: float) -> float:
    return value if value > 0.0 else 0.0


def _bounded(value: float, limit: float) -> float:
    return value if value <= limit else (limit if limit > 0.0 else 0.0)


def _lesser(value: float, limit: float) -> float:
    return value if value <= limit else limit


def _looked_up(table: Table, place: float) -> float:
    found: float = table.floats[int(min(max(place, 0.0), table.last))]
    return found


class _Arrays:
    """NumPy arrays of any shape; adding 0.0 turns -0.0 into 0.0, as the comparisons on floats do."""

    __slots__ = ()

    @staticmethod
    def positive(value: Any) -> Any:
        return np.maximum(value, 0.0) + 0.0

    @staticmethod
    def bounded(value: Any, limit: Any) -> Any:
        return np.minimum(value, np.maximum(limit, 0.0))

    lesser = staticmethod(np.minimum)

    @staticmethod
    def looked_up(table: Table, place: Any) -> Any:
        places = np.clip(place, 0, table.last).astype(np.int64)
        return table.array[places] if table.array.ndim == 1 else table.array[places, np.arange(table.array.shape[1])]


# A module is the namespace whose functions Python finds fastest; comparisons are three times as fast as min and max.
_scalars: Any = ModuleType("scalars")
_scalars.positive, _scalars.bounded, _scalars.lesser, _scalars.looked_up = _positive, _bounded, _lesser, _looked_up
scalars: Namespace = _scalars
arrays: Namespace = _Arrays()


def tensors() -> Namespace:
    """Return the namespace of torch tensors (imports torch on the first call); a flow that is zero may be a float.

    Raises:
        MissingExtraError: If torch is not installed.

    Example:
        >>> import torch
        >>> tensors().bounded(torch.tensor(2.0), torch.tensor(-1.0)).item()
        0.0
    """
    try:
        import torch
    except ImportError as error:
        raise MissingExtraError.of("torch", "sb3") from error

    def positive(value: Any) -> Any:
        return torch.clamp(value, min=0.0) + 0.0 if isinstance(value, torch.Tensor) else _positive(value)

    def bounded(value: Any, limit: Any) -> Any:
        top = positive(limit)
        if isinstance(value, torch.Tensor):
            return torch.minimum(value, top) if isinstance(top, torch.Tensor) else torch.clamp(value, max=top)
        return torch.clamp(top, max=value) if isinstance(top, torch.Tensor) else _bounded(value, top)

    def lesser(value: Any, limit: Any) -> Any:
        if isinstance(value, torch.Tensor) and isinstance(limit, torch.Tensor):
            return torch.minimum(value, limit)
        wide, other = (value, limit) if isinstance(value, torch.Tensor) else (limit, value)
        return torch.clamp(wide, max=other) if isinstance(wide, torch.Tensor) else _lesser(value, limit)

    def looked_up(table: Table, place: Any) -> Any:
        if not isinstance(place, torch.Tensor):
            return _looked_up(table, place)
        values = torch.as_tensor(table.array, dtype=place.dtype, device=place.device)
        return values[place.clamp(0, table.last).long()]

    functions = {"positive": positive, "bounded": bounded, "lesser": lesser, "looked_up": looked_up}
    return cast(Namespace, SimpleNamespace(**functions))


class Traced:
    """JAX arrays of any shape, compiled or not; gradients at a limit are those of torch.

    Args:
        jnp: The module ``jax.numpy``.
    """

    __slots__ = ("_jnp",)

    def __init__(self, jnp: Any) -> None:
        self._jnp = jnp

    def positive(self, value: Any) -> Any:
        """See `Namespace.positive`."""
        return self.kept(value, value)

    def bounded(self, value: Any, limit: Any) -> Any:
        """See `Namespace.bounded`."""
        return self._jnp.minimum(value, self.positive(limit))

    def lesser(self, value: Any, limit: Any) -> Any:
        """See `Namespace.lesser`."""
        return self._jnp.minimum(value, limit)

    def looked_up(self, table: Table, place: Any) -> Any:
        """See `Namespace.looked_up`."""
        return self._jnp.asarray(table.array)[self._jnp.clip(place, 0, table.last).astype(int)]

    def kept(self, value: Any, test: Any) -> Any:
        """See `energy_gym.contracts.clearing.ClearingNamespace.kept`."""
        return self._jnp.where(self._jnp.asarray(test) >= 0.0, value, 0.0)

    def whole(self, value: Any) -> Any:
        """See `energy_gym.contracts.clearing.ClearingNamespace.whole`."""
        return self._jnp.floor(value)


def traced() -> Traced:
    """Return the namespace of JAX arrays (imports JAX on the first call).

    Raises:
        MissingExtraError: If JAX is not installed.

    Example:
        >>> float(traced().bounded(2.0, -1.0))
        0.0
    """
    try:
        import jax.numpy as jnp
    except ImportError as error:
        raise MissingExtraError.of("jax", "jax") from error
    return Traced(jnp)
