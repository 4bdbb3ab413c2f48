"""Operations compiled for this processor: one loop over environments, through LLVM (llvmlite, extra ``fast``).

LLVM is told that no two arrays overlap, which is what lets it work on several environments with one instruction; Numba,
which is built on the same compiler, cannot say so of its arguments, gives up above a dozen arrays, and took seconds
where this takes a tenth of one.

One rule: no flag that lets a compiler rearrange or fuse what was written: each operation rounds as it does in NumPy.
"""

from __future__ import annotations

import ctypes
import importlib.util
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from energy_gym.arrays import Floats
from energy_gym.machine.cores import Sharing
from energy_gym.machine.sliding import Cut, cut
from energy_gym.machine.text import Laid, Rows, Text
from energy_gym.tracing import Trace


def installed() -> bool:
    """Return whether the compiler is installed; it is not imported for it."""
    return importlib.util.find_spec("llvmlite") is not None


class Compiled:
    """A function of arrays with a value per environment, compiled from a trace.

    Args:
        trace: The operations.
        outputs: What the function gives: symbols of the trace, arrays or numbers.
        rows: Rows that are shown.
        pieces: The same rows cut, but for their first places, where several functions show them; None cuts them here.
        own: How many of the first outputs the caller writes into, and keeps.

    Example:
        >>> trace = Trace(num_envs=3)
        >>> price = trace.given("price")
        >>> half = Compiled(trace, [trace.positive(price) / 2.0], Rows(np.ones((1, 2), np.float32), 0, (0,)))
        >>> found, seen = half(np.zeros(3, dtype=int), [np.array([1.0, -1.0, 4.0])])
        >>> found[0].tolist(), seen.tolist()
        ([0.5, 0.0, 2.0], [[0.5, 1.0], [0.0, 1.0], [2.0, 1.0]])
    """

    def __init__(
        self, trace: Trace, outputs: Sequence[Any], rows: Rows, pieces: Cut | None = None, own: int = 0
    ) -> None:
        self._size, self._width = trace.num_envs, rows.array.shape[1]
        found = cut(rows.array[:, len(rows.places) :]) if pieces is None else pieces
        values, begins = zip(*found.series, strict=True) if found.series else ((), ())
        began = [one for one in begins if one is not None]
        self._still = [found.table, *values, *began, *trace.each, *trace.series, *trace.tables]
        named = [trace.named(value) for value in outputs]
        fixed = _fixed(named, {*range(own), *rows.places})
        self._fixed = [(place, np.broadcast_to(value, self._size)) for place, value in fixed]
        text = Text(trace, named, rows, found, [place for place, _ in fixed], own)
        self._shapes = text.shapes
        self._engine, self._run = loaded(text.whole())
        still = [*map(begin_of, self._still)]
        self._open, places = len(still), len(still) + 4 + len(rows.laid) + len(trace.inputs)
        self._addresses = (ctypes.c_size_t * places)(*still)
        self._place = ctypes.c_void_p(ctypes.addressof(self._addresses))
        self._sharing = Sharing(self._size, self._size * self._width * rows.array.itemsize)

    def __call__(
        self, t: npt.NDArray[np.int64], given: Sequence[Floats], laid: Sequence[Laid] = ()
    ) -> tuple[list[Floats], npt.NDArray[np.float32]]:
        """Return the outputs, each of shape (num_envs,), and what is shown, shape (num_envs, width).

        An output that is one number for all environments at all times is that number spread over them (of stride 0):
        nothing is written, and it can only be read.

        Args:
            t: The step that each environment plays, shape (num_envs,).
            given: The arrays that are given, in the order of the trace's inputs.
            laid: What is laid over the rows, if anything is.
        """
        own, out = map(np.empty, self._shapes)
        seen = np.empty((self._size, self._width), np.float32)
        told = [item if item.flags.c_contiguous else np.ascontiguousarray(item) for item in given]
        self._addresses[self._open :] = [
            *[_address(item) for item in (t, own, out, seen)],
            *[begin_of(item.array) for item in laid],
            *[_address(item) for item in told],
        ]
        self._sharing.play(self._run, self._place)
        found = [*own[:, : self._size], *out[:, : self._size]]
        for place, array in self._fixed:
            found.insert(place, array)
        return found, seen


def _fixed(named: Sequence[str | float], written: Collection[int]) -> list[tuple[int, float]]:
    """Return the outputs that are numbers, with their places, but for those that are written whatever they are."""
    return [(place, value) for place, value in enumerate(named) if isinstance(value, float) and place not in written]


def _address(array: Any) -> int:
    """Return where an array without gaps begins: what can be written to says so in a third of the time."""
    try:
        return ctypes.addressof(ctypes.c_char.from_buffer(array))
    except (TypeError, ValueError):
        return begin_of(array)


def begin_of(array: Any) -> int:
    """Return where an array begins."""
    return int(array.__array_interface__["data"][0])


def loaded(text: str) -> tuple[Any, Any]:
    """Return what keeps the machine code of a text, and its function of a table of addresses, a first and an end."""
    from importlib import import_module

    llvm = import_module("llvmlite.binding")

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=llvm.get_host_cpu_features().flatten(), opt=3
    )
    module = llvm.parse_assembly(text)
    module.verify()
    options = llvm.create_pipeline_tuning_options(speed_level=3)
    options.loop_vectorization = options.slp_vectorization = True
    passes = llvm.create_pass_builder(machine, options)
    passes.getModulePassManager().run(module, passes)
    engine = llvm.create_mcjit_compiler(module, machine)
    engine.finalize_object()
    run = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)(engine.get_function_address("run"))
    return engine, run
