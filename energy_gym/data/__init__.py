"""Data sets: cards, loading, filling and checking; its one rule: every figure comes with its card."""

from __future__ import annotations

from energy_gym.data.cards import Card, Column, Expected, Origin, RawFile, Statistics
from energy_gym.data.catalogue import card, card_ids
from energy_gym.data.checks import Finding, Report, check
from energy_gym.data.dataset import Dataset
from energy_gym.data.filling import fill_similar_day
from energy_gym.data.loading import load
from energy_gym.data.validation import validate_frame

__all__ = [
    "Card",
    "Column",
    "Dataset",
    "Expected",
    "Finding",
    "Origin",
    "RawFile",
    "Report",
    "Statistics",
    "card",
    "card_ids",
    "check",
    "fill_similar_day",
    "load",
    "validate_frame",
]
