"""The service: a scenario that is planned for and commanded while it happens (extra ``serve``).

One rule: no law and no optimiser of its own; what is planned, commanded and billed comes from the scenario, the agents
and the oracle of the suite.
"""
