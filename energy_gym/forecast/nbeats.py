"""N-BEATS: a neural network that reads the last days of the column itself and writes all that is unknown at once.

One rule: the network reads up to the last value that was known at the row, and nothing else.
"""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from energy_gym.arrays import Floats
from energy_gym.data.feed import Feed
from energy_gym.errors import ConfigurationError, MissingExtraError
from energy_gym.forecast.fitted import Fitted, squeezed, stretched
from energy_gym.forecast.rows import steps_per_day

LOUD = ("lightning", "lightning.pytorch", "lightning_fabric", "pytorch_lightning", "neuralforecast")


@dataclass(eq=False)
class NBeats(Fitted):
    """N-BEATS of neuralforecast, least absolute error; see `Fitted` for what it may know.

    It reads one column, squeezed by asinh about its median, and no calendar: its input of whole days has the shape of a
    day and of a week in it.

    Args:
        steps: Steps of gradient descent.
        input_days: Days it reads.
        width: Units of each layer.
        learning_rate: Step size of the optimiser.

    Raises:
        ConfigurationError: A setting that is no positive number.

    Source: Oreshkin et al., N-BEATS: neural basis expansion analysis for interpretable time series forecasting (2019).

    Example:
        >>> NBeats(steps=100).input_days
        7
    """

    name: ClassVar[str] = "nbeats"

    steps: int = 600
    input_days: int = 7
    width: int = 128
    learning_rate: float = 0.001

    def __post_init__(self) -> None:
        for setting in ("steps", "input_days", "width", "learning_rate"):
            value = getattr(self, setting)
            if not value > 0:
                raise ConfigurationError(f"{setting}={value!r}", "must be positive", "leave it out for the default")

    def settings(self) -> str:
        """See `Fitted.settings`."""
        _library()
        return f"{self!r} neuralforecast {metadata.version('neuralforecast')}"

    def others(self, feed: Feed, column: str) -> list[str]:
        """See `Fitted.others`; there are none."""
        return []

    def _learn(self, feed: Feed, column: str, horizon: int) -> Any:
        import pandas as pd

        library, models = _library()
        series = squeezed(feed, column)[feed.first :]
        frame = pd.DataFrame({"unique_id": "own", "ds": np.arange(len(series)), "y": series})
        with _quiet():
            network = models.NBEATS(
                h=horizon,
                input_size=self.input_days * steps_per_day(feed),
                max_steps=self.steps,
                mlp_units=[[self.width, self.width]] * 3,
                learning_rate=self.learning_rate,
                windows_batch_size=256,
                inference_windows_batch_size=1024,
                random_seed=self.seed,
                accelerator="cpu",
                logger=False,
                enable_checkpointing=False,
                enable_progress_bar=False,
                enable_model_summary=False,
            )
            made = library.NeuralForecast(models=[network], freq=1)
            made.fit(frame)
        return made

    def _predict(self, model: Any, feed: Feed, column: str, first: int, stop: int, horizon: int) -> Floats:
        origins, place = np.unique(self.known(feed, column, first, stop), return_inverse=True)
        ahead = self._from(model, feed, column, origins, horizon)
        now = np.arange(first, stop)[:, None] + np.arange(horizon)
        return ahead[place[:, None], np.clip(now - origins[place][:, None], 0, horizon - 1)]

    def _from(self, model: Any, feed: Feed, column: str, origins: npt.NDArray[np.int64], horizon: int) -> Floats:
        """Return what is expected from each origin on, shape (origins, horizon)."""
        import pandas as pd

        size = self.input_days * steps_per_day(feed)
        places = origins[:, None] + np.arange(-size, 0)
        read = np.where(places >= 0, squeezed(feed, column)[np.maximum(places, 0)], 0.0)
        names = np.repeat(np.arange(len(origins)), size)
        frame = pd.DataFrame({"unique_id": names, "ds": np.tile(np.arange(size), len(origins)), "y": read.ravel()})
        with _quiet():
            told = model.predict(frame)
        expected = told.sort_values(["unique_id", "ds"])["NBEATS"].to_numpy(dtype=np.float64)
        return stretched(expected.reshape(len(origins), horizon), feed, column)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the library's notes about itself off the screen."""
    before = {name: logging.getLogger(name).level for name in LOUD}
    for name in LOUD:
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)


def _library() -> tuple[Any, Any]:
    try:
        with _quiet():
            import neuralforecast
            import neuralforecast.models as models
    except ImportError as error:
        raise MissingExtraError.of("neuralforecast", "forecast") from error
    return neuralforecast, models
