"""Keywords that all environments of the suite take, read and checked.

One rule: what several kinds of environments take is read here, so that it means the same in all of them.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from energy_gym.data.feed import Feed, open_feed
from energy_gym.errors import ConfigurationError, NonFiniteError, UnknownIdError, WindowError
from energy_gym.objective import Clock, Objective

if TYPE_CHECKING:
    import pandas as pd

    from energy_gym.scenario import Scenario

Made = TypeVar("Made")
MINUTES_PER_HOUR = 60.0
TOLERANCE_MINUTES = 1e-9
# Why a contract is refused where those who settle it are missing, and what to do, by `Contract.settled_by`.
UNSETTLED = {
    "meter": "is settled at the meter of a site, and this environment has none",
    "producer": "is settled by a producer, which this environment is not",
    "nobody": "is settled by nobody, so that it would change nothing",
}
REMEDIES = {
    "meter": "play it with energy_gym/Scenario-v0, or leave it out",
    "producer": "play it with energy_gym/Bidding-v0, or leave it out",
}


class Priced(Protocol):
    """Whatever has a name, and its price in a column of the data."""

    @property
    def name(self) -> str:
        """The name."""

    @property
    def price(self) -> str:
        """The column."""


def laid_out(maker: Callable[..., Made], keywords: Mapping[str, Any]) -> Made:
    """Call what makes a setup with keywords that it knows.

    Raises:
        UnknownIdError: It takes no keyword of that name.

    Example:
        >>> laid_out(open_feed, {"datset": "ercot-2021-2022"})
        Traceback (most recent call last):
        energy_gym.errors.UnknownIdError: keyword 'datset': no such keyword; did you mean 'dataset'? Known: ...
    """
    known = inspect.signature(maker).parameters
    for name in keywords:
        if name not in known:
            raise UnknownIdError.of("keyword", name, known)
    return maker(**keywords)


def aimed(own: Objective, objective: str | None, carbon_price: float | None, terminal: str | None) -> Objective:
    """Return a scenario's own objective with what keywords say in place of its parts.

    Example:
        >>> aimed(Objective("joint", carbon_price=50.0), None, 80.0, None).carbon_price
        80.0
    """
    given = {"kind": objective, "carbon_price": carbon_price, "terminal": terminal}
    said: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    return replace(own, **said) if said else own


def narrowed(feed: Feed, period: Any) -> Feed:
    """Return a feed whose split is cut to a pair of moments; None leaves it as it is.

    Raises:
        WindowError: It is no pair of moments within the split.
    """
    if period is None:
        return feed
    if not isinstance(period, tuple | list) or len(period) != 2:
        raise WindowError(f"period={period!r}", "must be a pair of moments", 'write ("2021-01-01", "2021-04-01")')
    return feed.within(*period)


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


def open_priced(
    markets: Iterable[Priced], dataset: str | None, data: pd.DataFrame | None, split: str, reference: Any
) -> Feed:
    """Return the feed of a data set or a frame; prices that are missing in it are laid to the market that needs them.

    Raises:
        NonFiniteError: A price is missing or infinite; named with its market, if there is one, and its step.
    """
    try:
        return open_feed(dataset, data, split, reference)
    except NonFiniteError as error:
        for market in markets:
            if f"{market.price!r}" in error.value:
                found = f"market {market.name!r}: {error.value}"
                raise NonFiniteError(found, error.rule, error.remedy) from error
        raise
