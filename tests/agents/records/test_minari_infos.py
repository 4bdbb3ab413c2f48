"""Minari's own recorder with all that info says: every id is recorded, written and read back as it was."""

from __future__ import annotations

import sys
import types
import warnings
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from energy_gym.scenarios.registration import SCENARIOS

STEPS = 4
EPISODES = 2


@pytest.fixture
def minari(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Minari, writing below a folder of the test. Of JAX it takes one function, which torch has too."""
    pytest.importorskip("h5py", reason="h5py is not installed")
    found = pytest.importorskip("minari", reason="Minari is not installed")
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    try:
        import jax.tree_util  # noqa: F401  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        trees = pytest.importorskip("torch.utils._pytree", reason="neither JAX nor torch is installed")
        module: Any = types.ModuleType("jax.tree_util")
        module.tree_map = trees.tree_map
        monkeypatch.setitem(sys.modules, "jax", types.ModuleType("jax"))
        monkeypatch.setitem(sys.modules, "jax.tree_util", module)
    return found


def recorded(minari: Any, name: str, actions: str) -> tuple[Any, list[list[dict[str, Any]]]]:
    """Play two episodes in Minari's recorder; return what it wrote, and what info said."""
    collector = minari.DataCollector(gym.make(name, actions=actions, episode_steps=STEPS), record_infos=True)
    collector.action_space.seed(0)
    said = []
    for seed in range(EPISODES):
        said.append([collector.reset(seed=seed)[1]])
        for _ in range(STEPS):
            said[-1].append(collector.step(collector.action_space.sample())[4])
    with warnings.catch_warnings():
        # It asks for an author and a permanent link of the code, and leaves its folders to be tidied away.
        warnings.simplefilter("ignore")
        collector.create_dataset(f"test/{actions}-v0")
        collector.close()
        del collector
    return minari.load_dataset(f"test/{actions}-v0"), said


@pytest.mark.parametrize("actions", ["continuous", "discrete-3"])
@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_it_is_read_back_as_it_was(minari: Any, name: str, actions: str) -> None:
    dataset, said = recorded(minari, name, actions)
    assert dataset.total_episodes == EPISODES
    for episode, infos in zip(dataset.iterate_episodes(), said, strict=True):
        assert set(episode.infos) == set(infos[0])
        for figure in infos[0]:
            assert isinstance(episode.infos[figure], np.ndarray)
            expected = np.array([info[figure] for info in infos])
            np.testing.assert_array_equal(episode.infos[figure], expected, err_msg=figure)
