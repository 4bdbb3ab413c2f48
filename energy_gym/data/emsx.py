"""EMSx, the benchmark of 70 industrial sites: batteries and official test weeks; its one rule: its figures, unchanged.

The series of site 7 are ``energy_gym.load("emsx-7")``; what they are stands on their card.
"""

from __future__ import annotations

import json

import pandas as pd

from energy_gym.data.emsx_card import SITES, facts, shared_file
from energy_gym.errors import RawFileError, UnknownIdError

__all__ = ["SITES", "battery", "test_weeks", "week"]


def battery(site: int) -> dict[str, float]:
    """Return the figures of a site's battery, as ``energy_gym.Battery(**emsx.battery(7))`` takes them.

    It is usable from empty to full, and empty at the start of a test week. Power is that at the terminals, as in
    EMSx.jl; charging and discharging have the same rating.

    Args:
        site: Number of the site, 1 to 70.

    Raises:
        UnknownIdError: There is no such site.
        ChecksumError: The file of battery sizes has the wrong hash.
        DownloadError: The file of battery sizes could not be had.
    """
    row = _row("metadata.csv", site)
    titles = {
        "capacity_kwh": "capacity",
        "charge_kw": "power",
        "discharge_kw": "power",
        "efficiency_charge": "charge_efficiency",
        "efficiency_discharge": "discharge_efficiency",
    }
    limits = {"soc_min": 0.0, "soc_max": 1.0, "soc_initial": 0.0}
    return {name: float(row[title]) for name, title in titles.items()} | limits


def test_weeks(site: int) -> tuple[int, ...]:
    """Return the numbers of a site's official test weeks, in rising order.

    EMSx numbers the weeks of a site; the number stands in each row of the site's file (``period_id``), and a week is
    672 rows. The sample in the tests of EMSx.jl runs from Monday 00:00 to Sunday 23:45. ``week`` reads off the file
    when a week begins and ends.

    Args:
        site: Number of the site, 1 to 70.

    Raises:
        UnknownIdError: There is no such site.
        ChecksumError: The file of test weeks has the wrong hash.
        DownloadError: The file of test weeks could not be had.
    """
    row = _row("test_periods.csv", site)
    return tuple(int(number) for number in json.loads(str(row["test_periods"])))


test_weeks.__test__ = False  # type: ignore[attr-defined]  # pytest would collect it by its name


def week(site: int, number: int) -> tuple[pd.Timestamp, pd.Timestamp]:
    """Return the start of a site's week and the moment after its end, in UTC; the series are fetched where need be.

    Args:
        site: Number of the site, 1 to 70.
        number: Number of the week, as ``test_weeks`` gives them.

    Raises:
        UnknownIdError: There is no such site, or it has no such week.
        ChecksumError: The site's file has the wrong md5.
        DownloadError: The site's file or its md5 could not be had.
    """
    weeks = {known: (start, stop) for known, start, stop in facts(_checked(site)).weeks}
    if number not in weeks:
        rule = f"site {site} has the weeks {min(weeks)} to {max(weeks)}, {len(weeks)} of them"
        raise UnknownIdError(f"week {number!r}", rule, "choose one of test_weeks(site)")
    start, stop = weeks[number]
    return pd.Timestamp(start), pd.Timestamp(stop)


def _row(name: str, site: int) -> pd.Series:
    known = _checked(site)  # before anything is fetched
    table = pd.read_csv(shared_file(name), index_col="site_id")
    if known not in table.index:
        raise RawFileError(f"{name}: no site {site}", "must list every site", "report it")
    return table.loc[known]


def _checked(site: int) -> int:
    if isinstance(site, bool) or not isinstance(site, int) or site not in SITES:
        raise UnknownIdError(f"site {site!r}", "EMSx has the sites 1 to 70", "pass a whole number from 1 to 70")
    return site
