"""Bidding: a producer that commits energy at gate closures, and is settled on what it committed and what it delivered."""
