"""A user's frame: its units, its splits, when its columns become known, and by what they are scaled.

One rule: nothing is assumed in the user's favour. A column is known when its step is over unless ``published=`` says
otherwise; what is converted, split or assumed is told, once, when the environment is made.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from energy_gym.arrays import Floats
from energy_gym.conversions import SECONDS_PER_DAY, SECONDS_PER_HOUR
from energy_gym.data.cards import Statistics
from energy_gym.data.columns import (
    CANONICAL_COLUMNS,
    PRICES,
    UNITS,
    canonical_names,
    conversion_of,
    is_readable,
    says_other_unit,
    symbol_of,
    unit_of,
)
from energy_gym.data.notices import notice
from energy_gym.data.publishing import RULES, is_rule, nearest
from energy_gym.data.splitting import Bounds, parts_of
from energy_gym.data.validation import FORECAST_PREFIX, require_not_negative, validate_frame
from energy_gym.data.zones import UTC, checked_zone, zone_of
from energy_gym.errors import (
    ConfigurationError,
    EpisodeLengthError,
    MissingColumnError,
    UnknownIdError,
)

if TYPE_CHECKING:
    import pandas as pd

LEAST_STEPS = 5
SCALED_BY = 0.2
"""Leading share of a frame that nobody split by which it is scaled: its episodes may begin soon after."""
FORECAST_PUBLICATION = "day-ahead 12:00"
AFTER = "after"


@dataclass(frozen=True)
class Told:
    """What a user says of a frame beside its values.

    Args:
        published: When columns become known, by name; one rule alone is that of all prices. What is left out is known
            when its step is over.
        zone: Zone of the market, whose days the publications and splits follow; None for that of the index.
        splits: First moment and the moment after the last, by name; ``"train"`` is one of them. None: the first
            three fifths of the days are for training, one fifth each for validation and test.
        stamps: ``"start"`` or ``"end"``: which moment of its step a stamp is.
    """

    published: Mapping[str, str] | str | None = None
    zone: str | None = None
    splits: Mapping[str, Any] | None = None
    stamps: str = "start"

    def __post_init__(self) -> None:
        if self.stamps not in ("start", "end"):
            raise UnknownIdError.of("stamps", self.stamps, ("start", "end"))

    @property
    def said(self) -> tuple[str, ...]:
        """Names of what is said."""
        usual = Told()
        return tuple(name for name in vars(self) if getattr(self, name) != getattr(usual, name))


@dataclass(frozen=True)
class Own:
    """A user's frame as a feed needs it; fields as in `Feed`."""

    frame: pd.DataFrame
    zone: str
    zone_open: bool
    published: Mapping[str, str]
    said: tuple[str, ...]
    statistics: Mapping[str, Statistics]
    usual: Mapping[str, float]
    before: Mapping[str, float]
    bounds: Bounds
    ignored: tuple[str, ...]


def read_own(data: Any, told: Told, split: str | None, reference: Any) -> Own:
    """Return what a user's frame says.

    Raises:
        DataError: The frame breaks a rule of the suite.
        ConfigurationError: What is said of it does not fit it.
    """
    frame = _validated(data, told.stamps)
    index_zone = zone_of(data.index.tz) if getattr(data.index, "tz", None) is not None else UTC
    zone = index_zone if told.zone is None else checked_zone(told.zone)
    parts = parts_of(frame, told.splits, zone)
    published = _published(tuple(frame.columns), told.published)
    figures = _scaled_by(frame, parts, told, reference)
    means = {name: float(frame[name].mean()) if reference is None else item.mean for name, item in figures.items()}
    return Own(
        frame=frame,
        zone=zone,
        zone_open=told.zone is None and zone == UTC,
        published=published,
        said=_said(tuple(frame.columns), told.published),
        statistics={name: replace(item, mean=means[name]) for name, item in figures.items()},
        usual={name: item.mean for name, item in figures.items()},
        before={} if reference is not None else {name: unit.offset for name in figures if (unit := unit_of(name))},
        bounds=_bounds(frame, parts, split, told.splits),
        ignored=tuple(str(name) for name in data.columns if not is_readable(name)),
    )


def _scaled_by(frame: pd.DataFrame, parts: Any, told: Told, reference: Any) -> dict[str, Statistics]:
    """Return the figures that scale each column: of a part of the frame, of another frame, or those given."""
    names = [str(name) for name in frame.columns]
    if isinstance(reference, Mapping):
        for name in names:
            if name not in reference:
                rule = f"it has {', '.join(reference)}"
                raise MissingColumnError(
                    f"column {name!r} of reference=", rule, "take the figures of data that have it"
                )
        return {name: reference[name] for name in names}
    fitted = frame.iloc[_scaling_part(frame, parts, told)] if reference is None else _validated(reference, told.stamps)
    return {name: _figures(name, fitted) for name in names}


def _validated(data: Any, stamps: str) -> pd.DataFrame:
    columns = getattr(data, "columns", ())
    known = [is_readable(name) for name in columns]
    if len(columns) and not any(known):
        raise no_unit(columns)
    frame = validate_frame(data.loc[:, known] if any(known) else data, ())
    step = frame.index[1] - frame.index[0]
    frame = _converted(frame, step.total_seconds() / SECONDS_PER_HOUR)
    require_not_negative(frame)
    return frame if stamps == "start" else frame.set_axis(frame.index - step, axis=0)


def _converted(frame: pd.DataFrame, hours: float) -> pd.DataFrame:
    """Return the frame with every column in the suite's units, under the name that says so."""
    renamed: dict[str, Floats] = {}
    for name, to in canonical_names(frame.columns).items():
        found, factor = conversion_of(name), 1.0
        if found is not None:
            factor = found.factor / hours if found.per_hour else found.factor
            notice(f"Column {name!r} is read as {to!r}: its values times {factor:g}.")
        renamed[to] = frame[name].to_numpy() * factor
    return type(frame)(renamed, index=frame.index)


def no_unit(columns: Iterable[object]) -> MissingColumnError:
    """Return the error of columns of which none says its unit; it names the one that may be meant.

    Example:
        >>> print(no_unit(["price"]).remedy.partition(". ")[0])
        rename 'price' to 'price_per_mwh'? Only if it is in currency/MWh
    """
    names = [str(name) for name in columns]
    near = [(name, difflib.get_close_matches(name, CANONICAL_COLUMNS, n=1, cutoff=0.4)) for name in names]
    hint = next((rename(name, match[0]) for name, match in near if match), "rename those whose unit you know. ")
    rule = f"at least one must end in a unit: {', '.join(unit.suffix for unit in UNITS)}"
    return MissingColumnError(f"columns {', '.join(names)}", rule, f"{hint}Known names: {', '.join(CANONICAL_COLUMNS)}")


def rename(name: str, wanted: str, currency: str = "currency") -> str:
    """Return advice on a column that may be the one that is wanted: never to call values what they are not.

    Example:
        >>> rename("price", "price_per_mwh")
        "rename 'price' to 'price_per_mwh'? Only if it is in currency/MWh. "
        >>> rename("load_kva", "load_kw")
        "convert 'load_kva' to kW and call it 'load_kw'? "
    """
    unit = symbol_of(wanted, currency)
    if says_other_unit(name, wanted):
        return f"convert {name!r} to {unit} and call it {wanted!r}? "
    return f"rename {name!r} to {wanted!r}? Only if it is in {unit}. "


def _published(columns: tuple[str, ...], said: Any) -> dict[str, str]:
    """Return when each column becomes known."""
    if said is not None and not isinstance(said, str | Mapping):
        rule = "must be a rule for all prices, or a rule by column"
        raise ConfigurationError(f"published={said!r}", rule, 'pass {"price_per_mwh": "at-start"}')
    prices = [name for name in columns if name.endswith(PRICES) and not name.startswith(FORECAST_PREFIX)]
    rules: Mapping[str, str] = dict.fromkeys(prices, said) if isinstance(said, str) else said or {}
    for name, rule in rules.items():
        if name not in columns:
            raise UnknownIdError.of("column of published=", name, columns)
        if not is_rule(rule):
            raise ConfigurationError(f"published[{name!r}]={rule!r}", f"must be {RULES}", nearest(rule))
    usual = {name: FORECAST_PUBLICATION if name.startswith(FORECAST_PREFIX) else AFTER for name in columns}
    return usual | dict(rules)


def _said(columns: tuple[str, ...], published: Mapping[str, str] | str | None) -> tuple[str, ...]:
    """Return the columns whose publication is the user's own word, or nobody's question: only prices are asked for."""
    prices = [name for name in columns if name.endswith(PRICES) and not name.startswith(FORECAST_PREFIX)]
    given = prices if isinstance(published, str) else list(published or ())
    return tuple(name for name in columns if name in given or name not in prices)


def tell_of_unsaid(columns: Iterable[str]) -> None:
    """Tell of prices of which nobody said when they become known."""
    names = list(columns)
    if names:
        are = f"{names[0]!r} is" if len(names) == 1 else f"{', '.join(map(repr, names))} are"
        notice(
            f"Nobody said when {are} published: each value counts as known when its step is over. If it is earlier, "
            f"say so: published={{{names[0]!r}: 'day-ahead 13:00'}}, or 'at-start'."
        )


def _scaling_part(frame: pd.DataFrame, parts: Mapping[str, Bounds], told: Told) -> slice:
    """Return what a frame is scaled by, whichever part is played: the training part, or its beginning.

    The scaling must not depend on the part that is played, and a frame that nobody split is played from its beginning.
    """
    first, stop = parts["train"]
    if told.splits is not None:
        return slice(first, stop)
    day = round(SECONDS_PER_DAY / (frame.index[1] - frame.index[0]).total_seconds())
    return slice(first, min(stop, max(round(SCALED_BY * len(frame)), day)))


def _figures(name: str, fitted: pd.DataFrame) -> Statistics:
    """Return mean, offset and scale of a column over the training part, or over a reference."""
    plain, unit = name.removeprefix(FORECAST_PREFIX), unit_of(name)
    source = name if name in fitted.columns else plain
    if source not in fitted.columns or unit is None:
        found = f"must hold what the data hold; it has {', '.join(fitted.columns)}"
        raise MissingColumnError(f"reference= without column {name!r}", found, "add the column, or drop it from data=")
    series = fitted[source].to_numpy()
    figures = Statistics.of(series)
    low, high = np.quantile(series, (0.05, 0.95))
    if high > low:
        return figures
    # Nine tenths of the values are one: the others say how far it goes, or nothing does.
    return replace(figures, scale=float(np.ptp(series)) / 2.0 or unit.scale)


def _bounds(frame: pd.DataFrame, parts: Mapping[str, Bounds], split: str | None, splits: Any) -> Bounds:
    """Return the steps that are played."""
    if split is None:
        split = "all" if splits is None else "train"
    if split == "all":
        return 0, len(frame)
    if split not in parts:
        raise UnknownIdError.of("split", split, ("all", *parts))
    first, stop = parts[split]
    if splits is not None:
        return first, stop
    if len(frame) < LEAST_STEPS or first == stop:
        found = f"split={split!r} of {len(frame)} steps"
        raise EpisodeLengthError(found, "the frame is too short for three parts", 'pass split="all", or splits=')
    begin, end = (frame.index[at].isoformat() for at in (first, stop - 1))
    notice(
        f"split={split!r} of a frame that nobody split: three fifths of its days are for training, one fifth each for "
        f"validation and test, and {split!r} is {begin} to {end}. Say otherwise with splits=; split='all' plays all."
    )
    return first, stop
