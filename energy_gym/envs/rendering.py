"""Pictures of an episode: what the market did, what the battery did, and what it earned.

One rule: a picture is drawn from a `History` alone and touches no global state of matplotlib; only a `ScreenWindow`,
which is a thing on the user's screen, goes through pyplot.
"""

from __future__ import annotations

import functools
import logging
import threading
from typing import Any

from energy_gym.envs.history import History, Image
from energy_gym.envs.panels import Sheet
from energy_gym.errors import MissingExtraError


def draw(
    history: History,
    *,
    title: str,
    currency: str,
    limits: tuple[float, float],
    power_kw: float,
    reward_unit: str | None = None,
) -> Image:
    """Draw an episode so far: price, carbon and a site's powers where there are any, state of charge, power, reward.

    Args:
        history: The steps so far; none is fine.
        title: Title of the data set; a long one is shortened.
        currency: Currency of the prices.
        limits: Lowest and highest state of charge allowed [fraction].
        power_kw: Rated power, the scale of the power panel [kW].
        reward_unit: Unit of the reward; None: the currency.

    Returns:
        An array of shape (720, 960, 3), uint8, RGB.

    Raises:
        MissingExtraError: matplotlib is not installed.

    Example:
        >>> from datetime import datetime
        >>> history = History(soc_initial=0.5)
        >>> history.append(datetime(2024, 1, 1), -4.0, 310.0, 0.8, 3.3, 0.013)
        >>> draw(history, title="Synthetic", currency="EUR", limits=(0.1, 1.0), power_kw=3.3).shape
        (720, 960, 3)
    """
    sheet: Sheet | None = getattr(_sheets, "sheet", None)
    if sheet is None:
        sheet = _sheets.sheet = Sheet()
    return sheet.draw(history, title, currency, limits, power_kw, reward_unit or currency)


# A figure takes as long to set up as to draw, so each thread keeps one.
_sheets = threading.local()


class ScreenWindow:
    """A window on the screen for ``render_mode="human"``.

    Without a screen (a server, a container, a backend that only writes files) it shows nothing and logs one line, so
    that a program written at a desk runs unchanged elsewhere. A window that the user has closed stays closed.

    Args:
        title: Title of the window.

    Example:
        >>> window = ScreenWindow("Synthetic")
        >>> window.close()
    """

    def __init__(self, title: str = "energy_gym") -> None:
        """Open nothing yet; the first picture does."""
        self._title = title
        self._figure: Any = None
        self._picture: Any = None
        self._off = False

    def show(self, image: Image) -> None:
        """Show a picture, opening the window at the first.

        Raises:
            MissingExtraError: matplotlib is not installed.
        """
        if self._figure is None and not self._off:
            self._open(image)
        if self._off or self._figure is None:
            return
        self._picture.set_data(image)
        self._figure.canvas.draw_idle()
        self._figure.canvas.flush_events()

    def close(self) -> None:
        """Close the window; closing twice, or one that never opened, is fine."""
        self._off = True
        if self._figure is not None:
            from matplotlib import pyplot

            pyplot.close(self._figure)
            self._figure = None

    def _open(self, image: Image) -> None:
        pyplot, plain_manager = _pyplot()
        figure = pyplot.figure(figsize=(9.6, 7.2), dpi=100)
        # Only a backend with a screen brings a manager of its own kind.
        if type(figure.canvas.manager) is plain_manager:
            pyplot.close(figure)
            self._off = True
            _say_there_is_no_screen(pyplot.get_backend())
            return
        figure.canvas.manager.set_window_title(self._title)
        figure.canvas.mpl_connect("close_event", self._on_closed)
        axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
        axes.set_axis_off()
        self._figure, self._picture = figure, axes.imshow(image)
        pyplot.show(block=False)

    def _on_closed(self, event: object) -> None:
        self._off, self._figure = True, None


def _pyplot() -> tuple[Any, type]:
    try:
        from matplotlib import pyplot
        from matplotlib.backend_bases import FigureManagerBase
    except ImportError as error:
        raise MissingExtraError.of("matplotlib", "plot") from error
    return pyplot, FigureManagerBase


@functools.cache
def _say_there_is_no_screen(backend: str) -> None:
    # Logged and not warned: a checker that turns warnings into errors must pass on a server too.
    logging.getLogger(__name__).warning(
        'render_mode="human" shows nothing: the matplotlib backend %r has no screen. '
        'Use render_mode="rgb_array", or set MPLBACKEND to a backend with windows.',
        backend,
    )
