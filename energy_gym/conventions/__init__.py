"""Other conventions for the same environments: several agents, several rewards, several costs.

One rule: each is a reading of the one step; nothing is played twice, and no law is written again.
"""
