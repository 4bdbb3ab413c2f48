"""What the card of every data set with real files is held to."""

from __future__ import annotations

import pytest

from energy_gym.data import card, check, load
from energy_gym.data.loading import read_raw


def accounts_for_every_defect(dataset: str) -> None:
    """Hold a card to the defects of its raw file: all that are found, and no other."""
    report = check(read_raw(dataset), card(dataset))
    assert report.passed, [finding.text for finding in report.failures]
    known = {(finding.column, finding.kind, finding.steps) for finding in report.findings}
    assert known == {(entry.column, entry.finding, entry.steps) for entry in card(dataset).expected}


def has_statistics_of_the_training_split(dataset: str) -> None:
    """Hold the statistics of a card's columns to those of its training split, as pandas finds them."""
    loaded = load(dataset)
    first, stop = loaded.bounds("train")
    for name, column in loaded.card.columns.items():
        values = loaded.frame[name].iloc[first:stop]
        low, middle, high = values.quantile([0.05, 0.5, 0.95])
        expected = (values.mean(), middle, (high - low) / 2 or 1.0)
        found = (column.statistics.mean, column.statistics.offset, column.statistics.scale)
        assert found == pytest.approx(expected, rel=1e-5)
