"""The data sets by id; its one rule: looking a card up reads what lies on this machine, and fetches nothing."""

from __future__ import annotations

import functools

from energy_gym.data.card_files import read_card
from energy_gym.data.cards import Card
from energy_gym.data.emsx_card import fetched, site_card, site_of
from energy_gym.errors import DownloadError, UnknownIdError
from energy_gym.paths import resource

_SITES, _SITE = "emsx-1 to emsx-70", "emsx-"


def card_ids() -> tuple[str, ...]:
    """Return the ids of all data sets with a card of their own, sorted; the sites of EMSx share one.

    Example:
        >>> "ercot-2021-2022" in card_ids()
        True
    """
    return tuple(sorted(path.stem for path in resource("datasets").glob("*.yaml")))


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
    if dataset_id not in card_ids():
        raise UnknownIdError.of("data set", dataset_id, (*card_ids(), _SITES))
    return _card(dataset_id)


@functools.cache
def _card(dataset_id: str) -> Card:
    return read_card(resource("datasets", f"{dataset_id}.yaml"))
