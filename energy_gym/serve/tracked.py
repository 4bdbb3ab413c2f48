"""What a tracker is told of a site: a run for each local day that is over, and one for an agent that was renewed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from energy_gym.agents.registry import is_saved, load_agent
from energy_gym.tracking.packing import packed
from energy_gym.tracking.protocol import Tracked, finite
from energy_gym.version import __version__

if TYPE_CHECKING:
    from energy_gym.serve.learning import Renewal
    from energy_gym.serve.site import LiveSite


def tracked_days(site: LiveSite, days: Iterable[str]) -> list[Tracked]:
    """Return what is told of local days (ISO dates) that were reviewed.

    Args:
        site: The site.
        days: The days.
    """
    asked = set(days)
    rows = [row for row in site.commander.records.days(site.site.id) if row["day"] in asked]
    return [_day(site, row) for row in rows]


def _day(site: LiveSite, row: dict[str, Any]) -> Tracked:
    return Tracked(
        experiment=_experiment(site),
        name=row["day"],
        parameters={**_parameters(site), "day": row["day"]},
        figures=finite(row),
        files={"scenario.yaml": site.scenario.to_yaml().encode()},
        error=row.get("error"),
    )


def tracked_renewal(site: LiveSite, told: Renewal) -> Tracked:
    """Return what is told of a site's agent that learnt from the site's history; it is registered if it is used."""
    model, settings = None, dict[str, Any]()
    if told.replaced and is_saved(site.site.agent):
        env = site.history.environment(site.scenario, site.settings.horizon)
        kept = packed(load_agent(site.site.agent, env), env)
        settings = kept.settings
        # Other weeks are another task: who took the place of another has beaten it on these.
        model = kept.model(f"service.{site.site.id}", told.candidate, f"{told.days} days, {told.present!r}")
    figures = {"present": told.present, "candidate": told.candidate, "days": float(told.days)}
    parameters = {**_parameters(site), **settings, "replaced": told.replaced}
    files = {"scenario.yaml": site.scenario.to_yaml().encode()}
    return Tracked(_experiment(site), "renewal", parameters=parameters, figures=figures, files=files, model=model)


def _experiment(site: LiveSite) -> str:
    return f"service/{site.site.id}"


def _parameters(site: LiveSite) -> dict[str, Any]:
    own = {name: getattr(site.site, name) for name in ("agent", "fallback", "control", "data")}
    return {**own, "zone": site.history.zone, "version.energy-gym": __version__}
