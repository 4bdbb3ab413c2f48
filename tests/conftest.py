"""What the tests share: the local mirror of real files, and small series."""

from __future__ import annotations

import importlib.util
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import settings

# What is drawn is the same in each run; `--hypothesis-profile=default` draws other examples.
settings.register_profile("same", derandomize=True)
settings.load_profile("same")

# The suite runs a process a core: libraries that start a thread a core as well would wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")

if os.environ.get("ENERGY_GYM_REFUSE_NETWORK"):
    _connect = socket.socket.connect

    def _refuse(self: socket.socket, address: Any) -> None:
        """Connect to this machine alone: for machines on which no network namespace can be made."""
        if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in ("127.0.0.1", "::1", "localhost"):
            raise OSError(f"the tests want no network, and one asked for {address}")
        _connect(self, address)

    socket.socket.connect = _refuse  # type: ignore[method-assign]

MIRROR = Path(__file__).resolve().parents[2] / "shared" / "data"


# What a version of Gymnasium or of Stable-Baselines3 can change, by how the paths of tests begin: the lanes differ in
# these and in no solver.
ON_VERSIONS = (
    "agents/records",
    "agents/test_",
    "bidding/test_bidding_batch",
    "bidding/test_bidding_checkers",
    "envs",
    "in_jax",
    "leaderboard/test_engines",
    "leaderboard/test_leaderboard",
    "leaderboard/test_own",
    "leaderboard/test_stress",
    "oracle/test_identities",
    "reserve/test_fleet_env",
    "reserve/test_stacking",
    "test_testing",
)
# Examples that need the extra jax, by parts of their names.
OF_TRAINING = ("policies.mixed", "together.fit_together", "curves.learning_curve")
OF_JAX = ("energy_gym/jax/", "docs/jax.md", "backends.traced", "backends.Traced", *OF_TRAINING)
HAS_JAX = importlib.util.find_spec("jaxlib") is not None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what the second dependency lane runs, in addition to the README."""
    here = Path(__file__).parent
    for item in items:
        below = item.path.relative_to(here).as_posix() if item.path.is_relative_to(here) else ""
        if below.startswith(ON_VERSIONS) or item.path.name == "README.md":
            item.add_marker(pytest.mark.versions)
        if "real_data" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.real_data)
        if not HAS_JAX and any(part in item.nodeid for part in OF_JAX):
            item.add_marker(pytest.mark.skip(reason="the extra jax is not installed"))


@pytest.fixture(scope="session")
def cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache of this session's own, so that no test reads or writes the user's."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ENERGY_GYM_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="session")
def real_data(cache_folder: Path) -> Iterator[Path]:
    """Folder of the real raw files: ``ENERGY_GYM_DATA``, or the mirror beside the checkout."""
    mirror = Path(os.environ.get("ENERGY_GYM_DATA", MIRROR))
    if not mirror.is_dir():
        pytest.skip("no mirror of the real files: set ENERGY_GYM_DATA")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ENERGY_GYM_DATA", str(mirror))
        yield mirror


@pytest.fixture(scope="session", autouse=True)
def _no_user_cache(cache_folder: Path) -> None:
    """Keep every test off the user's cache."""


def make_series(steps: int, seed: int = 0, minutes: int = 60, zone: str = "UTC") -> pd.DataFrame:
    """Return prices of both signs and carbon intensities with a daily shape."""
    rng = np.random.default_rng(seed)
    index = pd.date_range("2024-03-01", periods=steps, freq=f"{minutes}min", tz=zone)
    wave = np.sin(np.arange(steps) * minutes / 1440.0 * 2.0 * np.pi)
    price = 40.0 + 30.0 * wave + rng.normal(0.0, 25.0, steps)
    carbon = np.clip(350.0 - 120.0 * wave + rng.normal(0.0, 40.0, steps), 0.0, None)
    return pd.DataFrame({"price_per_mwh": price, "carbon_g_per_kwh": carbon}, index=index)


@pytest.fixture
def series() -> pd.DataFrame:
    """Ten days of hourly prices of both signs and carbon intensities."""
    return make_series(240)


def make_site(steps: int, seed: int = 0, minutes: int = 60, zone: str = "UTC") -> pd.DataFrame:
    """Return the same with a load and with PV that is more than the load at some noons [kW]."""
    rng = np.random.default_rng(seed + 1)
    phase = np.arange(steps) * minutes / 1440.0 * 2.0 * np.pi
    sun = np.clip(-np.cos(phase), 0.0, None) * rng.uniform(0.3, 1.0, steps)
    load = 3.0 - np.sin(phase) + rng.gamma(2.0, 0.4, steps)
    return make_series(steps, seed, minutes, zone).assign(load_kw=load, pv_kw=9.0 * sun)


@pytest.fixture
def site() -> pd.DataFrame:
    """Ten days of hourly prices, carbon intensities, load and PV."""
    return make_site(240)


@pytest.fixture
def data_of(series: pd.DataFrame, site: pd.DataFrame) -> Callable[[str], pd.DataFrame]:
    """What each id can run on: prices alone, a site by the hour, or 31 days of a site by the quarter hour."""
    own = {"energy_gym/Arbitrage-v1": series, "energy_gym/Commercial-v1": make_site(31 * 96, minutes=15)}
    return lambda name: own.get(name, site)


@pytest.fixture(scope="session")
def tiers() -> type[Any]:
    """A contract with prices and a ledger: a tariff in tiers of the month's consumption."""
    from energy_gym.contracts import TieredTariff

    return TieredTariff
