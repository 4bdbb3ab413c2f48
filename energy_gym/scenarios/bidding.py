"""``energy_gym/Bidding-v0``: a producer that bids at gate closures."""

from __future__ import annotations

from energy_gym.bidding.env import BiddingEnv as _BiddingEnv
from energy_gym.bidding.vector_env import BiddingVectorEnv as _BiddingVectorEnv


class BiddingEnv(_BiddingEnv):
    """Doc."""


class BiddingVectorEnv(_BiddingVectorEnv):
    """Doc."""
