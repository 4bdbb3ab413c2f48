"""Newer months for a data set of one's own, where its source has an open interface.

One rule: what was there stays as it was: the new days become the split ``later``, and scores on the others stand.
"""

from __future__ import annotations

import datetime
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import yaml

from energy_gym.data.cards import Card
from energy_gym.data.catalogue import card
from energy_gym.data.exports.answers import Answers
from energy_gym.data.exports.export import Found, conversion
from energy_gym.data.exports.formats import read_export
from energy_gym.data.exports.interfaces import Interface, interface
from energy_gym.data.exports.tables import step_minutes
from energy_gym.errors import CardError, ConfigurationError, DownloadError, IrregularIndexError, MissingColumnError
from energy_gym.files import write_atomically

if TYPE_CHECKING:
    import pandas as pd

ASKED = "source.json"
LATER = "later"
RETRIES = 3


@dataclass(frozen=True)
class Refreshed:
    """What `refresh` added.

    Args:
        id: The data set.
        days: Local days that are new; 0 where there is nothing newer.
        last: Its last local day now [ISO date].
        interface: Who was asked.
    """

    id: str
    days: int
    last: str
    interface: str


def refresh(
    id: str,
    *,
    source: str | None = None,
    area: str | None = None,
    url: str | None = None,
    until: datetime.date | None = None,
) -> Refreshed:
    """Fetch the months after a data set's last day, and add their whole local days as the split ``later``.

    Args:
        id: A data set of one's own, as ``energy-gym data add`` makes it.
        source: Name of the interface; None: that of the format it was made of.
        area: What it is asked for; kept beside the card, so that it is said once.
        url: Where the interface lies, in place of its own address: a mirror.
        until: First local day that is not asked for; None: today.

    Raises:
        ConfigurationError: The data set is pinned, its source has no open interface, or the area was not said.
        UnknownIdError: No such data set or interface.
        DownloadError: A month could not be had; nothing has changed then.
        MissingColumnError: The interface lacks a column of the card.
        IrregularIndexError: Its steps are others than the card's.
    """
    import pandas as pd

    from energy_gym.data.loading import forget

    its = card(id)
    home = _home(its)
    asked = _asked(home / f"{id}.{ASKED}", source, area, url)
    found = interface(asked.get("interface"), its.attribution)
    if "area" not in asked:
        raise ConfigurationError(f"area of {id!r}", f"was not said: {found.areas}", "say --area ...")
    stop = pd.Timestamp(until).tz_localize(its.zone) if until else pd.Timestamp.now(its.zone).normalize()
    parts = [_month(its, found, asked, *span) for span in _months(its.span[1].tz_convert(its.zone), stop)]
    new = _whole_days(its, parts, stop)
    if len(new):
        _extend(its, home, new)
    _put(home / f"{id}.{ASKED}", json.dumps({**asked, "interface": found.name}, indent=1))
    forget()
    last = (card(id).span[1].tz_convert(its.zone) - pd.Timedelta(hours=1)).date()
    return Refreshed(id, len(set(new.index.tz_convert(its.zone).date)), last.isoformat(), found.name)


def _home(its: Card) -> Path:
    table = its.files[0].path if len(its.files) == 1 else ""
    if its.home is None or its.reader != "table" or table != f"{its.id}.csv":
        rule = "is pinned by the hashes of its files, so that its scores can be compared"
        raise ConfigurationError(f"data set {its.id!r}", rule, "make one of your own with energy-gym data add")
    return its.home


def _asked(path: Path, source: str | None, area: str | None, url: str | None) -> dict[str, str]:
    """Return what is asked for: what was said now, else what was said before."""
    kept: dict[str, str] = {}
    if path.is_file():
        told = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(told, Mapping):
            raise CardError(str(path), "is no mapping of interface, area and url", "remove it, and say --area again")
        kept = {str(key): str(value) for key, value in told.items()}
    said = {"interface": source, "area": area, "url": url}
    return kept | {key: value for key, value in said.items() if value is not None}


def _months(first: pd.Timestamp, stop: pd.Timestamp) -> Iterator[tuple[pd.Timestamp, pd.Timestamp]]:
    """Yield the first and the last day of each month between two local midnights, cut to what lies between them."""
    import pandas as pd

    while first < stop:
        after = min(first.normalize().replace(day=1) + pd.DateOffset(months=1), stop)
        yield first, after - pd.DateOffset(days=1)
        first = after


def _month(
    its: Card, found: Interface, asked: Mapping[str, str], first: pd.Timestamp, last: pd.Timestamp
) -> pd.DataFrame:
    """Return what an interface answers of a month, in the columns and units of the card."""
    import pandas as pd

    address = asked.get("url", found.base).rstrip("/") + found.path(asked["area"], first, last)
    with TemporaryDirectory() as folder:
        path = _downloaded(address, Path(folder))
        export = read_export(path, Answers({"currency": its.currency}))
    step = min((step_minutes(item.values.index) for item in export.series), default=0.0)
    if step != its.resolution_minutes:
        rule = f"has steps of {step:g} min from {first.date()} on, the data set {its.resolution_minutes}"
        raise IrregularIndexError(address, rule, "refresh it up to there with --until, and add the rest as another")
    columns = dict(_column(item, step / 60.0) for item in export.series if item.name is not None)
    lacking = [name for name in its.columns if name not in columns]
    if lacking:
        raise MissingColumnError(address, f"lacks {', '.join(lacking)} of {its.id!r}", "export the months by hand")
    single = {name: columns[name][~columns[name].index.duplicated(keep="last")] for name in its.columns}
    return pd.concat(single, axis=1).sort_index()


def _column(item: Found, hours: float) -> tuple[str, pd.Series]:
    factor, ending = conversion(item.title, str(item.unit), hours)
    return f"{item.name}{ending}", item.values * factor


def _downloaded(address: str, folder: Path) -> Path:
    import pooch

    pooch.get_logger().setLevel("WARNING")
    fetch = partial(pooch.retrieve, address, None, "answer", folder, downloader=pooch.HTTPDownloader(timeout=30))
    for attempt in range(RETRIES):
        try:
            return Path(fetch())
        except (OSError, ValueError) as error:
            response = getattr(error, "response", None)
            refused = response is not None and response.status_code < 500
            if response is not None:
                response.close()
            if refused or attempt == RETRIES - 1:
                rule = f"gave no usable answer ({type(error).__name__}: {error})"
                raise DownloadError(address, rule, "check the connection and the area, or try again later") from error
    raise AssertionError("unreachable")


def _whole_days(its: Card, parts: list[pd.DataFrame], stop: pd.Timestamp) -> pd.DataFrame:
    """Return the rows of the whole local days after the data set's last, up to the first that is not there whole."""
    import pandas as pd

    if not parts:
        return pd.DataFrame(columns=list(its.columns), index=pd.DatetimeIndex([], tz="UTC"))
    rows = pd.concat(parts)
    rows = rows[~rows.index.duplicated(keep="last")].sort_index().dropna(how="all").rename_axis("time")
    after = its.span[1].tz_convert(its.zone)
    step = pd.Timedelta(minutes=its.resolution_minutes)
    told = rows.index.max() + step if len(rows) else after
    end = min(stop, told.tz_convert(its.zone).normalize())
    return rows[(rows.index >= after) & (rows.index < end)]


def _extend(its: Card, home: Path, new: pd.DataFrame) -> None:
    """Add rows to the table and days to the card; the table's hash is the card's, so both are written or none."""
    import pandas as pd

    data, place = home / f"{its.id}.csv", home / f"{its.id}.yaml"
    old = data.read_bytes()
    text = new[list(its.columns)].rename_axis("time").to_csv(header=False, date_format="%Y-%m-%dT%H:%M:%SZ")
    whole = old + (b"" if old.endswith(b"\n") else b"\n") + text.encode()
    step = pd.Timedelta(minutes=its.resolution_minutes)
    end = (new.index.max() + step).tz_convert(its.zone).date()
    tree = yaml.safe_load(place.read_text(encoding="utf-8"))
    begun = tree["splits"].get(LATER, [tree["span"][1]])[0]
    tree["splits"][LATER] = [begun, end]
    # A copy: of one date twice YAML would write a reference.
    tree["span"] = [tree["span"][0], end.replace()]
    tree["files"] = {data.name: hashlib.sha256(whole).hexdigest()}
    write_atomically(data, lambda path: path.write_bytes(whole))
    try:
        _put(place, yaml.safe_dump(tree, sort_keys=False, allow_unicode=True))
    except OSError:
        write_atomically(data, lambda path: path.write_bytes(old))
        raise


def _put(path: Path, text: str) -> None:
    write_atomically(path, lambda target: target.write_text(text, encoding="utf-8"))
