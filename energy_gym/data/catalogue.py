"""The data sets by id; its one rule: looking a card up reads what lies on this machine, and fetches nothing.

The cards of the package are joined by those of the folder that ``ENERGY_GYM_CARDS`` names, if it names one.
"""

from __future__ import annotations

import functools
import os
from pathlib import Path

from energy_gym.data.card_files import read_card
from energy_gym.data.cards import Card
from energy_gym.data.emsx_card import fetched, site_card, site_of
from energy_gym.data.price_law import law_ids
from energy_gym.errors import CardError, DownloadError, UnknownIdError
from energy_gym.paths import resource

CARDS_VARIABLE = "ENERGY_GYM_CARDS"
_SITES, _SITE = "emsx-1 to emsx-70", "emsx-"


def card_ids() -> tuple[str, ...]:
    """Return the ids of all data sets with a card of their own, sorted; the sites of EMSx share one.

    Raises:
        CardError: ``ENERGY_GYM_CARDS`` names no folder, or a card in it has the id of another.

    Example:
        >>> "ercot-2021-2022" in card_ids()
        True
    """
    return tuple(sorted(_places()))


def card(dataset_id: str) -> Card:
    """Return the card of a data set.

    The card of an EMSx site (``emsx-1`` to ``emsx-70``) states the span and the statistics of its series, so there is
    one only once they are here: `energy_gym.load` fetches them.

    Raises:
        UnknownIdError: There is no such data set.
        CardError: The card's file breaks a rule.
        DownloadError: It is a site whose series are not here.

    Example:
        >>> card("ercot-2021-2022").columns["price_per_mwh"].published
        'day-ahead 13:30'
    """
    if dataset_id.startswith(_SITE) and not fetched(site_of(dataset_id)):
        rule = "its span, splits and statistics are those of its series, which are not here (about 90 MB)"
        raise DownloadError(dataset_id, rule, f"fetch them: energy-gym data fetch {dataset_id}")
    return ready_card(dataset_id)


def ready_card(dataset_id: str) -> Card:
    """Return the card of a data set; of an EMSx site, its series are fetched where they are not here.

    Raises:
        UnknownIdError: There is no such data set.
        CardError: The card's file breaks a rule.
        ChecksumError: The site's file has the wrong md5.
        DownloadError: The site's file could not be had.
    """
    if dataset_id.startswith(_SITE):
        return site_card(site_of(dataset_id))
    places = _places()
    if dataset_id in law_ids():
        rule, drawn = "is a law of prices, from which series are drawn", f"energy_gym.price_law({dataset_id!r}).draw()"
        raise UnknownIdError(f"data set {dataset_id!r}", rule, f'pass data={drawn}, published="at-start"')
    if dataset_id not in places:
        raise UnknownIdError.of("data set", dataset_id, (*places, _SITES))
    path, own = places[dataset_id]
    return _card(path, own, path.stat().st_mtime_ns)


def own_cards() -> Path | None:
    """Return the folder of cards that ``ENERGY_GYM_CARDS`` names, None where it is not set.

    Raises:
        CardError: It names no folder.
    """
    chosen = os.environ.get(CARDS_VARIABLE)
    if not chosen:
        return None
    folder = Path(chosen).expanduser().resolve()
    if not folder.is_dir():
        raise CardError(f"{CARDS_VARIABLE}={chosen}", "must name a folder of cards", "correct it, or unset it")
    return folder


def _places() -> dict[str, tuple[Path, bool]]:
    """Return the file of each card, and whether it comes from a user's folder."""
    found = {path.stem: (path, False) for path in resource("datasets").glob("*.yaml")}
    folder = own_cards()
    for path in sorted((*folder.glob("*.yaml"), *folder.glob("*.yml"))) if folder else ():
        if path.stem in found or path.stem.startswith(_SITE):
            other = found[path.stem][0] if path.stem in found else "the sites of EMSx"
            raise CardError(f"data set {path.stem!r} of {path}", f"has the id of {other}", "give its file another name")
        found[path.stem] = (path, True)
    return found


@functools.lru_cache(maxsize=256)
def _card(path: Path, own: bool, _changed: int) -> Card:
    return read_card(path, own)
