"""Readers of raw files: one for each layout, chosen by a card's ``reader``."""
