"""The page of forecasts: it shows what was kept, says what is not below the rules, and a second call judges nothing."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
PRICE = "price_per_mwh"


@pytest.fixture(scope="module")
def scripts() -> Iterator[dict[str, ModuleType]]:
    """The modules, which lie in a folder that is no package."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "benchmarks"))
        yield {name: importlib.import_module(name) for name in ("forecasts", "forecasts_page")}


def row(forecast: str, mae: float, score: float, published: bool = False) -> dict[str, Any]:
    told = {"dataset": "ercot", "title": "ERCOT", "column": PRICE, "unit": "USD/MWh", "currency": "USD", "steps": 48}
    errors = {"mae": mae / 2.0 if published else mae, "mae_unknown": mae, "rmse": 2.0 * mae, "rank_correlation": 0.5}
    return {**told, **errors, "forecast": forecast, "published": published, "score": score, "earned": 100.0 * score} | {
        "settings": f"{forecast} with its settings"
    }


def test_what_is_not_below_the_rules_is_said(scripts: dict[str, ModuleType]) -> None:
    rows = [row("perfect", 0.0, 1.0), row("yesterday", 8.0, 0.8), row("mean", 7.0, 0.9)]
    rows += [row("lightgbm", 5.0, 0.7), row("nbeats", 7.7, 0.9)]
    rows += [row("published", 4.0, 0.95, True), row("lightgbm", 3.0, 0.95, True)]
    lines = scripts["forecasts_page"].page(rows).splitlines()
    assert "| ercot, price, hidden | 8.00 |  | 7.00 | 5.00 | 7.70 |" in lines
    assert "| ercot, price, published |  | 4.00 |  | 3.00 |  |" in lines
    assert "Of 3 errors of `lightgbm` and `nbeats`, 2 are below those of all rules beside them." in lines
    assert "Not below the better rule: nbeats on ercot, price, hidden (+10.0%)." in lines
    assert "In 1 of 2 series the forecast with the smallest error earns most." in lines
    assert "Another one earns more on ercot, price, hidden (mean 0.9000 over lightgbm 0.7000)." in lines
    assert "| lightgbm | 1.50 | 3.00 | 6.00 | 0.500 | 0.9500 | 95.00 |" in lines
    assert "- `nbeats with its settings`" in lines


def test_the_script_judges_what_is_missing(
    scripts: dict[str, ModuleType], real_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["--markets", "ercot", "--forecasts", "noise", "yesterday", "--steps", "48", "--out", str(tmp_path)]
    words += ["--page", str(tmp_path / "page.md")]
    scripts["forecasts"].main(words)
    text = (tmp_path / "page.md").read_text(encoding="utf-8")
    assert {"## ercot, price, hidden", "## ercot, carbon"} <= set(text.splitlines())
    kept = sorted((tmp_path / "rows").iterdir())
    assert len(kept) == 4
    judged: list[str] = []
    genuine = scripts["forecasts"].play
    monkeypatch.setattr(
        scripts["forecasts"], "play", lambda case, steps: judged.append(case.told) or genuine(case, steps)
    )
    kept[0].unlink()
    kept[-1].write_text("{", encoding="utf-8")
    scripts["forecasts"].main(words)
    assert sorted(judged) == ["noise", "yesterday"]
    assert (tmp_path / "page.md").read_text(encoding="utf-8") == text


def test_the_section_on_paths_is_kept_and_replaced(scripts: dict[str, ModuleType]) -> None:
    module = scripts["forecasts_page"]
    first = module.put_section("# Forecasts\n\ntext\n", f"{module.HEADING}\n\none\n")
    assert first == f"# Forecasts\n\ntext\n\n{module.HEADING}\n\none\n"
    assert module.put_section(first, f"{module.HEADING}\n\ntwo\n") == first.replace("one", "two")
    assert module.section_of("# Forecasts\n") == ""
    assert module.put_section("# Forecasts\n", module.section_of(first)).endswith(f"\n\n{module.HEADING}\n\none\n")
