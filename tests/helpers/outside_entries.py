"""Entries as strangers would make them: a folder with an ``agent.yaml``, a suite of one week, and code beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

SUITE = """
title: A week
description: A week of July.
agents: [idle]
tasks:
  - name: week
    id: energy_gym/Arbitrage-v1
    keywords: {dataset: ercot-2021-2022, split: test, episode_steps: 168}
"""
# What reads the price of the coming step from its observation and follows it.
FOLLOWER = """
class Follower:
    def __init__(self, env, seed):
        names = [slot.name for slot in env.unwrapped.layout]
        self.now, self.later = names.index("price_per_mwh[+0]"), names.index("price_per_mwh[+8]")

    def reset(self):
        pass

    def act(self, observation, info):
        return [1.0 if observation[self.later] > observation[self.now] else -1.0]
"""


def entry(folder: Path, code: str = FOLLOWER, suite: str = SUITE, **fields: Any) -> Path:
    """Write an entry whose class of ``player.py`` is the last one there; a field that is None is left out."""
    folder.mkdir(parents=True, exist_ok=True)
    name = [line.split()[1].partition(":")[0].partition("(")[0] for line in code.splitlines() if "class " in line][-1]
    said: dict[str, Any] = {
        "name": folder.name,
        "authors": ["Ada"],
        "licence": "MIT",
        "data_licence": "none: nothing was learnt",
        "description": "Follows the price.",
        "agent": f"player:{name}",
        "suite": "week.yaml",
        **fields,
    }
    kept = {field: value for field, value in said.items() if value is not None}
    (folder / "agent.yaml").write_text(yaml.safe_dump(kept), encoding="utf-8")
    (folder / "week.yaml").write_text(suite, encoding="utf-8")
    (folder / "player.py").write_text(code, encoding="utf-8")
    return folder
