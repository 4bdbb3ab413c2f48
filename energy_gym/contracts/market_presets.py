"""Markets as they are in Europe and in India, by name; one rule: each says whose rules it follows."""

from __future__ import annotations

from collections.abc import Callable

from energy_gym.contracts.market import Ahead, Limits, Market
from energy_gym.conversions import MINUTES_PER_HOUR
from energy_gym.errors import UnknownIdError


def eu_day_ahead(zone: str = "Europe/Copenhagen", *, slot_minutes: int = 60) -> Market:
    """The European day-ahead auction: gate closure at 12:00 for tomorrow's local day, sizes in 0.1 MW.

    Slots were hours until 2025-09-30 and are quarters of an hour since. The harmonised price limits of the single
    day-ahead coupling have been -500 and 4000 EUR/MWh since May 2022; before, the cap was 3000.

    Source:
        Rules of the single day-ahead coupling, as told above.

    Example:
        >>> eu_day_ahead("Europe/Brussels", slot_minutes=15).deadline
        '0 12 * * *'
    """
    limits = Limits(minimum_kw=100.0, maximum_kw=1e6, tick_kw=100.0)
    return Market("day_ahead", zone=zone, slot_minutes=slot_minutes, limits=limits)


def eu_intraday(zone: str = "Europe/Copenhagen", slot_minutes: int = 60, minutes: int = 60) -> Market:
    """Europe's intra-day market as a sequence of gates: each slot closes by itself, an hour before it begins.

    Trade in it is continuous; here it has one price a slot, such as the mean price of its last hours of trade (ID1,
    ID3), in the column ``intraday_per_mwh``. Bids come on top of what was sold the day before.

    Args:
        zone: Time zone of the market.
        slot_minutes: Length of a slot [min].
        minutes: From the gate closure to the slot [min]: 60 across borders; within a zone it may be less.

    Source:
        Rules of the single intra-day coupling: gates close 60 minutes before delivery.

    Example:
        >>> eu_intraday().delivers, eu_intraday(slot_minutes=15).deadline
        (Ahead(minutes=60, slots=1), '*/15 * * * *')
    """
    limits = Limits(minimum_kw=100.0, maximum_kw=1e6, tick_kw=100.0, floor_per_mwh=-9_999.0, cap_per_mwh=9_999.0)
    return Market(
        "intraday",
        price="intraday_per_mwh",
        deadline="0 * * * *" if slot_minutes == MINUTES_PER_HOUR else f"*/{slot_minutes} * * * *",
        zone=zone,
        delivers=Ahead(minutes=minutes, slots=1),
        slot_minutes=slot_minutes,
        limits=limits,
    )


def india_day_ahead() -> Market:
    """India's day-ahead market as in EnCortex (section 5.3): bids from 12:00 to 14:00 for tomorrow's 96 quarter hours.

    The price cap is the 10 000 Rs/MWh of 2023 and after.

    Example:
        >>> india_day_ahead().window_minutes
        120
    """
    limits = Limits(minimum_kw=100.0, maximum_kw=1e6, tick_kw=100.0, floor_per_mwh=0.0, cap_per_mwh=10_000.0)
    return Market(
        "day_ahead",
        deadline="0 14 * * *",
        zone="Asia/Kolkata",
        slot_minutes=15,
        window_minutes=120,
        limits=limits,
    )


def india_real_time() -> Market:
    """India's real-time market as in EnCortex (section 5.3): every half hour, two quarter hours that begin in one hour.

    Example:
        >>> india_real_time().deadline
        '*/30 * * * *'
    """
    limits = Limits(minimum_kw=100.0, maximum_kw=1e6, tick_kw=100.0, floor_per_mwh=0.0, cap_per_mwh=10_000.0)
    return Market(
        "real_time",
        price="real_time_per_mwh",
        deadline="*/30 * * * *",
        zone="Asia/Kolkata",
        delivers=Ahead(minutes=60, slots=2),
        slot_minutes=15,
        limits=limits,
    )


PRESETS: dict[str, Callable[[], Market]] = {
    "eu-day-ahead-hourly": eu_day_ahead,
    "eu-day-ahead-15min": lambda: eu_day_ahead("Europe/Brussels", slot_minutes=15),
    "eu-intraday-hourly": eu_intraday,
    "eu-intraday-15min": lambda: eu_intraday(slot_minutes=15),
    "india-day-ahead": india_day_ahead,
    "india-real-time": india_real_time,
}


def preset(name: str) -> Market:
    """Return a market by the name of its preset.

    Raises:
        UnknownIdError: There is no such preset.

    Example:
        >>> preset("eu-day-ahead-15min").slot_minutes
        15
    """
    if name not in PRESETS:
        raise UnknownIdError.of("market preset", name, PRESETS)
    return PRESETS[name]()
