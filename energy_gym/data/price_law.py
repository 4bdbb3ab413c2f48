"""Markets whose law is known: a finite chain of prices with a matrix for each hour, from which endless years are drawn.

One rule: the law is the whole truth of what it draws; nothing else is in the series.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
import numpy.typing as npt

from energy_gym.arrays import Floats
from energy_gym.conversions import MINUTES_PER_DAY
from energy_gym.data.validation import check_whole, is_whole
from energy_gym.data.zones import checked_zone
from energy_gym.errors import ConfigurationError, DataError, UnknownIdError
from energy_gym.paths import resource

if TYPE_CHECKING:
    import pandas as pd

HOURS = 24
LEAST_SAMPLES = 20
"""How many steps each state of each hour must have been seen for, for its row of the matrix to say anything."""
ROUNDING = 1e-9
Whole = npt.NDArray[np.int64]


@dataclass(frozen=True)
class PriceLaw:
    """A finite Markov chain of prices by hour of day.

    Args:
        name: Its name.
        step_minutes: Length of a step; it divides an hour.
        levels: Price of each state in each hour, shape (24, states), rising along the states [currency/MWh].
        matrices: Chance of each state in a step of each hour after each state in the step before, shape
            (24, states, states); rows sum to one.
        currency: Currency of the prices.
        zone: Zone by which hours are counted.

    Raises:
        DataError: It is no law: a row that does not sum to one, levels that do not rise or are no numbers, or steps
            that do not divide an hour.
        UnknownIdError: The zone is none.

    Example:
        >>> law = PriceLaw("coin", 60, np.tile([10.0, 50.0], (24, 1)), np.full((24, 2, 2), 0.5))
        >>> sorted(set(law.draw(days=2, seed=1)["price_per_mwh"]))
        [10.0, 50.0]
    """

    name: str
    step_minutes: int
    levels: Floats
    matrices: Floats
    currency: str = "USD"
    zone: str = "Etc/GMT+5"

    def __post_init__(self) -> None:
        for part in ("levels", "matrices"):
            object.__setattr__(self, part, _numbers(f"{part} of law {self.name!r}", getattr(self, part)))
        states = self.levels.shape[-1] if self.levels.ndim else 0
        if self.levels.shape != (HOURS, states) or self.matrices.shape != (HOURS, states, states) or not states:
            found = f"levels {self.levels.shape} and matrices {self.matrices.shape} of law {self.name!r}"
            raise DataError(found, "must be (24, states) and (24, states, states)", "give one of each for each hour")
        if not is_whole(self.step_minutes) or self.step_minutes < 1 or 60 % self.step_minutes:
            found = f"step_minutes={self.step_minutes!r} of law {self.name!r}"
            raise DataError(found, "must divide an hour, since each hour has its law", "choose 5, 15, 30 or 60")
        if not np.isfinite(self.levels).all() or (np.diff(self.levels, axis=1) <= 0.0).any():
            raise DataError(f"levels of law {self.name!r}", "must be finite and rise along the states", "sort them")
        check_rows(self.matrices)
        checked_zone(self.zone)

    @property
    def states(self) -> int:
        """Number of states."""
        return int(self.levels.shape[1])

    @classmethod
    def fit(cls, name: str, prices: Floats, hours: Whole, states: int, step_minutes: int) -> Self:
        """Return the law of a series whose steps follow one another: as many steps in each state of an hour.

        Args:
            name: Name of the law.
            prices: Shape (T,) [currency/MWh].
            hours: Local hour of each step, shape (T,).
            states: Number of states; the price of a state is the mean of what falls into it.
            step_minutes: Length of a step.

        Raises:
            DataError: Too few steps by hour for so many states, prices or hours that are none, or not as many of one as
                of the other.
            NonPositiveError: Less than one state.
        """
        check_whole("states", states)
        prices, hours = _numbers("prices", prices), _hours(hours)
        if prices.shape != hours.shape or not np.isfinite(prices).all():
            found = f"prices {prices.shape}, {int((~np.isfinite(prices)).sum())} not finite, and hours {hours.shape}"
            raise DataError(
                found, "must be one finite price for each hour", "cut both to the same steps, and fill gaps"
            )
        counts = np.bincount(hours, minlength=HOURS)
        if counts.min() < LEAST_SAMPLES * states:
            found = f"{states} states from {int(counts.min())} steps in hour {int(counts.argmin())}"
            rule = f"needs {LEAST_SAMPLES} steps by hour and state, which is {LEAST_SAMPLES * states}"
            raise DataError(found, rule, "give a longer series, or fewer states")
        placed, levels = np.zeros(len(prices), dtype=np.int64), np.zeros((HOURS, states))
        for hour in range(HOURS):
            now = hours == hour
            cuts = np.quantile(prices[now], np.linspace(0.0, 1.0, states + 1)[1:-1])
            placed[now] = np.searchsorted(cuts, prices[now])
            sums = np.bincount(placed[now], weights=prices[now], minlength=states)
            levels[hour] = sums / np.maximum(np.bincount(placed[now], minlength=states), 1)
        seen = np.zeros((HOURS, states, states))
        np.add.at(seen, (hours[1:], placed[:-1], placed[1:]), 1.0)
        seen += 1.0 / states**2
        return cls(name, step_minutes, levels, seen / seen.sum(axis=2, keepdims=True))

    @functools.cached_property
    def rising(self) -> Floats:
        """Running sums of the rows of its matrices, by which states are drawn."""
        return np.minimum(np.cumsum(self.matrices, axis=2), 1.0)

    def usual(self) -> Floats:
        """Return how often each state holds in the last step of a day, in the long run, shape (states,)."""
        share = np.full(self.states, 1.0 / self.states)
        for _ in range(30):
            for hour in range(HOURS):
                for _ in range(60 // self.step_minutes):
                    share = share @ self.matrices[hour]
        return np.asarray(share / share.sum())

    def follow(self, states: Whole, hour: int, random: np.random.Generator) -> Whole:
        """Return the states of a step in an hour after those of the step before, each drawn, shape (n,)."""
        drawn = random.random(len(states))
        return np.minimum((self.rising[hour][states] <= drawn[:, None]).sum(axis=1), self.states - 1)

    def draw(self, days: int = 365, seed: int = 0, start: str = "2024-01-01") -> pd.DataFrame:
        """Return days of prices: a frame for ``gym.make(..., data=frame, published="at-start")``.

        Args:
            days: How many days.
            seed: Seed; each gives other days.
            start: First day.

        Raises:
            NonPositiveError: Less than a day, or a seed below 0.
            ConfigurationError: Days, a seed or a first day that are none.
        """
        check_whole("days", days)
        check_whole("seed", seed, least=0)
        import pandas as pd

        random, day = np.random.default_rng(seed), MINUTES_PER_DAY // self.step_minutes
        try:
            first = pd.Timestamp(start)
        except (ValueError, TypeError) as error:
            raise ConfigurationError(f"start={start!r}", "must be a day", 'write it like "2024-01-01"') from error
        if first is pd.NaT or first.tz is not None:
            raise ConfigurationError(f"start={start!r}", f"must be a day of {self.zone}, no zone", 'write "2024-01-01"')
        index = pd.date_range(first, periods=days * day, freq=f"{self.step_minutes}min", tz=self.zone)
        state, hours = random.choice(self.states, p=self.usual()), index.hour.tolist()
        found = np.empty(len(index), dtype=np.int64)
        rows, chances = self.rising, random.random(len(index)).tolist()
        for step, (hour, chance) in enumerate(zip(hours, chances, strict=True)):
            state = min(int(rows[hour, state].searchsorted(chance, "right")), self.states - 1)
            found[step] = state
        frame = pd.DataFrame({"price_per_mwh": self.levels[hours, found]}, index=index)
        frame.attrs |= {"title": f"{self.name}, seed {seed}", "currency": self.currency, "synthetic": True}
        if self.name in law_ids():
            frame.attrs["law"] = self.name
        return frame

    def state_of(self, price: float, hour: int) -> int:
        """Return the state of a price in an hour.

        Raises:
            DataError: The law has no such price.
        """
        levels = self.levels[hour]
        state = int(np.abs(levels - price).argmin())
        if abs(float(levels[state]) - price) > ROUNDING * max(abs(price), 1.0):
            found = f"a price of {price:g} in hour {hour}"
            raise DataError(found, f"is none that law {self.name!r} draws", "play a frame drawn from the law")
        return state


def _numbers(name: str, value: object) -> Floats:
    """Return numbers as an array of floats, or raise DataError."""
    try:
        return np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(name, "must be an array of numbers", "pass numbers, as many in each row") from error


def _hours(value: object) -> Whole:
    """Return hours of the day as whole numbers, or raise DataError."""
    hours = _numbers("hours", value)
    if hours.size and not np.isin(hours, np.arange(HOURS)).all():
        wrong = hours[~np.isin(hours, np.arange(HOURS))].flat[0]
        raise DataError(f"hours with {wrong:g}", "must be whole hours from 0 to 23", "pass local hours of the steps")
    return hours.astype(np.int64)


def check_rows(matrices: Floats) -> None:
    """Raise DataError where a row of transition matrices is no distribution."""
    totals = matrices.sum(axis=-1)
    worst = np.unravel_index(int(np.nan_to_num(np.abs(totals - 1.0), nan=np.inf).argmax()), totals.shape)
    if not (np.isfinite(matrices).all() and abs(float(totals[worst]) - 1.0) < ROUNDING and matrices.min() >= 0.0):
        place = ", ".join(str(int(at)) for at in worst)
        found = f"row ({place}) of the transition matrices sums to {float(totals[worst]):.6g}"
        if matrices.min() < 0.0:
            found = f"a share of {float(matrices.min()):.6g} in the transition matrices"
        raise DataError(found, "each row must hold shares of at least 0 that sum to one", "divide it by its sum")


def law_ids() -> tuple[str, ...]:
    """Return the names of the laws that ship with the package.

    Example:
        >>> "markov-nyc-rt" in law_ids()
        True
    """
    return tuple(sorted(path.stem for path in resource("datasets", "laws").glob("*.npz")))


def price_law(name: str) -> PriceLaw:
    """Return a law that ships with the package.

    Raises:
        UnknownIdError: There is no such law.

    Example:
        >>> price_law("markov-nyc-rt").states
        16
    """
    if not isinstance(name, str) or name not in law_ids():
        raise UnknownIdError.of("law", name, law_ids())
    return _read(name)


@functools.cache
def _read(name: str) -> PriceLaw:
    with np.load(resource("datasets", "laws", f"{name}.npz"), allow_pickle=False) as arrays:
        matrices = arrays["matrices"].astype(np.float64)
        levels = arrays["levels"].astype(np.float64)
    return PriceLaw(name, 5, levels, matrices / matrices.sum(axis=2, keepdims=True))
