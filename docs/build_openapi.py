"""Write docs/openapi.json: what the service answers, as it says itself; ``python docs/build_openapi.py``."""

from __future__ import annotations

import json
from pathlib import Path

from energy_gym.serve.api import create_app
from energy_gym.serve.service import Service
from energy_gym.serve.settings import SiteSettings, read_settings


def main() -> None:
    """Write the file."""
    service = Service(read_settings(database_url="sqlite://"), [SiteSettings(agent="idle")])
    told = json.dumps(create_app(service, runs=False).openapi(), indent=1)
    Path(__file__).with_name("openapi.json").write_text(told + "\n", encoding="utf-8")
    service.stop()


if __name__ == "__main__":
    main()
