"""``energy-gym experts from-service`` and ``renew``: what the service lived through, as something to learn from.

One rule: it reads the service's database and never commands anything.
"""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from energy_gym.cli.tracked import Track
from energy_gym.errors import MissingExtraError, UnknownIdError
from energy_gym.tracking.protocol import log_all, open_tracker

if TYPE_CHECKING:
    from collections.abc import Iterator

    from energy_gym.serve.site import LiveSite

_Config = Annotated[Path | None, typer.Option(help="YAML file of sites; default: the one of the settings")]
_Site = Annotated[str | None, typer.Option(help="Id of the site; default: the first")]


def from_service(
    config: _Config = None,
    site: _Site = None,
    since: Annotated[str, typer.Option(help="First local day, such as 2024-03-01")] = "1970-01-01",
    until: Annotated[str | None, typer.Option(help="First local day that is left out; default: today")] = None,
    out: Annotated[str | None, typer.Option(help="Name of the data set; default: energy-gym/service-SITE-v1")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a data set of that name")] = False,
) -> None:
    """Store days that a service lived through as expert data: what was done, and what the oracle would have done."""
    from energy_gym.agents.records.minari_folder import check_name
    from energy_gym.agents.records.minari_store import write_trajectories

    with _opened(config, site) as found:
        from energy_gym.serve.hindsight import days_of
        from energy_gym.serve.learning import recorded

        name = out or f"energy-gym/service-{found.site.id}-v1"
        check_name(name, force=force)
        days = days_of(found, since, until or _today(found))
        written = write_trajectories(recorded(found, days), name, force=force)
    Console().print(f"{written}: {len(days)} days", highlight=False, soft_wrap=True)


def renew(
    config: _Config = None,
    site: _Site = None,
    weeks: Annotated[int, typer.Option(help="Last weeks, held out to compare on", min=1)] = 4,
    budget: Annotated[int | None, typer.Option(help="Steps of learning; default: the agent's own")] = None,
    track: Track = None,
) -> None:
    """Let a site's saved agent learn from the site's own history, and use it if it is better on the last weeks."""
    tracker = None if track is None else open_tracker(track)
    with _opened(config, site) as found:
        from energy_gym.serve.learning import renewed
        from energy_gym.serve.tracked import tracked_renewal

        fitting = {} if budget is None else {"budget": budget}
        told = renewed(found, _today(found), weeks, **fitting)
        unit = found.history.currency
        log_all(tracker, [tracked_renewal(found, told)])
    verdict = "takes its place" if told.replaced else "is not used"
    earned = f"the present agent earns {told.present:,.2f} {unit}, the one that learnt {told.candidate:,.2f} {unit}"
    Console().print(f"{told.days} days: {earned}: it {verdict}", highlight=False, soft_wrap=True)


@contextmanager
def _opened(config: Path | None, name: str | None) -> Iterator[LiveSite]:
    """Yield a site with its database, and let go of both."""
    try:
        from energy_gym.serve.settings import read_settings, read_sites
        from energy_gym.serve.site_process import live_site
        from energy_gym.serve.store import Store
    except ImportError as error:
        raise MissingExtraError.of(str(error.name), "serve") from error
    settings, sites = read_settings(), {each.id: each for each in read_sites(config)}
    name = next(iter(sites)) if name is None else name
    if name not in sites:
        raise UnknownIdError.of("site", name, sites)
    store = Store(settings.database_url)
    site = live_site(settings, sites[name], store, here=False)
    try:
        yield site
    finally:
        site.close()
        store.close()


def _today(site: Any) -> str:
    import pandas as pd

    return str(pd.Timestamp.now(site.history.zone).strftime("%Y-%m-%d"))
