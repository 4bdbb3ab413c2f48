"""Stochastic dynamic programming: agents whose decisions weigh what energy is worth in a future that is not known."""
