"""What ``sdp`` has learnt, as arrays for a file.

One rule: what is read is what was written, and a chain that is no law is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from energy_gym.agents.sdp.course import Course
from energy_gym.agents.sdp.net_noise import NetChain
from energy_gym.agents.sdp.site import SiteLaw
from energy_gym.arrays import Floats
from energy_gym.forecast.error_chain import ErrorChain


class MarketLaw(NamedTuple):
    """What is learnt of a market: the chain of its errors, and the usual price of each hour, shape (24,)."""

    chain: ErrorChain
    usual: Floats


Learnt = MarketLaw | SiteLaw


def to_arrays(learnt: Learnt | None) -> dict[str, Any]:
    """Return what was learnt as arrays by name."""
    if learnt is None:
        return {}
    if isinstance(learnt, MarketLaw):
        return {**learnt.chain.arrays(), "usual": learnt.usual}
    parts: dict[str, Any] = {"chain": learnt.chain, "course": learnt.course}
    named = {f"{name}.{key}": value for name, part in parts.items() for key, value in part._asdict().items()}
    return {**named, "stands_kw": learnt.stands_kw, "most_kw": np.array(learnt.most_kw)}


def from_arrays(arrays: Mapping[str, Any]) -> Learnt:
    """Return what was learnt from arrays by name.

    Raises:
        DataError: A chain is no law.
    """
    if "usual" in arrays:
        return MarketLaw(ErrorChain.of(arrays), np.asarray(arrays["usual"], dtype=float))
    chain, course = NetChain.of(_under(arrays, "chain")), Course.of(_under(arrays, "course"))
    return SiteLaw(course, chain, np.asarray(arrays["stands_kw"]), float(arrays["most_kw"]))


def _under(arrays: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    return {key.removeprefix(f"{prefix}."): arrays[key] for key in arrays if key.startswith(f"{prefix}.")}
