"""Where time series are kept: in memory, in a folder of Parquet files, or in any SQL database, behind one interface."""

from energy_gym.data.storage.base import DataBackend
from energy_gym.data.storage.frames import FrameBackend, open_backend
from energy_gym.data.storage.sql import SqlBackend

__all__ = ["DataBackend", "FrameBackend", "SqlBackend", "open_backend"]
