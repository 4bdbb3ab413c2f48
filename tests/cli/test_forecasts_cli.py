"""The table of forecasts: errors against pandas, scores against evaluate, and what the command prints and writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import energy_gym
from energy_gym.agents import make_agent
from energy_gym.cli.app import app
from energy_gym.data.feed import open_feed
from energy_gym.errors import ConfigurationError, UnknownIdError
from energy_gym.evaluation import evaluate
from energy_gym.evaluation.forecast_value import fitting, judged
from energy_gym.forecast import Published, Yesterday
from energy_gym.forecast.accuracy import accuracy

DATASET = "ercot-2021-2022"
PRICE = "price_per_mwh"


def test_errors_against_a_naive_computation() -> None:
    feed = open_feed(DATASET, None, "validation")
    price = energy_gym.load(DATASET).frame[PRICE]
    found = accuracy(Yesterday(), feed, PRICE, horizon=5)
    targets = [t + lead for t in range(feed.first, feed.stop) for lead in range(5) if t + lead < feed.stop]
    pairs = [(price.iloc[target - 24], price.iloc[target]) for target in targets]
    expected, actual = np.array(pairs).T
    assert found.mae == pytest.approx(np.abs(expected - actual).mean())
    assert found.rmse == pytest.approx(np.sqrt(((expected - actual) ** 2).mean()))
    ranks = [
        price.iloc[t - 24 : t - 19]
        .reset_index(drop=True)
        .corr(price.iloc[t : t + 5].reset_index(drop=True), method="spearman")
        for t in range(feed.first, feed.stop - 4)
    ]
    assert found.rank_correlation == pytest.approx(np.nanmean(ranks))


def test_errors_of_what_nobody_could_know() -> None:
    feed = open_feed(DATASET, None, "validation")
    published, yesterday = (accuracy(rule, feed, PRICE) for rule in (Published(), Yesterday()))
    assert published.mae < yesterday.mae
    assert published.mae_unknown > published.mae
    assert accuracy(Yesterday(), feed, PRICE, published=False).mae_unknown == pytest.approx(yesterday.mae)
    assert np.isnan(accuracy(Published(), open_feed("california-homes-2016", None, "test"), PRICE).mae_unknown)


def test_the_score_is_what_mpc_earns() -> None:
    (row,) = judged(DATASET, names=("mean",), steps=96)
    env = gym.make("energy_gym/Arbitrage-v1", dataset=DATASET, split="validation", forecast="mean", episode_steps=None)
    options = {"start": env.unwrapped.setup.time(0), "steps": 96}  # type: ignore[attr-defined]  # our environment
    result = evaluate(make_agent("mpc", env), env, options=options)
    assert (row.column, row.forecast, row.unit) == (PRICE, "mean", "USD")
    assert (row.score, row.earned) == pytest.approx((result.score, result.return_))


def test_what_fits_is_judged_and_a_named_one_that_is_unknown_refused() -> None:
    found = fitting(DATASET, "validation", True)
    assert {"mean", "perfect", "published", "yesterday"} <= set(found)
    assert not {"noise", "published-epf"} & set(found)
    assert "published" not in fitting(DATASET, "validation", False)
    assert "published-epf" in fitting("epf-de", "test", True)
    with pytest.raises(UnknownIdError, match="yesterday"):
        list(judged(DATASET, names=("yesterdy",), steps=24))


def test_the_command_prints_and_writes(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    words = ["forecasts", DATASET, "--steps", "48", "--csv", str(path)]
    result = CliRunner().invoke(app, [*words, "--forecast", "yesterday", "--forecast", "perfect"])
    assert result.exit_code == 0, result.output
    assert all(len(line.rstrip()) <= 80 for line in result.stdout.splitlines())
    table = pd.read_csv(path)
    assert table["forecast"].tolist() == ["yesterday", "perfect"]
    assert table["mae"][1] == 0.0
    assert f"{table['score'][0]:.3f}" in result.stdout


def test_a_tariff_is_known_ahead_and_nothing_that_was_computed_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("lightgbm")
    from energy_gym.evaluation import forecast_value

    words = ("forecasts", "california-homes-2016", "--steps", "24", "--forecast", "mean", "--forecast", "lightgbm")
    result = CliRunner().invoke(app, [*words], catch_exceptions=False)
    assert result.exit_code == 0
    assert [line.split()[0] for line in result.stdout.splitlines() if "lightgbm" in line] != []
    # One that does not suit is told with its reason, below what the others came to.
    usual = forecast_value.judge

    def judge(dataset: str, split: str, column: str, told: str, *rest: Any) -> Any:
        if told == "mean":
            raise ConfigurationError("forecast 'mean'", "does not suit", "choose another")
        return usual(dataset, split, column, told, *rest)

    monkeypatch.setattr(forecast_value, "judge", judge)
    result = CliRunner().invoke(app, [*words[:-1], "yesterday"], catch_exceptions=False)
    assert result.exit_code == 0
    assert "left out: price_per_mwh mean: forecast 'mean': does not suit; choose another" in result.stdout
    assert "yesterday" in result.stdout
