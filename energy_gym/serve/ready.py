"""Commands of the running interval as they are sent: what is asked a thousand times a second is written once.

One rule: what is kept is what the address would answer now; where it would answer anything else, it is asked.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import BaseModel

    from energy_gym.serve.plan import Plan
    from energy_gym.serve.service import Service


class Ready:
    """Answers of the addresses that tell a site's command.

    Args:
        service: The service.
        tell: Returns the answer for a site, by its name.
    """

    def __init__(self, service: Service, tell: Callable[[str], BaseModel]) -> None:
        self.service, self.tell = service, tell
        self._sites = {f"/v1/sites/{name}/dispatch": name for name in service.sites}
        self._sites["/api/mpc/current_dispatch"] = service.first
        self._kept: dict[str, tuple[Plan, tuple[int, str | None], bytes]] = {}

    def body(self, path: str) -> bytes | None:
        """Return the JSON that an address answers now; None where it is none of these, or has no plan of its own."""
        name = self._sites.get(path)
        plan = None if name is None else self.service.sites[name].last
        if name is None or plan is None:
            return None
        interval = self.service.now().value // self.service.sites[name].step.value
        now, held = (interval, self.service.errors.get(name)), self._kept.get(name)
        if held is None or held[0] is not plan or held[1] != now:
            held = self._kept[name] = plan, now, self.tell(name).model_dump_json().encode()
        return held[2]
