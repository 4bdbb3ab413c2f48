"""Bidding: a producer commits energy at gate closures, and is settled on what it committed and delivered."""
