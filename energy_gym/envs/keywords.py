"""Keywords that all environments of the suite take, read and checked.

One rule: what several kinds of environments take is read here, so that it means the same in all of them.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from energy_gym.conversions import MINUTES_PER_HOUR
from energy_gym.data.feed import Feed, open_feed
from energy_gym.data.own_frame import Told
from energy_gym.data.validation import is_whole
from energy_gym.errors import (
    ConfigurationError,
    EpisodeLengthError,
    NonFiniteError,
    NonPositiveError,
    UnknownIdError,
    WindowError,
)
from energy_gym.forecast import Forecast, get_forecast
from energy_gym.lookahead import version_of
from energy_gym.objective import Clock
from energy_gym.paths import holds_frame

if TYPE_CHECKING:
    import pandas as pd

    from energy_gym.data.cards import Statistics
    from energy_gym.scenario import Scenario

Made = TypeVar("Made")
# Keywords that stand for a field of the objective, under its name.
AIMS = ("carbon_price", "terminal", "refused_per_kwh", "price_weight", "wear_weight")
WEEK_HOURS = 168.0
DEFAULT_HORIZON = 24
TOLERANCE_MINUTES = 1e-9
# Why a contract is refused where those who settle it are missing, and what to do, by `Contract.settled_by`.
UNSETTLED = {
    "meter": "is settled at the meter of a site, and this environment has none",
    "producer": "is settled by a producer, which this environment is not",
    "fleet": "is settled by a fleet of batteries, which this environment is not",
    "nobody": "is settled by nobody, so that it would change nothing",
}
REMEDIES = {
    "meter": "play it with energy_gym/Scenario-v1, or leave it out",
    "producer": "play it with energy_gym/Bidding-v1, or leave it out",
    "fleet": "play it with energy_gym/FleetReserve-v1, or leave it out",
}


def call_checked(maker: Callable[..., Made], keywords: Mapping[str, Any]) -> Made:
    """Call what makes a setup with keywords that it knows.

    Raises:
        UnknownIdError: It takes no keyword of that name.

    Example:
        >>> call_checked(open_feed, {"datset": "ercot-2021-2022"})
        Traceback (most recent call last):
        energy_gym.errors.UnknownIdError: keyword 'datset': no such keyword; did you mean 'dataset'? Known: ...
    """
    known = inspect.signature(maker).parameters
    for name in keywords:
        if name not in known:
            raise UnknownIdError.of("keyword", name, known)
    return maker(**keywords)


def _framed(data: Any, zone: str | None) -> Any:
    """Return a frame, read from its file where the path of a CSV or Parquet file is given; all else as it is."""
    if not isinstance(data, str | Path) or not holds_frame(data):
        return data
    from energy_gym.data.own_check import read_frame

    path = Path(data)
    return _kept_frame(path.absolute(), path.stat().st_mtime_ns, zone) if path.is_file() else read_frame(path, zone)


@functools.lru_cache(maxsize=4)
def _kept_frame(path: Path, _changed: int, zone: str | None) -> pd.DataFrame:
    """Return the frame of a file as it is since a moment: every variant of an environment asks for it again."""
    from energy_gym.data.own_check import read_frame

    return read_frame(path, zone)


@dataclass(frozen=True, kw_only=True)
class Common:
    """Keywords that every environment of the suite takes; `energy_gym.scenarios.arbitrage.ArbitrageEnv` says more.

    Args:
        dataset: Id of a data set.
        data: Or a frame with the series, or the path of a CSV or Parquet file of them.
        split: Part of the data; None is the training split of a data set or of ``splits``, and all of a frame without.
        period: Two moments to which the split is cut.
        forecast: What is known in advance: a name or an object.
        horizon: Steps of look-ahead; None for the scenario's own.
        history: Last known values of each series in the observation; None: 12 where a price is a real-time price.
        actions: ``"continuous"`` or ``"discrete-N"``.
        objective: What is maximised; None for the scenario's own.
        carbon_price: Price of carbon in the joint objective; None for the scenario's own.
        terminal: How an episode is closed; None for the scenario's own.
        refused_per_kwh: What a kWh refused costs; None for the scenario's own.
        price_weight: What money counts, wear apart; None for the scenario's own.
        wear_weight: What wear counts; None for the scenario's own.
        episode_steps: Steps of an episode, ``"week"``, None for the whole split; ``"default"`` for the scenario's own.
        scenario: A scenario or the path of its YAML file.
        reference: Frame, or figures by column, by which observations are scaled in place of the data.
        published: When columns of the frame become known; see `energy_gym.data.own_frame.Told`.
        zone: Zone of the frame's market.
        splits: Parts of the frame.
        stamps: Which moment of its step a stamp of the frame is.

    Example:
        >>> from energy_gym.objective import Clock
        >>> Common(horizon=12).ahead(Clock(horizon=48)), Common().ahead(Clock(horizon=48)), Common().ahead(Clock())
        (12, 48, 24)
    """

    dataset: str | None = None
    data: pd.DataFrame | str | Path | None = None
    split: str | None = None
    period: tuple[str, str] | None = None
    forecast: str | Forecast = "published"
    horizon: int | None = None
    actions: str = "continuous"
    objective: str | None = None
    carbon_price: float | None = None
    terminal: str | None = None
    refused_per_kwh: float | None = None
    price_weight: float | None = None
    wear_weight: float | None = None
    episode_steps: int | str | None = "default"
    scenario: Scenario | str | Path | None = None
    reference: pd.DataFrame | Mapping[str, Statistics] | None = None
    published: Mapping[str, str] | str | None = None
    zone: str | None = None
    splits: Mapping[str, Any] | None = None
    stamps: str = "start"
    history: int | None = None
    lookahead: str = "full"

    @property
    def view(self) -> str:
        """The version of the look-ahead that observations show."""
        return version_of(self.lookahead)

    @property
    def told(self) -> Told:
        """What is said of the frame beside its values."""
        return Told(self.published, self.zone, self.splits, self.stamps)

    def opened(self, prices: Mapping[str, str] | None = None, usual: str | None = None) -> Feed:
        """Return the feed of the data set or the frame; prices missing in it are laid to the market that needs them.

        Args:
            prices: Column of its price by market.
            usual: The data set where neither is given; None for that of the suite.

        Raises:
            NonFiniteError: A price is missing or infinite; named with its market, if there is one, and its step.
        """
        dataset = usual if self.dataset is None and self.data is None else self.dataset
        try:
            return open_feed(dataset, _framed(self.data, self.zone), self.split, self.reference, self.told)
        except NonFiniteError as error:
            for name, column in (prices or {}).items():
                if f"{column!r}" in error.value:
                    raise NonFiniteError(f"market {name!r}: {error.value}", error.rule, error.remedy) from error
            raise

    def within_period(self, feed: Feed) -> Feed:
        """Return a feed whose split is cut to the period.

        Raises:
            WindowError: It is no pair of moments within the split.
        """
        period: Any = self.period
        if period is None:
            return feed
        if not isinstance(period, tuple | list) or len(period) != 2:
            raise WindowError(f"period={period!r}", "must be a pair of moments", 'write ("2021-01-01", "2021-04-01")')
        return feed.within(*period)

    def with_objective(self, scenario: Scenario) -> Scenario:
        """Return a scenario with what the keywords say in place of the parts of its objective.

        Example:
            >>> from energy_gym.scenario import Scenario
            >>> Common(objective="joint", carbon_price=50.0).with_objective(Scenario()).objective.carbon_price
            50.0
        """
        pairs = [("kind", self.objective), *((name, getattr(self, name)) for name in AIMS)]
        said: dict[str, Any] = {name: value for name, value in pairs if value is not None}
        return replace(scenario, objective=replace(scenario.objective, **said)) if said else scenario

    @property
    def foreseen(self) -> Forecast:
        """The forecast."""
        return get_forecast(self.forecast)

    @property
    def levels(self) -> tuple[float, ...] | None:
        """Shares of rated power that an action offers; None where it is continuous."""
        return action_levels(self.actions)

    def ahead(self, clock: Clock, usual: int = DEFAULT_HORIZON) -> int:
        """Return the steps of look-ahead; ``usual`` where neither the keywords nor the clock say."""
        return check_count("horizon", (clock.horizon or usual) if self.horizon is None else self.horizon)

    def wanted(self, clock: Clock) -> int | str | None:
        """Return the length that an episode should have: a number of steps, ``"week"``, or None for the whole split."""
        return clock.episode_steps or "week" if self.episode_steps == "default" else self.episode_steps

    def length(self, clock: Clock, feed: Feed) -> int:
        """Return the number of steps of an episode.

        Raises:
            EpisodeLengthError: The split does not hold so many.
        """
        wanted, steps = self.wanted(clock), feed.stop - feed.first
        if wanted is None:
            return steps
        if wanted == "week":
            return min(round(WEEK_HOURS / feed.step_hours), steps)
        return check_steps(wanted, steps, feed.times[feed.first].isoformat())


def with_common(maker: Callable[..., Made]) -> Callable[..., Made]:
    """Let a maker of setups take the common keywords beside its own; it gets them as one `Common`.

    Example:
        >>> make = with_common(lambda common, *, battery=None: (common.forecast, battery))
        >>> make(battery="small"), list(inspect.signature(make).parameters)[-2:]
        (('published', 'small'), ['lookahead', 'battery'])
    """
    own = list(inspect.signature(maker).parameters.values())[1:]
    shared = list(inspect.signature(Common).parameters.values())
    names = {item.name for item in own}

    @functools.wraps(maker)
    def make(**keywords: Any) -> Made:
        mine = {name: keywords.pop(name) for name in names & set(keywords)}
        return maker(Common(**keywords), **mine)

    make.__signature__ = inspect.Signature([*shared, *own])  # type: ignore[attr-defined]  # read by `inspect`
    return make


def check_settled(scenario: Scenario, settlers: Collection[str]) -> None:
    """Raise where a scenario has a contract that nobody in an environment turns into money.

    Args:
        scenario: The scenario.
        settlers: Who settles contracts there, as `Contract.settled_by` names them.

    Raises:
        ConfigurationError: There is such a contract.

    Example:
        >>> from energy_gym.contracts import Supply, Trading
        >>> from energy_gym.scenario import Scenario
        >>> check_settled(Scenario(contracts={"trading": Trading(), "supply": Supply()}), ("meter",))
        Traceback (most recent call last):
        energy_gym.errors.ConfigurationError: contracts.trading (kind 'trading'): is settled by a producer, ...
    """
    for name, contract in scenario.contracts.items():
        own = contract.settled_by
        if own not in settlers:
            rule = UNSETTLED.get(own, f"is settled by {own!r}, whom nothing here knows")
            remedy = REMEDIES.get(own, "let its class say settled_by, and derive it from a contract that is settled")
            raise ConfigurationError(f"contracts.{name} (kind {contract.kind!r})", rule, remedy)


def check_step(clock: Clock, feed: Feed) -> None:
    """Raise unless the data have steps of the length that the clock says, if it says one.

    Raises:
        ConfigurationError: They have others.
    """
    minutes = feed.step_hours * MINUTES_PER_HOUR
    if clock.step_minutes is not None and abs(minutes - clock.step_minutes) > TOLERANCE_MINUTES:
        found = f"clock.step_minutes={clock.step_minutes}"
        rule = f"the data have steps of {minutes:g} min"
        raise ConfigurationError(found, rule, "resample the data, or leave step_minutes out")


def action_levels(actions: str) -> tuple[float, ...] | None:
    """Return the shares of rated power that a discrete action space offers, in ascending order; None if continuous.

    Raises:
        UnknownIdError: Neither ``"continuous"`` nor ``"discrete-N"`` with an odd N of at least 3.

    Example:
        >>> action_levels("discrete-5")
        (-1.0, -0.5, 0.0, 0.5, 1.0)
    """
    if actions == "continuous":
        return None
    kind, _, count = str(actions).partition("-")
    if kind != "discrete" or not count.isdecimal() or int(count) < 3 or int(count) % 2 == 0:
        raise UnknownIdError.of("action space", actions, ("continuous", "discrete-3", "discrete-5", "discrete-7"))
    middle = int(count) // 2
    return tuple((level - middle) / middle for level in range(int(count)))


def check_count(name: str, value: Any) -> int:
    """Return a whole number of at least 1, or raise NonPositiveError or ConfigurationError."""
    if not is_whole(value):
        raise ConfigurationError(f"{name}={value!r}", "must be a whole number", f"pass an int for {name}")
    if value < 1:
        raise NonPositiveError(f"{name}={value}", "must be at least 1", f"pass a positive {name}")
    return int(value)


def check_steps(steps: Any, available: int, start: str) -> int:
    """Return the number of steps of an episode, or raise EpisodeLengthError if the data do not hold so many."""
    wanted = check_count("steps", steps)
    if wanted > available:
        raise EpisodeLengthError(
            f"an episode of {wanted} steps",
            f"the data hold {available} steps from {start}",
            "ask for fewer steps, an earlier start or a longer split",
        )
    return wanted
