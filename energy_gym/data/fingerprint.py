"""The hash of a feed: two environments with the same one have the same series, known at the same times."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from energy_gym.data.feed import Feed


def feed_hash(feed: Feed) -> str:
    """Return the hash of the series, their clock, when they are published and the figures that scale and close them.

    Example:
        >>> from energy_gym.data.feed import open_feed
        >>> parts = [feed_hash(open_feed("ercot-2021-2022", None, split)) for split in ("test", "test", "train")]
        >>> parts[0] == parts[1], parts[0] == parts[2]
        (True, False)
    """
    clock = (str(feed.times[0]), feed.step_hours, feed.zone, feed.first, feed.stop)
    digest = hashlib.sha256(repr(clock).encode())
    for name, values in sorted(feed.values.items()):
        known = f"{name}|{feed.published.get(name)}|{feed.statistics.get(name)}"
        digest.update(known.encode() + values.tobytes())
    return digest.hexdigest()
