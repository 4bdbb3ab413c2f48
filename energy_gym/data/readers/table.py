"""The readers of raw files by the name that cards call them by; its one rule: a reader stands in this table.

A reader puts every row on its true moment in UTC and repairs nothing else. Duplicates, gaps and NaN pass through, so
that ``check`` sees what was published.
"""

from __future__ import annotations

from collections.abc import Callable

from energy_gym.data.cards import Card
from energy_gym.data.raw import Paths, Raw
from energy_gym.data.readers import (
    ausgrid,
    elia,
    emsx,
    encortex,
    energinet,
    epf,
    green_dcc,
    nem,
    nyiso,
    own_table,
    packaged,
)
from energy_gym.errors import RawFileError, UnknownIdError

READERS: dict[str, Callable[[Card, Paths], Raw]] = {
    "embedded": packaged.read_embedded,
    "synthetic": packaged.read_synthetic,
    "energinet-2021": energinet.read_2021,
    "energinet-2024": energinet.read_2024,
    "elia": elia.read_elia,
    "nem": nem.read_nem,
    "nyiso-5min": nyiso.read_five_minutes,
    "nyiso-hours": nyiso.read_hours,
    "green-dcc-utc": green_dcc.read_absolute,
    "green-dcc-offset": green_dcc.read_absolute,
    "green-dcc-local": green_dcc.read_local,
    "encortex-uk": encortex.read_uk,
    "encortex-caiso": encortex.read_caiso,
    "ausgrid": ausgrid.read_home,
    "commercial": packaged.read_commercial,
    "emsx": emsx.read_site,
    "epf": epf.read_market,
    "table": own_table.read_table,
}


def parse(card: Card, paths: Paths) -> Raw:
    """Read the raw files of a card.

    Raises:
        UnknownIdError: There is no such reader.
        RawFileError: A file has the right hash, yet is not laid out as its reader expects.
    """
    if card.reader not in READERS:
        raise UnknownIdError.of("reader", card.reader, READERS)
    try:
        return READERS[card.reader](card, paths)
    except (KeyError, ValueError, UnicodeDecodeError) as error:
        remedy = "report it: the card's reader does not fit the card's files"
        raise RawFileError(
            f"{card.id}: {error}", f"must be laid out as reader {card.reader!r} expects", remedy
        ) from error
