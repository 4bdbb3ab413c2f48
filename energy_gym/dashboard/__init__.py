"""A page for browsers: scenarios, sites while they happen, results of agents side by side, and data.

One rule: the page and its scripts lie beside it in ``static`` and ask only the server that they came from.
"""
